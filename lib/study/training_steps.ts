/**
 * The study's steps up to trained models: each shows its progress and is skipped if its stored result is up to date.
 * @module
 */
import { isTemporary, removeIfThere, writeFolder } from "../base/files.ts";
import { bertConfig } from "../bert/config.ts";
import { type Model, parameterCount } from "../bert/parameters.ts";
import { loadCheckpoint } from "../bert/checkpoint.ts";
import { type Corpus, readManifest } from "../corpus/store.ts";
import { openCorpus } from "../corpus/store_reader.ts";
import { engineText } from "../engine/mod.ts";
import type { Precision } from "../engine/ops.ts";
import { evaluate, type Evaluation } from "../training/evaluation.ts";
import { barsToEvaluate, guessMostCommon, type MlmAccuracy } from "../training/masked_evaluation.ts";
import { livePlot, progress, show, stopped, stopSignal } from "../notebook/notebook.ts";
import { type ModelName, modelNames } from "../bert/variants.ts";
import { choosePrecision, float32Alone, type PrecisionChoice } from "../training/pace/precision.ts";
import { trainingSecondsLeft } from "../training/pace/time_left.ts";
import { recordedPrecision } from "../training/run_state.ts";
import { type CurvePoint, learningCurves } from "../plots/figures.ts";
import { pretrain } from "../training/pretrain.ts";
import { type StepLog, trainingLog } from "../training/step_log.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { threadsOf } from "../training/run_state.ts";
import { UserError } from "../base/user_error.ts";
import {
  doneStep,
  once,
  otherStoreStep,
  type Step,
  storeStep,
  trainingOf,
  trainingSeeds,
  trainingsOf,
} from "./jobs/steps.ts";
import { buildStore, sweepShards } from "./jobs/stores.ts";
import { curvePoints, measures, stepMean, type TrainingCurve, trainingCurve } from "./results/curves.ts";
import { readsSongs, storeRecipe, type Study } from "./study.ts";
import type { Spec } from "../plots/theme.ts";

/**
 * Takes a store into a run's folder as links, or as copies where the disk has none, so that the run stays whole if the
 * store is built anew or removed; throws a CorpusError if it is no whole store.
 */
export async function takeStore(place: string, dir: string): Promise<void> {
  await readManifest(place);
  await writeFolder(dir, async (temporary) => {
    await Deno.mkdir(temporary);
    for await (const { name, isFile } of Deno.readDir(place)) {
      if (!isFile || name === "lock" || isTemporary(name)) continue;
      await Deno.link(`${place}/${name}`, `${temporary}/${name}`).catch(async () => {
        await removeIfThere(`${temporary}/${name}`);
        await Deno.copyFile(`${place}/${name}`, `${temporary}/${name}`);
      });
    }
  });
}

async function tokenizeOnce(study: Study, step: Step, choices: Recipe): Promise<Corpus> {
  const dir = study.path(step.step);
  await once(study, step, async () => {
    if (storeRecipe(study.data)) return await takeStore(study.data, dir);
    const summary = await buildStore(study, step, choices);
    if (summary.songs > 0) return summary;
    const reasons = Object.entries(summary.rejected).map(([reason, files]) => `${reason} ${files}`).join(", ");
    const links = summary.rejected.link ? " Links are followed by --follow-links (FOLLOW_LINKS=1)." : "";
    throw new UserError(`${study.data}: expected songs, found files that gave none (${reasons}).${links}`);
  });
  await sweepShards(study, step);
  return await openCorpus(dir);
}

/** The study's corpus, tokenized into the run's folder or taken from a store, once; AbortError if stopped. */
export const corpusOf = (study: Study): Promise<Corpus> => tokenizeOnce(study, storeStep(study), study.recipe);

/**
 * The same songs under the other preset, `authors` beside `sound` or the other way round, tokenized once; undefined if
 * the songs are not at hand, as of a run that took a store or was moved.
 */
export async function otherCorpusOf(study: Study): Promise<Corpus | undefined> {
  const { choices, ...step } = otherStoreStep(study);
  return readsSongs(study) || doneStep(study, step) ? await tokenizeOnce(study, step, choices) : undefined;
}

/** The folder of a model of the study: `model.safetensors`, `config.json`, the training's log and state. */
export const modelFolder = (study: Study, model: ModelName): string => trainingOf(study, model).dir;

