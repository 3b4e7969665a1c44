/**
 * The state of a training on disk. Below a model's `training/` stand `step-N/`, a checkpoint with the optimizer's
 * moments and `state.json`, for the last saved step and the one before, and `best-N/`, the checkpoint of the lowest
 * validation loss. Each folder is whole or absent. `state.json` has the SHA-256 of every other file, and its own.
 * @module
 */
import type { BertConfig } from "../bert/config.ts";
import { checkpointFiles, type Checksums, loadCheckpoint, readChecked } from "../bert/checkpoint.ts";
import { saveCheckpoint, verifyCheckpoint } from "../bert/checkpoint.ts";
import { CheckpointError } from "../bert/hugging_face.ts";
import type { Corpus } from "../corpus/store.ts";
import { engineInfo, tf } from "../engine/mod.ts";
import type { Tensor } from "../engine/types.ts";
import { exists, removeIfThere, sha256, writeFile, writeFolder } from "../base/files.ts";
import { UserError } from "../base/user_error.ts";
import type { ModelName } from "../bert/variants.ts";
import type { PrecisionChoice } from "./pace/precision.ts";
import { completed } from "../recipe/older.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { readSafetensors, writeSafetensors } from "../matrix/safetensors.ts";
import { trainingLog } from "./step_log.ts";
import type { StepState } from "./training_step.ts";

/** The part of a recipe that a training's numbers depend on; `tensorboard` and the number of seeds change none. */
function countedRecipe({ seed, model, masking, views, contrast, training }: Recipe) {
  const { tensorboard: _, seeds: _others, ...counted } = training;
  return { seed, model, masking, views, contrast, training: counted };
}

/** What a run's numbers depend on; it goes on only with the same. */
type RunInputs =
  & { model: ModelName; recipe: ReturnType<typeof countedRecipe> }
  & { corpus: { songs: number; bars: number; checksum: string } }
  & { engine: Record<"engine" | "device", string> & Partial<PrecisionChoice> };

/**
 * Where a run stands; everything else follows from the recipe, the corpus and the step.
 *
 * `tokens` are of first views, without pads; `seconds` of all sittings; a loss counts as exploded relative to
 * `firstLoss`; `patience` has the last validation loss that improved enough, and how many validations followed; `ended`
 * says that validation stopped improving before the last step; `threads` are the numbers of threads that the sittings
 * had, each once, the last one's last: equal to the bit are trainings with the same one alone; so are numbers of
 * `branches` and `workers`.
 */
export type RunState =
  & Record<"step" | "tokens" | "seconds", number>
  & { firstLoss: number | null; best: { step: number; loss: number } | null; ended: boolean; began: RunInputs }
  & { patience: { reference: number | null; waited: number } }
  & Record<"threads" | "branches" | "workers", number[]>;

/** What a run on this machine depends on; `choice` is what `training.precision` came to. */
export function runInputs(
  recipe: Recipe,
  { songs, bars, checksum }: Corpus,
  model: ModelName,
  choice: PrecisionChoice,
): RunInputs {
  const { engine, device } = engineInfo();
  return {
    model,
    recipe: countedRecipe(recipe),
    corpus: { songs: songs.length, bars, checksum },
    engine: { engine, device, ...choice },
  };
}

/** The state of a run before its first step. */
export function newRun(began: RunInputs): RunState {
  const patience = { reference: null, waited: 0 };
  return {
    step: 0,
    tokens: 0,
    seconds: 0,
    firstLoss: null,
    best: null,
    patience,
    ended: false,
    threads: [],
    branches: [],
    workers: [],
    began,
  };
}

/** Notes the numbers of threads, branches and workers of a sitting; a line about it if the one before had others. */
export function noteThreads(run: RunState, now: number, branches = 1, workers = 1): string | undefined {
  const { step, began: { model, engine } } = run;
  const count = (n: number, one: string, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;
  // Early versions had one branch and one worker and did not record it.
  const before = run.threads.at(-1), parts = run.branches.at(-1) ?? 1, others = run.workers.at(-1) ?? 1;
  const note = (numbers: number[], number: number) => [...numbers.filter((other) => other !== number), number];
  run.threads = note(run.threads, now), run.workers = note(run.workers, workers);
  run.branches = note(run.branches, branches);
  const told = (now: string, before: string, how: string) =>
    `${model}: the training goes on with ${now} after step ${step}, which it came to with ${before}. Sums are added in ` +
    `another order then, so its weights are not, to the bit, those of a training that keeps to one number${how}.`;
  if (before === undefined || engine.device !== "CPU") return undefined;
  if (others !== workers) return told(count(workers, "worker"), count(others, "worker"), "");
  if (before !== now) {
    const set = parts === 1 ? ` (TF_NUM_INTRAOP_THREADS=${before})` : "";
    return told(count(now, "thread"), count(before, "thread"), set);
  }
  return parts === branches
    ? undefined
    : told(count(branches, "branch", "branches"), count(parts, "branch", "branches"), "");
}

/** The numbers of threads that the sittings of a training had; none if an early version trained it. */
export async function threadsOf(dir: string): Promise<number[]> {
  const [last] = await stepsOf(dir, "step");
  return last === undefined ? [] : (await readStored(stateFolder(dir, last))).run.threads;
}

/** The fields in which two values differ, as dotted names with both values. */
function changedFields(a: unknown, b: unknown, path: string): string[] {
  if (Object(a) !== a || Object(b) !== b) { // a primitive, or null
    return Object.is(a, b) ? [] : [`${path} (${JSON.stringify(a)}, now ${JSON.stringify(b)})`];
  }
  const [before, now] = [a, b] as Record<string, unknown>[];
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...keys].flatMap((key) => changedFields(before[key], now[key], `${path}.${key}`));
}

