import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { chosenTokens, toTensors } from "@lib/training/batches.ts";
import { encode } from "@lib/bert/bert.ts";
import { encodePooled } from "@lib/bert/pooling.ts";
import { type Model, parametersOf } from "@lib/bert/parameters.ts";
import { loadCheckpoint } from "@lib/bert/checkpoint.ts";
import { CheckpointError } from "@lib/bert/hugging_face.ts";
import { tensorCount, tf } from "@lib/engine/mod.ts";
import { adamWScalars } from "@lib/training/optimizer/adamw.ts";
import { maskedEvaluation } from "@lib/training/masked_evaluation.ts";
import { trainingStep } from "@lib/training/training_step.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { goldenJson, goldenPath, goldenTensors, largestDifference } from "../support/golden.ts";
import { encoderBound } from "../support/rounding.ts";

interface Expected {
  f64: { loss: number; gradNorms: Record<string, number>; adamwLosses: number[] };
}

const expected = await goldenTensors("bert/expected.safetensors");
const numbers = (await goldenJson<Expected>("bert/expected.json.gz")).f64;
const ids = expected.get("input_ids")!.data as Int32Array;
const labels = expected.get("labels")!.data as Int32Array;
const [rows, length] = expected.get("input_ids")!.shape;
const attended = expected.get("attention_mask")!.data as Int32Array;
const lengths = Array.from(
  { length: rows },
  (_, row) => attended.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b),
);

const withModel = async (test: (model: Model) => Promise<void>) => {
  const model = await loadCheckpoint(goldenPath("bert"));
  try {
    await test(model);
  } finally {
    model.weights.dispose();
  }
};

/** The golden batch as the training step takes it. */
function goldenBatch() {
  const chosen = Array.from({ length: rows }, (_, row) => {
    const own = labels.subarray(row * length, (row + 1) * length);
    const positions = Array.from(own.keys()).filter((i) => own[i] >= 0);
    return { positions, labels: positions.map((i) => own[i]) };
  });
  const grid = chosenTokens(chosen, length, Math.max(...chosen.map(({ positions }) => positions.length)));
  return toTensors({ rows, length, lengths, ids: ids, ...grid });
}

Deno.test("hidden states of every layer equal Hugging Face's", () =>
  withModel(async (model) => {
    const states = await encode(model, ids, lengths);
    const golden = expected.get("hidden_states_f64")!;
    const hidden = golden.shape[3], size = rows * length * hidden;
    assertEquals(states.length, golden.shape[0]);
    states.forEach((state, layer) => {
      const want = (golden.data as Float64Array).subarray(layer * size, (layer + 1) * size);
      for (let row = 0; row < rows; row++) {
        const from = row * length * hidden, to = from + lengths[row] * hidden;
        assertLess(
          largestDifference(state.subarray(from, to), want.subarray(from, to)),
          encoderBound(model.config, length, 4),
        );
      }
    });
  }));

Deno.test("bar embeddings are the first states of every layer", () =>
  withModel(async (model) => {
    const [bars] = await encodePooled(model, ids, lengths, ["bar"]);
    assertLess(
      largestDifference(bars, expected.get("index0_f32")!.data as Float32Array),
      encoderBound(model.config, length, 4),
    );
  }));

Deno.test("a bar's states do not depend on its batch's padding", () =>
  withModel(async (model) => {
    const alone = await encode(model, ids.slice(length, length + lengths[1]), [lengths[1]]);
    const padded = await encode(model, ids, lengths);
    const hidden = model.config.hidden;
    alone.forEach((state, layer) => {
      const within = padded[layer].subarray(length * hidden, (length + lengths[1]) * hidden);
      assertLess(largestDifference(state, within), encoderBound(model.config, length, 4));
    });
  }));

Deno.test("the loss of masked tokens equals Hugging Face's", () =>
  withModel(async (model) => {
    const batch = goldenBatch();
    const [loss, guesses] = await maskedEvaluation(model.config)(model.weights, ...batch);
    assertLess(Math.abs(loss.dataSync()[0] - numbers.loss), 1e-5);
    tf.dispose([loss, guesses, ...batch]);
  }));

/** Compares five AdamW steps with PyTorch's. */
const compareSteps = (islands: boolean) =>
  withModel(async (model) => {
    const training = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 0 };
    const golden = recipe("sound", "smoke", { training: { ...training, islands, leastIsland: 0 } });
    const step = trainingStep("BERT", model.config, golden);
    const batch = goldenBatch();
    const seed = tf.tensor1d([0, 0], "int32");
    let state = [model.weights.clone(), tf.zerosLike(model.weights), tf.zerosLike(model.weights)];
    const losses: number[] = [];
    for (let i = 1; i <= 6; i++) {
      const scalars = adamWScalars(golden.training, i, 1e-3);
      const [weights, first, second, out, correct] = await step(...state, scalars, seed, seed, ...batch);
      losses.push(out.dataSync()[0]);
      if (i === 1) { // the first moment after one step is (1 − β₁) times the gradient
        const moment = first.dataSync();
        for (const { name, offset, size } of parametersOf(model.config)) {
          const norm = 10 * Math.hypot(...moment.subarray(offset, offset + size));
          const want = numbers.gradNorms[name];
          if (name.endsWith("key.bias")) assertLess(norm, 1e-6); // zero in exact arithmetic
          else assertLess(Math.abs(norm - want) / want, 1e-4, `${name}: ${norm}, expected ${want}`);
        }
      }
      tf.dispose([...state, scalars, out, correct]);
      state = [weights, first, second];
    }
    tf.dispose([...state, seed, ...batch]);
    losses.forEach((loss, i) => assertLess(Math.abs(loss - numbers.adamwLosses[i]) / loss, 1e-4));
  });

Deno.test("five AdamW steps lose what PyTorch's lose, and gradient norms agree", () => compareSteps(false));

Deno.test("so they do in XLA's islands", () => compareSteps(true));

Deno.test("encoding leaves no tensor behind", () =>
  withModel(async (model) => {
    await encodePooled(model, ids, lengths, ["bar", "notes"]);
    const before = tensorCount();
    await encodePooled(model, ids, lengths, ["bar", "notes"]);
    assertEquals(tensorCount(), before);
  }));

Deno.test("ids that do not fit are refused by name", () =>
  withModel(async (model) => {
    for (const id of [560, -1]) {
      await assertRejects(
        () => encode(model, Int32Array.of(4, id), [2]),
        RangeError,
        `ids[1] is ${id}, expected 0…559`,
      );
    }
    await assertRejects(() => encode(model, Int32Array.of(4, 5, 6), [2, 1]), RangeError, "3 ids for 2 lengths");
    for (const length of [3, 0, 1.5]) {
      await assertRejects(() => encode(model, Int32Array.of(4, 5), [length]), RangeError, `lengths[0] is ${length}`);
    }
    await assertRejects(() => encode(model, new Int32Array(513).fill(4), [513]), RangeError, "length ≤ 512, found 513");
    await assertRejects(() => encode(model, Int32Array.of(), []), RangeError, "found 0 ids for 0 lengths");
  }));

Deno.test("weights too large for float32 are an error, not embeddings of NaN", () =>
  withModel(async ({ config, weights }) => {
    const huge = weights.mul(1e30);
    for (const poolings of [["bar"], ["notes"]] as const) {
      await assertRejects(
        () => encodePooled({ config, weights: huge }, ids, lengths, poolings),
        CheckpointError,
        "finite",
      );
    }
    huge.dispose();
  }));
