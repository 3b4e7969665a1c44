import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { crossProducts, gram, type Sums } from "@lib/matrix/gram.ts";
import { fitSums } from "@lib/matrix/layer_ridge.ts";
import {
  fitOf,
  fitRidge,
  normalEquations,
  predictRidge,
  standardisation,
  standardise,
  takeTargets,
} from "@lib/matrix/ridge.ts";
import type { Floats } from "@lib/matrix/rows.ts";
import { classTargets, joinTargets, type Targets, valueTargets } from "@lib/matrix/targets.ts";
import { stream } from "@lib/base/random.ts";
import { largestDifference, type Npy, readNpy, transpose } from "../support/npy.ts";

const fixture = (name: string): Promise<Npy> => readNpy(new URL(`../golden/probes/${name}.npy`, import.meta.url));

const sumsOf = (x: Floats, columns: number, targets: Targets): Sums => {
  const sums = gram(x, targets.rows, columns);
  return { gram: sums, cross: crossProducts(x, sums, targets) };
};

/** Rows with at least one class, as sets, and their features. */
function withLabel(y: Npy, x: Npy): { sets: number[][]; x: Float32Array } {
  const [rows, classes] = y.shape, columns = x.shape[1], sets: number[][] = [], kept: number[] = [];
  for (let r = 0; r < rows; r++) {
    const set = [...Array(classes).keys()].filter((c) => y.data[r * classes + c] === 1);
    if (set.length === 0) continue;
    sets.push(set);
    kept.push(...x.data.subarray(r * columns, (r + 1) * columns));
  }
  return { sets, x: Float32Array.from(kept) };
}

for (const task of ["chord", "groove_pattern", "inst", "tempo"]) {
  Deno.test(`ridge on ${task} has scikit-learn's coefficients, intercepts and decision values to 1e-9`, async () => {
    const [train, test] = [
      withLabel(await fixture(`y_${task}_train`), await fixture("X_train")),
      withLabel(await fixture(`y_${task}_test`), await fixture("X_test")),
    ];
    const [coefficients, intercepts, scores] = await Promise.all(
      ["coef", "intercept", "score"].map((kind) => fixture(`${kind}_${task}`)),
    );
    const [fit] = fitRidge(sumsOf(train.x, 40, classTargets(train.sets, coefficients.shape[0])), [100]);
    assertLess(largestDifference(fit.weights, coefficients.data), 1e-9);
    assertLess(largestDifference(fit.intercepts, intercepts.data), 1e-9);
    const found = predictRidge(fit, test.x, test.sets.length);
    assertLess(largestDifference(found, transpose(scores.data, ...scores.shape as [number, number])), 1e-9);
  });
}

for (const task of ["mean_velocity", "mean_duration"]) {
  Deno.test(`ridge on ${task} has scikit-learn's coefficients and predictions to 1e-9`, async () => {
    const x = Float32Array.from((await fixture("X_train")).data);
    const [fit] = fitRidge(sumsOf(x, 40, valueTargets((await fixture(`y_${task}_train`)).data)), [100]);
    assertLess(largestDifference(fit.weights, (await fixture(`coef_${task}`)).data), 1e-9);
    assertLess(largestDifference(fit.intercepts, (await fixture(`intercept_${task}`)).data), 1e-9);
    const found = predictRidge(fit, Float32Array.from((await fixture("X_test")).data), 300);
    assertLess(largestDifference(found, (await fixture(`pred_${task}`)).data), 1e-9);
  });
}

Deno.test("a feature that never varies gets no weight and breaks nothing", () => {
  const x = Float32Array.of(1, 0.1, 2, 0.1, 3, 0.1, 4, 0.1);
  const [fit] = fitRidge(sumsOf(x, 2, valueTargets([1, 2, 3, 4])), [1]);
  assertEquals(fit.std[1], 1);
  assert(fit.weights[0] > 0 && Math.abs(fit.weights[1]) < 1e-12);
});

