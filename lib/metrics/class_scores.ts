/**
 * Scores as functions of song weights, so that resampling songs is cheap: sorting, counting and residuals are done once.
 *
 * Tables are classes × rows, one class after the other; songs are numbered 0…songCount − 1.
 * @module
 */

/** True labels of rows (classes × rows, 1 where the row has the class), and the song of each row. */
export type ClassTable = { classes: number; rows: number; labels: Uint8Array; songs: Int32Array; songCount: number };

/** Named scores, given how often each song counts (songCount). NaN where a score is not defined. */
export type SongScore<K extends string> = (weights: Float64Array) => Record<K, number>;

/** Decisions of each class, in bars weighted as their songs are. */
export type Counts = Record<"truePositives" | "falsePositives" | "falseNegatives" | "trueNegatives", Float64Array>;

/** Songs renumbered 0…n − 1 in order of first appearance. */
export function indexSongs(songs: ArrayLike<number>): { songs: Int32Array; songCount: number } {
  const places = new Map([...new Set(Array.from(songs))].map((song, i) => [song, i]));
  return { songs: Int32Array.from(songs, (song) => places.get(song)!), songCount: places.size };
}

/**
 * Sums over songs of a table with one row a song (songs × columns), as a function of how often each song counts. Zeros
 * are left out: of a hundred classes a song has a few.
 */
export function songSums(table: Float64Array, columns: number): (weights: Float64Array) => Float64Array {
  const songs = table.length / columns, starts = new Int32Array(songs + 1);
  const filled = table.reduce((n, value) => n + (value === 0 ? 0 : 1), 0);
  const column = new Int32Array(filled), values = new Float64Array(filled);
  for (let s = 0, at = 0, n = 0; s < songs; s++) {
    for (let c = 0; c < columns; c++, at++) {
      if (table[at] === 0) continue;
      column[n] = c;
      values[n++] = table[at];
    }
    starts[s + 1] = n;
  }
  return (weights) => {
    const sums = new Float64Array(columns);
    for (let s = 0; s < songs; s++) {
      const weight = weights[s];
      if (weight === 0) continue;
      for (let i = starts[s]; i < starts[s + 1]; i++) sums[column[i]] += weight * values[i];
    }
    return sums;
  };
}

/** Mean of class scores weighted by `support`; classes whose score is NaN are left out. */
export function weightedMean(values: ArrayLike<number>, support: Float64Array): number {
  let sum = 0, total = 0;
  for (let c = 0; c < values.length; c++) {
    if (Number.isNaN(values[c])) continue;
    sum += values[c] * support[c];
    total += support[c];
  }
  return sum / total;
}

/** Mean of scores; those that are NaN are left out. */
export function macroMean(values: ArrayLike<number>): number {
  let sum = 0, count = 0;
  for (let c = 0; c < values.length; c++) {
    if (Number.isNaN(values[c])) continue;
    sum += values[c];
    count++;
  }
  return sum / count;
}

/** Largest class of each row of decision values (classes × rows); the first of equals. */
export function argMax(scores: ArrayLike<number>, classes: number): Int32Array {
  const rows = scores.length / classes, best = new Int32Array(rows);
  for (let k = 1; k < classes; k++) {
    for (let r = 0; r < rows; r++) if (scores[k * rows + r] > scores[best[r] * rows + r]) best[r] = k;
  }
  return best;
}

/** Counts of each class for hard decisions, class by class; `finish` gives them as a function of song weights. */
export type ClassCounter = {
  /** Counts class `k`: for each row 1 or 0 if it is said to have the class, and if it has. */
  add(k: number, decisions: ArrayLike<number>, labels: ArrayLike<number>): void;
  finish(): (weights: Float64Array) => Counts;
};

