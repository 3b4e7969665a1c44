/**
 * Bars → batches with about the same number of tokens: bucketed by length, masked, paired with a second view. Every
 * draw comes from a stream named by its purpose, epoch and bar, so that a run that goes on draws as if it was never
 * stopped.
 * @module
 */
import { roundHalfEven } from "../tokens/beats.ts";
import { padBias } from "../bert/bert.ts";
import type { Corpus } from "../corpus/store.ts";
import { tf } from "../engine/mod.ts";
import type { BatchTensors } from "./objectives.ts";
import { type PackedBatch, packedBatch, packedTensors } from "./packing/batch.ts";
import { type PackedPlan, packedPlans } from "./packing/plans.ts";
import { compares, type ModelName, variants } from "../bert/variants.ts";
import { shuffle, stream } from "../base/random.ts";
import { UserError } from "../base/user_error.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { pad } from "../tokens/vocabulary.ts";
import { type MaskedBar, maskTokens, neighborOf, viewsOf } from "./views.ts";

/**
 * A batch: `length` of its bucket, in tokens; `epoch`, passes over the training songs before it; its N `bars`; and
 * `partners`, the bars of BERT-neighbor's second views (for other models the bars themselves).
 */
export type BatchPlan = { length: number; epoch: number; bars: number[]; partners: number[] };

/** A batch of a training: of one bar a row, or packed. */
export type TrainingPlan = BatchPlan | PackedPlan;

/** The smallest bucket with room for `length` tokens. */
export const bucketOf = (length: number, buckets: readonly number[]): number =>
  buckets.find((bucket) => bucket >= length) ?? buckets.at(-1)!;

/** First views in a batch of a bucket. */
export const rowsOf = (length: number, { batchRows, batchTokens }: Recipe["training"]): number =>
  Math.max(2, Math.min(batchRows, Math.floor(batchTokens / length)));

/** The batches of a training run, in order, without end: {@link bucketPlans}, or packed by `training.packing`. */
export function trainingPlans(corpus: Corpus, recipe: Recipe, model: ModelName): Generator<TrainingPlan, never> {
  const plans = recipe.training.packing === "rows" ? packedPlans : bucketPlans;
  return plans(corpus, recipe, model);
}

/**
 * Batches of one bar a row: each epoch visits every training bar once. Bars that do not fill a batch at an epoch's end
 * wait for the next epoch.
 */
export function* bucketPlans(corpus: Corpus, recipe: Recipe, model: ModelName): Generator<BatchPlan, never> {
  const bars = corpus.barsOf("train");
  if (bars.length < 2) throw new UserError(`Training needs at least 2 bars, found ${bars.length}: add songs.`);
  const neighbors = variants[model].view === "neighbor";
  const waiting = new Map<number, { bars: number[]; partners: number[] }>();
  for (let epoch = 0;; epoch++) {
    for (const bar of shuffle(bars, stream(recipe.seed, "order", epoch))) {
      const partner = neighbors ? neighborOf(corpus, bar, recipe, stream(recipe.seed, "neighbor", epoch, bar)) : bar;
      const longest = Math.max(corpus.tokens(bar).length, corpus.tokens(partner).length);
      const length = bucketOf(longest, recipe.training.buckets);
      const rows = waiting.get(length) ?? { bars: [], partners: [] };
      rows.bars.push(bar), rows.partners.push(partner);
      waiting.set(length, rows);
      if (rows.bars.length < rowsOf(length, recipe.training)) continue;
      waiting.delete(length);
      yield { length, epoch, ...rows };
    }
  }
}

/** Bars in batches of similar lengths for evaluation, each bar once; the last batch of a bucket may have fewer bars. */
export function evaluationPlans(corpus: Corpus, bars: readonly number[], { training }: Recipe): BatchPlan[] {
  const buckets = Map.groupBy(bars, (bar) => bucketOf(corpus.tokens(bar).length, training.buckets));
  return [...buckets].sort(([a], [b]) => a - b).flatMap(([length, all]) => {
    const rows = rowsOf(length, training);
    return Array.from({ length: Math.ceil(all.length / rows) }, (_, i) => {
      const part = all.slice(i * rows, (i + 1) * rows);
      return { length, epoch: 0, bars: part, partners: part };
    });
  });
}

/**
 * The first views' chosen tokens, N × K: flat positions, the ids there before masking, and weights of 1. Each row is
 * filled up with its first token, label 0 and weight 0.
 */
