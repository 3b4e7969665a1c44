/**
 * The log of a training: a line of JSON for each step, which the notebook, the terminal and tests share.
 * @module
 */
import { explained, readTextIfThere, writeFile } from "../base/files.ts";
import type { ModelName } from "../bert/variants.ts";
import { eventHeader, eventRecord } from "./tensorboard.ts";

/**
 * One optimizer step, as logged.
 *
 * `step` counts from 1 to `steps`, `epoch` the passes over the training bars before it; `tokens` (of first views,
 * without pads) and `seconds` (with validations and checkpoints) count from the run's begin. `loss` is `masked` +
 * α·`contrast`, nats; `accuracy` the share of chosen tokens guessed right by the model before the step;
 * `contrastAccuracy` the share of views whose partner is the nearest in the batch. Contrast is 0 for plain BERT, and
 * null in a variant's steps without second views (`contrast.every`); it weighs α·`every`.
 * `gradientNorm` is before clipping; `tokensPerSecond` is the step's own, without validation and checkpoint. `memory`
 * is resident MiB, and live tensors as TensorFlow.js and the engine count them. `compiled` steps were the first of their
 * shape in the process. `validation` comes every
 * `validateEvery` steps and at the last, which is `final`.
 */
export type StepLog =
  & { model: ModelName; validation?: { loss: number; accuracy: number }; compiled?: true; final: boolean }
  & Record<"step" | "steps" | "epoch" | "tokens" | "seconds" | "tokensPerSecond", number>
  & Record<"loss" | "masked" | "accuracy", number>
  & Record<"contrast" | "contrastAccuracy", number | null>
  & Record<"gradientNorm" | "learningRate", number>
  & { memory: Record<"resident" | "tensors" | "handles", number> };

const pathOf = (dir: string): string => `${dir}/training/log.jsonl`;

/** The whole lines of a log up to a step, and the numbers (from 1) of lines that are not JSON. */
async function readLog(dir: string, step: number): Promise<{ logs: StepLog[]; damaged: number[] }> {
  const lines = (await readTextIfThere(pathOf(dir)) ?? "").split("\n");
  lines.pop(); // empty, or a line that was cut when the process died
  const logs: StepLog[] = [], damaged: number[] = [];
  lines.forEach((line, i) => {
    try {
      const log: StepLog = JSON.parse(line);
      if (log.step <= step) logs.push(log);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      damaged.push(i + 1);
    }
  });
  return { logs, damaged };
}

/** The log of a model's training, one entry a step; empty before it began. */
export const trainingLog = async (dir: string): Promise<StepLog[]> => (await readLog(dir, Infinity)).logs;

/** What TensorBoard shows of a step, by tag. */
const scalarsOf = (log: StepLog): Record<string, number | undefined> => ({
  "training/loss": log.loss,
  "training/masked": log.masked,
  "training/contrast": log.contrast ?? undefined,
  "training/accuracy": log.accuracy,
  "training/contrastAccuracy": log.contrastAccuracy ?? undefined,
  "validation/loss": log.validation?.loss,
  "validation/accuracy": log.validation?.accuracy,
  "optimizer/gradientNorm": log.gradientNorm,
  "optimizer/learningRate": log.learningRate,
  "machine/tokensPerSecond": log.tokensPerSecond,
  "machine/residentMiB": log.memory.resident,
});

/** A file that grows; its errors name it. */
function growing(path: string) {
  const file = Deno.openSync(path, { append: true });
  const named = (write: () => Promise<void>) =>
    write().catch((error) => {
      throw explained(path, error);
    });
  return {
    append: (bytes: Uint8Array) =>
      named(async () => {
        while (bytes.length > 0) bytes = bytes.subarray(await file.write(bytes));
      }),
    sync: () => named(() => file.syncData()),
    close: () => file.close(),
  };
}

/**
 * Opens a model's log to go on after a step; lines of later steps are left out, since those steps will come again.
 *
 * `append` returns when the system has the step's line, so that it outlives the process, `sync` when the disk has it.
 *
 * @param tensorboard whether to write TensorBoard's event file, too
 * @param say called with a line about damaged lines, which are left out
 * @throws {UserError} naming the file if it cannot be written
 */
export async function openLog(
  dir: string,
  { step, seconds }: { step: number; seconds: number },
  tensorboard: boolean,
  say: (line: string) => void,
): Promise<Disposable & { append(log: StepLog): Promise<void>; sync(): Promise<void> }> {
  const path = pathOf(dir), { logs, damaged } = await readLog(dir, step);
  if (damaged.length > 0) say(`${path}: expected JSON in lines ${damaged.join(", ")}, found none; they are left out.`);
  const start = Date.now() / 1000 - seconds, events = `${dir}/training/events.out.tfevents.${"0".repeat(10)}.log`;
  const line = (log: StepLog): Uint8Array => new TextEncoder().encode(JSON.stringify(log) + "\n");
  const event = (log: StepLog) => eventRecord(log.step, start + log.seconds, scalarsOf(log));
  const outputs = [{ path, head: [] as Uint8Array[], entry: line }];
  if (tensorboard) outputs.push({ path: events, head: [eventHeader(start)], entry: event });
  for (const { path, head, entry } of outputs) {
    await writeFile(path, new Uint8Array(await new Blob([...head, ...logs.map(entry)] as BlobPart[]).arrayBuffer()));
  }
  const files = outputs.map(({ path, entry }) => ({ entry, ...growing(path) }));
  return {
    append: async (log) => {
      for (const { append, entry } of files) await append(entry(log));
    },
    sync: async () => {
      for (const { sync } of files) await sync();
    },
    [Symbol.dispose]: () => files.forEach(({ close }) => close()),
  };
}