/** Counts hard decisions of rows of songs. */
export function classCounter({ classes, songs, songCount }: Omit<ClassTable, "labels" | "rows">): ClassCounter {
  // For each song the classes' false positives, false negatives and true positives, and its bars.
  const columns = 3 * classes + 1, counts = new Float64Array(songCount * columns);
  for (const song of songs) counts[song * columns + 3 * classes]++;
  return {
    add(k, decisions, labels) {
      for (let r = 0; r < songs.length; r++) {
        const cell = 2 * labels[r] + (decisions[r] ? 1 : 0) - 1;
        if (cell >= 0) counts[songs[r] * columns + cell * classes + k]++;
      }
    },
    finish() {
      const sum = songSums(counts, columns);
      return (weights) => {
        const sums = sum(weights), all = sums[3 * classes];
        const [falsePositives, falseNegatives, truePositives] = [0, 1, 2].map((cell) =>
          sums.subarray(cell * classes, (cell + 1) * classes)
        );
        const trueNegatives = truePositives.map((hits, k) => all - hits - falsePositives[k] - falseNegatives[k]);
        return { trueNegatives, falsePositives, falseNegatives, truePositives };
      };
    },
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

/** Share of rows that are right, and mean share over the true classes that occur (STUDY §11.7). */
export function accuracyScore(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
  classes: number,
  { songs, songCount }: Pick<ClassTable, "songs" | "songCount">,
): SongScore<"accuracy" | "accuracyMacro"> {
  const rows = new Float64Array(songCount * classes), right = new Float64Array(songCount * classes);
  for (let r = 0; r < songs.length; r++) {
    rows[songs[r] * classes + truth[r]]++;
    if (predicted[r] === truth[r]) right[songs[r] * classes + truth[r]]++;
  }
  const sumAll = songSums(rows, classes), sumRight = songSums(right, classes);
  return (weights) => {
    const all = sumAll(weights), hits = sumRight(weights);
    const total = (counts: Float64Array) => counts.reduce((sum, count) => sum + count, 0);
    return { accuracy: total(hits) / total(all), accuracyMacro: macroMean(hits.map((hit, k) => hit / all[k])) };
  };
}

/**
 * Root mean square and mean absolute error, and R² against the mean of the rows scored (STUDY §11.7); NaN where all
 * these rows have one true value.
 */
export function errorScore(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
  { songs, songCount }: Pick<ClassTable, "songs" | "songCount">,
): SongScore<"rmse" | "mae" | "r2"> {
  const sums = new Float64Array(5 * songCount);
  const origin = songs.reduce((sum, _, r) => sum + truth[r] / songs.length, 0);
  for (let r = 0; r < songs.length; r++) {
    const error = predicted[r] - truth[r], centred = truth[r] - origin, at = 5 * songs[r];
    sums[at]++;
    sums[at + 1] += error * error;
    sums[at + 2] += Math.abs(error);
    sums[at + 3] += centred;
    sums[at + 4] += centred * centred;
  }
  const total = songSums(sums, 5);
  return (weights) => {
    const [n, squares, absolute, sum, squaresOfTruth] = total(weights);
    const spread = squaresOfTruth - sum * sum / n, rounding = 1e-12 * (squaresOfTruth + n * origin * origin);
    return { rmse: Math.sqrt(squares / n), mae: absolute / n, r2: spread > rounding ? 1 - squares / spread : NaN };
  };
}

/** The mean of one value for each song, called `name`; a song whose value is NaN does not count. */
export function songMean<K extends string>(name: K, values: Float64Array): SongScore<K> {
  return (weights) => ({ [name]: weightedMean(values, weights) } as Record<K, number>);
}

/** Checks that values and labels are classes × rows. */
export function checkTable(values: ArrayLike<number>, { classes, rows, labels, songs }: ClassTable): void {
  if (values.length !== classes * rows || labels.length !== classes * rows || songs.length !== rows) {
    throw new RangeError(
      `Expected ${classes} classes × ${rows} rows of values and of labels and ${rows} songs, ` +
        `found ${values.length}, ${labels.length} and ${songs.length}.`,
    );
  }
}
