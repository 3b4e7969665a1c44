/**
 * K-means at large size: distances by matrix products on the engine, and only to centres that moved.
 *
 * After a few iterations most centres rest, and a row's distances to them are known. The products are of float32, twice
 * as fast; where their rounding could decide, distances are summed anew in float64, so that labels are those of
 * `clustering.ts`.
 * @module
 */
import type { Clusters, Lloyd, Rows, Seeding } from "./kmeans.ts";
import { free, type Held, hold, multiplyNarrow } from "../engine/libtensorflow/float64.ts";

/** Rows whose products are in memory at a time. */
const PIECE = 4096;

/** Most pairs of row and centre whose distances are kept from one iteration to the next (4 bytes each). */
const LARGEST_TABLE = 2 ** 26;

/** Half the distance of 1 and the next float32: what one rounding can change, as a share. */
const ROUNDING = 2 ** -24;

/** Rows on the engine less their mean, in pieces, with their lengths. */
interface HeldRows {
  x: Rows;
  columns: number;
  mean: Float64Array;
  lengths: Float64Array;
  pieces: { first: number; rows: number; held: Held }[];
}

/** Rows less the mean, rounded, and the lengths they had before that. */
function centre(x: Rows, columns: number, mean: Float64Array): { rounded: Float32Array; lengths: Float64Array } {
  const rounded = new Float32Array(x.length), lengths = new Float64Array(x.length / columns);
  for (let r = 0, at = 0; r < lengths.length; r++) {
    let sum = 0;
    for (let c = 0; c < columns; c++, at++) {
      const value = x[at] - mean[c];
      rounded[at] = value;
      sum += value * value;
    }
    lengths[r] = Math.sqrt(sum);
  }
  return { rounded, lengths };
}

function holdRows(x: Rows, columns: number): HeldRows {
  const rows = x.length / columns, mean = new Float64Array(columns), lengths = new Float64Array(rows);
  for (let r = 0, at = 0; r < rows; r++) for (let c = 0; c < columns; c++, at++) mean[c] += x[at];
  for (let c = 0; c < columns; c++) mean[c] /= rows;
  const pieces: HeldRows["pieces"] = [];
  for (let first = 0; first < rows; first += PIECE) {
    const some = Math.min(PIECE, rows - first);
    const part = centre(x.subarray(first * columns, (first + some) * columns), columns, mean);
    lengths.set(part.lengths, first);
    pieces.push({ first, rows: some, held: hold(part.rounded, [some, columns], { narrow: true }) });
  }
  return { x, columns, mean, lengths, pieces };
}

/** Squared distance of row r and centre c, in the order in which `clustering.ts` sums; or a part above `bound`. */
function distance(x: Rows, r: number, centers: Rows, c: number, columns: number, bound = Infinity): number {
  let sum = 0, i = r * columns, j = c * columns;
  const end = i + columns, blocks = end - columns % 8;
  for (; i < blocks; i += 8, j += 8) {
    const a = x[i] - centers[j], b = x[i + 1] - centers[j + 1], d = x[i + 2] - centers[j + 2];
    const e = x[i + 3] - centers[j + 3], f = x[i + 4] - centers[j + 4], g = x[i + 5] - centers[j + 5];
    const h = x[i + 6] - centers[j + 6], k = x[i + 7] - centers[j + 7];
    sum += (a * a + b * b) + (d * d + e * e) + ((f * f + g * g) + (h * h + k * k));
    if (sum > bound) return sum;
  }
  for (; i < end; i++, j++) sum += (x[i] - centers[j]) ** 2;
  return sum;
}

/** First centres by k-means++, from the same distances and so of the same rows as `clustering.ts` draws. */
function drawCenters(x: Rows, rows: number, columns: number, k: number, { first, draw }: Seeding): Float64Array {
  const nearest = new Float64Array(rows).fill(Infinity), centers = new Float64Array(k * columns);
  for (let c = 0, chosen = first; c < k; c++) {
    if (c > 0) chosen = draw(nearest);
    centers.set(x.subarray(chosen * columns, (chosen + 1) * columns), c * columns);
    for (let r = 0; r < rows; r++) {
      const far = distance(x, r, x, chosen, columns, nearest[r]);
      if (far < nearest[r]) nearest[r] = far;
    }
  }
  return centers;
}

/** Labels of all rows by the centres given, of which those in `moved` (all, at first) are not as they were. */
type Search = (centers: Float64Array, moved: Int32Array) => Int32Array;

