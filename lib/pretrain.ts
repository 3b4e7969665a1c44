/**
 * The training loop: one model, step by step, kept on disk so that a run stopped anywhere goes on.
 * @module
 */
import { bertConfig, createBert, type Model, parametersOf } from "./bert.ts";
import { toTensors, trainingBatch, trainingPlans } from "./batches.ts";
import { CheckpointError, saveCheckpoint } from "./checkpoint.ts";
import type { Corpus } from "./corpus.ts";
import { type Tensor, tf } from "./engine/mod.ts";
import { barsToEvaluate, evaluateMasked } from "./evaluation.ts";
import { readTextIfThere, writeFile } from "./files.ts";
import { batchInputs, decayMask, type ModelName, stepNumbers, trainingStep } from "./objectives.ts";
import { adamWScalars, learningRate } from "./optimizer.ts";
import { hash32 } from "./random.ts";
import type { Recipe } from "./recipe.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

/** One optimizer step, as logged. */
export interface StepLog {
  model: ModelName;
  /** From 1. */
  step: number;
  steps: number;
  epoch: number;
  /** Tokens of the first views, pads not counted, since the run began. */
  tokens: number;
  /** L = L_MLM + α·NT-Xent, nats. */
  loss: number;
  masked: number;
  contrast: number;
  /** Share of chosen tokens guessed right in this batch, with the model as it was before the step. */
  accuracy: number;
  contrastAccuracy: number;
  gradientNorm: number;
  learningRate: number;
  /** Seconds since the run began, validations and checkpoints included. */
  seconds: number;
  /** At every `validateEvery` steps and at the last. */
  validation?: { loss: number; accuracy: number };
}

/** What a training needs. */
export interface PretrainOptions {
  corpus: Corpus;
  recipe: Recipe;
  model: ModelName;
  /** The model's folder: final weights here, the run's state below `training/`. */
  dir: string;
  signal?: AbortSignal;
}

/** The run's state beside its weights; everything else follows from the recipe, the corpus and the step. */
interface RunState {
  step: number;
  tokens: number;
  seconds: number;
  best: { step: number; loss: number } | null;
  /** What the run began with; a run goes on only with the same. */
  began: string;
}

const began = (recipe: Recipe, corpus: Corpus, model: ModelName): string => {
  const { seed, model: size, masking, views, contrast, training } = recipe;
  const bars = Array.from(corpus.barsOf("train"));
  const tokens = bars.slice(0, 50).map((bar) => Array.from(corpus.tokens(bar)));
  return JSON.stringify({
    model,
    recipe: { seed, model: size, masking, views, contrast, training },
    corpus: `${bars.length} bars ${hash32(JSON.stringify([bars, tokens])).toString(16)}`,
  });
};

/** Where two JSON texts differ, as dotted names. */
function differences(a: unknown, b: unknown, path = ""): string[] {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return Object.is(a, b) ? [] : [`${path.slice(1)} (${JSON.stringify(a)}, now ${JSON.stringify(b)})`];
  }
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) =>
    differences((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], `${path}.${key}`)
  );
}

interface Held {
  state: RunState;
  tensors: Tensor[];
}

const folderOf = (dir: string, step: number): string => `${dir}/training/step-${String(step).padStart(7, "0")}`;

/** Weights and moments of a run that was stopped, if there are any. */
async function resume(dir: string, wanted: string, size: number): Promise<Held | undefined> {
  const text = await readTextIfThere(`${dir}/training/latest.json`);
  if (text === undefined) return undefined;
  const state: RunState = JSON.parse(text);
  if (state.began !== wanted) {
    throw new CheckpointError(
      `${dir} holds a run that began differently: ${
        differences(JSON.parse(state.began), JSON.parse(wanted)).join("; ")
      }. Choose another run name, or delete the folder to begin anew.`,
    );
  }
  const path = `${folderOf(dir, state.step)}/state.safetensors`;
  const held = readSafetensors(await Deno.readFile(path));
  const tensors = ["weights", "first", "second"].map((name) => {
    const array = held.get(name);
    if (array?.data.length !== size) {
      throw new CheckpointError(`${path}: expected ${name} of ${size} numbers, found ${array?.data.length ?? "none"}.`);
    }
    return tf.tensor1d(array.data as Float32Array);
  });
  return { state, tensors };
}

/** Writes the state of a step beside the one before, points to it, and then removes that one. */
async function keep(dir: string, state: RunState, tensors: Tensor[], before: number | undefined): Promise<void> {
  const names = ["weights", "first", "second"];
  const arrays = new Map(
    names.map((name, i) => [name, { shape: tensors[i].shape, data: tensors[i].dataSync<"float32">() }]),
  );
  await writeFile(`${folderOf(dir, state.step)}/state.safetensors`, writeSafetensors(arrays));
  await writeFile(`${dir}/training/latest.json`, JSON.stringify(state));
  if (before !== undefined && before !== state.step) await Deno.remove(folderOf(dir, before), { recursive: true });
}

/** The log's lines up to a step. */
async function readLog(path: string, step: number): Promise<StepLog[]> {
  const lines = (await readTextIfThere(path) ?? "").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as StepLog).filter((log) => log.step <= step);
}

