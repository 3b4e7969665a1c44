/**
 * What a model uses, by layer and task, to stand beside what can be read there.
 * @module
 */
import { taskNames } from "../wording.ts";
import type { HeatCell } from "../../plots/charts.ts";
import { kindOfTask, type UseRow } from "../../probing/use/use.ts";

/** Nats that tables round to none: an interval above 0 by less tells of arithmetic. */
const least = 0.0005;

/** Whether a removal surely hurts more than a random one: the interval lies above 0, in the decimals that are shown. */
export const isUsed = ({ low }: UseRow): boolean => low !== null && low >= least;

/**
 * By how many nats the loss of masked tokens grew, beyond what a random subspace of the same rank does, with a star where
 * it surely did: a map for each model, of tokens of the task's own kind or of all others.
 */
export const useMap = (rows: readonly UseRow[], tokens: UseRow["tokens"]): HeatCell[] =>
  rows.filter((row) => row.tokens === tokens).map((row) => ({
    ...{ x: row.layer, y: taskNames[row.task], value: row.value, mark: isUsed(row) ? "*" : "" },
    panel: `${row.model}: ${tokens === "own" ? "the task's own tokens" : "other tokens"}`,
  }));

const signed = (value: number, decimals = 3): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(decimals)}`;

/** How far guesses followed a move, with a star where they surely did, and how far they were asked to. */
function movedText({ moved }: UseRow): string {
  if (!moved) return "–"; // rows of earlier versions have none
  const { value, low, high, deviation } = moved, isSure = low !== null && low > 0;
  const interval = low === null ? "" : ` [${signed(low, 2)},\u00a0${signed(high!, 2)}]`;
  return `${signed(value, 2)}${isSure ? "*" : ""}${interval} of ${(2 * deviation).toFixed(1)}`;
}

/**
 * A row for each model, task and layer: how many of a layer's dimensions were removed, how much of the probe's gain was
 * left, and what it did to masked tokens of the task's own kind and of others, in nats with 95% intervals over songs; and
 * how far guessed numbers followed where states were moved along it.
 */
export function useTable(rows: readonly UseRow[]): Record<string, string>[] {
  const text = (row?: UseRow) => {
    if (!row) return "–";
    const interval = row.low === null ? "" : ` [${signed(row.low)},\u00a0${signed(row.high!)}]`;
    return `${signed(row.value)}${isUsed(row) ? "*" : ""}${interval}`;
  };
  return rows.filter(({ tokens }) => tokens === "own").map((own) => {
    const others = rows.find((row) =>
      row.tokens === "others" && row.model === own.model && row.layer === own.layer && row.task === own.task
    );
    return {
      ...{ model: own.model, task: taskNames[own.task], layer: String(own.layer) },
      ...{ removed: `${own.rank} of ${own.columns}`, tokens: kindOfTask[own.task]!, base: own.base.toFixed(3) },
      ...{ control: signed(own.control), own: text(own), others: text(others), moved: movedText(own) },
    };
  });
}

/** How maps and table are read, in a sentence. */
export const useNote: string =
  "\\* used: without the directions by which a probe reads the task, masked tokens are guessed worse than " +
  "without as many random directions (the 95% interval over songs lies above 0 nats). Guesses that follow: along those " +
  "directions states are moved by a deviation of the bars' tempo, velocity or length, and back by as much; the guessed " +
  "numbers (quarters a minute, velocities, bins) differ by so many of so many more than along random directions.";