type ChosenTokens = { positions: Int32Array; labels: Int32Array; weights: Float32Array };

/**
 * A batch as plain arrays: N first views (`rows`), then a variant's second views, each row of `lengths[row]` tokens
 * padded with `<pad>` to `length`, one of the recipe's buckets; `ids` is row after row.
 */
export type Batch = ChosenTokens & { rows: number; length: number; ids: Int32Array; lengths: number[] };

/** Rows of tokens one after another, each padded on the right. */
export function padRows(rows: readonly Uint16Array[], length: number): Int32Array {
  const ids = new Int32Array(rows.length * length).fill(pad);
  rows.forEach((tokens, row) => ids.set(tokens, row * length));
  return ids;
}

/** Chosen tokens of rows of `length` as the training step takes them; `most` is K, the most chosen tokens of a row. */
export function chosenTokens(rows: readonly Omit<MaskedBar, "ids">[], length: number, most: number): ChosenTokens {
  const size = rows.length * most;
  const positions = new Int32Array(size), labels = new Int32Array(size), weights = new Float32Array(size);
  rows.forEach((chosen, row) => {
    positions.fill(row * length, row * most, (row + 1) * most);
    chosen.positions.forEach((position, i) => {
      positions[row * most + i] = row * length + position;
      labels[row * most + i] = chosen.labels[i];
      weights[row * most + i] = 1;
    });
  });
  return { positions, labels, weights };
}

/** Masked first views, then the second views; missing rows repeat the first one without a chosen token. */
function assemble(masked: MaskedBar[], seconds: Uint16Array[], length: number, rows: number, recipe: Recipe): Batch {
  const chosen = Array.from({ length: rows }, (_, row) => masked[row] ?? { positions: [], labels: [] });
  const views = [...masked.map(({ ids }) => ids), ...seconds];
  while (views.length < rows) views.push(views[0]); // so that a bucket's last batch has the shape of the others
  const lengths = views.map((view) => view.length), most = roundHalfEven(recipe.masking.rate * length);
  return { rows, length, ids: padRows(views, length), lengths, ...chosenTokens(chosen, length, most) };
}

/** The batch of a plan of one bar a row for a training step, with the masks and views of its epoch. */
export function bucketBatch(corpus: Corpus, plan: BatchPlan, recipe: Recipe, model: ModelName): Batch {
  const views = plan.bars.map((bar, row) =>
    viewsOf(corpus, bar, plan.partners[row], recipe, model, (purpose) => stream(recipe.seed, purpose, plan.epoch, bar))
  );
  const seconds = compares(model) ? views.map(({ second }) => second) : [];
  return assemble(views.map(({ masked }) => masked), seconds, plan.length, plan.bars.length, recipe);
}

/** The batch of a plan for a training step, with its masks and views; with BERT as model without second views. */
export const trainingBatch = (
  corpus: Corpus,
  plan: TrainingPlan,
  recipe: Recipe,
  model: ModelName,
): Batch | PackedBatch => (
  "shape" in plan ? packedBatch(corpus, plan, recipe, model) : bucketBatch(corpus, plan, recipe, model)
);

/** The batch of a plan for evaluating masked tokens; `visit` names the masks where the recipe redraws them. */
export function evaluationBatch(corpus: Corpus, plan: BatchPlan, recipe: Recipe, visit: number): Batch {
  const names = recipe.masking.validation === "fixed" ? ["validation"] : ["validation", visit];
  const draw = (bar: number) => stream(recipe.seed, "mask", ...names, bar);
  const masked = plan.bars.map((bar) => maskTokens(corpus.tokens(bar), recipe, draw(bar)));
  return assemble(masked, [], plan.length, rowsOf(plan.length, recipe.training), recipe);
}

/** A batch on the device; the tensors belong to the caller. */
export function toTensors(batch: Batch | PackedBatch): BatchTensors {
  if ("blocks" in batch) return packedTensors(batch);
  const { ids, length, lengths, rows, positions, labels, weights } = batch;
  return [
    tf.tensor2d(ids, [lengths.length, length], "int32"),
    padBias(lengths, length),
    tf.tensor2d(positions, [rows, positions.length / rows], "int32"),
    tf.tensor1d(labels, "int32"),
    tf.tensor1d(weights),
  ];
}
