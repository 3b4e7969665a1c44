/**
 * The layer × task map of a model, and which of its layers beat the untrained encoder's. Sound protocol, test songs.
 * @module
 */
import type { HeatCell } from "../plots/charts.ts";
import { tasks } from "../metrics/tasks.ts";
import type { Line, ProbeRow } from "../probing/rows.ts";
import { better, layerCurve } from "./best_layer.ts";
import type { TableRow } from "./table_rows.ts";
import { judge, pairedDifference } from "./significance.ts";
import { lineName, taskNames } from "./wording.ts";

const cellOf = (line: Line, { task, layer }: ProbeRow): string => `${lineName(line)}/${layer}/${task}`;

/**
 * Each layer's score as its share of the way from the guess without features (0) to a perfect score (1), so that tasks
 * can be compared. Layer 0 and undefined scores are left out.
 *
 * @param guess the line that sees no features
 * @param stars cells to mark with a star, as {@link gainsOver} gives them
 */
export function skillMap(rows: readonly TableRow[], line: Line, guess: Line, stars: ReadonlySet<string>): HeatCell[] {
  return tasks.flatMap((task) => {
    const none = layerCurve(rows, guess, task, "sound")[0]?.value ?? NaN, perfect = better(task, "sound") < 0 ? 0 : 1;
    return layerCurve(rows, line, task, "sound").flatMap((row) => {
      const skill = (row.value - none) / (perfect - none);
      if (!row.layer || !Number.isFinite(skill)) return [];
      const mark = stars.has(cellOf(line, row)) ? "*" : "";
      return [{ x: row.layer, y: taskNames[task], value: skill, mark, panel: lineName(line) }];
    });
  });
}

/**
 * The cells `line/layer/task` where a line beats the untrained encoder's same layer: paired over the same resampled test
 * songs, two-sided, after Holm's correction over all `comparisons`; `level` is the chance of any false star.
 */
export function gainsOver(
  rows: readonly TableRow[],
  lines: readonly Line[],
  untrained: Line,
  level: number,
): { stars: Set<string>; comparisons: number } {
  const compared = lines.flatMap((line) =>
    tasks.flatMap((task) => {
      const bases = layerCurve(rows, untrained, task, "sound");
      return layerCurve(rows, line, task, "sound").flatMap((row) => {
        const base = bases.find(({ layer }) => layer === row.layer);
        return base && row.layer ? [{ cell: cellOf(line, row), ...pairedDifference(row, base) }] : [];
      });
    })
  );
  const held = judge(compared, level).filter(({ verdict }) => verdict === "held");
  return { stars: new Set(held.map(({ cell }) => cell)), comparisons: compared.length };
}

/** What the stars of the maps mean, or that there are none, as Markdown; `chance` is what p counts, as `chanceNote` says. */
export function starNote({ stars, comparisons }: ReturnType<typeof gainsOver>, level: number, chance: string): string {
  const better = stars.size > 0 ? "\\* better" : "No layer is surely better";
  return `${better} than the same layer of the untrained encoder: two-sided p < ${level} after Holm's correction over ` +
    `models × layers × tasks (${comparisons} comparisons); p counts ${chance}.`;
}
