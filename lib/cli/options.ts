/**
 * Every task of the command line with its options, in one table: its usage is written from it, and its arguments are
 * read by it (`arguments.ts`). Nothing is imported, so that `--help` answers at once, also before the set-up.
 * @module
 */

/**
 * An option: what it does, and what the usage calls its value; without `value` it is a flag. `of` lists the values that
 * it takes, `from` makes it a whole number of at least this, `path` a path relative to where the command is called.
 */
export type Option = {
  text: string;
  value?: string;
  of?: readonly string[];
  from?: number;
  path?: true;
  default?: string;
  needed?: true;
};

/** A command: its arguments without a name as the usage shows them, how many at `most`, and how the usage ends. */
export type Command = {
  positionals?: string;
  most?: number;
  text: string;
  options: Record<string, Option>;
  note?: string;
};

const flag = (text: string) => ({ text });
const named = (value: string, text: string) => ({ value, text });
const path = (value: string, text: string) => ({ value, text, path: true as const });
const whole = (value: string, from: number, text: string) => ({ value, from, text });
const oneOf = <const V extends readonly string[]>(value: string, of: V, text: string) => ({ value, of, text });
const needed = <O>(option: O) => ({ ...option, needed: true as const });
const withDefault = <O>(value: string, option: O) => ({ ...option, default: value });

const note = "Single fields of the recipe are changed by the variable RECIPE, as in RECIPE='{\"seed\":7}'.";
const preset = oneOf("PRESET", ["sound", "authors"], "the reading of the paper");
const scale = (text: string) => oneOf("SCALE", ["smoke", "demo", "small", "base"], text);
const followLinks = {
  "follow-links": flag("follow links below the songs; without it, a link is left out with a line"),
};
const study = {
  scale: scale("size of the study (default: the run's own, or demo)"),
  preset: { ...preset, text: "the reading of the paper (default: the run's own, or sound)" },
  ...followLinks,
};
const songs = path("DATA", "a store of bars, or a folder, .zip, .tar or .tar.gz of songs");
const encoder = {
  encoder: needed(path(
    "DIR",
    "folder with model.safetensors and config.json: one of this project's (data/runs/NAME/models/…), or any Hugging " +
      "Face BERT over the same vocabulary",
  )),
  data: needed(songs),
  ...followLinks,
};
const together = {
  workers: withDefault(
    "1",
    whole(
      "N",
      1,
      "processes that train one model together on CPUs, each with a part of every batch; alone, it starts all",
    ),
  ),
  worker: whole(
    "I",
    0,
    "which of the workers this process is, from 0, whose output is the training's; needs --hosts",
  ),
  hosts: named(
    "LIST",
    "the workers' addresses in order, host:port with commas, the same for all. Each listens at its own. Who reaches one " +
      "can change the training: use a network that you trust",
  ),
};
const encoderChoices = {
  pooling: withDefault(
    "bar",
    oneOf("P", ["bar", "notes", "eob"], "a bar's embedding: the state of its Bar token, its notes' mean, or <eob>'s"),
  ),
  preset: { ...preset, text: "the reading of the paper (default: a store's own, or sound)" },
  scale: withDefault("demo", scale("batches, split and intervals, not the encoder")),
};
const seeded = { positionals: "[N [SEED]]", most: 2, options: {} };

