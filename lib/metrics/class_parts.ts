/**
 * Decisions of many classes, some classes at a time, so that no table of all classes and rows is ever in memory.
 * @module
 */
import { aucByClass, aucOnce, rankByClass } from "./ranking.ts";
import { type ClassTable, indexSongs } from "./class_scores.ts";
import { type Resampling, songWeights, weightings } from "./intervals.ts";

/**
 * Predicts for all rows: the decision values of `count` classes of those seen in training from the one at place `first`
 * on (count × rows), or numbers (one column).
 */
export type Predicted = (first: number, count: number) => Float64Array | Promise<Float64Array>;

/** Predictions that are in memory, columns × rows. */
export const heldPredictions = (values: Float64Array, rows: number): Predicted => (first, count) =>
  values.subarray(first * rows, (first + count) * rows);

/**
 * Which rows have which classes: the classes, ascending, each with its rows; which of them were seen in training; and
 * the song of each row, 0…songCount − 1.
 */
export type ClassRows = {
  ids: number[];
  places: Int32Array[];
  live: readonly number[];
  songs: Int32Array;
  songCount: number;
};

/** The rows of each class. */
export function classRows(
  classesAt: (row: number) => Iterable<number>,
  songs: ArrayLike<number>,
  live: readonly number[],
): ClassRows {
  const counts = new Map(live.map((id) => [id, 0])), rows = songs.length;
  for (let r = 0; r < rows; r++) for (const id of classesAt(r)) counts.set(id, 1 + (counts.get(id) ?? 0));
  const ids = [...counts.keys()].sort((a, b) => a - b), places = ids.map((id) => new Int32Array(counts.get(id)!));
  const at = new Map(ids.map((id, k) => [id, k])), filled = ids.map(() => 0);
  for (let r = 0; r < rows; r++) {
    for (const id of classesAt(r)) {
      const k = at.get(id)!;
      places[k][filled[k]++] = r;
    }
  }
  return { ids, places, live, ...indexSongs(songs) };
}

/** Most decision values at a time: 16 MiB of them, and what ranks them takes up to five times as much. */
const VALUES = 2 ** 21;

/** Some classes from the one at place `first` on: their labels and decision values, classes × rows. */
type Part = { first: number; table: ClassTable; decisions: Float64Array };

/**
 * The decisions of all classes, some at a time. Classes not seen in training get −1, which is what a ridge on a target
 * that is always −1 predicts.
 *
 * @param most decision values at a time, if of more than one class
 */
export async function* classParts(of: ClassRows, predicted: Predicted, most = VALUES): AsyncGenerator<Part> {
  const { ids, places, live, songs, songCount } = of, rows = songs.length;
  const atOnce = Math.max(1, Math.floor(most / Math.max(1, rows))), known = new Set(live);
  for (let first = 0, seen = 0; first < ids.length; first += atOnce) {
    const own = ids.slice(first, first + atOnce), count = own.filter((id) => known.has(id)).length;
    const labels = new Uint8Array(own.length * rows), decisions = new Float64Array(own.length * rows).fill(-1);
    const values = count > 0 ? await predicted(seen, count) : decisions;
    let next = 0;
    own.forEach((id, k) => {
      for (const row of places[first + k]) labels[k * rows + row] = 1;
      if (known.has(id)) decisions.set(values.subarray(next * rows, ++next * rows), k * rows);
    });
    seen += count;
    yield { first, decisions, table: { classes: own.length, rows, labels, songs, songCount } };
  }
}

/** The place in `ids` of each row's largest decision; the first of equals. */
export async function largestClass(of: ClassRows, predicted: Predicted): Promise<Int32Array> {
  const rows = of.songs.length, best = new Int32Array(rows), top = new Float64Array(rows);
  for await (const { first, decisions, table: { classes } } of classParts(of, predicted)) {
    for (let k = 0, at = 0; k < classes; k++) {
      for (let r = 0; r < rows; r++, at++) {
        if (first + k > 0 && !(decisions[at] > top[r])) continue;
        top[r] = decisions[at];
        best[r] = first + k;
      }
    }
  }
  return best;
}

/** The area under the ROC curve of each class, all songs counted once. */
export async function areasOnce(of: ClassRows, predicted: Predicted): Promise<Float64Array> {
  const areas = new Float64Array(of.ids.length);
  for await (const { first, decisions, table } of classParts(of, predicted)) {
    areas.set(aucOnce(decisions, table), first);
  }
  return areas;
}

/**
 * The areas under the ROC curves of some classes at each weighting of the songs, weightings × classes of all, of which
 * those from place `first` on are written.
 *
 * @returns the rankings of those classes
 */
export function resampledAreas(
  areas: Float64Array,
  { first, decisions, table }: Part,
  resampling: Resampling,
): ReturnType<typeof rankByClass> {
  const ranked = rankByClass(decisions, table), area = aucByClass(ranked, table);
  const classes = areas.length / weightings(resampling);
  let place = 0;
  for (const weights of songWeights(resampling)) areas.set(area(weights), classes * place++ + first);
  return ranked;
}
