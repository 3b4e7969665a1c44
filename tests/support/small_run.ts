/**
 * A small corpus, and trainings on it, for the tests of the training loop and of what it keeps.
 * @module
 */
import type { Corpus } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import type { ModelName } from "@lib/bert/variants.ts";
import { pretrain } from "@lib/training/pretrain.ts";
import type { StepLog } from "@lib/training/step_log.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { buildSmall } from "./small_store.ts";
export { withFolder } from "./folder.ts";
export { buildSmall };

/** The recipe of the small runs. */
export const choices: Recipe = recipe("sound", "smoke", { split: { train: 0.5, validation: 0.3 } });

/** A store of some embedded songs, held in memory. */
export async function smallCorpus(
  names: string[] = ["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd", "d_e1m1"],
  recipe: Recipe = choices,
): Promise<Corpus> {
  const dir = await Deno.makeTempDir();
  await buildSmall(dir, names, recipe);
  const opened = await openCorpus(dir);
  await Deno.remove(dir, { recursive: true });
  return opened;
}

/** Choices of {@link collect}. */
export interface Collect {
  model?: ModelName;
  recipe?: Recipe;
  seed?: number;
  /** Aborts after so many steps of this call. */
  stopAfter?: number;
  say?: (line: string) => void;
}

/** Trains and returns the steps. */
export async function collect(
  corpus: Corpus,
  dir: string,
  { model = "BERT", recipe = choices, seed, stopAfter = Infinity, say }: Collect = {},
): Promise<StepLog[]> {
  const logs: StepLog[] = [], controller = new AbortController();
  for await (const log of pretrain({ corpus, recipe, model, seed, dir, signal: controller.signal, say })) {
    logs.push(log);
    if (logs.length === stopAfter) controller.abort();
  }
  return logs;
}

/** What two runs that are the same to the bit have in common. */
export const numbers = (logs: StepLog[]) =>
  logs.map(({ step, loss, accuracy, gradientNorm, validation }) => [
    step,
    loss,
    accuracy,
    gradientNorm,
    validation?.loss,
  ]);
