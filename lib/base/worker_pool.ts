/**
 * Work on several cores: jobs go to a pool of web workers, answers come back in the order of the jobs. A worker's module
 * calls {@link serve} with the function that {@link runPool} calls itself when there are no workers.
 * @module
 */
import { UserError } from "./user_error.ts";

/** An array of numbers. */
type Numbers = Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array;

/** A copy of numbers in memory that threads share: a worker that is sent them sees the same ones, and has no copy. */
export function inSharedMemory<T extends Numbers>(values: T): T {
  const Kind = values.constructor as new (buffer: SharedArrayBuffer) => T;
  const shared = new Kind(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

/** Gets what all jobs share, once in each worker; returns what does a job. */
type Start<Shared, Job, Answer> = (shared: Shared) => (job: Job) => Answer | Promise<Answer>;

/** An error in a form that survives the way between threads; `mendable` says whether it is a {@link UserError}. */
type SentError = Pick<Error, "name" | "message" | "stack"> & { cause?: SentError; mendable: boolean };

type ToWorker<Shared, Job> = { shared: Shared } | { id: number; job: Job };
type FromWorker<Answer> = { id: number; answer: Answer } | { id: number; error: SentError };

function toSent(thrown: unknown): SentError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const cause = error.cause === undefined ? undefined : toSent(error.cause);
  const { name, message, stack } = error;
  return { name, message, stack, cause, mendable: error instanceof UserError };
}

function fromSent({ name, message, stack, cause, mendable }: SentError): Error {
  const options = cause && { cause: fromSent(cause) };
  const error = mendable ? new UserError(message, options) : new Error(message, options);
  return Object.assign(error, { name, stack });
}

/** Answers a pool's jobs in this worker. */
export function serve<Shared, Job, Answer>(start: Start<Shared, Job, Answer>): void {
  const scope = globalThis as unknown as Pick<Worker, "postMessage" | "onmessage">;
  const send = (message: FromWorker<Answer>) => scope.postMessage(message);
  let shared: Shared, perform: ReturnType<typeof start>;
  scope.onmessage = async ({ data }: MessageEvent<ToWorker<Shared, Job>>) => {
    if ("shared" in data) return void (shared = data.shared);
    const { id, job } = data;
    try {
      perform ??= start(shared);
      send({ id, answer: await perform(job) });
    } catch (error) {
      send({ id, error: toSent(error) });
    }
  };
}

type PoolOptions<Job, Answer> = {
  workers: number;
  lanes?: number;
  transfer?: (job: Job) => Transferable[];
  onDone?: (job: Job, answer: Answer) => void;
  failure?: (error: Error, job: Job) => Error;
  signal?: AbortSignal;
};

/** A worker and what waits for its answers. */
function startWorker<Shared, Job, Answer>(url: URL, shared: Shared, transfer?: (job: Job) => Transferable[]) {
  const worker = new Worker(url.href, { type: "module" });
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  let next = 0, broken: Error | undefined;
  const fail = (message: string) => {
    broken = new Error(message);
    waiting.forEach(({ reject }) => reject(broken));
  };
  worker.onmessage = ({ data }: MessageEvent<FromWorker<Answer>>) => {
    const { resolve, reject } = waiting.get(data.id)!;
    waiting.delete(data.id);
    if ("error" in data) reject(fromSent(data.error));
    else resolve(data.answer);
  };
  worker.onmessageerror = () => fail("a worker's answer could not be read.");
  worker.onerror = (event) => {
    event.preventDefault();
    fail(`a worker failed: ${event.message}`);
  };
  worker.postMessage({ shared } satisfies ToWorker<Shared, Job>);
  return {
    perform(job: Job): Promise<Answer> {
      if (broken) return Promise.reject(broken);
      const id = next++, answer = Promise.withResolvers<Answer>();
      waiting.set(id, answer);
      worker.postMessage({ id, job } satisfies ToWorker<Shared, Job>, transfer?.(job) ?? []);
      return answer.promise;
    },
    end: () => worker.terminate(),
  };
}

/**
 * Has all jobs done, and returns their answers in the jobs' order. A job is fetched when a worker is free for it.
 *
 * @param start the function that the module at `url` serves
 * @param url the workers' module
 * @param shared what all jobs share; it is copied to each worker once
 * @param options `workers`: 0 does the jobs on this thread, and lets other work through between them; `lanes`: jobs
 * that a worker has at a time (two keep it busy while the next is fetched); `transfer`: a job's buffers that are moved,
 * not copied; `onDone`: called after each job, with its answer; `failure`: makes the error that is thrown of a job's
 * @throws the first error of a job, by its name, message, stack and cause, or the signal's reason; the rest is stopped
 */
export async function runPool<Shared, Job, Answer>(
  start: Start<Shared, Job, Answer>,
  url: URL,
  shared: Shared,
  jobs: AsyncIterable<Job> | Iterable<Job>,
  { workers, lanes = 1, transfer, onDone, failure = (error) => error, signal }: PoolOptions<Job, Answer>,
): Promise<Answer[]> {
  signal?.throwIfAborted();
  const pool = Array.from({ length: workers }, () => startWorker<Shared, Job, Answer>(url, shared, transfer));
  const answers: Answer[] = [];
  const queue = (async function* () {
    yield* jobs;
  })();
  const stop = Promise.withResolvers<never>(), onAbort = () => stop.reject(signal?.reason);
  stop.promise.catch(() => {}); // nobody may wait for it when it comes
  signal?.addEventListener("abort", onAbort, { once: true });
  let taken = 0, ended = false;
  const drain = async (perform: (job: Job) => Answer | Promise<Answer>): Promise<void> => {
    while (!ended) {
      const { value: job, done } = await queue.next();
      if (done || ended) return;
      const place = taken++;
      try {
        answers[place] = await perform(job);
      } catch (error) {
        throw failure(error instanceof Error ? error : new Error(String(error)), job);
      }
      if (workers === 0) await new Promise((resolve) => setTimeout(resolve, 0)); // lets the notebook's kernel answer
      signal?.throwIfAborted();
      onDone?.(job, answers[place]);
    }
  };
  try {
    const draining = workers === 0
      ? [drain(start(shared))]
      : pool.flatMap(({ perform }) => Array.from({ length: lanes }, () => drain(perform)));
    await Promise.race([Promise.all(draining), stop.promise]);
    return answers;
  } finally {
    ended = true;
    signal?.removeEventListener("abort", onAbort);
    for (const { end } of pool) end();
    await queue.return(undefined);
  }
}
