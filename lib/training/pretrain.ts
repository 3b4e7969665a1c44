/**
 * The training loop: one model, step by step, saved on disk so that a run stopped anywhere goes on.
 * @module
 */
import { bertConfig } from "../bert/config.ts";
import { CheckpointError } from "../bert/hugging_face.ts";
import { createBert } from "../bert/parameters.ts";
import { compares, type ModelName } from "../bert/variants.ts";
import { toTensors, trainingBatch, type TrainingPlan, trainingPlans } from "./batches.ts";
import type { Corpus } from "../corpus/store.ts";
import { engineBranches, engineInfo, tensorCount, tf } from "../engine/mod.ts";
import type { Tensor } from "../engine/types.ts";
import { explained, sweep } from "../base/files.ts";
import { threads } from "../base/machine.ts";
import { UserError } from "../base/user_error.ts";
import { waitForWorkers, watchWorkers, worker, workers } from "../engine/workers.ts";
import { evaluateMasked, type MlmAccuracy } from "./masked_evaluation.ts";
import { adamWScalars, learningRate } from "./optimizer/adamw.ts";
import { choosePrecision, type PrecisionChoice } from "./pace/precision.ts";
import { checkBars } from "./preflight.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { finishRun, newRun, noteThreads, readRun, recordedPrecision, runInputs } from "./run_state.ts";
import { type RunState, saveBest, saveState, stateFolder } from "./run_state.ts";
import { openLog, type StepLog } from "./step_log.ts";
import { type Division, division } from "./workers/share.ts";
import { agree, numbersOfFirst, tensorsOfFirst, valueOfFirst } from "./workers/together.ts";
import { decayMask, type QueuedStep, queuedStep, stepNumbers, type StepState } from "./training_step.ts";

/**
 * What is trained, and in which folder: final weights in `dir`, the run's state below `training/`.
 *
 * `seed` is of fresh weights, order, masks, views and dropout; the recipe's if left out. Validation bars and their
 * masks keep the recipe's, so that trainings of several seeds are measured alike. `precision` is what
 * `training.precision: auto` came to, for trainings that are compared; it is measured if left out, and what a training
 * began with is kept. `signal` stops after the current step; `say` is called with what was damaged and what was done
 * about it (default: the standard error output).
 */
type PretrainOptions =
  & { corpus: Corpus; recipe: Recipe; model: ModelName; dir: string }
  & { seed?: number; precision?: PrecisionChoice; signal?: AbortSignal; say?: (line: string) => void };

/** A training whose loss is not a number or exploded. */
export class DivergedError extends UserError {}

type Part = { plan: TrainingPlan; batch: ReturnType<typeof trainingBatch> };

/** A step that was queued: when, its number, batches and learning rate. */
type Running = { begun: number; number: number; parts: Part[]; rate: number; queued: ReturnType<QueuedStep> };

/** The bars of batches by song, each numbered from 0 inside its song. */
function barNames(corpus: Corpus, parts: Part[]): string {
  return parts.flatMap(({ plan }) => {
    const songs = Map.groupBy(plan.bars, (bar) => corpus.songs[corpus.song(bar)].file);
    return [...songs].map(([file, bars]) => `${file} ${bars.map((bar) => corpus.barIndex(bar)).join(", ")}`);
  }).join("; ");
}

/** What is wrong with a step's numbers, if anything. */
function trouble(numbers: ArrayLike<number>, { firstLoss }: RunState, { explosion }: Recipe["training"]) {
  const odd = stepNumbers.findIndex((_, i) => !Number.isFinite(numbers[i]));
  if (odd >= 0) return `${stepNumbers[odd]} is ${numbers[odd]}`;
  const most = explosion * (firstLoss ?? Infinity);
  if (explosion === 0 || numbers[0] <= most) return undefined;
  return `loss is ${numbers[0].toFixed(2)}, above ${explosion} times the first step's ${firstLoss!.toFixed(2)}`;
}

