/**
 * What probes are scored by: ranking, hard decisions, errors, clusters' purity over songs, and intervals by
 * resampling songs.
 *
 * Tables of several classes are classes × rows, one class after the other.
 * @module
 */
import { shuffle, stream } from "../base/random.ts";
import {
  accuracyScore,
  aucByClass,
  type ClassTable,
  countByClass,
  errorScore,
  f1Scores,
  indexSongs,
  macroMean,
  positivesByClass,
  precisionByClass,
  rankByClass,
  songMean,
  type SongScore,
  weightedMean,
} from "./class_scores.ts";

/** One score in its averages over classes. */
export interface ClassScores {
  /** Mean weighted by the number of positives. */
  weighted: number;
  /** Plain mean. */
  macro: number;
  /** Each class; NaN where it is not defined. */
  perClass: Float64Array;
  /** Classes left out of the means, for want of a positive or of a negative. */
  skipped: number;
}

function oneSong(labels: ArrayLike<number>, classes: number): ClassTable {
  const rows = labels.length / classes;
  if (!Number.isInteger(rows)) {
    throw new RangeError(`labels: expected classes × rows numbers, found ${labels.length} for ${classes} classes.`);
  }
  return { classes, rows, labels: Uint8Array.from(labels), songs: new Int32Array(rows), songCount: 1 };
}

const once = Float64Array.of(1);

function averages(perClass: Float64Array, positives: Float64Array): ClassScores {
  return {
    weighted: weightedMean(perClass, positives),
    macro: macroMean(perClass),
    perClass,
    skipped: perClass.reduce((skipped, value) => skipped + (Number.isNaN(value) ? 1 : 0), 0),
  };
}

/**
 * Area under the ROC curve of each class; `scores` are decision values, or 0 and 1 as the authors pass them (study §11.7).
 *
 * @throws {RangeError} if scores and labels are not both classes × rows.
 *
 * @example
 * ```ts
 * import { rocAuc } from "@lib/metrics/intervals.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(rocAuc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).weighted, 0.75);
 * assertEquals(rocAuc([0, 0, 0, 1], [0, 0, 1, 1]).weighted, 0.75);
 * ```
 */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<number>, classes = 1): ClassScores {
  const table = oneSong(labels, classes);
  return averages(
    aucByClass(rankByClass(Float64Array.from(scores), table), table)(once),
    positivesByClass(table)(once),
  );
}

/**
 * Average precision Σ (Rₙ − Rₙ₋₁) Pₙ of each class on decision values.
 *
 * @throws {RangeError} if scores and labels are not both classes × rows.
 *
 * @example
 * ```ts
 * import { averagePrecision } from "@lib/metrics/intervals.ts";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(averagePrecision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).macro, 0.8333333, 1e-6);
 * ```
 */
export function averagePrecision(scores: ArrayLike<number>, labels: ArrayLike<number>, classes = 1): ClassScores {
  const table = oneSong(labels, classes);
  return averages(precisionByClass(rankByClass(Float64Array.from(scores), table)), positivesByClass(table)(once));
}

/**
 * F1 of hard decisions (0/0 = 0): macro over the classes with a positive, micro over all decisions.
 *
 * @throws {RangeError} if decisions and labels are not both classes × rows.
 *
 * @example
 * ```ts
 * import { f1 } from "@lib/metrics/intervals.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(f1([1, 0, 1, 0], [1, 1, 0, 0]).micro, 0.5);
 * ```
 */
export function f1(
  decisions: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes = 1,
): ClassScores & { micro: number } {
  const counts = countByClass(decisions, oneSong(labels, classes))(once);
  const { perClass, micro } = f1Scores(counts);
  return { ...averages(perClass, counts.truePositives.map((hit, k) => hit + counts.falseNegatives[k])), micro };
}

/**
 * Share of rows whose decisions are right in every class, the authors' tempo score (study §11.7).
 *
 * @example
 * ```ts
 * import { exactRow } from "@lib/metrics/intervals.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(exactRow([1, 0, 0, 0], [1, 0, 0, 1], 2), 0.5); // two classes × two rows
 * ```
 */
export function exactRow(decisions: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  const rows = labels.length / classes;
  let right = 0;
  for (let r = 0; r < rows; r++) {
    let k = 0;
    while (k < classes && decisions[k * rows + r] === labels[k * rows + r]) k++;
    if (k === classes) right++;
  }
  return right / rows;
}

/** Largest class of each row of decision values (classes × rows); the first of equals. */
export function argMax(scores: ArrayLike<number>, classes: number): Int32Array {
  const rows = scores.length / classes;
  const best = new Int32Array(rows);
  for (let k = 1; k < classes; k++) {
    for (let r = 0; r < rows; r++) if (scores[k * rows + r] > scores[best[r] * rows + r]) best[r] = k;
  }
  return best;
}

/** Share of equal entries, and the mean of each true class's share. */
export function accuracy(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
): Record<"accuracy" | "accuracyMacro", number> {
  let classes = 0;
  for (let r = 0; r < truth.length; r++) classes = Math.max(classes, truth[r] + 1);
  return accuracyScore(predicted, truth, classes, { songs: new Int32Array(truth.length), songCount: 1 })(once);
}

/**
 * Root mean square error, mean absolute error and R² (against the mean of `truth`).
 *
 * @example
 * ```ts
 * import { regression } from "@lib/metrics/intervals.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(regression([1, 2, 6], [1, 2, 3]), { rmse: Math.sqrt(3), mae: 1, r2: -3.5 });
 * ```
 */
