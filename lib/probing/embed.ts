/**
 * An encoder's bar embeddings at every layer.
 * @module
 */
import { padRows, rowsOf } from "../training/batches.ts";
import type { Model } from "../bert/parameters.ts";
import type { Corpus } from "../corpus/store.ts";
import { encodePooled, type Pooling } from "../bert/pooling.ts";
import { UserError } from "../base/user_error.ts";
import { createNpy } from "../matrix/npy.ts";
import { pieceBytes, type RowSink, rowsInMemory, type RowSource } from "../matrix/rows.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** Embeddings of bars: `layers[l]` is rows × columns, in the order the bars were given. */
export interface BarEmbeddings {
  /** Bars. */
  rows: number;
  /** Width of the hidden states. */
  columns: number;
  /** Layer 0, the embedding output, to the last; row by row. */
  layers: Float32Array[];
  /** The layers in each pooling that was asked for; `layers` are those of the first. */
  pooled: Map<Pooling, Float32Array[]>;
}

/** The bars that are no repetition of one before, each with the rows of all its repetitions. */
function distinctBars(corpus: Corpus, bars: ArrayLike<number>): Map<number, number[]> {
  const rowsOfText = new Map<string, number[]>();
  for (let row = 0; row < bars.length; row++) {
    const text = corpus.tokens(bars[row]).join();
    const rows = rowsOfText.get(text);
    if (rows) rows.push(row);
    else rowsOfText.set(text, [row]);
  }
  return new Map([...rowsOfText.values()].map((rows) => [bars[rows[0]], rows]));
}

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
      `${corpus.songs[corpus.song(bar)].file}, bar ${
        corpus.barIndex(bar)
      }: expected at most ${maxPositions} tokens, the ` +
        `encoder's positions, found ${longest}. Make the store anew with RECIPE='{"tokens":{"maxTokens":${maxPositions}}}'.`,
    );
  }
  const plans: { length: number; bars: number[] }[] = [];
  for (let first = 0; first < sorted.length;) {
    const { tokens } = sorted[first], padded = Math.ceil(tokens / probing.padTo) * probing.padTo;
    const length = Math.max(tokens, Math.min(padded, training.buckets.at(-1)!, maxPositions));
    const part = sorted.slice(first, first + rowsOf(length, training));
    plans.push({ length, bars: part.map(({ bar }) => bar) });
    first += part.length;
  }
  return plans;
}

