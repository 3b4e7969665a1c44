import { assertAlmostEquals, assertEquals } from "@std/assert";
import { heldPredictions } from "@lib/metrics/class_parts.ts";
import { headlines, lowerIsBetter, type Scorer, scorer, scoreRange } from "@lib/metrics/task_scores.ts";
import { type BarTable, type Question, tasks, valueQuestions } from "@lib/metrics/tasks.ts";

/** Four bars, of songs 5, 5, 8 and 8, with these classes for every task and these values. */
const bars = (classes: number[][], values: (number | null)[] = [1, 2, 3, 6]): BarTable => ({
  labels: classes.map((set, r) => ({
    ...{ chords: set, groove: set, instruments: set, tempoBin: set[0] },
    ...{ meanVelocity: values[r], meanDuration: values[r], meanDurationQuarters: values[r] },
  })),
  songs: Int32Array.of(5, 5, 8, 8),
});
const once = Float64Array.of(1, 1), alone = { resamplings: 0, seed: 0 };
/** Sound scores of predictions for bars, all songs counted once. */
const soundOf = async (score: Scorer, values: Float64Array) => {
  const { resampled, fixed } = await score.sound(heldPredictions(values, score.rows.length), alone);
  return { scores: Object.fromEntries(Object.entries(resampled).map(([name, [value]]) => [name, value])), fixed };
};
/** The authors' scores of predictions for bars. */
const authorsOf = (score: Scorer, values: Float64Array) => score.authors(heldPredictions(values, score.rows.length));
const choiceOf = (score: Scorer, values: Float64Array) => score.choice(heldPredictions(values, score.rows.length));
// Class 7 occurs in training alone, class 9 here alone.
const table = bars([[2, 4], [4], [2], [9]]), live = [2, 4, 7];
/** Decision values of classes 2, 4 and 7 in bars 0 to 3. */
const decisions = Float64Array.of(0.5, 0.7, 0.9, -0.1, 0.8, -0.2, -0.5, -0.9, -0.1, -0.2, -0.3, -0.4);

Deno.test("sound class scores weigh areas by support; F1 is at the threshold; a class never seen gets one value", async () => {
  const groove = scorer(table, { task: "GP" }, live, -0.8), { scores, fixed } = await soundOf(groove, decisions);
  assertEquals([[...groove.rows], [...groove.songs], groove.songCount], [[0, 1, 2, 3], [0, 0, 1, 1], 2]);
  // Areas: class 2 has 3 of 4 pairs, class 4 all four, class 9 only ties; class 7 none. F1: 4/5, 2/3, none, 0.
  assertAlmostEquals(scores.aucWeighted, (2 * 0.75 + 2 * 1 + 1 * 0.5) / 5, 1e-12);
  assertAlmostEquals(scores.aucMacro, (0.75 + 1 + 0.5) / 3, 1e-12);
  assertAlmostEquals(scores.f1Macro, (4 / 5 + 2 / 3 + 0) / 3, 1e-12);
  assertAlmostEquals(scores.f1Micro, 2 * 3 / (2 * 3 + 1 + 2), 1e-12);
  // Precisions: class 2 ranks its bars 1 and 3 of 0.9, 0.7, 0.5; class 4 has 1; class 9 is tied in all four bars.
  assertAlmostEquals(fixed.apWeighted, (2 * 5 / 6 + 2 * 1 + 0.25) / 5, 1e-12);
  assertAlmostEquals(fixed.apMacro, (5 / 6 + 1 + 0.25) / 3, 1e-12);
  assertAlmostEquals(await choiceOf(groove, decisions), scores.aucWeighted, 1e-12);
  assertEquals(groove.extras("sound"), { threshold: 0, skippedClasses: 48 - 3 });
});

Deno.test("the authors' class score is the area of hard decisions; chords have a threshold set by hand", async () => {
  const score = async (task: "C" | "I", threshold: number) =>
    (await authorsOf(scorer(table, { task }, live, threshold), decisions))(once).aucHardWeighted;
  // Above 0: class 2 in bars 0, 1, 2 (2 of 2, 1 of 2 wrongly), class 4 in bar 0 (1 of 2), class 9 nowhere.
  assertAlmostEquals(await score("C", 0), (2 * 0.75 + 2 * 0.75 + 1 * 0.5) / 5, 1e-12);
  // Above −0.8: class 2 in all bars, class 4 in bars 0, 1 and wrongly 2.
  assertAlmostEquals(await score("C", -0.8), (2 * 0.5 + 2 * 0.75 + 1 * 0.5) / 5, 1e-12);
  assertAlmostEquals(await score("I", -0.8), await score("C", 0), 1e-12);
  assertEquals(scorer(table, { task: "C" }, live, -0.8).extras("authors"), { threshold: -0.8, skippedClasses: 81 });
});

