/**
 * `deno task embed` and `deno task probe`: any BERT over this vocabulary, on any songs, without training.
 * @module
 */
import { basename, dirname } from "node:path";
import { baselineRows } from "../probing/baselines.ts";
import type { Model } from "../bert/parameters.ts";
import { loadCheckpoint } from "../bert/checkpoint.ts";
import { buildCorpus } from "../corpus/build.ts";
import { splits } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import { openCorpus } from "../corpus/store_reader.ts";
import { embedLayers } from "../probing/embed.ts";
import { tf } from "../engine/mod.ts";
import { csvTextOf } from "../base/csv.ts";
import { exists, readTextIfThere, temporaryFolder, writableFolder, writeFile } from "../base/files.ts";
import { createNpy } from "../matrix/npy.ts";
import { pieces, type RowSource } from "../matrix/rows.ts";
import { checkLabels, labelTable, type OwnRow, parseLabels, probeOwn } from "../probing/own_labels.ts";
import { exportParquet, vectors } from "../corpus/parquet.ts";
import { probeLayers } from "../probing/probe_layers.ts";
import { probeTables, stackedBars } from "../study/probe_bars.ts";
import { UserError } from "../base/user_error.ts";
import type { Preset, Recipe, Scale } from "../recipe/recipe.ts";
import { toCsv, writeResults } from "../probing/results.ts";
import { loadRecipe } from "../study/study.ts";
import type { Values } from "./options.ts";
import { readArguments, usageError } from "./arguments.ts";
import { stoppable } from "./stop.ts";
import { meter } from "./meter.ts";
import { chordNames } from "../tokens/chords.ts";
import { tempoBins, vocabulary } from "../tokens/vocabulary.ts";

/** The recipe of the options' preset and scale, changed by the variable RECIPE; a store brings its own choices. */
const recipeOf = ({ preset, scale, data }: { preset?: Preset; scale: Scale; data: string }) =>
  loadRecipe({}, { ...preset && { preset }, scale }, data);

/** The arguments of `deno task embed`, and their recipe; throws a {@link UsageError} where they are wrong. */
export function embedOptions(args: readonly string[], cwd?: string): Values<"embed"> & { recipe: Recipe } {
  const { values } = readArguments("embed", args, cwd);
  if (!/\.(npy|parquet)$/.test(values.out)) {
    throw usageError("embed", `--out: expected a file x.npy or x.parquet, found ${values.out}.`);
  }
  return { ...values, recipe: recipeOf(values) };
}

/** The arguments of `deno task probe`, and their recipe; throws a {@link UsageError} where they are wrong. */
export function probeOptions(args: readonly string[], cwd?: string): Values<"probe"> & { recipe: Recipe } {
  const { values } = readArguments("probe", args, cwd);
  if (values["labels-are"] !== undefined && values.labels === undefined) {
    throw usageError("probe", "--labels-are: expected --labels as well, found none.");
  }
  return { ...values, recipe: recipeOf(values) };
}

/** Opens an encoder over this vocabulary; tensors of the file that it does not have are listed. */
async function openEncoder(dir: string, layer: number): Promise<Model> {
  const { leftOut, ...model } = await loadCheckpoint(dir), { vocabularySize, layers } = model.config;
  if (leftOut.length > 0) {
    const more = leftOut.length > 8 ? ` and ${leftOut.length - 8} more` : "";
    console.log(`${dir}: the encoder is read; left out: ${leftOut.slice(0, 8).join(", ")}${more}`);
  }
  const wrong = vocabularySize !== vocabulary.size
    ? `${dir}: expected an encoder with a vocabulary of ${vocabulary.size} ids, found ${vocabularySize}.`
    : layer > layers
    ? `--layer: expected 0 (embeddings) … ${layers}, the depth of ${dir}, found ${layer}.`
    : undefined;
  if (wrong === undefined) return model;
  model.weights.dispose();
  throw new UserError(wrong);
}

