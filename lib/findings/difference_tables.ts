/**
 * Tables of paired differences on test songs: between lines, and from the control task (selectivity). Sound protocol.
 * @module
 */
import { type Task, tasks } from "../metrics/tasks.ts";
import { isOf, type Line } from "../probing/rows.ts";
import { headlines } from "../metrics/task_scores.ts";
import { bestTestRow } from "./best_layer.ts";
import { knownSpread, type SeedSpreadChoice } from "./gains.ts";
import { mean, type TableRow } from "./table_rows.ts";
import { pairedDifference } from "./significance.ts";
import { differenceText, lineRows, scoreName } from "./wording.ts";

/**
 * Each line's best layer minus another line's best, by task: above 0 where the first is better (of errors too), with a
 * 95% interval. A dash stands where either has no score.
 *
 * @param against the line to compare a line with, such as the untrained encoder's
 * @param seedSpread where the luck of training is taken from when models are compared with a baseline
 */
export function differenceTable(
  rows: readonly TableRow[],
  lines: readonly Line[],
  against: (line: Line) => Line,
  seedSpread: SeedSpreadChoice = "own",
): Record<string, string>[] {
  return lineRows(lines, (line, task) => {
    const [own, other] = [line, against(line)].map((one) => bestTestRow(rows, one, task, "sound"));
    const known = knownSpread(rows, lines, against(line), task, seedSpread);
    return [scoreName(task, "sound"), differenceText(pairedDifference(own, other, known), task)];
  });
}

/** A row's score with those seeds alone that another row has. */
function withSeedsOf(row: TableRow, { bySeed: other }: TableRow): TableRow {
  const bySeed = new Map([...row.bySeed].filter(([seed]) => other.has(seed)));
  return { ...row, value: mean([...bySeed.values()].map(({ value }) => value)), bySeed };
}

/**
 * Selectivity (Hewitt and Liang 2019) by task: the score of a line's best layer, in round brackets, minus that of the
 * control task at the same layer, with a 95% interval; both of the seeds that have a control task, which is the first one.
 * It is near 0 where the probe merely learns bars by heart. MV and MD are compared by R², since the control's values have
 * another spread. Song clustering (SC) has no control task.
 */
export function selectivityTable(rows: readonly TableRow[], lines: readonly Line[]): Record<string, string>[] {
  const cell = (line: Line, task: Task): [string, string] => {
    const isValue = task === "MV" || task === "MD", metric = isValue ? "r2" : headlines.sound[task];
    const layer = bestTestRow(rows, line, task, "sound")?.layer;
    const [own, control] = [line, { ...line, labels: "control" } as const].map((one) =>
      rows.find((row) =>
        isOf(row, one) && row.task === task && row.metric === metric && row.protocol === "sound" &&
        row.split === "test" && row.layer === layer
      )
    );
    const difference = pairedDifference(own && control && withSeedsOf(own, control), control);
    const text = differenceText(difference, task).replace(" [", ` (${layer}) [`);
    return [isValue ? `${task}: R² ↑` : scoreName(task, "sound"), text];
  };
  return lineRows(lines, cell, tasks.filter((task) => task !== "SC"));
}
