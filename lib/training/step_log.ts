/**
 * The log of a training: a line of JSON for each step, which the notebook, the terminal and tests share.
 * @module
 */
import { readTextIfThere, writeFile } from "../base/files.ts";
import type { ModelName } from "../bert/variants.ts";
import { eventHeader, eventRecord } from "./tensorboard.ts";

/** One optimizer step, as logged. */
export interface StepLog {
  /** Which model is trained. */
  model: ModelName;
  /** From 1. */
  step: number;
  /** Steps that the recipe asks for. */
  steps: number;
  /** Which pass over the training bars, from 0. */
  epoch: number;
  /** Tokens of the first views, pads not counted, since the run began. */
  tokens: number;
  /** L = L_MLM + α·NT-Xent, nats. */
  loss: number;
  /** L_MLM, nats. */
  masked: number;
  /** NT-Xent, nats; 0 for plain BERT. */
  contrast: number;
  /** Share of chosen tokens guessed right in this batch, with the model as it was before the step. */
  accuracy: number;
  /** Share of views whose partner is the nearest in the batch; 0 for plain BERT. */
  contrastAccuracy: number;
  /** Norm of the whole gradient, before clipping. */
  gradientNorm: number;
  /** Learning rate of this step. */
  learningRate: number;
  /** Seconds since the run began, validations and checkpoints included. */
  seconds: number;
  /** Tokens of this step, counted as in `tokens`, by its seconds without validation and checkpoint. */
  tokensPerSecond: number;
  /** The process's resident memory in MiB, and live tensors as TensorFlow.js and the engine count them. */
  memory: { resident: number; tensors: number; handles: number };
  /** At every `validateEvery` steps and at the last. */
  validation?: { loss: number; accuracy: number };
  /** Whether the training ends with this step: the recipe's last, or validation no longer got better. */
  final: boolean;
}

const pathOf = (dir: string): string => `${dir}/training/log.jsonl`;

/** The whole lines of a log up to a step, and the numbers (from 1) of lines that are none. */
async function readLog(dir: string, step: number): Promise<{ logs: StepLog[]; damaged: number[] }> {
  const lines = (await readTextIfThere(pathOf(dir)) ?? "").split("\n");
  lines.pop(); // empty, or a line that was torn when the process died
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

/** A log that is being written. */
export interface LogFile extends Disposable {
  /** Writes a step's line; the system has it when this returns, so that the death of the process does not lose it. */
  append(log: StepLog): Promise<void>;
  /** Returns when the disk has all lines. */
  sync(): Promise<void>;
}

/** Choices of {@link openLog}. */
export interface LogOptions {
  /** The step to go on after; later lines, which will come again, are left out. */
  step: number;
  /** Seconds that the run has taken so far. */
  seconds: number;
  /** Whether to write TensorBoard's event file, too. */
  tensorboard: boolean;
  /** Told of damaged lines, which are left out. */
  say: (line: string) => void;
}

/** A file that grows, or an error that names it. */
function growing(path: string) {
  const file = Deno.openSync(path, { append: true });
  const named = async (write: () => Promise<void>) => {
    try {
      await write();
    } catch (error) {
      throw new Error(`${path} could not be written: ${(error as Error).message}`, { cause: error });
    }
  };
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
 * Opens a model's log to go on after a step.
 *
 * @throws {Error} naming the file, if it cannot be written
 */
export async function openLog(dir: string, { step, seconds, tensorboard, say }: LogOptions): Promise<LogFile> {
  const path = pathOf(dir), { logs, damaged } = await readLog(dir, step);
  if (damaged.length > 0) say(`${path}: expected JSON in lines ${damaged.join(", ")}, found none; they are left out.`);
  const began = Date.now() / 1000 - seconds, events = `${dir}/training/events.out.tfevents.${"0".repeat(10)}.log`;
  const line = (log: StepLog): Uint8Array => new TextEncoder().encode(JSON.stringify(log) + "\n");
  const outputs = [{ path, head: [] as Uint8Array[], entry: line }];
  const event = (log: StepLog) => eventRecord(log, began);
  if (tensorboard) outputs.push({ path: events, head: [eventHeader(began)], entry: event });
  for (const { path, head, entry } of outputs) {
    await writeFile(path, new Uint8Array(await new Blob([...head, ...logs.map(entry)] as BlobPart[]).arrayBuffer()));
  }
  const files = outputs.map(({ path, entry }) => ({ entry, ...growing(path) }));
  return {
    async append(log) {
      for (const { append, entry } of files) await append(entry(log));
    },
    async sync() {
      for (const { sync } of files) await sync();
    },
    [Symbol.dispose]: () => files.forEach(({ close }) => close()),
  };
}
