/**
 * K-means: seeded k-means++, then Lloyd's iterations, in plain code or with the engine's products.
 * @module
 */
import { type Random, stream } from "../base/random.ts";
import { type NearestSearch, plainSearch, ROUNDING, squaredDistance } from "./nearest.ts";
import { placedOnEngine, type Placement } from "./placement.ts";
import { checkRows, columnMeans, type Floats } from "./rows.ts";

/** k centres (k × columns), each row's nearest one, and the sum of squared distances to it; Lloyd iterations made. */
export type Clusters = {
  k: number;
  columns: number;
  centers: Float64Array;
  labels: Int32Array;
  inertia: number;
  iterations: number;
};

const upTo = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

/**
 * First centres by k-means++: rows drawn with probability proportional to their squared distance to those before.
 *
 * A centre at least twice as far from a row's centre as the row is cannot be nearer to the row (triangle inequality), so
 * that pair is left out; a share of {@link ROUNDING} covers what rounding may have changed.
 */
function drawCenters(x: Floats, rows: number, columns: number, k: number, random: Random) {
  const nearest = new Float64Array(rows).fill(Infinity), labels = new Int32Array(rows);
  const centers = new Float64Array(k * columns), apart = new Float64Array(k);
  for (let c = 0, chosen = random.integer(rows);; c++) {
    centers.set(x.subarray(chosen * columns, (chosen + 1) * columns), c * columns);
    if (c === k - 1) return { centers, labels };
    for (let b = 0; b < c; b++) apart[b] = squaredDistance(centers, b, centers, c, columns) * ROUNDING / 4;
    for (let r = 0; r < rows; r++) {
      if (c > 0 && apart[labels[r]] > nearest[r]) continue;
      const distance = squaredDistance(x, r, x, chosen, columns, nearest[r]);
      if (distance < nearest[r]) {
        nearest[r] = distance;
        labels[r] = c;
      }
    }
    let left = random.uniform() * nearest.reduce((sum, distance) => sum + distance, 0);
    chosen = nearest.findIndex((distance) => (left -= distance) < 0);
    // None if there are fewer distinct rows than clusters, or by the sum's rounding: any row will do.
    if (chosen < 0) chosen = random.integer(rows);
  }
}

function meanVariance(x: Floats, rows: number, columns: number): number {
  const mean = columnMeans(x, rows, columns), squares = new Float64Array(columns);
  for (let r = 0, at = 0; r < rows; r++) for (let c = 0; c < columns; c++, at++) squares[c] += (x[at] - mean[c]) ** 2;
  return squares.reduce((sum, square) => sum + square, 0) / rows / columns;
}

/** Centres as means of their rows, for `changed` clusters; one without rows keeps its centre. Lists those with rows. */
function moveCenters(x: Floats, columns: number, centers: Float64Array, labels: Int32Array, changed: Uint8Array) {
  const next = centers.slice(), counts = new Int32Array(changed.length);
  for (const label of labels) counts[label]++;
  const moved = Int32Array.from(changed.keys()).filter((c) => changed[c] && counts[c] > 0);
  for (const c of moved) next.fill(0, c * columns, (c + 1) * columns);
  for (let r = 0; r < labels.length; r++) {
    if (!changed[labels[r]]) continue;
    for (let i = r * columns, j = labels[r] * columns, end = i + columns; i < end; i++, j++) next[j] += x[i];
  }
  for (const c of moved) for (let j = c * columns; j < (c + 1) * columns; j++) next[j] /= counts[c];
  return { next, moved };
}

/** Lloyd's iterations: until labels stay, the centres' shifts sum to at most `enough`, or `iterations` are made. */
function lloyd(
  x: Floats,
  columns: number,
  { centers, labels }: Pick<Clusters, "centers" | "labels">,
  { find }: NearestSearch,
  iterations: number,
  enough: number,
): Clusters {
  const k = centers.length / columns;
  let moved = upTo(k), made = 0, settled: boolean, shifts: number;
  do {
    const before = labels.slice(), changed = new Uint8Array(k).fill(made === 0 ? 1 : 0), last = centers;
    find(centers, moved, labels);
    labels.forEach((label, r) => label !== before[r] && (changed[label] = changed[before[r]] = 1));
    settled = !changed.includes(1);
    ({ next: centers, moved } = moveCenters(x, columns, centers, labels, changed));
    shifts = moved.reduce((sum, c) => sum + squaredDistance(last, c, centers, c, columns), 0);
  } while (++made < iterations && !settled && !(shifts <= enough));
  if (!settled) find(centers, moved, labels);
  const inertia = labels.reduce((sum, label, r) => sum + squaredDistance(x, r, centers, label, columns), 0);
  return { k, columns, centers, labels, inertia, iterations: made };
}

