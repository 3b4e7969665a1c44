/**
 * How lines, scores and differences are written in tables and plots.
 * @module
 */
import { type Task, tasks } from "../metrics/tasks.ts";
import type { Line, ProbeRow } from "../probing/rows.ts";
import type { Protocol } from "../metrics/task_scores.ts";
import { better } from "./best_layer.ts";
import type { Difference } from "./significance.ts";

/** Items in a sentence: `a, b and c`. */
export const listText = (items: readonly string[]): string => new Intl.ListFormat("en-GB").format(items);

/** A line's name: the model, and which control or combination of layers it is; baselines by what they know. */
export const lineName = ({ model, input, labels, layers }: Line): string =>
  input === "none"
    ? "guess"
    : input === "token counts"
    ? "token counts"
    : labels === "permuted"
    ? `${model}, permuted labels`
    : labels === "control"
    ? `${model}, control task`
    : layers === "weighted"
    ? `${model}, all layers`
    : model;

const area = { authors: "AUC of decisions", sound: "AUC of scores" };
const both = (name: string) => ({ authors: name, sound: name });

/** What each task's headline score is called under a protocol. */
export const scoreNames: Record<Task, Record<Protocol, string>> = {
  ...{ C: area, GP: area, I: area },
  T: { authors: "exact rows", sound: "accuracy" },
  MV: both("RMSE, velocity"),
  MD: both("RMSE, bins"),
  SC: { authors: "entropy / ln K", sound: "entropy / ln min(n, K)" },
};

/** The tasks in words. */
export const taskNames: Record<Task, string> = {
  ...{ C: "Chords", GP: "Groove", I: "Instruments", T: "Tempo" },
  ...{ MV: "Mean velocity", MD: "Mean duration", SC: "Song clustering" },
};

/** A panel's name: the task with an arrow towards the better values, and below it the headline score. */
export const panelName = (task: Task, protocol: Protocol): string =>
  `${taskNames[task]} ${better(task, protocol) < 0 ? "↓" : "↑"}\n${scoreNames[task][protocol]}`;

/** The headline score's name with an arrow towards the better values. */
export const scoreName = (task: Task, protocol: Protocol): string =>
  `${task}: ${scoreNames[task][protocol]} ${better(task, protocol) < 0 ? "↓" : "↑"}`;

/** Decimals with which a score of a task is written. */
export const decimals = (task: Task): number => task === "MV" || task === "MD" ? 2 : 3;

/**
 * `0.812 [0.790, 0.834]`: a score with its 95% interval; or `0.812 ± 0.004`, with its population std over the draws of
 * bars. The layer, if given, stands behind the score in round brackets.
 */
export function scoreText(row: ProbeRow | undefined, layer?: number | null): string {
  if (!row || !Number.isFinite(row.value)) return "–"; // as for chords in songs without any
  const { value, low, high, std } = row, number = (x: number) => x.toFixed(decimals(row.task));
  const score = `${number(value)}${layer === undefined || layer === null ? "" : ` (${layer})`}`;
  if (std !== null) return `${score} ±\u00a0${number(std)}`;
  return low === null || high === null ? score : `${score} [${number(low)},\u00a0${number(high)}]`;
}

/** `+0.021 [−0.004, +0.050]`: a difference in a task's score, with its 95% interval. */
export function differenceText({ difference, low, high }: Difference, task: Task): string {
  if (!Number.isFinite(difference)) return "–";
  const signed = (x: number) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(decimals(task))}`;
  const interval = low === null || high === null ? "" : ` [${signed(low)},\u00a0${signed(high)}]`;
  return `${signed(difference)}${interval}`;
}

/** A row of a table with a cell for each task, in the paper's order. */
export const taskCells = (
  cell: (task: Task) => [heading: string, text: string],
  some: readonly Task[] = tasks,
): Record<string, string> => Object.fromEntries(some.map(cell));

/** A row for each line, with a cell for each task. */
export const lineRows = (
  lines: readonly Line[],
  cell: (line: Line, task: Task) => [heading: string, text: string],
  some?: readonly Task[],
): Record<string, string>[] =>
  lines.map((line) => ({ model: lineName(line), ...taskCells((task) => cell(line, task), some) }));
