/**
 * What differs between trainings of one model that differ in their seed alone.
 * @module
 */
import type { Line } from "../../probing/rows.ts";
import { bestTestRow } from "../best_layer.ts";
import type { TableRow } from "../table_rows.ts";
import { decimals, lineRows, listText, scoreName } from "../wording.ts";

/**
 * Each model's score at its best layer with every seed, in their order, by task: `0.812, 0.815 and 0.809 (layer 4)`. The
 * layer is that of the mean over seeds. Sound protocol, test songs. Models with one seed are left out.
 */
export function seedTable(rows: readonly TableRow[], lines: readonly Line[]): Record<string, string>[] {
  const several = lines.filter((line) => (bestTestRow(rows, line, "GP", "sound")?.bySeed.size ?? 0) > 1);
  return lineRows(several, (line, task) => {
    const row = bestTestRow(rows, line, task, "sound");
    const values = row ? [...row.bySeed].sort(([a], [b]) => a - b).map(([, { value }]) => value) : [];
    const text = listText(values.map((value) => value.toFixed(decimals(task))));
    return [scoreName(task, "sound"), values.every(Number.isFinite) && row ? `${text} (layer ${row.layer})` : "–"];
  });
}
