/**
 * How well a variant tells a bar's other view from other bars, on bars of a split (NT-Xent).
 * @module
 */
import { compiledOnce, hiddenStates, padBias } from "../bert/bert.ts";
import type { BertConfig } from "../bert/config.ts";
import { type Model, unflatten } from "../bert/parameters.ts";
import { type ModelName, variants } from "../bert/variants.ts";
import { bucketOf, padRows } from "./batches.ts";
import type { Corpus } from "../corpus/store.ts";
import { compile, tf } from "../engine/mod.ts";
import type { Compiled, Tensor, Tensor2D } from "../engine/types.ts";
import { firstTokens, ntXent } from "./objectives.ts";
import { sample, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { neighborOf, viewsOf } from "./views.ts";

type BatchOrder = Recipe["contrast"]["batches"];

/**
 * How well a bar's other view was recognised among other bars: mean NT-Xent in nats; the share of anchors whose
 * positive was the most similar, over all batches and in each; that share by chance, 1/(2N − 1); N (`rows`); how the
 * batches were made; and the share of an anchor's 2N − 2 negatives that have the tokens of its own bar (`identical`).
 */
export type ContrastScore =
  & Record<"loss" | "accuracy" | "chance" | "rows" | "batches" | "songs" | "identical", number>
  & { perBatch: number[]; order: BatchOrder };

/** Share of the pairs of different rows of batches that have the same tokens. */
export function identicalShare(corpus: Corpus, plans: readonly number[][]): number {
  let [same, all] = [0, 0];
  for (const bars of plans) {
    const groups = Map.groupBy(bars, (bar) => corpus.tokens(bar).join()).values();
    for (const { length } of groups) same += length * (length - 1);
    all += bars.length * (bars.length - 1);
  }
  return all === 0 ? 0 : same / all;
}

/** Batches of bars for {@link evaluateContrast}, each of N rows. */
export function contrastPlans(corpus: Corpus, split: "train" | "validation", recipe: Recipe, rows: number): number[][] {
  const { batches, validationBatches } = recipe.contrast;
  if (batches === "song-order") {
    const bars = Array.from(corpus.barsOf(split));
    const count = Math.min(validationBatches, Math.floor(bars.length / rows));
    return Array.from({ length: count }, (_, i) => bars.slice(i * rows, (i + 1) * rows));
  }
  const songs = corpus.songs.filter((song) => song.split === split);
  return Array.from({ length: validationBatches }, (_, batch) => {
    const random = stream(recipe.seed, "contrast batch", split, batch);
    return sample(songs, rows, random).map(({ firstBar, bars }) => firstBar + random.integer(bars));
  });
}

/** N of validation batches: the recipe's, or where a batch has one bar of a song, at most a split's songs. */
export function contrastRows(corpus: Corpus, { contrast }: Recipe): number {
  if (contrast.batches === "song-order") return contrast.validationRows;
  const songs = ["train", "validation"].map((split) => corpus.songs.filter((song) => song.split === split).length);
  return Math.max(2, Math.min(contrast.validationRows, ...songs));
}

/** A compiled evaluation of pairs: (weights, seed, ids, bias) → [NT-Xent loss, accuracy]; `rate` 0 drops nothing. */
function contrastEvaluation(config: BertConfig, { contrast, views }: Recipe, rate: number): Compiled {
  return compile("evaluate_contrast", (weights, seed, ids, bias) => {
    const [rows, length] = ids.shape as [number, number];
    const dropout = rate > 0 ? { rate, place: views.dropoutPlace, seed } : undefined;
    const pass = { dropout, only: firstTokens(rows, length) };
    const bars = hiddenStates(unflatten(config, weights), config, ids, bias, pass).at(-1)!; // rows × hidden
    const { loss, accuracy } = ntXent(...tf.split(bars as Tensor2D, 2) as [Tensor, Tensor], contrast.temperature);
    return [loss, accuracy];
  });
}

/**
 * NT-Xent of a variant on bars of a split: the first view masked as in training, the second by the variant
 * (STUDY §9.1).
 *
 * @param options whether the encoder drops as in training (without it both views of BERT-dropout are the same), and how
 * batches are made, if not as the recipe says: Table 1 can be read either way
 */
export async function evaluateContrast(
  { config, weights }: Model,
  name: ModelName,
  corpus: Corpus,
  split: "train" | "validation",
  recipe: Recipe,
  { dropout = false, order = recipe.contrast.batches }: { dropout?: boolean; order?: BatchOrder } = {},
): Promise<ContrastScore> {
  const { contrast, views, seed } = recipe, rate = dropout ? views.dropout : 0;
  const key = ["contrast", config, contrast, views, rate];
  const evaluate = compiledOnce(key, () => contrastEvaluation(config, recipe, rate));
  const choices = { ...recipe, contrast: { ...contrast, batches: order } }, rows = contrastRows(corpus, choices);
  const plans = contrastPlans(corpus, split, choices, rows), perBatch: number[] = [];
  let loss = 0;
  for (const [i, bars] of plans.entries()) {
    const tokens = pairs(corpus, bars, name, recipe), lengths = tokens.map((row) => row.length);
    const length = bucketOf(Math.max(...lengths), recipe.training.buckets);
    const inputs = [
      tf.tensor1d([seed, i], "int32"),
      tf.tensor2d(padRows(tokens, length), [tokens.length, length], "int32"),
      padBias(lengths, length),
    ];
    const outputs = await evaluate(weights, ...inputs);
    loss += (await outputs[0].data())[0] / plans.length;
    perBatch.push((await outputs[1].data())[0]);
    tf.dispose([...inputs, ...outputs]);
  }
  const songs = new Set(plans.flat().map((bar) => corpus.song(bar))).size;
  const accuracy = perBatch.reduce((sum, share) => sum + share / plans.length, 0);
  const identical = identicalShare(corpus, plans), chance = 1 / (2 * rows - 1);
  return { loss, accuracy, chance, rows, batches: plans.length, songs, perBatch, order, identical };
}

/** The first views of bars, then the second ones. */
function pairs(corpus: Corpus, bars: number[], name: ModelName, recipe: Recipe): Uint16Array[] {
  const both = bars.map((bar) => {
    const draw = (purpose: string) => stream(recipe.seed, purpose, "validation", bar);
    const partner = variants[name].view === "neighbor" ? neighborOf(corpus, bar, recipe, draw("neighbor")) : bar;
    return viewsOf(corpus, bar, partner, recipe, name, draw);
  });
  return [...both.map(({ masked }) => masked.ids), ...both.map(({ second }) => second)];
}
