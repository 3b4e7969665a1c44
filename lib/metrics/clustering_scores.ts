/**
 * How well the bars of a song stay together: in clusters, and among their nearest neighbours.
 * @module
 */
import { shuffle, stream } from "../base/random.ts";
import { indexSongs, songMean } from "./class_scores.ts";
import { central, type Interval } from "./intervals.ts";
import type { Protocol } from "./task_scores.ts";

/**
 * `authors`: 1e-6 added to each share, over the log of K = `clusters`, one-bar songs counted; `sound`: over
 * ln min(n, K), n > 1.
 */
type EntropyOptions = { clusters: number; protocol: Protocol };

/**
 * Entropy of each song's cluster labels: 0 where all its bars fall in one cluster (STUDY §11.8, where K is 1000); NaN
 * for songs that the protocol leaves out. Songs in order of first appearance.
 *
 * @throws {RangeError} if there are not as many songs as labels.
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
  const deal = () => songEntropy(shuffle(labels, random), songs, options).mean;
  const dealt = Float64Array.from({ length: shuffles }, deal);
  return { value: dealt.reduce((sum, value) => sum + value / shuffles, 0), ...central(dealt) };
}

/**
 * How well each row of x (rows × columns) finds the rows of its own song among all others, by cosine; of equal ones the
 * earlier row comes first.
 *
 * @returns of each row, the average precision, and 1 or 0 for its nearest row; NaN for a row whose song has no other
 * @throws {RangeError} if x does not have as many rows as there are songs given.
 */
export function sameSongRetrieval(
  x: Float32Array | Float64Array,
  songs: readonly number[] | Int32Array,
): Record<"precision" | "first", Float64Array> {
  const rows = songs.length, columns = x.length / rows;
  if (!Number.isInteger(columns)) throw new RangeError(`retrieval: ${x.length} numbers do not make ${rows} rows.`);
  const unit = Array.from({ length: rows }, (_, r) => {
    const row = Float64Array.from(x.subarray(r * columns, (r + 1) * columns));
    const norm = Math.hypot(...row) || 1;
    return row.map((value) => value / norm);
  });
  const precision = new Float64Array(rows).fill(NaN), first = new Float64Array(rows).fill(NaN);
  const similar = new Float64Array(rows), all = [...songs.keys()];
  for (let q = 0; q < rows; q++) {
    for (let r = 0; r < rows; r++) {
      let product = 0;
      for (let c = 0; c < columns; c++) product += unit[q][c] * unit[r][c];
      similar[r] = product;
    }
    const nearer = (a: number, b: number) => similar[a] > similar[b] || (similar[a] === similar[b] && a < b);
    const own = all.filter((r) => r !== q && songs[r] === songs[q]).sort((a, b) => nearer(a, b) ? -1 : 1);
    if (own.length === 0) continue;
    const ranks = own.map((r) => all.reduce((rank, other) => other !== q && nearer(other, r) ? rank + 1 : rank, 1));
    precision[q] = ranks.reduce((sum, rank, i) => sum + (i + 1) / rank, 0) / own.length;
    first[q] = ranks[0] === 1 ? 1 : 0;
  }
  return { precision, first };
}

/**
 * Normalised mutual information of cluster labels and songs, over the mean of their entropies (as scikit-learn's); 1
 * where clusters are songs, and where there is one of each.
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
