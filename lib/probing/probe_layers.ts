/**
 * Probes many layers at once, on as many cores as there are.
 * @module
 */
import { UserError } from "../base/user_error.ts";
import { runPool } from "../base/worker_pool.ts";
import { layerProber, type ProbeJob } from "./probe.ts";
import type { LayerFeatures, ProbeMeta, ProbeRow, ProbeTables } from "./rows.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** A layer to probe; features may be fetched when their turn comes, so that few are in memory at a time. */
export interface LayerJob extends Omit<ProbeJob, "features"> {
  /** The bars' features, or how to fetch them. */
  features: LayerFeatures | (() => LayerFeatures | Promise<LayerFeatures>);
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

/** A failure with the layer it happened at; the cause is the error itself. */
function failure(meta: ProbeMeta, cause: Error): Error {
  const what = meta.layer === null ? meta.layers === "weighted" ? "all layers of " : "" : `layer ${meta.layer} of `;
  const Kind = cause instanceof UserError ? UserError : Error;
  return new Kind(`Probing ${what}${meta.model}: ${cause.message}`, { cause });
}

/**
 * Probes layers of one study's bars, several at a time in workers; rows in the order of the jobs (see `probeLayer`).
 *
 * @throws {Error} naming model and layer if one fails, with its error as the cause; the others are stopped.
 *
 * @example
 * ```ts
 * import { probeLayers } from "@lib/probing/probe_layers.ts";
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
  let done = 0;
  async function* queue(): AsyncGenerator<ProbeJob> {
    for (const { features, ...job } of jobs) {
      const fetched = async () => typeof features === "function" ? await features() : features;
      yield { ...job, features: await fetched().catch((error) => Promise.reject(failure(job.meta, error))) };
    }
  }
  const rows = await runPool(
    layerProber,
    new URL("./probe_worker.ts", import.meta.url),
    { tables, recipe },
    queue(),
    {
      workers: Math.min(workers, jobs.length),
      signal,
      failure: (error, { meta }) => failure(meta, error),
      onDone: ({ meta }) => onDone?.(++done, jobs.length, meta),
    },
  );
  return rows.flat();
}
