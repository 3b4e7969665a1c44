/**
 * The publishable part of runs: recipes, logs, curves, scores, figures; no weights and no songs.
 * @module
 */
import { openCorpus } from "../corpus/store_reader.ts";
import { render } from "../plots/render.ts";
import { exists, readTextIfThere, writeFile } from "../base/files.ts";
import { modelNames } from "../bert/variants.ts";
import { type CurvePoint, layerPlot, learningCurves } from "../plots/figures.ts";
import { handFeatureLine, lineOf, majorityLine, protocols, tokenCountLine, untrainedLine } from "../probing/rows.ts";
import { UserError } from "../base/user_error.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Evaluation } from "../training/evaluation.ts";
import { readJson, type StepRecord } from "./step_records.ts";
import { presetChanges, readRecipe } from "./study.ts";
import { commonGuess, curvesOf, mostCommonGuess } from "./training_steps.ts";
import { parseResults, toCsv } from "../probing/results.ts";
import { projectRoot } from "../base/project.ts";
import { tableText } from "../notebook/table.ts";
import { figure2 } from "../findings/score_tables.ts";
import { tableRows } from "../findings/table_rows.ts";
import { type StepLog, trainingLog } from "../training/step_log.ts";

type Run = { name: string; folder: string; recipe: Recipe };

/** A training; `series` is the model and a further seed, with the run's name if several runs have the same training. */
type Training = { run: Run; series: string; logs: StepLog[]; scores: Evaluation | undefined };

/** The columns of a published log. */
const logColumns = [
  ...["step", "epoch", "tokens", "loss", "masked", "contrast", "accuracy", "contrastAccuracy", "gradientNorm"],
  ...["learningRate", "seconds", "validationLoss", "validationAccuracy"],
];

/** A log as CSV: every so many steps, those with a validation, and the last; numbers with six digits. */
export function logTable(logs: readonly StepLog[], every: number): string {
  const kept = logs.filter(({ step, validation }, i) => step % every === 0 || validation || i === logs.length - 1);
  const rounded = (value: unknown) => typeof value === "number" ? Number(value.toPrecision(6)) : value;
  const rows = kept.map(({ validation, ...log }) => {
    const all = { ...log, validationLoss: validation?.loss, validationAccuracy: validation?.accuracy };
    return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, rounded(value)]));
  });
  return toCsv(rows, logColumns);
}

/** Validation curves of trainings over the steps, or over what else `at` gives for a step. */
const curves = (trainings: readonly Training[], at: (log: StepLog) => number): CurvePoint[] =>
  trainings.flatMap(({ series, logs }) => {
    const rows = curvesOf(logs.map((log) => ({ ...log, step: at(log) })));
    return rows.filter((row) => row.series === "validation").map((row) => ({ ...row, series }));
  });

/** The trainings of every seed, by run, model and seed. */
async function trainingsOf(runs: readonly Run[]): Promise<Training[]> {
  const all: Training[] = [], byNumber = new Intl.Collator("en", { numeric: true }).compare;
  for (const run of runs) {
    const models = `${run.folder}/models`, names = exists(models) ? [...Deno.readDirSync(models)] : [];
    const folders = names.map(({ name }) => name).sort(byNumber);
    for (const name of modelNames.flatMap((model) => folders.filter((name) => name.split("-seed-")[0] === model))) {
      const logs = await trainingLog(`${models}/${name}`);
      const record = readJson(`${run.folder}/steps/evaluate-${name}.json`) as StepRecord<Evaluation> | undefined;
      if (logs.length > 0) all.push({ run, series: name.replace("-seed-", " seed "), logs, scores: record?.info });
    }
  }
  const isTwice = (series: string) => all.filter((other) => other.series === series).length > 1;
  return all.map((one) => isTwice(one.series) ? { ...one, series: `${one.series}, ${one.run.name}` } : one);
}

/** Writes a figure as SVG, which takes a tenth of PNG's room in a history of versions. */
const writeFigure = async (path: string, plot: Parameters<typeof render>[0]) =>
  await writeFile(`${path}.svg`, (await render(plot)).svg);

/** Writes the layer-wise figures of a run that was probed, one for each protocol; returns Markdown that shows them. */
async function writeLayers(folder: string, out: string): Promise<string[]> {
  const text = await readTextIfThere(`${folder}/results.jsonl`);
  if (text === undefined) return [];
  const rows = parseResults(text);
  const pooling = rows.find((row) => row.pooling !== "none")!.pooling, shown = tableRows(rows, pooling);
  const baselines = [untrainedLine, handFeatureLine, tokenCountLine, majorityLine];
  const models = [...modelNames.map((model) => lineOf(model)), ...baselines];
  return await Array.fromAsync(protocols.toReversed(), async (protocol) => {
    const title = `What each layer knows: ${protocol === "sound" ? "sound protocol, test songs" : "authors' protocol"}`;
    await writeFigure(`${out}/layers-${protocol}`, layerPlot(figure2(shown, models, protocol), { title }));
    return `![What each layer knows](layers-${protocol}.svg)`;
  });
}

