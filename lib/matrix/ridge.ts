/**
 * Ridge regression on standardised features: its standardisation, penalties and targets all follow from sums (gram.ts).
 * @module
 */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { Gram, Sums } from "./gram.ts";
import { checkRows, type Floats } from "./rows.ts";

/** Feature means and population deviations (columns each) of the rows fitted on; 1 where a feature does not vary. */
export type Scale = { columns: number; mean: Float64Array; std: Float64Array };

/** A fit at one penalty: weights of the standardised features, targets × columns, and intercepts (not penalised). */
export type RidgeFit = Scale & { alpha: number; targets: number; weights: Float64Array; intercepts: Float64Array };

/** Means and population deviations of a Gram's rows; a feature that does not vary beyond rounding gets deviation 1. */
export function standardisation({ rows, columns, shift, sum, products }: Gram): Scale {
  const mean = shift.map((value, c) => value + sum[c] / rows);
  const std = new Float64Array(columns);
  for (let c = 0; c < columns; c++) {
    const variance = products[c * columns + c] / rows - (sum[c] / rows) ** 2;
    const rounding = rows * Number.EPSILON * Math.abs(variance) + (rows * Number.EPSILON * mean[c]) ** 2;
    std[c] = variance > rounding ? Math.sqrt(variance) : 1;
  }
  return { columns, mean, std };
}

/** Rows of x (rows × columns) less the means, over the deviations, in an array of their own or in `z`, which has room. */
export function standardise({ columns, mean, std }: Scale, x: Floats, z = new Float64Array(x.length)): Float64Array {
  for (let at = 0; at < x.length; at += columns) {
    for (let c = 0; c < columns; c++) z[at + c] = (x[at + c] - mean[c]) / std[c];
  }
  return z;
}

/**
 * Normal equations but for the penalty: `inner` ZᵀZ (columns × columns) and `right` Zᵀy (columns × targets), for the
 * standardised features Z and the targets y less their means, the intercepts.
 */
export type NormalEquations = Scale & {
  targets: number;
  intercepts: Float64Array;
  inner: Float64Array;
  right: Float64Array;
};

/**
 * The normal equations of sums, for any penalty.
 *
 * @throws {RangeError} if there are no rows, the sums are of different rows or not finite, or a penalty is not positive
 */
export function normalEquations({ gram, cross }: Sums, alphas: readonly number[]): NormalEquations {
  const { rows, columns, sum, products } = gram;
  if (rows === 0) throw new RangeError("Ridge: expected at least one row to fit on, found none.");
  if (cross.rows !== rows) throw new RangeError(`Ridge: the Gram has ${rows} rows, the targets have ${cross.rows}.`);
  const wrong = alphas.find((alpha) => !(alpha > 0));
  if (wrong !== undefined) throw new RangeError(`Ridge: a penalty must be positive, found ${wrong}.`);
  const scale = standardisation(gram), { std } = scale, targets = cross.sum.length;
  const inner = new Float64Array(columns * columns), right = new Float64Array(columns * targets);
  for (let i = 0; i < columns; i++) {
    for (let j = 0, at = i * columns; j < columns; j++, at++) {
      inner[at] = (products[at] - sum[i] * sum[j] / rows) / (std[i] * std[j]);
    }
    for (let t = 0; t < targets; t++) {
      right[i * targets + t] = (cross.products[t * columns + i] - sum[i] * cross.sum[t] / rows) / std[i];
    }
  }
  if (![inner, right].every((values) => values.every(Number.isFinite))) {
    throw new RangeError("Ridge: expected finite features and targets, found NaN or Infinity.");
  }
  return { ...scale, targets, intercepts: cross.sum.map((total) => total / rows), inner, right };
}

/** The fit at a penalty, from the normal equations' solution (columns × targets); a RangeError if that is NaN. */
export function fitOf(equations: NormalEquations, alpha: number, solved: ArrayLike<number>): RidgeFit {
  if (Number.isNaN(solved[0])) throw new RangeError(`Ridge: a penalty of ${alpha} is too small for these features.`);
  const { columns, targets, mean, std, intercepts } = equations, weights = new Float64Array(targets * columns);
  for (let c = 0, at = 0; c < columns; c++) {
    for (let t = 0; t < targets; t++, at++) weights[t * columns + c] = solved[at];
  }
  return { alpha, columns, targets, mean, std, weights, intercepts };
}

