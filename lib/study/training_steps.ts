/**
 * The study's steps up to trained models, as the notebooks call them: each shows its progress, leaves its result in the
 * run's folder, and is skipped if that is up to date.
 * @module
 */
import { bertConfig } from "../bert/config.ts";
import { type Model, parameterCount } from "../bert/parameters.ts";
import { loadCheckpoint } from "../bert/checkpoint.ts";
import { buildCorpus } from "../corpus/build.ts";
import type { Corpus } from "../corpus/store.ts";
import { openCorpus } from "../corpus/store_reader.ts";
import { engineText } from "../engine/mod.ts";
import { evaluate, type Evaluation } from "../training/evaluation.ts";
import { barsToEvaluate, guessMostCommon, type MlmAccuracy } from "../training/masked_evaluation.ts";
import { livePlot, progress, show, stopped, stopSignal } from "../notebook/notebook.ts";
import { type ModelName, modelNames } from "../bert/variants.ts";
import { precisionOf } from "../training/objectives.ts";
import { type CurvePoint, learningCurves } from "../plots/figures.ts";
import { pretrain } from "../training/pretrain.ts";
import { type StepLog, trainingLog } from "../training/step_log.ts";
import { type Recipe, recipe } from "../recipe/recipe.ts";
import { storeRecipe, takeStore } from "./store_source.ts";
import { UserError } from "../base/user_error.ts";
import type { Study } from "./study.ts";
import type { Spec } from "../plots/theme.ts";

/** What the store of a study's songs depends on. */
const corpusInputs = ({ data }: Study, { midi, tokens, labels, duplicates, split, seed }: Recipe) => ({
  ...{ midi, tokens, labels, duplicates, split, seed, data },
});

async function tokenizeOnce(study: Study, step: string, choices: Recipe): Promise<Corpus> {
  const dir = study.path(step);
  await study.once(step, corpusInputs(study, choices), async () => {
    if (storeRecipe(study.data)) return await takeStore(study.data, dir);
    let bar: ReturnType<typeof progress> | undefined;
    const summary = await buildCorpus(study.data, dir, choices, {
      replace: true, // the study knows what is stale
      followLinks: study.followLinks,
      signal: stopSignal(),
      onProgress: (done, total) => {
        bar ??= progress({ label: "Tokenizing", total, unit: "songs" });
        bar.update(done);
      },
    });
    await bar?.done(`${summary.kept} bars of ${summary.songs} songs`);
    if (summary.songs > 0) return summary;
    const reasons = Object.entries(summary.rejected).map(([reason, files]) => `${reason} ${files}`).join(", ");
    const links = summary.rejected.link ? " Links are followed by --follow-links (FOLLOW_LINKS=1)." : "";
    throw new UserError(`${study.data}: expected songs, found files that gave none (${reasons}).${links}`);
  });
  return await openCorpus(dir);
}

/**
 * The study's corpus in the run's folder: taken from the store if the source is one; else tokenized, once.
 *
 * @throws {DOMException} AbortError if the cell is stopped; the next call goes on
 */
export const corpusOf = (study: Study): Promise<Corpus> => tokenizeOnce(study, "corpus", study.recipe);

/**
 * The same songs under the other preset, `authors` beside `sound` or the other way round, tokenized once; undefined if
 * the songs are not at hand, as of a run that took a store or was moved.
 */
export async function otherCorpusOf(study: Study): Promise<Corpus | undefined> {
  const { preset, scale, seed } = study.recipe, other = preset === "sound" ? "authors" : "sound";
  const step = `corpus-${other}`, choices = recipe(other, scale, { seed });
  const songs = await Deno.stat(study.data).then(() => !storeRecipe(study.data), () => false);
  return songs || study.done(step, corpusInputs(study, choices)) ? await tokenizeOnce(study, step, choices) : undefined;
}

/** The seeds of each model's trainings: the recipe's and those that follow it. */
export const trainingSeeds = ({ seed, training }: Recipe): number[] =>
  Array.from({ length: training.seeds }, (_, i) => seed + i);

/** A training's name: the model, and the seed if it is not the recipe's. */
export const trainingName = ({ recipe }: Study, model: ModelName, seed: number): string =>
  seed === recipe.seed ? model : `${model} seed ${seed}`;

/** The folder of a model of the study: `model.safetensors`, `config.json`, the training's log and state. */
export const modelFolder = (study: Study, model: ModelName, seed: number = study.recipe.seed): string =>
  `${study.folder}/models/${trainingName(study, model, seed).replaceAll(" ", "-")}`;

/** The baseline without a model: the most common training token of the right kind, on the models' validation tokens. */
export function mostCommonGuess(study: Study, corpus: Corpus): MlmAccuracy {
  return guessMostCommon(corpus, barsToEvaluate(corpus, "validation", study.recipe), study.recipe);
}

const measures = { masked: "MLM loss, nats", accuracy: "MLM accuracy", contrast: "NT-Xent loss, nats" } as const;

/** Steps in the moving average of training curves. */
const SMOOTHED = 9;

/**
 * A model's learning curves: MLM loss, MLM accuracy and NT-Xent of training batches as moving averages over nine steps,
 * and MLM on validation bars as it is.
 */
export function curvesOf(logs: readonly StepLog[]): CurvePoint[] {
  const half = SMOOTHED >> 1, rows: CurvePoint[] = [];
  logs.forEach(({ step, validation }, i) => {
    const near = logs.slice(Math.max(0, i - half), i + half + 1);
    for (const measure of ["masked", "accuracy", "contrast"] as const) {
      const value = near.reduce((sum, log) => sum + log[measure], 0) / near.length;
      if (value > 0) rows.push({ step, value, measure: measures[measure], series: "training" });
    }
    if (!validation) return;
    rows.push({ step, value: validation.loss, measure: measures.masked, series: "validation" });
    rows.push({ step, value: validation.accuracy, measure: measures.accuracy, series: "validation" });
  });
  return rows;
}