/** The log of a model's training, one entry a step; empty before it began. */
export const trainingLog = (dir: string): Promise<StepLog[]> => readLog(`${dir}/training/log.jsonl`, Infinity);

/**
 * Trains a model, yielding each step; the weights stand in `dir` when it is done.
 *
 * Stopped anywhere (signal, crash), called again it goes on from the last checkpoint with the draws it would have
 * had. Aborting finishes the step at hand and keeps it before the generator ends.
 *
 * @throws {CheckpointError} if `dir` holds a run that began with another recipe, model or corpus
 * @throws {Error} if the loss stops being a number, naming step and bars
 */
export async function* pretrain({ corpus, recipe, model, dir, signal }: PretrainOptions): AsyncGenerator<StepLog> {
  const config = bertConfig(recipe), { training } = recipe;
  const last = parametersOf(config).at(-1)!, size = last.offset + last.size;
  const start = began(recipe, corpus, model);
  const held = await resume(dir, start, size);
  const fresh = () => {
    const { weights } = createBert(config, recipe.seed);
    return [weights, tf.zerosLike(weights), tf.zerosLike(weights)];
  };
  let tensors = held?.tensors ?? fresh();
  const state: RunState = held?.state ?? { step: 0, tokens: 0, seconds: 0, best: null, began: start };
  const logPath = `${dir}/training/log.jsonl`;
  const logs = await readLog(logPath, state.step);
  await writeFile(logPath, logs.map((log) => JSON.stringify(log) + "\n").join(""));
  const step = trainingStep(model, config, recipe);
  const spared = decayMask(config);
  const validationBars = barsToEvaluate(corpus, "validation", recipe);
  let saved = held ? state.step : undefined, lap = performance.now();
  const tick = () => {
    const now = performance.now();
    state.seconds += (now - lap) / 1000;
    lap = now;
  };
  try {
    const plans = trainingPlans(corpus, recipe, model);
    for (let i = 0; i < state.step; i++) plans.next();
    while (state.step < training.steps) {
      const plan = plans.next().value, batch = trainingBatch(corpus, plan, recipe, model);
      const number = state.step + 1, rate = learningRate(training, number);
      const inputs = batchInputs(toTensors(batch));
      const scalars = adamWScalars(training, number, rate);
      const seed = tf.tensor1d([recipe.seed, number], "int32");
      const outputs = await step(...tensors, scalars, seed, spared, ...inputs);
      const [loss, masked, contrast, contrastAccuracy, gradientNorm] = outputs[3].dataSync();
      const chosen = batch.weights.reduce((a, b) => a + b, 0);
      const correct = outputs[4].dataSync<"float32">().reduce((sum, right, i) => sum + right * batch.weights[i], 0);
      tf.dispose([...tensors, scalars, seed, ...inputs, outputs[3], outputs[4]]);
      tensors = outputs.slice(0, 3);
      if (!Number.isFinite(loss)) {
        throw new Error(
          `${model}: the ${stepNumbers[0]} of step ${number} is ${loss}, for the bars ${plan.bars.join(", ")}. ` +
            `The last good state is that of step ${saved ?? 0}; lower training.learningRate or set clipNorm.`,
        );
      }
      state.step = number;
      state.tokens += batch.lengths.slice(0, plan.bars.length).reduce((a, b) => a + b, 0);
      tick();
      const log: StepLog = {
        model,
        step: number,
        steps: training.steps,
        epoch: plan.epoch,
        tokens: state.tokens,
        loss,
        masked,
        contrast,
        accuracy: correct / chosen,
        contrastAccuracy,
        gradientNorm,
        learningRate: rate,
        seconds: state.seconds,
      };
      const due = number % training.validateEvery === 0 || number === training.steps;
      if (due) {
        const score = await evaluateMasked({ config, weights: tensors[0] }, corpus, validationBars, recipe, {
          visit: number,
        });
        log.validation = { loss: score.loss, accuracy: score.accuracy };
        if (state.best === null || score.loss < state.best.loss || training.keep === "last") {
          state.best = { step: number, loss: score.loss };
          await saveCheckpoint(`${dir}/training/best`, config, tensors[0].dataSync<"float32">());
        }
        tick();
        log.seconds = state.seconds;
      }
      await Deno.writeTextFile(logPath, JSON.stringify(log) + "\n", { append: true });
      if (due) {
        await keep(dir, state, tensors, saved);
        saved = number;
      }
      yield log;
      if (signal?.aborted) {
        if (saved !== number) await keep(dir, state, tensors, saved);
        return;
      }
    }
    await finish(dir);
  } finally {
    tf.dispose([...tensors, spared]);
  }
}

/** Puts the weights that were kept where the model is looked for. */
async function finish(dir: string): Promise<void> {
  for (const name of ["model.safetensors", "config.json", "checksum.json"]) {
    await writeFile(`${dir}/${name}`, await Deno.readFile(`${dir}/training/best/${name}`));
  }
}

/** The encoder that a training starts from: the same size and seed, untrained. */
export const untrained = (recipe: Recipe): Model => createBert(bertConfig(recipe), recipe.seed);
