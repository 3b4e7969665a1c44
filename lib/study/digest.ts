/**
 * What of a run may be published: recipes, logs, curves, scores, figures; no weights and no songs.
 * @module
 */
import { openCorpus } from "../corpus/store_reader.ts";
import { render } from "../plots/render.ts";
import { barsToEvaluate, guessMostCommon } from "../training/masked_evaluation.ts";
import { readTextIfThere, writeFile } from "../base/files.ts";
import { modelNames } from "../bert/variants.ts";
import { type CurvePoint, layerPlot, learningCurves } from "../plots/figures.ts";
import { lineOf, majorityLine, tokenCountLine, untrainedLine } from "../probing/rows.ts";
import { type Recipe, recipe as presetRecipe, recipeDifferences } from "../recipe/recipe.ts";
import { parseResults, toCsv } from "../probing/results.ts";
import { exists } from "../base/python.ts";
import { projectRoot } from "../base/project.ts";
import { tableText } from "../notebook/table.ts";
import { figure2 } from "../findings/score_tables.ts";
import { tableRows } from "../findings/table_rows.ts";
import type { Spec } from "../plots/theme.ts";
import { type StepLog, trainingLog } from "../training/step_log.ts";

/** Choices of {@link writeDigest}. */
export interface DigestOptions {
  /** Names of runs. */
  runs: string[];
  /** The folder to write. */
  out: string;
  /** Steps between the lines of the log that are kept. */
  every: number;
}

/** A training's log, and whose it is. */
interface Training {
  run: string;
  /** The model, with the run's name where several runs trained the same. */
  series: string;
  model: string;
  logs: StepLog[];
  recipe: Recipe;
}

/** The columns of a published log. */
const logColumns = [
  "step",
  "epoch",
  "tokens",
  "loss",
  "masked",
  "contrast",
  "accuracy",
  "contrastAccuracy",
  "gradientNorm",
  "learningRate",
  "seconds",
  "validationLoss",
  "validationAccuracy",
] as const;

const round = (value: number): number => Number(value.toPrecision(6));

/** A log as a table: every so many steps, those with a validation, and the last. */
export function logTable(logs: readonly StepLog[], every: number): string {
  const kept = logs.filter(({ step, validation }, i) => step % every === 0 || validation || i === logs.length - 1);
  const rows = kept.map(({ validation, ...log }) => ({
    ...log,
    ...{ validationLoss: validation?.loss, validationAccuracy: validation?.accuracy },
  }));
  const values = rows.map((row) =>
    Object.fromEntries(logColumns.map((name) => {
      const value = row[name];
      return [name, value === undefined ? null : round(value)];
    }))
  );
  return toCsv(values, logColumns);
}

/** Validation curves of trainings over what `at` says of a step. */
function curves(trainings: readonly Training[], at: (log: StepLog) => number): CurvePoint[] {
  return trainings.flatMap(({ series, logs }) =>
    logs.flatMap((log) => {
      if (!log.validation) return [];
      const { loss, accuracy } = log.validation, step = at(log);
      return [
        { step, value: loss, measure: "MLM loss, nats", series },
        { step, value: accuracy, measure: "MLM accuracy", series },
      ];
    })
  );
}

const json = async <T>(path: string): Promise<T | undefined> => {
  const text = await readTextIfThere(path);
  return text === undefined ? undefined : JSON.parse(text);
};

/** A step's record where a run has it: scores of a model, as `train` leaves them. */
interface Scores {
  mlm: Record<"train" | "validation", { loss: number; accuracy: number; kinds: object[] }>;
  contrast: Record<string, { accuracy: number; chance: number } | null> | null;
}

const BASELINE = "most common of its kind";

async function trainingsOf(runs: readonly string[], folder: (run: string) => string): Promise<Training[]> {
  const found: Omit<Training, "series">[] = [];
  for (const run of runs) {
    const recipe = (await json<Recipe>(`${folder(run)}/recipe.json`))!;
    for (const model of modelNames) {
      const logs = await trainingLog(`${folder(run)}/models/${model}`);
      if (logs.length > 0) found.push({ run, model, logs, recipe });
    }
  }
  const twice = (model: string) => found.filter((other) => other.model === model).length > 1;
  return found.map((one) => ({ ...one, series: twice(one.model) ? `${one.model}, ${one.run}` : one.model }));
}

/** A figure as SVG, whose history takes a tenth of PNG's room. */
async function writeFigure(path: string, plot: Spec): Promise<void> {
  await writeFile(`${path}.svg`, (await render(plot)).svg);
}

/** The layer-wise figure of a run that was probed, in both readings, from its results table. */
async function writeLayers(folder: string, out: string): Promise<string[]> {
  const text = await readTextIfThere(`${folder}/results.jsonl`);
  if (text === undefined) return [];
  const rows = parseResults(text);
  const pooling = rows.find((row) => row.pooling !== "none")!.pooling, shown = tableRows(rows, pooling);
  const models = [...modelNames.map((model) => lineOf(model)), untrainedLine, tokenCountLine, majorityLine];
  const readings = { sound: "sound reading, test songs", authors: "as the authors computed it" } as const;
  for (const [reading, title] of Object.entries(readings)) {
    const points = figure2(shown, models, reading as keyof typeof readings);
    await writeFigure(`${out}/layers-${reading}`, layerPlot(points, { title: `What each layer knows: ${title}` }));
  }
  return Object.keys(readings).map((reading) => `![What each layer knows](layers-${reading}.svg)`);
}

