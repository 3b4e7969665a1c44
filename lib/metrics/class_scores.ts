/**
 * Scores as functions of how often each song counts, which makes a resampling of songs cheap: what does not depend on
 * the weights (sorting, counting, residuals) is done once.
 *
 * Tables are classes × rows, one class after the other; songs are numbered 0…songCount − 1.
 * @module
 */

/** True labels of rows, class by class, and the song of each row. */
export interface ClassTable {
  /** Classes. */
  classes: number;
  /** Rows. */
  rows: number;
  /** 1 where the row has the class (classes × rows). */
  labels: Uint8Array;
  /** Song of each row. */
  songs: Int32Array;
  /** Songs. */
  songCount: number;
}

/** Named scores, given how often each song counts (songCount). NaN where a score is not defined. */
export type SongScore<K extends string> = (weights: Float64Array) => Record<K, number>;

/** Counts of each class, weighted as the songs are; one number a class. */
export interface Counts {
  /** Bars with the class that were decided to have it. */
  truePositives: Float64Array;
  /** Bars without it that were decided to have it. */
  falsePositives: Float64Array;
  /** Bars with it that were decided not to. */
  falseNegatives: Float64Array;
  /** Bars without it that were decided not to. */
  trueNegatives: Float64Array;
}

/** Songs renumbered 0…n − 1 in order of first appearance. */
export function indexSongs(songs: ArrayLike<number>): { songs: Int32Array; songCount: number } {
  const seen = new Map<number, number>();
  const indexed = Int32Array.from(songs, (song) => {
    const known = seen.get(song) ?? seen.size;
    seen.set(song, known);
    return known;
  });
  return { songs: indexed, songCount: seen.size };
}

/** Mean of class scores weighted by `support`; classes whose score is NaN are left out. */
export function weightedMean(values: Float64Array, support: Float64Array): number {
  let sum = 0, total = 0;
  for (let c = 0; c < values.length; c++) {
    if (Number.isNaN(values[c])) continue;
    sum += values[c] * support[c];
    total += support[c];
  }
  return sum / total;
}

/** Mean of class scores; classes whose score is NaN are left out. */
export function macroMean(values: Float64Array): number {
  return weightedMean(values, new Float64Array(values.length).fill(1));
}

/** One class's rows in order of falling score. */
export interface Ranking {
  /** 2·song + label. */
  code: Int32Array;
  /** 1 where a group of equal scores ends. */
  ends: Uint8Array;
}

function rank(score: Float64Array, labels: Uint8Array, songs: Int32Array): Ranking {
  const rows = score.length, rising = score.slice().sort();
  // Place by binary search: several times faster than sorting row numbers with a comparison.
  const taken = new Int32Array(rows), code = new Int32Array(rows), ends = new Uint8Array(rows);
  for (let r = 0; r < rows; r++) {
    let low = 0, high = rows;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rising[middle] < score[r]) low = middle + 1;
      else high = middle;
    }
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

/** Positives of each class, as a function of song weights. */
export function positivesByClass(
  { classes, rows, labels, songs, songCount }: ClassTable,
): (weights: Float64Array) => Float64Array {
  const counts = new Float64Array(classes * songCount);
  for (let i = 0; i < labels.length; i++) counts[Math.floor(i / rows) * songCount + songs[i % rows]] += labels[i];
  return (weights) =>
    Float64Array.from({ length: classes }, (_, k) => {
      let sum = 0;
      for (let s = 0; s < songCount; s++) sum += weights[s] * counts[k * songCount + s];
      return sum;
    });
}

/**
 * Area under the ROC curve of each class, as a function of song weights; ties count half, NaN without a positive or a
 * negative (study §11.7).
 *
 * With few songs for the rows, pairs (positive above negative) are counted once for each two songs; otherwise the rows
 * are passed in their order each time.
 */
export function aucByClass(sorted: Ranking[], table: ClassTable): (weights: Float64Array) => Float64Array {
  const { classes, rows, songCount } = table;
  if (songCount * songCount > rows) {
    return (weights) => Float64Array.from(sorted, (ranking) => passAuc(ranking, weights));
  }
  const pairs = sorted.map((ranking) => countPairs(ranking, songCount));
  const of = Float64Array.from(table.songs).reduce((n, song) => (n[song]++, n), new Float64Array(songCount));
  const positives = positivesByClass(table);
  return (weights) => {
    const auc = positives(weights), all = of.reduce((sum, n, s) => sum + n * weights[s], 0);
    for (let k = 0; k < classes; k++) {
      let area = 0;
      for (let s = 0, at = 0; s < songCount; s++) {
        let row = 0;
        for (let t = 0; t < songCount; t++, at++) row += pairs[k][at] * weights[t];
        area += row * weights[s];
      }
      auc[k] = auc[k] > 0 && auc[k] < all ? area / (auc[k] * (all - auc[k])) : NaN;
    }
    return auc;
  };
}

