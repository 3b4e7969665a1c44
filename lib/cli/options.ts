/**
 * Every task of the command line with its options, in one table: its usage is written from it, and its arguments are
 * read by it (`arguments.ts`). Nothing is imported, so that `--help` answers at once, also before the set-up.
 * @module
 */

/** An option; without `value` it is a flag. */
export interface Option {
  /** What it does. */
  text: string;
  /** What the usage calls its value. */
  value?: string;
  /** The values that it takes, where they are few. */
  of?: readonly string[];
  /** Makes it a whole number, of at least this. */
  from?: number;
  /** Makes it a path, relative to where the command is called. */
  path?: true;
  /** Its value where it is left out. */
  default?: string;
  /** What the command expects, if it cannot do without it. */
  needed?: string;
}

/** A command. */
export interface Command {
  /** Arguments without a name, as the usage shows them. */
  positionals?: string;
  /** How many of those there may be; none if left out. */
  most?: number;
  /** What it does. */
  text: string;
  /** Its options by name; `--help` comes by itself. */
  options: Record<string, Option>;
  /** What the usage ends with. */
  note?: string;
}

const recipeNote = "Single fields of the recipe are changed by the variable RECIPE, as in RECIPE='{\"seed\":7}'.";
const presets = ["sound", "authors"] as const;
const preset = {
  value: "PRESET",
  of: ["sound", "authors"],
  default: "sound",
  text: "the reading of the paper",
} as const;
const studyPreset = { value: "PRESET", of: presets, text: "the reading of the paper (default: sound)" } as const;
const scales = { value: "SCALE", of: ["smoke", "demo", "small", "base"] } as const;
const encoder = {
  value: "DIR",
  path: true,
  needed: "a folder with model.safetensors and config.json",
  text: "folder with model.safetensors and config.json: one of this project's (data/runs/NAME/models/…), or any " +
    "Hugging Face BERT over the same vocabulary",
} as const;
const encoderData = {
  value: "DATA",
  path: true,
  needed: "a store or songs",
  text: "a store of bars, or a folder, .zip, .tar or .tar.gz of songs",
} as const;
const pooling = {
  value: "P",
  of: ["bar", "notes", "eob"],
  default: "bar",
  text: "a bar's embedding is the state of its Bar token, the mean of its notes', or the state of <eob>",
} as const;
const encoderScale = { ...scales, default: "demo", text: "batches, split and intervals, not the encoder" } as const;

