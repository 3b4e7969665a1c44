/**
 * What models gain over a baseline: their best layers against it, task by task, judged together.
 * @module
 */
import { type KnownSpread, pooledSpread } from "../metrics/seed_intervals.ts";
import { type Task, tasks } from "../metrics/tasks.ts";
import type { Line } from "../probing/rows.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { bestTestRow } from "./best_layer.ts";
import { type Difference, judge, type Judged, pairedDifference } from "./significance.ts";
import type { TableRow } from "./table_rows.ts";

/** How a claim takes the luck of training, as the recipe says. */
export type SeedSpreadChoice = Recipe["probing"]["seedSpread"];

/**
 * What is known of the luck of training where one of `lines` is compared with a baseline: the variance among seeds of all
 * their best layers at a task, if they have the same seeds and the recipe asks for it (STUDY §17.3); nothing of a model
 * that is compared with another one's or its own layers.
 */
export function knownSpread(
  rows: readonly TableRow[],
  lines: readonly Line[],
  other: Line,
  task: Task,
  seedSpread: SeedSpreadChoice,
): KnownSpread {
  if (seedSpread === "own" || other.input === "trained") return {};
  const scores = lines.flatMap((line) => {
    const row = bestTestRow(rows, line, task, "sound");
    return row ? [new Map(Array.from(row.bySeed, ([seed, { value }]) => [seed, value]))] : [];
  });
  const seeds = [...scores[0]?.keys() ?? []];
  if (scores.some((own) => own.size !== seeds.length || seeds.some((seed) => !own.has(seed)))) return {};
  const pooled = pooledSpread(scores.map((own) => seeds.map((seed) => own.get(seed)!)));
  return pooled ? { first: pooled.alone } : {};
}

/** A model's best layer less a baseline at a task. */
export type Gain = Difference & { model: string; task: Task };

/**
 * The best layers of models less a baseline's, or less what has no layers, at every task that both have; above 0 where the
 * model is better. Holm's correction runs over all of them. Sound protocol.
 */
export function gainsAgainst(
  rows: readonly TableRow[],
  lines: readonly Line[],
  other: Line,
  { level, seedSpread }: Pick<Recipe["probing"], "level" | "seedSpread">,
): Judged<Gain>[] {
  const compared = lines.flatMap((line) =>
    tasks.flatMap((task): Gain[] => {
      const [own, base] = [line, other].map((one) => bestTestRow(rows, one, task, "sound"));
      if (!own || !base) return [];
      const known = knownSpread(rows, lines, other, task, seedSpread);
      return [{ task, model: line.model, ...pairedDifference(own, base, known) }];
    })
  );
  return judge(compared.filter(({ difference }) => Number.isFinite(difference)), level);
}