/** Choices of {@link embedBars}. */
export interface PassOptions {
  /** How a bar's states become one; the state of its Bar token unless told. */
  poolings?: readonly Pooling[];
  /** Stops the work; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each batch, with how many bars are done. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Passes bars through the encoder, unmasked and in evaluation mode (STUDY §11.1), in batches of like lengths; `put` is
 * given each row's embedding at each layer in each pooling.
 *
 * Music repeats itself: bars with the same tokens have the same embedding, and pass the encoder once.
 */
async function passBars(
  model: Model,
  corpus: Corpus,
  bars: ArrayLike<number>,
  recipe: Recipe,
  { poolings, signal, onProgress }: PassOptions & { poolings: readonly Pooling[] },
  put: (pooling: Pooling, layer: number, row: number, x: Float32Array) => void,
): Promise<void> {
  const { hidden: columns, layers: depth, maxPositions } = model.config, distinct = distinctBars(corpus, bars);
  let done = 0;
  for (const { length, bars: part } of embeddingPlans(corpus, [...distinct.keys()], recipe, maxPositions)) {
    signal?.throwIfAborted();
    const size = rowsOf(length, recipe.training), tokens = part.map(corpus.tokens);
    while (tokens.length < size) tokens.push(tokens[0]); // the last batch keeps its traced shape
    const states = await encodePooled(model, padRows(tokens, length), tokens.map((t) => t.length), poolings);
    part.forEach((bar, i) => {
      const rows = distinct.get(bar)!;
      for (const [p, pooling] of poolings.entries()) {
        for (let layer = 0; layer <= depth; layer++) {
          const at = (layer * size + i) * columns, x = states[p].subarray(at, at + columns);
          for (const row of rows) put(pooling, layer, row, x);
        }
      }
      done += rows.length;
    });
    onProgress?.(done, bars.length);
  }
}

/**
 * Embeds bars, in memory; see {@link embedLayers} for any number of them.
 *
 * @param bars the corpus' bars, in the order the rows shall have
 * @returns layers 0 (embeddings) … L
 */
export async function embedBars(
  model: Model,
  corpus: Corpus,
  bars: ArrayLike<number>,
  recipe: Recipe,
  { poolings = ["bar"], ...options }: PassOptions = {},
): Promise<BarEmbeddings> {
  const { hidden: columns, layers: depth } = model.config;
  const empty = () => Array.from({ length: depth + 1 }, () => new Float32Array(bars.length * columns));
  const pooled = new Map(poolings.map((pooling) => [pooling, empty()]));
  await passBars(model, corpus, bars, recipe, { poolings, ...options }, (pooling, layer, row, x) => {
    pooled.get(pooling)![layer].set(x, row * columns);
  });
  return { rows: bars.length, columns, layers: pooled.get(poolings[0])!, pooled };
}

/** Choices of {@link embedLayers}. */
export interface EmbedOptions extends PassOptions {
  /** Only these layers, in this order. */
  layers?: readonly number[];
  /** Folder for `bar-0.npy` and so on, where the embeddings do not fit the recipe's memory; made if need be. */
  folder: string;
}

/** MiB that the embeddings of bars take, at all layers unless told, in so many poolings. */
export const embeddingMemory = (
  { hidden, layers: depth }: Model["config"],
  bars: number,
  { poolings = 1, layers = depth + 1 }: { poolings?: number; layers?: number } = {},
): number => 4 * bars * hidden * layers * poolings / 2 ** 20;

/**
 * The embeddings of any number of bars: in memory where those of all layers and poolings fit `recipe.probing.memory`,
 * else in files, row by row as they are made, so that one batch is in memory at a time. Both are the same to the bit.
 *
 * @param bars the corpus' bars, in the order the rows shall have
 * @returns rows × columns of each layer in each pooling that was asked for; `layers` are those of the first
 */
export async function embedLayers(
  model: Model,
  corpus: Corpus,
  bars: ArrayLike<number>,
  recipe: Recipe,
  { poolings = ["bar"], layers, folder, ...options }: EmbedOptions,
): Promise<{ columns: number; layers: RowSource[]; pooled: Map<Pooling, RowSource[]> }> {
  const { hidden: columns, layers: depth } = model.config, { memory } = recipe.probing;
  const wanted = layers ?? Array.from({ length: depth + 1 }, (_, layer) => layer);
  const wrong = wanted.find((layer) => !Number.isInteger(layer) || layer < 0 || layer > depth);
  if (wrong !== undefined) throw new RangeError(`Layer: expected 0 (embeddings) … ${depth}, found ${wrong}.`);
  const taken = embeddingMemory(model.config, bars.length, { poolings: poolings.length, layers: wanted.length });
  const inFiles = taken > memory, reading = { pieceBytes: pieceBytes(memory, 2 * wanted.length) };
  if (inFiles) await Deno.mkdir(folder, { recursive: true });
  const sinkOf = (pooling: Pooling, layer: number): RowSink =>
    inFiles
      ? createNpy(`${folder}/${pooling}-${layer}.npy`, bars.length, columns, reading)
      : rowsInMemory(bars.length, columns);
  const sinks = new Map(poolings.map((pooling) => [pooling, wanted.map((layer) => sinkOf(pooling, layer))]));
  try {
    await passBars(model, corpus, bars, recipe, { poolings, ...options }, (pooling, layer, row, x) => {
      wanted.forEach((one, i) => one === layer && sinks.get(pooling)![i].put(row, x));
    });
    const pooled = new Map([...sinks].map(([pooling, own]) => [pooling, own.map((sink) => sink.finish())]));
    return { columns, layers: pooled.get(poolings[0])!, pooled };
  } catch (error) {
    for (const sink of [...sinks.values()].flat()) sink.abandon();
    throw error;
  }
}
