/**
 * `deno task probe --concepts`: which concepts of known truth models hold, as rows, a table and maps.
 * @module
 */
import { writeFile } from "../../base/files.ts";
import { UserError } from "../../base/user_error.ts";
import {
  bestConceptRows,
  conceptMap,
  conceptNote,
  conceptTable,
  confusions,
} from "../../findings/concepts/concept_map.ts";
import { tableText } from "../../notebook/table.ts";
import { heatMap } from "../../plots/charts.ts";
import { render } from "../../plots/render.ts";
import { composeConcepts } from "../../probing/concepts/compose.ts";
import { type ConceptRow, probeConcepts } from "../../probing/concepts/probe_concepts.ts";
import type { EmbeddingFile } from "../../probing/embeddings/align.ts";
import { toCsv } from "../../probing/results.ts";
import { handFeatureLine, type Line, lineOf, tokenCountLine } from "../../probing/rows.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { conceptBaselines, conceptLayers, givenConceptLayers } from "../../study/concepts.ts";
import { meter } from "../meter.ts";
import type { OpenedEncoder } from "./opened.ts";

/** What is probed for concepts: an encoder by its name and pooling, files of embeddings, or both. */
export type ConceptInputs = OpenedEncoder & {
  name: string;
  pooling: Recipe["probing"]["poolings"][number];
  files: readonly EmbeddingFile[];
  recipe: Recipe;
};

/** Writes rows, a table and maps into a folder; returns the table as plain text. */
async function writeConcepts(
  out: string,
  rows: readonly ConceptRow[],
  lines: readonly Line[],
  notes: readonly string[],
): Promise<string> {
  const models = lines.filter(({ input }) => input === "trained");
  const plain = rows.map(({ confusion: _, classes, ...row }) => ({ ...row, classes: classes.length }));
  await writeFile(`${out}/concepts.jsonl`, rows.map((row) => JSON.stringify(row) + "\n").join(""));
  await writeFile(`${out}/concepts.csv`, toCsv(plain, Object.keys(plain[0])));
  const title = "Concepts by layer: 0 is chance, 1 a perfect reading of unseen combinations";
  const map = heatMap(conceptMap(rows, lines), { title, x: "layer", domain: [0, 1], columns: 2, apart: true });
  await writeFile(`${out}/concepts.svg`, (await render(map)).svg);
  const pictures = await Array.fromAsync(models, async (line, i) => {
    const cells = confusions(bestConceptRows(rows, line)),
      title = `What ${line.model} takes for what, at its best layers`;
    const options = { title, numbers: false, domain: [0, 1] as [number, number], apart: true, width: 210, height: 210 };
    await writeFile(`${out}/confusions-${i + 1}.svg`, (await render(heatMap(cells, { ...options, columns: 4 }))).svg);
    return `![${title}](confusions-${i + 1}.svg)`;
  });
  const table = conceptTable(rows, lines),
    parts = [
      `# Concepts: ${models.map(({ model }) => model).join(", ")}`,
      ...notes.length > 0 ? [notes.map((note) => `- ${note}`).join("\n")] : [],
      `Share of bars read right at the best layer, in round brackets, chosen on other combinations. ${conceptNote}`,
      tableText(table).markdown.trimEnd(),
      `![${title}](concepts.svg)`,
      ...pictures,
    ];
  await writeFile(`${out}/concepts.md`, `${parts.join("\n\n")}\n`);
  return tableText(table).plain;
}

/**
 * Composes the bars, embeds them by the encoder, reads the files, and probes all layers and the two baselines.
 *
 * @returns the table, and where the rest is
 * @throws {UserError} if the recipe has no bars of concepts
 */
export async function probeConceptsTo(out: string, inputs: ConceptInputs): Promise<string> {
  const { model, name, pooling, recipe, files, folder, signal } = inputs;
  if (recipe.probing.conceptBars === 0) {
    throw new UserError(
      `Concepts: expected bars to compose, found none asked for; set RECIPE='{"probing":{"conceptBars":480}}'.`,
    );
  }
  const composed = composeConcepts(recipe), { memory } = recipe.probing;
  const { layers, notes } = files.length === 0
    ? { layers: [], notes: [] }
    : await givenConceptLayers(files, composed, recipe, { folder, memory, signal, onProgress: meter("vectors") });
  if (model) {
    const choices = { ...recipe, probing: { ...recipe.probing, poolings: [pooling] } };
    const options = { folder, signal, onProgress: meter("bars") };
    layers.unshift(...await conceptLayers(model, lineOf(name), composed, choices, options));
  }
  const all = [...layers, ...conceptBaselines(composed, recipe)];
  const rows = await probeConcepts(all, composed, recipe, { signal, onDone: meter("layers") });
  const ofModels = layers.map(({ meta: { model, layers } }) => lineOf(model, { layers }));
  const lines = [...new Map(ofModels.map((line) => [line.model, line])).values(), handFeatureLine, tokenCountLine];
  for (const note of notes) console.log(note);
  const table = await writeConcepts(out, rows, lines, notes);
  return `${table}\n${out}/concepts.md: ${rows.length} scores of ${all.length} layers`;
}
