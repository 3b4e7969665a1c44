/**
 * K-means on bar embeddings: our seeded k-means++, then Lloyd's iterations by ml-kmeans; large tables go to the engine.
 *
 * ml-kmeans compares every row with every centroid. The distance given to it here stops adding up as soon as a sum
 * exceeds the row's distance to the nearest centroid so far, and is spared where the centroids have not moved enough
 * since it was last summed (triangle inequality); neither can change which centroid is nearest.
 * @module
 */
import { kmeansGenerator } from "ml-kmeans";
import { usesLibrary } from "../engine/library.ts";
import { type Random, stream } from "../base/random.ts";

/** Numbers in rows × columns, row by row. */
export type Rows = Float32Array | Float64Array;

/** Clusters of rows; see {@link kMeans}. */
export interface Clusters {
  /** Number of clusters. */
  k: number;
  /** Width of a row. */
  columns: number;
  /** k × columns. */
  centers: Float64Array;
  /** Nearest centre of each row, by the centres above. */
  labels: Int32Array;
  /** Sum of squared distances of the rows to their centres. */
  inertia: number;
  /** Lloyd iterations made. */
  iterations: number;
}

/** Choices of {@link kMeans}. */
export interface KMeansOptions {
  /** Seed of the stream that picks the first centres. */
  seed?: number;
  /** Most Lloyd iterations; at least 1. */
  iterations?: number;
  /** Stop once the squared shifts of all centres sum to at most this share of the mean feature variance. */
  tolerance?: number;
  /** First centres, k × columns, in place of k-means++. */
  init?: Rows;
}

/** Most pairs of row and centre that bounds are kept for (8 bytes each). */
const largestBounds = 2 ** 24;

/** Bounds are lowered by this share, far more than rounding can have raised them. */
const roundingFloor = 1 - 1e-9;

function toArrays(x: Rows, rows: number, columns: number): number[][] {
  // Plain arrays: ml-kmeans' loops run three to seven times slower on typed ones.
  return Array.from({ length: rows }, (_, r) => Array.from(x.subarray(r * columns, (r + 1) * columns)));
}

/** Squared distance of p and q, or a partial sum of it that is already above `bound`. */
function boundedDistance(p: number[], q: number[], bound: number): number {
  const n = p.length, blocks = n - (n % 8);
  let sum = 0, i = 0;
  while (i < blocks) {
    const a = p[i] - q[i], b = p[i + 1] - q[i + 1], c = p[i + 2] - q[i + 2], d = p[i + 3] - q[i + 3];
    const e = p[i + 4] - q[i + 4], f = p[i + 5] - q[i + 5], g = p[i + 6] - q[i + 6], h = p[i + 7] - q[i + 7];
    sum += (a * a + b * b) + (c * c + d * d) + ((e * e + f * f) + (g * g + h * h));
    if (sum > bound) return sum;
    i += 8;
  }
  for (; i < n; i++) sum += (p[i] - q[i]) ** 2;
  return sum;
}

/** How first centres are drawn. */
export interface Seeding {
  /** The first row. */
  first: number;
  /** The next row, by the squared distances of all rows to the nearest centre so far. */
  draw(nearest: Float64Array): number;
}

/** Rows drawn with probability proportional to their squared distance to those before (k-means++). */
function seeding(rows: number, random: Random): Seeding {
  const draw = (nearest: Float64Array): number => {
    let left = random.uniform() * nearest.reduce((sum, distance) => sum + distance, 0);
    const chosen = nearest.findIndex((distance) => (left -= distance) < 0);
    // Fewer distinct rows than clusters, or the last rounding of the sum: any row will do.
    return chosen < 0 ? random.integer(rows) : chosen;
  };
  return { first: random.integer(rows), draw };
}

/** First centres of points by k-means++. */
function plusPlus(points: number[][], k: number, { first, draw }: Seeding): { centers: number[][]; owners: number[] } {
  const nearest = new Float64Array(points.length).fill(Infinity);
  const owners = new Array<number>(points.length).fill(0);
  let chosen = first;
  const centers = [points[chosen]];
  while (centers.length < k) {
    for (let r = 0; r < points.length; r++) {
      const distance = boundedDistance(points[r], points[chosen], nearest[r]);
      if (distance < nearest[r]) {
        nearest[r] = distance;
        owners[r] = centers.length - 1;
      }
    }
    chosen = draw(nearest);
    centers.push(points[chosen]);
  }
  return { centers: centers.map((center) => [...center]), owners };
}