/** Refuses songs whose bars could have more tokens than an encoder has positions. */
function checkPositions(dir: string, { config: { maxPositions } }: Model, { tokens }: Recipe): void {
  if (maxPositions >= tokens.maxTokens) return;
  throw new UserError(
    `${dir}: expected an encoder with at least ${tokens.maxTokens} positions, found ${maxPositions}. ` +
      `Cut longer bars: set RECIPE='{"tokens":{"maxTokens":${maxPositions}}}'.`,
  );
}

type Inputs = { encoder: string; data: string; recipe: Recipe; layer?: number; "follow-links": boolean };

/** An encoder, songs, a folder for temporary files, and what stops the work. */
type Opened = { model: Model; corpus: Corpus; folder: string; signal: AbortSignal };

/** Opens a store, or makes one of songs in a temporary folder, which is removed in the end; then calls `work`. */
function withEncoder(inputs: Inputs, work: (opened: Opened) => Promise<void>): Promise<number> {
  const { encoder, data, recipe, layer = 0, "follow-links": followLinks } = inputs;
  return stoppable(async (signal) => {
    const folder = await temporaryFolder();
    let model: Model | undefined, corpus: Corpus | undefined;
    try {
      model = await openEncoder(encoder, layer);
      const isStore = exists(`${data}/manifest.json`); // whose bars are checked before they are embedded
      if (!isStore) checkPositions(encoder, model, recipe);
      const options = { followLinks, signal, onProgress: meter("songs") };
      if (!isStore) await buildCorpus(data, `${folder}/store`, recipe, options);
      corpus = await openCorpus(isStore ? data : `${folder}/store`);
      await work({ model, corpus, folder, signal });
      return 0;
    } finally {
      corpus?.close();
      if (model) tf.dispose(model.weights);
      await Deno.remove(folder, { recursive: true });
    }
  });
}

const labelColumns = [
  ...["row", "song", "split", "bar", "chords", "groove", "instruments", "tempo"],
  ...["meanVelocity", "meanDuration", "meanDurationQuarters"],
] as const;

/** Song, bar and labels of every bar of a store as CSV; sets with spaces between their members. */
function barsAsCsv(corpus: Corpus): string {
  const rows = Array.from({ length: corpus.bars }, (_, bar) => {
    const { file, split } = corpus.songs[corpus.song(bar)];
    const { chords, groove, instruments, tempoBin, ...rest } = corpus.labels(bar);
    const names = chords.map((chord) => chordNames[chord]).join(" "), place = corpus.barIndex(bar);
    const sets = { chords: names, groove: groove.join(" "), instruments: instruments.join(" ") };
    return { row: bar, song: file, split, bar: place, ...sets, tempo: tempoBins[tempoBin], ...rest };
  });
  return toCsv(rows, labelColumns);
}

/** The rows of a source, which are fetched in ascending order; each piece is read once. */
function ascending(source: RowSource, columns: number): (row: number) => Float32Array {
  const all = pieces(source, columns);
  let piece = { first: 0, rows: 0, x: new Float32Array(0) };
  return (row) => {
    while (row >= piece.first + piece.rows) piece = all.next().value!;
    return piece.x.subarray((row - piece.first) * columns, (row - piece.first + 1) * columns);
  };
}

/** Refuses an output that cannot be written, or a table beside it that is somebody's own. */
async function checkEmbeddingFile(out: string): Promise<void> {
  await writableFolder(dirname(out));
  for (const path of [out, ...out.endsWith(".npy") ? [besides(out)] : []]) {
    if ((await Deno.stat(path).catch(() => undefined))?.isDirectory) {
      throw new UserError(`${path}: expected a file to write, found a folder.`);
    }
  }
  const there = out.endsWith(".npy") ? await readTextIfThere(besides(out)) : undefined;
  if (there === undefined || there.startsWith(`${labelColumns.join()}\r\n`)) return;
  throw new UserError(
    `${besides(out)}: expected no such file, or that of an earlier run, as the labels of ${basename(out)} go there; ` +
      "found another one. Choose another --out.",
  );
}

/** The table beside an array of embeddings. */
const besides = (out: string): string => out.replace(/npy$/, "csv");