Deno.test("a far mean costs no digits: shifted features give the same predictions", () => {
  const random = stream(2, "ridge"), near = Float64Array.from({ length: 300 }, () => random.uniform());
  const far = near.map((value) => value + 4096), y = near.filter((_, i) => i % 3 === 0);
  const predict = (x: Float64Array) => predictRidge(fitRidge(sumsOf(x, 3, valueTargets(y)), [1])[0], x, 100);
  assertLess(largestDifference(predict(near), predict(far)), 1e-10);
});

Deno.test("one feature by hand, for two penalties and two targets at once; each target may be taken alone", () => {
  // z = (−1, −1, 1, 1), so zᵀz = 4; zᵀy is 8 for y = (0, 0, 4, 4) and −2 for y = (1, 0, 0, −1).
  const x = Float32Array.of(5, 5, 9, 9),
    targets = joinTargets([valueTargets([0, 0, 4, 4]), valueTargets([1, 0, 0, -1])]);
  const fits = fitRidge(sumsOf(x, 1, targets), [4, 12]);
  const near = (found: ArrayLike<number>, expected: number[]) => assertLess(largestDifference(found, expected), 1e-12);
  near(fits.flatMap(({ alpha, weights }) => [alpha, ...weights]), [4, 1, -0.25, 12, 0.5, -0.125]);
  near(fits.flatMap(({ intercepts }) => [...intercepts]), [2, 0, 2, 0]);
  near([...fits[0].mean, ...fits[0].std], [7, 2]);
  // Five rows, since predictions are made four rows at a time.
  const predicted = predictRidge(fits[0], Float32Array.of(5, 7, 9, 11, 3), 5);
  near(predicted, [1, 2, 3, 4, 0, 0.25, 0, -0.25, -0.5, 0.5]);
  const second = takeTargets(fits[1], 1, 1);
  near([second.targets, ...predictRidge(second, Float32Array.of(9), 1)], [1, -0.125]);
});

Deno.test("standardised rows have mean 0 and deviation 1, by the rows fitted on", () => {
  const x = Float64Array.of(1, 10, 3, 30, 8, 80), scale = standardisation(gram(x, 3, 2));
  assertLess(largestDifference(scale.std, [Math.sqrt(26 / 3), Math.sqrt(2600 / 3)]), 1e-12);
  const z = standardise(scale, x), squares = [0, 1].map((c) => z[c] ** 2 + z[2 + c] ** 2 + z[4 + c] ** 2);
  assertLess(largestDifference(squares, [3, 3]), 1e-12);
  assertLess(Math.abs(z[0] + z[2] + z[4]), 1e-12);
  assertEquals([
    ...standardise({ columns: 2, mean: Float64Array.of(1, 2), std: Float64Array.of(2, 4) }, Float64Array.of(5, 10)),
  ], [2, 2]);
});

Deno.test("ridge says what does not fit", () => {
  const sums = sumsOf(Float32Array.of(1, 2), 1, valueTargets([1, 2])), { gram: one, cross } = sums;
  assertThrows(() => fitRidge(sums, [1, 0]), RangeError, "penalty must be positive, found 0");
  assertThrows(() => fitRidge({ gram: { ...one, rows: 0 }, cross }, [1]), RangeError, "at least one row");
  assertThrows(
    () => fitRidge({ gram: { ...one, rows: 3 }, cross }, [1]),
    RangeError,
    "Gram has 3 rows, the targets have 2",
  );
  assertThrows(() => predictRidge(fitRidge(sums, [1])[0], new Float32Array(3), 2), RangeError, "2 × 1 = 2 numbers");
});

Deno.test("features that are not finite are refused, in plain code and on the engine", async () => {
  for (const bad of [NaN, Infinity]) {
    const sums = sumsOf(Float32Array.of(1, 2, bad, 4), 2, valueTargets([1, 2]));
    for (const placement of ["plain", "engine"] as const) {
      await assertRejects(() => fitSums(sums, [1], { placement }), RangeError, "expected finite features");
    }
  }
  const equations = normalEquations(sumsOf(Float32Array.of(1, 2), 1, valueTargets([1, 2])), [1]);
  assertThrows(() => fitOf(equations, 1e-300, [NaN]), RangeError, "penalty of 1e-300 is too small");
});
