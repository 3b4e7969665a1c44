import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { macroMean, weightedMean } from "@lib/metrics/class_scores.ts";
import { aucByClass, aucOnce, precisionByClass, rankByClass } from "@lib/metrics/ranking.ts";
import { stream } from "@lib/base/random.ts";
import { largestDifference } from "../support/npy.ts";
import { decisions, expected } from "../support/probe_fixtures.ts";

for (const task of ["chord", "groove_pattern", "inst"]) {
  Deno.test(`areas and precision of ${task} equal scikit-learn's to 1e-9`, async () => {
    const { scores, table, once } = await decisions(task), want = expected.probes[task];
    const sorted = rankByClass(scores, table), support = Float64Array.from(want.support);
    const auc = aucByClass(sorted, table)(once), precision = precisionByClass(sorted);
    assertLess(largestDifference(auc, want.aucPerClass), 1e-9);
    assertLess(largestDifference(aucOnce(scores, table), want.aucPerClass), 1e-9);
    assertLess(largestDifference(precision, want.apPerClass), 1e-9);
    assertAlmostEquals(weightedMean(auc, support), want.aucWeighted, 1e-9);
    assertAlmostEquals(macroMean(auc), want.aucMacro, 1e-9);
    assertAlmostEquals(weightedMean(precision, support), want.apWeighted, 1e-9);
    assertAlmostEquals(macroMean(precision), want.apMacro, 1e-9);
    const flat = { ...table, classes: 1, rows: scores.length, songs: new Int32Array(scores.length), songCount: 1 };
    assertAlmostEquals(precisionByClass(rankByClass(scores, flat))[0], want.apMicro, 1e-9);
  });
}

Deno.test("areas by song weights count every pair as often as its songs say, by pairs of songs and by sweeps", () => {
  const random = stream(7, "ranking"), songCount = 6, rows = 90, classes = 5;
  const labels = Uint8Array.from({ length: classes * rows }, () => random.uniform() < 0.3 ? 1 : 0);
  const table = { classes, rows, labels, songs: Int32Array.from({ length: rows }, (_, r) => r % songCount), songCount };
  const scores = Float64Array.from(labels, (label) => Math.floor(4 * random.uniform()) + label); // many ties
  const naive = (k: number, weights: ArrayLike<number>) => {
    let won = 0, pairs = 0;
    for (let p = 0; p < rows; p++) {
      for (let n = 0; n < rows; n++) {
        if (labels[k * rows + p] === 0 || labels[k * rows + n] === 1) continue;
        const weight = weights[p % songCount] * weights[n % songCount],
          lead = scores[k * rows + p] - scores[k * rows + n];
        won += weight * (lead > 0 ? 1 : lead === 0 ? 0.5 : 0);
        pairs += weight;
      }
    }
    return won / pairs;
  };
  const sorted = rankByClass(scores, table), byPairs = aucByClass(sorted, table);
  const bySweeps = aucByClass(sorted, { ...table, songCount: 400 }); // songs 6… have no rows
  for (const weights of [[1, 1, 1, 1, 1, 1], [2, 0, 1, 3, 0, 0], [0, 0, 6, 0, 0, 0]]) {
    const want = Float64Array.from({ length: classes }, (_, k) => naive(k, weights));
    assertLess(largestDifference(byPairs(Float64Array.from(weights)), want), 1e-12);
    const padded = Float64Array.from({ length: 400 }, (_, s) => weights[s] ?? 0);
    assertLess(largestDifference(bySweeps(padded), want), 1e-12);
  }
});

Deno.test("a class without a positive or without a negative has no area and no precision", () => {
  const labels = Uint8Array.of(0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1), scores = Float64Array.from(labels, (_, i) => i % 4);
  const table = { classes: 3, rows: 4, labels, songs: Int32Array.of(0, 1, 2, 3), songCount: 4 };
  const sorted = rankByClass(scores, table), all = new Float64Array(4).fill(1);
  assertEquals([...aucByClass(sorted, table)(all)], [1, NaN, NaN]);
  assertEquals([...aucOnce(scores, table)], [1, NaN, NaN]);
  assertEquals([...precisionByClass(sorted)], [1, NaN, NaN]);
  const oneSong = { ...table, songs: new Int32Array(4), songCount: 1 };
  assertEquals([...aucByClass(rankByClass(scores, oneSong), oneSong)(all)], [1, NaN, NaN]);
});

Deno.test("decision values that are NaN or of another shape are refused", () => {
  const table = { classes: 1, rows: 2, labels: Uint8Array.of(1, 0), songs: Int32Array.of(0, 0), songCount: 1 };
  assertThrows(() => rankByClass(Float64Array.of(1, NaN), table), RangeError, "NaN");
  assertThrows(() => rankByClass(Float64Array.of(1), table), RangeError, "1 classes × 2 rows");
  assertThrows(() => aucOnce(Float64Array.of(1, 2, 3), table), RangeError, "found 3, 2 and 2");
});
