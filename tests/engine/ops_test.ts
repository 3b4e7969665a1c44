import { assert, assertEquals, assertLess } from "@std/assert";
import { attention, attentionTo, dropoutMask } from "@lib/engine/attention.ts";
import { compile, tf } from "@lib/engine/mod.ts";
import type { Scalar, Tensor, Tensor2D } from "@lib/engine/types.ts";
import { addNorm, biasGelu, crossEntropy, gatherRows, layerNorm, linear, product } from "@lib/engine/ops.ts";
import { largestDifference } from "../support/golden.ts";
import { drawer, tidily } from "../support/tensors.ts";

const draw = drawer("engine tests");

/** Asserts that the gradients of Σ f(x)·w equal central differences: eager, traced, and with XLA's islands. */
async function checkGradients(f: (...inputs: Tensor[]) => Tensor, inputs: Tensor[], tolerance = 5e-3): Promise<void> {
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

Deno.test(
  "linear gives x·Wᵀ + b",
  tidily(() => {
    const [x, w, b] = [tf.tensor2d([[1, 2]]), tf.tensor2d([[3, 4], [5, 6], [7, 8]]), tf.tensor1d([0.5, 0, -1])];
    const y = tf.tidy(() => linear(x, w, b));
    assertEquals(Array.from(y.dataSync()), [11.5, 17, 22]);
    tf.dispose([x, w, b, y]);
  }),
);

Deno.test(
  "linear's gradients equal finite differences",
  tidily(() => checkGradients((x, w, b) => linear(x, w, b), [draw([3, 4]), draw([5, 4]), draw([5])])),
);

Deno.test(
  "rows are gathered by index, and repeated indices add up their gradients",
  tidily(async () => {
    const table = draw([4, 3]), indices = tf.tensor1d([2, 0, 2], "int32");
    const rows = gatherRows(table, indices), values = table.dataSync();
    assertEquals(Array.from(rows.dataSync()), [2, 0, 2].flatMap((i) => Array.from(values.slice(3 * i, 3 * i + 3))));
    const gradient = tf.grad((x: Tensor) => gatherRows(x, indices).sum())(table);
    assertEquals(Array.from(gradient.dataSync()), [1, 1, 1, 0, 0, 0, 2, 2, 2, 0, 0, 0]);
    const [traced] = await compile("gather", (x, i) => [gatherRows(x, i)])(table, indices);
    assertEquals(traced.dataSync(), rows.dataSync());
    tf.dispose([table, indices, rows, gradient, traced]);
  }),
);

Deno.test(
  "LayerNorm gives mean 0 and variance 1 before scale and shift",
  tidily(() => {
    const [x, one, zero] = [tf.tensor2d([[1, 2, 3, 6]]), tf.ones([4]), tf.zeros([4])];
    const y = layerNorm(x, one, zero, 0);
    const expected = [-2, -1, 0, 3].map((d) => d / Math.sqrt(3.5));
    assertLess(largestDifference(y.dataSync(), expected), 1e-6);
    tf.dispose([x, one, zero, y]);
  }),
);

Deno.test(
  "LayerNorm's gradients equal finite differences",
  tidily(() => checkGradients((x, g, b) => layerNorm(x, g, b, 1e-5), [draw([3, 6]), draw([6]), draw([6])])),
);

Deno.test(
  "GELU of a product and its bias gives x·Φ(x)",
  tidily(() => {
    const x = tf.tensor2d([[-3, -2, -1, 0, 1]]), bias = tf.ones([5]), y = biasGelu(x, bias);
    const phi = [0.022750131948, 0.158655253931, 0.5, 0.841344746069, 0.977249868052]; // normal table
    assertLess(largestDifference(y.dataSync(), phi.map((p, i) => p * (i - 2))), 1e-6);
    tf.dispose([x, bias, y]);
  }),
);

Deno.test(
  "GELU's gradients equal finite differences",
  tidily(() => checkGradients(biasGelu, [draw([3, 7]), draw([7])])),
);

Deno.test(
  "a block's end is LayerNorm of product, bias and residual, and so are its gradients",
  tidily(async () => {
    const inputs = [draw([3, 6]), draw([6]), draw([3, 6]), draw([6]), draw([6])];
    const apart = tf.tidy(() => {
      const [y, bias, x, gamma, beta] = inputs;
      return layerNorm(y.add(bias).add(x), gamma, beta, 1e-5).dataSync();
    });
    const whole = tf.tidy(() => addNorm(...inputs as [Tensor, Tensor, Tensor, Tensor, Tensor], 1e-5).dataSync());
    assertLess(largestDifference(whole, apart), 1e-6);
    await checkGradients((y, bias, x, gamma, beta) => addNorm(y, bias, x, gamma, beta, 1e-5), inputs);
  }),
);

Deno.test(
  "a product's gradients are the same at widths that are powers of two and at others",
  tidily(() =>
    [[256, 4], [4, 256], [256, 256], [6, 10]].forEach(([outer, inner]) => {
      const inputs = [draw([5, inner]), draw([outer, inner])], weights = draw([5, outer]);
      const of = (f: (x: Tensor, w: Tensor) => Tensor) =>
        tf.grads((x: Tensor, w: Tensor) => f(x, w).mul(weights).sum() as Scalar)(inputs);
      const ours = of(product), plain = of((x, w) => tf.matMul(x as Tensor2D, w as Tensor2D, false, true));
      ours.forEach((g, i) => assertLess(largestDifference(g.dataSync(), plain[i].dataSync()), 1e-5));
      tf.dispose([...inputs, weights, ...ours, ...plain]);
    })
  ),
);

Deno.test(
  "products in bfloat16 are those in float32 to its eight bits",
  tidily(async () => {
    const inputs = [draw([16, 32]), draw([24, 32]), draw([24])], rows = draw([6, 12]), none = tf.zeros([2, 1, 1, 3]);
    for (const islands of [false, true]) {
      const run = (type: "float32" | "bfloat16") =>
        compile("precision", (x, w, b, rows, none) => {
          const { value, grads } = tf.valueAndGrads((x: Tensor, w: Tensor, b: Tensor, rows: Tensor) => {
            const mixed = attention(rows, none, { batch: 2, length: 3, heads: 2, type });
            return linear(x, w, b, type).square().sum().add(mixed.square().sum()) as Scalar;
          })([x, w, b, rows]);
          return [value, ...grads];
        }, { islands })(...inputs, rows, none);
      const [full, half] = [await run("float32"), await run("bfloat16")];
      full.forEach((want, i) => {
        const a = want.dataSync(), b = half[i].dataSync();
        const [apart, size] = [a.map((v, j) => v - b[j]), a].map((v) => Math.hypot(...v));
        assertLess(apart / size, 0.02);
        assert(apart > 0, "nothing was rounded");
      });
      tf.dispose([...full, ...half]);
    }
    tf.dispose([...inputs, rows, none]);
  }),
);

const attentionCase = () => ({
  shape: { batch: 2, length: 3, heads: 2 },
  bias: tf.tensor4d([0, 0, 0, 0, 0, -1e9], [2, 1, 1, 3]),
});

Deno.test(
  "attention equals the formula written out, pads left out",
  tidily(() => {
    const { shape: { batch, length, heads }, bias } = attentionCase();
    const qkv = draw([batch * length, 3 * 4]), q = qkv.dataSync(), size = 2, pads = bias.dataSync();
    const expected = new Float64Array(batch * length * 4);
    const at = (b: number, i: number, part: number, h: number, d: number) =>
      q[(b * length + i) * 12 + part * 4 + h * size + d];
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < length; i++) {
          const logits = Array.from(
            { length },
            (_, j) =>
              (at(b, i, 0, h, 0) * at(b, j, 1, h, 0) + at(b, i, 0, h, 1) * at(b, j, 1, h, 1)) / Math.sqrt(size) +
              pads[b * length + j],
          );
          const exps = logits.map((l) => Math.exp(l)),
            sum = exps.reduce((a, b) => a + b);
          for (let d = 0; d < size; d++) {
            expected[(b * length + i) * 4 + h * size + d] = exps.reduce(
              (s, e, j) => s + e / sum * at(b, j, 2, h, d),
              0,
            );
          }
        }
      }
    }
    const y = attention(qkv, bias, { batch, length, heads });
    assertLess(largestDifference(y.dataSync(), expected), 1e-6);
    tf.dispose([qkv, bias, y]);
  }),
);