/** Labels and inertia of points by given centres; `guess` holds a likely centre of each point, or, if `sure`, the nearest. */
function nearestCenters(
  points: number[][],
  centers: number[][],
  guess?: number[],
  sure = false,
): { labels: Int32Array; inertia: number } {
  const labels = new Int32Array(points.length);
  let inertia = 0;
  for (let r = 0; r < points.length; r++) {
    // The bound is met with ≤, so that the first of equally near centres wins with a guess as without one.
    let best = guess ? boundedDistance(points[r], centers[guess[r]], Infinity) : Infinity;
    let found = sure;
    if (sure) labels[r] = guess![r];
    for (let c = 0; c < centers.length && !sure; c++) {
      const distance = boundedDistance(points[r], centers[c], best);
      if (distance < best || (!found && distance === best)) {
        best = distance;
        labels[r] = c;
        found = true;
      }
    }
    inertia += best;
  }
  return { labels, inertia };
}

function meanVariance(x: Rows, rows: number, columns: number): number {
  const mean = new Float64Array(columns), squares = new Float64Array(columns);
  for (let r = 0, at = 0; r < rows; r++) for (let c = 0; c < columns; c++, at++) mean[c] += x[at];
  for (let r = 0, at = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, at++) squares[c] += (x[at] - mean[c] / rows) ** 2;
  }
  return squares.reduce((sum, square) => sum + square, 0) / rows / columns;
}

/** What Lloyd's iterations are given, once options are checked. */
export interface Lloyd {
  /** Most iterations. */
  iterations: number;
  /** Squared shifts of all centres, summed, at which to stop. */
  enough: number;
  /** First centres, k × columns, or how to draw them. */
  init: Rows | Seeding;
}

function lloydOptions(x: Rows, rows: number, columns: number, k: number, options: KMeansOptions): Lloyd {
  const { seed = 0, iterations = 100, tolerance = 1e-4, init } = options;
  if (!Number.isInteger(k) || k < 1 || k > rows) throw new RangeError(`k: expected 1…${rows} (the rows), found ${k}.`);
  if (!Number.isInteger(iterations) || iterations < 1) {
    throw new RangeError(`iterations: expected a whole number from 1, found ${iterations}.`);
  }
  if (x.length !== rows * columns) {
    throw new RangeError(`x: expected ${rows} × ${columns} = ${rows * columns} numbers, found ${x.length}.`);
  }
  let wrong = 0; // NaN and Infinity times 0 are NaN; `every` takes ten times as long
  for (let i = 0; i < x.length; i++) wrong += x[i] * 0;
  if (wrong !== 0) throw new RangeError("x: expected finite numbers, found NaN or Infinity.");
  if (init && init.length !== k * columns) {
    throw new RangeError(`init: expected ${k} × ${columns} numbers, found ${init.length}.`);
  }
  const random = stream(seed, "kmeans", rows, columns, k);
  return { iterations, enough: tolerance * meanVariance(x, rows, columns), init: init ?? seeding(rows, random) };
}

/**
 * K-means of x (rows × columns, Euclidean): seeded k-means++, then Lloyd's iterations by ml-kmeans until labels stay,
 * centres rest within the tolerance, or the iterations are used up (study §11.8; stopping rule of scikit-learn).
 *
 * A cluster that loses all its rows keeps its centre.
 *
 * @throws {RangeError} if k is not in 1…rows, x is not rows × columns, holds a number that is not finite, or
 * `init` is not k × columns.
 *
 * @example Two heaps on a line
 * ```ts
 * import { kMeans } from "@lib/matrix/kmeans.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { labels, centers } = kMeans(Float32Array.of(0, 1, 10, 11), 4, 1, 2, { seed: 1 });
 * assertEquals(labels[0] === labels[1] && labels[2] === labels[3], true);
 * assertEquals([...centers].sort((a, b) => a - b), [0.5, 10.5]);
 * ```
 */
