/**
 * Following a study's jobs in Slurm, by squeue and by the records of the run's folder.
 * @module
 */
import { exists } from "../../../base/files.ts";
import { UserError } from "../../../base/user_error.ts";
import type { StudyJob } from "../../../study/jobs/graph.ts";
import type { JobStatus } from "../../../study/jobs/queue.ts";
import type { Study } from "../../../study/study.ts";
import { jobFailed, logPath, type States, TAIL, type Told } from "../place.ts";
import { memoryToAsk } from "./arrays.ts";
import { askForMemory, cancel, type QueuedTask, queuedTasks, taskIds } from "./commands.ts";
import { doneJobs, hasBegun, isOver, type JobTask, tasksOf } from "./submit.ts";

/** The last lines of a text file, none if it is not there; at most 8 KiB of it are read. */
export async function lastLines(path: string, count: number): Promise<string[]> {
  if (!exists(path)) return [];
  using file = await Deno.open(path);
  const { size } = await file.stat(), from = Math.max(0, size - 8192), bytes = new Uint8Array(size - from);
  await file.seek(from, Deno.SeekMode.Start);
  let length = 0;
  for (let read; length < bytes.length && (read = await file.read(bytes.subarray(length))) !== null;) length += read;
  const lines = new TextDecoder().decode(bytes.subarray(0, length)).split("\n").slice(from > 0 ? 1 : 0);
  return lines.filter((line) => line.trim() !== "").slice(-count);
}

/** Why a job failed: how Slurm says that it ended, the end of its log, and what Slurm wrote beside it. */
async function failure(study: Study, job: string, task: JobTask | undefined): Promise<Error> {
  const lines = await lastLines(logPath(study, job), TAIL);
  if (!task) return jobFailed(study, job, "without its result, and Slurm knows it no longer", lines);
  const [id] = taskIds([task]), own = await lastLines(`${study.folder}/slurm/${id}.out`, 4);
  const how = task.state === "COMPLETED"
    ? "without a failure, but its result is not there"
    : `as ${task.state} (${task.reason}), job ${id} of Slurm`;
  return jobFailed(study, job, how, [...lines, ...own]);
}

/** Milliseconds for which a result may be late that another machine wrote, as network file systems show it. */
const LATE = 60_000;

/** Waits until Slurm is asked again, by the milliseconds since the begin: seldom in a study of days; less if stopped. */
const pause = (elapsed: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => (clearTimeout(timer), signal.removeEventListener("abort", end), resolve());
    const timer = setTimeout(end, Math.min(15_000, 1000 + elapsed / 30));
    signal.addEventListener("abort", end);
  });

/** How a job stands by its record and by Slurm; undefined where its result may still come. */
export function stateOf(isDone: boolean, task: QueuedTask | undefined): JobStatus["state"] | undefined {
  if (isDone) return "done";
  if (!task || task.state === "COMPLETED") return undefined;
  if (task.reason === "DependencyNeverSatisfied") return "blocked";
  if (isOver(task) || /launch failed/.test(task.reason)) return "failed";
  return hasBegun(task) ? "running" : task.reason === "Dependency" ? "waiting" : "queued";
}

/** Milliseconds for which Slurm may be silent, as while its controller starts anew. */
const SILENT = 600_000;

/** Asks what Slurm has of a run, again and again; while it does not answer, what it said last. */
function tasksOfRun(study: Study): () => Promise<ReadonlyMap<string, JobTask>> {
  let last: Map<string, JobTask> | undefined, at = performance.now();
  return async () => {
    try {
      last = tasksOf(study, await queuedTasks());
      at = performance.now();
    } catch (error) {
      if (!last || !(error instanceof UserError) || performance.now() - at > SILENT) throw error;
    }
    return last;
  };
}

/** Asks for more memory for tasks that wait, as bars to probe are counted only once the store is there. */
async function growMemory(
  jobs: readonly StudyJob[],
  threads: number,
  tasks: ReadonlyMap<string, JobTask>,
): Promise<void> {
  for (const { name, memory, workers = 1 } of jobs) {
    const task = tasks.get(name), needed = memoryToAsk(memory(threads));
    if (!task || workers > 1 || isOver(task) || hasBegun(task) || needed <= task.memory) continue;
    await askForMemory(task, needed).catch(() => {}); // it has begun, or users may not
  }
}

/**
 * Follows jobs that were submitted until none is left that Slurm will do, or until the signal comes; Slurm goes on then.
 * What needs a job that failed is cancelled.
 *
 * @param times milliseconds for which a result may be `late`; and what waits `between` two questions to Slurm
 * @returns how all jobs stand
 */
export async function followJobs(
  study: Study,
  jobs: readonly StudyJob[],
  threads: number,
  { signal, onChange, onLine }: Told,
  { late, between } = { late: LATE, between: pause },
): Promise<States> {
  const states = new Map<string, JobStatus>(jobs.map(({ name }) => [name, { state: "waiting" }]));
  const missing = new Map<string, number>(), ask = tasksOfRun(study), start = performance.now();
  const hasStore = () => exists(`${study.folder}/corpus/manifest.json`), over = ["done", "failed", "blocked"];
  const stateNow = (name: string) => states.get(name)!.state;
  const isLost = (name: string) => ["failed", "blocked"].includes(stateNow(name));
  let grown = false;
  const look = async () => {
    const tasks = await ask(), isDone = doneJobs(study, jobs), now = performance.now();
    for (const { name } of jobs) {
      const before = stateNow(name), task = tasks.get(name);
      if (over.includes(before)) continue;
      let state = stateOf(isDone(name), task);
      if (state !== undefined) missing.delete(name);
      else if (!missing.has(name)) missing.set(name, now);
      state ??= now - missing.get(name)! > late ? "failed" : before;
      states.set(name, state === "failed" ? { state, error: await failure(study, name, task) } : { state });
      if (state !== "running") continue;
      const [line] = await lastLines(logPath(study, name), 1);
      if (line !== undefined) onLine(name, line);
    }
    const blocked: JobTask[] = [];
    for (const { name, needs } of jobs) { // each stands behind those that it needs
      if (over.includes(stateNow(name)) || !needs.some(isLost)) continue;
      const task = tasks.get(name);
      states.set(name, { state: "blocked" });
      if (task && !isOver(task) && !hasBegun(task)) blocked.push(task);
    }
    await cancel(blocked).catch(() => {}); // Slurm cancels them, too, as --kill-on-invalid-dep=yes asks
    if (!grown && hasStore()) await growMemory(jobs, threads, tasks);
    grown = hasStore();
  };
  for (;;) {
    await look();
    onChange(states);
    if ([...states.values()].every(({ state }) => over.includes(state))) return states;
    await between(performance.now() - start, signal);
    if (signal.aborted) return states;
  }
}
