import { assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert, parametersOf } from "@lib/bert/parameters.ts";
import type { ModelName } from "@lib/bert/variants.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { tensorCount, tf } from "@lib/engine/mod.ts";
import { type BatchPlan, toTensors, trainingBatch, trainingPlans } from "@lib/training/batches.ts";
import { adamWScalars } from "@lib/training/optimizer/adamw.ts";
import { decayMask, optimizerStep, trainingStep } from "@lib/training/training_step.ts";
import { largestDifference } from "../support/golden.ts";
import { choices, smallCorpus } from "../support/small_run.ts";

const corpus = await smallCorpus();

Deno.test("a step over two batches has the mean of their gradients, and two alike count as one", async () => {
  const config = bertConfig(choices), step = optimizerStep("BERT", config, choices), mask = decayMask(config);
  const plans = trainingPlans(corpus, choices, "BERT"), [a, b] = [plans.next().value, plans.next().value];
  const run = async (...parts: BatchPlan[]) => {
    const { weights } = createBert(config, 1);
    const batches = parts.map((plan) => toTensors(trainingBatch(corpus, plan, choices, "BERT")));
    const seeds = parts.map((_, i): [number, number] => [0, i]);
    const zeros = (): Tensor => tf.zerosLike(weights);
    const scalars = adamWScalars(choices.training, 1, 1e-3);
    const { state, numbers } = await step([weights, zeros(), zeros()], batches, scalars, seeds, mask);
    const read = { moment: state[1].dataSync(), weights: state[0].dataSync(), loss: numbers[0], norm: numbers[4] };
    tf.dispose(state);
    return read;
  };
  const one = await run(a), before = tensorCount();
  const [other, both, twice] = [await run(b), await run(a, b), await run(a, a)];
  assertEquals(tensorCount(), before);
  const mean = one.moment.map((v, i) => (v + other.moment[i]) / 2); // after one step: (1 − β₁) times the gradient
  assertLess(largestDifference(both.moment, mean), 1e-6 * Math.hypot(...mean) + 1e-8);
  assertLess(Math.abs(both.loss - (one.loss + other.loss) / 2), 1e-5);
  assertLess(Math.abs(both.norm - 10 * Math.hypot(...mean)) / both.norm, 1e-4);
  assertLess(largestDifference(twice.weights, one.weights), 1e-6);
  mask.dispose();
});

Deno.test("weight decay spares biases and LayerNorms under `matrices`, and nothing under `all`", async () => {
  const config = bertConfig(choices), plan = trainingPlans(corpus, choices, "BERT").next().value;
  const mask = decayMask(config), seed = tf.tensor1d([0, 0], "int32");
  const after = async (weightDecay: number, decayed: "matrices" | "all") => {
    const training = { ...choices.training, weightDecay, decayed };
    const { weights } = createBert(config, 1), batch = toTensors(trainingBatch(corpus, plan, choices, "BERT"));
    const shifted = weights.add(1), zeros = [tf.zerosLike(weights), tf.zerosLike(weights)];
    const scalars = adamWScalars(training, 1, 0.01);
    const step = trainingStep("BERT", config, { ...choices, training });
    const outputs = await step(shifted, ...zeros, scalars, seed, mask, ...batch), moved = outputs[0].dataSync();
    const before = shifted.dataSync();
    tf.dispose([weights, shifted, ...zeros, scalars, ...batch, ...outputs]);
    return { before, moved };
  };
  const none = await after(0, "all");
  for (const decayed of ["matrices", "all"] as const) {
    const { before, moved } = await after(0.5, decayed);
    for (const { name, offset } of parametersOf(config)) {
      const spared = decayed === "matrices" && /bias$|LayerNorm/.test(name);
      const decay = none.moved[offset] - moved[offset]; // 0.01 · 0.5 of the weight
      assertAlmostEquals(decay, spared ? 0 : 0.005 * before[offset], 1e-6, name);
    }
  }
  tf.dispose([mask, seed]);
});

Deno.test("a step's numbers are the loss, its two parts, the contrast's accuracy and the gradient's norm", async () => {
  const config = bertConfig(choices), mask = decayMask(config);
  for (const model of ["BERT", "BERT-aug"] as const) {
    const { weights } = createBert(config, 1), plan = trainingPlans(corpus, choices, model).next().value;
    const batch = toTensors(trainingBatch(corpus, plan, choices, model));
    const { numbers, state } = await optimizerStep(model, config, choices)(
      [weights, tf.zerosLike(weights), tf.zerosLike(weights)],
      [batch],
      adamWScalars(choices.training, 1, 1e-3),
      [[0, 1]],
      mask,
    );
    const [loss, masked, contrast, accuracy, norm] = numbers;
    assertAlmostEquals(loss, masked + 0.1 * contrast, 1e-5);
    assertLess(Math.abs(masked - Math.log(560)), 0.3);
    if (model === "BERT") assertEquals([contrast, accuracy], [0, 0]);
    else assertLess(Math.abs(contrast - Math.log(2 * plan.bars.length - 1)), 3);
    const gradient = state[1].dataSync(); // (1 − β₁) times the gradient, which is not clipped beyond its norm
    assertLess(Math.abs(10 * Math.hypot(...gradient) / Math.min(norm, choices.training.clipNorm || norm) - 1), 1e-3);
    tf.dispose(state);
  }
  mask.dispose();
});

Deno.test("without second views BERT-dropout's step is BERT's, where dropout is of compared steps alone", async () => {
  const config = bertConfig(choices), mask = decayMask(config), { weights } = createBert(config, 1);
  const plan = trainingPlans(corpus, choices, "BERT").next().value, seed = tf.tensor1d([0, 1], "int32");
  const moved = async (model: ModelName, dropoutSteps: "all" | "compared") => {
    const own = { ...choices, views: { ...choices.views, dropoutSteps } };
    const batch = toTensors(trainingBatch(corpus, plan, own, "BERT")), scalars = adamWScalars(own.training, 1, 1e-3);
    const zeros = [tf.zerosLike(weights), tf.zerosLike(weights)];
    const step = trainingStep(model, config, own, { paired: false });
    const outputs = await step(weights, ...zeros, scalars, seed, mask, ...batch), values = outputs[1].dataSync();
    tf.dispose([...zeros, scalars, ...batch, ...outputs]);
    return values;
  };
  const plain = await moved("BERT", "compared");
  assertEquals(await moved("BERT-dropout", "compared"), plain);
  assertGreater(largestDifference(await moved("BERT-dropout", "all"), plain), 1e-4 * Math.max(...plain.map(Math.abs)));
  tf.dispose([mask, weights, seed]);
});
