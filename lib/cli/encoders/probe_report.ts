/**
 * What `deno task probe` shows of its scores: tables in Markdown, and the scores by layer as drawings.
 * @module
 */
import { writeFile } from "../../base/files.ts";
import { differenceTable, selectivityTable } from "../../findings/difference_tables.ts";
import { figure2, scoreTable } from "../../findings/score_tables.ts";
import { intervalNote, tableRows } from "../../findings/table_rows.ts";
import { tableText } from "../../notebook/table.ts";
import { layerPlot } from "../../plots/figures.ts";
import { render } from "../../plots/render.ts";
import {
  handFeatureLine,
  isOf,
  type Line,
  lineOf,
  linesIn,
  majorityLine,
  type ProbeRow,
  protocols,
  tokenCountLine,
} from "../../probing/rows.ts";
import type { Recipe } from "../../recipe/recipe.ts";

/** The line of a model's layers, or of the one layer that it has. */
export const modelLine = (rows: readonly Line[], model: string): Line => {
  const line = lineOf(model);
  return rows.some((row) => isOf(row, line)) ? line : lineOf(model, { layers: "none" });
};

/**
 * Writes `tables.md` and a drawing for each protocol into a folder: the models' scores at their last and best layers,
 * differences from the baselines, and selectivity.
 *
 * @param notes what is said of the bars
 * @returns the table of best layers, as plain text
 */
export async function writeProbeTables(
  out: string,
  all: readonly ProbeRow[],
  models: readonly string[],
  notes: readonly string[],
  { probing }: Recipe,
): Promise<string> {
  const pooling = all.find((row) => row.pooling !== "none")?.pooling ?? "none", rows = tableRows(all, pooling);
  const lines = models.map((model) => modelLine(rows, model));
  const controls = lines.flatMap((line) => (["permuted", "control"] as const).map((labels) => ({ ...line, labels })));
  const shown = linesIn(rows, [...lines, handFeatureLine, tokenCountLine, majorityLine, ...controls]);
  const { songs } = rows.find(({ task, split }) => task === "T" && split === "test")!;
  const of = `${songs} test songs; ${intervalNote(rows, lines)}`;
  const drawn = `mean ± population std over ${probing.draws} drawings of bars`;
  const table = (caption: string, tableRows: readonly Record<string, string>[]) =>
    `${caption}\n\n${tableText(tableRows).markdown.trimEnd()}`;
  const best = scoreTable(rows, shown, "sound", "best", { paper: false });
  const figures = await Array.fromAsync(protocols.toReversed(), async (protocol) => {
    const title = `Scores on test songs by layer, ${protocol === "sound" ? "sound" : "authors'"} protocol`;
    await writeFile(
      `${out}/layers-${protocol}.svg`,
      (await render(layerPlot(figure2(rows, shown, protocol), { title }))).svg,
    );
    return `![${title}](layers-${protocol}.svg)`;
  });
  const parts = [
    `# ${models.join(", ")}`,
    ...notes.length > 0 ? [notes.map((note) => `- ${note}`).join("\n")] : [],
    table(`Best layer (in round brackets; chosen on validation songs), sound protocol, ${of}.`, best),
    table(`Last layer, sound protocol, ${of}.`, scoreTable(rows, shown, "sound", "last", { paper: false })),
    table(`Last layer, authors' protocol, ${drawn}.`, scoreTable(rows, shown, "authors", "last", { paper: false })),
    ...[handFeatureLine, tokenCountLine].map((against) =>
      table(
        `Best layer minus the ${against.model}; ${intervalNote(rows, lines)}.`,
        differenceTable(rows, lines, () => against),
      )
    ),
    table(
      "Selectivity: best layer minus the control task at the same layer; 95% intervals over songs.",
      selectivityTable(rows, lines),
    ),
    ...figures,
  ];
  await writeFile(`${out}/tables.md`, `${parts.join("\n\n")}\n`);
  return tableText(best).plain;
}
