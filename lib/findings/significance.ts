/**
 * Differences of scores: paired over the same resampled songs, with intervals, p values and Holm's correction.
 * @module
 */
import { type KnownSpread, seedDifference, type SeedInterval } from "../metrics/seed_intervals.ts";
import { lowerIsBetter } from "../metrics/task_scores.ts";
import type { TableRow } from "./table_rows.ts";

/**
 * A difference in the score's unit, NaN if there is no such score; the ends of its 95% interval, and the two-sided p that
 * its sign is chance (null and 1 without resamplings); whether these count the luck of training: not if a model was
 * trained with one seed.
 */
export type Difference = Omit<SeedInterval, "value"> & { difference: number };

/** The difference of scores that do not exist. */
export const noDifference: Difference = { difference: NaN, low: null, high: null, p: 1, training: false };

/**
 * a − b of two test rows of one metric, signed so that above 0 means that a is better; NaN if either is missing. Songs
 * are paired by their resamplings, models trained with the same seeds by their seeds.
 *
 * @param known of the luck of training, as `seedDifference` takes it; `first` is a's
 */
export function pairedDifference(
  a: TableRow | undefined,
  b: TableRow | undefined,
  known: KnownSpread = {},
): Difference {
  if (!a || !b) return noDifference;
  const sign = lowerIsBetter(a.metric) ? -1 : 1, scores = [...a.bySeed.values(), ...b.bySeed.values()];
  const paired = a.songs === b.songs && new Set(scores.map(({ replicates }) => replicates.length)).size === 1;
  if (!paired) return { ...noDifference, difference: sign * (a.value - b.value) };
  const { value, low, high, ...chance } = seedDifference(a.bySeed, b.bySeed, a.songs, known);
  if (sign > 0) return { difference: value, low, high, ...chance };
  const turned = (end: number | null) => end === null ? null : -end; // an error is better where it is less
  return { difference: -value, low: turned(high), high: turned(low), ...chance };
}

/**
 * Holm's step-down adjustment of p values: comparing the adjusted ones with a level keeps the chance of any false verdict
 * below that level.
 */
export function holm(p: readonly number[]): number[] {
  const order = [...p.keys()].sort((a, b) => p[a] - p[b]), adjusted = new Array<number>(p.length);
  let most = 0;
  order.forEach((at, i) => adjusted[at] = most = Math.max(most, Math.min(1, (p.length - i) * p[at])));
  return adjusted;
}

/** What became of a comparison, or of a claim: as claimed, the other way round, or neither for sure. */
export type Verdict = "held" | "not" | "undecided";

/** A comparison with its p after correction and its verdict. */
export type Judged<T extends Difference> = T & { adjusted: number; verdict: Verdict };

const judged = <T extends Difference>(one: T, adjusted: number, level: number): Judged<T> => ({
  ...one,
  adjusted,
  verdict: !(adjusted < level) ? "undecided" : one.difference > 0 ? "held" : "not",
});

/** Corrects the p values of comparisons together, and judges each by its sign where the corrected p is below `level`. */
export function judge<T extends Difference>(comparisons: readonly T[], level: number): Judged<T>[] {
  const adjusted = holm(comparisons.map(({ p }) => p));
  return comparisons.map((one, i) => judged(one, adjusted[i], level));
}

/**
 * Judges claims, each a set of comparisons, together. A claim holds if all of its comparisons do, so its p is the largest
 * of theirs (the intersection-union test: Berger, Technometrics 24, 1982). It does not hold if one of them is the other
 * way round; its p is then the smallest of those times the number of its comparisons (Bonferroni). Holm's correction runs
 * over the claims' p, so `level` is the chance of any false verdict on a claim.
 *
 * A comparison's corrected p is what its claim's would be if it alone decided, at the step where Holm's correction comes
 * to the claim or stops: all comparisons are "held", or one is "not", just where the claim is.
 */
export function judgeSets<T extends Difference>(sets: readonly (readonly T[])[], level: number): Judged<T>[][] {
  const raised = sets.map((set) => set.map(({ difference, p }) => Math.min(1, difference > 0 ? p : p * set.length)));
  const ofSets = sets.map((set, i) => {
    const against = raised[i].filter((_, k) => !(set[k].difference > 0));
    return against.length > 0 ? Math.min(...against) : Math.max(...raised[i]);
  });
  const order = [...ofSets.keys()].sort((a, b) => ofSets[a] - ofSets[b]), found: Judged<T>[][] = [];
  let undecided = sets.length, least = 0;
  for (const at of order) {
    const adjusted = raised[at].map((p) => Math.max(least, Math.min(1, undecided * p)));
    found[at] = sets[at].map((one, k) => judged(one, adjusted[k], level));
    if (!(undecided * ofSets[at] < level)) continue;
    least = undecided * ofSets[at];
    undecided--;
  }
  return found;
}
