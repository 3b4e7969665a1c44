/**
 * The nearest centre of each row at large size, by float32 products on the engine. Where their rounding could decide,
 * distances are summed again in float64, so the labels are those of `plainSearch`.
 * @module
 */
import { type DeviceMatrix, free, multiplyFloat32, upload } from "../engine/float64.ts";
import { type NearestSearch, squaredDistance } from "./nearest.ts";
import { columnMeans, type Floats } from "./rows.ts";

/** Rows whose products are in memory at a time. */
const PIECE = 4096;

/** Most pairs of row and centre whose distances are kept from one call to the next (4 bytes each). */
const MOST_KEPT = 2 ** 26;

/** Half the distance of 1 and the next float32: the most that one rounding changes, as a share. */
const ROUNDING = 2 ** -24;

/** Rows less the mean, rounded to float32, and their lengths before rounding. */
function centre(x: Floats, columns: number, mean: Float64Array): { rounded: Float32Array; lengths: Float64Array } {
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

/** A search that keeps the products of rows and centres, where they fit, and renews those of moved centres only. */
export function engineSearch(x: Floats, columns: number, k: number): NearestSearch {
  const rows = x.length / columns, mean = columnMeans(x, rows, columns), lengths = new Float64Array(rows);
  const pieces: { first: number; rows: number; matrix: DeviceMatrix }[] = [];
  for (let first = 0; first < rows; first += PIECE) {
    const some = Math.min(PIECE, rows - first);
    const part = centre(x.subarray(first * columns, (first + some) * columns), columns, mean);
    lengths.set(part.lengths, first);
    pieces.push({ first, rows: some, matrix: upload(part.rounded, [some, columns], { widen: false }) });
  }
  const everything = Int32Array.from({ length: k }, (_, c) => c), keep = rows * k <= MOST_KEPT;
  // For row and centre: the centre's squared length less twice their product.
  const table = new Float32Array(keep ? rows * k : PIECE * k);

  /** The nearest centre of row r, whose part of the table begins at `from`. */
  const nearest = (r: number, from: number, centers: Float64Array, longest: number): number => {
    let best = Infinity, second = Infinity, label = 0;
    for (let c = 0; c < k; c++) {
      const value = table[from + c];
      if (value >= second) continue;
      if (value < best) {
        second = best;
        best = value;
        label = c;
      } else second = value;
    }
    // At worst: two sums of `columns` rounded products of rounded numbers, and the rounding of the two sums.
    const close = 4 * ROUNDING * longest * ((columns + 4) * lengths[r] + longest);
    if (second - best > close) return label;
    for (let c = 0, exact = Infinity; c < k; c++) {
      if (table[from + c] > best + close) continue;
      const distance = squaredDistance(x, r, centers, c, columns);
      if (distance < exact) {
        exact = distance;
        label = c;
      }
    }
    return label;
  };

  return {
    find(centers, moved, labels) {
      const renewed = keep ? moved : everything, count = renewed.length;
      if (count === 0) return;
      const own = centre(centers, columns, mean), chosen = new Float32Array(count * columns);
      renewed.forEach((c, j) => chosen.set(own.rounded.subarray(c * columns, (c + 1) * columns), j * columns));
      const squares = own.lengths.map((length) => length ** 2), longest = Math.max(...own.lengths);
      const matrix = upload(chosen, [count, columns], { widen: false });
      try {
        for (const piece of pieces) {
          const dots = multiplyFloat32(piece.matrix, matrix);
          for (let i = 0, at = 0; i < piece.rows; i++) {
            const r = piece.first + i, from = (keep ? r : i) * k;
            for (let j = 0; j < count; j++, at++) table[from + renewed[j]] = squares[renewed[j]] - 2 * dots[at];
            labels[r] = nearest(r, from, centers, longest);
          }
        }
      } finally {
        free(matrix);
      }
    },
    free: () => free(...pieces.map(({ matrix }) => matrix)),
  };
}
