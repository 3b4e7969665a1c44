/**
 * How long a training still takes, by the steps that it has done.
 * @module
 */
import type { Recipe } from "../../recipe/recipe.ts";
import type { StepLog } from "../step_log.ts";

/** Steps by whose mean the others are judged: a machine's load changes. */
const RECENT = 200;

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/**
 * The seconds that the steps after the last logged one take; `Infinity` before any that tells.
 *
 * Steps that compiled their shape tell nothing of the others and are left out, as are those with a validation, whose
 * extra time counts once for each that is to come (its first in a process compiles, too, and counts only if it is the
 * one). A wait in the middle of a step, such as a machine asleep, counts as four of its neighbors at most.
 */
export function trainingSecondsLeft(
  logs: readonly StepLog[],
  { steps, validateEvery }: Pick<Recipe["training"], "steps" | "validateEvery">,
): number {
  const took = (i: number) => logs[i].seconds - (logs[i - 1]?.seconds ?? 0);
  const plain: number[] = [], validated: number[] = [];
  for (let i = logs.length - 1; i >= 0 && plain.length < RECENT; i--) {
    if (logs[i].validation) validated.push(took(i));
    else if (!logs[i].compiled) plain.push(took(i));
  }
  if (plain.length === 0) return Infinity;
  const median = plain.toSorted((a, b) => a - b)[plain.length >> 1];
  const step = mean(plain.map((seconds) => Math.min(seconds, 4 * median)));
  const last = logs.at(-1)!.step, extra = validated.slice(0, Math.max(1, validated.length - 1));
  const visits = Math.ceil(steps / validateEvery) - Math.floor(last / validateEvery);
  const visit = extra.length === 0 ? 0 : Math.max(0, mean(extra) - step);
  return (steps - last) * step + (last < steps ? visits * visit : 0);
}
