/**
 * Embeddings from files, row by row beside the bars of a store: which bars all of them have, and their vectors in order.
 * @module
 */
import { bisect } from "../../base/bisect.ts";
import { UserError } from "../../base/user_error.ts";
import { type Split, splits } from "../../corpus/split.ts";
import type { Corpus } from "../../corpus/store.ts";
import { createNpy } from "../../matrix/npy.ts";
import { pieceBytes, type RowSink, rowsInMemory, type RowSource } from "../../matrix/rows.ts";
import { songFinder } from "../own_labels.ts";

/**
 * Some rows of a file: the song of each as the file names it, the bar's index in the song, the layer (null in files that
 * name none), and the vectors, none if they were not asked for.
 */
export type EmbeddingRows = {
  songs: ArrayLike<string>;
  bars: ArrayLike<number>;
  layers: ArrayLike<number | null>;
  vectors: ArrayLike<ArrayLike<number>>;
};

/** An open file of embeddings; its model has the file's name without the ending. `rows` reads it from the start. */
export type EmbeddingFile = {
  path: string;
  model: string;
  rows(wanted: { vectors: boolean }): AsyncGenerator<EmbeddingRows>;
};

/** A layer's vectors of the bars in order; `layer` is null in a file of one layer. */
export type GivenLayer = { layer: number | null; columns: number; source: RowSource };

/** A model's layers, ascending. */
export type GivenModel = { model: string; layers: GivenLayer[] };

/**
 * The bars that every file has at each of its layers, by split; the models, whose rows are those of training, validation
 * and test one after another; and a line for each file that says what it holds, what was left out, and what it lacks.
 */
export type Aligned = { bars: Record<Split, Int32Array>; models: GivenModel[]; notes: string[] };

/** What a file holds: for each layer 1 at the bars that have a vector; rows left out, by reason. */
type Contents = { has: Map<number | null, Uint8Array>; leftOut: Map<string, number>; rows: number };

const counted = (number: number): string => number.toLocaleString("en-US");

const unknownSong = "of songs that the store lacks";

/** Finds the bar of a store by its song's file or id and its index in the song, or says why it is not there. */
function barFinder(corpus: Corpus): (song: string, index: number) => number | string {
  const find = songFinder(corpus), known = new Map<string, ReturnType<typeof find>>();
  const indices = new Int32Array(corpus.bars), read = new Set<number>(); // a song's are read from the store once
  return (name, index) => {
    if (!known.has(name)) known.set(name, find(name));
    const song = known.get(name);
    if (song === undefined) return unknownSong;
    if (typeof song === "string") return `of songs that tokenizing left out (${song})`;
    const { firstBar, bars, allBars } = corpus.songs[song];
    if (!read.has(song)) { for (let i = firstBar; i < firstBar + bars; i++) indices[i] = corpus.barIndex(i); }
    read.add(song);
    const bar = firstBar + bisect(0, bars, (i) => indices[firstBar + i] >= index);
    if (bar < firstBar + bars && indices[bar] === index) return bar;
    return index < allBars ? "of bars with too few notes" : "of bars beyond their song's end";
  };
}

const layerName = (layer: number | null): string => layer === null ? "" : `, layer ${layer}`;

/** Reads which bars and layers a file has. */
async function readContents(
  { path, rows }: EmbeddingFile,
  corpus: Corpus,
  barOf: ReturnType<typeof barFinder>,
  signal?: AbortSignal,
): Promise<Contents> {
  const found: Contents = { has: new Map(), leftOut: new Map(), rows: 0 };
  for await (const { songs, bars, layers } of rows({ vectors: false })) {
    signal?.throwIfAborted();
    for (let i = 0; i < songs.length; i++, found.rows++) {
      const bar = barOf(songs[i], bars[i]), layer = layers[i];
      if (typeof bar === "string") {
        found.leftOut.set(bar, 1 + (found.leftOut.get(bar) ?? 0));
        continue;
      }
      const has = found.has.get(layer) ?? new Uint8Array(corpus.bars);
      if (has[bar] === 1) {
        throw new UserError(
          `${path}: expected one vector a bar and layer, found a second one of ${songs[i]}, bar ${bars[i]}` +
            `${layerName(layer)} (row ${found.rows}).`,
        );
      }
      has[bar] = 1;
      found.has.set(layer, has);
    }
  }
  if (found.has.size > 0) return found;
  const example = corpus.songs[0]?.file ?? "none";
  throw new UserError(
    `${path}: expected rows of the store's bars, found ${found.rows} rows, none of them (${
      reasons(found) || "empty"
    }). ` +
      `Name songs as the store does, such as ${example}.`,
  );
}