function nearestSearch({ x, columns, mean, lengths, pieces }: HeldRows, k: number): Search {
  const everything = Int32Array.from({ length: k }, (_, c) => c);
  const keep = lengths.length * k <= LARGEST_TABLE;
  // Of row and centre: the centre's squared length less twice their product.
  const table = new Float32Array(keep ? lengths.length * k : PIECE * k), labels = new Int32Array(lengths.length);
  return (centers, moved) => {
    const renewed = keep ? moved : everything, count = renewed.length;
    if (count === 0) return labels;
    const own = centre(centers, columns, mean), chosen = new Float32Array(count * columns);
    renewed.forEach((c, j) => chosen.set(own.rounded.subarray(c * columns, (c + 1) * columns), j * columns));
    const squares = own.lengths.map((length) => length ** 2), longest = Math.max(...own.lengths);
    const held = hold(chosen, [count, columns], { narrow: true });
    for (const { first, rows, held: part } of pieces) {
      const dots = multiplyNarrow(part, held);
      for (let i = 0, at = 0; i < rows; i++) {
        const from = (keep ? first + i : i) * k;
        for (let j = 0; j < count; j++, at++) table[from + renewed[j]] = squares[renewed[j]] - 2 * dots[at];
      }
      for (let i = 0; i < rows; i++) {
        const r = first + i, from = (keep ? r : i) * k;
        let best = Infinity, second = Infinity, label = 0;
        for (let c = 0; c < k; c++) {
          const far = table[from + c];
          if (far >= second) continue;
          if (far < best) {
            second = best;
            best = far;
            label = c;
          } else second = far;
        }
        // Two sums of `columns` rounded products of rounded numbers, and their own rounding, at worst.
        const close = 4 * ROUNDING * longest * ((columns + 4) * lengths[r] + longest);
        if (second - best <= close) { // the first of equals, by sums of differences
          let exact = Infinity;
          for (let c = 0; c < k; c++) {
            if (table[from + c] > best + close) continue;
            const far = distance(x, r, centers, c, columns);
            if (far < exact) {
              exact = far;
              label = c;
            }
          }
        }
        labels[r] = label;
      }
    }
    free(held);
    return labels;
  };
}

/** Lloyd's iterations from first centres, or from those that `init` draws; as `kMeans`, for large tables. */
export function lloydOnEngine(x: Rows, rows: number, columns: number, k: number, options: Lloyd): Clusters {
  const { iterations, enough, init } = options, held = holdRows(x, columns);
  try {
    let centers: Float64Array = "draw" in init ? drawCenters(x, rows, columns, k, init) : Float64Array.from(init);
    let moved = Int32Array.from({ length: k }, (_, c) => c);
    const search = nearestSearch(held, k), owners = new Int32Array(rows).fill(-1);
    const sums = new Float64Array(k * columns), counts = new Int32Array(k);
    const credit = (r: number, c: number, sign: number) => {
      counts[c] += sign;
      for (let i = r * columns, j = c * columns, end = i + columns; i < end; i++, j++) sums[j] += sign * x[i];
    };
    let made = 0, settled = false;
    while (made < iterations) {
      const labels = search(centers, moved), changed = new Set<number>();
      made++;
      for (let r = 0; r < rows; r++) {
        if (labels[r] === owners[r]) continue;
        if (owners[r] >= 0) credit(r, owners[r], -1), changed.add(owners[r]);
        credit(r, labels[r], 1), changed.add(labels[r]);
        owners[r] = labels[r];
      }
      settled = made > 1 && changed.size === 0;
      let shifts = 0;
      centers = centers.slice();
      moved = Int32Array.from(changed).filter((c) => counts[c] > 0); // one that loses all its rows keeps its centre
      for (const c of moved) {
        for (let j = c * columns, end = j + columns; j < end; j++) {
          const next = sums[j] / counts[c];
          shifts += (next - centers[j]) ** 2;
          centers[j] = next;
        }
      }
      if (settled || shifts <= enough) break;
    }
    if (!settled) owners.set(search(centers, moved));
    let inertia = 0;
    for (let r = 0; r < rows; r++) inertia += distance(x, r, centers, owners[r], columns);
    return { k, columns, centers, labels: owners, inertia, iterations: made };
  } finally {
    free(...held.pieces.map((piece) => piece.held));
  }
}

/** Nearest centre of each row, as `assign`. */
export function assignOnEngine({ k, columns, centers }: Clusters, x: Rows): Int32Array {
  const held = holdRows(x, columns);
  try {
    return nearestSearch(held, k)(centers, Int32Array.from({ length: k }, (_, c) => c));
  } finally {
    free(...held.pieces.map((piece) => piece.held));
  }
}
