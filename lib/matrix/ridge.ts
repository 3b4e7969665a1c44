/**
 * Ridge regression of many targets on one layer's features, from one float64 Gram matrix.
 *
 * `XᵀX` is summed once per layer; standardisation, every penalty and every target follow from it and from `XᵀY`.
 * Sums of disjoint rows add up ({@link addGrams}), so rows may come in pieces.
 * @module
 */
import { CholeskyDecomposition, Matrix } from "ml-matrix";

/** Numbers in rows × columns, row by row. */
export type Rows = Float32Array | Float64Array;

/** Sums over rows of x − shift. */
export interface Gram {
  /** Rows summed. */
  rows: number;
  /** Width of a row. */
  columns: number;
  /** A first mean, subtracted before summing (columns). */
  shift: Float64Array;
  /** Σ (x − shift), columns. */
  sum: Float64Array;
  /** Σ (x − shift)(x − shift)ᵀ, columns × columns. */
  products: Float64Array;
}

/** Targets as a constant for each column plus few values for each row; see {@link classTargets}, {@link valueTargets}. */
export interface Targets {
  /** Rows. */
  rows: number;
  /** Target columns. */
  count: number;
  /** What every row holds, for each target column. */
  base: Float64Array;
  /** Row r's entries are start[r]…start[r + 1] (rows + 1). */
  start: Int32Array;
  /** Target column of each entry. */
  column: Int32Array;
  /** What each entry adds to its column's constant. */
  value: Float64Array;
}

/** Targets' part of the normal equations. */
export interface Cross {
  /** Rows summed. */
  rows: number;
  /** Σ (x − shift) y, targets × columns. */
  products: Float64Array;
  /** Σ y, targets. */
  sum: Float64Array;
}

/** A fitted ridge for every target at one penalty. */
export interface RidgeFit {
  /** Penalty on the squared weights. */
  alpha: number;
  /** Width of a row. */
  columns: number;
  /** Target columns. */
  targets: number;
  /** Feature means of the rows fitted on (columns). */
  mean: Float64Array;
  /** Population standard deviations of those rows; 1 where a feature does not vary (columns). */
  std: Float64Array;
  /** Weights of the standardised features, targets × columns. */
  weights: Float64Array;
  /** Intercepts, not penalised (targets). */
  intercepts: Float64Array;
}

function checkShape(x: Rows, rows: number, columns: number): void {
  if (x.length !== rows * columns) {
    throw new RangeError(`x: expected ${rows} × ${columns} = ${rows * columns} numbers, found ${x.length}.`);
  }
}

/** Column means of x (rows × columns). */
export function columnMeans(x: Rows, rows: number, columns: number): Float64Array {
  const mean = new Float64Array(columns);
  for (let r = 0, i = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, i++) mean[c] += x[i];
  }
  return mean.map((sum) => sum / Math.max(rows, 1));
}

/**
 * The Gram matrix of x (rows × columns) about `shift` (default: the column means), in float64.
 *
 * @throws {RangeError} if x is not rows × columns.
 *
 * @example
 * ```ts
 * import { gram } from "@lib/matrix/ridge.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(gram(Float32Array.of(1, 5, 3, 5), 2, 2).products, Float64Array.of(2, 0, 0, 0));
 * ```
 */
export function gram(x: Rows, rows: number, columns: number, shift = columnMeans(x, rows, columns)): Gram {
  checkShape(x, rows, columns);
  const sum = new Float64Array(columns), products = new Float64Array(columns * columns);
  // Four rows at a time, so that each entry is loaded and stored once for four products.
  const block = new Float64Array(4 * columns);
  const [a, b, c, d] = [0, 1, 2, 3].map((k) => block.subarray(k * columns, (k + 1) * columns));
  for (let r = 0; r < rows; r += 4) {
    const held = Math.min(4, rows - r) * columns;
    block.fill(0, held);
    for (let i = 0; i < held; i++) block[i] = x[r * columns + i] - shift[i % columns];
    for (let i = 0; i < columns; i++) {
      const ai = a[i], bi = b[i], ci = c[i], di = d[i], row = i * columns;
      sum[i] += (ai + bi) + (ci + di);
      for (let j = i; j < columns; j++) products[row + j] += (ai * a[j] + bi * b[j]) + (ci * c[j] + di * d[j]);
    }
  }
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < i; j++) products[i * columns + j] = products[j * columns + i];
  }
  return { rows, columns, shift, sum, products };
}

