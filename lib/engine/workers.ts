/**
 * A batch over several workers: processes, also on other machines, that train one model. Each computes its rows of the
 * batch, as many as another or one more or less, and sums go over all of them. With one worker everything here gives its
 * input back.
 * @module
 */
import { compile, engineGroup, rawOp, tf } from "./mod.ts";
import { joinFlat, splitFlat, withGradient } from "./ops.ts";
import { UserError } from "../base/user_error.ts";
import { type Compiled, type Group, type Tensor, TensorFlowError } from "./types.ts";

/** Workers that train one model together; 1 where this process trains alone. */
export const workers: number = engineGroup?.hosts.length ?? 1;

/** This worker's number, from 0; the first one keeps the training's files. */
export const worker: number = engineGroup?.worker ?? 0;

/** Which of `whole` rows a worker has: ranges from one row up to another, without it, in ascending order. */
export type Cut = { whole: number; ranges: readonly (readonly [from: number, to: number])[] };

/** The rows of this worker, of `rows` that all share out: the first ones have one more where they cannot be equal. */
export function ownRange(rows: number, own: number = worker, all: number = workers): [from: number, to: number] {
  return [Math.floor((rows * own + all - 1) / all), Math.floor((rows * (own + 1) + all - 1) / all)];
}

/** The cut of what each row has `count` of, one row's after another's. */
export const times = ({ whole, ranges }: Cut, count: number): Cut => ({
  whole: whole * count,
  ranges: ranges.map(([from, to]) => [from * count, to * count]),
});

/** The cut of several wholes one after another. */
export function joinedCuts(cuts: readonly Cut[]): Cut {
  let before = 0;
  const ranges = cuts.flatMap(({ whole, ranges }) => {
    const own = ranges.map(([from, to]) => [before + from, before + to] as const);
    before += whole;
    return own;
  });
  return { whole: before, ranges };
}

/** The cut of some of a cut's rows, given as ranges of its own: 0 is its first row. */
export function within({ whole, ranges }: Cut, own: readonly (readonly [from: number, to: number])[]): Cut {
  let before = 0;
  const found = ranges.flatMap(([from, to]) => {
    const begin = before;
    before += to - from;
    return own.map(([a, b]) => [Math.max(a, begin), Math.min(b, before)]).filter(([a, b]) => a < b)
      .map(([a, b]) => [from + a - begin, from + b - begin] as const);
  });
  return { whole, ranges: found };
}

/** The rows of a cut, from all of them. It has no gradient. */
export function takeOwn(x: Tensor, { ranges }: Cut): Tensor {
  const parts = ranges.filter(([from, to]) => to > from).map(([from, to]) => x.slice([from], [to - from]));
  return parts.length === 1 ? parts[0] : tf.concat(parts);
}

/** All rows of a cut's whole: its own where they belong, zeros elsewhere. It has no gradient. */
function putOwn(x: Tensor, { whole, ranges }: Cut): Tensor {
  const rest = x.shape.slice(1), parts: Tensor[] = [];
  const zeros = (count: number) => {
    if (count > 0) {
      parts.push(rawOp("Fill", { T: x.dtype, index_type: "int32" }, [
        tf.tensor1d([count, ...rest], "int32"),
        tf.scalar(0),
      ])); // no constant
    }
  };
  let own = 0, end = 0;
  for (const [from, to] of ranges.filter(([from, to]) => to > from)) {
    zeros(from - end);
    parts.push(x.slice([own], [to - from]));
    own += to - from, end = to;
  }
  zeros(whole - end);
  return parts.length === 1 ? parts[0] : tf.concat(parts);
}

/** The sum over all workers, inside a compiled function, the same to the bit on each. It has no gradient. */
export const sumOfWorkers = (x: Tensor): Tensor => engineGroup?.sum(x) ?? x;

/** {@link sumOfWorkers} of several tensors at once. */
export function sumsOfWorkers(tensors: readonly Tensor[]): Tensor[] {
  if (!engineGroup) return [...tensors];
  return splitFlat(engineGroup.sum(joinFlat(tensors)), tensors.map(({ shape }) => shape as number[]));
}

/**
 * All workers' rows (of float32), where this one's are those of a cut. Its gradient is that of what every worker
 * computes of them: its own rows'.
 */
