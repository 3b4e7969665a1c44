/**
 * Probes many layers at once, on as many cores as there are.
 * @module
 */
import { threads } from "../base/machine.ts";
import { UserError } from "../base/user_error.ts";
import { runPool } from "../base/worker_pool.ts";
import { layerProber, type ProbeJob } from "./probe.ts";
import type { LayerFeatures, ProbeMeta, ProbeRow, ProbeTables } from "./rows.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** A layer to probe; features may be fetched when their turn comes, so that few are in memory at a time. */
export type LayerJob = Omit<ProbeJob, "features"> & {
  features: LayerFeatures | (() => LayerFeatures | Promise<LayerFeatures>);
};

/** Keeps rows of each layer, by the place of its job, once it is done; `find` gives those that were kept before. */
export type RowKeeper = {
  find(place: number): ProbeRow[] | undefined;
  keep(place: number, rows: ProbeRow[]): void;
};

/** A failure with the layer it happened at; the cause is the error itself. */
function failure(meta: ProbeMeta, cause: Error): Error {
  const what = meta.layer === null ? meta.layers === "weighted" ? "all layers of " : "" : `layer ${meta.layer} of `;
  const Kind = cause instanceof UserError ? UserError : Error;
  return new Kind(`Probing ${what}${meta.model}: ${cause.message}`, { cause });
}

/**
 * Probes layers of one study's bars, several at a time in workers; rows in the order of the jobs. Features of layers
 * whose rows were kept are not fetched.
 *
 * @param options `workers`: 0 probes on this thread, letting other work through between tasks; by default the
 * process's threads, at most four. `keeper` has rows of layers that are done; `onDone` is called after each layer;
 * `signal` stops the work, the promise then rejects with its reason.
 * @throws {Error} naming model and layer if one fails, with its error as the cause; the others are stopped.
 */
export async function probeLayers(
  jobs: readonly LayerJob[],
  tables: ProbeTables,
  recipe: Recipe,
  { workers = Math.min(4, threads()), keeper, onDone, signal }: {
    workers?: number;
    keeper?: RowKeeper;
    onDone?: (done: number, total: number, meta: ProbeMeta) => void;
    signal?: AbortSignal;
  } = {},
): Promise<ProbeRow[]> {
  const rows = jobs.map((_, place) => keeper?.find(place)), wanted = [...rows.keys()].filter((place) => !rows[place]);
  let done = jobs.length - wanted.length;
  async function* queue(): AsyncGenerator<ProbeJob & { place: number }> {
    for (const place of wanted) {
      const { features, ...job } = jobs[place];
      const fetched = async () => typeof features === "function" ? await features() : features;
      yield { ...job, place, features: await fetched().catch((error) => Promise.reject(failure(job.meta, error))) };
    }
  }
  const worker = new URL("./probe_worker.ts", import.meta.url);
  await runPool(layerProber, worker, { tables, recipe }, queue(), {
    ...{ workers: Math.min(workers, wanted.length), signal },
    failure: (error, { meta }) => failure(meta, error),
    onDone: ({ meta, place }, found) => {
      rows[place] = found;
      keeper?.keep(place, found);
      onDone?.(++done, jobs.length, meta);
    },
  });
  return rows.flatMap((of) => of!);
}
