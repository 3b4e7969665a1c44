import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import {
  addGrams,
  classTargets,
  crossProducts,
  fitRidge,
  gram,
  predictRidge,
  valueTargets,
} from "@lib/matrix/ridge.ts";
import { stream } from "@lib/base/random.ts";
import { largestDifference, type Npy, readNpy, transpose } from "../support/npy.ts";

const fixture = (name: string): Promise<Npy> => readNpy(new URL(`../golden/probes/${name}.npy`, import.meta.url));

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
    const sums = gram(train.x, train.sets.length, 40), targets = classTargets(train.sets, coefficients.shape[0]);
    const [fit] = fitRidge(sums, crossProducts(train.x, sums, targets), [100]);
    assertLess(largestDifference(fit.weights, coefficients.data), 1e-9);
    assertLess(largestDifference(fit.intercepts, intercepts.data), 1e-9);
    const found = predictRidge(fit, test.x, test.sets.length);
    assertLess(largestDifference(found, transpose(scores.data, ...scores.shape as [number, number])), 1e-9);
  });
}

for (const task of ["mean_velocity", "mean_duration"]) {
  Deno.test(`ridge on ${task} has scikit-learn's coefficients and predictions to 1e-9`, async () => {
    const x = Float32Array.from((await fixture("X_train")).data), sums = gram(x, 600, 40);
    const targets = valueTargets((await fixture(`y_${task}_train`)).data);
    const [fit] = fitRidge(sums, crossProducts(x, sums, targets), [100]);
    assertLess(largestDifference(fit.weights, (await fixture(`coef_${task}`)).data), 1e-9);
    assertLess(largestDifference(fit.intercepts, (await fixture(`intercept_${task}`)).data), 1e-9);
    const found = predictRidge(fit, Float32Array.from((await fixture("X_test")).data), 300);
    assertLess(largestDifference(found, (await fixture(`pred_${task}`)).data), 1e-9);
  });
}

Deno.test("a Gram summed in pieces is the Gram of the whole", () => {
  const random = stream(1, "ridge"), x = Float32Array.from({ length: 35 * 6 }, () => random.uniform());
  const whole = gram(x, 35, 6);
  const parts = addGrams(gram(x.subarray(0, 60), 10, 6, whole.shift), gram(x.subarray(60), 25, 6, whole.shift));
  assertEquals(parts.rows, 35);
  assertLess(largestDifference(parts.products, whole.products), 1e-12);
});

Deno.test("a feature that never varies gets no weight and breaks nothing", () => {
  const x = Float32Array.of(1, 0.1, 2, 0.1, 3, 0.1, 4, 0.1), sums = gram(x, 4, 2);
  const [fit] = fitRidge(sums, crossProducts(x, sums, valueTargets([1, 2, 3, 4])), [1]);
  assertEquals(fit.std[1], 1);
  assert(fit.weights[0] > 0 && Math.abs(fit.weights[1]) < 1e-12);
});

Deno.test("a far mean costs no digits: shifted features give the same predictions", () => {
  const random = stream(2, "ridge"), near = Float64Array.from({ length: 300 }, () => random.uniform());
  const far = near.map((value) => value + 4096), y = near.filter((_, i) => i % 3 === 0);
  const predict = (x: Float64Array) => {
    const sums = gram(x, 100, 3);
    return predictRidge(fitRidge(sums, crossProducts(x, sums, valueTargets(y)), [1])[0], x, 100);
  };
  assertLess(largestDifference(predict(near), predict(far)), 1e-10);
});

Deno.test("one Gram serves several penalties, each as if fitted alone", () => {
  const random = stream(3, "ridge"), x = Float32Array.from({ length: 200 }, () => random.uniform());
  const sums = gram(x, 50, 4),
    cross = crossProducts(x, sums, classTargets(Array(50).fill([]).map((_, r) => [r % 3]), 3));
  const together = fitRidge(sums, cross, [1, 10]), [alone] = fitRidge(sums, cross, [10]);
  assertEquals(together[1].weights, alone.weights);
});

Deno.test("ridge says what does not fit", () => {
  const sums = gram(Float32Array.of(1, 2), 2, 1),
    cross = crossProducts(Float32Array.of(1, 2), sums, valueTargets([1, 2]));
  assertThrows(() => gram(Float32Array.of(1, 2, 3), 2, 2), RangeError, "2 × 2 = 4 numbers, found 3");
  assertThrows(() => fitRidge(sums, cross, [0]), RangeError, "penalty must be positive, found 0");
  assertThrows(() => fitRidge({ ...sums, rows: 0 }, cross, [1]), RangeError, "at least one row");
  assertThrows(() => classTargets([[3]], 3), RangeError, "expected 0…2, found 3");
});
