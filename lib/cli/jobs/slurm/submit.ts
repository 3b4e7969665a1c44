/**
 * A study's jobs handed to Slurm as arrays that depend on each other; what Slurm has of a run already is not handed to it
 * again.
 * @module
 */
import { writeFile } from "../../../base/files.ts";
import { withLock } from "../../../base/lock.ts";
import { jobState, type StudyJob } from "../../../study/jobs/graph.ts";
import { readJson } from "../../../study/step_records.ts";
import type { Study } from "../../../study/study.ts";
import { mostWorkers } from "../place.ts";
import { type Dependency, dependencyText, jobArrays } from "./arrays.ts";
import { cancel, type QueuedTask, queuedTasks, submission, submit } from "./commands.ts";
import { keepTemplate, scriptOf, scriptPath, templateOf } from "./script.ts";

/** What a run keeps of each array by its label: the jobs by their indices, and the memory that was asked for (MiB). */
type Submitted = Record<string, { tasks: Record<string, string>; memory: number }>;

const recordPath = (study: Study): string => `${study.folder}/slurm/arrays.json`;
const submitted = (study: Study): Submitted => (readJson(recordPath(study)) ?? {}) as Submitted;

/** A job's task in Slurm, with the memory that was asked for, in MiB. */
export type JobTask = QueuedTask & { memory: number };

/** The last task of each job of a run that Slurm still knows. */
export function tasksOf(study: Study, tasks: readonly QueuedTask[]): Map<string, JobTask> {
  const known = submitted(study), found = new Map<string, JobTask>();
  const labels = new Map(Object.keys(known).map((label) => [scriptPath(study, label), label]));
  for (const task of tasks.toSorted((a, b) => Number(a.array) - Number(b.array))) {
    const label = labels.get(task.script);
    if (label === undefined) continue;
    const { tasks: jobs, memory } = known[label];
    for (const [index, job] of Object.entries(jobs)) {
      if (task.index < 0 || task.index === Number(index)) found.set(job, { ...task, index: Number(index), memory });
    }
  }
  return found;
}

/** Whether a task ended, in a state that it does not leave by itself. */
export const isOver = ({ state }: QueuedTask): boolean => over.has(state);

/** Whether a task has begun: Slurm's other states are of tasks that wait. */
export const hasBegun = ({ state }: QueuedTask): boolean => begun.has(state);

const over = new Set([
  ...["BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"],
  ...["REVOKED", "TIMEOUT"],
]);
const begun = new Set(["RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"]);

/** The jobs that Slurm will do, and those that it keeps though what they need will not be done. */
function sorted(jobs: readonly StudyJob[], isDone: (name: string) => boolean, tasks: ReadonlyMap<string, JobTask>) {
  const queued = new Map([...tasks].filter(([name, task]) => !isOver(task) && !isDone(name)));
  const left = new Map<string, JobTask>();
  for (let found = true; found;) {
    found = false;
    for (const { name, needs } of jobs) {
      const task = queued.get(name);
      if (!task || hasBegun(task) || needs.every((need) => isDone(need) || queued.has(need))) continue;
      left.set(name, task);
      found = queued.delete(name);
    }
  }
  return { queued, left };
}

/** Jobs that are done, by name; each is asked once. */
export function doneJobs(study: Study, jobs: readonly StudyJob[]): (name: string) => boolean {
  const done = new Set(jobs.filter((job) => jobState(study, job) === "done").map(({ name }) => name));
  return (name) => done.has(name);
}

/** Labels such as `train-3f2a`, none of which a run of the same name had before. */
const freshLabel = (kind: string): string => `${kind}-${crypto.randomUUID().slice(0, 4)}`;

/**
 * Submits what is neither done nor in Slurm; cancels what waits there for a job that will not be done. One process does
 * so at a time.
 *
 * @param options `threads` of each job; the text of the `template`; `arrays` gets the ids of those that Slurm has or gets
 */
export async function submitAll(
  study: Study,
  jobs: readonly StudyJob[],
  { threads, template, signal, arrays }: { threads: number; template: string; signal: AbortSignal; arrays: string[] },
): Promise<void> {
  const work = async () => {
    await keepTemplate(study, template);
    study.path("log", "job.log"); // makes the folder
    const tasks = tasksOf(study, await queuedTasks()), isDone = doneJobs(study, jobs);
    const { queued, left } = sorted(jobs, isDone, tasks);
    await cancel([...left.values()]);
    arrays.push(...new Set(Array.from(queued.values(), ({ array }) => array)));
    const ids = new Map<string, string>(), idOf = (array: string) => ids.get(array) ?? array;
    for (const array of jobArrays(jobs, { threads, isDone, queued, labelOf: freshLabel })) {
      signal.throwIfAborted();
      const { label, memory, after } = array, script = scriptPath(study, label);
      await writeFile(script, scriptOf(study, array, threads, template));
      const entry = { tasks: Object.fromEntries(array.tasks), memory };
      await writeFile(recordPath(study), `${JSON.stringify({ ...submitted(study), [label]: entry }, null, 1)}\n`);
      ids.set(label, await submit(script, dependencyText(after, idOf)));
      arrays.push(idOf(label));
    }
  };
  await withLock(study.path("slurm", "lock"), work, { signal, say: console.error });
}

/** The scripts and the calls of sbatch that would be made for what is not done, as `--dry-run` prints them. */
export async function slurmScripts(
  study: Study,
  jobs: readonly StudyJob[],
  threads: number,
  asked?: string,
): Promise<string> {
  const template = await templateOf(study, asked, mostWorkers(jobs)),
    isDone = doneJobs(study, jobs),
    count = new Map<string, number>();
  const labelOf = (kind: string) => {
    count.set(kind, (count.get(kind) ?? 0) + 1);
    return `${kind}-${count.get(kind)}`;
  };
  const arrays = jobArrays(jobs, { threads, isDone, queued: new Map(), labelOf });
  const call = (label: string, after: readonly Dependency[]) =>
    ["sbatch", ...submission(scriptPath(study, label), dependencyText(after, (array) => `<${array}>`))].join(" ");
  return arrays.map((array) => `# ${call(array.label, array.after)}\n${scriptOf(study, array, threads, template)}`)
    .join("\n");
}