/** A search over the rows of x, placed by the multiply-adds of one comparison of all with all; and the rows as it has them. */
async function searchOf(x: Floats, columns: number, k: number, placement: Placement, repeats: boolean) {
  // Plain code sees one type of array only, whose loops the compiler makes fast.
  const wide = x instanceof Float64Array ? x : Float64Array.from(x);
  const search: NearestSearch = placedOnEngine(x.length * k, placement)
    ? (await import("./nearest_engine.ts")).engineSearch(wide, columns, k)
    : plainSearch(wide, columns, k, repeats);
  return { search, wide };
}

/**
 * K-means of x (rows × columns, Euclidean): seeded k-means++, then Lloyd's iterations until labels stay, centres rest
 * within the tolerance, or the iterations are used up (STUDY §11.8; stopping rule of scikit-learn).
 *
 * A cluster that loses all its rows keeps its centre. Labels do not depend on the placement.
 *
 * @param options.tolerance stop once the squared shifts of all centres sum to at most this share of the mean variance
 * @param options.init first centres, k × columns, in place of k-means++
 * @throws {RangeError} if k is not in 1…rows, x is not rows × columns or not finite, or `init` is not k × columns
 *
 * @example Two heaps on a line
 * ```ts
 * import { kMeans } from "@lib/matrix/kmeans.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { labels, centers } = await kMeans(Float32Array.of(0, 1, 10, 11), 4, 1, 2, { seed: 1 });
 * assertEquals(labels[0] === labels[1] && labels[2] === labels[3], true);
 * assertEquals([...centers].sort((a, b) => a - b), [0.5, 10.5]);
 * ```
 */
export async function kMeans(
  x: Floats,
  rows: number,
  columns: number,
  k: number,
  {
    seed = 0,
    iterations = 100,
    tolerance = 1e-4,
    init = undefined as Floats | undefined,
    placement = "auto" as Placement,
  } = {},
): Promise<Clusters> {
  if (!Number.isInteger(k) || k < 1 || k > rows) throw new RangeError(`k: expected 1…${rows} (the rows), found ${k}.`);
  if (!Number.isInteger(iterations) || iterations < 1) {
    throw new RangeError(`iterations: expected a whole number from 1, found ${iterations}.`);
  }
  checkRows(x, rows, columns);
  let wrong = 0; // NaN and Infinity times 0 are NaN; `every` takes ten times as long
  for (let i = 0; i < x.length; i++) wrong += x[i] * 0;
  if (wrong !== 0) throw new RangeError("x: expected finite numbers, found NaN or Infinity.");
  if (init && init.length !== k * columns) {
    throw new RangeError(`init: expected ${k} × ${columns} numbers, found ${init.length}.`);
  }
  const random = stream(seed, "kmeans", rows, columns, k);
  const { search, wide } = await searchOf(x, columns, k, placement, true);
  const first = init
    ? { centers: Float64Array.from(init), labels: new Int32Array(rows) }
    : drawCenters(wide, rows, columns, k, random);
  return lloyd(wide, columns, first, search, iterations, tolerance * meanVariance(wide, rows, columns));
}

/** Nearest centre of each of `rows` new rows, the first of equals; a RangeError if x is not rows × columns. */
export async function assign(
  { k, columns, centers }: Clusters,
  x: Floats,
  rows: number,
  { placement = "auto" as Placement } = {},
): Promise<Int32Array> {
  checkRows(x, rows, columns);
  const labels = new Int32Array(rows);
  (await searchOf(x, columns, k, placement, false)).search.find(centers, upTo(k), labels);
  return labels;
}
