/**
 * Differences of scores: paired over the same resampled songs, with intervals, p values and Holm's correction.
 * @module
 */
import { seedDifference, type SeedInterval } from "../metrics/seed_intervals.ts";
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
 */
export function pairedDifference(a: TableRow | undefined, b: TableRow | undefined): Difference {
  if (!a || !b) return noDifference;
  const sign = lowerIsBetter(a.metric) ? -1 : 1, scores = [...a.bySeed.values(), ...b.bySeed.values()];
  const paired = a.songs === b.songs && new Set(scores.map(({ replicates }) => replicates.length)).size === 1;
  if (!paired) return { ...noDifference, difference: sign * (a.value - b.value) };
  const [better, worse] = sign > 0 ? [a, b] : [b, a]; // an error is better where it is less
  const { value, ...interval } = seedDifference(better.bySeed, worse.bySeed, a.songs);
  return { difference: value, ...interval };
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

/** Corrects the p values of comparisons together, and judges each by its sign where the corrected p is below `level`. */
export function judge<T extends Difference>(
  comparisons: readonly T[],
  level: number,
): (T & { adjusted: number; verdict: Verdict })[] {
  const adjusted = holm(comparisons.map(({ p }) => p));
  return comparisons.map((one, i) => ({
    ...one,
    adjusted: adjusted[i],
    verdict: !(adjusted[i] < level) ? "undecided" : one.difference > 0 ? "held" : "not",
  }));
}
