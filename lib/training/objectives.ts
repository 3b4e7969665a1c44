/**
 * What the models are trained for: masked tokens (MLM) and, for the variants, NT-Xent between two views of a bar.
 * @module
 */
import type { BertConfig } from "../bert/config.ts";
import { layoutStates, mlmLogits } from "../bert/bert.ts";
import type { Dropout } from "../bert/dropout.ts";
import { plainLayout } from "../bert/layout.ts";
import type { Parameters } from "../bert/parameters.ts";
import { tf } from "../engine/mod.ts";
import { allGather, allSum } from "../engine/replicas.ts";
import type { Tensor, Tensor2D } from "../engine/types.ts";
import { crossEntropy, type Precision } from "../engine/ops.ts";
import { type BatchParts, type BatchShare, pairOfWorkers, readPacked } from "./packing/batch.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * A batch of one bar a row on the device: `ids` and `bias` (rows × length, rows × 1 × 1 × length) of both views, and
 * `positions` (N × K, flat: row · length + column), `labels` and `weights` (N·K) of the chosen tokens of the N first
 * views.
 */
export type RowTensors = [ids: Tensor, bias: Tensor, positions: Tensor, labels: Tensor, weights: Tensor];

/** A batch on the device: {@link RowTensors}, or `packedTensors` of packing/batch.ts, whose ids have one axis. */
export type BatchTensors = Tensor[];

type Tensors<Name extends string> = Record<Name, Tensor>;

/**
 * Mean cross-entropy of the chosen tokens (STUDY §8.3).
 *
 * @param logits M × vocabulary; `labels` and `weights` are M: int32, and 1 for a chosen token, 0 for filling
 * @param parts whether the weights are parts of their sum already, as a worker's are: the losses add up to the mean
 * @returns the loss in nats; M arg-max ids (`guesses`); and M, 1 where they are the labels (`correct`)
 */
export function maskedLoss(
  logits: Tensor,
  labels: Tensor,
  weights: Tensor,
  parts = false,
): Tensors<"loss" | "guesses" | "correct"> {
  const sum = crossEntropy(logits, labels).mul(weights).sum(), guesses = logits.argMax(1);
  const loss = parts ? sum : sum.div(allSum(weights.sum()));
  return { loss, guesses, correct: guesses.equal(labels).cast("float32") };
}

/**
 * NT-Xent over 2N anchors (Chen et al. 2020; STUDY §9.2): cosine similarities over τ, the other view against 2N − 2.
 *
 * @param first N × width, raw; row i of `second` is the other view of row i
 * @param present N: 1 for pairs that count, 0 for filling, which is nobody's negative; all count if left out
 * @returns the mean loss in nats, and the share of anchors whose positive is the most similar of 2N − 1
 */
export function ntXent(
  first: Tensor,
  second: Tensor,
  temperature: number,
  present?: Tensor,
): Tensors<"loss" | "accuracy"> {
  const rows = first.shape[0], states = tf.concat([first, second], 0); // 2N × width
  const unit = states.div(states.square().sum(1, true).sqrt().maximum(1e-8)) as Tensor2D;
  const own = tf.range(0, 2 * rows, 1, "int32"), labels = tf.concat([own.slice(rows), own.slice(0, rows)]);
  const itself = own.reshape([-1, 1]).equal(own).cast("float32"); // 2N × 2N, as are the logits
  const both = present && tf.concat([present, present]), hidden = both ? itself.maximum(tf.sub(1, both)) : itself;
  const logits = tf.matMul(unit, unit, false, true).div(temperature).add(hidden.mul(-1e9));
  const mean = (values: Tensor) => both ? values.mul(both).sum().div(both.sum()) : values.mean();
  const right = logits.argMax(1).equal(labels).cast("float32");
  return { loss: mean(crossEntropy(logits, labels)), accuracy: mean(right) };
}

/** The element type of products by a recipe whose `auto` was settled (pace/precision.ts); else float32. */
const productType = ({ training: { precision } }: Recipe): Precision => precision === "auto" ? "float32" : precision;

