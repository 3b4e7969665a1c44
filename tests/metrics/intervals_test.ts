import { assert, assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import {
  accuracy,
  argMax,
  averagePrecision,
  bootstrap,
  exactRow,
  f1,
  regression,
  rocAuc,
  shuffledEntropy,
  songEntropy,
} from "@lib/metrics/intervals.ts";
import { stream } from "@lib/base/random.ts";
import {
  aucByClass,
  aucOnce,
  type ClassTable,
  countByClass,
  errorScore,
  hardAuc,
  rankByClass,
  songMean,
} from "@lib/metrics/class_scores.ts";
import { largestDifference, readJsonGz, readNpy, transpose } from "../support/npy.ts";

interface F1Case {
  macro: number;
  micro: number;
  weighted: number;
  perClass: number[];
}

interface ClassCase {
  threshold: number;
  nPredictedPositive: number;
  paperWeightedHardAuc: number;
  perClassHardAuc: number[];
  aucWeighted: number;
  aucMacro: number;
  aucPerClass: number[];
  apWeighted: number;
  apMacro: number;
  apMicro: number;
  apPerClass: number[];
  f1_atThreshold: F1Case;
  f1_atZero: F1Case;
  exactRow: number;
  argmax: number[];
  argmaxAccuracy: number;
  balancedAccuracy: number;
  rmse: number;
  mae: number;
  r2: number;
}

interface Expected {
  authors_f64: Record<string, number>;
  probes: Record<string, ClassCase>;
  songClustering: { K: number; given: number[]; entropy: number; keptRows: number[]; entropyKeptRows: number }[];
}

const folder = new URL("../golden/probes/", import.meta.url);
const fixture = (name: string) => readNpy(new URL(`${name}.npy`, folder));
const expected = await readJsonGz<Expected>(new URL("expected.json.gz", folder));
const tolerance = 1e-9;

/** Decision values and labels of scikit-learn's probe, classes × rows, of the test rows with a label. */
async function decisions(task: string) {
  const score = await fixture(`score_${task}`), y = await fixture(`y_${task}_test`);
  const [rows, classes] = score.shape;
  const kept = [...Array(y.shape[0]).keys()].filter((r) => y.data.subarray(r * classes, (r + 1) * classes).includes(1));
  const labels = y.shape[0] === rows
    ? y.data
    : Float64Array.from(kept.flatMap((r) => [...y.data.subarray(r * classes, (r + 1) * classes)]));
  assertEquals(labels.length, rows * classes);
  return { classes, scores: transpose(score.data, rows, classes), labels: transpose(labels, rows, classes) };
}

for (const task of ["chord", "groove_pattern", "inst"]) {
  Deno.test(`scores of ${task} equal scikit-learn's to 1e-9, on hard labels and on decision values`, async () => {
    const { classes, scores, labels } = await decisions(task), want = expected.probes[task];
    const hard = scores.map((value) => value > want.threshold ? 1 : 0);
    assertEquals(hard.reduce((sum, value) => sum + value, 0), want.nPredictedPositive);
    const hardScores = rocAuc(hard, labels, classes);
    assertAlmostEquals(hardScores.weighted, want.paperWeightedHardAuc, tolerance);
    assertAlmostEquals(hardScores.weighted, expected.authors_f64[task], tolerance);
    assertLess(largestDifference(hardScores.perClass, want.perClassHardAuc), tolerance);
    const auc = rocAuc(scores, labels, classes), precision = averagePrecision(scores, labels, classes);
    assertAlmostEquals(auc.weighted, want.aucWeighted, tolerance);
    assertAlmostEquals(auc.macro, want.aucMacro, tolerance);
    assertLess(largestDifference(auc.perClass, want.aucPerClass), tolerance);
    assertAlmostEquals(precision.weighted, want.apWeighted, tolerance);
    assertAlmostEquals(precision.macro, want.apMacro, tolerance);
    assertLess(largestDifference(precision.perClass, want.apPerClass), tolerance);
    assertAlmostEquals(averagePrecision(scores, labels).weighted, want.apMicro, tolerance);
    for (const [cut, at] of [[want.threshold, want.f1_atThreshold], [0, want.f1_atZero]] as const) {
      const found = f1(scores.map((value) => value > cut ? 1 : 0), labels, classes);
      assertAlmostEquals(found.macro, at.macro, tolerance);
      assertAlmostEquals(found.micro, at.micro, tolerance);
      assertAlmostEquals(found.weighted, at.weighted, tolerance);
      assertLess(largestDifference(found.perClass, at.perClass), tolerance);
    }
  });
}

Deno.test("tempo: exact rows, arg-max and both accuracies equal scikit-learn's", async () => {
  const { classes, scores, labels } = await decisions("tempo"), want = expected.probes.tempo;
  assertAlmostEquals(exactRow(scores.map((value) => value > 0 ? 1 : 0), labels, classes), want.exactRow, tolerance);
  assertAlmostEquals(want.exactRow, expected.authors_f64.tempo, tolerance);
  const found = argMax(scores, classes), truth = argMax(labels, classes);
  assertEquals([...found], want.argmax);
  const scored = accuracy(found, truth);
  assertAlmostEquals(scored.accuracy, want.argmaxAccuracy, tolerance);
  assertAlmostEquals(scored.accuracyMacro, want.balancedAccuracy, tolerance);
});

for (const task of ["mean_velocity", "mean_duration"]) {
  Deno.test(`errors of ${task} equal scikit-learn's to 1e-9`, async () => {
    const found = regression((await fixture(`pred_${task}`)).data, (await fixture(`y_${task}_test`)).data);
    const { rmse, mae, r2 } = expected.probes[task];
    assertAlmostEquals(found.rmse, rmse, tolerance);
    assertAlmostEquals(found.rmse, expected.authors_f64[task], tolerance);
    assertAlmostEquals(found.mae, mae, tolerance);
    assertAlmostEquals(found.r2, r2, tolerance);
  });
}

Deno.test("song entropy is the authors' to 1e-9, also for songs of unequal length", async () => {
  const songs = (await fixture("song_test")).data;
  for (const { K, given, entropy, keptRows, entropyKeptRows } of expected.songClustering) {
    const options = { clusters: K, reading: "authors" } as const;
    assertAlmostEquals(songEntropy(given, songs, options).mean, entropy, tolerance);
    const kept = songEntropy(keptRows.map((r) => given[r]), keptRows.map((r) => songs[r]), options);
    assertAlmostEquals(kept.mean, entropyKeptRows, tolerance);
  }
});

const random = stream(7, "metrics-test");
const songCount = 6, rows = 90, classes = 5;
const table: ClassTable = {
  classes,
  rows,
  labels: Uint8Array.from({ length: classes * rows }, () => random.uniform() < 0.3 ? 1 : 0),
  songs: Int32Array.from({ length: rows }, (_, r) => r % songCount),
  songCount,
};
// Few distinct scores, so that many tie.
const tied = Float64Array.from(table.labels, (label) => Math.floor(4 * random.uniform()) + label);

/** The rows of a resampling written out, song by song. */
function written(weights: Float64Array): { scores: Float64Array; labels: Float64Array } {
  const copies = [...Array(rows).keys()].flatMap((r) => Array<number>(weights[table.songs[r]]).fill(r));
  const take = (values: ArrayLike<number>) =>
    Float64Array.from([...Array(classes).keys()].flatMap((k) => copies.map((r) => values[k * rows + r])));
  return { scores: take(tied), labels: take(table.labels) };
}

Deno.test("scores by song weights are the scores of the rows so often repeated, by pairs and by passes", () => {
  const sorted = rankByClass(tied, table);
  const byPairs = aucByClass(sorted, table);
  // The same rows as songs that are too many for pairs: songs 6… have no rows.
  const byPass = aucByClass(sorted, { ...table, songCount: 40 });
  const hard = tied.map((value) => value > 2 ? 1 : 0), counts = countByClass(hard, table);
  for (const weights of [[1, 1, 1, 1, 1, 1], [2, 0, 1, 3, 0, 0], [0, 0, 6, 0, 0, 0]].map((w) => Float64Array.from(w))) {
    const copy = written(weights), want = rocAuc(copy.scores, copy.labels, classes).perClass;
    assertLess(largestDifference(byPairs(weights), want), 1e-12);
    const padded = new Float64Array(40);
    padded.set(weights);
    assertLess(largestDifference(byPass(padded), want), 1e-12);
    const hardWant = rocAuc(copy.scores.map((value) => value > 2 ? 1 : 0), copy.labels, classes).perClass;
    assertLess(largestDifference(hardAuc(counts(weights)), hardWant), 1e-12);
  }
  assertLess(largestDifference(aucOnce(tied, table), byPairs(new Float64Array(songCount).fill(1))), 1e-12);
});

Deno.test("errors by song weights are the errors of the rows so often repeated", () => {
  const truth = Float64Array.from({ length: rows }, () => random.uniform() + 50);
  const guess = truth.map((value) => value + random.uniform() - 0.4);
  const weights = Float64Array.of(2, 0, 1, 3, 0, 1);
  const copies = [...Array(rows).keys()].flatMap((r) => Array<number>(weights[table.songs[r]]).fill(r));
  const want = regression(copies.map((r) => guess[r]), copies.map((r) => truth[r]));
  const found = errorScore(guess, truth, table)(weights);
  for (const name of ["rmse", "mae", "r2"] as const) assertAlmostEquals(found[name], want[name], 1e-9);
});

Deno.test("classes without a positive or a negative are left out and counted", () => {
  // Three classes of four rows: one mixed, one without a positive, one without a negative.
  const labels = [0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1], scores = labels.map((_, i) => i % 4);
  const found = rocAuc(scores, labels, 3);
  assertEquals([...found.perClass], [1, NaN, NaN]);
  assertEquals([found.weighted, found.macro, found.skipped], [1, 1, 2]);
  assertEquals(averagePrecision(scores, labels, 3).skipped, 2);
});

Deno.test("the sound entropy is 1 for a song that never repeats, drops one-bar songs, and knows its null", () => {
  const options = { clusters: 8, reading: "sound" } as const;
  const labels = Int32Array.from({ length: 60 }, (_, r) => Math.floor(r / 6) % 8),
    songs = labels.map((_, r) => Math.floor(r / 6));
  assertEquals(songEntropy(labels, songs, options).mean, 0);
  const shuffled = shuffledEntropy(labels, songs, options, { shuffles: 50 });
  assert(
    shuffled.low! > 0.5 && shuffled.value < 1 && shuffled.low! <= shuffled.value && shuffled.value <= shuffled.high!,
  );
  assertEquals([...songEntropy([1, 2, 3], [5, 6, 6], options).perSong].map(Number.isNaN), [true, false]);
  assertThrows(() => songEntropy([1], [1, 2], options), RangeError, "1 labels");
});

Deno.test("the interval of a mean over songs is as wide as theory says, and is the same each time", () => {
  const values = Float64Array.from({ length: 200 }, () => random.uniform());
  const { mean } = bootstrap(songMean("mean", values), 200, { resamplings: 4000, seed: 4 });
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean.value) ** 2, 0) / 200);
  assertAlmostEquals((mean.high! - mean.low!) / (2 * 1.96 * sd / Math.sqrt(200)), 1, 0.05);
  assertEquals(bootstrap(songMean("mean", values), 200, { resamplings: 4000, seed: 4 }).mean, mean);
  assertEquals(bootstrap(songMean("mean", values.subarray(0, 1)), 1).mean, { value: values[0], low: null, high: null });
});

Deno.test("scores say what does not fit", () => {
  assertThrows(() => rocAuc([1, 2], [1, 0, 1]), RangeError, "1 classes × 3 rows");
  assertThrows(() => rocAuc([1, NaN], [1, 0]), RangeError, "NaN");
  assertThrows(() => rocAuc([1, 2, 3], [1, 0, 1], 2), RangeError, "3 for 2 classes");
});
