/**
 * The rows that tables and plots are drawn from: the results table with one pooling and the mean over seeds.
 * @module
 */
import { central } from "../metrics/intervals.ts";
import type { ProbeRow } from "../probing/rows.ts";

/**
 * Rows that differ in their seed alone, as one row with their mean score. Where every seed has resamplings of the songs,
 * the interval is that of the mean. The row's seed is the first one.
 */
export function meanOverSeeds(rows: readonly ProbeRow[]): ProbeRow[] {
  const alike = Map.groupBy(
    rows,
    ({ model, input, layer, layers, pooling, labels, task, metric, protocol, split, draw }) =>
      JSON.stringify([model, input, layer, layers, pooling, labels, task, metric, protocol, split, draw]),
  );
  return [...alike.values()].map((same) => {
    const [first] = same;
    if (same.length === 1) return first;
    const value = same.reduce((sum, row) => sum + row.value / same.length, 0);
    if (!same.every(({ replicates }) => replicates?.length === first.replicates?.length && replicates)) {
      return { ...first, value, low: null, high: null, std: null, replicates: undefined };
    }
    const replicates = first.replicates!.map((_, i) =>
      same.reduce((sum, row) => sum + row.replicates![i] / same.length, 0)
    );
    return { ...first, value, ...central(replicates), replicates };
  });
}

/** The rows of one pooling, and those of lines without one; the mean over seeds where there are several. */
export function tableRows(rows: readonly ProbeRow[], pooling: string): ProbeRow[] {
  return meanOverSeeds(rows.filter((row) => row.pooling === pooling || row.pooling === "none"));
}
