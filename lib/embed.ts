/**
 * An encoder's bar embeddings at every layer.
 * @module
 */
import { evaluationPlans, padRows, rowsOf } from "./batches.ts";
import type { Model } from "./bert.ts";
import type { Corpus } from "./corpus.ts";
import { encodePooled, type Pooling } from "./pooling.ts";
import type { Recipe } from "./recipe.ts";

/** Embeddings of bars: `layers[l]` is rows × columns, in the order the bars were given. */
export interface BarEmbeddings {
  rows: number;
  columns: number;
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
  for (const { length, bars: part } of evaluationPlans(corpus, [...distinct.keys()], recipe)) {
    signal?.throwIfAborted();
    const size = rowsOf(length, recipe.training), tokens = part.map(corpus.tokens);
    while (tokens.length < size) tokens.push(tokens[0]); // a bucket's last batch keeps its traced shape
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
