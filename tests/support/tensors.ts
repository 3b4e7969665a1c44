/**
 * Tensors for tests: drawn by a name, and counted.
 * @module
 */
import { assertEquals } from "@std/assert";
import { tensorCount, tf } from "@lib/engine/mod.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { stream } from "@lib/base/random.ts";

/** Draws tensors of uniform numbers in −1…1; the same name draws the same. */
export function drawer(name: string): (shape: number[]) => Tensor {
  const random = stream(1, name);
  return (shape) =>
    tf.tensor(Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random.uniform() - 1), shape);
}

/** Runs a test and asserts that no tensor is left over. */
export function tidily(test: () => void | Promise<void>): () => Promise<void> {
  return async () => {
    const before = tensorCount();
    await test();
    assertEquals(tensorCount(), before);
  };
}