/** Whether enough validations went by without a gain; counts this one. */
function outOfPatience({ patience }: RunState, loss: number, training: Recipe["training"]): boolean {
  const gained = patience.reference === null || loss < patience.reference - training.leastGain;
  if (gained) patience.reference = loss;
  patience.waited = gained ? 0 : patience.waited + 1;
  return training.patience > 0 && patience.waited >= training.patience;
}

/** Lets one process at a time train in a folder, or throws; removes what one that was killed was writing. */
async function lockFolder(dir: string): Promise<Disposable> {
  await Deno.mkdir(`${dir}/training`, { recursive: true });
  const file = await Deno.open(`${dir}/training/lock`, { write: true, create: true });
  if (!await file.tryLock(true)) {
    file.close();
    throw new CheckpointError(`${dir} is being trained by another process; wait for it or stop it.`);
  }
  for (const folder of [dir, `${dir}/training`]) await sweep(folder, (name) => name.endsWith(".tmp"));
  return file;
}

/** What the products' type is: the recipe's, or under `auto` what the training began with, was told, or is measured. */
async function settledPrecision({ recipe, dir, precision }: PretrainOptions): Promise<PrecisionChoice> {
  const kept = recipe.training.precision === "auto" ? await recordedPrecision(dir) ?? precision : undefined;
  return kept ?? await choosePrecision(recipe);
}

/** Runs what writes to the disk; the error of a failure names the last state that is whole. */
async function guarded<T>(dir: string, saved: number | undefined, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const known = explained(`${dir}/training`, error);
    if (!(known instanceof UserError) || known instanceof CheckpointError) throw error;
    const last = saved === undefined
      ? "No state was saved yet"
      : `The last good state is whole: ${stateFolder(dir, saved)}`;
    throw new UserError(
      `The training could not be saved: ${known.message} ${last}. ` +
        "Make room, or the folder writable, and start again: it goes on from there.",
      { cause: error },
    );
  }
}

/** What the first worker measures on validation bars; the others wait for it. */
async function validated(measure: () => Promise<MlmAccuracy>): Promise<Pick<MlmAccuracy, "loss" | "accuracy">> {
  const own = worker === 0 ? await measure() : { loss: 0, accuracy: 0 };
  const [loss, accuracy] = await numbersOfFirst([own.loss, own.accuracy]);
  return { loss, accuracy };
}

/** Counts of a step: tokens of its bars, chosen tokens, and chosen tokens guessed right, 0 where that is left out. */
function counts(
  corpus: Corpus,
  parts: Part[],
  correct?: Float32Array[],
): { tokens: number; chosen: number; guessed: number } {
  const total = { tokens: 0, chosen: 0, guessed: 0 };
  parts.forEach(({ plan, batch: { weights } }, i) => {
    for (const bar of plan.bars) total.tokens += corpus.tokens(bar).length;
    weights.forEach((weight, k) => {
      total.chosen += weight;
      if (correct) total.guessed += weight * correct[i][k];
    });
  });
  return total;
}

/**
 * The steps of a training by their numbers: those with second views, every `contrast.every`-th from the first one on, and
 * those of masked tokens alone.
 */
function stepKinds({ corpus, recipe, model, seed = recipe.seed }: PretrainOptions, training: Recipe["training"]) {
  const made = new Map<boolean, { paired: boolean; shared?: Division; step: QueuedStep }>();
  const config = bertConfig(recipe);
  return (number: number) => {
    const paired = compares(model) && (number - 1) % recipe.contrast.every === 0;
    if (!made.has(paired)) {
      const shared = division(corpus, { ...recipe, seed }, paired);
      made.set(paired, {
        ...{ paired, shared },
        step: queuedStep(model, config, { ...recipe, training }, { paired, division: shared }),
      });
    }
    return made.get(paired)!;
  };
}

/** Seconds that the first worker of a training waits for the last one to start. */
const LAST_WORKER = 600;