/** Every command with its options. */
export const commands = {
  report: {
    text: "runs the four notebooks and writes data/runs/NAME/report.html",
    options: {
      data: {
        value: "PATH",
        path: true,
        text: "folder, .zip, .tar or .tar.gz of MIDI files (default: the 66 songs in data/freedoom)",
      },
      scale: { ...scales, text: "size of the study (default: demo)" },
      preset: studyPreset,
      name: {
        value: "NAME",
        text: "the run's folder in data/runs (default: the scale, and what else is not the default)",
      },
      fresh: { text: "delete the run's folder first; without it, steps that are done are not done again" },
      page: { text: "only make the page again, from the run's executed notebooks" },
      pdf: { text: "write report.pdf as well, by Chromium or Chrome" },
    },
    note: recipeNote,
  },
  tokenize: {
    positionals: "SOURCE",
    most: Infinity,
    text: "reads every song of a folder, .zip, .tar or .tar.gz into a store of bars; stopped at any moment and " +
      "started again, it goes on",
    options: {
      out: { value: "DIR", path: true, needed: "the folder of the store", text: "folder of the store" },
      preset,
      scale: { ...scales, default: "base", text: "decides the shares of the split" },
      workers: { value: "N", from: 0, text: "workers (default: one a core)" },
      shard: { value: "I/N", text: "tokenize only this part, for --merge" },
      merge: { text: "join the folders named instead of SOURCE, which hold the shards 1/N … N/N" },
      replace: { text: "replace a store at DIR that is of other songs or another recipe" },
      verify: { text: "read every byte of the store at DIR and compare it with its manifest; alone, or after a build" },
      parquet: {
        value: "FILE",
        path: true,
        text: "write the store at DIR as one Parquet file too; alone, or after a build",
      },
    },
    note: recipeNote,
  },
  train: {
    text:
      "trains a model of a run and measures it; stopped (Ctrl-C, or in any other way) and started again, it goes on " +
      "where it was",
    options: {
      model: {
        value: "MODEL",
        of: ["bert", "aug", "neighbor", "dropout", "all"],
        needed: "the model to train",
        text: "one of the paper's models, or all of them",
      },
      scale: { ...scales, text: "size of the study (default: demo)" },
      preset: studyPreset,
      data: {
        value: "SOURCE",
        path: true,
        text: "folder or archive of MIDI files (default: the run's own, or data/freedoom)",
      },
      run: { value: "NAME", text: "the run's folder in data/runs (default: the scale)" },
    },
    note: `${recipeNote.replace('"seed":7', '"training":{"steps":400}')} The same run is opened in the notebooks by ` +
      "STUDY=NAME with the same SCALE, PRESET and RECIPE.",
  },
  embed: {
    text: "writes the embedding of every bar at one layer",
    options: {
      encoder,
      layer: { value: "L", from: 0, needed: "a number", text: "0 (embeddings) … the encoder's depth" },
      data: encoderData,
      out: {
        value: "FILE",
        path: true,
        needed: "a file x.npy or x.parquet",
        text: "x.npy, with song, bar and labels of its rows in x.csv; or x.parquet, which holds all of it",
      },
      pooling,
      preset,
      scale: encoderScale,
    },
    note: recipeNote,
  },
  probe: {
    text:
      "probes every layer of an encoder, also on songs it was never trained on, and writes results.jsonl, .csv and " +
      ".parquet",
    options: {
      encoder,
      data: encoderData,
      out: { value: "FOLDER", path: true, needed: "a folder", text: "where the results go" },
      labels: {
        value: "FILE",
        path: true,
        text: "a CSV file with the columns song, bar and label: one more task, in own.jsonl and own.csv",
      },
      "labels-are": {
        value: "K",
        of: ["class", "number"],
        text: "what the labels are, where the content says otherwise",
      },
      workers: {
        value: "N",
        from: 0,
        text: "layers probed at a time; 0 for none but this thread (default: one a core, at most four)",
      },
      pooling,
      preset,
      scale: encoderScale,
    },
    note: recipeNote,
  },
  pack: {
    positionals: "NAME",
    most: 1,
    text:
      "makes one checksummed file of the run folder data/runs/NAME; or verifies such a file, by --open, and makes the " +
      "run folder of it",
    options: {
      out: {
        value: "FILE",
        path: true,
        text: "where the packed run goes (default: data/runs/NAME.tar.gz); FILE.sha256 stands beside it",
      },
      open: { value: "FILE", path: true, text: "unpack this file; damaged ones are refused, with what is damaged" },
      name: { value: "NAME", text: "the unpacked run's name (default: the one it was packed under)" },
    },
  },
  digest: {
    positionals: "RUN...",
    most: Infinity,
    text:
      "writes what of runs may be published: the recipe, the training log, its curves, scores and figures; no weights " +
      "and no songs. RUN...: runs in data/runs; of several, the curves stand in one plot",
    options: {
      out: { value: "FOLDER", path: true, text: "where (default: data/studies/ and the first run's name)" },
      every: {
        value: "STEPS",
        from: 1,
        default: "10",
        text: "keep every so many steps of the log, besides those with a validation",
      },
    },
  },
  setup: { text: "sets up what is missing in .venv; report and test do it by themselves", options: {} },
  test: {
    text: "checks format, lint, types and docs, and runs unit tests, examples, and the notebooks at smoke scale",
    options: {},
  },
  fuzz: {
    positionals: "[N [SEED]]",
    most: 2,
    text: "reads and tokenizes N mutated songs (default: 10,000 of seed 1)",
    options: {},
  },
} as const satisfies Record<string, Command>;

/** A command's name. */
export type CommandName = keyof typeof commands;

type Options<C extends CommandName> = (typeof commands)[C]["options"];
type Given<O> = O extends { value: string }
  ? O extends { from: number } ? number : O extends { of: readonly (infer V)[] } ? V : string
  : boolean;
type Absent<O> = O extends { value: string } ? O extends { default: string } | { needed: string } ? never : undefined
  : never;

/** The values of a command's options, by name. */
export type Values<C extends CommandName> = { [K in keyof Options<C>]: Given<Options<C>[K]> | Absent<Options<C>[K]> };

/** A text in lines of at most 120 characters, all but the first after `indent` spaces. */
function wrapped(text: string, indent: number): string {
  const lines = [""], width = 120 - indent;
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}

/** How a command is called. */
export function usage(name: CommandName): string {
  const { positionals, text, options, note }: Command = commands[name];
  const shown = (option: string, value?: string) => `--${option}${value ? ` ${value}` : ""}`;
  const needed = Object.entries(options).flatMap(([option, { value, needed }]) => needed ? [shown(option, value)] : []);
  const head = ["deno task", name, ...needed, positionals, ...(Object.keys(options).length > 0 ? ["[options]"] : [])];
  const lines = Object.entries({ ...options, help: { text: "this text" } as Option }).map(([option, one]) => {
    const values = one.of ? `: ${one.of.slice(0, -1).join(", ")} or ${one.of.at(-1)}` : "";
    const left = one.default ? ` (default: ${one.default})` : "";
    return [`  ${shown(option, one.value)}`, `${one.text}${values}${left}`];
  });
  const indent = Math.max(...lines.map(([left]) => left.length)) + 2;
  return [
    wrapped(`${head.filter((word) => word !== undefined).join(" ")}: ${text}`, 0),
    lines.map(([left, right]) => left.padEnd(indent) + wrapped(right, indent)).join("\n"),
    ...(note ? [wrapped(note, 0)] : []),
  ].join("\n\n");
}