/** Writes the embeddings of all bars at one layer; returns the process's exit code. */
export async function embedCommand(args: string[], cwd?: string): Promise<number> {
  const asked = embedOptions(args, cwd), { out, pooling, recipe, layer } = asked;
  await checkEmbeddingFile(out);
  return await withEncoder(asked, async ({ model, corpus, folder, signal }) => {
    const bars = Array.from({ length: corpus.bars }, (_, bar) => bar), onProgress = meter("bars");
    const wanted = { poolings: [pooling], layers: [layer], folder, signal, onProgress };
    const { columns, layers: [source] } = await embedLayers(model, corpus, bars, recipe, wanted);
    if (out.endsWith(".npy")) {
      const file = createNpy(out, bars.length, columns);
      try {
        for (const { x } of pieces(source, columns)) file.append(x);
        await writeFile(besides(out), barsAsCsv(corpus));
        file.finish();
      } finally {
        file.abandon();
      }
    } else {
      const metadata = { encoder: basename(asked.encoder), layer: String(layer), pooling };
      await exportParquet(corpus, out, { signal, more: [vectors("embedding", ascending(source, columns))], metadata });
    }
    console.log(`${out}: ${bars.length} bars × ${columns}, layer ${layer}, pooling ${pooling}`);
  });
}

/** The text of a file of labels, which has their columns. */
async function labelsText(path: string): Promise<string> {
  try {
    const text = csvTextOf(await Deno.readFile(path), path);
    labelTable(text, path);
    return text;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: expected a CSV file of labels, found none to read: ${(error as Error).message}.`);
  }
}

/** Probes every layer of an encoder; returns the process's exit code. */
export async function probeCommand(args: string[], cwd?: string): Promise<number> {
  const asked = probeOptions(args, cwd), { encoder, out, pooling, recipe, labels, workers } = asked;
  await writableFolder(out);
  const replaced = /^(own|results)\.(csv|jsonl|parquet)$/;
  if (labels !== undefined && dirname(labels) === out && replaced.test(basename(labels))) {
    throw new UserError(`${labels}: expected labels that the results do not replace, found them in ${out}; move them.`);
  }
  const text = labels === undefined ? undefined : await labelsText(labels);
  return await withEncoder(asked, async ({ model, corpus, folder, signal }) => {
    const bars = stackedBars(corpus, recipe), file = labels ?? "";
    const empty = splits.filter((split) => bars.of[split].length === 0).join(" and ");
    if (empty !== "") {
      const found = `${corpus.songs.length} songs, none for ${empty}. Give more.`;
      throw new UserError(`${asked.data}: expected songs to train, validate and test probes on, found ${found}`);
    }
    const own = text === undefined ? undefined : parseLabels(text, file, corpus, asked["labels-are"]);
    const notes = own ? [`taken for ${own.why}`, ...checkLabels(own, file, bars.of, corpus)] : [];
    for (const note of notes) console.log(`${file}: ${note}`);
    const wanted = { poolings: [pooling], folder, signal, onProgress: meter("bars") };
    const { columns, layers } = await embedLayers(model, corpus, bars.all, recipe, wanted);
    const tables = probeTables(corpus, recipe);
    const metaOf = (layer: number) =>
      ({ model: basename(encoder), input: "trained", seed: recipe.seed, layer, layers: "one", pooling }) as const;
    const cut = (source: RowSource) => bars.cut(source, columns);
    const jobs = layers.map((source, layer) => ({ meta: metaOf(layer), features: () => cut(source) }));
    const rows = await probeLayers(jobs, tables, recipe, { workers, signal, onDone: meter("layers") });
    const ownRows: OwnRow[] = [];
    for (const [layer, source] of own ? layers.entries() : []) {
      signal.throwIfAborted();
      ownRows.push(...await probeOwn(cut(source), bars.of, corpus, own!, recipe, metaOf(layer), basename(file)));
    }
    await writeResults(`${out}/results`, [...rows, ...baselineRows(tables, recipe)]);
    if (own) await writeResults(`${out}/own`, ownRows);
    const beside = own ? "; own.csv beside" : "";
    console.log(`${out}/results.csv: ${rows.length} scores of ${layers.length} layers${beside}`);
  });
}
