/**
 * What the models are trained for: masked tokens (MLM) and, for the variants, NT-Xent between two views of a bar.
 * @module
 */
import { type ModelName, variants } from "../bert/variants.ts";
import type { BertConfig } from "../bert/config.ts";
import { hiddenStates, mlmLogits } from "../bert/bert.ts";
import type { Dropout } from "../bert/dropout.ts";
import { isMatrix, parametersOf, unflatten } from "../bert/parameters.ts";
import { compile, engineInfo, tf } from "../engine/mod.ts";
import type { Compiled, Scalar, Tensor, Tensor2D } from "../engine/types.ts";
import { crossEntropy, gatherRows, joinFlat, splitFlat } from "../engine/ops.ts";
import type { Precision } from "../engine/raw.ts";
import { adamW } from "./optimizer.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * Mean cross-entropy of the chosen tokens (study §8.3).
 *
 * @param logits M × vocabulary
 * @param labels M, int32
 * @param weights M: 1 for a chosen token, 0 for filling
 * @returns the loss in nats, `guesses`: M, the arg-max ids, and `correct`: M, 1 where they are the labels
 */
export function maskedLoss(
  logits: Tensor,
  labels: Tensor,
  weights: Tensor,
): { loss: Tensor; guesses: Tensor; correct: Tensor } {
  const loss = crossEntropy(logits, labels).mul(weights).sum().div(weights.sum()), guesses = logits.argMax(1);
  return { loss, guesses, correct: guesses.equal(labels).cast("float32") };
}

/**
 * NT-Xent over 2N anchors (Chen et al. 2020; study §9.2): cosine similarities over τ, the other view against 2N − 2.
 *
 * @param first N × width, raw
 * @param second N × width, row i the other view of row i
 * @returns the mean loss in nats, and the share of anchors whose positive is the most similar of 2N − 1
 */
export function ntXent(first: Tensor, second: Tensor, temperature: number): { loss: Tensor; accuracy: Tensor } {
  const rows = first.shape[0];
  const states = tf.concat([first, second], 0); // 2N × width
  const unit = states.div(states.square().sum(1, true).sqrt().maximum(1e-8)) as Tensor2D;
  const itself = tf.eye(2 * rows).mul(-1e9);
  const logits = tf.matMul(unit, unit, false, true).div(temperature).add(itself); // 2N × 2N
  const labels = tf.tensor1d(Array.from({ length: 2 * rows }, (_, i) => (i + rows) % (2 * rows)), "int32");
  return {
    loss: crossEntropy(logits, labels).mean(),
    accuracy: logits.argMax(1).equal(labels).cast("float32").mean(),
  };
}

/** A batch on the device; see `Batch` in batches.ts for what the rows hold. */
export interface BatchTensors {
  /** rows × length; a variant's second views follow its N first ones. */
  ids: Tensor;
  /** rows × 1 × 1 × length. */
  bias: Tensor;
  /** N × K: flat positions (row · length + column) of the first views' chosen tokens, each row's in its own line. */
  positions: Tensor;
  /** N·K: the tokens that stood there. */
  labels: Tensor;
  /** N·K: 1 for a chosen token, 0 for filling. */
  weights: Tensor;
}

const batchOf = ([ids, bias, positions, labels, weights]: Tensor[]): BatchTensors => ({
  ids,
  bias,
  positions,
  labels,
  weights,
});

/** The tensors of a batch in the order the compiled steps take them. */
export const batchInputs = ({ ids, bias, positions, labels, weights }: BatchTensors): Tensor[] => [
  ids,
  bias,
  positions,
  labels,
  weights,
];

/** The element type of the training step's products on this machine (`training.precision`). */
export function precisionOf({ training, model }: Recipe): Precision {
  if (training.precision !== "auto") return training.precision;
  const { engine, device } = engineInfo();
  return engine === "libtensorflow" && device === "GPU" && model.encoder === "bert" ? "bfloat16" : "float32";
}

/** The flat positions of the rows' first tokens: rows × 1. */
const firstTokens = (rows: number, length: number): Tensor =>
  tf.range(0, rows * length, length, "int32").reshape([rows, 1]);

