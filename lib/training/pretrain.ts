/**
 * The training loop: one model, step by step, kept on disk so that a run stopped anywhere goes on.
 * @module
 */
import { bertConfig } from "../bert/config.ts";
import { createBert, type Model } from "../bert/parameters.ts";
import { type BatchPlan, toTensors, trainingBatch, trainingPlans } from "./batches.ts";
import { CheckpointError } from "../bert/hugging_face.ts";
import type { Corpus } from "../corpus/store.ts";
import { tensorCount, tf } from "../engine/mod.ts";
import { barsToEvaluate, evaluateMasked } from "./evaluation.ts";
import { batchInputs, decayMask, optimizerStep, stepNumbers, type StepState } from "./objectives.ts";
import type { ModelName } from "../bert/variants.ts";
import { adamWScalars, learningRate } from "./optimizer.ts";
import type { Recipe } from "../recipe/recipe.ts";
import {
  beginning,
  finishRun,
  freshState,
  readRun,
  type RunState,
  saveBest,
  saveState,
  stateFolder,
} from "./run_state.ts";
import { openLog, type StepLog } from "./step_log.ts";

/** What a training needs. */
export interface PretrainOptions {
  /** The store to train on. */
  corpus: Corpus;
  /** Every choice of the training. */
  recipe: Recipe;
  /** Which of the four models. */
  model: ModelName;
  /** The model's folder: final weights here, the run's state below `training/`. */
  dir: string;
  /** Stops after the step at hand. */
  signal?: AbortSignal;
  /** Told what was damaged and what was done about it; default: the standard error output. */
  say?: (line: string) => void;
}

/** A training whose loss is no number or exploded. */
export class DivergedError extends Error {
  /** Tells it from other errors. */
  override name = "DivergedError";
}

/** The bars of a batch by song, each counted from 0 inside its song. */
function barNames(corpus: Corpus, { bars }: BatchPlan): string {
  const songs = Map.groupBy(bars, (bar) => corpus.songs[corpus.song(bar)].file);
  return [...songs].map(([file, held]) => `${file} ${held.map((bar) => corpus.barIndex(bar)).join(", ")}`).join("; ");
}

/** What is wrong with a step's numbers, if anything is. */
function trouble(numbers: ArrayLike<number>, { firstLoss }: RunState, { explosion }: Recipe["training"]) {
  const odd = stepNumbers.findIndex((_, i) => !Number.isFinite(numbers[i]));
  if (odd >= 0) return `${stepNumbers[odd]} is ${numbers[odd]}`;
  const most = explosion * (firstLoss ?? Infinity);
  if (explosion === 0 || numbers[0] <= most) return undefined;
  return `loss is ${numbers[0].toFixed(2)}, above ${explosion} times the first step's ${firstLoss!.toFixed(2)}`;
}

/** Whether validation has gone on long enough without a gain; counts this one. */
function outOfPatience(
  { patience }: RunState,
  loss: number,
  { patience: most, leastGain }: Recipe["training"],
): boolean {
  const gained = patience.reference === null || loss < patience.reference - leastGain;
  if (gained) patience.reference = loss;
  patience.waited = gained ? 0 : patience.waited + 1;
  return most > 0 && patience.waited >= most;
}

/** The validation bars; a corpus that a recipe cannot train on is refused before anything is written. */
function barsNeeded(corpus: Corpus, recipe: Recipe): number[] {
  const { keep, patience } = recipe.training, bars = barsToEvaluate(corpus, "validation", recipe);
  const lacking = (split: string, why: string) =>
    new RangeError(
      `Expected bars of ${split} songs${why}, found none among ${corpus.songs.length} songs: ` +
        `take more songs, or raise split.${split === "training" ? "train" : split}.`,
    );
  if (corpus.barsOf("train").length === 0) throw lacking("training", "");
  if (bars.length > 0 || keep === "last" && patience === 0) return bars;
  throw lacking("validation", `, as the recipe ${keep === "best" ? "keeps the best weights" : "stops early"}`);
}

/** One process at a time trains in a folder; the system frees the lock of one that died. */
async function lockFolder(dir: string): Promise<Disposable> {
  await Deno.mkdir(`${dir}/training`, { recursive: true });
  const file = await Deno.open(`${dir}/training/lock`, { write: true, create: true });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new CheckpointError(`${dir} is being trained by another process; wait for it or stop it.`);
}

/** Does what writes to the disk; a failure names what is still whole. */
async function guarded<T>(dir: string, saved: number | undefined, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    const last = saved === undefined
      ? "No state was kept yet"
      : `The last good state is whole: ${stateFolder(dir, saved)}`;
    throw new Error(
      `The training could not be kept: ${(error as Error).message}. ${last}. ` +
        "Make room, or the folder writable, and start again: it goes on from there.",
      { cause: error },
    );
  }
}

/**
 * Trains a model, yielding each step; the weights stand in `dir` when it is done.
 *
 * Stopped anywhere (signal, crash), called again it goes on from the last state that was kept with the draws it would
 * have had. Aborting finishes the step at hand and keeps it before the generator ends.
 *
 * @throws {RangeError} if the corpus lacks training bars, or validation bars that the recipe needs
 * @throws {CheckpointError} if `dir` holds a run that began with another recipe, model, corpus or engine, or one whose
 * files are damaged, or one that another process trains
 * @throws {DivergedError} if a loss is no number or exploded, naming step, bars and the last good state
 * @throws {Error} if the disk is full or cannot be written to, naming the file and the last good state
 */