/** The baseline without a model: the most common training token of the right kind, on the models' validation tokens. */
export const mostCommonGuess = ({ recipe }: Pick<Study, "recipe">, corpus: Corpus): MlmAccuracy =>
  guessMostCommon(corpus, barsToEvaluate(corpus, "validation", recipe), recipe);

/** The name of {@link mostCommonGuess} in plots. */
export const commonGuess = "most common of its kind";

/** Learning curves: moving averages over nine steps of training batches, and MLM of validation bars. */
export function curvesOf(logs: readonly StepLog[]): CurvePoint[] {
  const rows: CurvePoint[] = [];
  logs.forEach(({ step, validation }, i) => {
    const near = logs.slice(Math.max(0, i - 4), i + 5);
    for (const measure of ["masked", "accuracy", "contrast"] as const) {
      const value = stepMean(near, measure);
      if (value > 0) rows.push({ step, value, measure: measures[measure], series: "training" });
    }
    if (!validation) return;
    rows.push({ step, value: validation.loss, measure: measures.masked, series: "validation" });
    rows.push({ step, value: validation.accuracy, measure: measures.accuracy, series: "validation" });
  });
  return rows;
}

/** The curves of all trainings of a study that have begun. */
export async function trainingCurves(study: Study): Promise<TrainingCurve[]> {
  const all = await Promise.all(
    trainingsOf(study).map(async ({ model, seed, dir }) => {
      const logs = await trainingLog(dir);
      return logs.length > 0 ? [trainingCurve(logs, { model, seed })] : [];
    }),
  );
  return all.flat();
}

/**
 * Two plots of all trained models' learning curves: masked tokens of validation bars, NT-Xent of training batches. Of
 * several seeds the mean, and each of them thin.
 */
export async function compareCurves(study: Study): Promise<Spec[]> {
  const curves = await trainingCurves(study);
  const read = study.recipe.training.seeds > 1
    ? "Thick lines are means over seeds, thin ones single seeds."
    : undefined;
  const plot = (title: string, points: CurvePoint[]) => learningCurves(points, { title, read, order: modelNames });
  const contrast = curvePoints(curves, "training").filter(({ measure }) => measure === measures.contrast);
  return [
    plot("Masked tokens of validation songs", curvePoints(curves, "validation")),
    plot("NT-Xent in training", contrast),
  ];
}

/** Draws a training's learning curves with the level of the baseline. */
function curvePlot(study: Study, corpus: Corpus, title: string): (logs: readonly StepLog[]) => Spec {
  const { accuracy } = mostCommonGuess(study, corpus);
  const baselines = [{ measure: measures.accuracy, value: accuracy, series: commonGuess }];
  return (logs) => learningCurves(curvesOf(logs), { title, baselines });
}

/**
 * The element type of the products of all trainings of a study, chosen once: what a training of it began with, or what
 * the recipe comes to on this machine.
 */
async function precisionOf(study: Study): Promise<PrecisionChoice> {
  const { model, training: { precision } } = study.recipe;
  return await study.once("precision", { model, precision }, async () => {
    for (const { dir } of trainingsOf(study)) {
      const begun = await recordedPrecision(dir);
      if (begun) return begun;
    }
    return await choosePrecision(study.recipe);
  });
}

/**
 * The element type of an encoder's products as it embeds bars for probes, by `probing.precision`; float32 where the engine
 * here has no other.
 */
export async function probingPrecision(study: Study): Promise<Precision> {
  if (study.recipe.probing.precision === "float32" || float32Alone()) return "float32";
  return (await precisionOf(study)).precision;
}