/** The losses of a batch; `contrast` 0 where there is none. */
function losses(
  parameters: Map<string, Tensor>,
  config: BertConfig,
  recipe: Recipe,
  batch: BatchTensors,
  paired: boolean,
  dropout?: Dropout,
) {
  const [rows, length] = batch.ids.shape as [number, number], precision = precisionOf(recipe);
  const [first, K] = batch.positions.shape as [number, number];
  const bars = firstTokens(rows, length);
  // of a pair's second views only the first token counts; their other K places are filled with it
  const filling = () => bars.slice([first, 0], [rows - first, 1]).tile([1, K]);
  const only = paired ? tf.concat([bars, tf.concat([batch.positions, filling()], 0)], 1) : batch.positions;
  const last = hiddenStates(parameters, config, batch.ids, batch.bias, { dropout, only, precision }).at(-1)!;
  const asked = (from: number, to: number, column: number, count: number) => {
    const [row, tokens] = [tf.range(from, to, 1, "int32"), tf.range(column, column + count, 1, "int32")];
    return gatherRows(last, row.mul(tf.scalar(K + 1, "int32")).reshape([-1, 1]).add(tokens).flatten());
  };
  const chosen = paired ? asked(0, first, 1, K) : last; // N·K × hidden
  const logits = mlmLogits(parameters, config, chosen, precision);
  const { loss: masked, correct } = maskedLoss(logits, batch.labels, batch.weights);
  if (!paired) return { total: masked, masked, correct, contrast: tf.scalar(0), accuracy: tf.scalar(0) };
  const { loss: contrast, accuracy } = ntXent(
    asked(0, first, 0, 1),
    asked(first, rows, 0, 1),
    recipe.contrast.temperature,
  );
  return { total: masked.add(contrast.mul(recipe.contrast.weight)), masked, correct, contrast, accuracy };
}

/** The numbers a step returns, in order. */
export const stepNumbers = ["loss", "masked", "contrast", "contrastAccuracy", "gradientNorm"] as const;

/** 1 for each element of a matrix, 0 for biases and LayerNorms; for weight decay that spares them. */
export function decayMask(config: BertConfig): Tensor {
  const parameters = parametersOf(config);
  const last = parameters.at(-1)!;
  const mask = new Float32Array(last.offset + last.size);
  for (const p of parameters) if (isMatrix(p)) mask.fill(1, p.offset, p.offset + p.size);
  return tf.tensor1d(mask);
}

/** The losses of a batch and the flat gradient of their sum; both views of a variant pass as one batch of 2N rows. */
function lossesAndGradient(model: ModelName, config: BertConfig, recipe: Recipe) {
  const { view, dropout: drops } = variants[model];
  const rate = drops ? recipe.views.dropout : config.dropout;
  const shapes = parametersOf(config).map(({ shape }) => shape);
  const names = parametersOf(config).map(({ name }) => name);
  return (weights: Tensor, seed: Tensor, batch: BatchTensors) => {
    const dropout = rate > 0 ? { rate, place: recipe.views.dropoutPlace, seed } : undefined;
    let parts: ReturnType<typeof losses>;
    const { grads } = tf.valueAndGrads((...tensors: Tensor[]) => {
      const parameters = new Map(names.map((name, i) => [name, tensors[i]]));
      parts = losses(parameters, config, recipe, batch, view !== "none", dropout);
      Object.values(parts).forEach((tensor) => tf.keep(tensor)); // they would not outlive the gradient's scope
      return parts.total as Scalar;
    })(splitFlat(weights, shapes));
    const { total, masked, correct, contrast, accuracy } = parts!;
    const numbers = tf.stack([total, masked, contrast, accuracy]), right = correct.clone();
    tf.dispose(Object.values(parts!));
    return { gradient: joinFlat(grads), numbers, correct: right };
  };
}

/**
 * A compiled optimizer step of a model:
 * (weights, first, second, scalars, seed, decay mask, ...batch) → [weights, first, second, numbers, correct].
 *
 * Both views of a variant pass the encoder as one batch of 2N rows; MLM counts the first N only (study §9.1).
 */
export function trainingStep(model: ModelName, config: BertConfig, recipe: Recipe): Compiled {
  const differentiate = lossesAndGradient(model, config, recipe);
  return compile(`train_${model}`, (weights, first, second, scalars, seed, decayed, ...inputs) => {
    const { gradient, numbers, correct } = differentiate(weights, seed, batchOf(inputs));
    const spared = recipe.training.decayed === "matrices" ? decayed : undefined;
    const next = adamW({ weights, first, second }, gradient, scalars, recipe.training, spared);
    return [next.weights, next.first, next.second, tf.concat([numbers, next.norm.reshape([1])]), correct];
  }, { islands: recipe.training.islands });
}

/** The state of an optimizer, as the training loop holds it: weights and both moments. */
export type StepState = [weights: Tensor, first: Tensor, second: Tensor];

/** What a step brought. */
export interface StepResult {
  /** Weights and moments after the step; they belong to the caller. */
  state: StepState;
  /** In the order of {@link stepNumbers}; means over the step's batches. */
  numbers: Float32Array;
  /** For each batch, N·K: 1 where a chosen token was guessed. */
  correct: Float32Array[];
}

/**
 * One optimizer step over one or more batches, whose gradients are averaged (`training.accumulate`).
 *
 * @param state disposed of by the step
 * @param batches as {@link batchInputs} orders them; disposed of by the step
 * @param scalars see `adamWScalars` in optimizer.ts; disposed of by the step
 * @param seeds for each batch two int32 that fix its dropout
 * @param mask see {@link decayMask}; it stays the caller's
 */
