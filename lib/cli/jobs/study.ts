/**
 * `deno task study`: a study as a graph of jobs, finished on this machine or others; `deno task job`: one of them.
 * @module
 */
import { threadVariables } from "../../base/machine.ts";
import { UserError } from "../../base/user_error.ts";
import { type ModelName, modelNames } from "../../bert/variants.ts";
import { jobState, type StudyJob } from "../../study/jobs/graph.ts";
import { openStudy, type Study } from "../../study/study.ts";
import { readArguments, studyVariables, usageError } from "../arguments.ts";
import { ensureEngine, ensureSetup } from "../setup.ts";
import { stoppable, stopWithInput } from "../stop.ts";
import { modelsByOption } from "../train.ts";
import { beWorker, startWorkers, trainInBranches, workersOf } from "../workers.ts";
import { allJobs, pageNews } from "./page.ts";
import { lanesHere, localPlace } from "./local.ts";
import { jobArguments, memoryOf, type Place } from "./place.ts";
import { runJobs } from "./run.ts";
import { slurmPlace, threadsOnSlurm } from "./slurm/place.ts";
import { slurmScripts } from "./slurm/submit.ts";
import { workerOnSlurm } from "./slurm/workers.ts";
import { COME_AGAIN, stoppedWhenTold } from "./told.ts";

/** The variable RECIPE with so many seeds in it; JSON that is none is left for {@link openStudy} to refuse. */
function recipeWithSeeds(seeds: number, text = Deno.env.get("RECIPE") || "{}"): string {
  try {
    const { training, ...rest } = JSON.parse(text);
    return JSON.stringify({ ...rest, training: { ...training, seeds } });
  } catch {
    return text;
  }
}

/** Where jobs run, as `--on` names it: processes of this machine, or an engine. */
const places = /^(local|ray|slurm|ray:\/\/\S+:\d+)$/;

/** What `deno task study` is asked for. */
type StudyOptions = {
  on: string;
  models: ModelName[];
  env: Record<string, string>;
  page: boolean;
  dryRun: boolean;
  jobs: number | undefined;
  threads: number | undefined;
  workers: number;
  template: string | undefined;
};

/** The arguments of `deno task study`, with the variables of the study; throws a {@link UsageError}. */
export function studyOptions(args: readonly string[], cwd?: string): StudyOptions {
  const { values } = readArguments("study", args, cwd), { scale, run = scale ?? "demo", seeds, shards } = values;
  const names = values.models === "all" ? Object.keys(modelsByOption) : values.models.split(",");
  const unknown = names.find((name) => !Object.hasOwn(modelsByOption, name));
  if (unknown !== undefined) {
    const known = Object.keys(modelsByOption).join(", ");
    throw usageError("study", `--models: expected all, or some of ${known} with commas, found ${values.models}.`);
  }
  if (!places.test(values.on)) {
    throw usageError("study", `--on: expected local, ray, ray://HOST:PORT or slurm, found ${values.on}.`);
  }
  const misplaced = values.on === "slurm" ? "jobs" : "template", given = values[misplaced];
  if (given !== undefined) {
    const where = misplaced === "jobs" ? "none with --on slurm, which decides that" : "none without --on slurm";
    throw usageError("study", `--${misplaced}: expected ${where}, found ${given}.`);
  }
  const chosen = names.map((name) => modelsByOption[name as keyof typeof modelsByOption]);
  const env = {
    ...studyVariables(run, values),
    ...(seeds !== undefined && { RECIPE: recipeWithSeeds(seeds) }),
    ...(shards !== undefined && { SHARDS: String(shards) }),
  };
  const { jobs, threads, "train-workers": workers, "dry-run": dryRun, "no-page": noPage, on, template } = values;
  const chosenModels = modelNames.filter((name) => chosen.includes(name));
  return { on, models: chosenModels, env, page: !noPage, dryRun, jobs, threads, workers, template };
}