async function trainModel(study: Study, corpus: Corpus, model: ModelName, seed: number) {
  const { name, dir } = trainingOf(study, model, seed), { recipe } = study, { steps } = recipe.training;
  const logs = await trainingLog(dir), plot = livePlot({ seconds: 4 }), draw = curvePlot(study, corpus, name);
  const precision = await precisionOf(study);
  let bar: ReturnType<typeof progress> | undefined;
  for await (const log of pretrain({ corpus, recipe, model, seed, dir, precision, signal: stopSignal() })) {
    bar ??= progress({ label: `Training ${name}`, total: steps, from: log.step - 1 });
    logs.splice(log.step - 1, Infinity, log);
    const left = trainingSecondsLeft(logs, recipe.training);
    await bar.update(log.step, `loss ${log.loss.toFixed(3)}, accuracy ${(100 * log.accuracy).toFixed(1)}%`, left);
    await plot.update(() => draw(logs));
  }
  await bar?.done();
  if (!logs.at(-1)?.final) {
    throw stopped(`${name} was stopped after step ${logs.length} of ${steps}; run it again to go on.`);
  }
  await plot.done(draw(logs));
  return { seconds: logs.at(-1)?.seconds ?? 0, threads: await threadsOf(dir) };
}

/** Trains a model with a seed and evaluates it, each once, with a live plot; errors are those of {@link train}. */
export async function trainSeed(study: Study, corpus: Corpus, model: ModelName, seed: number): Promise<Evaluation> {
  const { name, dir, ...steps } = trainingOf(study, model, seed);
  let trainedHere = false;
  const { seconds } = await once(study, steps.train, () => {
    trainedHere = true;
    return trainModel(study, corpus, model, seed);
  });
  if (!trainedHere) await show(curvePlot(study, corpus, `${name} (trained before)`)(await trainingLog(dir)));
  return await once(study, steps.evaluate, async () => {
    const checkpoint = await loadCheckpoint(dir), scored = evaluate(checkpoint, model, corpus, study.recipe, seconds);
    return { ...await scored.finally(() => checkpoint.weights.dispose()), seed };
  });
}

/**
 * Trains a model with a live plot and evaluates it, once for each of `training.seeds`; returns the first evaluation.
 *
 * @throws {DOMException} AbortError if the cell is stopped before the last step; the next call goes on from there
 * @throws {DivergedError} if the loss is not finite or exploded (`training.explosion`), with what to change
 */
export async function train(study: Study, corpus: Corpus, model: ModelName): Promise<Evaluation> {
  return (await Array.fromAsync(trainingSeeds(study.recipe), (seed) => trainSeed(study, corpus, model, seed)))[0];
}

/**
 * Trains a model as a worker that is not the first one, which keeps the training's files and shows its progress; once for
 * each of the seeds, by default `training.seeds`, that is not trained.
 *
 * @throws {DOMException} AbortError if a worker is stopped before the last step; the next call goes on from there
 */
export async function trainAlong(
  study: Study,
  corpus: Corpus,
  model: ModelName,
  seeds: readonly number[] = trainingSeeds(study.recipe),
): Promise<void> {
  for (const seed of seeds) {
    const { name, dir, train } = trainingOf(study, model, seed);
    if (doneStep(study, train)) continue;
    let last: StepLog | undefined;
    for await (const log of pretrain({ corpus, recipe: study.recipe, model, seed, dir, signal: stopSignal() })) {
      last = log;
    }
    if (last && !last.final) throw stopped(`${name} was stopped after step ${last.step} of ${last.steps}.`);
  }
}

/** A trained model of the study, trained first if it is not; the caller disposes its weights. */
export async function trained(study: Study, corpus: Corpus, model: ModelName, seed?: number): Promise<Model> {
  const { dir, train } = trainingOf(study, model, seed);
  if (!doneStep(study, train)) await trainSeed(study, corpus, model, seed ?? study.recipe.seed);
  return await loadCheckpoint(dir);
}

/** The evaluations, seed by seed, of the models that were trained and evaluated; nothing is trained for it. */
export const evaluationsOf = (study: Study, models: readonly ModelName[]): Evaluation[] =>
  models.flatMap((model) =>
    trainingSeeds(study.recipe).flatMap((seed) =>
      doneStep<Evaluation>(study, trainingOf(study, model, seed).evaluate)?.info ?? []
    )
  );

/** A line of text: the encoder's size, the engine and device, and the precision of a training step, with why. */
export async function encoderText(study: Study): Promise<string> {
  const { recipe } = study, { precision, reason } = await precisionOf(study);
  const config = bertConfig(recipe), millions = (parameterCount(config) / 1e6).toFixed(2);
  return `${config.layers} layers of width ${config.hidden} with ${config.heads} heads, ${millions} million ` +
    `parameters; ${engineText()} Products of a training step are in ${precision} (${reason}).`;
}