/**
 * Trains a model, yielding each step; at the end its weights stand in `dir`.
 *
 * A training that was stopped anywhere (signal, crash) goes on from the last saved state when it is called again, with
 * the draws that it would have had. Aborting finishes the current step (and the next one, if it
 * is queued already) and saves it before the generator ends.
 *
 * Of several workers (engine/workers.ts) each calls it with the same options, and it yields the same steps to each; the
 * first one alone reads and writes in `dir`. One that is aborted stops all.
 *
 * @throws {UserError} if the corpus lacks bars that the recipe needs, or has one that is too long; if the disk is full
 * or cannot be written to, naming the file and the last good state
 * @throws {CheckpointError} if the run in `dir` began with another recipe, model, corpus or engine, if its files are
 * damaged, or if another process trains it
 * @throws {WorkersGoneError} if another worker does not answer any more, naming it
 * @throws {DivergedError} if a loss is not a number or exploded, naming step, bars and the last good state
 */
export async function* pretrain(options: PretrainOptions): AsyncGenerator<StepLog> {
  await waitForWorkers(LAST_WORKER);
  await using watch = watchWorkers();
  try {
    yield* trainSteps(options);
  } catch (error) {
    throw await watch.explain(error);
  }
}

/** {@link pretrain}, as the other workers are there. */
async function* trainSteps(options: PretrainOptions): AsyncGenerator<StepLog> {
  const { corpus, recipe, model, dir, signal, say = console.error, seed = recipe.seed } = options;
  const config = bertConfig(recipe), { training } = recipe, { accumulate, steps } = training;
  const validationBars = checkBars(corpus, recipe), keeps = worker === 0; // the training's files
  using _lock = keeps ? await guarded(dir, undefined, () => lockFolder(dir)) : undefined;
  const choice = await valueOfFirst(() => settledPrecision(options));
  const settled = { ...training, precision: choice.precision }, seeded = { ...recipe, seed };
  const inputs = runInputs(seeded, corpus, model, choice);
  await agree(inputs);
  const before = keeps ? await readRun(dir, inputs, say) : undefined;
  const fresh = (weights: Tensor): StepState => [weights, tf.zerosLike(weights), tf.zerosLike(weights)];
  const own = before?.tensors ?? fresh(createBert(config, seed).weights);
  const state = await valueOfFirst(() => before?.run ?? newRun(inputs));
  let tensors = await tensorsOfFirst(own);
  const mask = decayMask(config), goesOn = state.step < steps && !state.ended;
  const otherThreads = goesOn ? noteThreads(state, threads(), engineBranches, workers) : undefined;
  if (otherThreads && keeps) say(otherThreads);
  // Where steps are queued, the next one is before this one's numbers are read, so that the device need not wait. After
  // one whose weights are validated or saved it is not, since a step takes over the weights.
  const ahead = engineInfo().engine === "XLA";
  let saved = before?.run.step, lap = performance.now(), lastRead = 0, running: Running | undefined;
  const diverged = (what: string, parts: Part[]) => {
    const last = saved === undefined
      ? "no state was saved before"
      : `the last good state is ${stateFolder(dir, saved)}`;
    return new DivergedError(
      `${model}, step ${state.step + 1}: ${what}; ${last}. The batch's bars: ${barNames(corpus, parts)}. ` +
        "Train anew with a lower training.learningRate or with training.clipNorm, under another run name.",
    );
  };
  try {
    using log = keeps ? await guarded(dir, saved, () => openLog(dir, state, training.tensorboard, say)) : undefined;
    const save = async () => {
      if (!keeps) return;
      await guarded(dir, saved, async () => {
        await log!.sync();
        await saveState(dir, config, state, tensors);
      });
      saved = state.step;
    };
    const kindOf = stepKinds(options, settled), plans = trainingPlans(corpus, seeded, model);
    for (let i = 0; i < state.step * accumulate; i++) plans.next();
    const prepare = (number: number): Part[] =>
      Array.from({ length: accumulate }, () => {
        const plan = plans.next().value;
        return { plan, batch: trainingBatch(corpus, plan, seeded, kindOf(number).paired ? model : "BERT") };
      });
    let next = prepare(state.step + 1);
    const shapes = new Set<string>(); // those that were compiled
    const tensorsOf = (number: number, parts: Part[]) =>
      parts.map(({ batch }) => toTensors(kindOf(number).shared?.own(batch) ?? batch));
    const shapeOf = (number: number) => ({ plan }: Part) => `${plan.length} ${kindOf(number).paired}`;
    const begin = (number: number): Running => {
      const begun = performance.now(), parts = next, rate = learningRate(training, number);
      const { step, shared } = kindOf(number);
      const queued = step(
        tensors,
        tensorsOf(number, parts),
        adamWScalars(training, number, rate, ...(shared ? [signal?.aborted ? 1 : 0] : [])),
        parts.map((_, i) => [seed, (number - 1) * accumulate + i + 1]),
        mask,
      );
      queued.catch(() => {}); // thrown where it is awaited
      return { begun, number, parts, rate, queued };
    };
    while (state.step < steps && !state.ended) {
      const { begun, number, parts, rate, queued } = running ?? begin(state.step + 1);
      const { paired, shared } = kindOf(number), after = number + 1;
      next = prepare(after); // while the step runs
      const known = next.map(shapeOf(after)).every((shape) => shapes.has(shape));
      if (!known) kindOf(after).step.prepare(tensors[0], tensorsOf(after, next));
      const { state: stepped, read } = await queued;
      tensors = stepped;
      const due = number % training.validateEvery === 0 || number === steps;
      running = ahead && !due && !signal?.aborted ? begin(number + 1) : undefined;
      const { numbers, correct } = await read();
      const wrong = trouble(numbers, state, training);
      if (wrong) throw diverged(wrong, parts);
      const [loss, masked, contrast, contrastAccuracy, gradientNorm, guessedByAll, stops] = numbers;
      const { tokens, chosen, guessed } = counts(corpus, parts, shared ? undefined : correct);
      const tokensPerSecond = tokens / ((performance.now() - Math.max(begun, lastRead)) / 1000);
      lastRead = performance.now();
      const validation = due && validationBars.length > 0
        ? await validated(() => evaluateMasked({ config, weights: tensors[0] }, corpus, validationBars, recipe, number))
        : undefined;
      if (validation && !Number.isFinite(validation.loss)) {
        throw diverged(`the validation loss after it is ${validation.loss}`, parts);
      }
      state.step = number;
      state.tokens += tokens;
      state.firstLoss ??= loss;
      if (validation) {
        state.ended = outOfPatience(state, validation.loss, training);
        if (state.best === null || validation.loss < state.best.loss) {
          state.best = { step: number, loss: validation.loss };
          const weights = await tensors[0].data<"float32">();
          if (keeps) await guarded(dir, saved, () => saveBest(dir, number, config, weights));
        }
      }
      const now = performance.now(), { tensors: live, handles } = tensorCount();
      state.seconds += (now - lap) / 1000;
      lap = now;
      const place = { model, step: number, steps, epoch: parts[0].plan.epoch, tokens: state.tokens };
      const has = paired || !compares(model),
        scores = {
          loss,
          masked,
          contrast: has ? contrast : null,
          accuracy: (shared ? guessedByAll : guessed) / chosen,
          contrastAccuracy: has ? contrastAccuracy : null,
          gradientNorm,
        };
      const pace = { learningRate: rate, seconds: state.seconds, tokensPerSecond };
      const memory = { resident: Deno.memoryUsage().rss / 2 ** 20, tensors: live, handles };
      const measured = validation && { validation: { loss: validation.loss, accuracy: validation.accuracy } };
      const final = number === steps || state.ended, before = shapes.size;
      for (const shape of parts.map(shapeOf(number))) shapes.add(shape);
      const compiled = shapes.size > before && { compiled: true as const };
      const entry: StepLog = { ...place, ...scores, ...pace, memory, ...measured, ...compiled, final };
      if (log) await guarded(dir, saved, () => log.append(entry));
      if (due) {
        await save();
        tensors = await tensorsOfFirst(tensors); // on unlike machines updates differ by their rounding
      }
      yield entry;
      if ((shared ? stops > 0 : signal?.aborted) && !entry.final && !running) {
        if (saved !== number) await save();
        return;
      }
    }
    if (keeps) await guarded(dir, saved, () => finishRun(dir, state));
  } finally {
    const left = await running?.queued.catch(() => undefined);
    tf.dispose([...tensors, ...left?.state ?? [], mask]);
    await left?.read().catch(() => {});
  }
}