/** How the inputs of two runs differ, in words. */
function differences(before: RunInputs, now: RunInputs): string[] {
  const corpus = ({ songs, bars, checksum }: RunInputs["corpus"]) =>
    `${songs} songs with ${bars} bars, checksum ${checksum.slice(0, 12)}`;
  const engine = ({ engine, device, precision }: RunInputs["engine"]) =>
    `${engine} on the ${device} in ${precision ?? "float32"}`; // early versions had no other and did not record it
  const part = (name: string, a: string, b: string) => a === b ? [] : [`the ${name} (${a}, now ${b})`];
  return [
    ...part("model", before.model, now.model),
    ...changedFields(countedRecipe(completed(before.recipe) as Recipe), now.recipe, "recipe"),
    ...part("corpus", corpus(before.corpus), corpus(now.corpus)),
    ...part("engine", engine(before.engine), engine(now.engine)),
  ];
}

const folderName = (kind: "step" | "best", step: number) => `${kind}-${String(step).padStart(7, "0")}`;
/** The folder of a step's state. */
export const stateFolder = (dir: string, step: number): string => `${dir}/training/${folderName("step", step)}`;
/** The folder of the best weights, by their step. */
const bestFolder = (dir: string, step: number): string => `${dir}/training/${folderName("best", step)}`;

/** The steps of the folders `step-N` or `best-N` of a run, the latest first. */
async function stepsOf(dir: string, kind: "step" | "best"): Promise<number[]> {
  const entries = await Array.fromAsync(Deno.readDir(`${dir}/training`));
  const steps = entries.flatMap(({ name }) => new RegExp(`^${kind}-(\\d+)$`).exec(name)?.[1] ?? []);
  return steps.map(Number).sort((a, b) => b - a);
}

/** What `state.json` has but its seal; `files` are SHA-256 by path, `checksum.json` for the checkpoint's files. */
type Stored = { run: RunState; files: Checksums };

const sealOf = (stored: Stored) => sha256(new TextEncoder().encode(JSON.stringify(stored)));

async function readStored(folder: string): Promise<Stored> {
  const path = `${folder}/state.json`, text = new TextDecoder().decode(await readChecked(path));
  let sealed: Stored & { seal?: string };
  try {
    sealed = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(`${path} is damaged: expected JSON, found none (${(error as Error).message}).`);
  }
  const { seal, ...stored } = sealed ?? {};
  if (seal !== await sealOf(stored as Stored)) {
    throw new CheckpointError(`${path} is damaged: its checksum differs from its seal.`);
  }
  const { run, files } = stored as Stored;
  return { run: { ...newRun(run.began), ...run }, files }; // an early version may lack a field
}

const MOMENTS = ["first", "second"] as const;

/** The saved state of a different run; an older state cannot help. */
class OtherRun extends CheckpointError {}

type SavedRun = { run: RunState; tensors: StepState };

async function readState(dir: string, step: number, now: RunInputs): Promise<SavedRun> {
  const folder = stateFolder(dir, step), { run, files } = await readStored(folder);
  const different = differences(run.began, now);
  if (different.length > 0) {
    throw new OtherRun(
      `${dir} holds a run that began differently: ${different.join("; ")}. ` +
        "Go on with what it began with, or choose another run name.",
    );
  }
  for (const [name, sum] of Object.entries(files)) await readChecked(`${folder}/${name}`, sum);
  if (run.best) await verifyCheckpoint(bestFolder(dir, run.best.step));
  const moments = readSafetensors(await readChecked(`${folder}/optimizer.safetensors`));
  const { weights, hasHead } = await loadCheckpoint(folder);
  if (!hasHead) throw new CheckpointError(`${folder}: expected a model with an MLM head, found one without.`);
  const [first, second] = MOMENTS.map((name) => tf.tensor1d(moments.get(name)!.data as Float32Array));
  return { run, tensors: [weights, first, second] };
}

