/**
 * An encoder's bar embeddings at every layer.
 * @module
 */
import { padRows, rowsOf } from "./batches.ts";
import type { Model } from "./bert.ts";
import type { Corpus } from "./corpus.ts";
import { encodePooled, type Pooling } from "./pooling.ts";
import { createNpy } from "./npy.ts";
import type { Recipe } from "./recipe.ts";
import type { RowSource } from "./rows.ts";

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
 * Bars in batches of like lengths, longest first: a batch is padded to its longest bar's multiple of
 * `recipe.probing.padTo`, and only the last one may have fewer bars than rows.
 */
export function embeddingPlans(
  corpus: Corpus,
  bars: readonly number[],
  { probing, training }: Recipe,
): { length: number; bars: number[] }[] {
  const lengthOf = (bar: number) => Math.ceil(corpus.tokens(bar).length / probing.padTo) * probing.padTo;
  const sorted = bars.map((bar) => ({ bar, tokens: corpus.tokens(bar).length })).sort((a, b) => b.tokens - a.tokens);
  const plans: { length: number; bars: number[] }[] = [];
  for (let first = 0; first < sorted.length;) {
    const length = Math.min(lengthOf(sorted[first].bar), training.buckets.at(-1)!);
    const part = sorted.slice(first, first + rowsOf(length, training));
    plans.push({ length, bars: part.map(({ bar }) => bar) });
    first += part.length;
  }
  return plans;
}

/**
 * Embeds bars, unmasked and in evaluation mode (study §11.1), in batches of like lengths.
 *
 * Music repeats itself: bars with the same tokens have the same embedding, and pass the encoder once.
 *
 * @param bars the corpus' bars, in the order the rows shall have
 * @param options.poolings how a bar's states become one; the state of its Bar token unless told
 * @returns layers 0 (embeddings) … L
 */
export async function embedBars(
  model: Model,
  corpus: Corpus,
  bars: ArrayLike<number>,
  recipe: Recipe,
  { signal, onProgress, poolings = ["bar"] }: {
    signal?: AbortSignal;
    onProgress?: (done: number, total: number) => void;
    poolings?: readonly Pooling[];
  } = {},
): Promise<BarEmbeddings> {
  const { hidden: columns, layers: depth } = model.config;
  const empty = () => Array.from({ length: depth + 1 }, () => new Float32Array(bars.length * columns));
  const pooled = new Map(poolings.map((pooling) => [pooling, empty()]));
  const distinct = distinctBars(corpus, bars);
  let done = 0;
  for (const { length, bars: part } of embeddingPlans(corpus, [...distinct.keys()], recipe)) {
    signal?.throwIfAborted();
    const size = rowsOf(length, recipe.training), tokens = part.map(corpus.tokens);
    while (tokens.length < size) tokens.push(tokens[0]); // the last batch keeps its traced shape
    const states = await encodePooled(model, padRows(tokens, length), tokens.map((t) => t.length), poolings);
    part.forEach((bar, i) => {
      const rows = distinct.get(bar)!;
      for (const [p, pooling] of poolings.entries()) {
        const layers = pooled.get(pooling)!;
        for (let layer = 0; layer <= depth; layer++) {
          const at = (layer * size + i) * columns;
          for (const row of rows) layers[layer].set(states[p].subarray(at, at + columns), row * columns);
        }
      }
      done += rows.length;
    });
    onProgress?.(done, bars.length);
  }
  return { rows: bars.length, columns, layers: pooled.get(poolings[0])!, pooled };
}

/** Choices of {@link embedLayers}. */
export interface EmbedOptions {
  /** How a bar's states become one; the state of its Bar token unless told. */
  poolings?: readonly Pooling[];
  /** Only these layers, in this order. */
  layers?: readonly number[];
  /** Folder for `bar-0.npy` and so on, where the embeddings do not fit the recipe's memory; made if need be. */
  folder: string;
  /** Files even of what would fit. */
  toFiles?: boolean;
  /** Stops between batches; no file is left behind. */
  signal?: AbortSignal;
  /** Told after each batch how many of all bars are embedded. */
  onProgress?: (done: number, total: number) => void;
}

/** MiB that the embeddings of bars at all layers take, in so many poolings. */
export const embeddingMemory = ({ hidden, layers }: Model["config"], bars: number, poolings = 1): number =>
  4 * bars * hidden * (layers + 1) * poolings / 2 ** 20;

/**
 * The embeddings of any number of bars: in memory where those of all layers and poolings fit `recipe.probing.memory`,
 * else in files, made block by block so that no more than that is in memory at a time.
 *
 * @param bars the corpus' bars, in the order the rows shall have
 * @returns rows × columns of each layer in each pooling that was asked for; `layers` are those of the first
 */
export async function embedLayers(
  model: Model,
  corpus: Corpus,
  bars: ArrayLike<number>,
  recipe: Recipe,
  { poolings = ["bar"], layers, folder, toFiles = false, signal, onProgress }: EmbedOptions,
): Promise<{ columns: number; layers: RowSource[]; pooled: Map<Pooling, RowSource[]> }> {
  const { hidden: columns, layers: depth } = model.config;
  const wanted = layers ?? Array.from({ length: depth + 1 }, (_, layer) => layer);
  const wrong = wanted.find((layer) => !Number.isInteger(layer) || layer < 0 || layer > depth);
  if (wrong !== undefined) throw new RangeError(`Layer: expected 0 (embeddings) … ${depth}, found ${wrong}.`);
  const most = Math.max(1, Math.floor(recipe.probing.memory / embeddingMemory(model.config, 1, poolings.length)));
  const embed = (first: number, block: ArrayLike<number>) =>
    embedBars(model, corpus, block, recipe, {
      signal,
      poolings,
      onProgress: (done) => onProgress?.(first + done, bars.length),
    });
  const held = (pooled: Map<Pooling, RowSource[]>) => ({ columns, layers: pooled.get(poolings[0])!, pooled });
  if (bars.length <= most && !toFiles) {
    const { pooled } = await embed(0, bars);
    return held(new Map(poolings.map((pooling) => [pooling, wanted.map((layer) => pooled.get(pooling)![layer])])));
  }
  await Deno.mkdir(folder, { recursive: true });
  const files = poolings.flatMap((pooling) =>
    wanted.map((layer) => {
      return { pooling, layer, file: createNpy(`${folder}/${pooling}-${layer}.npy`, bars.length, columns) };
    })
  );
  try {
    for (let first = 0; first < bars.length; first += most) {
      const block = Array.from({ length: Math.min(most, bars.length - first) }, (_, i) => bars[first + i]);
      const { pooled } = await embed(first, block);
      for (const { pooling, layer, file } of files) file.append(pooled.get(pooling)![layer]);
    }
    const stored = files.map(({ pooling, file }) => ({ pooling, rows: file.finish() }));
    const of = (pooling: Pooling) => stored.filter((one) => one.pooling === pooling).map(({ rows }) => rows);
    return held(new Map(poolings.map((pooling) => [pooling, of(pooling)])));
  } catch (error) {
    for (const { file } of files) file.abandon();
    throw error;
  }
}
