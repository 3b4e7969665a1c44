/**
 * Which concepts are linearly there: maps by layer, a table of best layers, and what was taken for what.
 * @module
 */
import type { HeatCell } from "../../plots/charts.ts";
import type { ConceptRow } from "../../probing/concepts/probe_concepts.ts";
import { isOf, type Line } from "../../probing/rows.ts";
import { lineName } from "../wording.ts";

/** A concept with what is new where it is scored: `mode, new key`, or `mode × dynamics` for pairs of them. */
export const conceptName = ({ concept, other, unseen }: Pick<ConceptRow, "concept" | "other" | "unseen">): string =>
  unseen === "values" ? `${concept}, new ${other}` : `${concept} × ${other}`;

/** Whether a concept is there for sure: the interval of its score lies above chance. */
export const isThere = ({ low, chance }: ConceptRow): boolean => low !== null && low > chance;

/**
 * Each layer's score as its share of the way from chance (0) to a perfect score (1), with a star where the concept is
 * there; a map for each line, and one for all lines of one layer. Layer 0 is left out. Below 0 a probe is worse than
 * chance.
 */
export const conceptMap = (rows: readonly ConceptRow[], lines: readonly Line[]): HeatCell[] =>
  lines.flatMap((line) =>
    rows.filter((row) => isOf({ ...row, labels: "true" }, line) && row.layer !== 0).map((row) => ({
      ...(row.layer === null ? { x: lineName(line), panel: "one layer" } : { x: row.layer, panel: lineName(line) }),
      y: conceptName(row),
      value: (row.value - row.chance) / (1 - row.chance),
      mark: isThere(row) ? "*" : "",
    }))
  );

/** The row of a line's best layer for each concept, chosen on validation bars, the lowest of equals; not layer 0. */
export function bestConceptRows(rows: readonly ConceptRow[], line: Line): ConceptRow[] {
  const own = rows.filter((row) => isOf({ ...row, labels: "true" }, line) && row.layer !== 0);
  return [...Map.groupBy(own, conceptName).values()].map((same) =>
    same.reduce((best, row) => row.validation > best.validation ? row : best)
  );
}

/** Scores of each line's best layer, in round brackets, with 95% intervals; a star where the concept is there. */
export function conceptTable(rows: readonly ConceptRow[], lines: readonly Line[]): Record<string, string>[] {
  const best = lines.map((line) => [lineName(line), bestConceptRows(rows, line)] as const);
  return [...Map.groupBy(rows, conceptName)].map(([concept, [{ chance }]]) => ({
    concept,
    chance: chance.toFixed(2),
    ...Object.fromEntries(best.map(([name, own]) => {
      const row = own.find((row) => conceptName(row) === concept);
      if (!row) return [name, "–"];
      const layer = row.layer === null ? "" : ` (${row.layer})`;
      const interval = row.low === null ? "" : ` [${row.low.toFixed(2)},\u00a0${row.high!.toFixed(2)}]`;
      return [name, `${row.value.toFixed(2)}${isThere(row) ? "*" : ""}${layer}${interval}`];
    })),
  }));
}

/** What was taken for what: each class's bars as shares of the classes that they were taken for, a map for each row. */
export const confusions = (rows: readonly ConceptRow[]): HeatCell[] =>
  rows.flatMap((row) =>
    row.confusion.flatMap((counts, truth) => {
      const all = counts.reduce((sum, count) => sum + count, 0);
      return counts.map((count, found) => ({
        ...{
          x: row.classes[found],
          y: row.classes[truth],
          panel: conceptName(row),
          value: all === 0 ? 0 : count / all,
        },
      }));
    })
  );

/** How the maps and the table are read, in a sentence. */
export const conceptNote: string =
  "\\* there: the 95% interval over scenes lies above chance. `mode, new key`: keys that no " +
  "probe was fitted on; `mode × dynamics`: pairs that none was fitted on, though each by itself. The bars of a scene are " +
  "the same but for these two.";
