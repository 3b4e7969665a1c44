import { assertEquals, assertLess } from "@std/assert";
import { compile, tf } from "@lib/engine/mod.ts";
import type { Scalar, Tensor, Tensor2D } from "@lib/engine/types.ts";
import {
  add,
  addNorm,
  batchMatMul,
  biasGelu,
  columnSum,
  crossEntropy,
  gatherRows,
  int,
  ints,
  joinFlat,
  layerNorm,
  linear,
  lower,
  matMul,
  mul,
  product,
  raise,
  reduce,
  reshape,
  splitFlat,
  sub,
  transpose,
  unary,
  withGradient,
} from "@lib/engine/ops.ts";
import { checkGradients } from "../support/gradients.ts";
import { largestDifference } from "../support/golden.ts";
import { roundingBound } from "../support/rounding.ts";
import { drawer, tidily } from "../support/tensors.ts";

const draw = drawer("engine tests");

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
  "rows of groups are gathered as rows of one table, and so are their gradients",
  tidily(() => {
    const table = draw([6, 3]), indices = tf.tensor1d([1, 1, 0, 2, 2, 3, 5, 5, 4], "int32"), weights = draw([9, 3]);
    const gradient = (groups: number) =>
      tf.grad((x: Tensor) => gatherRows(x, indices, groups).mul(weights).sum())(table).dataSync();
    const [one, three] = tf.tidy(() => [gradient(1), gradient(3)]);
    assertLess(largestDifference(three, one), roundingBound([3, 1]));
    tf.dispose([table, indices, weights]);
  }),
);

Deno.test(
  "LayerNorm gives mean 0 and variance 1 before scale and shift",
  tidily(() => {
    const [x, one, zero] = [tf.tensor2d([[1, 2, 3, 6]]), tf.ones([4]), tf.zeros([4])];
    const y = layerNorm(x, one, zero, 0);
    const expected = [-2, -1, 0, 3].map((d) => d / Math.sqrt(3.5));
    assertLess(largestDifference(y.dataSync(), expected), roundingBound([4, 1, 4, 1, 1]));
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
    assertLess(largestDifference(y.dataSync(), phi.map((p, i) => p * (i - 2))), roundingBound([4, 1], 2));
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
    assertLess(largestDifference(whole, apart), roundingBound([1, 1, 6, 1, 6, 1, 1], 3));
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
      ours.forEach((g, i) =>
        assertLess(largestDifference(g.dataSync(), plain[i].dataSync()), roundingBound([256], 16))
      ); // √256, at random signs
      tf.dispose([...inputs, weights, ...ours, ...plain]);
    })
  ),
);

Deno.test(
  "cross-entropy is −ln of the label's share",
  tidily(() => {
    const logits = tf.tensor2d([[Math.log(1), Math.log(3)], [0, 0]]), labels = tf.tensor1d([1, 0], "int32");
    const loss = crossEntropy(logits, labels);
    assertLess(largestDifference(loss.dataSync(), [-Math.log(0.75), Math.LN2]), roundingBound([1, 2, 1, 1]));
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

Deno.test(
  "a flat vector is cut into tensors and joined again",
  tidily(async () => {
    const flat = draw([11]);
    const round = (x: Tensor) => [joinFlat(splitFlat(x, [[2, 3], [5]]))];
    const [eager] = tf.tidy(() => round(flat)), [traced] = await compile("flat", round)(flat);
    assertEquals(eager.dataSync(), flat.dataSync());
    assertEquals(traced.dataSync(), flat.dataSync());
    tf.dispose([flat, eager, traced]);
  }),
);

const values = (x: Tensor): number[] => [...x.dataSync()];
const x = () => tf.tensor2d([[1, 2, 3], [4, 5, 6]]), row = () => tf.tensor1d([1, 10, 100]);

/** A test in a scope of its own, which leaves no tensor. */
const test = (name: string, fn: () => void) => Deno.test(name, tidily(() => tf.tidy(() => void fn())));

test("elementwise ops, with a row broadcast over rows", () => {
  assertEquals(values(mul(x(), row())), [1, 20, 300, 4, 50, 600]);
  assertEquals(values(add(x(), row())), [2, 12, 103, 5, 15, 106]);
  assertEquals(values(sub(x(), row())), [0, -8, -97, 3, -5, -94]);
  assertEquals(values(unary("Square", row())), [1, 100, 10000]);
});

test("sums and means over axes, which go or stay; sums over rows", () => {
  assertEquals(values(reduce("Sum", x(), [0], false)), [5, 7, 9]);
  const mean = reduce("Mean", x(), [-1], true);
  assertEquals([mean.shape, values(mean)], [[2, 1], [2, 5]]);
  assertEquals(reduce("Sum", x(), [0, 1], false).shape, []);
  assertEquals([columnSum(x()).shape, values(columnSum(x()))], [[3], [5, 7, 9]]);
});

test("products, either side transposed, of matrices and of stacks of them", () => {
  const square = tf.tensor2d([[0, 1], [2, 0]]);
  assertEquals(values(matMul(square, x(), false, false, "float32")), [4, 5, 6, 2, 4, 6]);
  assertEquals(values(matMul(square, x(), true, false, "float32")), [8, 10, 12, 1, 2, 3]);
  assertEquals(values(matMul(x(), x(), false, true, "float32")), [14, 32, 32, 77]);
  const stack = tf.tensor3d([[[1, 2]], [[3, 4]]]);
  assertEquals(values(batchMatMul(stack, stack, false, true, "float32")), [5, 25]);
  assertEquals(values(batchMatMul(stack, stack, true, false, "float32")), [1, 2, 2, 4, 9, 12, 12, 16]);
});

test("other shapes and orders of axes, and integers", () => {
  assertEquals([reshape(x(), [3, -1]).shape, values(reshape(x(), [-1]))], [[3, 2], [1, 2, 3, 4, 5, 6]]);
  assertEquals([transpose(x(), [1, 0]).shape, values(transpose(x(), [1, 0]))], [[3, 2], [1, 4, 2, 5, 3, 6]]);
  assertEquals([ints([1, 2]).dtype, ints([1, 2]).shape, int(3).shape, values(int(3))], ["int32", [2], [], [3]]);
});

test("float32 is left as it is, bfloat16 keeps eight bits", () => {
  const fine = tf.tensor1d([1.003, 257]);
  assertEquals(values(raise(lower(fine, "float32"), "float32")), values(fine));
});

test("a block has its own value and gradient, by each input and from what it saved", () => {
  const block = (a: Tensor, b: Tensor) =>
    withGradient([a, b], (a, b) => ({
      value: mul(a, b),
      saved: [b],
      gradient: (dy, b) => [mul(dy, b), mul(dy, tf.scalar(1000))], // wrong on purpose by b, so that it is seen
    }));
  const [a, b] = [tf.tensor1d([2, 3]), tf.tensor1d([5, 7])];
  assertEquals(values(block(a, b)), [10, 21]);
  const [da, db] = tf.grads((a: Tensor, b: Tensor) => block(a, b).mul(tf.tensor1d([1, 2])).sum())([a, b]);
  assertEquals([values(da), values(db)], [[5, 14], [1000, 2000]]);
  assertLess(0, tf.memory().numTensors);
});