/** The place that `--on` names. */
async function placeOf(
  on: string,
  study: Study,
  jobs: readonly StudyJob[],
  asked: Pick<StudyOptions, "jobs" | "threads" | "workers" | "template">,
): Promise<Place> {
  if (on === "slurm") return slurmPlace(study, threadsOnSlurm(study.recipe, asked.threads), asked.template);
  if (on === "local") return localPlace(study, lanesHere(study, jobs, asked));
  const address = on.split("://").at(1); // none: a cluster of this machine
  return await (await import("./ray.ts")).rayPlace(study, jobs, { ...asked, address });
}

/** A job's line of `--dry-run`, with the command that does it. */
function dryLine(study: Study, job: StudyJob, threads: number, width: number): string {
  const command = ["deno", "task", ...jobArguments(study.name, job.name, threads, job.workers)].join(" ");
  const memory = `${(memoryOf(job, threads) / 2 ** 30).toFixed(1)} GiB`;
  const needs = job.needs.length === 0 ? "" : `, needs ${job.needs.join(", ")}`;
  return `${jobState(study, job).padEnd(6)} ${job.name.padEnd(width)} ${memory}${needs}\n       ${command}`;
}

/** `deno task study`; returns the exit code: 1 if a job failed, 130 if it was stopped. */
export async function studyCommand(args: string[]): Promise<number> {
  const { on, models, env, page, dryRun, ...asked } = studyOptions(args);
  for (const [key, value] of Object.entries(env)) Deno.env.set(key, value);
  const study = openStudy({ dry: dryRun }), jobs = allJobs(study, { models, page, workers: asked.workers });
  if (dryRun && on === "slurm") {
    console.log(await slurmScripts(study, jobs, threadsOnSlurm(study.recipe, asked.threads), asked.template));
    return 0;
  }
  if (dryRun) {
    const { threads } = lanesHere(study, jobs, asked);
    const width = Math.max(...jobs.map(({ name }) => name.length));
    for (const job of jobs) console.log(dryLine(study, job, threads, width));
    return 0;
  }
  await (page ? ensureSetup({ quiet: true }) : ensureEngine());
  const place = await placeOf(on, study, jobs, asked);
  return await stoppable(async (signal) => await runJobs(study, jobs, place, signal, pageNews) ? 0 : 1);
}

/** `deno task job`: does one job of a run, if it is not done; returns the exit code, that of a signal that stopped it. */
export async function jobCommand(args: string[]): Promise<number> {
  const { positionals: [name], values } = readArguments("job", args), { run, threads, attached } = values;
  if (name === undefined) throw usageError("job", "expected the name of a job, found none.");
  const asked = values.hosts === "slurm" ? { ...values, ...await workerOnSlurm() } : values;
  const { start, env } = workersOf("job", asked), isAlong = Number(env.WORKER ?? 0) > 0;
  beWorker({ ...(threads ? threadVariables(threads) : {}), ...env });
  if (attached) void stopWithInput();
  const told = stoppedWhenTold();
  const study = openStudy({ name: run }), jobs = allJobs(study), job = jobs.find((job) => job.name === name);
  if (!job) {
    const names = jobs.map(({ name }) => name).join(", ");
    throw new UserError(`Job: expected one of ${names} (the jobs of the run ${run}), found ${name}.`);
  }
  if (!job.along && (start > 1 || env.WORKER_HOSTS)) {
    throw new UserError(`Job: expected a training for several workers, found ${name}, which one process does.`);
  }
  if (jobState(study, job) === "done") return 0;
  await ensureEngine();
  if (start > 1) return await startWorkers(["job", ...args], start, threads);
  if (job.along) trainInBranches();
  try {
    await (isAlong ? job.along! : job.work)();
    return 0;
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    console.error(error.message);
    return told() ?? (env.WORKER_HOSTS ? COME_AGAIN : 130); // of several, another one may have been told
  }
}
