/**
 * K-means at large size: distances by float64 matrix products on the engine, and only to centres that moved.
 *
 * After a few iterations most centres rest, and a row's distances to them are known. Where a product's rounding could
 * decide, distances are summed anew, so that labels are those of `clustering.ts`.
 * @module
 */
import type { Clusters, Lloyd, Rows, Seeding } from "./clustering.ts";
import { free, type Held, hold, multiply, read } from "./engine/float64.ts";

/** Rows whose products are in memory at a time. */
const PIECE = 4096;

/** Most pairs of row and centre whose distances are kept from one iteration to the next (8 bytes each). */
const LARGEST_TABLE = 2 ** 25;

/** Distances by products are trusted to this share of the squared lengths; far more than rounding amounts to. */
const TRUST = 1e-11;

/** Rows on the engine, in pieces, with their squared lengths. */
interface HeldRows {
  x: Rows;
  columns: number;
  squares: Float64Array;
  pieces: { first: number; rows: number; held: Held }[];
}

function squaredLengths(x: Rows, columns: number): Float64Array {
  const out = new Float64Array(x.length / columns);
  for (let r = 0, at = 0; r < out.length; r++) {
    let sum = 0;
    for (let c = 0; c < columns; c++, at++) sum += x[at] * x[at];
    out[r] = sum;
  }
  return out;
}

function holdRows(x: Rows, columns: number): HeldRows {
  const rows = x.length / columns, pieces: HeldRows["pieces"] = [];
  for (let first = 0; first < rows; first += PIECE) {
    const some = Math.min(PIECE, rows - first);
    pieces.push({
      first,
      rows: some,
      held: hold(x.subarray(first * columns, (first + some) * columns), [some, columns]),
    });
  }
  return { x, columns, squares: squaredLengths(x, columns), pieces };
}

/** Squared distance of row r and centre c, summed difference by difference. */
function distance(x: Rows, r: number, centers: Rows, c: number, columns: number): number {
  let sum = 0;
  for (let i = r * columns, j = c * columns, end = i + columns; i < end; i++, j++) sum += (x[i] - centers[j]) ** 2;
  return sum;
}

/** First centres as `plusPlus` draws them: `draw` is given the squared distances to the nearest centre so far. */
function seed({ x, columns, squares, pieces }: HeldRows, k: number, { first, draw }: Seeding): Float64Array {
  const nearest = new Float64Array(squares.length).fill(Infinity), centers = new Float64Array(k * columns);
  for (let c = 0, chosen = first; c < k; c++) {
    if (c > 0) chosen = draw(nearest);
    const row = x.subarray(chosen * columns, (chosen + 1) * columns);
    centers.set(row, c * columns);
    const center = hold(row, [1, columns]);
    for (const { first, rows, held } of pieces) {
      const product = multiply(held, center, { right: true }), dots = read(product);
      free(product);
      for (let i = 0; i < rows; i++) {
        const r = first + i, scale = squares[r] + squares[chosen];
        let far = scale - 2 * dots[i];
        if (far < 1e-6 * scale) far = distance(x, r, x, chosen, columns);
        if (far < nearest[r]) nearest[r] = far;
      }
    }
    free(center);
  }
  return centers;
}

/** Finds the nearest centre of each row. */
interface Search {
  /** Labels of all rows by the centres given, of which those in `moved` (all, at first) are not as they were. */
  (centers: Float64Array, moved: Int32Array): Int32Array;
}

function nearestSearch({ x, columns, squares, pieces }: HeldRows, k: number): Search {
  const everything = Int32Array.from({ length: k }, (_, c) => c);
  const keep = squares.length * k <= LARGEST_TABLE;
  // Of row and centre: the centre's squared length less twice their product.
  const table = new Float64Array(keep ? squares.length * k : PIECE * k), labels = new Int32Array(squares.length);
  return (centers, moved) => {
    const renewed = keep ? moved : everything, count = renewed.length;
    if (count === 0) return labels;
    const chosen = new Float64Array(count * columns), lengths = squaredLengths(centers, columns);
    renewed.forEach((c, j) => chosen.set(centers.subarray(c * columns, (c + 1) * columns), j * columns));
    const longest = lengths.reduce((a, b) => Math.max(a, b), 0), held = hold(chosen, [count, columns]);
    for (const { first, rows, held: part } of pieces) {
      const product = multiply(part, held, { right: true }), dots = read(product);
      free(product);
      for (let i = 0, at = 0; i < rows; i++) {
        const from = (keep ? first + i : i) * k;
        for (let j = 0; j < count; j++, at++) table[from + renewed[j]] = lengths[renewed[j]] - 2 * dots[at];
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
        const close = TRUST * (squares[r] + longest);
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
    let centers = "draw" in init ? seed(held, k, init) : Float64Array.from(init);
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
