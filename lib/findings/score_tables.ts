/**
 * Tables 2 and 3, Figure 2 and the table of poolings: this study's scores, beside the paper's.
 * @module
 */
import type { LayerPoint } from "../plots/figures.ts";
import { type PaperModel, paperModels, paperTables } from "./paper.ts";
import { type Task, tasks } from "../metrics/tasks.ts";
import { isBaseline, type Line, lineOf, type ProbeRow } from "../probing/rows.ts";
import type { Protocol } from "../metrics/task_scores.ts";
import { bestTestRow, lastTestRow, layerCurve } from "./best_layer.ts";
import { tableRows } from "./table_rows.ts";
import { lineName, scoreName, scoreText, taskCells } from "./wording.ts";

function paperText(model: PaperModel, task: Task, which: "last" | "best"): string {
  const { value, layer, std } = paperTables[which === "last" ? "table2" : "table3"][model][task];
  if (which === "best") return `${value.toFixed(3)} (${layer})`;
  return `${value.toFixed(3)}${std === undefined ? "" : ` ±\u00a0${std.toPrecision(2)}`}`;
}

/**
 * Table 2 (the last layer) or Table 3 (the best layer, in round brackets) by task; the paper's numbers stand below ours.
 *
 * @param rows as `tableRows` gives them
 */
export function scoreTable(
  rows: readonly ProbeRow[],
  lines: readonly Line[],
  protocol: Protocol,
  which: "last" | "best",
): Record<string, string>[] {
  const ours = lines.map((line) => ({
    model: lineName(line),
    ...taskCells((task) => {
      const row = which === "last" ? lastTestRow(rows, line, task, protocol) : bestTestRow(rows, line, task, protocol);
      return [scoreName(task, protocol), scoreText(row, which === "best" ? row?.layer : undefined)];
    }),
  }));
  const paper = paperModels.map((model) => ({
    model: `${model}, paper`,
    ...taskCells((task) => [scoreName(task, protocol), paperText(model, task, which)]),
  }));
  return [...ours, ...paper];
}

/**
 * Scores of the best layer, in round brackets, by task and pooling (the state of the `Bar` token, the mean of the notes',
 * the state of `<eob>`): a row for each model and pooling. Sound protocol.
 *
 * @param rows of all poolings, not yet through `tableRows`
 */
export function poolingTable(
  rows: readonly ProbeRow[],
  models: readonly string[],
  poolings: readonly string[],
): Record<string, string>[] {
  return models.flatMap((model) =>
    poolings.map((pooling) => {
      const own = tableRows(rows, pooling);
      return {
        model,
        pooling,
        ...taskCells((task) => {
          const row = bestTestRow(own, lineOf(model), task, "sound");
          return [scoreName(task, "sound"), scoreText(row, row?.layer)];
        }),
      };
    })
  );
}

/** Figure 2: each line's score at every layer, by task; lines without layers are level. Rows as `tableRows` gives them. */
export function figure2(rows: readonly ProbeRow[], lines: readonly Line[], protocol: Protocol): LayerPoint[] {
  const depth = Math.max(...rows.map(({ layer }) => layer ?? 0));
  return tasks.flatMap((task) =>
    lines.flatMap((line) =>
      layerCurve(rows, line, task, protocol).filter(({ value }) => Number.isFinite(value)).flatMap((row) => {
        const layers = row.layer === null ? Array.from({ length: depth + 1 }, (_, i) => i) : [row.layer];
        return layers.map((layer): LayerPoint => ({
          model: lineName(line),
          layer,
          metric: scoreName(task, protocol),
          value: row.value,
          ...(row.low === null || row.high === null ? {} : { low: row.low, high: row.high }),
          ...(isBaseline(line) ? { baseline: true } : {}),
        }));
      })
    )
  );
}

/** The two points of each of the paper's curves that its tables give, the best layer and the last; scores as the authors'. */
export const paperFigure = (): LayerPoint[] =>
  tasks.flatMap((task) =>
    paperModels.flatMap((model) => {
      const last = paperTables.table2[model][task], best = paperTables.table3[model][task];
      const points = best.layer === last.layer ? [last] : [best, last];
      return points.map(({ layer, value }) => ({ model, layer, metric: scoreName(task, "authors"), value }));
    })
  );