export async function* pretrain(options: PretrainOptions): AsyncGenerator<StepLog> {
  const { corpus, recipe, model, dir, signal, say = console.error } = options;
  const config = bertConfig(recipe), { training } = recipe, now = beginning(recipe, corpus, model);
  const validationBars = barsNeeded(corpus, recipe);
  using _lock = await guarded(dir, undefined, () => lockFolder(dir));
  const held = await readRun(dir, now, say);
  const fresh = (): StepState => {
    const { weights } = createBert(config, recipe.seed);
    return [weights, tf.zerosLike(weights), tf.zerosLike(weights)];
  };
  let tensors: StepState = held?.tensors ?? fresh();
  const state = held?.run ?? freshState(now), spared = decayMask(config);
  let saved = held?.run.step, lap = performance.now();
  const tick = () => {
    const now = performance.now();
    state.seconds += (now - lap) / 1000;
    lap = now;
  };
  const stop = (what: string, plans: BatchPlan[]): never => {
    const last = saved === undefined ? "no state was kept before" : `the last good state is ${stateFolder(dir, saved)}`;
    throw new DivergedError(
      `${model}, step ${state.step + 1}: ${what}; ${last}. The batch's bars: ${
        plans.map((plan) => barNames(corpus, plan)).join("; ")
      }. ` +
        "Train anew with a lower training.learningRate or with training.clipNorm, under another run name.",
    );
  };
  try {
    using log = await guarded(
      dir,
      saved,
      () => openLog(dir, { step: state.step, seconds: state.seconds, tensorboard: training.tensorboard, say }),
    );
    const keep = async () => {
      await guarded(dir, saved, async () => {
        await log.sync();
        await saveState(dir, config, state, tensors);
      });
      saved = state.step;
    };
    const step = optimizerStep(model, config, recipe), { accumulate } = training;
    const plans = trainingPlans(corpus, recipe, model);
    for (let i = 0; i < state.step * accumulate; i++) plans.next();
    const prepare = () =>
      Array.from({ length: accumulate }, () => {
        const plan = plans.next().value;
        return { plan, batch: trainingBatch(corpus, plan, recipe, model) };
      });
    let next = prepare();
    while (state.step < training.steps && !state.ended) {
      const begun = performance.now();
      const parts = next, number = state.step + 1, rate = learningRate(training, number);
      const running = step(
        tensors,
        parts.map(({ batch }) => batchInputs(toTensors(batch))),
        adamWScalars(training, number, rate),
        parts.map((_, i) => [recipe.seed, state.step * accumulate + i + 1]),
        spared,
      );
      next = prepare(); // while the step runs
      const { state: stepped, numbers, correct } = await running;
      const [loss, masked, contrast, contrastAccuracy, gradientNorm] = numbers;
      const sum = (of: (part: typeof parts[number], i: number) => number) =>
        parts.reduce((total, part, i) => total + of(part, i), 0);
      const chosen = sum(({ batch }) => batch.weights.reduce((a, b) => a + b, 0));
      const guessed = sum(({ batch }, i) => correct[i].reduce((n, right, k) => n + right * batch.weights[k], 0));
      tensors = stepped;
      const wrong = trouble(numbers, state, training);
      if (wrong) stop(wrong, parts.map(({ plan }) => plan));
      const tokens = sum(({ plan, batch }) => batch.lengths.slice(0, plan.bars.length).reduce((a, b) => a + b, 0));
      const tokensPerSecond = tokens / ((performance.now() - begun) / 1000);
      const due = number % training.validateEvery === 0 || number === training.steps;
      const validate = () =>
        evaluateMasked({ config, weights: tensors[0] }, corpus, validationBars, recipe, { visit: number });
      const score = due && validationBars.length > 0 ? await validate() : undefined;
      if (score && !Number.isFinite(score.loss)) {
        stop(
          `the validation loss after it is ${score.loss}`,
          parts.map(({ plan }) => plan),
        );
      }
      state.step = number;
      state.tokens += tokens;
      state.firstLoss ??= loss;
      if (score) {
        state.ended = outOfPatience(state, score.loss, training);
        if (state.best === null || score.loss < state.best.loss) {
          state.best = { step: number, loss: score.loss };
          const weights = await tensors[0].data<"float32">();
          await guarded(dir, saved, () => saveBest(dir, number, config, weights));
        }
      }
      tick();
      const { tensors: live, handles } = tensorCount();
      const entry: StepLog = {
        model,
        step: number,
        steps: training.steps,
        epoch: parts[0].plan.epoch,
        tokens: state.tokens,
        loss,
        masked,
        contrast,
        accuracy: guessed / chosen,
        contrastAccuracy,
        gradientNorm,
        learningRate: rate,
        seconds: state.seconds,
        tokensPerSecond,
        memory: { resident: Deno.memoryUsage().rss / 2 ** 20, tensors: live, handles },
        ...(score ? { validation: { loss: score.loss, accuracy: score.accuracy } } : {}),
        final: number === training.steps || state.ended,
      };
      await guarded(dir, saved, () => log.append(entry));
      if (due) await keep();
      yield entry;
      if (signal?.aborted && !entry.final) {
        if (saved !== number) await keep();
        return;
      }
    }
    await guarded(dir, saved, () => finishRun(dir, state));
  } finally {
    tf.dispose([...tensors, spared]);
  }
}

/** The encoder that a training starts from: the same size and seed, untrained. */
export const untrained = (recipe: Recipe): Model => createBert(bertConfig(recipe), recipe.seed);
