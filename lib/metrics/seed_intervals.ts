/**
 * 95% intervals that count both the choice of songs and the luck of training, for models trained with several seeds.
 * @module
 */
import { central, type Interval, twoSided } from "./intervals.ts";

/** A score of the models of one seed, and in each resampling of the songs, which are the same for all seeds. */
export type SeedScore = { value: number; replicates: ArrayLike<number> };

/** The variance of one training's score, or of a difference of two, among seeds, and the degrees of freedom behind it. */
export type SeedSpread = { variance: number; freedom: number };

/** How many seeds, or songs, there are, and the part of a mean's variance that is theirs. */
export type Counted = SeedSpread & { count: number };

/**
 * A mean over seeds with its interval; `p` is two-sided, that its sign is chance (1 without resamplings); `training`
 * says whether both count the luck of training: not if any model was trained with one seed alone. `parts` are those of
 * the variance, of one group of scores; with one seed there is no part of seeds.
 */
export type SeedInterval = Interval & { p: number; training: boolean; parts?: { seeds?: Counted; songs: Counted } };

/** Chance that Student's t with whole degrees of freedom is beyond ±t (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4). */
function studentTails(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom)), cos = Math.cos(angle), odd = freedom % 2 === 1;
  let term = odd ? cos : 1, sum = freedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < freedom; k += 2) sum += term *= cos * cos * (k - 1) / k;
  const within = Math.sin(angle) * sum;
  return Math.max(0, 1 - (odd ? 2 / Math.PI * (angle + within) : within));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Unbiased variance. */
function variance(values: readonly number[]): number {
  const centre = mean(values);
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1);
}

/** Most degrees of freedom: beyond them Student's t hardly differs from a normal variable. */
const MOST_FREEDOM = 200;

/**
 * Chance that an error is beyond ±t of its standard deviations, where its variance has these parts: a mixture of Student's
 * t, one for each part, weighted by the parts.
 */
export function mixtureTails(parts: readonly SeedSpread[], t: number): number {
  const total = parts.reduce((sum, part) => sum + part.variance, 0);
  return parts.reduce((sum, { variance, freedom }) => sum + variance / total * studentTails(t, freedom), 0);
}

/**
 * What the luck of training does to a score, from the trainings of several models at once, which two or three seeds of one
 * model do not tell: `difference` is the variance of the difference of two models that were trained with the same seed,
 * twice the mean square of models × seeds in a two-way analysis of variance; `alone` that of one model's score, the mean
 * of the models' variances. Both suppose that luck is as large in each model. Both have (models − 1) · (seeds − 1) degrees
 * of freedom, of `alone` less than the models × (seeds − 1) that independent trainings would give, since equal seeds
 * begin with equal weights.
 *
 * @param scores models × seeds
 * @returns undefined for fewer than two models or seeds, models of unequal numbers of seeds, or scores that are not defined
 */
export function pooledSpread(
  scores: readonly (readonly number[])[],
): Record<"difference" | "alone", SeedSpread> | undefined {
  const models = scores.length, seeds = scores[0]?.length ?? 0;
  const isWhole = scores.every((own) => own.length === seeds && own.every(Number.isFinite));
  if (models < 2 || seeds < 2 || !isWhole) return undefined;
  const all = mean(scores.map(mean)),
    ofSeed = Array.from({ length: seeds }, (_, s) => mean(scores.map((own) => own[s])));
  const squares = scores.flatMap((own) => own.map((score, s) => (score - mean(own) - ofSeed[s] + all) ** 2));
  const freedom = (models - 1) * (seeds - 1), left = squares.reduce((sum, square) => sum + square, 0);
  return {
    difference: { variance: 2 * left / freedom, freedom },
    alone: { variance: mean(scores.map(variance)), freedom },
  };
}

/**
 * The sum over `groups` of their means over seeds, with a 95% interval. A group is one model's scores, or the
 * differences of two models that were trained with the same seeds; seeds of one group are compared with each other only.
 *
 * Songs and seeds are crossed random factors. The variance of the sum has a part for the seeds of each group (of their
 * scores, over their number, with seeds − 1 degrees of freedom) and one for the songs (of the resampled sum, less what
 * seeds disagree about on resampled songs, which is in the first part too; songs − 1 degrees). Over its root the sum's
 * error is taken for a mixture of Student's t, one for each part, weighted by the parts' shares of the variance, much as
 * Cochran (Biometrics 20, 1964) weights their quantiles. On simulated scores 2 to 5 seeds and 8 to 200 songs cover
 * 92 to 98%, whatever part is largest; Satterthwaite's degrees of freedom cover as few as 89% with two seeds.
 *
 * Where every group has one seed, interval and p are those of the resampled songs alone.
 *
 * @param songs how many were resampled
 * @param spreads the variance among seeds of each group, such as {@link pooledSpread} gives; a group's own if left out
 */
