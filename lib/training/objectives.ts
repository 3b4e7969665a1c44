/**
 * What the models are trained for: masked tokens (MLM) and, for the variants, NT-Xent between two views of a bar.
 * @module
 */
import type { BertConfig } from "../bert/config.ts";
import { hiddenStates, mlmLogits } from "../bert/bert.ts";
import type { Dropout } from "../bert/dropout.ts";
import type { Parameters } from "../bert/parameters.ts";
import { tf } from "../engine/mod.ts";
import { allGather, allSum } from "../engine/replicas.ts";
import type { Tensor, Tensor2D } from "../engine/types.ts";
import { crossEntropy, type Precision } from "../engine/ops.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * A batch on the device: `ids` and `bias` (rows × length, rows × 1 × 1 × length) of both views, and `positions` (N × K,
 * flat: row · length + column), `labels` and `weights` (N·K) of the chosen tokens of the N first views.
 */
export type BatchTensors = [ids: Tensor, bias: Tensor, positions: Tensor, labels: Tensor, weights: Tensor];

type Tensors<Name extends string> = Record<Name, Tensor>;

/**
 * Mean cross-entropy of the chosen tokens (STUDY §8.3).
 *
 * @param logits M × vocabulary; `labels` and `weights` are M: int32, and 1 for a chosen token, 0 for filling
 * @returns the loss in nats; M arg-max ids (`guesses`); and M, 1 where they are the labels (`correct`)
 */
export function maskedLoss(logits: Tensor, labels: Tensor, weights: Tensor): Tensors<"loss" | "guesses" | "correct"> {
  const loss = crossEntropy(logits, labels).mul(weights).sum().div(allSum(weights.sum())), guesses = logits.argMax(1);
  return { loss, guesses, correct: guesses.equal(labels).cast("float32") };
}

/**
 * NT-Xent over 2N anchors (Chen et al. 2020; STUDY §9.2): cosine similarities over τ, the other view against 2N − 2.
 *
 * @param first N × width, raw; row i of `second` is the other view of row i
 * @returns the mean loss in nats, and the share of anchors whose positive is the most similar of 2N − 1
 */
export function ntXent(first: Tensor, second: Tensor, temperature: number): Tensors<"loss" | "accuracy"> {
  const rows = first.shape[0], states = tf.concat([first, second], 0); // 2N × width
  const unit = states.div(states.square().sum(1, true).sqrt().maximum(1e-8)) as Tensor2D;
  const logits = tf.matMul(unit, unit, false, true).div(temperature).add(tf.eye(2 * rows).mul(-1e9)); // 2N × 2N
  const labels = tf.tensor1d(Array.from({ length: 2 * rows }, (_, i) => (i + rows) % (2 * rows)), "int32");
  const accuracy = logits.argMax(1).equal(labels).cast("float32").mean();
  return { loss: crossEntropy(logits, labels).mean(), accuracy };
}

/** The element type of products by a recipe whose `auto` was settled (pace/precision.ts); else float32. */
const productType = ({ training: { precision } }: Recipe): Precision => precision === "auto" ? "float32" : precision;

/** The flat positions of the rows' first tokens: rows × 1, int32. */
export const firstTokens = (rows: number, length: number): Tensor =>
  tf.range(0, rows * length, length, "int32").reshape([rows, 1]);

/**
 * The losses of a batch, for use inside a trace: L = L_MLM + α·NT-Xent.
 *
 * @param paired whether second views follow the first; without them `contrast` and `accuracy` are 0
 * @returns scalars, and `correct`: N·K, 1 where a chosen token was guessed; of the whole batch, where devices share it
 * (replicas.ts). `own` is what a device differentiates: the gradients of all devices' add up to `total`'s
 */
export function losses(
  parameters: Parameters,
  config: BertConfig,
  recipe: Recipe,
  [ids, bias, positions, labels, weights]: BatchTensors,
  paired: boolean,
  dropout?: Dropout,
): Tensors<"own" | "total" | "masked" | "correct" | "contrast" | "accuracy"> {
  const [rows, length] = ids.shape as [number, number], [first, K] = positions.shape as [number, number];
  const bars = firstTokens(rows, length), precision = productType(recipe);
  // of second views only the first token counts; their other K places are filled with it
  const filling = () => bars.slice([first, 0], [rows - first, 1]).tile([1, K]);
  const only = paired ? tf.concat([bars, tf.concat([positions, filling()], 0)], 1) : positions;
  const last = hiddenStates(parameters, config, ids, bias, { dropout, only, precision }).at(-1)!;
  /** States of `last`, which has K + 1 for each row of a pair: those of `count` columns of some rows. */
  const statesOf = (from: number, to: number, column: number, count: number) =>
    last.reshape([rows, K + 1, config.hidden]).slice([from, column, 0], [to - from, count, config.hidden])
      .reshape([-1, config.hidden]);
  const chosen = paired ? statesOf(0, first, 1, K) : last; // N·K × hidden
  const logits = mlmLogits(parameters, config, chosen, precision);
  const { loss: masked, correct } = maskedLoss(logits, labels, weights);
  const whole = allSum(masked), right = allGather(correct);
  if (!paired) {
    return { own: masked, total: whole, masked: whole, correct: right, contrast: tf.scalar(0), accuracy: tf.scalar(0) };
  }
  const { temperature, weight } = recipe.contrast;
  const [one, other] = [statesOf(0, first, 0, 1), statesOf(first, rows, 0, 1)].map(allGather);
  const { loss: contrast, accuracy } = ntXent(one, other, temperature), weighted = contrast.mul(weight);
  return { own: masked.add(weighted), total: whole.add(weighted), masked: whole, correct: right, contrast, accuracy };
}
