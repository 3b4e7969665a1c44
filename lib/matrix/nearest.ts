/**
 * The nearest centre of each row, in plain code.
 * @module
 */
import type { Floats } from "./rows.ts";

/** Squared distance of row r of x and row c of y, both `columns` wide; or a partial sum once it is above `bound`. */
export function squaredDistance(x: Floats, r: number, y: Floats, c: number, columns: number, bound = Infinity): number {
  let sum = 0, i = r * columns, j = c * columns;
  const end = i + columns, blocks = end - columns % 8;
  for (; i < blocks; i += 8, j += 8) {
    const a = x[i] - y[j], b = x[i + 1] - y[j + 1], d = x[i + 2] - y[j + 2], e = x[i + 3] - y[j + 3];
    const f = x[i + 4] - y[j + 4], g = x[i + 5] - y[j + 5], h = x[i + 6] - y[j + 6], k = x[i + 7] - y[j + 7];
    sum += (a * a + b * b) + (d * d + e * e) + ((f * f + g * g) + (h * h + k * k));
    if (sum > bound) return sum;
  }
  for (; i < end; i++, j++) sum += (x[i] - y[j]) ** 2;
  return sum;
}

/**
 * Finds the nearest centre of each row; of equally near ones, the first. `centers` is k × columns; `moved` lists those
 * that differ from the last call's, ascending (at the first call, all); `labels` is a guess and becomes the answer.
 */
export type NearestSearch = {
  find(centers: Float64Array, moved: Int32Array, labels: Int32Array): void;
};

/** Most pairs of row and centre for which the search keeps bounds (8 bytes each). */
const MOST_BOUNDS = 2 ** 24;

/** Bounds are lowered by this share, far more than rounding can have raised them. */
export const ROUNDING: number = 1 - 1e-9;

/**
 * Compares each row with each centre, but adds up a distance only until it exceeds the nearest so far. If it `repeats`,
 * it also keeps a lower bound of every distance: the partial sum, less what the centre has moved since (triangle
 * inequality). Neither can change which centre is nearest.
 */
export function plainSearch(x: Float64Array, columns: number, k: number, repeats: boolean): NearestSearch {
  const rows = x.length / columns;
  const bounds = repeats && rows * k <= MOST_BOUNDS ? new Float64Array(rows * k) : null;
  let last: Float64Array | undefined;
  return {
    find(centers, moved, labels) {
      if (last && bounds) {
        const moves = new Float64Array(k);
        for (const c of moved) moves[c] = Math.sqrt(squaredDistance(last, c, centers, c, columns));
        for (let r = 0, at = 0; r < rows; r++) for (let c = 0; c < k; c++, at++) bounds[at] -= moves[c];
      }
      last = centers;
      for (let r = 0, at = 0; r < rows; r++) {
        let best = squaredDistance(x, r, centers, labels[r], columns), root = Math.sqrt(best), label = -1;
        for (let c = 0; c < k; c++, at++) {
          if (bounds && bounds[at] * ROUNDING > root) continue;
          const distance = squaredDistance(x, r, centers, c, columns, best);
          if (bounds) bounds[at] = Math.sqrt(distance);
          if (distance < best || (label < 0 && distance === best)) {
            best = distance;
            root = Math.sqrt(best);
            label = c;
          }
        }
        labels[r] = label;
      }
    },
  };
}
