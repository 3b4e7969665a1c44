/**
 * K-means at large size: distances by float64 matrix products on the engine, and only of rows that can have moved.
 *
 * A row keeps an upper bound of its distance to its own centre and a lower bound of that to any other (Hamerly 2010);
 * while the first is below the second its label stays whatever the others do. Where a product's rounding could decide,
 * distances are summed anew, so that labels are those of `clustering.ts`.
 * @module
 */
import type { Clusters, Lloyd, Rows, Seeding } from "./clustering.ts";
import { free, gather, type Held, hold, multiply, read } from "./engine/float64.ts";

/** Rows whose products are in memory at a time. */
const PIECE = 4096;

/** Share of a piece's rows from which on all of its rows are multiplied, rather than those in question gathered. */
const MOST = 0.6;

/** Distances by products are trusted to this share of the squared lengths; far more than rounding amounts to. */
const TRUST = 1e-11;

/** Bounds are met by this share to spare. */
const SLACK = 1 - 1e-9;

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

/** The nearest centre of rows, and how far it and the second nearest are. */
interface Nearest {
  labels: Int32Array;
  best: Float64Array;
  second: Float64Array;
}

/** Finds the nearest centres of those rows for which `asks` says so. */
function findNearest(
  { x, columns, squares, pieces }: HeldRows,
  centers: Float64Array,
  k: number,
  asks: (row: number) => boolean,
  into: Nearest,
): void {
  const table = hold(centers, [k, columns]), lengths = squaredLengths(centers, columns);
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  for (const { first, rows, held } of pieces) {
    const asked: number[] = [];
    for (let i = 0; i < rows; i++) if (asks(first + i)) asked.push(i);
    if (asked.length === 0) continue;
    const whole = asked.length > MOST * rows, part = whole ? held : gather(held, Int32Array.from(asked));
    const product = multiply(part, table, { right: true }), dots = read(product);
    free(product, ...whole ? [] : [part]);
    for (const [place, i] of asked.entries()) {
      const r = first + i, from = (whole ? i : place) * k, least = TRUST * (squares[r] + longest);
      let best = Infinity, second = Infinity, label = 0;
      for (let c = 0; c < k; c++) {
        const far = lengths[c] - 2 * dots[from + c];
        if (far < best) {
          second = best;
          best = far;
          label = c;
        } else if (far < second) second = far;
      }
      if (second - best <= 2 * least) { // the first of equals, by sums of differences
        const limit = best + 2 * least;
        let exact = Infinity;
        for (let c = 0; c < k; c++) {
          if (lengths[c] - 2 * dots[from + c] > limit) continue;
          const far = distance(x, r, centers, c, columns);
          if (far < exact) {
            exact = far;
            label = c;
          }
        }
      }
      into.labels[r] = label;
      into.best[r] = Math.sqrt(Math.max(0, best + squares[r] + least));
      into.second[r] = Math.sqrt(Math.max(0, second + squares[r] - least));
    }
  }
  free(table);
}

/** Lloyd's iterations from first centres, or from those that `init` draws; as `kMeans`, for large tables. */
export function lloydOnEngine(x: Rows, rows: number, columns: number, k: number, options: Lloyd): Clusters {
  const { iterations, enough, init } = options, held = holdRows(x, columns);
  try {
    let centers = "draw" in init ? seed(held, k, init) : Float64Array.from(init);
    const near = { labels: new Int32Array(rows), best: new Float64Array(rows), second: new Float64Array(rows) };
    near.best.fill(Infinity);
    const sums = new Float64Array(k * columns), counts = new Int32Array(k), before = new Int32Array(rows).fill(-1);
    const credit = (r: number, c: number, sign: number) => {
      counts[c] += sign;
      for (let i = r * columns, j = c * columns, end = i + columns; i < end; i++, j++) sums[j] += sign * x[i];
    };
    // The bound to the row's own centre is made exact before its label is asked for.
    const asks = (r: number): boolean => {
      if (near.best[r] < near.second[r] * SLACK) return false;
      if (near.best[r] === Infinity) return true;
      near.best[r] = Math.sqrt(distance(x, r, centers, near.labels[r], columns)) / SLACK;
      return near.best[r] >= near.second[r] * SLACK;
    };
    let made = 0, settled = false;
    while (made < iterations) {
      findNearest(held, centers, k, asks, near);
      made++;
      let changed = 0;
      for (let r = 0; r < rows; r++) {
        if (near.labels[r] === before[r]) continue;
        changed++;
        if (before[r] >= 0) credit(r, before[r], -1);
        credit(r, near.labels[r], 1);
        before[r] = near.labels[r];
      }
      settled = made > 1 && changed === 0;
      const next = centers.slice(), moves = new Float64Array(k);
      for (let c = 0; c < k; c++) {
        if (counts[c] === 0) continue; // a cluster that loses all its rows keeps its centre
        for (let j = c * columns, end = j + columns; j < end; j++) {
          next[j] = sums[j] / counts[c];
          moves[c] += (next[j] - centers[j]) ** 2;
        }
      }
      centers = next;
      if (settled || moves.reduce((sum, move) => sum + move, 0) <= enough) break;
      const lengths = moves.map((move) => Math.sqrt(move) / SLACK);
      const farthest = lengths.indexOf(lengths.reduce((a, b) => Math.max(a, b), 0));
      const others = lengths.reduce((most, length, c) => c === farthest ? most : Math.max(most, length), 0);
      for (let r = 0; r < rows; r++) {
        near.best[r] += lengths[near.labels[r]];
        near.second[r] -= near.labels[r] === farthest ? others : lengths[farthest];
      }
    }
    if (!settled) {
      near.best.fill(Infinity);
      findNearest(held, centers, k, () => true, near);
    }
    let inertia = 0;
    for (let r = 0; r < rows; r++) inertia += distance(x, r, centers, near.labels[r], columns);
    return { k, columns, centers, labels: near.labels, inertia, iterations: made };
  } finally {
    free(...held.pieces.map((piece) => piece.held));
  }
}

/** Nearest centre of each row, as `assign`. */
export function assignOnEngine({ k, columns, centers }: Clusters, x: Rows): Int32Array {
  const held = holdRows(x, columns), rows = x.length / columns;
  try {
    const near = { labels: new Int32Array(rows), best: new Float64Array(rows), second: new Float64Array(rows) };
    findNearest(held, centers, k, () => true, near);
    return near.labels;
  } finally {
    free(...held.pieces.map((piece) => piece.held));
  }
}
