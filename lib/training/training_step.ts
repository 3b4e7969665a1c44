/**
 * One optimizer step of a model: losses, their gradient, and the optimizer, compiled.
 * @module
 */
import { compares, type ModelName, variants } from "../bert/variants.ts";
import type { BertConfig } from "../bert/config.ts";
import { isMatrix, parameterCount, parametersOf } from "../bert/parameters.ts";
import { compile, onLibraryCpu, tf } from "../engine/mod.ts";
import type { Scalar, Tensor } from "../engine/types.ts";
import { joinFlat, splitFlat } from "../engine/ops.ts";
import { allSum, inShares, replicas, rowsBefore, shareOf } from "../engine/replicas.ts";
import { sumsOfWorkers } from "../engine/workers.ts";
import { type BatchTensors, contrastWeight, losses } from "./objectives.ts";
import { optimizerUpdate } from "./optimizer/update.ts";
import type { Division } from "./workers/share.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * The numbers that a step returns, in order. Of several workers two more follow: how many chosen tokens all guessed, and
 * how many workers want to stop.
 */
export const stepNumbers = ["loss", "masked", "contrast", "contrastAccuracy", "gradientNorm"] as const;

/** 1 for each element of a matrix, 0 for biases and LayerNorms: where `training.decayed: matrices` decays weights. */
export function decayMask(config: BertConfig): Tensor {
  const mask = new Float32Array(parameterCount(config));
  for (const p of parametersOf(config)) if (isMatrix(p)) mask.fill(1, p.offset, p.offset + p.size);
  return tf.tensor1d(mask);
}

/** This device's share of a batch, of rows of `views` blocks; all of it where the rows cannot be shared out, or are packed. */
function shared<T>(batch: BatchTensors, views: number, work: (own: BatchTensors) => T): T {
  if (batch[0].shape.length === 1) return work(batch);
  const [ids, bias, positions, labels, weights] = batch, [first] = positions.shape, length = ids.shape[1]!;
  if (replicas === 1 || first % replicas !== 0) return work(batch);
  return inShares(views, () => {
    const places = shareOf(positions, 1).sub(rowsBefore(first / replicas * length)); // of the device's own rows
    return work([shareOf(ids, views), shareOf(bias, views), places, shareOf(labels, 1), shareOf(weights, 1)]);
  });
}

/**
 * What a step is of: a model; whether its batches have second views (`paired`, by default those of all variants), and how
 * workers share them out.
 */
type StepKind = { paired?: boolean; division?: Division };

/** The losses of a batch and the flat gradient of their sum; both views of a variant pass as one batch of 2N rows. */
function lossesAndGradient(
  model: ModelName,
  config: BertConfig,
  recipe: Recipe,
  { paired, division }: StepKind & { paired: boolean },
) {
  const { views } = recipe, parameters = parametersOf(config);
  const drops = variants[model].dropout && (paired || views.dropoutSteps === "all");
  const rate = drops ? views.dropout : config.dropout;
  return (weights: Tensor, seed: Tensor, whole: BatchTensors) =>
    shared(whole, paired ? 2 : 1, (batch) => {
      const dropout = rate > 0 ? { rate, place: views.dropoutPlace, seed } : undefined;
      let parts: ReturnType<typeof losses>;
      const { grads } = tf.valueAndGrads((...tensors: Tensor[]) => {
        const named = new Map(parameters.map(({ name }, i) => [name, tensors[i]]));
        parts = losses(named, config, recipe, batch, paired, dropout, division?.shareOf(batch));
        Object.values(parts).forEach((tensor) => tf.keep(tensor)); // they would not outlive the gradient's scope
        return parts.own as Scalar;
      })(splitFlat(weights, parameters.map(({ shape }) => shape)));
      const { total, masked, correct, contrast, accuracy } = parts!;
      const guessed = division ? [correct.mul(weightsOf(batch).greater(0).cast("float32")).sum()] : [];
      const numbers = tf.stack([total, masked, contrast, accuracy, ...guessed]), right = correct.clone();
      tf.dispose(Object.values(parts!));
      return { gradient: allSum(joinFlat(grads)), numbers, correct: right };
    });
}

/** The weights of a batch's chosen tokens, packed or not. */
const weightsOf = (batch: BatchTensors): Tensor => batch[batch[0].shape.length === 1 ? 3 : 4];

/**
 * The first four of {@link stepNumbers} and `guessed`, of all workers, from one worker's and the sums of its second and
 * fifth.
 */
function numbersOfWorkers(own: Tensor, masked: Tensor, guessed: Tensor, recipe: Recipe): Tensor {
  const [loss, accuracy] = [2, 3].map((i) => own.slice([i], [1]));
  return tf.concat([masked.add(loss.mul(contrastWeight(recipe))), masked, loss, accuracy, guessed]);
}

