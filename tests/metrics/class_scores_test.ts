import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import {
  accuracyScore,
  argMax,
  checkTable,
  classCounter,
  type ClassTable,
  errorScore,
  f1Scores,
  hardAuc,
  indexSongs,
  macroMean,
  songMean,
  weightedMean,
} from "@lib/metrics/class_scores.ts";
import { largestDifference } from "../support/npy.ts";
import { decisions, expected, fixture } from "../support/probe_fixtures.ts";

/** Counts of hard decisions (1 or 0, classes × rows). */
const countByClass = (decisions: ArrayLike<number>, table: ClassTable) => {
  const { classes, rows, labels } = table, counter = classCounter(table), all = Array.from(decisions);
  for (let k = 0; k < classes; k++) {
    const [from, to] = [k * rows, (k + 1) * rows];
    counter.add(k, all.slice(from, to), labels.subarray(from, to));
  }
  return counter.finish();
};

for (const task of ["chord", "groove_pattern", "inst"]) {
  Deno.test(`scores of hard decisions of ${task} equal the authors' and scikit-learn's to 1e-9`, async () => {
    const { scores, table, once } = await decisions(task), want = expected.probes[task];
    const hard = scores.map((value) => value > want.threshold ? 1 : 0);
    const { truePositives, falseNegatives } = countByClass(hard, table)(once);
    const support = truePositives.map((found, k) => found + falseNegatives[k]);
    assertEquals([...support], want.support);
    assertEquals(hard.reduce((sum, value) => sum + value, 0), want.nPredictedPositive);
    const auc = hardAuc(countByClass(hard, table)(once));
    assertLess(largestDifference(auc, want.perClassHardAuc), 1e-9);
    assertAlmostEquals(weightedMean(auc, support), want.paperWeightedHardAuc, 1e-9);
    assertAlmostEquals(weightedMean(auc, support), expected.authors_f64[task], 1e-9);
    for (const [cut, at] of [[want.threshold, want.f1_atThreshold], [0, want.f1_atZero]] as const) {
      const found = f1Scores(countByClass(scores.map((value) => value > cut ? 1 : 0), table)(once));
      assertLess(largestDifference(found.perClass, at.perClass), 1e-9);
      assertAlmostEquals(macroMean(found.perClass), at.macro, 1e-9);
      assertAlmostEquals(weightedMean(found.perClass, support), at.weighted, 1e-9);
      assertAlmostEquals(found.micro, at.micro, 1e-9);
    }
  });
}

Deno.test("tempo's largest decision and both accuracies equal scikit-learn's", async () => {
  const { scores, table, once } = await decisions("tempo"), want = expected.probes.tempo;
  const found = argMax(scores, table.classes), truth = argMax(table.labels, table.classes);
  assertEquals([...found], want.argmax);
  const { accuracy, accuracyMacro } = accuracyScore(found, truth, table.classes, table)(once);
  assertAlmostEquals(accuracy, want.argmaxAccuracy, 1e-9);
  assertAlmostEquals(accuracyMacro, want.balancedAccuracy, 1e-9);
  assertEquals([...argMax([1, 3, 2, 1, 2, 3, 1, 1, 3], 3)], [0, 0, 1]); // of classes × rows; the first of equals
});

for (const task of ["mean_velocity", "mean_duration"]) {
  Deno.test(`errors of ${task} equal scikit-learn's to 1e-9`, async () => {
    const predicted = (await fixture(`pred_${task}`)).data, truth = (await fixture(`y_${task}_test`)).data;
    const songs = new Int32Array(truth.length).map((_, r) => r % 7), { rmse, mae, r2 } = expected.probes[task];
    const found = errorScore(predicted, truth, { songs, songCount: 7 })(new Float64Array(7).fill(1));
    assertAlmostEquals(found.rmse, rmse, 1e-9);
    assertAlmostEquals(found.mae, mae, 1e-9);
    assertAlmostEquals(found.r2, r2, 1e-9);
  });
}

