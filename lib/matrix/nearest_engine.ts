/**
 * The nearest centre of each row at large size, by float32 products on the engine. Where their rounding could decide,
 * distances are summed again in float64, so the labels are those of `plainSearch`.
 * @module
 */
import { free, multiplyFloat32, shapesCost, upload } from "../engine/float64.ts";
import { type NearestSearch, squaredDistance } from "./nearest.ts";
import { columnMeans, type Floats } from "./rows.ts";

/** Rows whose products are in memory at a time. */
const PIECE = 4096;

/** Bounds are widened by this share, far more than float64's rounding can have changed them. */
const SLACK = 1e-9;

/** Half the distance of 1 and the next float32: the most that one rounding changes, as a share. */
const ROUNDING = 2 ** -24;

/** Rows that are multiplied for so many: zeros are added where each number of rows is compiled for. */
const paddedRows = (rows: number): number => shapesCost ? 2 ** Math.ceil(Math.log2(rows)) : rows;

/** Lengths of rows less the mean. */
function lengthsOf(x: Floats, columns: number, mean: Float64Array): Float64Array {
  const lengths = new Float64Array(x.length / columns);
  for (let r = 0, at = 0; r < lengths.length; r++) {
    let sum = 0;
    for (let c = 0; c < columns; c++, at++) {
      const value = x[at] - mean[c];
      sum += value * value;
    }
    lengths[r] = Math.sqrt(sum);
  }
  return lengths;
}

/** Writes some rows less the mean, rounded to float32, one after another. */
function round(x: Floats, some: ArrayLike<number>, columns: number, mean: Float64Array, to: Float32Array): void {
  for (let i = 0, at = 0; i < some.length; i++) {
    for (let c = 0, from = some[i] * columns; c < columns; c++) to[at++] = x[from++] - mean[c];
  }
}

/**
 * A search that keeps two bounds of each row: how far its centre is at most, and how far any other one is at least. A
 * row whose bounds still tell the two apart, once all have moved, keeps its centre (Hamerly 2010); the others are
 * compared with every centre.
 */
export function engineSearch(x: Floats, columns: number, k: number): NearestSearch {
  const rows = x.length / columns,
    mean = columnMeans(x, rows, columns),
    lengths = lengthsOf(x, columns, mean),
    all = Int32Array.from({ length: k }, (_, c) => c);
  const upper = new Float64Array(rows).fill(Infinity), lower = new Float64Array(rows);
  const held = new Float32Array(paddedRows(Math.min(PIECE, rows)) * columns); // used again for each piece
  let last: Float64Array | undefined;

  /**
   * The nearest centre of row r, and its bounds; `products` are the row's with every centre, from `from` on. For row and
   * centre a float32 value is the centre's squared length less twice their product.
   */
  const nearest = (r: number, products: Float32Array, from: number, centers: Float64Array, own: Own): number => {
    const { squares, longest } = own;
    let best = Infinity, second = Infinity, label = 0;
    for (let c = 0; c < k; c++) {
      const value = squares[c] - 2 * products[from + c];
      if (value >= second) continue;
      if (value < best) {
        second = best;
        best = value;
        label = c;
      } else second = value;
    }
    // At worst: two sums of `columns` rounded products of rounded numbers, and the rounding of the two sums.
    const close = 4 * ROUNDING * longest * ((columns + 4) * lengths[r] + longest), isClear = second - best > close;
    let exact = squaredDistance(x, r, centers, label, columns);
    if (!isClear) {
      exact = Infinity;
      for (let c = 0; c < k; c++) {
        if (squares[c] - 2 * products[from + c] > best + close) continue;
        const distance = squaredDistance(x, r, centers, c, columns);
        if (distance < exact) {
          exact = distance;
          label = c;
        }
      }
    }
    upper[r] = Math.sqrt(exact);
    lower[r] = Math.sqrt(Math.max(0, (isClear ? second : best) - close + lengths[r] ** 2));
    return label;
  };

  /** The rows whose centre may have changed, now that the centres have moved. */
  const unsure = (centers: Float64Array, moved: Int32Array, labels: Int32Array): Int32Array => {
    const before = last, moves = new Float64Array(k);
    if (!before) return Int32Array.from({ length: rows }, (_, r) => r);
    for (const c of moved) moves[c] = Math.sqrt(squaredDistance(before, c, centers, c, columns));
    const farthest = moves.indexOf(moves.reduce((a, b) => Math.max(a, b), 0));
    const next = moves.reduce((most, move, c) => c === farthest ? most : Math.max(most, move), 0);
    const found = new Int32Array(rows);
    let count = 0;
    for (let r = 0; r < rows; r++) {
      upper[r] += moves[labels[r]];
      lower[r] -= labels[r] === farthest ? next : moves[farthest];
      if (upper[r] * (1 + SLACK) >= lower[r] * (1 - SLACK)) found[count++] = r;
    }
    return found.subarray(0, count);
  };

  return {
    find(centers, moved, labels) {
      const open = unsure(centers, moved, labels),
        own = lengthsOf(centers, columns, mean),
        squares = own.map((n) => n * n);
      const about = { squares, longest: own.reduce((a, b) => Math.max(a, b), 0) };
      last = centers;
      const rounded = new Float32Array(k * columns);
      round(centers, all, columns, mean, rounded);
      const matrix = upload(rounded, [k, columns], { widen: false });
      try {
        for (let first = 0; first < open.length; first += PIECE) {
          const some = open.subarray(first, first + PIECE), height = paddedRows(some.length);
          const part = held.subarray(0, height * columns).fill(0, some.length * columns);
          round(x, some, columns, mean, part);
          const piece = upload(part, [height, columns], { widen: false });
          try {
            const products = multiplyFloat32(piece, matrix);
            some.forEach((r, i) => labels[r] = nearest(r, products, i * k, centers, about));
          } finally {
            free(piece);
          }
        }
      } finally {
        free(matrix);
      }
    },
  };
}

/** The centres' squared lengths, and the longest one's length. */
type Own = { squares: Float64Array; longest: number };
