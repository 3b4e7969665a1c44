/**
 * An encoder's bar embeddings at every layer.
 * @module
 */
import { padRows, rowsOf } from "../training/batches.ts";
import type { Model } from "../bert/parameters.ts";
import type { Corpus } from "../corpus/store.ts";
import { CheckpointError } from "../bert/hugging_face.ts";
import { encodePooled, type Pooling } from "../bert/pooling.ts";
import { UserError } from "../base/user_error.ts";
import { lengthStep } from "../engine/mod.ts";
import type { Precision } from "../engine/ops.ts";
import { exists } from "../base/files.ts";
import { createNpy, openNpy } from "../matrix/npy.ts";
import { pieceBytes, readRows, type RowSink, rowsInMemory, type RowSource, type StoredRows } from "../matrix/rows.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** A bar as a person finds it. */
const nameOf = ({ songs, song, barIndex }: Corpus, bar: number) => `${songs[song(bar)].file}, bar ${barIndex(bar)}`;

/**
 * Bars in batches of similar lengths, longest first: a batch is padded to its longest bar's multiple of
 * `recipe.probing.padTo`, but not beyond the encoder's positions. Only the last batch may have fewer bars than rows.
 *
 * @throws {UserError} if a bar has more tokens than the encoder has positions
 */
export function embeddingPlans(
  corpus: Corpus,
  bars: readonly number[],
  { probing, training }: Recipe,
  maxPositions: number,
): { length: number; bars: number[] }[] {
  const sorted = bars.map((bar) => ({ bar, tokens: corpus.tokens(bar).length })).sort((a, b) => b.tokens - a.tokens);
  const { bar, tokens: longest } = sorted[0] ?? { tokens: 0 };
  if (longest > maxPositions) {
    throw new UserError(
      `${nameOf(corpus, bar)}: expected at most ${maxPositions} tokens, the encoder's positions, found ${longest}. ` +
        `Make the store anew with RECIPE='{"tokens":{"maxTokens":${maxPositions}}}'.`,
    );
  }
  const plans: { length: number; bars: number[] }[] = [], step = Math.max(probing.padTo, lengthStep);
  for (let first = 0; first < sorted.length;) {
    const { tokens } = sorted[first], padded = Math.ceil(tokens / step) * step;
    const length = Math.max(tokens, Math.min(padded, training.buckets.at(-1)!, maxPositions));
    const part = sorted.slice(first, first + rowsOf(length, training));
    plans.push({ length, bars: part.map(({ bar }) => bar) });
    first += part.length;
  }
  return plans;
}

/** An encoder's failure with the name of the first bar of a batch that fails alone; any other error as it is. */
async function named(error: unknown, model: Model, corpus: Corpus, batch: readonly number[]): Promise<unknown> {
  if (!(error instanceof CheckpointError)) return error;
  for (const bar of batch) {
    const tokens = corpus.tokens(bar), alone = padRows([tokens], tokens.length);
    const fails = await encodePooled(model, alone, [tokens.length], ["bar"]).then(() => false, () => true);
    if (fails) return new CheckpointError(`${nameOf(corpus, bar)}: ${error.message}`, { cause: error });
  }
  return error;
}

/**
 * Choices of {@link embedLayers}: how a bar's states become one embedding, by default the state of its Bar token; the
 * element type of the encoder's products, by default float32; only these layers, in this order; a folder, made if need
 * be, for `bar-0.npy` and so on where embeddings do not fit the recipe's memory (without one they stay there). With
 * `keep` the folder gets these files in any case, and bars whose files are all there do not pass the encoder again; the
 * caller answers for their being of this encoder and these bars. `signal` rejects the promise; `onProgress` is called
 * after each batch.
 */
export type EmbedOptions = {
  poolings?: readonly Pooling[];
  precision?: Precision;
  layers?: readonly number[];
  folder?: string;
  keep?: boolean;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
};

/** MiB that the embeddings of bars take, by default at all layers, in so many poolings. */
export const embeddingMemory = (
  config: Model["config"],
  bars: number,
  { poolings = 1, layers = config.layers + 1 } = {},
): number => 4 * bars * config.hidden * layers * poolings / 2 ** 20;

/** Gathers rows in memory, and writes them to a file, too, once they are complete. */
function rowsInBoth(path: string, rows: number, columns: number): RowSink {
  const sink = rowsInMemory(rows, columns);
  const finish = () => {
    const all = sink.finish() as Float32Array, file = createNpy(path, rows, columns);
    file.append(all);
    file.finish();
    return all;
  };
  return { ...sink, finish };
}

/** The rows of a file that was kept, none if it is not there or has another shape. */
function keptRows(path: string, rows: number, columns: number, options: { pieceBytes: number }): StoredRows[] {
  if (!exists(path)) return [];
  const { offset, shape } = openNpy(path), isWhole = shape.length === 2 && shape[0] === rows && shape[1] === columns;
  return isWhole ? [{ path, offset, first: 0, rows, columns, ...options }] : [];
}

