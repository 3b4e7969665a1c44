/**
 * `deno task train`: one model of a study, trained from a terminal; the notebooks find it trained.
 * @module
 */
import type { ModelName } from "../bert/variants.ts";
import { readArguments, studyVariables, usageError } from "./arguments.ts";
import { ensureSetup } from "./setup.ts";
import { stoppable, stopWithInput } from "./stop.ts";
import { beWorker, startWorkers, trainInBranches, workersOf } from "./workers.ts";
import { jobState, type StudyJob, studyJobs } from "../study/jobs/graph.ts";
import { storeOfShard } from "../study/jobs/steps.ts";
import { openStudy, type Study } from "../study/study.ts";
import { lanesHere, localPlace } from "./jobs/local.ts";
import { runJobs } from "./jobs/run.ts";

/** What `--model` takes: the paper's models by their short names. */
export const modelsByOption = {
  bert: "BERT",
  aug: "BERT-aug",
  neighbor: "BERT-neighbor",
  dropout: "BERT-dropout",
} as const;

/**
 * What `deno task train` is asked for: models in order; variables of the study; workers that it starts, 1 for none; and
 * how many models at a time, if that is given.
 */
type TrainOptions = { models: ModelName[]; env: Record<string, string>; start: number; attached: boolean } & {
  jobs: number | undefined;
};

/** The arguments of `deno task train`; throws a {@link UsageError}. */
export function trainOptions(args: readonly string[], cwd?: string): TrainOptions {
  const { values } = readArguments("train", args, cwd), { model, scale, run = scale ?? "demo" } = values;
  const models = model === "all" ? Object.values(modelsByOption) : [modelsByOption[model]];
  const { start, env } = workersOf("train", values);
  const isTogether = start > 1 || env.WORKER_HOSTS !== undefined, jobs = values.jobs ?? (isTogether ? 1 : undefined);
  if (isTogether && jobs !== 1) {
    throw usageError("train", "--jobs: expected one model at a time by several workers, found more.");
  }
  return { models, env: { ...studyVariables(run, values), ...env }, start, attached: values.attached, jobs };
}

/** The jobs that train models of a study, after the one that makes its store (and that one's shards). */
export const trainingJobs = (study: Study, models: readonly ModelName[]): StudyJob[] =>
  studyJobs(study, models).filter(({ name }) => (storeOfShard(name) ?? name) === "corpus" || name.startsWith("train-"));

/**
 * Trains models as jobs of their study, as many at a time as are asked for or pay here. Where that is one, this process
 * does it as well, and nothing is done here. Returns the exit code.
 */
async function trainSideBySide(study: Study, models: readonly ModelName[], asked: number | undefined): Promise<number> {
  const jobs = trainingJobs(study, models), { lanes, threads } = lanesHere(study, jobs, { jobs: asked });
  const left = jobs.filter((job) => job.name.startsWith("train-") && jobState(study, job) !== "done").length;
  if (Math.min(lanes, left) < 2) return 0;
  const place = localPlace(study, { lanes, threads });
  return await stoppable(async (signal) => await runJobs(study, jobs, place, signal) ? 0 : 1);
}

/** Trains what was asked for; returns the process's exit code, 130 if it was stopped. */
export async function trainCommand(args: string[]): Promise<number> {
  const { models, env, start, attached, jobs } = trainOptions(args);
  beWorker(env);
  if (attached) void stopWithInput();
  const study = openStudy();
  await ensureSetup({ quiet: true });
  if (start > 1) return await startWorkers(["train", ...args], start);
  const code = jobs === 1 ? 0 : await trainSideBySide(study, models, jobs);
  if (code !== 0) return code;
  trainInBranches();
  const { corpusOf, encoderText, train, trainAlong } = await import("../study/training_steps.ts"); // after the set-up
  try {
    const corpus = await corpusOf(study);
    if (Number(env.WORKER ?? 0) > 0) {
      for (const model of models) await trainAlong(study, corpus, model);
      return 0;
    }
    console.log(await encoderText(study));
    for (const model of models) {
      const { mlm, contrast, seconds } = await train(study, corpus, model);
      const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
      const masked = `train ${percent(mlm.train.accuracy)}, validation ${percent(mlm.validation.accuracy)}`;
      const pairs = contrast ? `; NT-Xent on validation ${percent(contrast.validation.accuracy)}` : "";
      console.log(`${model}: ${(seconds / 60).toFixed(0)} minutes; masked tokens guessed: ${masked}${pairs}`);
    }
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    console.error(error.message);
    return 130;
  }
  return 0;
}
