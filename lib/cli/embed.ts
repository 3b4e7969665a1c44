/**
 * `deno task embed` and `deno task probe`: any BERT over this vocabulary, on any songs, without training.
 * @module
 */
import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";
import { baselineRows } from "../probing/baselines.ts";
import type { Model } from "../bert/parameters.ts";
import { loadCheckpoint } from "../bert/checkpoint.ts";
import { buildCorpus } from "../corpus/build.ts";
import type { Corpus } from "../corpus/store.ts";
import { openCorpus } from "../corpus/store_reader.ts";
import { embedLayers } from "../probing/embed.ts";
import { tf } from "../engine/mod.ts";
import { writeFile } from "../base/files.ts";
import { createNpy } from "../matrix/npy.ts";
import { pieces, type RowSource, sliceRows } from "../matrix/rows.ts";
import { type OwnRow, parseLabels, probeOwn, type SplitBars } from "../probing/own_labels.ts";
import { exportParquet, vectors } from "../corpus/parquet.ts";
import type { Pooling } from "../bert/pooling.ts";
import { probeLayers } from "../probing/probe_layers.ts";
import { probeBars, probeTables } from "../study/probing_steps.ts";
import { exists } from "../base/python.ts";
import { type Preset, type Recipe, recipe, type RecipeChanges, type Scale } from "../recipe/recipe.ts";
import { resultColumns, toCsv, toResults, writeResults } from "../probing/results.ts";
import { meter } from "./tokenize.ts";
import { chordNames } from "../tokens/chords.ts";
import { tempoBins, vocabulary } from "../tokens/vocabulary.ts";

const shared =
  `  --encoder DIR    folder with model.safetensors and config.json: one of this project's (data/runs/NAME/models/…), or
                   any Hugging Face BERT over the same ${vocabulary.size} ids
  --data DATA      a store of bars, or a folder, .zip, .tar or .tar.gz of songs
  --pooling P      bar, notes or eob: a bar's embedding is the state of its Bar token, the mean of its notes', or the
                   state of <eob> (default: bar)
  --preset PRESET  sound or authors (default: sound)
  --scale SCALE    smoke, demo, small or base: batches, split and intervals, not the encoder (default: demo)
  --help           this text

Single fields of the recipe are changed by the variable RECIPE, as in RECIPE='{"seed":7}'.`;

/** How `deno task embed` is called. */
export const embedUsage =
  `deno task embed --encoder DIR --layer L --data DATA --out FILE [options]: writes the embedding of
every bar at one layer

  --layer L        0 (embeddings) … the encoder's depth
  --out FILE       x.npy, with song, bar and labels of its rows in x.csv; or x.parquet, which holds all of it
${shared}`;

/** How `deno task probe` is called. */
export const probeUsage =
  `deno task probe --encoder DIR --data DATA --out FOLDER [options]: probes every layer of an encoder,
also on songs it was never trained on, and writes results.jsonl, .csv and .parquet

  --out FOLDER     where the results go
  --labels FILE    a CSV file with the columns song, bar and label: one more task, in own.jsonl and own.csv
  --labels-are K   class or number, where the content says otherwise
  --workers N      layers probed at a time; 0 for none but this thread (default: one a core, at most four)
${shared}`;

/** What was asked for. */
export interface EncoderOptions {
  /** Whether the usage was asked for instead. */
  help: boolean;
  /** Folder of the encoder: `model.safetensors` and `config.json`, of this project or of any BERT over the same ids. */
  encoder: string;
  /** Folder of a store, or folder or archive of MIDI files. */
  data: string;
  /** Where the embeddings (a file) or the results (a folder) go. */
  out: string;
  /** How a bar's states become one embedding. */
  pooling: Pooling;
  /** How songs are read and probed. */
  recipe: Recipe;
  /** The layer to embed, 0 being the embedding output; `embed` needs it. */
  layer?: number;
  /** CSV file of labels of one's own, one more task of `probe`. */
  labels?: string;
  /** What those labels are, where their content says otherwise. */
  labelsAre?: "class" | "number";
  /** Layers probed at a time; 0 for none but this thread; one a core, at most four, where it is left out. */
  workers?: number;
}

/**
 * Reads the options of `deno task embed` or `probe`; paths are relative to `cwd`.
 *
 * @throws {TypeError} if there is an option that the command does not know, one is missing or wrong, with those it knows.
 */