Deno.test("tempo is right by its largest decision, or for the authors if every decision is", async () => {
  const tempo = scorer(bars([[2], [4], [4], [4]]), { task: "T" }, [2, 4], -0.8);
  const decisions = Float64Array.of(0.5, -0.5, 0.2, -0.2, -0.5, -0.1, 0.1, -0.4); // class 2, then 4
  // Largest: 2, 4, 2, 2. All decisions right: bar 0 alone.
  assertEquals((await soundOf(tempo, decisions)).scores, { accuracy: 2 / 4, accuracyMacro: (1 + 1 / 3) / 2 });
  assertEquals(await choiceOf(tempo, decisions), 2 / 4);
  const authors = await authorsOf(tempo, decisions);
  assertEquals(authors(once), { exactRow: 1 / 4 });
  assertEquals(authors(Float64Array.of(3, 1)), { exactRow: 3 / 8 });
  assertEquals(tempo.extras("sound"), { threshold: null, skippedClasses: null });
  assertEquals(tempo.extras("authors"), { threshold: 0, skippedClasses: null });
});

Deno.test("values have an error in both protocols, mae and R² in the sound one; quarters and tempo are sound alone", async () => {
  const rmse = 1.5, predicted = Float64Array.of(1, 2, 6, 6); // of 1, 2, 3 and 6
  const sound = async (question: Question) => (await soundOf(scorer(table, question, [], 0), predicted)).scores;
  const authors = async (question: Question) => (await authorsOf(scorer(table, question, [], 0), predicted))(once);
  const [tempo, velocity, duration, quarters] = valueQuestions;
  assertEquals(await authors(velocity), { rmse });
  assertEquals(await sound(duration), { rmse, mae: 3 / 4, r2: 1 - 9 / 14 });
  assertEquals(await sound(quarters), { rmseQuarters: rmse });
  assertEquals(await authors(quarters), {});
  for (const question of [velocity, duration, quarters]) {
    assertEquals(await choiceOf(scorer(table, question, [], 0), predicted), -rmse);
  }
  // Bins of 30, 30, 59 and 88 quarters a minute, of which the last is 6 too low: 3 on average, of a spread of 24.
  const slow = bars([[0], [0], [5], [10]]), heard = Float64Array.of(30, 30, 59, 82);
  const mean = 207 / 4, spread = [30, 30, 59, 88].reduce((sum, bpm) => sum + (bpm - mean) ** 2, 0);
  const tempi = scorer(slow, tempo, [], 0);
  assertEquals((await soundOf(tempi, heard)).scores, { rmseTempo: 3, r2: 1 - 36 / spread });
  assertEquals((await authorsOf(tempi, heard))(once), {});
  const silent = scorer(bars([[1], [1], [1], [1]], [null, 2, 3, 4]), velocity, [], 0);
  assertEquals([[...silent.rows], [...silent.songs], silent.extras("sound")], [[1, 2, 3], [0, 1, 1], {}]);
});

Deno.test("every task has a headline in both protocols; errors and entropy are better when lower", () => {
  for (const protocol of ["authors", "sound"] as const) {
    const lower = tasks.filter((task) => lowerIsBetter(headlines[protocol][task]));
    assertEquals(lower, ["MV", "MD", "SC"]);
  }
  assertEquals([headlines.authors.C, headlines.sound.C], ["aucHardWeighted", "aucWeighted"]);
  assertEquals([headlines.authors.T, headlines.sound.T], ["exactRow", "accuracy"]);
  const lower = ["mae", "rmseQuarters", "rmseTempo", "r2", "nmi", "retrievalMap"].map(lowerIsBetter);
  assertEquals(lower, [true, true, true, false, false, false]);
});

Deno.test("no score lies beyond its range: shares between 0 and 1, errors from 0, R² up to 1", () => {
  const metrics = ["aucWeighted", "accuracy", "exactRow", "entropy", "rmse", "mae", "r2"];
  const [share, error]: [number, number | null][] = [[0, 1], [0, null]];
  assertEquals(metrics.map(scoreRange), [share, share, share, share, error, error, [null, 1]]);
});