Deno.test(
  "attention's gradient equals finite differences",
  tidily(async () => {
    const { shape, bias } = attentionCase();
    await checkGradients((x) => attention(x, bias, shape), [draw([6, 12])]);
    bias.dispose();
  }),
);

Deno.test(
  "attention's gradient equals finite differences with dropped maps",
  tidily(async () => {
    const { shape, bias } = attentionCase();
    const seed = tf.tensor1d([3, 4], "int32"), mask = dropoutMask([2, 2, 3, 3], 0.3, seed);
    await checkGradients((x) => attention(x, bias, shape, mask), [draw([6, 12])]);
    tf.dispose([bias, seed, mask]);
  }),
);

Deno.test(
  "attention for some queries of each row gives the same rows, and the same gradients",
  tidily(async () => {
    const { shape, bias } = attentionCase();
    const qkv = draw([6, 12]), chosen = tf.tensor1d([2, 0, 4, 4], "int32"); // rows of the first and of the second bar
    const some = (qkv: Tensor) => {
      const [query, keyValue] = [qkv.slice([0, 0], [6, 4]), qkv.slice([0, 4], [6, 8])];
      return attentionTo(gatherRows(query, chosen), keyValue, bias, shape);
    };
    const all = (qkv: Tensor) => gatherRows(attention(qkv, bias, shape), chosen);
    const values = [some, all].map((f) => tf.tidy(() => f(qkv).dataSync()));
    assertLess(largestDifference(values[0], values[1]), 1e-6);
    const gradients = [some, all].map((f) => tf.tidy(() => tf.grad((x) => f(x).square().sum())(qkv).dataSync()));
    assertLess(largestDifference(gradients[0], gradients[1]), 1e-5);
    await checkGradients(some, [qkv]);
    tf.dispose([bias, chosen]);
  }),
);

