/**
 * A study's jobs, each in a process of its own, with a log file and what the terminal shows meanwhile.
 * @module
 */
import { clock } from "../../base/clock.ts";
import { freeMemory, threads as ownThreads, threadVariables } from "../../base/machine.ts";
import { projectRoot } from "../../base/project.ts";
import { nvidiaDriver } from "../../engine/library.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { jobSeconds, jobState, type StudyJob } from "../../study/jobs/graph.ts";
import { type Job, type JobStatus, runQueue } from "../../study/jobs/queue.ts";
import type { Study } from "../../study/study.ts";
import { secondsLeft, statusLines } from "./display.ts";

/** How many jobs run at a time, and how many threads each has. */
export type Lanes = { lanes: number; threads: number };

/**
 * Widths up to which jobs have a core each. A training step takes more processor time on two threads than on one, as
 * measured in turns on two cores of an AMD EPYC: 1.0 to 1.3 times at the widths 32, 64 and 128, 1.0 to 1.1 at 256; so two
 * jobs do at least that much more than one on both cores. At 768 it is 1.03 to 1.06, for twice the memory.
 */
const NARROW = 256;

/**
 * How many jobs at a time pay, and the threads of each: a core each if the encoder is narrow and no GPU computes; fewer
 * if so many of those that take most, `bytes`, do not fit into memory.
 */
export function lanesFor(
  { model }: Pick<Recipe, "model">,
  { jobs, threads }: Partial<Record<"jobs" | "threads", number>>,
  { cores, gpu, free, bytes }: { cores: number; gpu: boolean; free: number; bytes: number },
): Lanes {
  const pay = gpu || model.hidden > NARROW ? 1 : Math.floor(cores / (threads ?? 1));
  const lanes = jobs ?? Math.max(1, Math.min(pay, Math.floor(free / bytes)));
  return { lanes, threads: threads ?? Math.max(1, Math.floor(cores / lanes)) };
}

/** {@link lanesFor} this machine. */
export function lanesHere(
  study: Study,
  jobs: readonly StudyJob[],
  asked: Partial<Record<"jobs" | "threads", number>> = {},
): Lanes {
  const gpu = nvidiaDriver() !== undefined && Deno.env.get("ENGINE") !== "cpu";
  const bytes = Math.max(...jobs.map(({ memory }) => memory(1)));
  return lanesFor(study.recipe, asked, { cores: ownThreads(), gpu, free: freeMemory(), bytes });
}

/** The arguments of the command that does a job of a run. */
export const jobArguments = (
  run: string,
  job: string,
  threads: number,
): string[] => ["job", job, "--run", run, "--threads", String(threads)];

/** The path of a job's log. */
const logPath = (study: Study, job: string): string => study.path("log", `${job}.log`);

/** A log's last lines, which say why a job failed. */
const TAIL = 12;

/**
 * Does a job in a process of its own, whose output goes to the job's log; `onLine` gets each line of it. The process is
 * in a session of its own, so that Ctrl-C in the terminal reaches it once, by us; it stops if this process dies.
 */
async function inProcess(
  study: Study,
  job: StudyJob,
  threads: number,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const command = jobArguments(study.name, job.name, threads), tail: string[] = [];
  const args = ["run", "--quiet", "-A", `${projectRoot}/lib/cli/main.ts`, ...command, "--attached"];
  using log = await Deno.open(logPath(study, job.name), { create: true, append: true });
  const say = (text: string) => void log.writeSync(new TextEncoder().encode(text));
  say(`${new Date().toISOString()} deno task ${command.join(" ")}\n`);
  const child = new Deno.Command(Deno.execPath(), {
    ...{ args, cwd: projectRoot, env: { ...threadVariables(threads), NO_COLOR: "1" }, detached: true },
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" }, // stdin closes when this process dies
  }).spawn();
  const stop = () => {
    try {
      child.kill("SIGINT");
    } catch { /* it has ended */ }
  };
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const follow = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      say(text);
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines.filter((line) => line.trim() !== "")) {
        tail.splice(0, tail.length - TAIL + 1);
        tail.push(line);
        onLine(line);
      }
    }
    if (rest !== "") tail.push(rest);
  };
  try {
    await Promise.all([follow(child.stdout), follow(child.stderr)]);
    const { success, code, signal: by } = await child.status;
    if (success) return;
    const how = by === null ? `with exit code ${code}` : `by ${by}${by === "SIGKILL" ? " (out of memory?)" : ""}`;
    throw new Error(`It ended ${how}. The end of ${logPath(study, job.name)}:\n  ${tail.join("\n  ")}`);
  } finally {
    signal.removeEventListener("abort", stop);
    await child.stdin.close().catch(() => {}); // it has ended
  }
}