export type OptimizerStep = (
  state: StepState,
  batches: Tensor[][],
  scalars: Tensor,
  seeds: [number, number][],
  mask: Tensor,
) => Promise<StepResult>;

/**
 * Compiles a model's {@link OptimizerStep}.
 *
 * The step runs on other threads as soon as it is called: what the caller does before awaiting it goes on meanwhile.
 */
export function optimizerStep(model: ModelName, config: BertConfig, recipe: Recipe): OptimizerStep {
  const whole = trainingStep(model, config, recipe), { islands, decayed } = recipe.training;
  const differentiate = lossesAndGradient(model, config, recipe);
  const add = compile(`gradient_${model}`, (weights, sum, share, seed, ...inputs) => {
    const { gradient, numbers, correct } = differentiate(weights, seed, batchOf(inputs));
    return [sum.add(gradient.mul(share)), numbers, correct];
  }, { islands });
  const update = compile("update", (weights, first, second, gradient, scalars, mask) => {
    const spared = decayed === "matrices" ? mask : undefined;
    const next = adamW({ weights, first, second }, gradient, scalars, recipe.training, spared);
    return [next.weights, next.first, next.second, next.norm];
  }, { islands });

  async function one(state: StepState, batch: Tensor[], scalars: Tensor, seed: Tensor, mask: Tensor) {
    const [weights, first, second, numbers, correct] = await whole(...state, scalars, seed, mask, ...batch);
    const read = { numbers: await numbers.data<"float32">(), correct: [await correct.data<"float32">()] };
    tf.dispose([numbers, correct]);
    return { state: [weights, first, second] as StepState, ...read };
  }

  async function several(state: StepState, batches: Tensor[][], scalars: Tensor, seeds: Tensor[], mask: Tensor) {
    const share = tf.scalar(1 / batches.length), means = new Float32Array(stepNumbers.length);
    const correct: Float32Array[] = [];
    let sum: Tensor = tf.zerosLike(state[0]);
    for (const [i, batch] of batches.entries()) {
      const outputs = await add(state[0], sum, share, seeds[i], ...batch);
      (await outputs[1].data()).forEach((number, k) => means[k] += number / batches.length);
      correct.push(await outputs[2].data<"float32">());
      tf.dispose([sum, outputs[1], outputs[2]]);
      sum = outputs[0];
    }
    const [weights, first, second, norm] = await update(...state, sum, scalars, mask);
    means[means.length - 1] = (await norm.data())[0];
    tf.dispose([share, sum, norm]);
    return { state: [weights, first, second] as StepState, numbers: means, correct };
  }

  return async (state, batches, scalars, seeds, mask) => {
    const held = seeds.map((seed) => tf.tensor1d(seed, "int32"));
    try {
      return await (batches.length === 1
        ? one(state, batches[0], scalars, held[0], mask)
        : several(state, batches, scalars, held, mask));
    } finally {
      tf.dispose([...state, ...batches.flat(), scalars, ...held]);
    }
  };
}

/**
 * A compiled evaluation of masked tokens: (weights, ...batch) → [mean loss, correct, arg-max ids]; no dropout.
 */
export function maskedEvaluation(config: BertConfig): Compiled {
  return compile("evaluate_masked", (weights, ...inputs) => {
    const batch = batchOf(inputs), parameters = unflatten(config, weights);
    const last = hiddenStates(parameters, config, batch.ids, batch.bias, { only: batch.positions }).at(-1)!;
    const logits = mlmLogits(parameters, config, last);
    const { loss, correct, guesses } = maskedLoss(logits, batch.labels, batch.weights);
    return [loss, correct, guesses];
  });
}

/**
 * A compiled evaluation of pairs: (weights, seed, ids, bias) → [NT-Xent loss, accuracy].
 *
 * @param dropout the rate, for views that only dropout tells apart; 0 = evaluation mode
 */
export function contrastEvaluation(config: BertConfig, recipe: Recipe, dropout: number): Compiled {
  return compile("evaluate_contrast", (weights, seed, ids, bias) => {
    const [rows, length] = ids.shape as [number, number];
    const drops = dropout > 0 ? { rate: dropout, place: recipe.views.dropoutPlace, seed } : undefined;
    const only = firstTokens(rows, length), pass = { dropout: drops, only };
    const bars = hiddenStates(unflatten(config, weights), config, ids, bias, pass).at(-1)!; // rows × hidden
    const views = tf.split(bars as Tensor2D, 2) as [Tensor, Tensor];
    const { loss, accuracy } = ntXent(...views, recipe.contrast.temperature);
    return [loss, accuracy];
  });
}