/**
 * The Gram of two disjoint sets of rows together.
 *
 * @throws {RangeError} unless both were summed about the same shift.
 *
 * @example
 * ```ts
 * import { addGrams, gram } from "@lib/matrix/ridge.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const first = gram(Float32Array.of(1, 2), 2, 1, Float64Array.of(0));
 * assertEquals(addGrams(first, gram(Float32Array.of(3), 1, 1, first.shift)).products, Float64Array.of(14));
 * ```
 */
export function addGrams(a: Gram, b: Gram): Gram {
  if (a.columns !== b.columns || a.shift.some((value, i) => value !== b.shift[i])) {
    throw new RangeError("Grams to add must have the same columns and the same shift.");
  }
  return {
    rows: a.rows + b.rows,
    columns: a.columns,
    shift: a.shift,
    sum: a.sum.map((value, i) => value + b.sum[i]),
    products: a.products.map((value, i) => value + b.products[i]),
  };
}

/** Targets of ±1 for `classes` classes: +1 for the classes in the row's set (study §11.6). */
export function classTargets(sets: readonly (readonly number[])[], classes: number): Targets {
  const start = new Int32Array(sets.length + 1);
  sets.forEach((set, r) => start[r + 1] = start[r] + set.length);
  const column = Int32Array.from(sets.flat());
  if (column.some((id) => id < 0 || id >= classes)) {
    throw new RangeError(
      `Class ids: expected 0…${classes - 1}, found ${column.find((id) => id < 0 || id >= classes)}.`,
    );
  }
  const base = new Float64Array(classes).fill(-1);
  return { rows: sets.length, count: classes, base, start, column, value: new Float64Array(column.length).fill(2) };
}

/** One target column of real values. */
export function valueTargets(values: ArrayLike<number>): Targets {
  const rows = values.length;
  return {
    rows,
    count: 1,
    base: new Float64Array(1),
    start: Int32Array.from({ length: rows + 1 }, (_, r) => r),
    column: new Int32Array(rows),
    value: Float64Array.from(values),
  };
}

/**
 * `Σ (x − shift) y` of targets over the rows of x (rows × columns), about the Gram's shift.
 *
 * @throws {RangeError} if x is not rows × columns of the targets and the Gram.
 */
export function crossProducts(x: Rows, { columns, shift }: Gram, targets: Targets): Cross {
  const { rows, count, base, start, column, value } = targets;
  checkShape(x, rows, columns);
  const products = new Float64Array(count * columns), sum = base.map((constant) => constant * rows);
  const row = new Float64Array(columns), total = new Float64Array(columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) total[c] += row[c] = x[r * columns + c] - shift[c];
    for (let e = start[r]; e < start[r + 1]; e++) {
      const added = value[e], at = column[e] * columns;
      sum[column[e]] += added;
      for (let c = 0; c < columns; c++) products[at + c] += added * row[c];
    }
  }
  for (let t = 0; t < count; t++) {
    for (let c = 0; c < columns; c++) products[t * columns + c] += base[t] * total[c];
  }
  return { rows, products, sum };
}

/** The targets of several crosses of the same rows as one. */
export function joinCrosses(...crosses: Cross[]): Cross {
  const join = (parts: Float64Array[]) => {
    const joined = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
    parts.reduce((at, part) => (joined.set(part, at), at + part.length), 0);
    return joined;
  };
  return {
    rows: crosses[0].rows,
    products: join(crosses.map((cross) => cross.products)),
    sum: join(crosses.map((cross) => cross.sum)),
  };
}

/** How features are standardised. */
export type Scale = Pick<RidgeFit, "columns" | "mean" | "std">;

/** Means and population deviations of a Gram's rows; features that do not vary beyond rounding get 1. */
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

/** What a penalty is added to: Z the standardised features, y the targets less their means. */
export interface NormalEquations extends Pick<RidgeFit, "columns" | "targets" | "mean" | "std" | "intercepts"> {
  /** ZᵀZ, columns × columns. */
  inner: Float64Array;
  /** Zᵀy, columns × targets. */
  right: Float64Array;
}

/**
 * The normal equations of sums, for any penalty.
 *
 * @throws {RangeError} if there are no rows, the two sums are of different rows, or a penalty is not positive.
 */
