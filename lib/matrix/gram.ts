/**
 * Float64 sums from which ridges are fitted. Sums of disjoint rows add up, so rows may come in pieces.
 * @module
 */
import { checkRows, columnMeans, type Floats } from "./rows.ts";
import type { Targets } from "./targets.ts";

/** Sums over rows of targets y: Σ y (x − shift), targets × columns, and Σ y. */
export type Cross = { rows: number; products: Float64Array; sum: Float64Array };

/** Sums over rows of d = x − shift, the shift a rough mean: Σ ddᵀ, columns × columns, and Σ d. */
export type Gram = Cross & { columns: number; shift: Float64Array };

/** All that a ridge is fitted from: products of features with each other and with targets. */
export type Sums = { gram: Gram; cross: Cross };

/** Sums that grow by rows; `finish` or `abandon` frees the engine's memory. */
export type Accumulator = { add(x: Floats, targets: Targets): void; finish(): Sums; abandon(): void };

const plus = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + b[i]);

/** The Gram matrix of x about `shift` (default: the column means); a RangeError if x is not rows × columns. */
export function gram(x: Floats, rows: number, columns: number, shift = columnMeans(x, rows, columns)): Gram {
  checkRows(x, rows, columns);
  const sum = new Float64Array(columns), products = new Float64Array(columns * columns);
  // Four rows at a time, so that each entry is loaded and stored once for four products.
  const block = new Float64Array(4 * columns);
  const [a, b, c, d] = [0, 1, 2, 3].map((k) => block.subarray(k * columns, (k + 1) * columns));
  for (let r = 0; r < rows; r += 4) {
    const size = Math.min(4, rows - r) * columns;
    block.fill(0, size);
    for (let i = 0; i < size; i++) block[i] = x[r * columns + i] - shift[i % columns];
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

/** The Gram of two disjoint sets of rows together; a RangeError unless both are about the same shift. */
export function addGrams(a: Gram, b: Gram): Gram {
  if (a.columns !== b.columns || a.shift.some((value, i) => value !== b.shift[i])) {
    throw new RangeError("Grams to add must have the same columns and the same shift.");
  }
  return { ...a, ...addCrosses(a, b) };
}

/** The cross products of two disjoint sets of rows together. */
export const addCrosses = (a: Cross, b: Cross): Cross => ({
  rows: a.rows + b.rows,
  products: plus(a.products, b.products),
  sum: plus(a.sum, b.sum),
});

/** Products of targets with the rows of x, about the Gram's shift; a RangeError if x does not fit both. */
export function crossProducts(x: Floats, { columns, shift }: Pick<Gram, "columns" | "shift">, targets: Targets): Cross {
  const { rows, count, base, start, column, value } = targets;
  checkRows(x, rows, columns);
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

/** An accumulator in plain code, about `shift`; `base` is the targets'. */
export function plainAccumulator(columns: number, shift: Float64Array, base: Float64Array): Accumulator {
  let sums: Sums = {
    gram: gram(new Float32Array(0), 0, columns, shift),
    cross: { rows: 0, products: new Float64Array(base.length * columns), sum: base.map(() => 0) },
  };
  return {
    add(x, targets) {
      const more = gram(x, targets.rows, columns, shift);
      sums = { gram: addGrams(sums.gram, more), cross: addCrosses(sums.cross, crossProducts(x, more, targets)) };
    },
    finish: () => sums,
    abandon() {},
  };
}