const reasons = ({ leftOut }: Contents): string =>
  [...leftOut].map(([reason, count]) => `${counted(count)} ${reason}`).join(", ");

/** Gathers vectors at their rows; neighbouring ones are written at once. */
function gatherer(sink: RowSink, columns: number): { put(row: number, x: Float32Array): void; finish(): RowSource } {
  const most = Math.max(1, Math.floor(2 ** 20 / columns)), buffer = new Float32Array(most * columns);
  let first = 0, held = 0;
  const flush = () => {
    if (held > 0) sink.put(first, buffer.subarray(0, held * columns));
    held = 0;
  };
  return {
    put(row, x) {
      if (held === most || row !== first + held) flush();
      if (held === 0) first = row;
      buffer.set(x, held++ * columns);
    },
    finish: () => (flush(), sink.finish()),
  };
}

/** Where vectors go: below `folder`, in files, once more than `memory` MiB of them would stay in memory. */
export type AlignOptions = {
  folder: string;
  memory: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
};

/** Makes sinks for so many rows each: in memory as long as they fit, then in files. */
function sinkMaker(rows: number, { folder, memory }: AlignOptions) {
  const sinks: RowSink[] = [];
  let taken = 0; // MiB
  return {
    make(name: string, columns: number, beside: number): RowSink {
      taken += 4 * rows * columns / 2 ** 20;
      const path = `${folder}/${name.replace(/[^\w.-]+/g, "-")}.npy`;
      const sink = taken > memory
        ? createNpy(path, rows, columns, { pieceBytes: pieceBytes(memory, 2 * beside) })
        : rowsInMemory(rows, columns);
      sinks.push(sink);
      return sink;
    },
    abandon: () => sinks.forEach((sink) => sink.abandon()),
  };
}

/**
 * A vector as float32, not copied if it is; a {@link UserError}, which begins with `where`, if it has another width or is
 * not finite.
 */
function checked(vector: ArrayLike<number>, columns: number | undefined, where: string): Float32Array {
  const x = vector instanceof Float32Array ? vector : Float32Array.from(vector),
    odd = x.findIndex((value) => !Number.isFinite(value));
  const refuse = (expected: string, found: string) => new UserError(`${where}: expected ${expected}, found ${found}.`);
  if (odd >= 0) throw refuse("finite numbers", `${vector[odd]} at place ${odd} of ${x.length}`);
  if (x.length === 0) throw refuse("a vector", "one without numbers");
  if (columns !== undefined && x.length !== columns) throw refuse(`${columns} numbers, as before`, String(x.length));
  return x;
}

/**
 * Reads a file's vectors of the bars that have a row.
 *
 * @param rowOf the row of a bar of the file, −1 if it has none
 */
async function readModel(
  { path, model, rows }: EmbeddingFile,
  depth: number,
  rowOf: (song: string, index: number) => number,
  sinks: ReturnType<typeof sinkMaker>,
  onRows: (count: number) => void,
): Promise<GivenModel> {
  const layers = new Map<number | null, { columns: number; gather: ReturnType<typeof gatherer> }>();
  for await (const part of rows({ vectors: true })) {
    for (let r = 0; r < part.songs.length; r++) {
      const row = rowOf(part.songs[r], part.bars[r]), layer = part.layers[r];
      if (row < 0) continue;
      const where = `${path}: ${part.songs[r]}, bar ${part.bars[r]}${layerName(layer)}`;
      const x = checked(part.vectors[r], layers.get(layer)?.columns, where), columns = x.length;
      if (!layers.has(layer)) {
        const gather = gatherer(sinks.make(`${model}-${layer ?? "all"}`, columns, depth), columns);
        layers.set(layer, { columns, gather });
      }
      layers.get(layer)!.gather.put(row, x);
    }
    onRows(part.songs.length);
  }
  const given = [...layers].map(([layer, { columns, gather }]) => ({ layer, columns, source: gather.finish() }));
  given.sort((a, b) => (a.layer ?? 0) - (b.layer ?? 0));
  return { model, layers: given.length === 1 ? [{ ...given[0], layer: null }] : given };
}