export function normalEquations(sums: Gram, cross: Cross, alphas: readonly number[]): NormalEquations {
  const { rows, columns, sum, products } = sums;
  if (rows === 0) throw new RangeError("Ridge: expected at least one row to fit on, found none.");
  if (cross.rows !== rows) throw new RangeError(`Ridge: the Gram has ${rows} rows, the targets have ${cross.rows}.`);
  const wrong = alphas.find((alpha) => !(alpha > 0));
  if (wrong !== undefined) throw new RangeError(`Ridge: a penalty must be positive, found ${wrong}.`);
  const { mean, std } = standardisation(sums);
  const targets = cross.sum.length;
  const inner = new Float64Array(columns * columns), right = new Float64Array(columns * targets);
  for (let i = 0; i < columns; i++) {
    for (let j = 0, at = i * columns; j < columns; j++, at++) {
      inner[at] = (products[at] - sum[i] * sum[j] / rows) / (std[i] * std[j]);
    }
    for (let t = 0; t < targets; t++) {
      right[i * targets + t] = (cross.products[t * columns + i] - sum[i] * cross.sum[t] / rows) / std[i];
    }
  }
  return { columns, targets, mean, std, intercepts: cross.sum.map((total) => total / rows), inner, right };
}

/** The fit at a penalty, from the solution of the normal equations: columns × targets. */
export function fitOf(equations: NormalEquations, alpha: number, solved: ArrayLike<number>): RidgeFit {
  const { columns, targets, mean, std, intercepts } = equations, weights = new Float64Array(targets * columns);
  for (let c = 0, at = 0; c < columns; c++) {
    for (let t = 0; t < targets; t++, at++) weights[t * columns + c] = solved[at];
  }
  return { alpha, columns, targets, mean, std, weights, intercepts };
}

/**
 * Ridge of every target on standardised features, one fit for each penalty: minimises |y − Zw − b|² + α|w|² with
 * Z = (x − mean) / population std (study §11.5–11.6; as scikit-learn's Ridge on the same Z).
 *
 * @throws {RangeError} if there are no rows, the two sums are of different rows, or a penalty is not positive.
 *
 * @example A line is found again, but for the penalty
 * ```ts
 * import { crossProducts, fitRidge, gram, predictRidge, valueTargets } from "@lib/matrix/ridge.ts";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const x = Float32Array.of(0, 1, 2, 3);
 * const sums = gram(x, 4, 1);
 * const [fit] = fitRidge(sums, crossProducts(x, sums, valueTargets([1, 3, 5, 7])), [1e-9]);
 * assertAlmostEquals(predictRidge(fit, Float32Array.of(10), 1)[0], 21, 1e-6);
 * ```
 */
export function fitRidge(sums: Gram, cross: Cross, alphas: readonly number[]): RidgeFit[] {
  const equations = normalEquations(sums, cross, alphas), { columns, targets, inner, right } = equations;
  const rightSide = Matrix.from1DArray(columns, targets, right);
  return alphas.map((alpha) => {
    const penalised = Matrix.from1DArray(columns, columns, inner);
    for (let i = 0; i < columns; i++) penalised.set(i, i, penalised.get(i, i) + alpha);
    return fitOf(equations, alpha, new CholeskyDecomposition(penalised).solve(rightSide).to1DArray());
  });
}

/** The fit of targets first…first + count − 1 alone. */
export function takeTargets(fit: RidgeFit, first: number, count: number): RidgeFit {
  const { columns, weights, intercepts } = fit;
  return {
    ...fit,
    targets: count,
    weights: weights.subarray(first * columns, (first + count) * columns),
    intercepts: intercepts.subarray(first, first + count),
  };
}

/**
 * Decision values or predictions for the rows of x (rows × columns): targets × rows, one target after the other.
 *
 * @throws {RangeError} if x is not rows × columns of the fit.
 */
export function predictRidge(fit: RidgeFit, x: Rows, rows: number): Float64Array {
  const { columns, targets, mean, std, weights, intercepts } = fit;
  checkShape(x, rows, columns);
  const out = new Float64Array(targets * rows);
  // Four rows at a time, so that each weight is loaded once for four products.
  const [a, b, c, d] = [0, 1, 2, 3].map(() => new Float64Array(columns));
  for (let r = 0; r < rows; r += 4) {
    const held = Math.min(4, rows - r);
    for (let k = 0; k < held; k++) {
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
      if (held > 1) out[at + 1] = q;
      if (held > 2) out[at + 2] = u;
      if (held > 3) out[at + 3] = v;
    }
  }
  return out;
}

/** Rows of x (rows × columns) less the means, over the deviations. */
export function standardise({ columns, mean, std }: Scale, x: Rows): Float64Array {
  const z = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += columns) {
    for (let c = 0; c < columns; c++) z[at + c] = (x[at + c] - mean[c]) / std[c];
  }
  return z;
}