export function regression(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
): Record<"rmse" | "mae" | "r2", number> {
  return errorScore(predicted, truth, { songs: new Int32Array(truth.length), songCount: 1 })(once);
}

/** Which reading of {@link songEntropy}. */
export interface EntropyOptions {
  /** Clusters K that labels come from. */
  clusters: number;
  /** `authors`: 1e-6 added to each share, over ln K, one-bar songs counted; `sound`: over ln min(n, K), n > 1. */
  reading: "authors" | "sound";
}

/**
 * Entropy of each song's cluster labels: 0 where all its bars fall in one cluster (study §11.8, where K is 1000); NaN
 * for songs that the reading drops. Songs in order of first appearance.
 *
 * @throws {RangeError} if there are not as many songs as labels.
 *
 * @example
 * ```ts
 * import { songEntropy } from "@lib/metrics/intervals.ts";
 * import { assertEquals } from "@std/assert";
 *
 * // One song in one cluster, one with every bar in another, one of a single bar.
 * const found = songEntropy([4, 4, 4, 1, 2, 3, 0], [0, 0, 0, 1, 1, 1, 2], { clusters: 5, reading: "sound" });
 * assertEquals([...found.perSong].map((entropy) => Math.round(1e9 * entropy) / 1e9), [0, 1, NaN]);
 * ```
 */
export function songEntropy(
  labels: ArrayLike<number>,
  songs: ArrayLike<number>,
  { clusters, reading }: EntropyOptions,
): { perSong: Float64Array; mean: number } {
  if (labels.length !== songs.length) {
    throw new RangeError(`songEntropy: ${labels.length} labels and the songs of ${songs.length} bars.`);
  }
  const { songs: index, songCount } = indexSongs(songs);
  const bars = new Float64Array(songCount);
  const counts = Array.from({ length: songCount }, () => new Map<number, number>());
  for (let r = 0; r < index.length; r++) {
    bars[index[r]]++;
    counts[index[r]].set(labels[r], (counts[index[r]].get(labels[r]) ?? 0) + 1);
  }
  const added = reading === "authors" ? 1e-6 : 0;
  const perSong = bars.map((n, s) => {
    if (reading === "sound" && n < 2) return NaN;
    let entropy = added > 0 ? -(clusters - counts[s].size) * added * Math.log(added) : 0;
    for (const count of counts[s].values()) entropy -= (count / n + added) * Math.log(count / n + added);
    const scale = Math.log(reading === "authors" ? clusters : Math.min(n, clusters));
    // One cluster holds no choice; and 0 − 1·ln 1 may be −0.
    return scale > 0 ? Math.max(0, entropy / scale) : 0;
  });
  return { perSong, mean: songMean("mean", perSong)(new Float64Array(songCount).fill(1)).mean };
}

/**
 * What {@link songEntropy} is when bars are dealt to songs at random: the mean over `shuffles`, and their central 95%.
 * The clusters keep their sizes and the songs their numbers of bars.
 */
export function shuffledEntropy(
  labels: Int32Array,
  songs: ArrayLike<number>,
  options: EntropyOptions,
  { seed = 0, shuffles }: { seed?: number; shuffles: number },
): Interval {
  const random = stream(seed, "shuffled-entropy");
  const found = Float64Array.from(
    { length: shuffles },
    () => songEntropy(shuffle(labels, random), songs, options).mean,
  );
  return { value: found.reduce((sum, value) => sum + value / shuffles, 0), ...central(found) };
}

/** A score and its 95% interval. */
export interface Interval {
  /** The score. */
  value: number;
  /** 2.5th percentile; null where there is no interval. */
  low: number | null;
  /** 97.5th percentile; null where there is no interval. */
  high: number | null;
}

/** The central 95% of values (linear between order statistics); NaNs do not count. */
export function central(values: Float64Array | Float32Array): { low: number | null; high: number | null } {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) return { low: null, high: null };
  const at = (share: number) => {
    const position = share * (sorted.length - 1), below = Math.floor(position);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  };
  return { low: at(0.025), high: at(0.975) };
}

/**
 * Scores on all songs with 95% percentile intervals over songs drawn with replacement (study §13.20).
 *
 * The draws depend on the seed, the number of songs and the resamplings alone, so scores of different models on the
 * same songs are paired. With fewer than two songs, or no resamplings, there is no interval (null). Scores
 * named in `keep` come with their values in each resampling.
 *
 * @example
 * ```ts
 * import { bootstrap } from "@lib/metrics/intervals.ts";
 * import { songMean } from "@lib/metrics/class_scores.ts";
 * import { assert } from "@std/assert";
 *
 * const { mean } = bootstrap(songMean("mean", Float64Array.of(1, 2, 3, 4)), 4, { resamplings: 200 });
 * assert(mean.value === 2.5 && mean.low! < 2.5 && mean.high! > 2.5);
 * ```
 */
export function bootstrap<K extends string>(
  score: SongScore<K>,
  songs: number,
  { resamplings = 1000, seed = 0, keep = [] }: { resamplings?: number; seed?: number; keep?: readonly string[] } = {},
): Record<K, Interval & { replicates?: Float32Array }> {
  const value = score(new Float64Array(songs).fill(1));
  const names = Object.keys(value) as K[];
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