/** The masked loss and the guessed tokens of a worker, which are summed. */
const summands = (numbers: Tensor): Tensor[] => [1, 4].map((i) => numbers.slice([i], [1]));

/** What of the scalars of a step follows those of AdamW: 1 if this worker wants to stop. */
const stopOf = (scalars: Tensor): Tensor => scalars.slice([3], [1]);

/**
 * What a step does with the gradient and the numbers of a batch, those of all workers by a division: the next state, and
 * its numbers.
 */
function updateOf(config: BertConfig, recipe: Recipe, division?: Division) {
  return (state: StepState, scalars: Tensor, decayed: Tensor, gradient: Tensor, numbers: Tensor): Tensor[] => {
    const [weights, first, second] = state;
    const update = (gradient: Tensor) => {
      const next = optimizerUpdate(config, { weights, first, second }, gradient, scalars, recipe.training, decayed);
      return { state: [next.weights, next.first, next.second], norm: next.norm.reshape([1]) };
    };
    if (!division) {
      const { state, norm } = update(gradient);
      return [...state, tf.concat([numbers, norm])];
    }
    const [sum, masked, guessed, stops] = sumsOfWorkers([gradient, ...summands(numbers), stopOf(scalars)]);
    const { state: next, norm } = update(sum), all = numbersOfWorkers(numbers, masked, guessed, recipe);
    return [...next, tf.concat([all.slice([0], [4]), norm, guessed, stops])];
  };
}

/** A compiled step; `prepare` traces it ahead for batches of such shapes, if that takes long and was not done yet. */
type CompiledStep = {
  (...inputs: Tensor[]): Promise<Tensor[]>;
  prepare(weights: Tensor, seed: Tensor, ...batch: BatchTensors): void;
};

/**
 * A compiled optimizer step of a model (STUDY §9.1):
 * (weights, first, second, scalars, seed, decay mask, ...batch) → [weights, first, second, numbers, correct]. The first
 * three inputs are given up (see `compile`). By a division the batch is this worker's part, and the scalars are one more:
 * 1 if it wants to stop.
 */
export function trainingStep(
  model: ModelName,
  config: BertConfig,
  recipe: Recipe,
  { paired = compares(model), division }: StepKind = {},
): CompiledStep {
  const differentiate = lossesAndGradient(model, config, recipe, { paired, division }),
    { islands, leastIsland } = recipe.training;
  const update = updateOf(config, recipe, division);
  if (!onLibraryCpu) {
    const whole = compile(`train_${model}`, (weights, first, second, scalars, seed, decayed, ...batch) => {
      const { gradient, numbers, correct } = differentiate(weights, seed, batch);
      return [...update([weights, first, second], scalars, decayed, gradient, numbers), correct];
    }, { islands, leastIsland, donated: [0, 1, 2], replicas });
    return Object.assign((...inputs: Tensor[]) => whole(...inputs), { prepare() {} });
  }
  // Two functions, since each length has to be traced, and an update does not depend on the length.
  const begin = compile(`gradient_${model}`, (weights, seed, ...batch) => {
    const { gradient, numbers, correct } = differentiate(weights, seed, batch);
    return [gradient, numbers, correct];
  }, { islands, leastIsland });
  const end = compile(`update_${model}`, (weights, first, second, scalars, decayed, gradient, numbers) => {
    return update([weights, first, second], scalars, decayed, gradient, numbers);
  }, { islands, leastIsland });
  const step = async (...[weights, first, second, scalars, seed, decayed, ...batch]: Tensor[]) => {
    const [gradient, numbers, correct] = await begin(weights, seed, ...batch);
    const next = await end(weights, first, second, scalars, decayed, gradient, numbers);
    tf.dispose([gradient, numbers]);
    return [...next, correct];
  };
  return Object.assign(step, { prepare: (...inputs: Tensor[]) => begin.prepare?.(...inputs) });
}

/** The state of an optimizer between steps: weights and both moments. */
export type StepState = [weights: Tensor, first: Tensor, second: Tensor];

type StepInputs = [state: StepState, batches: BatchTensors[], scalars: Tensor, seeds: number[][], mask: Tensor];
type Numbers = { numbers: Float32Array; correct: Float32Array[] };
/**
 * A step that is queued: its state is there at once, `read` waits for its numbers. `prepare` traces ahead what batches of
 * such shapes need, where that takes long; it disposes of the batches.
 */
export type QueuedStep = {
  (...inputs: StepInputs): Promise<{ state: StepState; read: () => Promise<Numbers> }>;
  prepare(weights: Tensor, batches: BatchTensors[]): void;
};
type OptimizerStep = (...inputs: StepInputs) => Promise<{ state: StepState } & Numbers>;

/**
 * Compiles one optimizer step over one or more batches, whose gradients are averaged (`training.accumulate`).
 *
 * The step takes and disposes of the state, its batches, and `adamWScalars`; two int32 for each batch fix its dropout,
 * and {@link decayMask} stays the caller's. It returns the next state, which the caller disposes of; the means of
 * {@link stepNumbers} over its batches; and for each batch, N·K: 1 where a chosen token was guessed. It runs on other
 * threads as soon as it is called.
 */
