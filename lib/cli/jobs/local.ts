/**
 * A study's jobs on this machine, each in a process of its own with a log file.
 * @module
 */
import { freeMemory, threads as ownThreads, threadVariables } from "../../base/machine.ts";
import { howEnded, interrupt, lineCutter } from "../../base/processes.ts";
import { projectRoot } from "../../base/project.ts";
import { nvidiaDriver } from "../../engine/library.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { jobState, type StudyJob } from "../../study/jobs/graph.ts";
import type { Study } from "../../study/study.ts";
import {
  atATime,
  inOrder,
  jobArguments,
  jobFailed,
  jobProcess,
  logLines,
  logPath,
  memoryOf,
  type OneByOne,
  type Place,
} from "./place.ts";

/** How many jobs run at a time, and how many threads each has. */
export type Lanes = { lanes: number; threads: number };

/**
 * Widths up to which jobs have a core each. A training step takes more processor time on two threads than on one, as
 * measured in turns on two cores of an AMD EPYC: 1.0 to 1.3 times at the widths 32, 64 and 128, 1.0 to 1.1 at 256; so two
 * jobs do at least that much more than one on both cores. At 768 it is 1.03 to 1.06, for twice the memory.
 */
export const NARROW = 256;

/**
 * How many jobs at a time pay, and the threads of each: a core each if the encoder is narrow and no GPU computes; fewer
 * if so many of those that take most, `bytes`, do not fit into memory. The workers of a training count as jobs, and are
 * started whether or not there are as many cores.
 */
export function lanesFor(
  { model }: Pick<Recipe, "model">,
  { jobs, threads, workers = 1 }: Partial<Record<"jobs" | "threads" | "workers", number>>,
  { cores, gpu, free, bytes }: { cores: number; gpu: boolean; free: number; bytes: number },
): Lanes {
  const pay = gpu || model.hidden > NARROW ? 1 : Math.floor(cores / (threads ?? 1));
  const lanes = jobs ?? Math.max(workers, Math.min(pay, Math.floor(free / bytes)));
  return { lanes, threads: threads ?? Math.max(1, Math.floor(cores / Math.max(lanes, workers))) };
}

/** {@link lanesFor} this machine. */
export function lanesHere(
  study: Study,
  jobs: readonly StudyJob[],
  asked: Partial<Record<"jobs" | "threads" | "workers", number>> = {},
): Lanes {
  const gpu = nvidiaDriver() !== undefined && Deno.env.get("ENGINE") !== "cpu";
  const bytes = Math.max(...jobs.map(({ memory }) => memory(1)));
  return lanesFor(study.recipe, asked, { cores: ownThreads(), gpu, free: freeMemory(), bytes });
}

/** The jobs beside which no other can run, as each of the others is needed by it or needs it. */
export function jobsAlone(jobs: readonly Pick<StudyJob, "name" | "needs">[]): Set<string> {
  const before = new Map<string, Set<string>>(), needs = new Map(jobs.map((job) => [job.name, job.needs]));
  const beforeOf = (name: string): Set<string> => {
    const known = before.get(name);
    if (known) return known;
    const all = new Set((needs.get(name) ?? []).flatMap((need) => [need, ...beforeOf(need)]));
    before.set(name, all);
    return all;
  };
  const inOrder = (a: string, b: string) => a === b || beforeOf(a).has(b) || beforeOf(b).has(a);
  return new Set(jobs.map(({ name }) => name).filter((name) => jobs.every((other) => inOrder(name, other.name))));
}

/**
 * Does a job in a process of its own, whose output goes to the job's log; `onLine` gets each line of it. The process is
 * in a session of its own, so that Ctrl-C in the terminal reaches it once, by us; it stops if this process dies.
 */
async function inProcess(
  study: Study,
  job: StudyJob,
  threads: number,
  { onLine, signal }: Parameters<OneByOne["run"]>[1],
): Promise<void> {
  const [program, ...args] = jobProcess(study.name, job.name, threads, job.workers), { tail, take } = logLines(onLine);
  using log = await Deno.open(logPath(study, job.name), { create: true, append: true });
  const say = (text: string) => void log.writeSync(new TextEncoder().encode(text));
  say(`${new Date().toISOString()} deno task ${jobArguments(study.name, job.name, threads, job.workers).join(" ")}\n`);
  const child = new Deno.Command(program, {
    ...{ args, cwd: projectRoot, env: { ...threadVariables(threads), NO_COLOR: "1" }, detached: true },
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" }, // stdin closes when this process dies
  }).spawn();
  const stop = () => interrupt(child);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const follow = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    const cut = lineCutter(take);
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      say(text);
      cut(text);
    }
    const rest = cut("");
    if (rest !== "") tail.push(rest);
  };
  try {
    await Promise.all([follow(child.stdout), follow(child.stderr)]);
    const status = await child.status;
    if (!status.success) throw jobFailed(study, job.name, howEnded(status), tail);
  } finally {
    signal.removeEventListener("abort", stop);
    await child.stdin.close().catch(() => {}); // it has ended
  }
}

/** The processes of this machine as a place of jobs. */
export function localPlace(study: Study, { lanes, threads }: Lanes): Place {
  return {
    ...{ at: atATime(lanes, threads), lanes },
    async doAll(jobs, told) {
      const memory = freeMemory();
      const large = jobs.find((job) => memoryOf(job, threads) > memory && jobState(study, job) !== "done");
      if (large) {
        const [needs, free] = [memoryOf(large, threads), memory].map((bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`);
        console.error(`${large.name} may need ${needs} of memory, ${free} are free; such jobs run alone.`);
      }
      // What nothing can run beside has all threads; not a training, whose last bits would depend on the other jobs.
      const alone = jobsAlone(jobs), all = Math.max(threads, Math.min(ownThreads(), lanes * threads));
      const threadsOf = ({ name, workers }: StudyJob) => workers === undefined && alone.has(name) ? all : threads;
      const run: OneByOne["run"] = (job, told) => inProcess(study, job, threadsOf(job), told);
      return await inOrder(study, threads, { lanes, memory, run })(jobs, told);
    },
    close: () => Promise.resolve(),
  };
}
