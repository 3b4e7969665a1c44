/**
 * A study as a graph of jobs: songs → store, in shards where that is asked for → (model, seed) trained and evaluated →
 * embedded and probed → results of all seeds, CKA, similar bars, concepts. Each job is one command, does steps that are
 * skipped if they are done, and may run on any machine that sees the run's folder. What shows the study (notebooks,
 * page) comes after it: `cli/jobs/page.ts`.
 * @module
 */
import { trainingBranches } from "../../base/machine.ts";
import { type ModelName, modelNames } from "../../bert/variants.ts";
import type { Corpus, Manifest } from "../../corpus/store.ts";
import { handFeatureLine } from "../../probing/rows.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { hasRecord, readJson } from "../step_records.ts";
import { readsSongs, type Study } from "../study.ts";
import { MERGING, probingBytes, tokenizingBytes, trainingBytes } from "./resources.ts";
import {
  compareStep,
  conceptSteps,
  doneStep,
  otherStoreStep,
  probeStep,
  similarStep,
  type Step,
  storeStep,
} from "./steps.ts";
import { resultsStep, shardSteps, trainingOf, trainingSeeds } from "./steps.ts";

/**
 * A job of a study: its name, the jobs that must be done before, its steps, the bytes that it takes in a process with so
 * many threads, and what does it in this process. Its command is `job NAME --run RUN`. One that several processes do
 * together, as a training's workers, says how many, one if left out; `along` is what those do that are not the first.
 */
export type StudyJob = {
  name: string;
  needs: string[];
  steps(): Step[];
  memory(threads: number): number;
  work(): Promise<unknown>;
  workers?: number;
  along?(): Promise<unknown>;
};

/** A name without spaces, as those of records. */
const plain = (name: string): string => name.replaceAll(" ", "-");

/** Bars to probe: at most those of the store, if it is there. */
function barsToProbe({ folder, recipe: { probing } }: Study): number {
  const manifest = readJson(`${folder}/corpus/manifest.json`) as Pick<Manifest, "summary"> | undefined;
  const { kept = 0, songs = 0 } = manifest?.summary ?? {}, { trainBarsPerSong, testBarsPerSong } = probing;
  return trainBarsPerSong === 0 ? kept : Math.min(kept, songs * Math.max(trainBarsPerSong, testBarsPerSong));
}

/** Hands a study's corpus to `work`, tokenized first if it is not, and closes it. */
async function withCorpus(study: Study, work: (corpus: Corpus) => unknown): Promise<void> {
  const { corpusOf } = await import("../training_steps.ts"), corpus = await corpusOf(study);
  try {
    await work(corpus);
  } finally {
    corpus.close();
  }
}

/**
 * The jobs of a study, or of some of its models without what needs all, in the order in which they should start; each
 * training by so many workers.
 */
