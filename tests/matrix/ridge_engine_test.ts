import { assertEquals, assertLess } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { plainAccumulator } from "@lib/matrix/gram.ts";
import { fitRidge, predictRidge } from "@lib/matrix/ridge.ts";
import { engineAccumulator, fitOnEngine, predictOnEngine } from "@lib/matrix/ridge_engine.ts";
import { classTargets, joinTargets, valueTargets } from "@lib/matrix/targets.ts";
import { largestDifference } from "../support/npy.ts";

const rows = 60, random = stream(8, "ridge-engine");
const targets = joinTargets([
  classTargets(Array.from({ length: rows }, (_, r) => r % 4 ? [r % 4 - 1, 3] : []), 4),
  valueTargets(Float64Array.from({ length: rows }, () => random.uniform())),
]);

// 5 columns are one block; 512 are two, of which the one below the diagonal is filled in.
for (const columns of [5, 512]) {
  Deno.test(`sums, fits and predictions of ${columns} columns are those of plain code`, () => {
    const before = tensorCount();
    const [x, more] = [0, 1].map(() => Float32Array.from({ length: rows * columns }, () => random.uniform() + 2));
    const shift = new Float64Array(columns).fill(2.5);
    const sums = [plainAccumulator, engineAccumulator].map((make) => {
      const sum = make(columns, shift, targets.base);
      sum.add(x, targets);
      sum.add(more, targets);
      return sum.finish();
    });
    const [plain, engine] = sums;
    assertEquals([engine.gram.rows, engine.cross.rows, engine.gram.columns], [2 * rows, 2 * rows, columns]);
    assertLess(largestDifference(engine.gram.products, plain.gram.products), 1e-11);
    assertLess(largestDifference(engine.gram.sum, plain.gram.sum), 1e-11);
    assertLess(largestDifference(engine.cross.products, plain.cross.products), 1e-11);
    assertEquals(engine.cross.sum.length, 5);
    assertLess(largestDifference(engine.cross.sum, plain.cross.sum), 1e-11);
    const alphas = [10, 1000], fits = fitOnEngine(plain, alphas), expected = fitRidge(plain, alphas);
    fits.forEach((fit, i) => {
      assertEquals([fit.alpha, fit.targets, fit.columns], [alphas[i], 5, columns]);
      assertLess(largestDifference(fit.weights, expected[i].weights), 1e-10);
      assertLess(largestDifference(predictOnEngine(fit, x, rows), predictRidge(fit, x, rows)), 1e-10);
    });
    assertEquals(tensorCount(), before);
  });
}

Deno.test("sums that are abandoned, or of no rows, leave nothing on the engine", () => {
  const before = tensorCount(), none = engineAccumulator(3, new Float64Array(3), targets.base);
  none.add(new Float32Array(0), joinTargets([], 0));
  const { gram, cross } = none.finish();
  assertEquals([gram.rows, ...gram.products, ...cross.sum], [0, ...new Array(14).fill(0)]);
  const dropped = engineAccumulator(3, new Float64Array(3), targets.base);
  dropped.add(new Float32Array(3 * rows), targets);
  dropped.abandon();
  assertEquals(tensorCount(), before);
});
