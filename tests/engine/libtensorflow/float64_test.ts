import { assertEquals, assertLess } from "@std/assert";
import { binding } from "@lib/engine/libtensorflow/binding.ts";
import {
  addAndFree,
  type DeviceMatrix,
  download,
  free,
  multiply,
  multiplyFloat32,
  solvePositive,
  splitColumns,
  subtract,
  upload,
} from "@lib/engine/libtensorflow/float64.ts";
import { largestDifference } from "../../support/golden.ts";

/** The values of matrices, which are given back; asserts that nothing else is left at the end. */
const read = (...matrices: DeviceMatrix[]): number[][] => {
  const values = matrices.map((matrix) => [...download(matrix)]);
  free(...matrices);
  return values;
};

/** Runs a test and asserts that the engine holds nothing of it. */
const tidily = (test: () => void) => () => {
  const before = binding.getNumOfTensors();
  test();
  assertEquals(binding.getNumOfTensors(), before);
};

Deno.test(
  "numbers stay float64: what float32 would round comes back",
  tidily(() => {
    const fine = 1 + 2 ** -40,
      a = upload(Float64Array.of(fine, 2), [2, 1]),
      b = upload(Float32Array.of(1, 0.5), [2, 1]);
    assertEquals(read(subtract(a, b)), [[2 ** -40, 1.5]]);
    assertEquals(read(a, b), [[fine, 2], [1, 0.5]]);
  }),
);

Deno.test(
  "products by hand, either side transposed",
  tidily(() => {
    const a = upload(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]), b = upload(Float64Array.of(1, 0, 2, 0, 1, 1), [2, 3]);
    assertEquals(read(multiply(a, b, { right: true })), [[7, 5, 16, 11]]);
    assertEquals(read(multiply(a, b, { left: true })), [[1, 4, 6, 2, 5, 9, 3, 6, 12]]);
    const square = upload(Float64Array.of(0, 1, 2, 3), [2, 2]);
    assertEquals(read(multiply(square, a)), [[4, 5, 6, 14, 19, 24]]);
    const difference = subtract(a, upload(Float64Array.of(1, 1, 2), [1, 3]));
    assertEquals(read(difference), [[0, 1, 1, 3, 4, 4]]);
    free(a, b, square);
    binding.deleteTensor(difference.id - 1); // the row that was subtracted
  }),
);

Deno.test(
  "products in float32, sums that free their parts, and columns in parts",
  tidily(() => {
    const [a, b] = [[1, 2, 3, 4], [5, 6]].map((values) =>
      upload(Float32Array.from(values), [values.length / 2, 2], { widen: false })
    );
    assertEquals(multiplyFloat32(a, b), Float32Array.of(17, 39));
    free(a, b);
    const whole = upload(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 4]);
    const [left, right] = splitColumns(whole, 2);
    assertEquals([left.shape, [...download(left)], [...download(right)]], [[2, 2], [1, 2, 5, 6], [3, 4, 7, 8]]);
    free(whole);
    assertEquals(read(addAndFree(left, right)), [[4, 6, 12, 14]]);
  }),
);

Deno.test(
  "systems of a stack are solved, and one that is not positive definite gives NaN",
  tidily(() => {
    // [[4, 2], [2, 3]]·x = (8, 8) has x = (1, 2); 2·I·x has x = (4, 4).
    const stack = upload(Float64Array.of(4, 2, 2, 3, 2, 0, 0, 2), [2, 2, 2]),
      right = upload(Float64Array.of(8, 8), [2, 1]);
    const [found] = read(solvePositive(stack, right));
    assertLess(largestDifference(found, [1, 2, 4, 4]), 1e-12);
    const wrong = upload(Float64Array.of(1, 2, 2, 1), [1, 2, 2]);
    assertEquals(read(solvePositive(wrong, right)), [[NaN, NaN]]);
    free(stack, right, wrong);
  }),
);
