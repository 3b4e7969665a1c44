/**
 * Jobs that need each other, as many at a time as there are lanes and as fit into memory.
 * @module
 */

/** What an engine says of a job that it was handed: it waits there for its turn, or it began. */
export type Turn = "queued" | "running";

/**
 * A job: its name, the names of the jobs that must be done before, the bytes and the lanes that it takes at most (one
 * if left out), whether it is done, and what does it. The promise of `run` rejects if it fails or if `signal` stops it;
 * `onTurn` may be called by one that does not begin at once, or begins anew.
 */
export type Job = {
  name: string;
  needs: readonly string[];
  memory: number;
  lanes?: number;
  done(): boolean;
  run(signal: AbortSignal, onTurn: (turn: Turn) => void): Promise<void>;
};

/**
 * Where a job stands: `waiting` for others, `queued` at an engine, `stopped` by the signal while it ran, `blocked` by a
 * job that failed.
 */
export type JobState = "waiting" | Turn | "done" | "failed" | "stopped" | "blocked";

/** A job's state; of a failed one what it failed with. */
export type JobStatus = { state: JobState; error?: unknown };

type Needs = ReadonlyMap<string, readonly string[]>;

/** A circle of needs below a job, or none; `over` holds the jobs that lead to none. */
function circleFrom(name: string, needs: Needs, path: string[], over: Set<string>): string[] | undefined {
  if (over.has(name)) return undefined;
  if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
  for (const need of needs.get(name)!) {
    const circle = circleFrom(need, needs, [...path, name], over);
    if (circle) return circle;
  }
  over.add(name);
  return undefined;
}

/** Refuses jobs that cannot be ordered: a RangeError names a name given twice, an unknown need, or a circle. */
export function checkJobs(jobs: readonly Pick<Job, "name" | "needs">[]): void {
  const needs = new Map(jobs.map((job) => [job.name, job.needs])), over = new Set<string>();
  const twice = jobs.find(({ name }, i) => jobs.findIndex((other) => other.name === name) < i);
  if (twice) throw new RangeError(`Jobs: expected each name once, found ${twice.name} twice.`);
  for (const { name, needs: own } of jobs) {
    const unknown = own.find((need) => !needs.has(need));
    if (unknown !== undefined) throw new RangeError(`Jobs: ${name} needs ${unknown}, which is none of the jobs.`);
  }
  for (const { name } of jobs) {
    const circle = circleFrom(name, needs, [], over);
    if (circle) throw new RangeError(`Jobs: expected no circle of needs, found ${circle.join(" → ")}.`);
  }
}

/**
 * Runs jobs until all are done, or none can be. Of those that could start, the first of the list starts first; if it
 * does not fit into memory or lanes beside those that run, nothing starts until one of them ends, so that no job waits
 * forever. One that does not fit at all runs alone. A job that fails keeps back only those that need it. A job that is done
 * already, also by another process meanwhile, is not run.
 *
 * @param options `lanes`: most jobs at a time, of one lane each; `first`: how one stands that was started, until it says
 * otherwise; `memory`: bytes for all that run at a time; `signal`: no job is started any more, and those that run are awaited;
 * `onChange`: called after each change, with the state of every job
 * @returns the jobs' states by name, in the order of the list
 * @throws {RangeError} as {@link checkJobs}
 */
export async function runQueue(
  jobs: readonly Job[],
  { lanes, first = "running", memory = Infinity, signal = new AbortController().signal, onChange = () => {} }: {
    lanes: number;
    first?: Turn;
    memory?: number;
    signal?: AbortSignal;
    onChange?: (states: ReadonlyMap<string, JobStatus>) => void;
  },
): Promise<Map<string, JobStatus>> {
  checkJobs(jobs);
  const states = new Map<string, JobStatus>(jobs.map((job) => [job.name, { state: job.done() ? "done" : "waiting" }]));
  const running = new Map<Job, Promise<void>>();
  const set = (job: Job, status: JobStatus) => {
    states.set(job.name, status);
    onChange(states);
  };
  const stateOf = (name: string) => states.get(name)!.state;
  const start = async (job: Job) => {
    const turn = (state: Turn) => {
      const now = stateOf(job.name);
      if (state !== now && (now === "queued" || now === "running")) set(job, { state });
    };
    try {
      await job.run(signal, turn);
      if (!job.done()) throw new Error("It ended without a failure, but its result is not there.");
      set(job, { state: "done" });
    } catch (error) {
      set(job, signal.aborted ? { state: "stopped" } : { state: "failed", error });
    } finally {
      running.delete(job);
    }
  };
  const fits = (job: Job) => {
    const all = [...running.keys(), job],
      sum = (of: (job: Job) => number) => all.reduce((sum, one) => sum + of(one), 0);
    return sum((one) => one.memory) <= memory && sum((one) => one.lanes ?? 1) <= lanes;
  };
  /** Starts a job, or marks one as blocked or done; whether there was one. */
  const advance = (): boolean => {
    const waiting = jobs.filter(({ name }) => stateOf(name) === "waiting");
    const isLost = (name: string) => ["failed", "blocked"].includes(stateOf(name));
    const blocked = waiting.find(({ needs }) => needs.some(isLost));
    if (blocked) return set(blocked, { state: "blocked" }), true;
    const next = waiting.find(({ needs }) => needs.every((need) => stateOf(need) === "done"));
    if (!next || signal.aborted) return false;
    if (next.done()) return set(next, { state: "done" }), true;
    if (running.size > 0 && !fits(next)) return false;
    set(next, { state: first });
    running.set(next, start(next));
    return true;
  };
  onChange(states);
  do while (advance()); while (running.size > 0 && await Promise.race(running.values()).then(() => true));
  return states;
}