/**
 * The solution of LLᵀx = b for many right sides (columns × targets): forward and back substitution, one target at a time,
 * along rows of memory. To the bit what ml-matrix' `solve` gives, in a third of its time.
 */
function substituted(lower: Matrix, right: Float64Array, targets: number): Float64Array {
  const n = lower.rows,
    l = Float64Array.from(lower.to1DArray()),
    turned = Float64Array.from(lower.transpose().to1DArray());
  const solved = new Float64Array(right.length), x = new Float64Array(n);
  for (let t = 0; t < targets; t++) {
    for (let k = 0; k < n; k++) {
      let value = right[k * targets + t];
      for (let i = 0, at = k * n; i < k; i++, at++) value -= x[i] * l[at];
      x[k] = value / l[k * n + k];
    }
    for (let k = n - 1; k >= 0; k--) {
      let value = x[k];
      for (let i = k + 1, at = k * n + i; i < n; i++, at++) value -= x[i] * turned[at];
      x[k] = value / l[k * n + k];
    }
    for (let k = 0; k < n; k++) solved[k * targets + t] = x[k];
  }
  return solved;
}

/**
 * Ridge of every target on standardised features, one fit for each penalty: minimises |y − Zw − b|² + α|w|² with
 * Z = (x − mean) / population std (STUDY §11.5–11.6; equals scikit-learn's Ridge on the same Z).
 *
 * @throws {RangeError} if there are no rows, the sums are of different rows or not finite, or a penalty is not positive
 *
 * @example A line, recovered but for the penalty
 * ```ts
 * import { crossProducts, gram } from "@lib/matrix/gram.ts";
 * import { fitRidge, predictRidge } from "@lib/matrix/ridge.ts";
 * import { valueTargets } from "@lib/matrix/targets.ts";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const x = Float32Array.of(0, 1, 2, 3), sums = gram(x, 4, 1);
 * const cross = crossProducts(x, sums, valueTargets([1, 3, 5, 7]));
 * const [fit] = fitRidge({ gram: sums, cross }, [1e-9]);
 * assertAlmostEquals(predictRidge(fit, Float32Array.of(10), 1)[0], 21, 1e-6);
 * ```
 */
export function fitRidge(sums: Sums, alphas: readonly number[]): RidgeFit[] {
  const equations = normalEquations(sums, alphas), { columns, targets, inner, right } = equations;
  return alphas.map((alpha) => {
    const penalised = Matrix.from1DArray(columns, columns, inner);
    for (let i = 0; i < columns; i++) penalised.set(i, i, penalised.get(i, i) + alpha);
    const cholesky = new CholeskyDecomposition(penalised);
    const solved = () => substituted(cholesky.lowerTriangularMatrix, right, targets);
    return fitOf(equations, alpha, cholesky.isPositiveDefinite() ? solved() : [NaN]);
  });
}

/** The fit of targets first…first + count − 1 alone. */
export const takeTargets = ({ weights, intercepts, ...fit }: RidgeFit, first: number, count: number): RidgeFit => ({
  ...fit,
  targets: count,
  weights: weights.subarray(first * fit.columns, (first + count) * fit.columns),
  intercepts: intercepts.subarray(first, first + count),
});

/** Decision values or predictions for the rows of x: targets × rows; a RangeError if x is not rows × columns. */
export function predictRidge(fit: RidgeFit, x: Floats, rows: number): Float64Array {
  const { columns, targets, mean, std, weights, intercepts } = fit;
  checkRows(x, rows, columns);
  const out = new Float64Array(targets * rows);
  // Four rows at a time, so that each weight is loaded once for four products.
  const [a, b, c, d] = [0, 1, 2, 3].map(() => new Float64Array(columns));
  for (let r = 0; r < rows; r += 4) {
    const some = Math.min(4, rows - r);
    for (let k = 0; k < some; k++) {
      const row = [a, b, c, d][k], at = (r + k) * columns;
      for (let j = 0; j < columns; j++) row[j] = (x[at + j] - mean[j]) / std[j];
    }
    for (let t = 0, w = 0; t < targets; t++) {
      let p = intercepts[t], q = p, u = p, v = p;
      for (let j = 0; j < columns; j++, w++) {
        const weight = weights[w];
        p += weight * a[j];
        q += weight * b[j];
        u += weight * c[j];
        v += weight * d[j];
      }
      const at = t * rows + r;
      out[at] = p;
      if (some > 1) out[at + 1] = q;
      if (some > 2) out[at + 2] = u;
      if (some > 3) out[at + 3] = v;
    }
  }
  return out;
}