/** The flat positions of the rows' first tokens: rows × 1, int32. */
export const firstTokens = (rows: number, length: number): Tensor =>
  tf.range(0, rows * length, length, "int32").reshape([rows, 1]);

/** The parts of a batch of one bar a row; of second views only the first token counts, which fills the other places. */
function readRows(
  [ids, bias, positions, labels, weights]: RowTensors,
  paired: boolean,
  share?: BatchShare,
): BatchParts {
  const layoutOf = (asked: Tensor) => ({ ...plainLayout(ids, bias, [asked]), shares: share?.blocks });
  if (!paired) return { layout: layoutOf(positions), labels, weights, take: (last) => ({ chosen: last }) };
  const [rows, length] = ids.shape as [number, number], [first, K] = positions.shape as [number, number];
  const bars = firstTokens(rows, length), filling = bars.slice([first, 0], [rows - first, 1]).tile([1, K]);
  const asked = tf.concat([bars, tf.concat([positions, filling], 0)], 1); // K + 1 of each row
  const take = (last: Tensor) => {
    const width = last.shape[1]!, apart = last.reshape([rows, K + 1, width]);
    const statesOf = (from: number, to: number, column: number, count: number) =>
      apart.slice([from, column, 0], [to - from, count, width]).reshape([-1, width]);
    const [one, other] = pairOfWorkers(statesOf(0, first, 0, 1), statesOf(first, rows, 0, 1), share);
    return { chosen: statesOf(0, first, 1, K), pair: { first: one, second: other } };
  };
  return { layout: layoutOf(asked), labels, weights, take };
}

/** The parts of a batch, or of a worker's share of it, packed or with one bar a row; `paired` if second views follow. */
export const readBatch = (batch: BatchTensors, paired: boolean, share?: BatchShare): BatchParts =>
  batch[0].shape.length === 1 ? readPacked(batch, paired, share) : readRows(batch as RowTensors, paired, share);

/**
 * How much NT-Xent weighs in a step that has it: α, or so many times α as steps go by for each (`contrast.every`), so that
 * its gradient is the same in the mean over steps.
 */
export const contrastWeight = ({ contrast: { weight, every } }: Recipe): number => weight * every;

/**
 * The losses of a batch, for use inside a trace: L = L_MLM + α·NT-Xent ({@link contrastWeight}).
 *
 * @param paired whether second views follow the first; without them `contrast` and `accuracy` are 0
 * @returns scalars, and `correct`: as many as labels, 1 where a chosen token was guessed; of the whole batch, where
 * devices share it (replicas.ts). `own` is what a device differentiates: the gradients of all devices' add up to
 * `total`'s. Of a worker's `share` of the batch `own`, `total`, `masked` and `correct` are its own: the masked losses
 * add up to the whole batch's, as do the gradients of `own`
 */
export function losses(
  parameters: Parameters,
  config: BertConfig,
  recipe: Recipe,
  batch: BatchTensors,
  paired: boolean,
  dropout?: Dropout,
  share?: BatchShare,
): Tensors<"own" | "total" | "masked" | "correct" | "contrast" | "accuracy"> {
  const { layout, labels, weights, take } = readBatch(batch, paired, share), precision = productType(recipe);
  const { chosen, pair } = take(layoutStates(parameters, config, layout, { dropout, precision }).at(-1)!);
  const logits = mlmLogits(parameters, config, chosen, precision);
  const { loss: masked, correct } = maskedLoss(logits, labels, weights, share !== undefined);
  const whole = allSum(masked), right = allGather(correct);
  if (!pair) {
    return { own: masked, total: whole, masked: whole, correct: right, contrast: tf.scalar(0), accuracy: tf.scalar(0) };
  }
  const { temperature } = recipe.contrast, [one, other] = [pair.first, pair.second].map(allGather);
  const { loss: contrast, accuracy } = ntXent(one, other, temperature, pair.present);
  const weighted = contrast.mul(contrastWeight(recipe));
  return { own: masked.add(weighted), total: whole.add(weighted), masked: whole, correct: right, contrast, accuracy };
}