/** A training's row of the digest's table. */
function summary({ run, series, logs, scores }: Training) {
  const last = logs.at(-1)!, validated = logs.filter(({ validation }) => validation);
  const best = Math.max(...validated.map(({ validation }) => validation!.accuracy));
  return {
    run: run.name,
    model: series,
    steps: `${last.step} of ${run.recipe.training.steps}`,
    "million tokens": last.tokens / 1e6,
    minutes: last.seconds / 60,
    "MLM accuracy, train": scores?.mlm.train.accuracy ?? null,
    validation: scores?.mlm.validation.accuracy ?? (validated.length > 0 ? best : null),
    "NT-Xent accuracy, validation": scores?.contrast?.validation.accuracy ?? null,
    chance: scores?.contrast?.validation.chance ?? null,
  };
}

/**
 * Writes a digest of runs into the folder `out`: `README.md`, recipes, logs of some steps, validation curves, scores
 * and the first run's layer-wise figures; throws a {@link UserError} if a run is missing or trained nothing.
 */
export async function writeDigest(
  { runs: names, out, every }: { runs: string[]; out: string; every: number },
  folder: (run: string) => string = (run) => `${projectRoot}/data/runs/${run}`,
): Promise<void> {
  const runs = names.map((name): Run => {
    const path = `${folder(name)}/recipe.json`;
    if (!exists(path)) throw new UserError(`Digest: expected a run at ${folder(name)}, found none.`);
    return { name, folder: folder(name), recipe: readRecipe(path) };
  });
  const trainings = await trainingsOf(runs);
  if (trainings.length === 0) {
    throw new UserError(`Digest: expected trained models in ${names.join(", ")}, found none.`);
  }
  for (const { series, logs } of trainings) {
    await writeFile(`${out}/log-${series.replace(/[^\w.-]+/g, "-")}.csv`, logTable(logs, every));
  }
  const corpus = await openCorpus(`${runs[0].folder}/corpus`), { songs, kept, tokens } = corpus.summary;
  const guess = mostCommonGuess(trainings[0].run, corpus).accuracy;
  corpus.close();
  const options = {
    title: "Masked tokens of validation songs",
    baselines: [{ measure: "MLM accuracy", value: guess, series: commonGuess }],
    order: trainings.map(({ series }) => series),
  };
  await writeFigure(`${out}/curves`, learningCurves(curves(trainings, ({ step }) => step), options));
  const minutes = curves(trainings, ({ seconds }) => seconds / 60);
  await writeFigure(`${out}/curves-minutes`, learningCurves(minutes, { ...options, x: "minutes" }));
  const scored = trainings.filter(({ scores }) => scores).map(({ series, scores }) => [series, scores]);
  if (scored.length > 0) {
    const withoutSongs = (key: string, value: unknown) => key === "songs" && Array.isArray(value) ? undefined : value;
    await writeFile(`${out}/scores.json`, JSON.stringify(Object.fromEntries(scored), withoutSongs, 1));
  }
  const recipes = await Array.fromAsync(runs, async ({ name, recipe }) => {
    await writeFile(`${out}/recipe-${name}.json`, JSON.stringify(recipe, null, 2) + "\n");
    const changes = presetChanges(recipe), changed = changes.length > 0 ? `, changed: ${changes.join(", ")}` : "";
    return `- [\`${name}\`](recipe-${name}.json): preset \`${recipe.preset}\`, scale \`${recipe.scale}\`${changed}`;
  });
  const layers = await writeLayers(runs[0].folder, out);
  await writeFile(
    `${out}/README.md`,
    [
      `# ${names.join(", ")}`,
      `Made by \`deno task digest ${
        names.join(" ")
      }\`: what of these runs may be published, without weights and songs. ` +
      `${songs} songs, ${kept} bars, ${(tokens / 1e6).toFixed(1)} million tokens.`,
      recipes.join("\n"),
      tableText(trainings.map(summary), { decimals: 3 }).markdown.trimEnd(),
      `The guess of the ${commonGuess} gets ${guess.toFixed(3)} of the same validation tokens right.`,
      "![Validation curves over steps](curves.svg)",
      "![The same over minutes](curves-minutes.svg)",
      ...layers,
      "`log-*.csv` holds the trainings' logs" + (every > 1 ? `, every ${every} steps` : "") +
      "; losses in nats, `seconds` since the training began.",
    ].join("\n\n") + "\n",
  );
}