/** Two plots of all trained models' learning curves: masked tokens of validation bars, NT-Xent of training batches. */
export async function compareCurves(study: Study): Promise<Spec[]> {
  const curves = await Promise.all(modelNames.map(async (model) => {
    const rows = curvesOf(await trainingLog(modelFolder(study, model)));
    return rows.map((row) => ({ ...row, split: row.series, series: model }));
  }));
  const rows = curves.flat(), order: string[] = [...modelNames];
  return [
    learningCurves(rows.filter(({ split }) => split === "validation"), {
      title: "Masked tokens of validation songs",
      order,
    }),
    learningCurves(rows.filter(({ measure }) => measure === measures.contrast), {
      title: "NT-Xent in training",
      order,
    }),
  ];
}

/** The level of the baseline in a plot of learning curves. */
const curveBaselines = (study: Study, corpus: Corpus) => [
  { measure: measures.accuracy, value: mostCommonGuess(study, corpus).accuracy, series: "most common of its kind" },
];

async function trainModel(study: Study, corpus: Corpus, model: ModelName, seed: number): Promise<{ seconds: number }> {
  const dir = modelFolder(study, model, seed),
    name = trainingName(study, model, seed),
    { steps } = study.recipe.training;
  const logs: StepLog[] = await trainingLog(dir);
  const plot = livePlot({ seconds: 4 }), baselines = curveBaselines(study, corpus);
  const draw = () => learningCurves(curvesOf(logs), { title: name, baselines });
  let bar: ReturnType<typeof progress> | undefined;
  for await (const log of pretrain({ corpus, recipe: study.recipe, model, seed, dir, signal: stopSignal() })) {
    bar ??= progress({ label: `Training ${name}`, total: steps, from: log.step - 1 });
    logs.splice(log.step - 1, Infinity, log);
    await bar.update(log.step, `loss ${log.loss.toFixed(3)}, accuracy ${(100 * log.accuracy).toFixed(1)}%`);
    await plot.update(draw);
  }
  await bar?.done();
  if (!logs.at(-1)?.final) {
    const message = `${name} was stopped after step ${logs.length} of ${steps}; run the cell again to go on.`;
    throw stopped(message);
  }
  await plot.done(draw());
  return { seconds: logs.at(-1)?.seconds ?? 0 };
}

/** The inputs of a training: the recipe without its probing, the source, the model, and the seed if it is another. */
function trainingInputs({ recipe, data }: Study, model: ModelName, seed: number): object {
  const { probing: _, ...rest } = recipe;
  return { ...rest, data, model, ...(seed === recipe.seed ? {} : { trainingSeed: seed }) };
}

async function trainSeed(study: Study, corpus: Corpus, model: ModelName, seed: number): Promise<Evaluation> {
  const name = trainingName(study, model, seed), inputs = trainingInputs(study, model, seed);
  let trainedHere = false;
  const { seconds } = await study.once(`train ${name}`, inputs, () => {
    trainedHere = true;
    return trainModel(study, corpus, model, seed);
  });
  const dir = modelFolder(study, model, seed);
  if (!trainedHere) {
    const curves = curvesOf(await trainingLog(dir)), baselines = curveBaselines(study, corpus);
    await show(learningCurves(curves, { title: `${name} (trained before)`, baselines }));
  }
  return await study.once(`evaluate ${name}`, inputs, async () => {
    const checkpoint = await loadCheckpoint(dir);
    const evaluation = await evaluate(checkpoint, model, corpus, study.recipe, seconds)
      .finally(() => checkpoint.weights.dispose());
    return { ...evaluation, seed };
  });
}

/**
 * Trains a model of the study with a live plot and evaluates it, once for each of `training.seeds`.
 *
 * @returns the first seed's evaluation
 * @throws {DOMException} AbortError if the cell is stopped before the last step; the next call goes on from there
 * @throws {DivergedError} if the loss is not finite or exploded (`training.explosion`), with what to change
 */
export async function train(study: Study, corpus: Corpus, model: ModelName): Promise<Evaluation> {
  const evaluations: Evaluation[] = [];
  for (const seed of trainingSeeds(study.recipe)) evaluations.push(await trainSeed(study, corpus, model, seed));
  return evaluations[0];
}

/** A trained model of the study, trained first if it is not; the caller disposes its weights. */
export async function trained(
  study: Study,
  corpus: Corpus,
  model: ModelName,
  seed = study.recipe.seed,
): Promise<Model> {
  const name = trainingName(study, model, seed);
  if (!study.done(`train ${name}`, trainingInputs(study, model, seed))) await trainSeed(study, corpus, model, seed);
  return await loadCheckpoint(modelFolder(study, model, seed));
}

/** The evaluations, seed by seed, of the models that were trained and evaluated; nothing is trained for it. */
export function evaluationsOf(study: Study, models: readonly ModelName[]): Evaluation[] {
  return models.flatMap((model) =>
    trainingSeeds(study.recipe).flatMap((seed) => {
      const name = trainingName(study, model, seed);
      return study.done<Evaluation>(`evaluate ${name}`, trainingInputs(study, model, seed))?.info ?? [];
    })
  );
}

/** A line of text: the encoder's size, the engine and device, and the precision of a training step. */
export function encoderText({ recipe }: Study): string {
  const config = bertConfig(recipe);
  return `${config.layers} layers of width ${config.hidden} with ${config.heads} heads, ` +
    `${
      (parameterCount(config) / 1e6).toFixed(2)
    } million parameters; ${engineText()} Products of a training step are in ${precisionOf(recipe)}.`;
}
