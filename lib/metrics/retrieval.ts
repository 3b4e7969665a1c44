/**
 * Whether bars of a song find each other, and whether clusters are songs.
 * @module
 */
import { indexSongs } from "./class_scores.ts";

/** How well rows find those of their own song; see {@link sameSongRetrieval}. */
export interface Retrieval {
  /** Average precision of each row that has a companion, NaN of the others. */
  precision: Float64Array;
  /** 1 where a row's nearest other row is of its song, NaN of rows without a companion. */
  first: Float64Array;
}

/**
 * Each row of x (rows × columns) looks for the rows of its own song among all others, by cosine; of equal ones the
 * earlier row comes first. Rows whose song has no other row do not count.
 *
 * @throws {RangeError} if x does not have as many rows as there are songs given.
 *
 * @example
 * ```ts
 * import { sameSongRetrieval } from "@lib/metrics/retrieval.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const x = Float32Array.of(1, 0, 1, 0.1, 0, 1, 0.1, 1); // two songs, two bars each
 * assertEquals(sameSongRetrieval(x, [7, 7, 8, 8]).precision, Float64Array.of(1, 1, 1, 1));
 * ```
 */
export function sameSongRetrieval(x: Float32Array | Float64Array, songs: ArrayLike<number>): Retrieval {
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
    // The rank of each companion: the rows before it, found by passing all rows once for each.
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
 * import { normalisedInformation } from "@lib/metrics/retrieval.ts";
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
