/**
 * What the workers that train one model tell each other besides sums of gradients: that they train the same, where the
 * training stands, and how it validates. With one worker everything here gives its input back.
 * @module
 */
import { sha256 } from "../../base/files.ts";
import { UserError } from "../../base/user_error.ts";
import { compile, tf } from "../../engine/mod.ts";
import { sumNumbers, sumsOfWorkers, textOfFirst, worker, workers } from "../../engine/workers.ts";
import type { StepState } from "../training_step.ts";

/** Numbers of a digest that are compared: bytes, 6 of SHA-256's 32, which no mistake hits by chance. */
const COMPARED = 6;

/**
 * Compares what all workers train.
 *
 * @param inputs what the training's numbers depend on
 * @throws {UserError} naming the workers that train something else than the first one
 */
export async function agree(inputs: unknown): Promise<void> {
  if (workers === 1) return;
  const digest = await sha256(new TextEncoder().encode(JSON.stringify(inputs))),
    all = new Float32Array(workers * COMPARED);
  all.set(Uint8Array.fromHex(digest).subarray(0, COMPARED), worker * COMPARED);
  const sums = await sumNumbers(all), of = (i: number) => sums.subarray(i * COMPARED, (i + 1) * COMPARED).join();
  const other = Array.from({ length: workers }, (_, i) => i).filter((i) => of(i) !== of(0));
  if (other.length === 0) return;
  throw new UserError(
    `Workers ${
      other.join(", ")
    }: expected the model, recipe and songs of worker 0, found others. Start all workers by the ` +
      "same command, with the same variables, on the same version of this project.",
  );
}

/** The first worker's value, as JSON; the others make none. */
export async function valueOfFirst<T>(make: () => T | Promise<T>): Promise<T> {
  if (workers === 1) return await make();
  return JSON.parse(await textOfFirst(worker === 0 ? JSON.stringify(await make()) : ""));
}

const sums = compile("state_of_first", (...state) => sumsOfWorkers(state));

/** The first worker's weights and moments; takes and disposes of this one's. */
export async function tensorsOfFirst(tensors: StepState): Promise<StepState> {
  if (workers === 1) return tensors;
  const own = worker === 0 ? tensors : tensors.map((tensor) => tf.zerosLike(tensor));
  try {
    return await sums(...own) as StepState;
  } finally {
    tf.dispose([...tensors, ...own]);
  }
}

/** The first worker's numbers. */
export const numbersOfFirst = async (numbers: number[]): Promise<number[]> =>
  workers === 1 ? numbers : Array.from(await sumNumbers(numbers.map((number) => worker === 0 ? number : 0)));
