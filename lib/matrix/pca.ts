/**
 * Principal component analysis.
 * @module
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { gram } from "./gram.ts";
import type { FloatMatrix } from "./rows.ts";

/**
 * Coordinates of rows about their mean along the directions in which they differ most (eigenvectors of the covariance,
 * each with its largest entry positive), and the share of the variance along each, falling.
 *
 * @throws {RangeError} unless there are at least two rows, and as many columns as components
 */
export function principalComponents(
  { rows, columns, data }: FloatMatrix,
  count: number = 2,
): { coordinates: Float64Array[]; shares: number[] } {
  if (rows < 2 || columns < count) {
    throw new RangeError(`Map: expected two rows and ${count} columns at least, found ${rows} × ${columns}.`);
  }
  const { shift, products } = gram(data, rows, columns);
  const covariance = Matrix.from1DArray(columns, columns, products);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  const whole = realEigenvalues.reduce((sum, value) => sum + Math.max(0, value), 0);
  const coordinates = order.slice(0, count).map((at) => {
    const direction = eigenvectorMatrix.getColumn(at);
    const largest = direction.reduce((a, b) => Math.abs(b) > Math.abs(a) + 1e-12 ? b : a); // fixes the sign
    return Float64Array.from({ length: rows }, (_, row) => {
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += (data[row * columns + c] - shift[c]) * direction[c];
      return largest < 0 ? -sum : sum;
    });
  });
  const shares = order.slice(0, count).map((at) => whole === 0 ? 0 : Math.max(0, realEigenvalues[at]) / whole);
  return { coordinates, shares };
}
