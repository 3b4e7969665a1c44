import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { tf } from "@lib/engine/mod.ts";
import { adamW, adamWScalars, clipping, learningRate } from "@lib/training/optimizer/adamw.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { largestDifference } from "../../support/golden.ts";
import { tidily } from "../../support/tensors.ts";

const plain = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clipNorm: 0 };

/** Steps of AdamW from weights 10 and 20 with a learning rate of 0.1; the state after the last. */
function run(gradients: number[][], config: typeof plain, decayed?: number[]) {
  return tf.tidy(() => {
    let state = { weights: tf.tensor1d([10, 20]), first: tf.tensor1d([0, 0]), second: tf.tensor1d([0, 0]) };
    let norm = NaN;
    gradients.forEach((gradient, i) => {
      const mask = decayed && tf.tensor1d(decayed);
      const slope = tf.tensor1d(gradient), clipped = clipping(slope, config.clipNorm);
      state = adamW(state, slope, adamWScalars(config, i + 1, 0.1), config, mask, clipped.kept) as typeof state;
      norm = clipped.norm.dataSync()[0];
    });
    const { weights, first, second } = state;
    return [weights, first, second].map((tensor) => Array.from(tensor.dataSync())).concat([[norm]]);
  });
}

const near = (got: number[][], want: number[][]) =>
  got.forEach((values, i) => assertLess(largestDifference(values, want[i]), 2e-5, `${got}`));

Deno.test(
  "two steps worked out by hand: moments, bias correction, and the move along the corrected mean",
  tidily(() => {
    // step 1: m = 0.1·g, v = 0.01·g², so the corrected move is g/|g| = 1
    near(run([[2, -4]], plain), [[9.9, 20.1], [0.2, -0.4], [0.04, 0.16], [Math.sqrt(20)]]);
    // step 2 with g = (1, 0): m = 0.9·(0.2, −0.4) + (0.1, 0); v = 0.99·(0.04, 0.16) + (0.01, 0)
    // corrected: m/0.19 = (1.473684, −1.894737); v/0.0199 = (2.492462, 7.959799); move = (0.933447, −0.671583)
    near(run([[2, -4], [1, 0]], plain), [[9.8066553, 20.1671583], [0.28, -0.36], [0.0496, 0.1584], [1]]);
  }),
);

Deno.test(
  "weight decay acts on the weights themselves, where the mask is 1",
  tidily(() => {
    const decay = { ...plain, weightDecay: 0.5 }; // 0.1 · 0.5 of each weight
    near(run([[2, -4]], decay), [[9.9 - 0.5, 20.1 - 1], [0.2, -0.4], [0.04, 0.16], [Math.sqrt(20)]]);
    near(run([[2, -4]], decay, [0, 1]), [[9.9, 19.1], [0.2, -0.4], [0.04, 0.16], [Math.sqrt(20)]]);
  }),
);

Deno.test(
  "a gradient longer than clipNorm is shortened to it, a shorter one stays; the norm is told as it was",
  tidily(() => {
    const [, first, second, norm] = run([[3, 4]], { ...plain, clipNorm: 0.5 });
    near([first, second, norm], [[0.03, 0.04], [0.0009, 0.0016], [5]]);
    near(run([[3, 4]], { ...plain, clipNorm: 6 }).slice(1), [[0.3, 0.4], [0.09, 0.16], [5]]);
  }),
);

Deno.test("the learning rate warms up, peaks and decays as the recipe says", () => {
  const { training } = recipe("sound", "demo", {
    training: { steps: 100, warmupSteps: 10, learningRate: 1, decay: "linear" },
  });
  assertEquals([1, 5, 10].map((step) => learningRate(training, step)), [0.1, 0.5, 1]);
  assertAlmostEquals(learningRate(training, 55), 46 / 91, 1e-12); // 46 of the 91 steps from 10 to 101 are left
  assertAlmostEquals(learningRate(training, 100), 1 / 91, 1e-12);
  assertEquals(learningRate({ ...training, decay: "inverse-sqrt" }, 40), 0.5);
  assertEquals(learningRate({ ...training, decay: "none" }, 90), 1);
});
