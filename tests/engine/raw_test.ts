import { assertEquals, assertLess } from "@std/assert";
import { tf } from "@lib/engine/mod.ts";
import {
  add,
  batchMatMul,
  columnSum,
  int,
  ints,
  lower,
  matMul,
  mul,
  raise,
  reduce,
  reshape,
  sub,
  transpose,
  unary,
  withGradient,
} from "@lib/engine/raw.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { tidily } from "../support/tensors.ts";

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
