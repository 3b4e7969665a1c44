/**
 * Ridges of one layer: sums in one pass over its rows, fits and predictions, in plain code or on the engine by size.
 * @module
 */
import { type Accumulator, addCrosses, addGrams, plainAccumulator, type Sums } from "./gram.ts";
import { placedOnEngine, type Placement } from "./placement.ts";
import { fitRidge, predictRidge, type RidgeFit, takeTargets } from "./ridge.ts";
import { columnMeans, pieces, rowCount, type RowSource } from "./rows.ts";
import { joinTargets, type RowTargets, takeTargetRows, type Targets } from "./targets.ts";

/** Loads the engine's library, so only where something is large. */
const onEngine = () => import("./ridge_engine.ts");

/** Targets of all rows, and further targets of `some`, ascending (those with a chord); by row those of a piece are made. */
export type LayerTargets = { all: Targets | RowTargets; some: Int32Array; ofSome: Targets | RowTargets };

/**
 * Sums over all rows and over some of them, each row read and multiplied once: the Gram of all is that of `some` plus
 * that of the others.
 *
 * @param source rows × columns; a few megabytes are in memory at a time
 * @throws {RangeError} if source and targets are of different rows, or there are none
 */
export async function sumLayer(
  source: RowSource,
  columns: number,
  { all, some, ofSome }: LayerTargets,
  { placement = "auto" as Placement } = {},
): Promise<{ all: Sums; ofSome: Sums }> {
  const rows = rowCount(source, columns);
  if (rows !== all.rows || some.length !== ofSome.rows || some.length > rows) {
    throw new RangeError(`Sums: expected targets of ${rows} rows, found ${all.rows}, and of ${some.length} of them.`);
  }
  const accumulator = placedOnEngine(rows * columns ** 2, placement)
    ? (await onEngine()).engineAccumulator
    : plainAccumulator;
  let sums: { some: Accumulator; others: Accumulator } | undefined;
  let next = 0; // of `some`
  const held = { some: new Float32Array(0), others: new Float32Array(0) }; // used again for each piece
  try {
    for (const { first, rows, x } of pieces(source, columns)) {
      if (!sums) {
        const shift = columnMeans(x, rows, columns); // of the first piece: near enough to the mean of all
        const both = Float64Array.of(...all.base, ...ofSome.base);
        sums = { some: accumulator(columns, shift, both), others: accumulator(columns, shift, all.base) };
      }
      const mine: number[] = [], others: number[] = [];
      for (let r = first; r < first + rows; r++) {
        if (some[next] === r) mine.push(next++);
        else others.push(r);
      }
      const ids = mine.map((i) => some[i]);
      const rowsOf = (ids: number[], which: "some" | "others") => {
        if (ids.length === rows) return x;
        if (held[which].length < x.length) held[which] = new Float32Array(x.length);
        ids.forEach((id, i) =>
          held[which].set(x.subarray((id - first) * columns, (id - first + 1) * columns), i * columns)
        );
        return held[which].subarray(0, ids.length * columns);
      };
      sums.some.add(rowsOf(ids, "some"), joinTargets([takeTargetRows(all, ids), takeTargetRows(ofSome, mine)]));
      sums.others.add(rowsOf(others, "others"), takeTargetRows(all, others));
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets timers and messages through
    }
  } catch (error) {
    sums?.some.abandon();
    sums?.others.abandon();
    throw error;
  }
  if (!sums) throw new RangeError("Sums: expected at least one row to fit on, found none.");
  const a = sums.some.finish(), b = sums.others.finish(), { products, sum } = a.cross, cut = all.count * columns;
  const shared = { rows: a.cross.rows, products: products.subarray(0, cut), sum: sum.subarray(0, all.count) };
  const own = { rows: a.cross.rows, products: products.slice(cut), sum: sum.slice(all.count) };
  return {
    all: { gram: addGrams(a.gram, b.gram), cross: addCrosses(b.cross, shared) },
    ofSome: { gram: a.gram, cross: own },
  };
}

/** As `fitRidge`, on the engine if the factorizations are large. */
export async function fitSums(
  sums: Sums,
  alphas: readonly number[],
  { placement = "auto" as Placement } = {},
): Promise<RidgeFit[]> {
  const { columns } = sums.gram, work = alphas.length * columns ** 2 * (columns / 6 + sums.cross.sum.length);
  return placedOnEngine(work, placement) ? (await onEngine()).fitOnEngine(sums, alphas) : fitRidge(sums, alphas);
}

/** As `predictRidge`, for fits of the same targets in one pass over a source's rows, or those `wanted` (ascending). */
export async function predictRows(
  fits: readonly RidgeFit[],
  source: RowSource,
  wanted?: Int32Array,
  { placement = "auto" as Placement } = {},
): Promise<Float64Array[]> {
  const { columns, targets } = fits[0], rows = wanted?.length ?? rowCount(source, columns);
  const predict = placedOnEngine(fits.length * rows * columns * targets, placement)
    ? (await onEngine()).predictOnEngine
    : predictRidge;
  const out = fits.map(() => new Float64Array(targets * rows));
  for (const { first, rows: some, x } of pieces(source, columns, wanted)) {
    fits.forEach((fit, f) => {
      const predicted = predict(fit, x, some);
      for (let t = 0; t < targets; t++) out[f].set(predicted.subarray(t * some, (t + 1) * some), t * rows + first);
    });
  }
  return out;
}

/**
 * Predictions of fits of the same targets, as {@link predictRows} gives them, some targets of one fit at a time: for each
 * fit a function that predicts `count` targets from the one at place `first` on (count × rows). Each call reads the rows.
 */
export function predictors(
  fits: readonly RidgeFit[],
  source: RowSource,
  wanted?: Int32Array,
  { placement = "auto" as Placement } = {},
): ((first: number, count: number) => Promise<Float64Array>)[] {
  const { columns, targets } = fits[0], rows = wanted?.length ?? rowCount(source, columns);
  const isOnEngine = placedOnEngine(fits.length * rows * columns * targets, placement); // as if all were asked at once
  const options = { placement: isOnEngine ? "engine" as const : "plain" as const };
  return fits.map((fit) => async (first, count) => {
    const [predicted] = await predictRows([takeTargets(fit, first, count)], source, wanted, options);
    return predicted;
  });
}
