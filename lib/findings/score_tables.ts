/**
 * Tables 2 and 3, Figure 2 (of rows as `tableRows` gives them) and the table of poolings, beside the paper's scores.
 * @module
 */
import type { LayerPoint } from "../plots/figures.ts";
import { paperModels, paperTables } from "./paper.ts";
import { tasks } from "../metrics/tasks.ts";
import { isBaseline, type Line, lineOf, type ProbeRow } from "../probing/rows.ts";
import { headlines, type Protocol, scoreRange } from "../metrics/task_scores.ts";
import { bestTestRow, lastTestRow, layerCurve } from "./best_layer.ts";
import { type TableRow, tableRows } from "./table_rows.ts";
import { lineName, lineRows, panelName, scoreName, scoreText, taskCells } from "./wording.ts";

/** Scores of the best layer, in round brackets, by task, without the paper's; sound protocol. */
export const bestTable = (rows: readonly ProbeRow[], lines: readonly Line[]): Record<string, string>[] =>
  lineRows(lines, (line, task) => {
    const row = bestTestRow(rows, line, task, "sound");
    return [scoreName(task, "sound"), scoreText(row, row?.layer)];
  });

/** Table 2 (the last layer) or Table 3 (the best layer, in round brackets) by task; the paper's numbers stand below ours, if wanted. */
export function scoreTable(
  rows: readonly ProbeRow[],
  lines: readonly Line[],
  protocol: Protocol,
  which: "last" | "best",
  { paper: withPaper = true } = {},
): Record<string, string>[] {
  const isBest = which === "best", rowOf = isBest ? bestTestRow : lastTestRow;
  const ours = lineRows(lines, (line, task) => {
    const row = rowOf(rows, line, task, protocol);
    return [scoreName(task, protocol), scoreText(row, isBest ? row?.layer : undefined)];
  });
  const paper = (withPaper ? paperModels : []).map((model) => ({
    model: `${model}, paper`,
    ...taskCells((task) => {
      const { value, layer, std } = paperTables[isBest ? "table3" : "table2"][model][task];
      const beside = isBest ? `(${layer})` : `±\u00a0${std!.toPrecision(2)}`;
      return [scoreName(task, protocol), `${value.toFixed(3)} ${beside}`];
    }),
  }));
  return [...ours, ...paper];
}

/**
 * Scores of the best layer, in round brackets, by task and pooling (the state of the `Bar` token, the mean of the notes',
 * the state of `<eob>`): a row for each model and pooling. Sound protocol.
 * `rows` have not been through `tableRows`.
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

/**
 * Figure 2: each line's score at every layer but 0, where the `Bar` token is the same in every bar; lines without layers
 * have none. A model that was trained with several seeds has the points of each seed, too.
 */
export const figure2 = (
  rows: readonly (ProbeRow | TableRow)[],
  lines: readonly Line[],
  protocol: Protocol,
): LayerPoint[] =>
  tasks.flatMap((task) =>
    lines.flatMap((line) =>
      layerCurve(rows, line, task, protocol).filter(({ value, layer }) => Number.isFinite(value) && layer !== 0)
        .flatMap((row): LayerPoint[] => {
          const place = { model: lineName(line), layer: row.layer, metric: panelName(task, protocol) };
          const within = scoreRange(headlines[protocol][task]);
          const several = "bySeed" in row && row.bySeed.size > 1 && !isBaseline(line) && row.layer !== null;
          return [
            {
              ...{ ...place, value: row.value },
              ...(row.low === null || row.high === null ? {} : { low: row.low, high: row.high, within }),
              on: `${row.rows.toLocaleString("en-US")} bars of ${row.songs} songs`,
              ...(isBaseline(line) ? { baseline: true } : {}),
            },
            ...(several ? Array.from(row.bySeed, ([seed, { value }]) => ({ ...place, value, seed })) : []),
          ];
        })
    )
  );

/** The two points of each of the paper's curves that its tables give, the best layer and the last; scores as the authors'. */
export const paperFigure = (): LayerPoint[] =>
  tasks.flatMap((task) =>
    paperModels.flatMap((model) => {
      const last = paperTables.table2[model][task], best = paperTables.table3[model][task];
      const points = best.layer === last.layer ? [last] : [best, last], metric = panelName(task, "authors");
      return points.map(({ layer, value }): LayerPoint => ({ model, layer, metric, value, paper: true }));
    })
  );
