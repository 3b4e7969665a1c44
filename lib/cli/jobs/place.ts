/**
 * Where a study's jobs run: what a place offers, what it tells meanwhile, and the place of one that takes jobs one by one.
 * @module
 */
import { projectRoot } from "../../base/project.ts";
import { type JobStatus, runQueue, type Turn } from "../../study/jobs/queue.ts";
import { jobState, type StudyJob } from "../../study/jobs/graph.ts";
import type { Study } from "../../study/study.ts";

/** How every job of a study stands, by name. */
export type States = ReadonlyMap<string, JobStatus>;

/** What a place heeds and tells: `signal` stops it; `onChange` gets all states, `onLine` each line of a job's log. */
export type Told = {
  signal: AbortSignal;
  onChange(states: States): void;
  onLine(job: string, line: string): void;
};

/**
 * A place that does jobs: processes of this machine, or an engine of a cluster. `at` says for the table's title how many
 * run at a time and with how many threads, `lanes` the same as a number for the time that is left; both may change.
 *
 * `doAll` does the jobs that are not done, each after those that it needs, and returns how all stand in the end; when the
 * signal stops it, it stops those that run as Ctrl-C does, so that they save, and awaits them. A job's command is
 * {@link jobArguments}, its log {@link logPath}. `close` leaves nothing behind of what the place began. A
 * place whose jobs go on when this command is stopped says so by `parting`, and how to stop them.
 */
export type Place = {
  at: string;
  lanes: number;
  doAll(jobs: readonly StudyJob[], told: Told): Promise<States>;
  close(): Promise<void>;
  parting?(): string;
};

/**
 * How a place does jobs one by one: most at a time (Infinity where an engine schedules), how one stands that was started
 * until it says otherwise, bytes for all of them, and what does one. The promise of `run` rejects if the job fails or if
 * `signal` stops it; `onTurn` says that it began, where an engine begins it later.
 */
export type OneByOne = {
  lanes: number;
  first?: Turn;
  memory: number;
  run(
    job: StudyJob,
    told: { signal: AbortSignal; onLine(line: string): void; onTurn(turn: Turn): void },
  ): Promise<void>;
};

/** The bytes that a job takes, all its workers together. */
export const memoryOf = ({ memory, workers = 1 }: Pick<StudyJob, "memory" | "workers">, threads: number): number =>
  workers * memory(threads);

/** The workers of the job that has most of them. */
export const mostWorkers = (jobs: readonly StudyJob[]): number => Math.max(...jobs.map(({ workers = 1 }) => workers));

/** Does all jobs in the order of their needs by what does one. */
export function inOrder(study: Study, threads: number, { run, ...most }: OneByOne): Place["doAll"] {
  return async (jobs, { signal, onChange, onLine }) => {
    const queued = jobs.map((job) => ({
      ...{ name: job.name, needs: job.needs, lanes: job.workers, memory: memoryOf(job, threads) },
      done: () => jobState(study, job) === "done",
      run: (signal: AbortSignal, onTurn: (turn: Turn) => void) =>
        run(job, { signal, onTurn, onLine: (line) => onLine(job.name, line) }),
    }));
    return await runQueue(queued, { ...most, signal, onChange });
  };
}

/** How many threads each job has, in words. */
export const threadsEach = (threads: number): string => `${threads} ${threads === 1 ? "thread" : "threads"} each`;

/** How many jobs run at a time, and with how many threads each, in words. */
export const atATime = (lanes: number, threads: number): string => `${lanes} at a time, ${threadsEach(threads)}`;

/** The arguments of the command that does a job of a run, by so many workers of this machine. */
export const jobArguments = (
  run: string,
  job: string,
  threads: number,
  workers = 1,
): string[] => [
  ...["job", job, "--run", run, "--threads", String(threads)],
  ...(workers > 1 ? ["--workers", String(workers)] : []),
];

/** The command of a process that does a job, and stops if its standard input ends. */
export const jobProcess = (run: string, job: string, threads: number, workers = 1): string[] => [
  ...[Deno.execPath(), "run", "--quiet", "-A", `${projectRoot}/lib/cli/main.ts`],
  ...[...jobArguments(run, job, threads, workers), "--attached"],
];

/** The path of a job's log. */
export const logPath = (study: Study, job: string): string => study.path("log", `${job}.log`);

/** A log's last lines, which say why a job failed. */
export const TAIL = 12;

/** Takes the lines of a log: all but empty ones go to `onLine`, and the last of them stay in `tail`. */
export function logLines(onLine: (line: string) => void): { tail: string[]; take(line: string): void } {
  const tail: string[] = [];
  const take = (line: string) => {
    if (line.trim() === "") return;
    tail.splice(0, tail.length - TAIL + 1);
    tail.push(line);
    onLine(line);
  };
  return { tail, take };
}

/** The error of a job that ended: how, and the last lines of its log. */
export const jobFailed = (study: Study, job: string, how: string, tail: readonly string[]): Error =>
  new Error(`It ended ${how}. The end of ${logPath(study, job)}:\n  ${tail.slice(-TAIL).join("\n  ")}`);
