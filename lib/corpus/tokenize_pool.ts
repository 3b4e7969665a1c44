/**
 * Tokenizes a source's chunks on all cores, each into a part on disk.
 * @module
 */
import { type Chunk, partPath, tokenizeChunk, writePart } from "./tokenize.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";

/** What a worker is sent. */
export type ToTokenizer = { kind: "build"; recipe: CorpusRecipe; dir: string } | { kind: "chunk"; chunk: Chunk };

/** What a worker answers to a chunk. */
export type FromTokenizer =
  | { kind: "done"; index: number }
  | { kind: "error"; index: number; name: string; message: string; stack?: string };

/** Choices of {@link tokenizeChunks}. */
export interface PoolOptions {
  /** Workers; 0 tokenizes on this thread. */
  workers: number;
  /** Stops between chunks; the parts on disk stay. */
  signal?: AbortSignal;
  /** Called when a chunk's part is on disk. */
  onDone?: (chunk: Chunk) => void;
}

/** A worker that takes several chunks; they are done in turn. */
function tokenizer(recipe: CorpusRecipe, dir: string) {
  const worker = new Worker(new URL("./tokenize_worker.ts", import.meta.url).href, { type: "module" });
  const waiting = new Map<number, PromiseWithResolvers<void>>();
  const fail = (error: Error) => waiting.forEach(({ reject }) => reject(error));
  worker.onmessage = ({ data }: MessageEvent<FromTokenizer>) => {
    const asked = waiting.get(data.index);
    waiting.delete(data.index);
    if (data.kind === "done") return asked?.resolve();
    const error = new Error(data.message);
    error.name = data.name;
    error.stack = data.stack;
    asked?.reject(error);
  };
  worker.onmessageerror = () => fail(new Error("A tokenizing worker's answer could not be read."));
  worker.onerror = (event) => {
    event.preventDefault();
    fail(new Error(`A tokenizing worker failed: ${event.message}`));
  };
  worker.postMessage({ kind: "build", recipe, dir } satisfies ToTokenizer);
  return {
    run(chunk: Chunk): Promise<void> {
      const asked = Promise.withResolvers<void>();
      waiting.set(chunk.index, asked);
      const held = chunk.files.flatMap(({ bytes }) => bytes?.buffer ?? []);
      worker.postMessage({ kind: "chunk", chunk } satisfies ToTokenizer, held as ArrayBuffer[]);
      return asked.promise;
    },
    end: () => worker.terminate(),
  };
}

/**
 * Tokenizes every chunk into a part below `dir`; at most two chunks a worker are in memory.
 *
 * @throws what a chunk's tokenizing throws, or the signal's reason; the parts that are done stay.
 */
export async function tokenizeChunks(
  chunks: AsyncGenerator<Chunk>,
  dir: string,
  recipe: CorpusRecipe,
  { workers, signal, onDone }: PoolOptions,
): Promise<void> {
  const pool = Array.from({ length: workers }, () => tokenizer(recipe, dir));
  const here = async (chunk: Chunk) => {
    await writePart(partPath(dir, chunk.index), tokenizeChunk(chunk, recipe));
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets the notebook's kernel answer
  };
  const stop = Promise.withResolvers<never>();
  stop.promise.catch(() => {}); // nobody may be waiting when it comes
  const onAbort = () => stop.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  let ended = false;
  const drain = async (run: (chunk: Chunk) => Promise<void>): Promise<void> => {
    while (!ended) {
      signal?.throwIfAborted();
      const { value: chunk, done } = await chunks.next();
      if (done) return;
      await run(chunk);
      onDone?.(chunk);
    }
  };
  try {
    const lanes = pool.length > 0 ? [...pool, ...pool].map(({ run }) => drain(run)) : [drain(here)];
    await Promise.race([Promise.all(lanes), stop.promise]);
    signal?.throwIfAborted();
  } finally {
    ended = true;
    signal?.removeEventListener("abort", onAbort);
    for (const { end } of pool) end();
    await chunks.return(undefined);
  }
}
