/** Checks gradients by finite differences. @module */
import { assertLess } from "@std/assert";
import { compile, tf } from "@lib/engine/mod.ts";
import type { Scalar, Tensor } from "@lib/engine/types.ts";
import { largestDifference } from "./golden.ts";
import { drawer } from "./tensors.ts";

const draw = drawer("gradients");

/** Asserts that the gradients of Σ f(x)·w equal central differences: eager, traced, and with XLA's islands. */
export async function checkGradients(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: Tensor[],
  tolerance = 5e-3,
): Promise<void> {
  const weights = tf.tidy(() => draw(f(...inputs).shape));
  const scalar = (...xs: Tensor[]) => f(...xs).mul(weights).sum() as Scalar;
  const gradients = tf.grads(scalar)(inputs);
  const traced = await compile("gradients", (...xs) => tf.grads(scalar)(xs))(...inputs);
  const islands = await compile("gradients", (...xs) => tf.grads(scalar)(xs), { islands: true })(...inputs);
  const step = 1e-2;
  inputs.forEach((input, which) => {
    const values = input.dataSync(), numeric = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const at = (delta: number) =>
        tf.tidy(() => {
          const moved = Float32Array.from(values);
          moved[i] += delta;
          const shifted = inputs.map((x, j) => j === which ? tf.tensor(moved, input.shape) : x);
          return scalar(...shifted).dataSync()[0];
        });
      numeric[i] = (at(step) - at(-step)) / (2 * step);
    }
    const eager = gradients[which].dataSync();
    assertLess(largestDifference(eager, numeric), tolerance, `input ${which}: ${eager} is not ${numeric}`);
    assertLess(largestDifference(traced[which].dataSync(), eager), 1e-5, `input ${which}: traced is not eager`);
    assertLess(largestDifference(islands[which].dataSync(), eager), 1e-5, `input ${which}: islands are not eager`);
  });
  tf.dispose([...gradients, ...traced, ...islands, weights, ...inputs]);
}