Deno.test(
  "a dropout mask keeps its rate and its mean, and is fixed by its seed",
  tidily(() => {
    const seeds = [tf.tensor1d([1, 2], "int32"), tf.tensor1d([1, 3], "int32")];
    const masks = [seeds[0], seeds[0], seeds[1]].map((seed) => dropoutMask([200, 200], 0.25, seed));
    const [a, b, c] = masks.map((mask) => mask.dataSync());
    assertEquals(a, b);
    assert(largestDifference(a, c) > 0);
    const dropped = a.filter((v) => v === 0).length / a.length;
    assertLess(Math.abs(dropped - 0.25), 0.011); // five standard deviations of 40,000 draws
    assert(a.every((v) => v === 0 || Math.abs(v - 4 / 3) < 1e-6));
    tf.dispose([...seeds, ...masks]);
  }),
);

Deno.test(
  "cross-entropy is −ln of the label's share",
  tidily(() => {
    const logits = tf.tensor2d([[Math.log(1), Math.log(3)], [0, 0]]), labels = tf.tensor1d([1, 0], "int32");
    const loss = crossEntropy(logits, labels);
    assertLess(largestDifference(loss.dataSync(), [-Math.log(0.75), Math.LN2]), 1e-6);
    tf.dispose([logits, labels, loss]);
  }),
);

Deno.test(
  "cross-entropy's gradient equals finite differences",
  tidily(async () => {
    const labels = tf.tensor1d([1, 4, 0], "int32");
    await checkGradients((x) => crossEntropy(x, labels), [draw([3, 5])]);
    labels.dispose();
  }),
);