/** What else to tell of a job that is done, in a line. */
type News = (study: Study, job: StudyJob) => string | undefined;

/** Seconds between two lines of progress where the output is no terminal. */
const EVERY = 60;

/** Draws the jobs anew in a terminal; elsewhere tells of each change, and of what runs once in a while. */
function display(study: Study, jobs: readonly StudyJob[], { lanes, threads }: Lanes, news: News) {
  const began = new Map<string, number>(), lines = new Map<string, string>(), known = new Map<string, number>();
  const terminal = Deno.stderr.isTerminal(), start = performance.now();
  let states: ReadonlyMap<string, JobStatus> = new Map(), drawn = 0, last = start;
  const write = (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(text));
  const state = (name: string) => states.get(name)?.state;
  const title = (now: number) => {
    const done = jobs.filter(({ name }) => state(name) === "done").length;
    const left = secondsLeft({ states, began }, known, lanes, now);
    const about = !left ? "" : `, about ${clock(left)} left`;
    const at = `${lanes} at a time, ${threads} ${threads === 1 ? "thread" : "threads"} each`;
    return `${study.name}: ${done} of ${jobs.length} jobs done, ${at}; ${clock((now - start) / 1000)}${about}`;
  };
  const draw = () => {
    const now = performance.now();
    if (terminal) {
      const { columns, rows } = Deno.consoleSize();
      const all = [title(now), ...statusLines({ states, began, lines }, now, columns - 1)].slice(0, rows - 1);
      write(`${drawn > 0 ? `\x1b[${drawn}A` : ""}\r\x1b[J${all.join("\n")}\n`);
      drawn = all.length;
    } else if (now - last >= 1000 * EVERY) {
      last = now;
      const running = jobs.filter(({ name }) => state(name) === "running");
      write(`${[title(now), ...running.map(({ name }) => `  ${name}: ${lines.get(name) ?? ""}`)].join("\n")}\n`);
    }
  };
  /** Writes a line that stays, above what is drawn anew. */
  const above = (line: string) => {
    write(drawn > 0 ? `\x1b[${drawn}A\r\x1b[J${line}\n` : `${line}\n`);
    drawn = 0;
  };
  const timer = setInterval(draw, 500);
  return {
    onLine: (name: string, line: string) => void lines.set(name, line),
    onChange(now: ReadonlyMap<string, JobStatus>) {
      const before = states;
      states = new Map(now);
      for (const job of jobs) {
        const { name } = job, { state, error } = states.get(name)!;
        if (state === before.get(name)?.state) continue;
        if (state === "running") began.set(name, performance.now());
        if (state === "done") known.set(name, jobSeconds(study, job) ?? 0);
        const took = began.has(name) ? ` after ${clock((performance.now() - began.get(name)!) / 1000)}` : "";
        if (before.size === 0 || state === "waiting") continue;
        if (state === "failed") above(`FAILED ${name}${took}: ${error instanceof Error ? error.message : error}`);
        else if (!terminal) write(`${state.padEnd(8)} ${name}${state === "done" ? took : ""}\n`);
        const line = state === "done" ? news(study, job) : undefined;
        if (line !== undefined) above(line);
      }
      draw();
    },
    end() {
      clearInterval(timer);
      if (terminal) draw();
      else write(`${title(performance.now())}\n`);
    },
  };
}

/**
 * Does the jobs of a study that are not done, several at a time; tells of each that fails the last lines of its log.
 *
 * @returns whether all are done; rejects with the signal's reason if that stopped them
 */
export async function runJobs(
  study: Study,
  jobs: readonly StudyJob[],
  { lanes, threads }: Lanes,
  signal: AbortSignal,
  news: News = () => undefined,
): Promise<boolean> {
  const shown = display(study, jobs, { lanes, threads }, news);
  const queued = jobs.map((job): Job => ({
    ...{ name: job.name, needs: job.needs, memory: job.memory(threads) },
    done: () => jobState(study, job) === "done",
    run: (signal) => inProcess(study, job, threads, (line) => shown.onLine(job.name, line), signal),
  }));
  try {
    const memory = freeMemory();
    const large = queued.find((job) => job.memory > memory && !job.done());
    if (large) {
      const [needs, free] = [large.memory, memory].map((bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`);
      console.error(`${large.name} may need ${needs} of memory, ${free} are free; such jobs run alone.`);
    }
    const states = await runQueue(queued, { lanes, memory, signal, onChange: shown.onChange });
    if ([...states.values()].every(({ state }) => state === "done")) return true;
    signal.throwIfAborted();
    return false;
  } finally {
    shown.end();
  }
}
