/**
 * The row that stands for a line in a table: its last layer (Table 2), its best layer (Table 3), or every layer (Figure 2).
 * @module
 */
import type { Task } from "../metrics/tasks.ts";
import { isOf, type Line, type ProbeRow } from "../probing/rows.ts";
import { headlines, lowerIsBetter, type Protocol } from "../metrics/task_scores.ts";

/** The draw of bars that Table 3 and Figure 2 show under `authors`: the last one, as theirs; null without any. */
export function lastDraw(rows: readonly ProbeRow[], protocol: Protocol): number | null {
  if (protocol === "sound") return null;
  const last = rows.reduce((most, { draw }) => Math.max(most, draw ?? -1), -1);
  return last < 0 ? null : last;
}

/** A task's headline rows under a protocol. */
export const headlineRows = <R extends ProbeRow>(rows: readonly R[], task: Task, protocol: Protocol): R[] =>
  rows.filter((row) => row.task === task && row.protocol === protocol && row.metric === headlines[protocol][task]);

/** 1 if a higher headline score is better, −1 if a lower one is. */
export const better = (task: Task, protocol: Protocol): 1 | -1 => lowerIsBetter(headlines[protocol][task]) ? -1 : 1;

/**
 * The test row of the layer whose headline score is best: on validation songs under `sound`, on the last draw's test songs
 * under `authors` (STUDY §11.4). Of equal layers the lowest one. The embedding output (layer 0) does not take part, as
 * in the paper. Undefined if no layer has a score.
 *
 * @param rows the candidates: layers of one line, or of several that compete
 */
export function bestLayer<R extends ProbeRow>(rows: readonly R[], task: Task, protocol: Protocol): R | undefined {
  const draw = lastDraw(rows, protocol), split = protocol === "sound" ? "validation" : "test";
  const layers = headlineRows(rows, task, protocol).filter((row) => (row.layer ?? 0) >= 1 && row.draw === draw);
  const [best] = layers.filter((row) => row.split === split && Number.isFinite(row.value)).sort((a, b) =>
    better(task, protocol) * (b.value - a.value) || a.layer! - b.layer!
  );
  return best &&
    layers.find((row) =>
      row.split === "test" && isOf(row, best) && row.layer === best.layer && row.seed === best.seed &&
      row.pooling === best.pooling
    );
}

/** A line's test rows by layer, ascending; under `authors` those of one draw, or the means over the draws (null). */
export function layerCurve<R extends ProbeRow>(
  rows: readonly R[],
  line: Line,
  task: Task,
  protocol: Protocol,
  draw: number | null = lastDraw(rows, protocol),
): R[] {
  const tested = headlineRows(rows, task, protocol).filter((row) => isOf(row, line) && row.split === "test");
  const drawn = tested.filter((row) => row.draw === draw);
  // What does not depend on the draw, such as clusters at random, has one row only.
  return (drawn.length > 0 ? drawn : tested.filter((row) => row.draw === null))
    .sort((a, b) => (a.layer ?? -1) - (b.layer ?? -1));
}

/** The test row of a line's best layer, or the only row of a line without layers. */
export const bestTestRow = <R extends ProbeRow>(
  rows: readonly R[],
  line: Line,
  task: Task,
  protocol: Protocol,
): R | undefined =>
  bestLayer(rows.filter((row) => isOf(row, line)), task, protocol) ?? layerCurve(rows, line, task, protocol).at(-1);

/** The test row of a line's last layer; under `authors` the mean over the draws. */
export const lastTestRow = <R extends ProbeRow>(
  rows: readonly R[],
  line: Line,
  task: Task,
  protocol: Protocol,
): R | undefined => layerCurve(rows, line, task, protocol, null).at(-1);
