/**
 * The publishable part of a study: its results, its figures and a README; no weights and no songs.
 * @module
 */
import { exists, writeFile } from "../base/files.ts";
import { projectRoot } from "../base/project.ts";
import { UserError } from "../base/user_error.ts";
import { modelNames } from "../bert/variants.ts";
import { claimTable } from "../findings/claim_table.ts";
import { figure2 } from "../findings/score_tables.ts";
import { comparedLines, tableRows } from "../findings/table_rows.ts";
import { abstractOf } from "../findings/words/abstract.ts";
import { tableText } from "../notebook/table.ts";
import { layerPlot, learningCurves } from "../plots/figures.ts";
import { render } from "../plots/render.ts";
import { linesIn, protocols } from "../probing/rows.ts";
import { curvePoints, measures } from "./results/curves.ts";
import { factsOf } from "./results/facts.ts";
import { hasResults, openResults, writeResultsFolder } from "./results/folder.ts";
import { mergeResults, type Part } from "./results/merge.ts";
import { type Results, resultsOf } from "./results/results.ts";
import { openStudy, presetChanges } from "./study.ts";
import { commonGuess } from "./training_steps.ts";

/** Writes a figure as SVG, which takes a tenth of PNG's room in a history of versions. */
const writeFigure = async (path: string, plot: Parameters<typeof render>[0]) =>
  await writeFile(`${path}.svg`, (await render(plot)).svg);

/** A training's row of the README's table. */
function summaries({ recipe, curves, evaluations }: Results) {
  return curves.map(({ model, seed, training, validation }) => {
    const scores = evaluations.find((one) => one.model === model && (one.seed ?? recipe.seed) === seed);
    const best = validation.accuracy.length > 0 ? Math.max(...validation.accuracy) : null;
    return {
      model: seed === recipe.seed ? model : `${model} seed ${seed}`,
      steps: `${training.step.at(-1)} of ${recipe.training.steps}`,
      "million tokens": training.tokens.at(-1)! / 1e6,
      minutes: training.seconds.at(-1)! / 60,
      "MLM accuracy, train": scores?.mlm.train.accuracy ?? null,
      validation: scores?.mlm.validation.accuracy ?? best,
      "NT-Xent accuracy, validation": scores?.contrast?.validation.accuracy ?? null,
      chance: scores?.contrast?.validation.chance ?? null,
    };
  });
}

/** The results of a run by its name, or of a folder of results; throws a {@link UserError} if there is neither. */
async function partOf(name: string, folder: (run: string) => string): Promise<Part> {
  if (hasResults(name)) return { name, results: await openResults(name) };
  const run = folder(name);
  if (!/\//.test(name) && exists(`${run}/recipe.json`)) {
    const study = openStudy({ name, runs: run.replace(/\/[^/]*$/, "") });
    return { name, results: await resultsOf(study) };
  }
  if (exists(name)) await openResults(name); // says what the folder is instead
  throw new UserError(`Digest: expected a run at ${run}, or a folder of results, found neither.`);
}

/** The README of results whose figures stand beside it. */
function readmeOf(results: Results, names: readonly string[], figures: readonly string[]): string {
  const { recipe, corpus, rows } = results, { songs, kept, tokens } = corpus.summary, facts = factsOf(results);
  const changes = presetChanges(recipe), changed = changes.length > 0 ? `, changed: ${changes.join(", ")}` : "";
  const judged = rows.length === 0 ? [] : [
    "## The claims",
    tableText(
      claimTable(facts.sound, facts.authors).map(({ claim, sound, authors, paper }) => (
        { claim, sound, authors, "agree in the paper's tables": paper }
      )),
    ).markdown.trimEnd(),
  ];
  return [
    `# ${names.map((name) => name.replace(/^.*\//, "")).join(", ")}`,
    "Made by `deno task digest`: what of a study may be published, without weights and songs. " +
    `${songs} songs, ${kept} bars, ${(tokens / 1e6).toFixed(1)} million tokens; preset \`${recipe.preset}\`, scale ` +
    `\`${recipe.scale}\`${changed}.`,
    ...(results.notes ? [results.notes] : []),
    ...(rows.length === 0 ? [] : [abstractOf(facts).map((sentence) => `- ${sentence}`).join("\n")]),
    ...judged,
    "## The trainings",
    tableText(summaries(results), { decimals: 3 }).markdown.trimEnd(),
    `The guess of the ${commonGuess} gets ${facts.guess.toFixed(3)} of the same validation tokens right.`,
    ...figures,
    "`deno task digest FOLDER --page FILE` makes the study's page of this folder. `study.json` has the recipe, the songs " +
    "in numbers, CKA and the jobs with their machines; `rows.jsonl` the probes' scores, `resamplings.npy` what their " +
    "intervals are made of; `evaluations.jsonl` and `curves.jsonl` a line for each training (losses in nats).",
  ].join("\n\n") + "\n";
}

/** Writes the figures of results; returns Markdown that shows them. */
async function writeFigures({ recipe, rows, curves, corpus }: Results, out: string): Promise<string[]> {
  const shown: string[] = [];
  if (curves.length > 0) {
    const level = { measure: measures.accuracy, value: corpus.guess.accuracy, series: commonGuess };
    const options = { title: "Masked tokens of validation songs", baselines: [level], order: modelNames };
    await writeFigure(`${out}/curves`, learningCurves(curvePoints(curves, "validation"), options));
    const minutes = curvePoints(curves, "validation", "seconds");
    await writeFigure(`${out}/curves-minutes`, learningCurves(minutes, { ...options, x: "minutes" }));
    shown.push("![Validation curves over steps](curves.svg)", "![The same over minutes](curves-minutes.svg)");
  }
  if (rows.length === 0) return shown;
  const table = tableRows(rows, recipe.probing.poolings[0]);
  const lines = linesIn(table, comparedLines);
  for (const protocol of protocols.toReversed()) {
    const title = `What each layer knows: ${protocol === "sound" ? "sound protocol, test songs" : "authors' protocol"}`;
    await writeFigure(`${out}/layers-${protocol}`, layerPlot(figure2(table, lines, protocol), { title }));
    shown.push(`![What each layer knows](layers-${protocol}.svg)`);
  }
  return shown;
}

/**
 * Writes a study's results into the folder `out`, with its figures and a README; `parts` are names of runs, or folders of
 * results, which are merged if there are several. Returns what was written.
 *
 * @throws {UserError} if a run or folder is missing, of an earlier version, or damaged; if parts are of different studies
 */
export async function writeDigest(
  { parts: names, out }: { parts: readonly string[]; out: string },
  folder: (run: string) => string = (run) => `${projectRoot}/data/runs/${run}`,
): Promise<Results> {
  const parts = await Array.fromAsync(names, (name) => partOf(name, folder));
  const results = parts.length === 1 ? parts[0].results : mergeResults(parts);
  if (results.curves.length === 0 && results.rows.length === 0) {
    throw new UserError(`Digest: expected trained or probed models in ${names.join(", ")}, found none.`);
  }
  await writeResultsFolder(out, results);
  const figures = await writeFigures(results, out);
  await writeFile(`${out}/README.md`, readmeOf(results, names, figures));
  return results;
}
