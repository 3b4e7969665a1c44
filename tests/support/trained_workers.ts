/** Trainings by several workers on a small store. @module */
import { assertEquals, assertLess } from "@std/assert";
import { type Recipe, recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { withFolder } from "./folder.ts";
import { buildSmall } from "./small_store.ts";
import type { TrainingCase, WorkerStep } from "./train_workers_child.ts";
import { freeAddresses, type RunningWorker, startWorkers } from "./workers.ts";

/** Bars of at most 64 tokens; batches of seven rows, so that they cannot be shared out equally. */
export const workersRecipe = (training: RecipeChanges["training"] = {}): Recipe =>
  recipe("sound", "smoke", {
    split: { train: 0.5, validation: 0.3 },
    tokens: { maxTokens: 64 },
    model: { dropout: 0.1 },
    contrast: { every: 2 }, // steps of both kinds
    training: {
      steps: 20,
      batchTokens: 448,
      buckets: [64],
      validateEvery: 10,
      validationBars: 8,
      rowLengths: [64, 128],
      ...training,
    },
  });

/** Makes a store with its recipe beside it, as train_workers_child.ts takes them. */
export const withWorkersStore = (test: (store: string, dir: string) => Promise<void>): Promise<void> =>
  withFolder(async (dir) => {
    const store = `${dir}/store`, choices = workersRecipe();
    await buildSmall(store, ["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd", "d_e1m1"], choices);
    await Deno.writeTextFile(`${store}.json`, JSON.stringify(choices));
    await test(store, dir);
  });

/** Starts so many workers on trainings; one is a process alone. */
export function startTraining(
  store: string,
  models: string,
  cases: TrainingCase[],
  count: number,
  env: Record<string, string> = {},
): RunningWorker[] {
  const hosts = count === 1 ? ["127.0.0.1:1"] : freeAddresses(count); // one address: no server
  return startWorkers("tests/support/train_workers_child.ts", [store, models, JSON.stringify(cases)], hosts, env);
}

/** Asserts that steps have the numbers of others, relatively to so much. */
export function assertNear(found: WorkerStep[], expected: WorkerStep[], most: number): void {
  assertEquals(found.map(({ name, step }) => [name, step]), expected.map(({ name, step }) => [name, step]));
  found.forEach((step, i) => {
    for (const number of ["loss", "gradientNorm"] as const) {
      const right = expected[i][number], place = `${step.name}, step ${step.step}, ${number}`;
      assertLess(Math.abs(step[number] - right), most * right, place);
    }
    assertEquals(step.validation === undefined, expected[i].validation === undefined);
    if (step.validation) assertLess(Math.abs(step.validation.loss - expected[i].validation!.loss), 10 * most);
  });
}

/** What a worker told until it ended: its steps, and how it ended. */
export interface Told {
  steps: WorkerStep[];
  left?: { tensors: number; handles: number };
  failed?: string;
  name?: string;
  code: number;
}

/** Waits for a worker; `onStep` gets each step. */
export async function ended(worker: RunningWorker, onStep: (step: WorkerStep) => void = () => {}): Promise<Told> {
  const told: Omit<Told, "code"> = { steps: [] };
  for (let line; (line = await worker.next<WorkerStep & Omit<Told, "steps">>()) !== undefined;) {
    if (line.step === undefined) Object.assign(told, line);
    else {
      told.steps.push(line);
      onStep(line);
    }
  }
  await worker.process.stdin.close().catch(() => {}); // it has ended
  const { code } = await worker.process.status, error = await worker.error;
  if (code !== 0 && told.failed === undefined && code !== 137) throw new Error(error);
  return { ...told, code };
}