export function encoderOptions(command: "embed" | "probe", args: string[], cwd: string): EncoderOptions {
  const usage = command === "embed" ? embedUsage : probeUsage;
  const wrong = (what: string) => new TypeError(`${what}\n\n${usage}`);
  const text = { type: "string" } as const, flag = { type: "boolean", default: false } as const;
  const both = { encoder: text, data: text, out: text, pooling: text, preset: text, scale: text, help: flag };
  const own: Record<string, typeof text> = command === "embed"
    ? { layer: text }
    : { labels: text, "labels-are": text, workers: text };
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({ args: args.filter((arg) => arg !== "--"), options: { ...both, ...own }, strict: true }).values;
  } catch (error) {
    throw wrong(`Expected the options below, found: ${error instanceof Error ? error.message : error}`);
  }
  const given = (name: string): string | undefined => values[name] as string | undefined;
  const needed = (name: string, what: string): string => {
    const value = given(name);
    if (value === undefined && !values.help) throw wrong(`--${name}: expected ${what}, found none.`);
    return resolve(cwd, value ?? ".");
  };
  const oneOf = <T extends string>(name: string, offered: readonly T[], value: string): T => {
    if (offered.includes(value as T)) return value as T;
    throw wrong(`--${name}: expected one of ${offered.join(", ")}, found ${value}.`);
  };
  const layer = given("layer"), labelsAre = given("labels-are"), labels = given("labels"), workers = given("workers");
  if (workers !== undefined && !/^\d+$/.test(workers)) throw wrong(`--workers: expected a number, found ${workers}.`);
  const out = needed("out", command === "embed" ? "a file x.npy or x.parquet" : "a folder");
  if (command === "embed" && !values.help) {
    if (layer === undefined || !/^\d+$/.test(layer)) {
      throw wrong(`--layer: expected a number, found ${layer ?? "none"}.`);
    }
    if (!/\.(npy|parquet)$/.test(out)) throw wrong(`--out: expected a file x.npy or x.parquet, found ${given("out")}.`);
  }
  if (labelsAre !== undefined && labels === undefined) {
    throw wrong("--labels-are: expected --labels as well, found none.");
  }
  const preset = oneOf<Preset>("preset", ["sound", "authors"], given("preset") ?? "sound");
  const scale = oneOf<Scale>("scale", ["smoke", "demo", "small", "base"], given("scale") ?? "demo");
  return {
    help: values.help === true,
    encoder: needed("encoder", "a folder with model.safetensors and config.json"),
    data: needed("data", "a store or songs"),
    out,
    pooling: oneOf<Pooling>("pooling", ["bar", "notes", "eob"], given("pooling") ?? "bar"),
    recipe: recipe(preset, scale, JSON.parse(Deno.env.get("RECIPE") || "{}") as RecipeChanges),
    ...layer === undefined ? {} : { layer: Number(layer) },
    ...workers === undefined ? {} : { workers: Number(workers) },
    ...labels === undefined ? {} : { labels: resolve(cwd, labels) },
    ...labelsAre === undefined ? {} : { labelsAre: oneOf("labels-are", ["class", "number"] as const, labelsAre) },
  };
}

/** Opens an encoder and checks that it fits the vocabulary and the bars. */
async function openEncoder(dir: string, { tokens }: Recipe): Promise<Model> {
  const model = await loadCheckpoint(dir), { vocabularySize, maxPositions } = model.config;
  const wrong = vocabularySize !== vocabulary.size
    ? `a vocabulary of ${vocabulary.size} ids, found ${vocabularySize}`
    : maxPositions < tokens.maxTokens
    ? `at least ${tokens.maxTokens} positions, found ${maxPositions}; cut bars by RECIPE='{"tokens":{"maxTokens":…}}'`
    : null;
  if (wrong === null) return model;
  model.weights.dispose();
  throw new RangeError(`${dir}: expected an encoder with ${wrong}.`);
}

