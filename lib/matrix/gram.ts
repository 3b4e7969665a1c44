/**
 * A layer's ridge fits from one pass over its rows, in memory or not: small ones here, large ones on the engine.
 * @module
 */
import { usesLibrary } from "../engine/library.ts";
import {
  addGrams,
  columnMeans,
  type Cross,
  crossProducts,
  fitRidge,
  type Gram,
  gram,
  predictRidge,
  type RidgeFit,
  type Rows,
  type Targets,
} from "./ridge.ts";
import { type Piece, pieces, rowCount, type RowSource } from "./rows.ts";

/** What a ridge is fitted from. */
export interface Sums {
  /** Features with features. */
  gram: Gram;
  /** Features with targets. */
  cross: Cross;
}

/** Sums that grow by rows. */
export interface Summing {
  /** Adds rows and their targets. */
  add(x: Rows, targets: Targets): void;
  /** What was summed. */
  finish(): Sums;
  /** Gives back what is held, where `finish` will not be called. */
  abandon(): void;
}

/**
 * Multiply-adds from which on work goes to the engine: some two seconds of plain code, about what it takes to load the
 * library in a worker. The demo's layers (2,400 × 128) stay below by a factor of ten, 20,000 × 768 is above by twenty.
 */
export const ENGINE_WORK = 5e8;

/** Where to work; `auto` by {@link ENGINE_WORK}, under `ENGINE=webgpu`, which has no float64, always in plain code. */
export type Where = "auto" | "plain" | "engine";

const large = (work: number, where: Where): boolean =>
  where === "engine" || (where === "auto" && work >= ENGINE_WORK && usesLibrary());

// The engine's library is loaded where something is large, and not before.
const onEngine = () => import("./ridge_engine.ts");

/** Sums by plain code, about `shift`; `base` is the targets'. */
export function plainSumming(columns: number, shift: Float64Array, base: Float64Array): Summing {
  let sums: Sums = {
    gram: gram(new Float32Array(0), 0, columns, shift),
    cross: { rows: 0, products: new Float64Array(base.length * columns), sum: base.map(() => 0) },
  };
  return {
    add(x, targets) {
      const more = gram(x, targets.rows, columns, shift), cross = crossProducts(x, more, targets);
      sums = {
        gram: addGrams(sums.gram, more),
        cross: {
          rows: sums.cross.rows + cross.rows,
          products: sums.cross.products.map((value, i) => value + cross.products[i]),
          sum: sums.cross.sum.map((value, i) => value + cross.sum[i]),
        },
      };
    },
    finish: () => sums,
    abandon: () => {},
  };
}

/** The targets of those rows. */
export function takeTargetRows(targets: Targets, rows: ArrayLike<number>): Targets {
  const start = new Int32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    start[i + 1] = start[i] + targets.start[rows[i] + 1] - targets.start[rows[i]];
  }
  const column = new Int32Array(start[rows.length]), value = new Float64Array(column.length);
  for (let i = 0; i < rows.length; i++) {
    const from = targets.start[rows[i]], to = targets.start[rows[i] + 1];
    column.set(targets.column.subarray(from, to), start[i]);
    value.set(targets.value.subarray(from, to), start[i]);
  }
  return { rows: rows.length, count: targets.count, base: targets.base, start, column, value };
}

/** Several targets of the same rows as one, their columns one after the other; `rows` is needed where there are none. */
export function joinTargets(parts: readonly Targets[], rows: number = parts[0].rows): Targets {
  const first = [0], start = new Int32Array(rows + 1);
  parts.forEach((part, p) => first.push(first[p] + part.count));
  for (let r = 0; r < rows; r++) {
    start[r + 1] = start[r] + parts.reduce((n, part) => n + part.start[r + 1] - part.start[r], 0);
  }
  const column = new Int32Array(start[rows]), value = new Float64Array(start[rows]);
  for (let r = 0, at = 0; r < rows; r++) {
    parts.forEach((part, p) => {
      for (let e = part.start[r]; e < part.start[r + 1]; e++, at++) {
        column[at] = first[p] + part.column[e];
        value[at] = part.value[e];
      }
    });
  }
  const base = Float64Array.from(parts.flatMap((part) => [...part.base]));
  return { rows, count: first[parts.length], base, start, column, value };
}

/** Targets of all rows, and of some alone. */
export interface LayerTargets {
  /** Targets that every row has. */
  all: Targets;
  /** Rows that have more, ascending (those with a chord). */
  some: Int32Array;
  /** What those rows have, row by row of `some`. */
  ofSome: Targets;
}

