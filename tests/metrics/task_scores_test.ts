import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  choiceScore,
  classAnswers,
  classExtras,
  classScores,
  headlines,
  lowerIsBetter,
  spreadDecisions,
  threshold,
  valueScores,
} from "@lib/metrics/task_scores.ts";
import { tasks } from "@lib/metrics/tasks.ts";

// Four bars of songs 0, 0, 1, 1 with sets of classes; class 7 occurs in training alone, class 9 here alone.
const question = {
  rows: Int32Array.of(0, 1, 2, 3),
  answers: [[2, 4], [4], [2], [9]],
  songs: Int32Array.of(0, 0, 1, 1),
  songCount: 2,
};
const answers = classAnswers("GP", question, [2, 4, 7]);
const once = Float64Array.of(1, 1);
/** Of classes 2, 4, 7 (live), in bars 0 to 3. */
const decisions = Float64Array.of(0.5, 0.7, 0.9, -0.1, 0.8, -0.2, -0.5, -0.9, -0.1, -0.2, -0.3, -0.4);
const spread = spreadDecisions(decisions, [2, 4, 7], answers);

Deno.test("answers are over the classes that occur or were seen in training; one without a positive is skipped", () => {
  assertEquals(answers.ids, [2, 4, 7, 9]);
  assertEquals([...answers.labels], [1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  assertEquals([...answers.first], [0, 1, 0, 3]);
  assertEquals(answers.skipped, 48 - 3);
  assertEquals(classExtras("GP", "sound", answers, 0), { threshold: 0, skippedClasses: 45 });
  assertEquals(classExtras("T", "sound", answers, 0), { threshold: null, skippedClasses: null });
  assertEquals(classExtras("T", "authors", answers, 0), { threshold: 0, skippedClasses: null });
  assertEquals(spread.slice(12), Float64Array.of(-1, -1, -1, -1)); // class 9 was never seen
  assertEquals(spread.slice(0, 12), decisions);
});

Deno.test("sound class scores weigh areas by support; F1 is at the cut", () => {
  // Areas: class 2 has 3 of 4 pairs, class 4 all four, class 9 only ties; class 7 none. F1: 4/5, 2/3, -, 0.
  const { resampled, fixed } = classScores("GP", "sound", spread, answers, 0), found = resampled(once);
  assertAlmostEquals(found.aucWeighted, (2 * 0.75 + 2 * 1 + 1 * 0.5) / 5, 1e-12);
  assertAlmostEquals(found.aucMacro, (0.75 + 1 + 0.5) / 3, 1e-12);
  assertAlmostEquals(found.f1Macro, (4 / 5 + 2 / 3 + 0) / 3, 1e-12);
  assertAlmostEquals(found.f1Micro, 2 * 3 / (2 * 3 + 1 + 2), 1e-12);
  // Precisions: class 2 ranks 0.9, 0.7, 0.5: (1 + 2/3) / 2; class 4: 1; class 9: 1/4, all tied.
  assertAlmostEquals(fixed.apWeighted, (2 * 5 / 6 + 2 * 1 + 0.25) / 5, 1e-12);
  assertAlmostEquals(fixed.apMacro, (5 / 6 + 1 + 0.25) / 3, 1e-12);
  assertAlmostEquals(choiceScore("GP", spread, answers), found.aucWeighted, 1e-12);
});

Deno.test("the authors' class score is the area of hard decisions; a threshold moves it", () => {
  const at = (cut: number, weights = once) => classScores("C", "authors", spread, answers, cut).resampled(weights);
  // Above 0: class 2 in bars 0, 1, 2 (2 of 2, 1 of 2 wrongly), class 4 in bar 0 (1 of 2), class 9 nowhere.
  assertAlmostEquals(at(0).aucHardWeighted, (2 * 0.75 + 2 * 0.75 + 1 * 0.5) / 5, 1e-12);
  // Above −0.8: class 2 in all bars, class 4 in bars 0, 1 and wrongly 2.
  assertAlmostEquals(at(-0.8).aucHardWeighted, (2 * 0.5 + 2 * 0.75 + 1 * 0.5) / 5, 1e-12);
  assertEquals([threshold("C", -0.8), threshold("GP", -0.8), threshold("I", -0.8)], [-0.8, 0, 0]);
});

Deno.test("tempo is right by its largest decision, or for the authors if every decision is", () => {
  const tempo = classAnswers("T", { ...question, answers: [[2], [4], [2], [4]] }, [2, 4]);
  const of = Float64Array.of(0.5, -0.5, 0.2, -0.2, -0.5, -0.1, 0.1, -0.4); // class 2, then 4
  // Largest: 2, 4, 2, 2. All decisions right: bar 0 alone.
  const sound = classScores("T", "sound", of, tempo, 0).resampled(once);
  assertEquals(sound, { accuracy: 3 / 4, accuracyMacro: (1 + 1 / 2) / 2 });
  assertEquals(choiceScore("T", of, tempo), 3 / 4);
  assertEquals(classScores("T", "authors", of, tempo, 0).resampled(once), { exactRow: 1 / 4 });
  assertEquals(classScores("T", "authors", of, tempo, 0).resampled(Float64Array.of(3, 1)), { exactRow: 3 / 8 });
});

Deno.test("values have an error in both protocols, mae and R² in the sound one; durations in quarters are sound alone", () => {
  const values = { ...question, answers: [1, 2, 3, 6] }, predicted = [1, 2, 6, 6];
  const rmse = Math.sqrt(9 / 4);
  assertEquals(valueScores("authors", "rmse", predicted, values).resampled(once), { rmse });
  assertEquals(valueScores("sound", "rmse", predicted, values).resampled(once), { rmse, mae: 3 / 4, r2: 1 - 9 / 14 });
  assertEquals(valueScores("sound", "rmseQuarters", predicted, values).resampled(once), { rmseQuarters: rmse });
  assertEquals(valueScores("authors", "rmseQuarters", predicted, values).resampled(once), {});
});

Deno.test("every task has a headline in both protocols; errors and entropy are better when lower", () => {
  for (const protocol of ["authors", "sound"] as const) {
    const lower = tasks.filter((task) => lowerIsBetter(headlines[protocol][task]));
    assertEquals(lower, ["MV", "MD", "SC"]);
  }
  assertEquals([headlines.authors.C, headlines.sound.C], ["aucHardWeighted", "aucWeighted"]);
  assertEquals([headlines.authors.T, headlines.sound.T], ["exactRow", "accuracy"]);
  assertEquals(["mae", "rmseQuarters", "r2", "nmi", "retrievalMap"].map(lowerIsBetter), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
