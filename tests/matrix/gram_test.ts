import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { addCrosses, addGrams, crossProducts, gram, plainAccumulator } from "@lib/matrix/gram.ts";
import { classTargets, joinTargets, takeTargetRows, valueTargets } from "@lib/matrix/targets.ts";
import { largestDifference } from "../support/npy.ts";

Deno.test("sums and products by hand, about the means and about another shift", () => {
  const x = Float32Array.of(1, 5, 3, 5, 5, 8); // rows (1, 5), (3, 5), (5, 8) about (3, 6)
  assertEquals(gram(x, 3, 2), {
    rows: 3,
    columns: 2,
    shift: Float64Array.of(3, 6),
    sum: Float64Array.of(0, 0),
    products: Float64Array.of(8, 6, 6, 6),
  });
  const about = gram(x, 3, 2, Float64Array.of(1, 4)); // (0, 1), (2, 1), (4, 4)
  assertEquals([...about.sum, ...about.products], [6, 6, 20, 18, 18, 18]);
  assertThrows(() => gram(Float32Array.of(1, 2, 3), 2, 2), RangeError, "2 × 2 = 4 numbers, found 3");
});

Deno.test("cross products by hand: classes of ±1 and numbers", () => {
  const x = Float32Array.of(0, 1, 2, 1, 4, 4), shift = { columns: 2, shift: Float64Array.of(0, 1) };
  const targets = joinTargets([classTargets([[0], [], [0, 1]], 2), valueTargets([3, -1, 2])]);
  // Rows less the shift: (0, 0), (2, 0), (4, 3); targets (1, −1, 3), (−1, −1, −1), (1, 1, 2).
  assertEquals(crossProducts(x, shift, targets), {
    rows: 3,
    products: Float64Array.of(2, 3, 2, 3, 6, 6),
    sum: Float64Array.of(1, -1, 4),
  });
  assertThrows(() => crossProducts(x, { columns: 3, shift: new Float64Array(3) }, targets), RangeError, "3 × 3");
});

Deno.test("sums in pieces are the sums of the whole", () => {
  const random = stream(1, "ridge"), rows = 35, columns = 6;
  const x = Float32Array.from({ length: rows * columns }, () => random.uniform());
  const targets = joinTargets([
    classTargets(Array.from({ length: rows }, (_, r) => r % 3 ? [r % 3 - 1] : []), 2),
    valueTargets(Float64Array.from({ length: rows }, () => random.uniform())),
  ]);
  const whole = gram(x, rows, columns), crosses = crossProducts(x, whole, targets);
  const cuts = [[0, 10], [10, 10], [10, 17], [17, 35]];
  const parts = cuts.map(([from, to]) => {
    const ids = Array.from({ length: to - from }, (_, i) => from + i);
    return { x: x.subarray(from * columns, to * columns), targets: takeTargetRows(targets, ids) };
  });
  const sum = plainAccumulator(columns, whole.shift, targets.base);
  for (const part of parts) sum.add(part.x, part.targets);
  const grams = parts.map(({ x, targets }) => gram(x, targets.rows, columns, whole.shift));
  const joined = parts.map(({ x, targets }, i) => crossProducts(x, grams[i], targets));
  for (const found of [sum.finish(), { gram: grams.reduce(addGrams), cross: joined.reduce(addCrosses) }]) {
    assertEquals([found.gram.rows, found.cross.rows, found.gram.columns], [rows, rows, columns]);
    assertLess(largestDifference(found.gram.products, whole.products), 1e-12);
    assertLess(largestDifference(found.gram.sum, whole.sum), 1e-12);
    assertLess(largestDifference(found.cross.products, crosses.products), 1e-12);
    assertLess(largestDifference(found.cross.sum, crosses.sum), 1e-12);
  }
  const other = gram(x, rows, columns, new Float64Array(columns));
  assertThrows(() => addGrams(whole, other), RangeError, "the same shift");
});