/** Every command with its options. */
export const commands = {
  report: {
    text: "runs the four notebooks and writes data/runs/NAME/report.html",
    options: {
      data: path(
        "PATH",
        "a store, or a folder, .zip, .tar or .tar.gz of MIDI files (default: the 66 songs in data/freedoom)",
      ),
      ...study,
      name: named("NAME", "the run's folder in data/runs (default: the scale, and what else is not the default)"),
      fresh: flag("delete the run's folder first; without it, steps that are done are not done again"),
      page: flag("only make the page again, from the run's executed notebooks"),
      pdf: flag("write report.pdf as well, by Chromium or Chrome"),
    },
    note,
  },
  tokenize: {
    positionals: "SOURCE",
    most: Infinity,
    text: "reads every song of a folder, .zip, .tar or .tar.gz into a store of bars; stopped at any moment and " +
      "started again, it goes on",
    options: {
      out: needed(path("DIR", "folder of the store")),
      preset: withDefault("sound", preset),
      scale: withDefault("base", scale("decides the shares of the split")),
      workers: whole("N", 0, "workers (default: one a core)"),
      shard: named("I/N", "tokenize only this part, for --merge"),
      merge: flag("join the folders named instead of SOURCE, which hold the shards 1/N … N/N"),
      ...followLinks,
      replace: flag("replace a store at DIR that is of other songs or another recipe"),
      verify: flag("compare every byte of the store at DIR with its manifest; alone, or after a build"),
      parquet: path("FILE", "write the store at DIR as one Parquet file too; alone, or after a build"),
    },
    note,
  },
  train: {
    text: "trains a model of a run and measures it; stopped (Ctrl-C, or in any other way) and started again, it goes " +
      "on where it was",
    options: {
      model: needed(
        oneOf("MODEL", ["bert", "aug", "neighbor", "dropout", "all"], "one of the paper's models, or all of them"),
      ),
      ...study,
      data: path("SOURCE", "a store, or a folder or archive of MIDI files (default: the run's own, or data/freedoom)"),
      run: named("NAME", "the run's folder in data/runs (default: the scale)"),
      jobs: whole(
        "N",
        1,
        "of several models, as many to train at a time (default: one a core where that is quicker), each in a process of " +
          "its own with a log in data/runs/NAME/log",
      ),
      ...together,
      attached: flag("stop when the standard input ends, as it does when the process that began this one dies"),
    },
    note: note.replace('"seed":7', '"training":{"steps":400}') +
      " The same run is opened in the notebooks by STUDY=NAME.",
  },
  study: {
    text: "does a whole study as jobs that need each other, several at a time, each in a process of its own with a " +
      "log in data/runs/NAME/log; stopped (Ctrl-C, or in any other way) and started again, it goes on",
    options: {
      ...study,
      data: path("SOURCE", "a store, or a folder or archive of MIDI files (default: the run's own, or data/freedoom)"),
      run: named("NAME", "the run's folder in data/runs (default: the scale)"),
      seeds: whole("N", 1, "trainings of each model (default: the run's own, or the scale's)"),
      shards: whole(
        "N",
        1,
        "parts in which songs are tokenized, each a job, for several machines (default: the run's own, or 1); results do " +
          "not depend on it",
      ),
      models: withDefault(
        "all",
        named(
          "LIST",
          "all, or some of bert, aug, neighbor, dropout with commas, without what needs all: results, page",
        ),
      ),
      on: withDefault(
        "local",
        named(
          "PLACE",
          "where jobs run: local (processes of this machine), ray (a cluster of Ray on this machine), ray://HOST:PORT (one " +
            "that is there), slurm",
        ),
      ),
      jobs: whole("N", 1, "jobs at a time (default: one a core where that is quicker, as many as fit into memory)"),
      threads: whole(
        "N",
        1,
        "threads of a job (default: the cores, shared out); weights depend on it in the last digit",
      ),
      "train-workers": withDefault(
        "1",
        whole(
          "N",
          1,
          "workers that do each training together on CPUs, each with --threads and a part of every batch; losses depend on " +
            "it in the last digits. They reach each other by the network, which must be one that you trust",
        ),
      ),
      template: path(
        "FILE",
        "with --on slurm: the batch script to fill in (default: the run's slurm/template.sh, at first a copy of " +
          "lib/cli/jobs/slurm/template.sh)",
      ),
      "no-page": flag("leave out the notebooks and their page, which need Jupyter"),
      "dry-run": flag("only print the jobs: which are done, what each needs, its command; with --on slurm its scripts"),
    },
    note,
  },
  job: {
    positionals: "JOB",
    most: 1,
    text:
      "does one job of a study, which `deno task study --dry-run` lists; several may run at a time, also on other " +
      "machines that see the run's folder",
    options: {
      run: needed(named("NAME", "the run's folder in data/runs")),
      threads: whole(
        "N",
        1,
        "threads to compute with, each worker (default: one a core, or TF_NUM_INTRAOP_THREADS; shared out)",
      ),
      ...together,
      hosts: { ...together.hosts, text: `${together.hosts.text}. Or slurm: as srun tells, --worker too` },
      attached: flag("stop when the standard input ends, as it does when the process that began this one dies"),
    },
  },
  embed: {
    text: "writes the embedding of every bar at one layer",
    options: {
      ...encoder,
      layer: needed(whole("L", 0, "0 (embeddings) … the encoder's depth")),
      out: needed(
        path("FILE", "x.npy, with song, bar and labels of its rows in x.csv; or x.parquet, which holds all of it"),
      ),
      ...encoderChoices,
    },
    note,
  },
  bars: {
    text:
      "writes the bars of songs for other programs: each as a small MIDI file, all as bars.parquet (notes, tokens, " +
      "labels, song, split, and the bars before and after), and embed.py, which embeds them by a model of Hugging Face",
    options: {
      data: songs,
      concepts: flag("in place of songs, the composed bars of concepts of known truth"),
      ...followLinks,
      out: needed(
        path("DIR", "a new folder, or one of bars, which is replaced; with a store of the songs beside them"),
      ),
      probed: flag("only the bars that `task probe` takes, at the same scale"),
      "no-midi": flag("the Parquet file alone"),
      preset: encoderChoices.preset,
      scale: encoderChoices.scale,
    },
    note,
  },
  probe: {
    positionals: "[FILE...]",
    most: Infinity,
    text:
      "probes every layer of an encoder, also on songs it was never trained on, and of models whose embeddings other " +
      "programs wrote, side by side; writes results.jsonl, .csv and .parquet, tables.md and drawings",
    options: {
      encoder: { ...encoder.encoder, needed: undefined },
      data: songs,
      concepts: flag(
        "in place of songs, concepts of known truth: chords, modes, intervals, rhythms and others in composed bars, read " +
          "for combinations that no probe saw; writes concepts.jsonl, .csv, .md and a drawing",
      ),
      ...followLinks,
      embeddings: path(
        "FILE",
        "x.parquet (columns song, bar, layer, vector), x.npy or x.safetensors with x.csv (song, bar): a model's embeddings " +
          "of the bars that `task bars` wrote; further files may follow",
      ),
      out: needed(path("FOLDER", "where the results go")),
      labels: path("FILE", "a CSV file with the columns song, bar and label: one more task, in own.jsonl and own.csv"),
      "labels-are": oneOf("K", ["class", "number"], "what the labels are, where the content says otherwise"),
      workers: whole("N", 0, "layers probed at a time; 0 for none but this thread (default: one a core, at most four)"),
      ...encoderChoices,
    },
    note,
  },
  pack: {
    positionals: "NAME",
    most: 1,
    text:
      "makes one checksummed file of the run folder data/runs/NAME; or verifies such a file, by --open, and makes " +
      "the run folder of it",
    options: {
      out: path("FILE", "where the packed run goes (default: data/runs/NAME.tar.gz); FILE.sha256 stands beside it"),
      open: path("FILE", "unpack this file; damaged ones are refused, with what is damaged"),
      name: named("NAME", "the unpacked run's name (default: the one it was packed under)"),
    },
  },
  digest: {
    positionals: "RUN|FOLDER...",
    most: Infinity,
    text:
      "writes what of a study may be published: results that make its tables, figures and verdicts anew, figures and " +
      "a README; no weights and no songs. Several runs in data/runs, or folders of results, are parts of one study " +
      "(other models, seeds or machines) and become one",
    options: {
      out: path("FOLDER", "where (default: data/studies/ and the first run's name; of one folder: itself)"),
      page: path("FILE", "writes the study as one page for readers, too, which opens offline"),
    },
  },
  setup: {
    text: "sets up what is missing in .venv; report and test do it by themselves",
    options: {
      engine: withDefault(
        "auto",
        oneOf("ENGINE", ["auto", "xla"], "xla fetches XLA's plug-in for the CPU, too; auto only a GPU's, where one is"),
      ),
      on: withDefault(
        "local",
        oneOf("PLACE", ["local", "ray"], "ray fetches Ray, too, into .venv-ray; task study --on ray does so by itself"),
      ),
    },
  },
  test: {
    text: "checks format, lint, types and docs, and runs unit tests, examples, and the notebooks at smoke scale",
    options: {},
  },
  fuzz: { ...seeded, text: "reads and tokenizes N mutated songs (default: 10,000 of seed 1)" },
  breakages: {
    ...seeded,
    text: "breaks N places in lib, one at a time, and names those that no test notices (default: 20 of seed 1)",
  },
  bench: {
    positionals: "[FOLDER]",
    most: 1,
    text: "times MIDI to tokens and labels beside pretty_midi and MidiTok, on the .mid files of a folder (default: " +
      "data/freedoom), and on hostile files",
    options: {
      limit: withDefault("1000", whole("N", 1, "most files")),
      "no-peers": flag("our reader alone"),
      hostile: named("NAME", "one hostile file in this process"),
      preset: withDefault("sound", preset),
    },
  },
  "bench-train": {
    text: "times training steps beside Hugging Face's BERT in PyTorch: time, share of the matrix rate, memory",
    options: {
      shapes: withDefault(
        "256x4x32x64,256x6x24x224,768x12x24x224",
        named("LIST", "width x layers x rows x length, …"),
      ),
      precision: withDefault("float32,bfloat16", named("LIST", "float32, bfloat16")),
      rounds: withDefault("5", whole("N", 1, "rounds whose median counts")),
      steps: withDefault("4", whole("N", 1, "steps of a round")),
      compile: flag("PyTorch's model compiled, too"),
      epoch: whole("BARS", 1, "time of an epoch over so many bars"),
      variants: flag("the paper's four models"),
    },
  },
  "bench-race": {
    text: "trains BERT at scale small and tells the minutes to an accuracy on 5,000 fixed validation bars",
    options: {
      data: needed(path("STORE", "a store that task tokenize built by the preset sound")),
      out: needed(path("DIR", "folder of the models and of race.jsonl, a line for each validation")),
      name: needed(named("NAME", "the run's name")),
      to: withDefault("541", whole("N", 1, "thousandths of masked tokens that are to be guessed")),
      stop: withDefault("0", whole("STEP", 0, "end after this step, to measure the pace alone; 0 for all")),
    },
    note,
  },
} satisfies Record<string, Command>;

/** A command's name. */
export type CommandName = keyof typeof commands;

type Options<C extends CommandName> = (typeof commands)[C]["options"];
type Given<O> = O extends { value: string }
  ? O extends { from: number } ? number : O extends { of: readonly (infer V)[] } ? V : string
  : boolean;
type Absent<O> = O extends { value: string } ? O extends { default: string } | { needed: true } ? never : undefined
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
  const lines = Object.entries({ ...options, help: flag("this text") as Option }).map(([option, one]) => {
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