/** Opens a store, or makes one of songs in a folder that is removed in the end; then calls `work`. */
async function withEncoder(
  { encoder, data, recipe }: EncoderOptions,
  work: (model: Model, corpus: Corpus, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  let model: Model | undefined, corpus: Corpus | undefined;
  try {
    model = await openEncoder(encoder, recipe);
    const isStore = exists(`${data}/manifest.json`);
    if (!isStore) await buildCorpus(data, `${folder}/store`, recipe, { onProgress: meter("songs") });
    corpus = await openCorpus(isStore ? data : `${folder}/store`);
    await work(model, corpus, folder);
  } finally {
    corpus?.close();
    if (model) tf.dispose(model.weights);
    await Deno.remove(folder, { recursive: true });
  }
}

const labelColumns = [
  ...["row", "song", "split", "bar", "chords", "groove", "instruments", "tempo"],
  ...["meanVelocity", "meanDuration", "meanDurationQuarters"],
] as const;

/** Song, bar and labels of every bar of a store as CSV; sets with spaces between their members. */
function barsAsCsv(corpus: Corpus): string {
  const rows = Array.from({ length: corpus.bars }, (_, bar) => {
    const { file, split } = corpus.songs[corpus.song(bar)],
      { chords, groove, instruments, tempoBin, ...rest } = corpus.labels(bar);
    const sets = {
      chords: chords.map((chord) => chordNames[chord]).join(" "),
      groove: groove.join(" "),
      instruments: instruments.join(" "),
    };
    return { row: bar, song: file, split, bar: corpus.barIndex(bar), ...sets, tempo: tempoBins[tempoBin], ...rest };
  });
  return toCsv(rows, labelColumns);
}

/** Rows of a source asked for in order, each read once. */
function inOrder(source: RowSource, columns: number): (row: number) => Float32Array {
  const parts = pieces(source, columns);
  let held = { first: 0, rows: 0, x: new Float32Array(0) };
  return (row) => {
    while (row >= held.first + held.rows) held = parts.next().value!;
    return held.x.subarray((row - held.first) * columns, (row - held.first + 1) * columns);
  };
}

/** Writes the embeddings of all bars at one layer; returns the process's exit code. */
export async function embedCommand(args: string[], cwd = Deno.env.get("INIT_CWD") ?? Deno.cwd()): Promise<number> {
  const asked = encoderOptions("embed", args, cwd), { out, pooling, recipe, layer } = asked;
  if (asked.help) {
    console.log(embedUsage);
    return 0;
  }
  await withEncoder(asked, async (model, corpus, folder) => {
    const bars = Array.from({ length: corpus.bars }, (_, bar) => bar), onProgress = meter("bars");
    const { columns, layers: [source] } = await embedLayers(model, corpus, bars, recipe, {
      ...{ poolings: [pooling], layers: [layer!], folder, onProgress },
    });
    await Deno.mkdir(resolve(out, ".."), { recursive: true });
    if (out.endsWith(".npy")) {
      const file = createNpy(out, bars.length, columns);
      try {
        for (const { x } of pieces(source, columns)) file.append(x);
        await writeFile(out.replace(/npy$/, "csv"), barsAsCsv(corpus));
        file.finish();
      } finally {
        file.abandon();
      }
    } else {
      const metadata = { encoder: basename(asked.encoder), layer: String(layer), pooling };
      await exportParquet(corpus, out, { more: [vectors("embedding", inOrder(source, columns))], metadata });
    }
    console.log(`${out}: ${bars.length} bars × ${columns}, layer ${layer}, pooling ${pooling}`);
  });
  return 0;
}

/** Probes every layer of an encoder; returns the process's exit code. */
export async function probeCommand(args: string[], cwd = Deno.env.get("INIT_CWD") ?? Deno.cwd()): Promise<number> {
  const asked = encoderOptions("probe", args, cwd), { out, pooling, recipe, labels, labelsAre, workers } = asked;
  if (asked.help) {
    console.log(probeUsage);
    return 0;
  }
  await withEncoder(asked, async (model, corpus, folder) => {
    // Before anything that takes long: labels are read, and bad ones told.
    const own = labels ? parseLabels(await Deno.readTextFile(labels), labels, corpus, labelsAre) : undefined;
    if (own) console.log(`${labels}: taken for ${own.why}`);
    const bars: SplitBars = {
      train: probeBars(corpus, "train", recipe),
      validation: probeBars(corpus, "validation", recipe),
      test: probeBars(corpus, "test", recipe),
    };
    const all = Int32Array.of(
      ...bars.train as Int32Array,
      ...bars.validation as Int32Array,
      ...bars.test as Int32Array,
    );
    const { columns, layers } = await embedLayers(model, corpus, all, recipe, {
      ...{ poolings: [pooling], folder, onProgress: meter("bars") },
    });
    const cut = (source: RowSource) => {
      const slice = (first: number, rows: number) => sliceRows(source, columns, first, rows);
      const { train, validation, test } = bars;
      return {
        columns,
        train: slice(0, train.length),
        validation: slice(train.length, validation.length),
        test: slice(train.length + validation.length, test.length),
      };
    };
    const tables = probeTables(corpus, recipe),
      named = { model: basename(asked.encoder), input: "trained", seed: recipe.seed } as const;
    const metaOf = (layer: number) => ({ ...named, layer, layers: "one" as const, pooling });
    const told = meter("layers");
    const found = await probeLayers(
      layers.map((source, layer) => ({
        meta: metaOf(layer),
        features: () => cut(source),
      })),
      tables,
      recipe,
      { workers, onDone: (done, total) => told(done, total) },
    );
    await writeResults(`${out}/results`, [...found, ...baselineRows(tables, recipe)]);
    if (own) {
      const rows: OwnRow[] = [];
      for (const [layer, source] of layers.entries()) {
        rows.push(...await probeOwn(cut(source), bars, corpus, own, recipe, metaOf(layer), basename(labels!)));
      }
      const results = toResults(rows as Parameters<typeof toResults>[0]);
      await writeFile(`${out}/own.jsonl`, results.map((result) => JSON.stringify(result) + "\n").join(""));
      await writeFile(`${out}/own.csv`, toCsv(results, resultColumns));
    }
    console.log(
      `${out}/results.csv: ${found.length} scores of ${layers.length} layers${own ? "; own.csv beside" : ""}`,
    );
  });
  return 0;
}