export function studyJobs(study: Study, models: readonly ModelName[] = modelNames, workers = 1): StudyJob[] {
  const { recipe } = study, seeds = trainingSeeds(recipe);
  const training = () => import("../training_steps.ts"), probing = () => import("../probing_steps.ts");
  const light = (threads: number) => probingBytes(recipe, barsToProbe(study), Math.min(4, threads));
  const onCorpus = (work: (corpus: Corpus) => unknown) => () => withCorpus(study, work);
  const trainJob = (model: ModelName, seed: number): StudyJob => {
    const { name, train, evaluate } = trainingOf(study, model, seed);
    return {
      ...{ name: `train-${plain(name)}`, needs: ["corpus"], steps: () => [train, evaluate] },
      memory: (threads) => trainingBytes(recipe, model, workers, trainingBranches(threads)),
      work: onCorpus(async (corpus) => await (await training()).trainSeed(study, corpus, model, seed)),
      ...{
        workers,
        along: onCorpus(async (corpus) => await (await training()).trainAlong(study, corpus, model, [seed])),
      },
    };
  };
  const probeJob = (name: string, needs: string[], work: StudyJob["work"]): StudyJob => {
    const step = probeStep(study, name);
    return { name: `probe-${plain(name)}`, needs: ["corpus", ...needs], steps: () => [step], memory: light, work };
  };
  const ofEncoder = (name: string, needs: string[], model: ModelName | "untrained", seeds?: number[]) =>
    probeJob(
      name,
      ["probe-guesses", ...needs],
      onCorpus(async (corpus) => await (await probing()).probe(study, corpus, model, seeds)),
    );
  const probeSeed = (model: ModelName, seed: number) => {
    const { name } = trainingOf(study, model, seed);
    return ofEncoder(name, [`train-${plain(name)}`], model, [seed]);
  };
  const other = otherStoreStep(study), songs = readsSongs(study);
  /** A store's job, after those of its shards. What shards are there is of no use to a store that is done without. */
  const storeJobs = (store: Step, choices: Recipe, needs: string[], work: StudyJob["work"]): StudyJob[] => {
    const shards = (songs ? shardSteps(study, store) : []).map((shard): StudyJob => ({
      ...{ name: shard.step, needs, memory: tokenizingBytes },
      steps: () => doneStep(study, store) && !doneStep(study, shard) ? [] : [shard],
      work: async () => await (await import("./stores.ts")).tokenizeShard(study, shard, choices),
    }));
    if (shards.length === 0) return [{ name: store.step, needs, steps: () => [store], memory: light, work }];
    const after = shards.map(({ name }) => name), memory = (threads: number) => Math.max(MERGING, light(threads));
    return [...shards, { name: store.step, needs: after, steps: () => [store], memory, work }];
  };
  const stores: StudyJob[] = [
    ...storeJobs(storeStep(study), recipe, [], onCorpus(() => {})),
    ...(songs
      ? storeJobs(
        other,
        other.choices,
        ["corpus"],
        async () => (await (await training()).otherCorpusOf(study))?.close(),
      )
      : []),
  ];
  const similar: StudyJob = {
    ...{ name: "alike", needs: modelNames.map((model) => `train-${model}`), steps: () => [similarStep(study)] },
    memory: light,
    work: onCorpus(async (corpus) => await (await import("../similar_bars.ts")).similarBars(study, corpus)),
  };
  const concepts: StudyJob = {
    ...{ name: "concepts", needs: similar.needs, steps: () => conceptSteps(study), memory: light },
    work: onCorpus(async (corpus) => await (await import("../concepts.ts")).probeConceptsOf(study, corpus, modelNames)),
  };
  const isWhole = modelNames.every((model) => models.includes(model));
  const encoders: StudyJob[] = [
    probeJob("guesses", [], onCorpus(async (corpus) => await (await probing()).probeGuesses(study, corpus))),
    probeJob(
      handFeatureLine.model,
      [],
      onCorpus(async (corpus) => await (await probing()).probeHandFeatures(study, corpus)),
    ),
    ...seeds.flatMap((seed, i) => [
      ...models.map((model) => trainJob(model, seed)),
      ...(i === 0 && isWhole ? [similar] : []),
      ...(i === 0 ? [ofEncoder("untrained", [], "untrained")] : []), // the longest first, so that no core waits at the end
      ...(i === 0 && isWhole && conceptSteps(study).length > 0 ? [concepts] : []),
      ...models.map((model) => probeSeed(model, seed)),
    ]),
  ];
  if (!isWhole) return [...stores, ...encoders];
  const probes = encoders.map(({ name }) => name).filter((name) => name.startsWith("probe-"));
  return [...stores, ...encoders, {
    ...{ name: "compare-layers", needs: [...modelNames, "untrained"].map((name) => `probe-${name}`) },
    ...{ steps: () => [compareStep(study)], memory: light },
    work: async () => await (await probing()).compareLayers(study, [...modelNames, "untrained"]),
  }, {
    ...{ name: "results", needs: probes, steps: () => [resultsStep(study)], memory: light },
    work: onCorpus(async (corpus) => await (await probing()).storeResults(study, corpus)),
  }];
}

/** Whether a job is done, was done with other inputs, or was not done. */
export function jobState(study: Study, job: Pick<StudyJob, "steps">): "done" | "stale" | "to do" {
  const steps = job.steps();
  if (steps.every((step) => doneStep(study, step))) return "done";
  return steps.some(({ step }) => hasRecord(study.folder, step)) ? "stale" : "to do";
}

/** Seconds that a job took, all its sittings where its steps tell of them; undefined if it is not done. */
export function jobSeconds(study: Study, job: Pick<StudyJob, "steps">): number | undefined {
  const records = job.steps().map((step) => doneStep<{ seconds?: unknown }>(study, step));
  if (records.some((record) => record === undefined)) return undefined;
  return records.reduce((sum, record) => {
    const { info, seconds, step } = record!, own = step.startsWith("train ") ? Number(info?.seconds) : NaN;
    return sum + (Number.isFinite(own) ? own : seconds);
  }, 0);
}