Deno.test("song weights count a song's rows so often, in every score", () => {
  // Song 0 counts twice, song 1 not, song 2 once.
  const songs = Int32Array.of(0, 1, 2, 0), weights = Float64Array.of(2, 0, 1), shape = { songs, songCount: 3 };
  const table = { classes: 2, rows: 4, labels: Uint8Array.of(1, 1, 0, 0, 0, 1, 1, 1), ...shape };
  const counts = countByClass([1, 0, 1, 0, 0, 0, 1, 0], table)(weights);
  assertEquals(Object.fromEntries(Object.entries(counts).map(([name, of]) => [name, [...of]])), {
    truePositives: [2, 1],
    falsePositives: [1, 0],
    falseNegatives: [0, 2],
    trueNegatives: [2, 2],
  });
  // Class 0: both of its two are found, two of three others are right; class 1: one of three, and both others.
  [(1 + 2 / 3) / 2, (1 / 3 + 1) / 2].forEach((area, k) => assertAlmostEquals(hardAuc(counts)[k], area, 1e-12));
  const f1 = f1Scores(counts);
  [4 / 5, 2 / 4].forEach((score, k) => assertAlmostEquals(f1.perClass[k], score, 1e-12));
  assertAlmostEquals(f1.micro, 6 / 9, 1e-12);
  // Rows 0 (twice), 2 and 3 (twice): right, wrong, right of classes 0, 1, 1.
  const { accuracy, accuracyMacro } = accuracyScore([0, 1, 0, 1], [0, 0, 1, 1], 3, shape)(weights);
  assertAlmostEquals(accuracy, 4 / 5, 1e-12);
  assertAlmostEquals(accuracyMacro, (1 + 2 / 3) / 2, 1e-12);
  // Errors 1, 3 and −2, of truths 1, 5 and 3, whose mean is 13/5 and whose squares from it add up to 11.2.
  const { rmse, mae, r2 } = errorScore([2, 0, 8, 1], [1, 9, 5, 3], shape)(weights);
  assertAlmostEquals(rmse, Math.sqrt((2 * 1 + 9 + 2 * 4) / 5), 1e-12);
  assertAlmostEquals(mae, (2 * 1 + 3 + 2 * 2) / 5, 1e-12);
  assertAlmostEquals(r2, 1 - 19 / 11.2, 1e-12);
  for (const truth of [[0.1, 0.1, 0.1, 0.1], [120, 7, 120, 120]]) { // one value in all, or in the songs drawn
    const one = errorScore([1, 2, 3, 4], truth, { songs: Int32Array.of(0, 1, 0, 2), songCount: 3 });
    assertEquals(one(Float64Array.of(2, 0, 1)).r2, NaN);
  }
  assertEquals(songMean("mean", Float64Array.of(3, NaN, 9))(weights), { mean: 5 });
});

Deno.test("a class without a positive has no F1, one never decided has 0; means leave undefined classes out", () => {
  const of = (...values: number[]) => Float64Array.from(values);
  const none = { truePositives: of(0, 0), falsePositives: of(3, 0), falseNegatives: of(0, 2), trueNegatives: of(1, 2) };
  assertEquals(f1Scores(none), { perClass: of(NaN, 0), micro: 0 });
  assertEquals(macroMean(of(1, NaN, 4)), 2.5);
  assertEquals(weightedMean(of(1, NaN, 4), of(1, 100, 2)), 3);
});

Deno.test("songs are numbered in order of appearance, and tables of another shape are refused", () => {
  assertEquals(indexSongs([7, 3, 7, 9, 3]), { songs: Int32Array.of(0, 1, 0, 2, 1), songCount: 3 });
  const table = { classes: 2, rows: 2, labels: new Uint8Array(4), songs: new Int32Array(3), songCount: 1 };
  assertThrows(() => checkTable([1, 0, 1, 0], table), RangeError, "2 classes × 2 rows");
});
