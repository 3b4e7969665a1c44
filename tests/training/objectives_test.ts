import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { tensorCount, tf } from "@lib/engine/mod.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { encode } from "@lib/bert/bert.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert, unflatten } from "@lib/bert/parameters.ts";
import { chosenTokens, padRows, toTensors } from "@lib/training/batches.ts";
import { losses, maskedLoss, ntXent } from "@lib/training/objectives.ts";
import { recipe, RecipeError } from "@lib/recipe/recipe.ts";
import { goldenJson, largestDifference } from "../support/golden.ts";
import { plantedBar } from "../support/planted_corpus.ts";

interface Case {
  name: string;
  temperature: number;
  z1: number[][];
  z2: number[][];
  f64: { loss: number; accuracy: number; grad1: number[][]; grad2: number[][] };
}

Deno.test("NT-Xent's loss, accuracy and gradient equal the authors'", async () => {
  const before = tensorCount();
  const { cases } = await goldenJson<{ cases: Case[] }>("ntxent.json.gz");
  for (const { z1, z2, temperature, f64 } of cases) {
    const views = [tf.tensor2d(z1), tf.tensor2d(z2)];
    const { loss, accuracy } = tf.tidy(() => ntXent(views[0], views[1], temperature));
    const gradients = tf.grads((a: Tensor, b: Tensor) => ntXent(a, b, temperature).loss)(views);
    assertLess(Math.abs(loss.dataSync()[0] - f64.loss), 1e-5);
    assertLess(Math.abs(accuracy.dataSync()[0] - f64.accuracy), 1e-6);
    assertLess(largestDifference(gradients[0].dataSync(), f64.grad1.flat()), 1e-5);
    assertLess(largestDifference(gradients[1].dataSync(), f64.grad2.flat()), 1e-5);
    tf.dispose([...views, loss, accuracy, ...gradients]);
  }
  assertEquals(tensorCount(), before);
});

/** NT-Xent's numbers of two lists of vectors. */
function numbers(first: number[][], second: number[][], temperature: number): [number, number] {
  return tf.tidy(() => {
    const { loss, accuracy } = ntXent(tf.tensor2d(first), tf.tensor2d(second), temperature);
    return [loss.dataSync()[0], accuracy.dataSync()[0]];
  });
}

Deno.test("NT-Xent of equal vectors is ln(2N − 1)", () => {
  const same = [[1, 2], [1, 2], [1, 2]];
  assertLess(Math.abs(numbers(same, same, 0.1)[0] - Math.log(5)), 1e-5);
});

Deno.test("NT-Xent of orthogonal pairs is ln(1 + (2N − 2)·e^(−1/τ)), and every positive is found", () => {
  const axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  const [loss, accuracy] = numbers(axes, axes.map((v) => v.map((x) => 3 * x)), 0.5);
  assertLess(Math.abs(loss - Math.log(1 + 4 * Math.exp(-2))), 1e-5);
  assertEquals(accuracy, 1);
});

Deno.test("a swapped pair is not found", () => {
  const axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  const [, accuracy] = numbers(axes, [axes[1], axes[0], axes[2]], 0.1);
  assertLess(Math.abs(accuracy - 1 / 3), 1e-6);
});

Deno.test("masked loss leaves filling out", () => {
  const [loss, correct] = tf.tidy(() => {
    const logits = tf.tensor2d([[Math.log(3), 0], [0, Math.log(3)], [0, 9]]);
    const result = maskedLoss(logits, tf.tensor1d([0, 0, 0], "int32"), tf.tensor1d([1, 1, 0]));
    return [result.loss.dataSync()[0], Array.from(result.correct.dataSync())];
  });
  assertLess(Math.abs(loss as number - (-Math.log(0.75) - Math.log(0.25)) / 2), 1e-6);
  assertEquals(correct, [1, 0, 0]);
});

Deno.test("the authors' encoder has no bfloat16", () => {
  assertThrows(
    () => recipe("authors", "demo", { training: { precision: "bfloat16" } }),
    RecipeError,
    "bfloat16 needs model.encoder bert",
  );
});

Deno.test("a pair's losses are MLM of the first views alone plus α times NT-Xent of all first tokens", async () => {
  const choices = recipe("sound", "smoke", {
    model: { init: "torch", dropout: 0 },
    contrast: { weight: 0.7, temperature: 0.3 },
  });
  const config = bertConfig(choices), model = createBert(config, 6), rows = [[60, 62, 64], [70, 71], [40], [50, 51]];
  const tokens = rows.map((pitches) => plantedBar(pitches)), lengths = tokens.map((row) => row.length), length = 20;
  const chosen = [{ positions: [3, 5], labels: [20, 201] }, { positions: [4], labels: [199] }];
  const batch = { rows: 2, length, ids: padRows(tokens, length), lengths, ...chosenTokens(chosen, length, 2) };
  const alone = { ...batch, ids: padRows(tokens.slice(0, 2), length), lengths: lengths.slice(0, 2) };
  const states = (await encode(model, batch.ids, lengths)).at(-1)!, { hidden } = config;
  tf.tidy(() => {
    const parameters = unflatten(config, model.weights);
    const pair = losses(parameters, config, choices, toTensors(batch), true);
    const first = losses(parameters, config, choices, toTensors(alone), false);
    const bar = (row: number) => Array.from(states.slice(row * length * hidden, (row * length + 1) * hidden));
    const [contrast] = numbers([bar(0), bar(1)], [bar(2), bar(3)], 0.3);
    const value = (tensor: Tensor) => tensor.dataSync()[0];
    assertLess(Math.abs(value(pair.masked) - value(first.masked)), 1e-5);
    assertLess(Math.abs(value(pair.contrast) - contrast), 1e-4);
    assertLess(Math.abs(value(pair.total) - (value(first.masked) + 0.7 * contrast)), 1e-4);
    assertEquals([value(first.total), value(first.contrast)], [value(first.masked), 0]);
    assertEquals(Array.from(pair.correct.dataSync()), Array.from(first.correct.dataSync()));
  });
  model.weights.dispose();
});