export function gatherRowsOfWorkers(x: Tensor, cut?: Cut): Tensor {
  if (!cut || !engineGroup) return x;
  return withGradient([x], (x) => ({
    value: engineGroup!.sum(putOwn(x, cut)),
    saved: [],
    gradient: (dy) => [takeOwn(dy, cut)],
  }));
}

const sums = new Map<string, Compiled>();

/** The sums over all workers of plain numbers, the same on each; as many on each. It waits for all of them. */
export async function sumNumbers(values: ArrayLike<number>): Promise<Float32Array> {
  const own = Float32Array.from(values);
  if (!engineGroup) return own;
  const key = String(own.length), compiled = sums.get(key) ?? compile("sum", (x) => [sumOfWorkers(x)]);
  sums.set(key, compiled);
  const input = tf.tensor1d(own);
  try {
    const [output] = await compiled(input), read = await output.data<"float32">();
    output.dispose();
    return read;
  } finally {
    input.dispose();
  }
}

/** Worker 0's text, on every worker. It waits for all of them. */
export async function textOfFirst(text: string): Promise<string> {
  if (!engineGroup) return text;
  const bytes = new TextEncoder().encode(worker === 0 ? text : ""), [length] = await sumNumbers([bytes.length]);
  const padded = new Float32Array(length);
  padded.set(bytes);
  return new TextDecoder().decode(Uint8Array.from(await sumNumbers(padded)));
}

/** Seconds between two times that a worker asks the others whether they answer, and how long it waits for an answer. */
const EVERY = 2, ANSWER = 20;

/** Workers that do not answer, in words: their numbers with their addresses. */
const named = (missing: readonly number[]): string => missing.map((i) => `${i} (${engineGroup!.hosts[i]})`).join(", ");

/** Workers of a training whose process ended, or whose machine cannot be reached. */
export class WorkersGoneError extends UserError {}

/**
 * Waits until all workers answer.
 *
 * @throws {WorkersGoneError} naming those that do not after so many seconds
 */
export async function waitForWorkers(seconds: number): Promise<void> {
  const start = performance.now();
  for (let missing; engineGroup && (missing = await engineGroup.missing(ANSWER)).length > 0;) {
    if (performance.now() - start > 1000 * seconds) {
      throw new WorkersGoneError(
        `Worker ${worker} waited ${seconds} seconds for ${
          named(missing)
        }. Start all ${workers} workers with the same ` +
          "list of addresses, and see that their machines reach each other at these.",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/**
 * Asks the other workers now and then whether they are there, until it is disposed of. If one is not, this worker's sums
 * fail at once: EVERY + ANSWER seconds at most after it went. `explain` turns the error of a sum that failed into one
 * that says who is gone; other errors it gives back. It first goes on answering for a moment, so that the others find
 * out who is gone, and not who stopped because of it.
 */
export function watchWorkers(): AsyncDisposable & { explain(error: unknown): Promise<unknown> } {
  let watching = true, gone: number[] = [], wake = () => {};
  const pause = (seconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1000 * seconds);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const ask = async (group: Group) => {
    gone = await group.missing(ANSWER);
    if (gone.length > 0) group.abort(`Workers ${gone} are gone.`);
  };
  const watch = async (group: Group) => {
    for (; watching && gone.length === 0; await pause(EVERY)) await ask(group);
  };
  const done = engineGroup ? watch(engineGroup) : Promise.resolve();
  return {
    async explain(error) {
      if (!engineGroup || !(error instanceof TensorFlowError)) return error;
      if (gone.length === 0) await ask(engineGroup);
      if (gone.length === 0) return error;
      await new Promise((resolve) => setTimeout(resolve, 2000 * EVERY));
      return new WorkersGoneError(
        `Of ${workers} workers, ${named(gone)} ${gone.length > 1 ? "are" : "is"} gone: the process ended, or its ` +
          "machine cannot be reached. Its own messages say why. The others stop. Start all again, as many as you like: " +
          "the training goes on from its last state.",
        { cause: error },
      );
    },
    async [Symbol.asyncDispose]() {
      watching = false;
      wake();
      await done;
    },
  };
}
