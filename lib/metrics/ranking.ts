/**
 * Scores of decision values by their ranking: areas under ROC curves, and average precision.
 *
 * Tables are classes × rows, one class after the other; songs are numbered 0…songCount − 1.
 * @module
 */
import { bisect } from "../base/bisect.ts";
import { checkTable, type ClassTable } from "./class_scores.ts";

/** One class's rows in order of falling score: 2·song + label of each, and 1 where a group of equal scores ends. */
type Ranking = { code: Int32Array; ends: Uint8Array };

function rank(score: Float64Array, labels: Uint8Array, songs: Int32Array): Ranking {
  const rows = score.length, rising = score.slice().sort();
  // Binary search is several times faster than sorting row numbers with a comparison.
  const taken = new Int32Array(rows), code = new Int32Array(rows), ends = new Uint8Array(rows);
  for (let r = 0; r < rows; r++) {
    const low = bisect(0, rows, (place) => rising[place] >= score[r]);
    code[rows - 1 - low - taken[low]++] = 2 * songs[r] + labels[r];
    ends[rows - 1 - low] = 1;
  }
  return { code, ends };
}

/**
 * The rows of each class in order of falling decision value (classes × rows).
 *
 * @throws {RangeError} if the scores are not classes × rows, or one is NaN.
 */
export function rankByClass(scores: Float64Array, table: ClassTable): Ranking[] {
  const { classes, rows, labels, songs } = table;
  checkTable(scores, table);
  if (scores.some(Number.isNaN)) throw new RangeError("Expected decision values, found NaN.");
  return Array.from({ length: classes }, (_, k) => {
    const from = k * rows, to = from + rows;
    return rank(scores.subarray(from, to), labels.subarray(from, to), songs);
  });
}

/**
 * Area under the ROC curve of each class, as a function of song weights; ties count half, NaN without a positive or a
 * negative (STUDY §11.7).
 *
 * A class whose positives are in few songs has its ranked pairs (a positive above a negative) counted once, for each
 * song of a positive and each song of a negative; of other classes each call sweeps the sorted rows. Both count in
 * whole and half pairs, so they agree to the bit.
 */
export function aucByClass(sorted: Ranking[], table: ClassTable): (weights: Float64Array) => Float64Array {
  const { rows, songCount } = table;
  const of = Float64Array.from(table.songs).reduce((n, song) => (n[song]++, n), new Float64Array(songCount));
  const pairs = sorted.map((ranking) => {
    const songs = new Set<number>();
    for (const code of ranking.code) if (code & 1) songs.add(code >> 1);
    return songs.size * songCount <= PAIRS_A_ROW * rows ? countPairs(ranking, [...songs], songCount) : undefined;
  });
  return (weights) => {
    const all = of.reduce((sum, n, s) => sum + n * weights[s], 0);
    return Float64Array.from(sorted, (ranking, k) => {
      const counted = pairs[k];
      if (!counted) return passAuc(ranking, weights);
      let area = 0, found = 0;
      for (let p = 0, at = 0; p < counted.songs.length; p++, at += songCount) {
        const weight = weights[counted.songs[p]];
        if (weight === 0) continue;
        found += counted.positives[p] * weight;
        let row = 0;
        for (let t = 0; t < songCount; t++) row += counted.pairs[at + t] * weights[t];
        area += row * weight;
      }
      return found > 0 && found < all ? area / (found * (all - found)) : NaN;
    });
  };
}

/** Pairs of songs that are added up in the time of one row of a sweep, about: their sums go along the memory. */
const PAIRS_A_ROW = 4;

/**
 * How often a positive of each of some songs ranks above a negative of each song (songs × all), where ties count half; and
 * the positives of those songs.
 */
type Pairs = { songs: number[]; pairs: Float64Array; positives: Float64Array };

/** The ranked pairs of a class whose positives are in `songs`. */
function countPairs({ code, ends }: Ranking, songs: number[], songCount: number): Pairs {
  const place = new Map(songs.map((song, p) => [song, p])), above = new Float64Array(songs.length);
  const pairs = new Float64Array(songs.length * songCount);
  for (let i = 0, from = 0; i < code.length; i++) {
    if (ends[i] === 0) continue;
    for (let j = from; j <= i; j++) if (code[j] & 1) above[place.get(code[j] >> 1)!] += 0.5;
    for (let j = from; j <= i; j++) {
      if ((code[j] & 1) === 0) {
        for (let p = 0, t = code[j] >> 1; p < songs.length; p++) pairs[p * songCount + t] += above[p];
      }
    }
    for (let j = from; j <= i; j++) if (code[j] & 1) above[place.get(code[j] >> 1)!] += 0.5;
    from = i + 1;
  }
  return { songs, pairs, positives: above };
}

function passAuc({ code, ends }: Ranking, weights: Float64Array): number {
  let above = 0, below = 0, area = 0, p = 0, n = 0;
  for (let i = 0; i < code.length; i++) {
    const weight = weights[code[i] >> 1];
    if (code[i] & 1) p += weight;
    else n += weight;
    if (ends[i] === 0) continue;
    area += n * (above + p / 2);
    above += p;
    below += n;
    p = n = 0;
  }
  return above > 0 && below > 0 ? area / (above * below) : NaN;
}

/** Area under the ROC curve of each class with all songs counted once: faster than {@link aucByClass}. */
export function aucOnce(scores: Float64Array, table: ClassTable): Float64Array {
  const { classes, rows, labels } = table;
  checkTable(scores, table);
  return Float64Array.from({ length: classes }, (_, k) => {
    const positives = scores.subarray(k * rows, (k + 1) * rows).filter((_, r) => labels[k * rows + r] === 1).sort();
    const negatives = scores.subarray(k * rows, (k + 1) * rows).filter((_, r) => labels[k * rows + r] === 0).sort();
    let area = 0, below = 0, upTo = 0;
    for (const score of positives) {
      while (below < negatives.length && negatives[below] < score) below++;
      while (upTo < negatives.length && negatives[upTo] <= score) upTo++;
      area += (below + upTo) / 2;
    }
    return area / (positives.length * negatives.length);
  });
}

/**
 * Average precision Σ (Rₙ − Rₙ₋₁) Pₙ of each class; NaN without a positive or a negative.
 *
 * Not for resampling: copies of a positive raise each other's precision, so that a percentile interval may leave out
 * the score itself.
 */
export function precisionByClass(sorted: Ranking[]): Float64Array {
  return Float64Array.from(sorted, ({ code, ends }) => {
    let found = 0, inGroup = 0, gain = 0;
    for (let i = 0; i < code.length; i++) {
      inGroup += code[i] & 1;
      if (ends[i] === 0) continue;
      found += inGroup;
      gain += inGroup * found / (i + 1);
      inGroup = 0;
    }
    return found > 0 && found < code.length ? gain / found : NaN;
  });
}