/** Embeds bars batch by batch into a sink for each pooling and wanted layer. */
async function embedInto(
  sinks: readonly (readonly RowSink[])[],
  { model, corpus, bars, recipe }: { model: Model; corpus: Corpus; bars: ArrayLike<number>; recipe: Recipe },
  { poolings, precision, layers, signal, onProgress }:
    & Required<Pick<EmbedOptions, "poolings" | "layers">>
    & EmbedOptions,
): Promise<void> {
  const { hidden: columns, maxPositions } = model.config;
  const alike = Map.groupBy(Array.from(bars).keys(), (row) => corpus.tokens(bars[row]).join()).values();
  const distinct = new Map(Array.from(alike, (rows) => [bars[rows[0]], rows])); // the first of each with all its rows
  let done = 0;
  for (const { length, bars: batch } of embeddingPlans(corpus, [...distinct.keys()], recipe, maxPositions)) {
    signal?.throwIfAborted();
    const size = rowsOf(length, recipe.training), tokens = batch.map(corpus.tokens);
    while (tokens.length < size) tokens.push(tokens[0]); // the last batch keeps its traced shape
    const states = await encodePooled(model, padRows(tokens, length), tokens.map((t) => t.length), poolings, precision)
      .catch(async (error) => Promise.reject(await named(error, model, corpus, batch)));
    batch.forEach((bar, i) => {
      const rows = distinct.get(bar)!;
      layers.forEach((layer, l) =>
        states.forEach((state, p) => {
          const at = (layer * size + i) * columns, x = state.subarray(at, at + columns);
          for (const row of rows) sinks[p][l].put(row, x);
        })
      );
      done += rows.length;
    });
    onProgress?.(done, bars.length);
  }
}

/**
 * Embeds bars at every layer, unmasked and in evaluation mode (STUDY §11.1); bars with the same tokens pass the encoder
 * once. The embeddings are in memory if those of all layers and poolings fit `recipe.probing.memory`, else written to
 * files batch by batch; both are the same to the bit.
 *
 * @param bars the corpus' bars, in the order of the rows
 * @returns rows × columns of each layer in each pooling; `layers` are those of the first pooling
 * @throws {CheckpointError} naming song and bar if the encoder's states are not finite
 */
export async function embedLayers(
  model: Model,
  corpus: Corpus,
  bars: ArrayLike<number>,
  recipe: Recipe,
  { poolings = ["bar"], precision, layers, folder, keep = false, signal, onProgress }: EmbedOptions = {},
): Promise<{ columns: number; layers: RowSource[]; pooled: Map<Pooling, RowSource[]> }> {
  const { hidden: columns, layers: depth } = model.config, { memory } = recipe.probing, rows = bars.length;
  const wanted = layers ?? Array.from({ length: depth + 1 }, (_, layer) => layer);
  const wrong = wanted.find((layer) => !Number.isInteger(layer) || layer < 0 || layer > depth);
  if (wrong !== undefined) throw new UserError(`Layer: expected 0 (embeddings) … ${depth}, found ${wrong}.`);
  const taken = embeddingMemory(model.config, rows, { poolings: poolings.length, layers: wanted.length });
  const options = { pieceBytes: pieceBytes(memory, 2 * wanted.length) };
  const inFiles = taken > memory && folder !== undefined;
  const keeps = keep && folder !== undefined;
  if (inFiles || keeps) await Deno.mkdir(folder, { recursive: true });
  const paths = poolings.map((pooling) => wanted.map((layer) => `${folder}/${pooling}-${layer}.npy`));
  const gathered = (of: RowSource[][]) => (
    { columns, layers: of[0], pooled: new Map(poolings.map((pooling, p) => [pooling, of[p]])) }
  );
  const kept = keeps ? paths.map((of) => of.flatMap((path) => keptRows(path, rows, columns, options))) : [];
  if (keeps && kept.every((of) => of.length === wanted.length)) {
    onProgress?.(rows, rows);
    return gathered(kept.map((of) => of.map((source) => inFiles ? source : readRows(source, columns))));
  }
  const sinkOf = (path: string): RowSink => {
    if (inFiles) return createNpy(path, rows, columns, options);
    return keeps ? rowsInBoth(path, rows, columns) : rowsInMemory(rows, columns);
  };
  const sinks = paths.map((of) => of.map(sinkOf));
  try {
    await embedInto(sinks, { model, corpus, bars, recipe }, {
      poolings,
      precision,
      layers: wanted,
      signal,
      onProgress,
    });
    return gathered(sinks.map((of) => of.map((sink) => sink.finish())));
  } catch (error) {
    for (const sink of sinks.flat()) sink.abandon();
    throw error;
  }
}
