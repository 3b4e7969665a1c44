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

/** How songs are drawn anew: how many there are, how often they are drawn, and by which seed. */
export type Resampling = { songs: number; resamplings: number; seed: number };

/** A score of all songs, and then that of each resampling, by name. */
export type Resampled<K extends string = string> = Record<K, Float64Array>;

/** How many times songs are weighted: once all alike, then in each resampling; one song cannot be resampled. */
export const weightings = ({ songs, resamplings }: Resampling): number => 1 + (songs < 2 ? 0 : resamplings);

/** How often each song counts: all once, then as often as each resampling drew it, in an array that is used again. */
export function* songWeights(resampling: Resampling): Generator<Float64Array> {
  const { songs, seed } = resampling, random = stream(seed, "bootstrap", songs);
  const weights = new Float64Array(songs).fill(1);
  yield weights;
  for (let b = 1; b < weightings(resampling); b++) {
    weights.fill(0);
    for (let s = 0; s < songs; s++) weights[random.integer(songs)]++;
    yield weights;
  }
}

/** A score of all songs and of each resampling; the score is told the number of the resampling, 0 being all songs. */
export function resample<K extends string>(
  score: (weights: Float64Array, place: number) => Record<K, number>,
  resampling: Resampling,
): Resampled<K> {
  const found = {} as Resampled<K>, count = weightings(resampling);
  let place = 0;
  for (const weights of songWeights(resampling)) {
    const scores = score(weights, place);
    for (const name of Object.keys(scores) as K[]) (found[name] ??= new Float64Array(count))[place] = scores[name];
    place++;
  }
  return found;
}

/** Scores of all songs with 95% percentile intervals; those named in `keep` come with their values in each resampling. */
export function intervals<K extends string>(
  resampled: Resampled<K>,
  keep: readonly string[] = [],
): Record<K, Interval & { replicates?: Float32Array }> {
  const made = (Object.keys(resampled) as K[]).map((name) => {
    const [value] = resampled[name], drawn = resampled[name].subarray(1);
    const kept = keep.includes(name) && drawn.length > 0 ? { replicates: Float32Array.from(drawn) } : {};
    return [name, { value, ...central(drawn), ...kept }];
  });
  return Object.fromEntries(made) as Record<K, Interval & { replicates?: Float32Array }>;
}

/**
 * Scores on all songs with 95% percentile intervals over songs drawn with replacement (STUDY §13.20).
 *
 * The draws depend on the seed, the number of songs and the resamplings alone, so scores of different models on the
 * same songs are paired. With fewer than two songs, or no resamplings, there is no interval (null). Scores
 * named in `keep` come with their values in each resampling.
 */
export const bootstrap = <K extends string>(
  score: SongScore<K>,
  songs: number,
  { keep, ...drawn }: Omit<Resampling, "songs"> & { keep?: readonly string[] },
): Record<K, Interval & { replicates?: Float32Array }> => intervals(resample(score, { songs, ...drawn }), keep);
