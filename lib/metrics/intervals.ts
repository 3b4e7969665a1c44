/**
 * 95% intervals of scores over resampled songs.
 * @module
 */
import { stream } from "../base/random.ts";
import type { SongScore } from "./class_scores.ts";

/** A score and its 95% interval, from the 2.5th to the 97.5th percentile; null where there is none. */
export type Interval = { value: number; low: number | null; high: number | null };

/** The central 95% of values (linear between order statistics); NaNs do not count. */
export function central(values: Float64Array | Float32Array): Omit<Interval, "value"> {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) return { low: null, high: null };
  const at = (share: number) => {
    const position = share * (sorted.length - 1), below = Math.floor(position);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  };
  return { low: at(0.025), high: at(0.975) };
}

/** Two-sided p that a score is on one side of 0 by chance: twice the smaller share of resamplings, 0 on both sides. */
export function twoSided(resampled: ArrayLike<number>): number {
  const known = Array.from(resampled).filter((value) => !Number.isNaN(value));
  const below = known.filter((value) => value <= 0).length, above = known.filter((value) => value >= 0).length;
  return known.length === 0 ? 1 : Math.min(1, 2 * (Math.min(below, above) + 1) / (known.length + 1));
}

/**
 * Scores on all songs with 95% percentile intervals over songs drawn with replacement (STUDY §13.20).
 *
 * The draws depend on the seed, the number of songs and the resamplings alone, so scores of different models on the
 * same songs are paired. With fewer than two songs, or no resamplings, there is no interval (null). Scores
 * named in `keep` come with their values in each resampling.
 */
export function bootstrap<K extends string>(
  score: SongScore<K>,
  songs: number,
  { resamplings, seed, keep = [] }: { resamplings: number; seed: number; keep?: readonly string[] },
): Record<K, Interval & { replicates?: Float32Array }> {
  const value = score(new Float64Array(songs).fill(1)), names = Object.keys(value) as K[];
  const drawn = songs < 2 ? 0 : resamplings;
  const found = names.map(() => new Float64Array(drawn));
  const random = stream(seed, "bootstrap", songs), weights = new Float64Array(songs);
  for (let b = 0; b < drawn; b++) {
    weights.fill(0);
    for (let s = 0; s < songs; s++) weights[random.integer(songs)]++;
    const scores = score(weights);
    names.forEach((name, i) => found[i][b] = scores[name]);
  }
  const made = names.map((name, i) => {
    const kept = keep.includes(name) && drawn > 0 ? { replicates: Float32Array.from(found[i]) } : {};
    return [name, { value: value[name], ...central(found[i]), ...kept }];
  });
  return Object.fromEntries(made) as Record<K, Interval & { replicates?: Float32Array }>;
}