/** Of each song's positives and each song's negatives, the pairs in the right order; equal scores count half. */
function countPairs({ code, ends }: Ranking, songCount: number): Float64Array {
  const pairs = new Float64Array(songCount * songCount), above = new Float64Array(songCount);
  for (let i = 0, from = 0; i < code.length; i++) {
    if (ends[i] === 0) continue;
    for (let j = from; j <= i; j++) if (code[j] & 1) above[code[j] >> 1] += 0.5;
    for (let j = from; j <= i; j++) {
      if ((code[j] & 1) === 0) {
        for (let s = 0, t = code[j] >> 1; s < songCount; s++) pairs[s * songCount + t] += above[s];
      }
    }
    for (let j = from; j <= i; j++) if (code[j] & 1) above[code[j] >> 1] += 0.5;
    from = i + 1;
  }
  return pairs;
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

/** Area under the ROC curve of each class for all songs once, as {@link aucByClass} but without ranking all rows. */
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
 * It is not made for resampling: copies of a positive raise each other's precision, so that a percentile interval need
 * not hold the score itself.
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

/**
 * Counts of each class for hard decisions (1 or 0, classes × rows), as a function of song weights.
 *
 * @throws {RangeError} if the decisions are not classes × rows.
 */
export function countByClass(decisions: ArrayLike<number>, table: ClassTable): (weights: Float64Array) => Counts {
  const { classes, rows, labels, songs, songCount } = table;
  checkTable(decisions, table);
  // Of each song and class: true negatives, false positives, false negatives, true positives.
  const counts = new Float64Array(4 * songCount * classes);
  for (let k = 0; k < classes; k++) {
    for (let r = 0; r < rows; r++) {
      const cell = 2 * labels[k * rows + r] + (decisions[k * rows + r] ? 1 : 0);
      counts[4 * (songs[r] * classes + k) + cell]++;
    }
  }
  return (weights) => {
    const [trueNegatives, falsePositives, falseNegatives, truePositives] = [0, 1, 2, 3].map(() =>
      new Float64Array(classes)
    );
    for (let s = 0; s < songCount; s++) {
      const weight = weights[s];
      if (weight === 0) continue;
      for (let k = 0, at = 4 * s * classes; k < classes; k++, at += 4) {
        trueNegatives[k] += weight * counts[at];
        falsePositives[k] += weight * counts[at + 1];
        falseNegatives[k] += weight * counts[at + 2];
        truePositives[k] += weight * counts[at + 3];
      }
    }
    return { trueNegatives, falsePositives, falseNegatives, truePositives };
  };
}

/** ROC area of hard decisions, (sensitivity + specificity) / 2 of each class; NaN without a positive or a negative. */
export function hardAuc({ truePositives, falsePositives, falseNegatives, trueNegatives }: Counts): Float64Array {
  return truePositives.map((hit, k) =>
    (hit / (hit + falseNegatives[k]) + trueNegatives[k] / (trueNegatives[k] + falsePositives[k])) / 2
  );
}

/** F1 of each class (0/0 = 0, NaN for classes without a positive), and of all decisions together. */
export function f1Scores(counts: Counts): { perClass: Float64Array; micro: number } {
  const { truePositives, falsePositives, falseNegatives } = counts;
  let hits = 0, wrong = 0;
  const perClass = truePositives.map((hit, k) => {
    const misses = falsePositives[k] + falseNegatives[k];
    hits += hit;
    wrong += misses;
    return hit + falseNegatives[k] > 0 ? 2 * hit / (2 * hit + misses) : NaN;
  });
  return { perClass, micro: hits + wrong > 0 ? 2 * hits / (2 * hits + wrong) : 0 };
}

/** Share of rows that are right, and mean share over the true classes that occur (study §11.7). */
export function accuracyScore(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
  classes: number,
  { songs, songCount }: { songs: Int32Array; songCount: number },
): SongScore<"accuracy" | "accuracyMacro"> {
  const rows = new Float64Array(songCount * classes), right = new Float64Array(songCount * classes);
  for (let r = 0; r < songs.length; r++) {
    rows[songs[r] * classes + truth[r]]++;
    if (predicted[r] === truth[r]) right[songs[r] * classes + truth[r]]++;
  }
  return (weights) => {
    let all = 0, hits = 0, present = 0, shares = 0;
    for (let k = 0; k < classes; k++) {
      let n = 0, hit = 0;
      for (let s = 0; s < songCount; s++) {
        n += weights[s] * rows[s * classes + k];
        hit += weights[s] * right[s * classes + k];
      }
      all += n;
      hits += hit;
      if (n > 0) {
        present++;
        shares += hit / n;
      }
    }
    return { accuracy: hits / all, accuracyMacro: shares / present };
  };
}

/** Root mean square and mean absolute error, and R² against the mean of the rows scored (study §11.7). */
export function errorScore(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
  { songs, songCount }: { songs: Int32Array; songCount: number },
): SongScore<"rmse" | "mae" | "r2"> {
  const sums = new Float64Array(5 * songCount);
  let origin = 0;
  for (let r = 0; r < songs.length; r++) origin += truth[r] / songs.length;
  for (let r = 0; r < songs.length; r++) {
    const error = predicted[r] - truth[r], centred = truth[r] - origin, at = 5 * songs[r];
    sums[at]++;
    sums[at + 1] += error * error;
    sums[at + 2] += Math.abs(error);
    sums[at + 3] += centred;
    sums[at + 4] += centred * centred;
  }
  return (weights) => {
    const total = [0, 0, 0, 0, 0];
    for (let s = 0; s < songCount; s++) {
      for (let i = 0; i < 5; i++) total[i] += weights[s] * sums[5 * s + i];
    }
    const [n, squares, absolute, sum, squaresOfTruth] = total;
    return {
      rmse: Math.sqrt(squares / n),
      mae: absolute / n,
      r2: 1 - squares / (squaresOfTruth - sum * sum / n),
    };
  };
}

/** Mean of one value a song (NaN: the song does not count) under a name. */
export function songMean<K extends string>(name: K, values: Float64Array): SongScore<K> {
  return (weights) => ({ [name]: weightedMean(values, weights) } as Record<K, number>);
}

function checkTable(values: ArrayLike<number>, { classes, rows, labels, songs }: ClassTable): void {
  if (values.length !== classes * rows || labels.length !== classes * rows || songs.length !== rows) {
    throw new RangeError(
      `Expected ${classes} classes × ${rows} rows of values and of labels and ${rows} songs, ` +
        `found ${values.length}, ${labels.length} and ${songs.length}.`,
    );
  }
}