/**
 * Gram and cross products of all rows and of some of them, each row read and multiplied once: the Gram of all is that
 * of some and that of the others together.
 *
 * @param source rows × columns, a few megabytes in memory at a time
 * @throws {RangeError} if source and targets are of different rows.
 *
 * @example
 * ```ts
 * import { fitLarge, sumLayer } from "@lib/matrix/gram.ts";
 * import { valueTargets } from "@lib/matrix/ridge.ts";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const x = Float32Array.of(0, 1, 2, 3), some = Int32Array.of(0, 3);
 * const targets = { all: valueTargets([1, 3, 5, 7]), some, ofSome: valueTargets([0, 9]) };
 * const { all, ofSome } = await sumLayer(x, 1, targets);
 * const [fit] = await fitLarge(ofSome, [1e-9]);
 * assertAlmostEquals(fit.weights[0] / fit.std[0], 3, 1e-6);
 * assertAlmostEquals(all.gram.products[0], 5);
 * ```
 */
export async function sumLayer(
  source: RowSource,
  columns: number,
  { all, some, ofSome }: LayerTargets,
  { where = "auto" as Where } = {},
): Promise<{ all: Sums; ofSome: Sums }> {
  const rows = rowCount(source, columns);
  if (rows !== all.rows || some.length !== ofSome.rows || some.length > rows) {
    throw new RangeError(`Sums: expected targets of ${rows} rows, found ${all.rows}, and of ${some.length} of them.`);
  }
  const summing = large(rows * columns ** 2, where) ? (await onEngine()).engineSumming : plainSumming;
  let shift: Float64Array | undefined;
  let parts: { some: Summing; others: Summing } | undefined;
  let next = 0; // of `some`
  try {
    for (const piece of pieces(source, columns)) {
      shift ??= columnMeans(piece.x, piece.rows, columns); // near the mean of all, which is what it is for
      parts ??= {
        // Targets of all rows first, then those of some.
        some: summing(columns, shift, Float64Array.of(...all.base, ...ofSome.base)),
        others: summing(columns, shift, all.base),
      };
      const mine: number[] = [], others: number[] = [];
      for (let r = piece.first; r < piece.first + piece.rows; r++) {
        if (some[next] === r) mine.push(next++);
        else others.push(r);
      }
      const ids = mine.map((i) => some[i]);
      parts.some.add(
        rowsOf(piece, columns, ids),
        joinTargets([takeTargetRows(all, ids), takeTargetRows(ofSome, mine)]),
      );
      parts.others.add(rowsOf(piece, columns, others), takeTargetRows(all, others));
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets timers and messages through
    }
  } catch (error) {
    parts?.some.abandon();
    parts?.others.abandon();
    throw error;
  }
  if (!parts) throw new RangeError("Sums: expected at least one row to fit on, found none.");
  const a = parts.some.finish(), b = parts.others.finish(), cut = all.count * columns;
  const cross: Cross = {
    rows: a.cross.rows + b.cross.rows,
    products: b.cross.products.map((value, i) => value + a.cross.products[i]),
    sum: b.cross.sum.map((value, t) => value + a.cross.sum[t]),
  };
  const own = { rows: a.cross.rows, products: a.cross.products.slice(cut), sum: a.cross.sum.slice(all.count) };
  return { all: { gram: addGrams(a.gram, b.gram), cross }, ofSome: { gram: a.gram, cross: own } };
}

/** Those rows of a piece, by their numbers in the source; the piece itself where they are all. */
function rowsOf({ first, rows, x }: Piece, columns: number, wanted: readonly number[]): Float32Array {
  if (wanted.length === rows) return x;
  const out = new Float32Array(wanted.length * columns);
  wanted.forEach((row, i) => out.set(x.subarray((row - first) * columns, (row - first + 1) * columns), i * columns));
  return out;
}

/** As `fitRidge`, on the engine where the factorizations are large. */
export async function fitLarge(
  { gram, cross }: Sums,
  alphas: readonly number[],
  { where = "auto" as Where } = {},
): Promise<RidgeFit[]> {
  const { columns } = gram, work = alphas.length * columns ** 2 * (columns / 6 + cross.sum.length);
  return large(work, where) ? (await onEngine()).fitOnEngine(gram, cross, alphas) : fitRidge(gram, cross, alphas);
}

/**
 * As `predictRidge` for rows of a source and several fits of the same targets, in one pass over the rows.
 *
 * @param wanted only these rows, ascending
 * @returns of each fit targets × rows
 */
export async function predictRows(
  fits: readonly RidgeFit[],
  source: RowSource,
  wanted?: Int32Array,
  { where = "auto" as Where } = {},
): Promise<Float64Array[]> {
  const { columns, targets } = fits[0], rows = wanted?.length ?? rowCount(source, columns);
  const predict = large(fits.length * rows * columns * targets, where)
    ? (await onEngine()).predictOnEngine
    : predictRidge;
  const out = fits.map(() => new Float64Array(targets * rows));
  for (const { first, rows: some, x } of pieces(source, columns, wanted)) {
    fits.forEach((fit, f) => {
      const predicted = predict(fit, x, some);
      for (let t = 0; t < targets; t++) {
        out[f].set(predicted.subarray(t * some, (t + 1) * some), t * rows + first);
      }
    });
  }
  return out;
}
