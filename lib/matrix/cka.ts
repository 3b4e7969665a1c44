/**
 * Linear centred kernel alignment: the similarity of representations of the same rows.
 * @module
 */
import { columnMeans, type Floats } from "./rows.ts";

/** Columns of x (rows × columns) less their means, in float64. */
function centred(x: Floats, rows: number): Float64Array {
  const columns = x.length / rows;
  if (!Number.isInteger(columns)) throw new RangeError(`cka: ${x.length} numbers do not make ${rows} rows.`);
  const mean = columnMeans(x, rows, columns), out = Float64Array.from(x);
  for (let i = 0; i < out.length; i++) out[i] -= mean[i % columns];
  return out;
}

/** Σ of the squared entries of xᵀy. */
function squaredProducts(x: Float64Array, y: Float64Array, rows: number): number {
  const p = x.length / rows, q = y.length / rows, products = new Float64Array(p * q);
  for (let r = 0; r < rows; r++) {
    const row = y.subarray(r * q, (r + 1) * q);
    for (let i = 0; i < p; i++) {
      const value = x[r * p + i], at = i * q;
      for (let j = 0; j < q; j++) products[at + j] += value * row[j];
    }
  }
  return products.reduce((sum, value) => sum + value * value, 0);
}

/** The products of all rows with each other: rows × rows. */
function kernel(x: Float64Array, rows: number): Float64Array {
  const columns = x.length / rows, out = new Float64Array(rows * rows);
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let c = 0, i = a * columns, j = b * columns; c < columns; c++) sum += x[i + c] * x[j + c];
      out[a * rows + b] = out[b * rows + a] = sum;
    }
  }
  return out;
}

/**
 * |XᵀY|² of every two, directly or as the equal Σ XXᵀ ∘ YYᵀ, whichever multiplies less. Sixty layers of 500 × 768 take
 * 1,800 times 500 · 768² products directly, and 60 times 500² · 768 / 2 by XXᵀ.
 */
function pairwise(all: readonly Float64Array[], rows: number): (a: number, b: number) => number {
  const columns = all.map((x) => x.length / rows), pairs = all.length * (all.length + 1) / 2;
  const wide = columns.reduce((sum, p) => sum + p, 0), direct = rows * (wide / all.length) ** 2 * pairs;
  if (rows ** 2 * (wide / 2 + pairs) >= direct) return (a, b) => squaredProducts(all[a], all[b], rows);
  const kernels = all.map((x) => kernel(x, rows));
  return (a, b) => {
    let sum = 0;
    for (let i = 0; i < rows ** 2; i++) sum += kernels[a][i] * kernels[b][i];
    return sum;
  };
}

/**
 * Linear CKA of every two representations of the same rows: |XᵀY|² / (|XᵀX| |YᵀY|) on centred columns (Kornblith et al.
 * 2019). n × n, symmetric; 1 for representations that differ only by rotation and scale, NaN for a constant one.
 *
 * @param representations rows × any number of columns, each
 * @throws {RangeError} if a representation does not have `rows` rows
 */
export function ckaMatrix(representations: readonly Floats[], rows: number): number[][] {
  const all = representations.map((x) => centred(x, rows));
  const squared = pairwise(all, rows), norms = all.map((_, i) => Math.sqrt(squared(i, i)));
  const matrix = all.map(() => new Array<number>(all.length).fill(1));
  for (let a = 0; a < all.length; a++) {
    for (let b = 0; b < a; b++) matrix[a][b] = matrix[b][a] = squared(a, b) / (norms[a] * norms[b]);
    if (norms[a] === 0) matrix[a][a] = NaN;
  }
  return matrix;
}