export function optimizerStep(model: ModelName, config: BertConfig, recipe: Recipe): OptimizerStep {
  const queue = queuedStep(model, config, recipe);
  return async (...inputs) => {
    const { state, read } = await queue(...inputs);
    return { state, ...await read() };
  };
}

/**
 * As {@link optimizerStep}, but the state may go into the next step before the numbers are read, so that a device has
 * work meanwhile. `read` must be called once; it frees what it reads.
 */
export function queuedStep(
  model: ModelName,
  config: BertConfig,
  recipe: Recipe,
  { paired = compares(model), division }: StepKind = {},
): QueuedStep {
  const whole = trainingStep(model, config, recipe, { paired, division }), { islands, leastIsland } = recipe.training;
  const differentiate = lossesAndGradient(model, config, recipe, { paired, division });
  const add = compile(`gradient_${model}`, (weights, sum, share, seed, ...batch) => {
    const { gradient, numbers, correct } = differentiate(weights, seed, batch as BatchTensors);
    const told = () => {
      const [masked, guessed] = sumsOfWorkers(summands(numbers));
      return numbersOfWorkers(numbers, masked, guessed, recipe);
    };
    return [sum.add(gradient.mul(share)), division ? told() : numbers, correct];
  }, { islands, leastIsland, donated: [1], replicas });
  const update = compile("update", (weights, first, second, gradient, scalars, mask) => {
    const [sum, ...stops] = sumsOfWorkers(division ? [gradient, stopOf(scalars)] : [gradient]);
    const next = optimizerUpdate(config, { weights, first, second }, sum, scalars, recipe.training, mask);
    return [next.weights, next.first, next.second, tf.concat([next.norm.reshape([1]), ...stops])];
  }, { islands, leastIsland, donated: [0, 1, 2], replicas });

  /** Reads tensors together, and frees them. */
  const readAll = async (tensors: Tensor[]): Promise<Float32Array[]> => {
    const values = await Promise.all(tensors.map((tensor) => tensor.data<"float32">()));
    tf.dispose(tensors);
    return values;
  };

  async function one(state: StepState, batch: BatchTensors, scalars: Tensor, seed: Tensor, mask: Tensor) {
    const [weights, first, second, numbers, right] = await whole(...state, scalars, seed, mask, ...batch);
    const read = async () => {
      const [values, correct] = await readAll([numbers, right]);
      return { numbers: values, correct: [correct] };
    };
    return { state: [weights, first, second] as StepState, read };
  }

  async function several(state: StepState, batches: BatchTensors[], scalars: Tensor, seeds: Tensor[], mask: Tensor) {
    const share = tf.scalar(1 / batches.length), results: Tensor[] = [];
    let sum: Tensor = tf.zerosLike(state[0]);
    for (const [i, batch] of batches.entries()) {
      const outputs = await add(state[0], sum, share, seeds[i], ...batch);
      results.push(outputs[1], outputs[2]);
      sum.dispose();
      sum = outputs[0];
    }
    const [weights, first, second, norm] = await update(...state, sum, scalars, mask);
    tf.dispose([share, sum]);
    const read = async () => {
      const values = await readAll([...results, norm]),
        pairs = batches.map((_, i) => [values[2 * i], values[2 * i + 1]]);
      const sum = (k: number) => pairs.reduce((sum, [numbers]) => sum + numbers[k], 0),
        [length, stops] = values.at(-1)!;
      const means = [0, 1, 2, 3].map((k) => sum(k) / batches.length);
      const numbers = Float32Array.from([...means, length, ...(division ? [sum(4), stops] : [])]);
      return { numbers, correct: pairs.map(([, correct]) => correct) };
    };
    return { state: [weights, first, second] as StepState, read };
  }

  function prepare(weights: Tensor, batches: BatchTensors[]): void {
    const seed = tf.tensor1d([0, 0], "int32"), share = tf.scalar(1);
    for (const batch of batches) {
      if (batches.length === 1) whole.prepare(weights, seed, ...batch);
      else add.prepare?.(weights, weights, share, seed, ...batch);
    }
    tf.dispose([seed, share, ...batches.flat()]);
  }

  const queue = async (...[state, batches, scalars, seeds, mask]: StepInputs) => {
    const seedTensors = seeds.map((seed) => tf.tensor1d(seed, "int32"));
    try {
      return await (batches.length === 1
        ? one(state, batches[0], scalars, seedTensors[0], mask)
        : several(state, batches, scalars, seedTensors, mask));
    } finally {
      tf.dispose([...state, ...batches.flat(), scalars, ...seedTensors]);
    }
  };
  return Object.assign(queue, { prepare });
}