/**
 * The latest state of a run that was stopped. If it is damaged, the one before, and `say` is called with the reason.
 *
 * @returns the state and its tensors, which belong to the caller; undefined where no run began
 * @throws {CheckpointError} if the run began differently, naming what differs, or if no state is whole, naming files
 */
export async function readRun(dir: string, now: RunInputs, say: (line: string) => void): Promise<SavedRun | undefined> {
  const refused: string[] = [];
  for (const step of await stepsOf(dir, "step")) {
    try {
      const saved = await readState(dir, step, now);
      for (const reason of refused) say(`${reason} Going on from step ${step} instead.`);
      return saved;
    } catch (error) {
      if (!(error instanceof CheckpointError) || error instanceof OtherRun) throw error;
      refused.push(error.message);
    }
  }
  const { length: logged } = await trainingLog(dir);
  if (refused.length === 0 && logged > now.recipe.training.validateEvery) {
    refused.push(`${dir}/training: expected a state step-N, as its log tells of ${logged} steps, found none.`);
  }
  if (refused.length === 0) return undefined;
  throw new CheckpointError(
    `This run cannot go on: ${refused.join(" ")} Bring the files back from a copy, or choose another run name.`,
  );
}

/** The element type that the training in a folder began with, and why; undefined where none was saved. */
export async function recordedPrecision(dir: string): Promise<PrecisionChoice | undefined> {
  if (!exists(`${dir}/training`)) return undefined;
  for (const step of await stepsOf(dir, "step")) {
    const stored = await readStored(stateFolder(dir, step)).catch((error) => {
      if (!(error instanceof CheckpointError)) throw error;
    });
    if (!stored) continue; // damaged: the state before it may be whole
    const { precision = "float32", reason = "as before", milliseconds } = stored.run.began.engine;
    return { precision, reason, ...(milliseconds && { milliseconds }) };
  }
  return undefined;
}

/** Saves weights as the best so far. */
export const saveBest = (dir: string, step: number, config: BertConfig, weights: Float32Array): Promise<void> =>
  writeFolder(bestFolder(dir, step), (folder) => saveCheckpoint(folder, config, weights));

/**
 * Saves the state of a step. Of earlier states the latest stays, with the best weights of either.
 *
 * @param tensors weights, first and second moments
 * @throws {UserError} if a file cannot be written, naming it, or a number is not finite; earlier states stay whole
 */
export async function saveState(dir: string, config: BertConfig, run: RunState, tensors: Tensor[]): Promise<void> {
  const finite = async (tensor: Tensor) => {
    const values = await tensor.data<"float32">();
    if (values.every(Number.isFinite)) return values;
    throw new UserError(`step ${run.step}: expected finite weights and moments, found some that are not.`);
  };
  const [weights, ...moments] = tensors;
  await writeFolder(stateFolder(dir, run.step), async (folder) => { // one file after another, as they may be large
    await saveCheckpoint(folder, config, await finite(weights));
    const values = await Promise.all(moments.map(finite));
    const named = MOMENTS.map((name, i) => [name, { shape: moments[i].shape, data: values[i] }] as const);
    const bytes = writeSafetensors(new Map(named));
    await writeFile(`${folder}/optimizer.safetensors`, bytes);
    const files: Checksums = {
      "checksum.json": await sha256(await Deno.readFile(`${folder}/checksum.json`)),
      "optimizer.safetensors": await sha256(bytes),
    };
    const stored = { run, files };
    await writeFile(`${folder}/state.json`, JSON.stringify({ ...stored, seal: await sealOf(stored) }) + "\n");
  });
  await prune(dir, run);
}

/** Removes all states but a run's own and the latest before it, and the best weights that neither of them names. */
async function prune(dir: string, run: RunState): Promise<void> {
  const steps = await stepsOf(dir, "step"), before = steps.find((step) => step < run.step);
  const bests = new Set([run.best?.step]);
  if (before !== undefined) {
    // a damaged one names none: it is also skipped when the run goes on
    bests.add(await readStored(stateFolder(dir, before)).then(({ run }) => run.best?.step, () => undefined));
  }
  for (const step of steps) if (step !== run.step && step !== before) await removeIfThere(stateFolder(dir, step));
  for (const step of await stepsOf(dir, "best")) if (!bests.has(step)) await removeIfThere(bestFolder(dir, step));
}

/** Copies the weights that the recipe keeps to the model's own folder. */
export async function finishRun(dir: string, { step, best, began }: RunState): Promise<void> {
  const from = began.recipe.training.keep === "best" && best ? bestFolder(dir, best.step) : stateFolder(dir, step);
  for (const name of checkpointFiles) await writeFile(`${dir}/${name}`, await Deno.readFile(`${from}/${name}`));
}