/** A training in a line of the digest's table. */
function summary({ run, series, logs, recipe }: Training, scores: Scores | undefined) {
  const last = logs.at(-1)!, validated = logs.filter(({ validation }) => validation);
  const best = Math.max(...validated.map(({ validation }) => validation!.accuracy));
  return {
    run,
    model: series,
    steps: `${last.step} of ${recipe.training.steps}`,
    "million tokens": last.tokens / 1e6,
    minutes: last.seconds / 60,
    "MLM accuracy, train": scores?.mlm.train.accuracy ?? null,
    validation: scores?.mlm.validation.accuracy ?? (validated.length > 0 ? best : null),
    "NT-Xent accuracy, validation": scores?.contrast?.validation?.accuracy ?? null,
    chance: scores?.contrast?.validation?.chance ?? null,
  };
}

/**
 * Writes the digest of runs into a folder: `README.md`, a recipe a run, a log a training, validation curves over steps
 * and over minutes, the scores of what was evaluated, and the layer-wise figures of what was probed.
 *
 * @param folder where a run lies
 * @throws {Error} if a run is not there or trained nothing.
 */
export async function writeDigest(
  { runs, out, every }: DigestOptions,
  folder: (run: string) => string = (run) => `${projectRoot}/data/runs/${run}`,
): Promise<void> {
  for (const run of runs) {
    if (!exists(`${folder(run)}/recipe.json`)) throw new Error(`Digest: expected a run at ${folder(run)}, found none.`);
  }
  const trainings = await trainingsOf(runs, folder);
  if (trainings.length === 0) throw new Error(`Digest: expected trained models in ${runs.join(", ")}, found none.`);
  const lines: ReturnType<typeof summary>[] = [], scores: Record<string, Scores> = {};
  for (const training of trainings) {
    const record = await json<{ info: Scores }>(`${folder(training.run)}/steps/evaluate-${training.model}.json`);
    lines.push(summary(training, record?.info));
    if (record) scores[training.series] = record.info;
    await writeFile(`${out}/log-${training.series.replace(/[^\w.-]+/g, "-")}.csv`, logTable(training.logs, every));
  }
  const corpus = await openCorpus(`${folder(runs[0])}/corpus`), { recipe } = trainings[0];
  const { songs, kept, tokens } = corpus.summary;
  const guess = guessMostCommon(corpus, barsToEvaluate(corpus, "validation", recipe), recipe).accuracy;
  corpus.close();
  const baselines = [{ measure: "MLM accuracy", value: guess, series: BASELINE }];
  const order: string[] = trainings.map(({ series }) => series);
  const title = "Masked tokens of validation songs";
  await writeFigure(
    `${out}/curves`,
    learningCurves(curves(trainings, ({ step }) => step), { title, baselines, order }),
  );
  const minutes = curves(trainings, ({ seconds }) => seconds / 60);
  await writeFigure(`${out}/curves-minutes`, learningCurves(minutes, { title, x: "minutes", baselines, order }));
  if (Object.keys(scores).length > 0) {
    await writeFile(`${out}/scores.json`, JSON.stringify(withoutSongs(scores), null, 1));
  }
  const recipes: string[] = [];
  for (const run of runs) {
    const recipe = (await json<Recipe>(`${folder(run)}/recipe.json`))!;
    const changes = recipeDifferences(presetRecipe(recipe.preset, recipe.scale), recipe)
      .map((line) => line.replace(/: .* there, (.*) asked for$/, " = $1"));
    recipes.push(
      `- [\`${run}\`](recipe-${run}.json): preset \`${recipe.preset}\`, scale \`${recipe.scale}\`` +
        (changes.length > 0 ? `, changed: ${changes.join(", ")}` : ""),
    );
    await writeFile(`${out}/recipe-${run}.json`, JSON.stringify(recipe, null, 2) + "\n");
  }
  const layers = await writeLayers(folder(runs[0]), out);
  await writeFile(
    `${out}/README.md`,
    [
      `# ${runs.join(", ")}`,
      `Made by \`deno task digest ${
        runs.join(" ")
      }\`: what of these runs may be published, without weights and songs. ` +
      `${songs} songs, ${kept} bars, ${(tokens / 1e6).toFixed(1)} million tokens.`,
      recipes.join("\n"),
      tableText(lines, { decimals: 3 }).markdown.trimEnd(),
      `The guess of the ${BASELINE} gets ${guess.toFixed(3)} of the same validation tokens right.`,
      "![Validation curves over steps](curves.svg)",
      "![The same over minutes](curves-minutes.svg)",
      ...layers,
      "`log-*.csv` holds the trainings' logs" + (every > 1 ? `, every ${every} steps` : "") +
      "; losses in nats, `seconds` since the training began.",
    ].join("\n\n") + "\n",
  );
}

/** Scores without what is kept by song. */
const withoutSongs = (scores: Record<string, Scores>): unknown =>
  JSON.parse(JSON.stringify(scores, (key, value) => key === "songs" && Array.isArray(value) ? undefined : value));