export function kMeans(x: Rows, rows: number, columns: number, k: number, options: KMeansOptions = {}): Clusters {
  const { iterations, enough, init } = lloydOptions(x, rows, columns, k, options);
  const points = toArrays(x, rows, columns);
  const first = "draw" in init ? plusPlus(points, k, init) : { centers: toArrays(init, k, columns), owners: [] };

  let centers = first.centers, owners: number[] = first.owners, made = 0, settled = false;
  // At least how far each row is from each centre: what was summed of their distance, less the centre's moves since.
  const atLeast = rows * k <= largestBounds ? new Float64Array(rows * k) : null;
  let current: number[] = [], position = -1, at = 0, known = false, bound = Infinity, root = Infinity;
  const distanceFunction = (p: number[], q: number[]): number => {
    if (p !== current) {
      current = p;
      at = ++position * k;
      // Rows come in order, and each with the centres in order; what comes after them are ml-kmeans' own comparisons
      // of centres, which get no bound.
      known = p === points[position];
      bound = known && owners.length > 0 ? boundedDistance(p, centers[owners[position]], Infinity) : Infinity;
      root = Math.sqrt(bound);
    }
    const place = at++;
    if (known && atLeast !== null && atLeast[place] * roundingFloor > root) return Infinity;
    const distance = boundedDistance(p, q, bound);
    if (known && atLeast !== null) atLeast[place] = Math.sqrt(distance);
    if (distance < bound) {
      bound = distance;
      root = Math.sqrt(distance);
    }
    return distance;
  };
  const steps = kmeansGenerator(points, k, {
    initialization: centers,
    maxIterations: iterations,
    tolerance: 0,
    distanceFunction,
  });
  for (const step of steps) {
    made = step.iterations;
    settled = made > 1 && step.clusters.every((label, r) => label === owners[r]);
    const moves = step.centroids.map((center, c) => boundedDistance(center, centers[c], Infinity));
    centers = step.centroids;
    owners = [...step.clusters];
    position = -1;
    if (settled || moves.reduce((sum, move) => sum + move, 0) <= enough) break;
    if (atLeast !== null) {
      const lengths = Float64Array.from(moves, Math.sqrt);
      for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < k; c++, i++) atLeast[i] -= lengths[c];
    }
  }
  const { labels, inertia } = nearestCenters(points, centers, owners, settled);
  return { k, columns, centers: Float64Array.from(centers.flat()), labels, inertia, iterations: made };
}

function checkRows({ columns }: Clusters, x: Rows, rows: number): void {
  if (x.length !== rows * columns) {
    throw new RangeError(`x: expected ${rows} × ${columns} = ${rows * columns} numbers, found ${x.length}.`);
  }
}

/**
 * Nearest centre of each of `rows` new rows (rows × columns); the first of equals.
 *
 * @throws {RangeError} if x is not rows × columns of the clusters.
 *
 * @example
 * ```ts
 * import { assign, kMeans } from "@lib/matrix/kmeans.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const clusters = kMeans(Float32Array.of(0, 1, 10, 11), 4, 1, 2);
 * assertEquals(assign(clusters, Float32Array.of(2, 9), 2), Int32Array.of(clusters.labels[0], clusters.labels[3]));
 * ```
 */
export function assign(clusters: Clusters, x: Rows, rows: number): Int32Array {
  const { k, columns, centers } = clusters;
  checkRows(clusters, x, rows);
  return nearestCenters(toArrays(x, rows, columns), toArrays(centers, k, columns)).labels;
}

/**
 * Multiply-adds of one iteration from which on K-means goes to the engine: the demo's 480 clusters of 2,400 × 128 stay
 * with ml-kmeans, whose distances mostly stop early.
 */
const ENGINE_WORK = 5e8;

/** Where to work; `auto` by size, under `ENGINE=webgpu`, which may stand alone, always in plain code. */
export type Where = "auto" | "plain" | "engine";

const large = (work: number, where: Where): boolean =>
  where === "engine" || (where === "auto" && work >= ENGINE_WORK && usesLibrary());

/**
 * As {@link kMeans}, by matrix products on the engine where one iteration is large: the same draws of first centres,
 * the same stopping rule, the same labels from the same start.
 *
 * @throws {RangeError} as {@link kMeans}
 */
export async function cluster(
  x: Rows,
  rows: number,
  columns: number,
  k: number,
  options: KMeansOptions & { where?: Where } = {},
): Promise<Clusters> {
  if (!large(rows * columns * k, options.where ?? "auto")) return kMeans(x, rows, columns, k, options);
  const checked = lloydOptions(x, rows, columns, k, options),
    { lloydOnEngine } = await import("./kmeans_engine.ts");
  return lloydOnEngine(x, rows, columns, k, checked);
}

/** As {@link assign}, on the engine where the table is large. */
export async function assignLarge(
  clusters: Clusters,
  x: Rows,
  rows: number,
  { where = "auto" as Where } = {},
): Promise<Int32Array> {
  if (!large(rows * clusters.columns * clusters.k, where)) return assign(clusters, x, rows);
  checkRows(clusters, x, rows);
  return (await import("./kmeans_engine.ts")).assignOnEngine(clusters, x);
}