export function seedInterval(
  groups: readonly (readonly SeedScore[])[],
  songs: number,
  spreads: readonly (SeedSpread | undefined)[] = [],
): SeedInterval {
  const value = groups.reduce((sum, seeds) => sum + mean(seeds.map((seed) => seed.value)), 0);
  const resamplings = Math.min(...groups.flat().map(({ replicates }) => replicates.length));
  const sums: number[] = [], shared: number[] = [];
  for (let b = 0; b < resamplings; b++) {
    let sum = 0, disagreement = 0;
    for (const seeds of groups) {
      const found = seeds.map(({ replicates }) => replicates[b]);
      sum += mean(found);
      if (seeds.length > 1) disagreement += variance(found.map((score, s) => score - seeds[s].value)) / seeds.length;
    }
    if (Number.isNaN(sum)) continue;
    sums.push(sum);
    shared.push(disagreement);
  }
  const several = groups.filter((seeds) => seeds.length > 1), training = several.length === groups.length;
  if (sums.length < 2 || Number.isNaN(value)) return { value, low: null, high: null, p: 1, training };
  const freedom = Math.min(songs - 1, MOST_FREEDOM);
  const ofSongs = { variance: Math.max(0, (variance(sums) - mean(shared)) * songs / (songs - 1)), freedom };
  const counted = { songs: { ...ofSongs, count: songs } }, [only] = groups;
  if (several.length === 0) {
    const parts = groups.length === 1 ? { parts: counted } : {};
    return { value, ...central(Float64Array.from(sums)), p: twoSided(sums), training, ...parts };
  }
  const ofSeeds = groups.flatMap((seeds, i): SeedSpread[] => {
    if (seeds.length === 1) return [];
    const own = { variance: variance(seeds.map((seed) => seed.value)), freedom: seeds.length - 1 };
    const { variance: ofSeeds, freedom } = spreads[i] ?? own;
    return [{ variance: ofSeeds / seeds.length, freedom: Math.min(freedom, MOST_FREEDOM) }];
  });
  const all = [...ofSeeds, ofSongs], total = all.reduce((sum, part) => sum + part.variance, 0);
  if (total === 0) return { value, low: value, high: value, p: value === 0 ? 1 : 0, training };
  let low = 0, high = 13; // t of one degree of freedom is 12.7 there
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    if (mixtureTails(all, middle) > 0.05) low = middle;
    else high = middle;
  }
  const half = high * Math.sqrt(total), p = mixtureTails(all, Math.abs(value) / Math.sqrt(total));
  const parts = groups.length === 1 ? { parts: { seeds: { ...ofSeeds[0], count: only.length }, ...counted } } : {};
  return { value, low: value - half, high: value + half, p, training, ...parts };
}

/** What is known of the luck of training from more models than the two that are compared, as {@link pooledSpread} has it. */
export type KnownSpread = {
  /** The variance of the difference of two models with the same seeds. */
  difference?: SeedSpread;
  /** The variance of the first one's score; it is then not compared seed by seed. */
  first?: SeedSpread;
};

/**
 * a − b of two models' scores by seed: differences within each seed where both were trained with the same seeds, else
 * the difference of their means.
 *
 * @param known of the luck of training; what is left out is taken from the two alone
 */
export function seedDifference(
  a: ReadonlyMap<number, SeedScore>,
  b: ReadonlyMap<number, SeedScore>,
  songs: number,
  known: KnownSpread = {},
): SeedInterval {
  const negative = ({ value, replicates }: SeedScore): SeedScore => ({
    value: -value,
    replicates: Float64Array.from(replicates, (score) => -score),
  });
  const { difference, first } = known;
  if (first || a.size !== b.size || ![...a.keys()].every((seed) => b.has(seed))) {
    return seedInterval([[...a.values()], [...b.values()].map(negative)], songs, [first]);
  }
  const pairs = [...a].map(([seed, one]): SeedScore => {
    const other = b.get(seed)!;
    return {
      value: one.value - other.value,
      replicates: Float64Array.from(one.replicates, (score, i) => score - other.replicates[i]),
    };
  });
  return seedInterval([pairs], songs, [difference]);
}