/** What a file holds, lacks and has beyond, in a line. */
function noteOf(
  { path }: EmbeddingFile,
  { layers }: GivenModel,
  contents: Contents,
  lacking: number,
  all: number,
): string {
  const widths = [...new Set(layers.map(({ columns }) => columns))].join(", ");
  const numbers = layers.flatMap(({ layer }) => layer ?? []);
  const what = numbers.length === 0 ? "one layer" : `${numbers.length} layers (${numbers[0]} … ${numbers.at(-1)})`;
  const without = contents.leftOut.size > 0 ? `; rows left out: ${reasons(contents)}` : "";
  return `${path}: ${what} of width ${widths}; ${counted(lacking)} of ${
    counted(all)
  } bars to probe are missing${without}`;
}

/**
 * Reads files of embeddings beside a store's bars, twice: first which bars they have, then the vectors of those that all
 * files have. A piece of a file is in memory at a time, and the vectors if they fit.
 *
 * @param wanted the bars to probe, by split
 * @throws {UserError} naming file, song and bar if a vector is not finite, has another width than its layer's others, or
 * stands there twice; if no bar is left in a split; or if two files have one name
 */
export async function alignEmbeddings(
  files: readonly EmbeddingFile[],
  corpus: Corpus,
  wanted: Record<Split, Int32Array>,
  options: AlignOptions,
): Promise<Aligned> {
  const twin = files.find(({ model }, i) => files.findIndex((other) => other.model === model) < i);
  if (twin) throw new UserError(`${twin.path}: expected files with names of their own, found ${twin.model} twice.`);
  const barOf = barFinder(corpus), { signal, onProgress } = options;
  const contents = await Array.fromAsync(files, (file) => readContents(file, corpus, barOf, signal));
  const hasAll = ({ has }: Contents, bar: number) => [...has.values()].every((of) => of[bar] === 1);
  const kept = (bar: number) => contents.every((of) => hasAll(of, bar));
  const [train, validation, test] = splits.map((split) => wanted[split].filter(kept));
  const bars = { train, validation, test }, total = train.length + validation.length + test.length;
  const count = (isCounted: (bar: number) => boolean) =>
    splits.reduce((sum, split) => sum + wanted[split].filter(isCounted).length, 0);
  const all = count(() => true), lacking = contents.map((of) => count((bar) => !hasAll(of, bar)));
  const empty = splits.filter((split) => bars[split].length === 0).join(" and ");
  if (empty !== "") {
    const lack = files.map(({ path }, i) => `${path} lacks ${counted(lacking[i])}`).join(", ");
    throw new UserError(
      `Embeddings: expected bars to train, validate and test probes on, found none for ${empty}; of ` +
        `${counted(all)} bars to probe ${lack}.`,
    );
  }
  const places = new Int32Array(corpus.bars).fill(-1);
  [train, validation, test].reduce((first, own) => {
    own.forEach((bar, i) => places[bar] = first + i);
    return first + own.length;
  }, 0);
  const rowOf = (song: string, index: number) => {
    const bar = barOf(song, index);
    return typeof bar === "number" ? places[bar] : -1;
  };
  const sinks = sinkMaker(total, options), toRead = contents.reduce((sum, { rows }) => sum + rows, 0);
  let done = 0;
  const onRows = (count: number) => {
    signal?.throwIfAborted();
    onProgress?.(done += count, toRead);
  };
  try {
    const models = await Array.fromAsync(
      files,
      (file, i) => readModel(file, contents[i].has.size, rowOf, sinks, onRows),
    );
    const notes = files.map((file, i) => noteOf(file, models[i], contents[i], lacking[i], all));
    if (total < all) notes.push(`${counted(total)} bars, which all have, are probed.`);
    return { bars, models, notes };
  } catch (error) {
    sinks.abandon();
    throw error;
  }
}
