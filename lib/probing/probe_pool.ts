/**
 * Probes many layers at once, on as many cores as there are.
 * @module
 */
import type { ProbeMeta, ProbeRow, ProbeTables } from "./rows.ts";
import { type Asked, type LayerFeatures, probeLayer } from "./probe.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** A layer to probe; features may be fetched when their turn comes, so that few are in memory at a time. */
export interface LayerJob {
  /** Model, seed, layer and pooling, which its rows carry. */
  meta: ProbeMeta;
  /** The bars' features, or how to fetch them. */
  features: LayerFeatures | (() => LayerFeatures | Promise<LayerFeatures>);
  /** How much of it is done; all of it by default. */
  asked?: Asked;
}

/** Choices of {@link probeLayers}. */
export interface ProbeOptions {
  /** Workers; 0 probes on this thread, letting other work through between tasks. Default: cores, at most four. */
  workers?: number;
  /** Called after each layer, with how many are done. */
  onDone?: (done: number, total: number, meta: ProbeMeta) => void;
  /** Stops the work; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What a worker is sent. */
export type ToWorker =
  | { kind: "study"; tables: ProbeTables; recipe: Recipe }
  | { kind: "layer"; features: LayerFeatures; meta: ProbeMeta; asked?: Asked };

/** What a worker answers to a layer. */
export type FromWorker =
  | { kind: "rows"; rows: ProbeRow[] }
  | { kind: "error"; name: string; message: string; stack?: string };

/** A failure with the layer it happened at; the cause is the error itself. */
function failure(meta: ProbeMeta, cause: Error): Error {
  const what = meta.layer === null ? meta.layers === "weighted" ? "all layers of " : "" : `layer ${meta.layer} of `;
  return new Error(`Probing ${what}${meta.model}: ${cause.message}`, { cause });
}

/** Sends one layer to a worker and waits for its rows. */
function ask(worker: Worker, message: ToWorker & { kind: "layer" }): Promise<ProbeRow[]> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "rows") return resolve(data.rows);
      const error = new Error(data.message);
      error.name = data.name;
      error.stack = data.stack;
      reject(error);
    };
    worker.onmessageerror = () => reject(new Error("the worker's answer could not be read."));
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`the worker failed: ${event.message}`));
    };
    worker.postMessage(message);
  });
}

/**
 * Probes layers of one study's bars, several at a time in workers; rows in the order of the jobs (see `probeLayer`).
 *
 * @throws {Error} naming model and layer if one fails, with its error as the cause; the others are stopped.
 *
 * @example
 * ```ts
 * import { probeLayers } from "@lib/probing/probe_pool.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bar = { chords: [], groove: [0], instruments: [0], tempoBin: 16 };
 * const labels = [1, 2, 3, 4, 5, 6].map((meanVelocity) => ({
 *   ...bar, meanVelocity, meanDuration: 3, meanDurationQuarters: 0.25,
 * }));
 * const table = { labels, songs: Int32Array.of(0, 0, 0, 1, 1, 1) };
 * const x = Float32Array.of(1, 2, 3, 4, 5, 6);
 * const job = (layer: number) => ({
 *   meta: { model: "planted", input: "trained" as const, seed: 0, layer, layers: "one" as const, pooling: "bar" },
 *   features: { columns: 1, train: x, validation: x, test: x },
 * });
 * const rows = await probeLayers([job(1), job(2)], { train: table, validation: table, test: table },
 *   recipe("sound", "smoke"), { workers: 0 });
 * assertEquals([...new Set(rows.map((row) => row.layer))], [1, 2]);
 * ```
 */
export async function probeLayers(
  jobs: readonly LayerJob[],
  tables: ProbeTables,
  recipe: Recipe,
  { workers = Math.min(4, navigator.hardwareConcurrency), onDone, signal }: ProbeOptions = {},
): Promise<ProbeRow[]> {
  const found = new Array<ProbeRow[]>(jobs.length);
  const pool: Worker[] = [];
  let next = 0, done = 0, failed = false;
  const stop = Promise.withResolvers<never>();
  stop.promise.catch(() => {}); // nobody may be waiting when it comes
  const onAbort = () => stop.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const drain = async (
    probe: (features: LayerFeatures, meta: ProbeMeta, asked?: Asked) => Promise<ProbeRow[]>,
  ): Promise<void> => {
    while (next < jobs.length && !failed) {
      signal?.throwIfAborted();
      const at = next++, { meta, features, asked } = jobs[at];
      try {
        found[at] = await probe(typeof features === "function" ? await features() : features, meta, asked);
      } catch (error) {
        failed = true;
        throw failure(meta, error instanceof Error ? error : new Error(String(error)));
      }
      onDone?.(++done, jobs.length, meta);
    }
  };
  try {
    const lanes = Math.min(workers, jobs.length);
    for (let w = 0; w < lanes; w++) {
      const worker = new Worker(new URL("./probe_worker.ts", import.meta.url).href, { type: "module" });
      pool.push(worker);
      worker.postMessage({ kind: "study", tables, recipe } satisfies ToWorker);
    }
    const lanesDone = pool.length > 0
      ? pool.map((worker) => drain((features, meta, asked) => ask(worker, { kind: "layer", features, meta, asked })))
      : [drain((features, meta, asked) => probeLayer(features, tables, recipe, meta, asked))];
    await Promise.race([Promise.all(lanesDone), stop.promise]);
  } finally {
    failed = true; // no lane takes another job
    signal?.removeEventListener("abort", onAbort);
    for (const worker of pool) worker.terminate();
  }
  return found.flat();
}
