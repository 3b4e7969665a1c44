/**
 * How well the bars of a song stay together: in clusters, and among their nearest neighbours.
 * @module
 */
import { shuffle, stream } from "../base/random.ts";
import { indexSongs, songMean } from "./class_scores.ts";
import { central, type Interval } from "./intervals.ts";
import type { Protocol } from "./task_scores.ts";

interface EntropyOptions {
  /** Clusters K that labels come from. */
  clusters: number;
  /** `authors`: 1e-6 added to each share, over ln K, one-bar songs counted; `sound`: over ln min(n, K), n > 1. */
  protocol: Protocol;
}

/**
 * Entropy of each song's cluster labels: 0 where all its bars fall in one cluster (STUDY §11.8, where K is 1000); NaN
 * for songs that the protocol leaves out. Songs in order of first appearance.
 *
 * @throws {RangeError} if there are not as many songs as labels.
 *
 * @example
 * ```ts
 * import { songEntropy } from "@lib/metrics/clustering_scores.ts";
 * import { assertEquals } from "@std/assert";
 *
 * // One song in one cluster, one with every bar in another, one of a single bar.
 * const found = songEntropy([4, 4, 4, 1, 2, 3, 0], [0, 0, 0, 1, 1, 1, 2], { clusters: 5, protocol: "sound" });
 * assertEquals([...found.perSong].map((entropy) => Math.round(1e9 * entropy) / 1e9), [0, 1, NaN]);
 * ```
 */
export function songEntropy(
  labels: ArrayLike<number>,
  songs: ArrayLike<number>,
  { clusters, protocol }: EntropyOptions,
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
  const added = protocol === "authors" ? 1e-6 : 0;
  const perSong = bars.map((n, s) => {
    if (protocol === "sound" && n < 2) return NaN;
    let entropy = added > 0 ? -(clusters - counts[s].size) * added * Math.log(added) : 0;
    for (const count of counts[s].values()) entropy -= (count / n + added) * Math.log(count / n + added);
    const scale = Math.log(protocol === "authors" ? clusters : Math.min(n, clusters));
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
  { seed, shuffles }: { seed: number; shuffles: number },
): Interval {
  const random = stream(seed, "shuffled-entropy");
  const dealt = Float64Array.from(
    { length: shuffles },
    () => songEntropy(shuffle(labels, random), songs, options).mean,
  );
  return { value: dealt.reduce((sum, value) => sum + value / shuffles, 0), ...central(dealt) };
}

/**
 * How well each row of x (rows × columns) finds the rows of its own song among all others, by cosine; of equal ones the
 * earlier row comes first.
 *
 * @returns of each row, the average precision, and 1 or 0 for its nearest row; NaN for a row whose song has no other
 * @throws {RangeError} if x does not have as many rows as there are songs given.
 *
 * @example
 * ```ts
 * import { sameSongRetrieval } from "@lib/metrics/clustering_scores.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const x = Float32Array.of(1, 0, 1, 0.1, 0, 1, 0.1, 1); // two songs, two bars each
 * assertEquals(sameSongRetrieval(x, [7, 7, 8, 8]).precision, Float64Array.of(1, 1, 1, 1));
 * ```
 */
export function sameSongRetrieval(
  x: Float32Array | Float64Array,
  songs: ArrayLike<number>,
): Record<"precision" | "first", Float64Array> {
  const rows = songs.length, columns = x.length / rows;
  if (!Number.isInteger(columns)) throw new RangeError(`retrieval: ${x.length} numbers do not make ${rows} rows.`);
  const unit = Array.from({ length: rows }, (_, r) => {
    const row = Float64Array.from(x.subarray(r * columns, (r + 1) * columns));
    const norm = Math.hypot(...row) || 1;
    return row.map((value) => value / norm);
  });
  const precision = new Float64Array(rows).fill(NaN), first = new Float64Array(rows).fill(NaN);
  const similar = new Float64Array(rows);
  for (let q = 0; q < rows; q++) {
    for (let r = 0; r < rows; r++) {
      let product = 0;
      for (let c = 0; c < columns; c++) product += unit[q][c] * unit[r][c];
      similar[r] = product;
    }
    const own: number[] = [];
    for (let r = 0; r < rows; r++) if (r !== q && songs[r] === songs[q]) own.push(r);
    if (own.length === 0) continue;
    own.sort((a, b) => similar[b] - similar[a] || a - b);
    let sum = 0;
    own.forEach((companion, found) => {
      let rank = 1;
      for (let r = 0; r < rows; r++) {
        if (r !== q && (similar[r] > similar[companion] || (similar[r] === similar[companion] && r < companion))) {
          rank++;
        }
      }
      sum += (found + 1) / rank;
      if (found === 0) first[q] = rank === 1 ? 1 : 0;
    });
    precision[q] = sum / own.length;
  }
  return { precision, first };
}

/**
 * Normalised mutual information of cluster labels and songs, over the mean of their entropies (as scikit-learn's); 1
 * where clusters are songs, and where there is one of each.
 *
 * @example
 * ```ts
 * import { normalisedInformation } from "@lib/metrics/clustering_scores.ts";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(normalisedInformation([0, 0, 1, 1], [5, 5, 3, 3]), 1);
 * assertAlmostEquals(normalisedInformation([0, 1, 0, 1], [5, 5, 3, 3]), 0);
 * ```
 */
export function normalisedInformation(labels: ArrayLike<number>, songs: ArrayLike<number>): number {
  const a = indexSongs(labels), b = indexSongs(songs), rows = labels.length;
  const both = new Float64Array(a.songCount * b.songCount);
  const ofA = new Float64Array(a.songCount), ofB = new Float64Array(b.songCount);
  for (let r = 0; r < rows; r++) {
    both[a.songs[r] * b.songCount + b.songs[r]] += 1 / rows;
    ofA[a.songs[r]] += 1 / rows;
    ofB[b.songs[r]] += 1 / rows;
  }
  const entropy = (shares: Float64Array) => shares.reduce((sum, p) => p > 0 ? sum - p * Math.log(p) : sum, 0);
  const scale = (entropy(ofA) + entropy(ofB)) / 2;
  return scale > 0 ? Math.max(0, (entropy(ofA) + entropy(ofB) - entropy(both)) / scale) : 1;
}
