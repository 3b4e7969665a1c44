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
} from "@lib/engine/float64.ts";
import { largestDifference } from "../support/golden.ts";
import { onPlugin } from "../support/plugin.ts";
import { inProcess } from "../support/process.ts";

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

onPlugin("ridge and clusters at large size are on XLA what they are on libtensorflow", async () => {
  const code = `import { kMeans } from "@lib/matrix/kmeans.ts";
    import { fitSums, sumLayer } from "@lib/matrix/layer_ridge.ts";
    import { valueTargets } from "@lib/matrix/targets.ts";
    import { stream } from "@lib/base/random.ts";
    const rows = 2200, columns = 480, random = stream(2, "probing"), on = { placement: "engine" };
    const x = Float32Array.from({ length: rows * columns }, () => random.uniform());
    const all = valueTargets(Float64Array.from({ length: rows }, (_, r) => x[r * columns] + x[r * columns + 7]));
    const none = { some: new Int32Array(0), ofSome: { ...all, rows: 0, start: new Int32Array(1), column: new Int32Array(0),
      value: new Float64Array(0) } };
    const fits = await fitSums((await sumLayer(x, columns, { all, ...none }, on)).all, [10, 0.1], on);
    const { labels, inertia } = await kMeans(x, rows, columns, 480, { seed: 1, iterations: 3, ...on });
    console.log(JSON.stringify({ weights: fits.flatMap(({ weights }) => [...weights]), labels: [...labels], inertia }));`;
  const run = async (env: Record<string, string>) => {
    const { code: status, out, err } = await inProcess(code, env);
    assertEquals(status, 0, err);
    return JSON.parse(out);
  };
  const expected = await run({ ENGINE: "libtensorflow" });
  const found = await run({ ENGINE: "xla", LIBTENSORFLOW_DIR: "/nowhere" }); // without that library
  assertLess(largestDifference(found.weights, expected.weights), 1e-12);
  assertEquals(found.labels, expected.labels);
  assertLess(Math.abs(found.inertia / expected.inertia - 1), 1e-12);
});

onPlugin("small systems and products on XLA, and nothing is left", async () => {
  const code = `import * as f from "@lib/engine/float64.ts";
    import { binding } from "@lib/engine/xla/binding.ts";
    const matrix = (values, shape) => f.upload(Float64Array.from(values), shape);
    const stack = matrix([4, 2, 2, 3, 2, 0, 0, 2], [2, 2, 2]), right = matrix([8, 8], [2, 1]);
    const wrong = matrix([1, 2, 2, 1], [1, 2, 2]), a = matrix([1 + 2 ** -40, 2, 3, 4], [2, 2]);
    const b = f.upload(Float32Array.of(1, 0.5), [1, 2]), narrow = f.upload(Float32Array.of(1, 2, 3, 4), [2, 2], { widen: false });
    const parts = f.splitColumns(a, 2);
    const all = [f.solvePositive(stack, right), f.solvePositive(wrong, right), f.subtract(a, b), f.multiply(a, a, { left: true })];
    console.log(JSON.stringify([...all, ...parts].map((m) => [...f.download(m)]).concat([[...f.multiplyFloat32(narrow, narrow)]])));
    f.free(stack, right, wrong, a, b, narrow, ...parts, ...all);
    console.log(binding.getNumOfTensors());`;
  const { out, err } = await inProcess(code, { ENGINE: "xla", LIBTENSORFLOW_DIR: "/nowhere" });
  assertEquals(out.split("\n").length, 2, err);
  const [[solved, wrong, ...exact], left] = out.split("\n").map((line) => JSON.parse(line)), fine = 1 + 2 ** -40;
  assertLess(largestDifference(solved, [1, 2, 4, 4]), 1e-12);
  assertEquals(wrong, [null, null]); // NaN in JSON
  assertEquals(exact, [
    [2 ** -40, 1.5, 2, 3.5],
    [fine * fine + 9, 2 * fine + 12, 2 * fine + 12, 20],
    [fine, 3],
    [2, 4],
    [5, 11, 11, 25],
  ]);
  assertEquals(left, 0);
});
