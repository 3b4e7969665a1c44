/**
 * A study's store, built as a whole or in shards, each by any process that sees the run's folder; the bytes are the same.
 * Nothing here loads the engine.
 * @module
 */
import { removeIfThere } from "../../base/files.ts";
import { buildCorpus, type BuildOptions, buildShard, mergeCorpora } from "../../corpus/build.ts";
import { CorpusError, type CorpusSummary } from "../../corpus/store.ts";
import { progress, stopSignal } from "../../notebook/notebook.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { stepsInWork } from "../step_records.ts";
import type { Study } from "../study.ts";
import { once, type ShardStep, shardSteps, type Step, storeOfShard } from "./steps.ts";

/** Does a build of the study's songs with a bar of its progress, which ends with what `told` says of the result. */
async function withProgress<T>(
  { followLinks }: Study,
  work: (options: BuildOptions) => Promise<T>,
  told: (result: T) => string,
): Promise<T> {
  let bar: ReturnType<typeof progress> | undefined;
  const result = await work({
    ...{ replace: true, followLinks, signal: stopSignal() }, // the study knows what is stale
    onProgress: (done, total) => {
      bar ??= progress({ label: "Tokenizing", total, unit: "songs" });
      bar.update(done);
    },
  });
  await bar?.done(told(result));
  return result;
}

/** Tokenizes what is not yet tokenized of a shard. */
const buildPart = (study: Study, { step, shard }: ShardStep, choices: Recipe): Promise<void> =>
  withProgress(
    study,
    (options) => buildShard(study.data, study.path(step), choices, shard, options),
    () => `shard ${shard.index} of ${shard.of}`,
  );

/** Tokenizes a shard of a store of the study, once; AbortError if stopped, and the next call goes on. */
export const tokenizeShard = (study: Study, step: ShardStep, choices: Recipe): Promise<void> =>
  once(study, step, () => buildPart(study, step, choices));

/**
 * Joins the shards of a store. Those that no process has done are done here. If one does not fit the others, since its
 * folder was removed or damaged or songs changed meanwhile, what is wrong is tokenized again.
 */
async function buildFromShards(study: Study, step: Step, choices: Recipe): Promise<CorpusSummary> {
  const shards = shardSteps(study, step);
  for (const shard of shards) await tokenizeShard(study, shard, choices);
  const merge = () =>
    mergeCorpora(shards.map(({ step }) => study.path(step)), study.path(step.step), {
      ...{ replace: true, signal: stopSignal() },
    });
  try {
    return await merge();
  } catch (error) {
    if (!(error instanceof CorpusError)) throw error;
    console.warn(`${error.message}\nEach shard is compared with the songs, and what is missing is tokenized.`);
    for (const shard of shards) await buildPart(study, shard, choices);
    return await merge();
  }
}

/** Builds a store of the study's songs by its step's name in the run's folder; AbortError if stopped. */
export const buildStore = (study: Study, step: Step, choices: Recipe): Promise<CorpusSummary> =>
  study.shards > 1 ? buildFromShards(study, step, choices) : withProgress(
    study,
    (options) => buildCorpus(study.data, study.path(step.step), choices, options),
    ({ kept, songs }) => `${kept} bars of ${songs} songs`,
  );

/** Removes the shards of a store that is done, but for those that a process is at; a run that can only be read keeps them. */
export async function sweepShards({ folder }: Study, { step }: Step): Promise<void> {
  const left = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).filter((name) =>
    storeOfShard(name) === step
  );
  if (left.length === 0) return;
  try {
    const inWork = stepsInWork(folder);
    for (const name of left.filter((name) => !inWork.includes(name))) await removeIfThere(`${folder}/${name}`);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error; // else the system refused
  }
}
