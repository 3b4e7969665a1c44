/**
 * A study's jobs as tasks of Ray, on a cluster that is there or on one that is started for them on this machine. A driver
 * in Python (`ray_driver.py`) hands them over; logs and results are in the run's folder, which all nodes share.
 * @module
 */
import { freeMemory, threads as ownThreads, threadVariables } from "../../base/machine.ts";
import { lineCutter } from "../../base/processes.ts";
import { projectRoot } from "../../base/project.ts";
import { pythonEnvironment } from "../../base/python.ts";
import { UserError } from "../../base/user_error.ts";
import { hostAndPort } from "../../engine/choice.ts";
import type { StudyJob } from "../../study/jobs/graph.ts";
import type { Study } from "../../study/study.ts";
import { ensureRay } from "../setup.ts";
import { lanesFor } from "./local.ts";
import { followLog } from "./log.ts";
import { atATime, inOrder, jobArguments, jobFailed, jobProcess, logPath, mostWorkers } from "./place.ts";
import type { OneByOne, Place } from "./place.ts";

/** What a node of the cluster has: cores, and bytes for tasks. */
type RayNode = { cpus: number; memory: number };

/** What the driver answers: the nodes that live; how a job ended, or why Ray could not run it; why there is no cluster. */
type Answer = { nodes?: RayNode[]; job?: string; code?: number; error?: string; failed?: string };

/** What the driver is told of a job. */
type Order =
  & { job: string; title: string; command: string[]; cwd: string; env: Record<string, string>; log: string }
  & { workers: number }
  & RayNode;

/** A driver that runs, with the nodes of its cluster. */
type Driver = {
  nodes(): readonly RayNode[];
  run(order: Order): Promise<Answer>;
  stop(): Promise<void>;
};

/** Variables that say how a process computes: a job has them wherever it runs. */
const computing = /^(ENGINE|LIBTENSORFLOW_DIR|PJRT_PLUGIN|XLA_\w+|TF_\w+|ONEDNN_\w+|GLIBC_TUNABLES)$/;

/** Ray's settings: nothing is sent to its makers, and a cluster of one machine has an address that no other reaches. */
const settings = (isOwn: boolean): Record<string, string> => ({
  RAY_USAGE_STATS_ENABLED: "0",
  ...isOwn && {
    RAY_task_oom_retries: "3", // else a job that a node has too little memory for is begun again forever
    RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER: "0", // despite its name: every process listens on 127.0.0.1 alone
    ...{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: crypto.randomUUID().replaceAll("-", "").repeat(2) },
  },
});

/** Seconds in which a cluster answers; Ray itself waits forever for an address that does not. */
const PATIENCE = 120;

/** Starts the driver and awaits its cluster; throws a {@link UserError} with what Ray says if there is none. */
async function startDriver(command: readonly string[], where: { address: string } | RayNode): Promise<Driver> {
  const [program, ...args] = command, isOwn = !("address" in where);
  const child = new Deno.Command(program, {
    ...{ args, cwd: projectRoot, clearEnv: true, env: { ...pythonEnvironment(), ...settings(isOwn) } },
    ...{ detached: true, stdin: "piped", stdout: "piped", stderr: "piped" }, // Ctrl-C reaches it by us
  }).spawn();
  const input = child.stdin.getWriter(), ends = new Map<string, (answer: Answer) => void>(), said: string[] = [];
  const send = (value: object) => input.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`)).catch(() => {});
  const ready = Promise.withResolvers<void>();
  let nodes: RayNode[] | undefined;
  const answered = ({ nodes: now, job, failed, ...end }: Answer) => {
    if (failed !== undefined) ready.reject(new UserError(`Ray: ${failed}`));
    if (now) nodes = now, ready.resolve();
    if (job === undefined) return;
    ends.get(job)?.({ job, ...end });
    ends.delete(job);
  };
  const lines = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>, onLine: (line: string) => void) => {
    const cut = lineCutter(onLine);
    for await (const text of stream.pipeThrough(new TextDecoderStream())) cut(text);
  };
  const ended = (async () => {
    await Promise.all([
      lines(child.stdout, (line) => line.startsWith("{") && answered(JSON.parse(line))),
      lines(child.stderr, (line) => said.push(...said.splice(0).slice(-11), line)),
    ]);
    const { code } = await child.status;
    const error = `The driver of Ray ended with exit code ${code}. It said last:\n  ${said.join("\n  ")}`;
    ready.reject(new UserError(error));
    for (const end of ends.values()) end({ error });
    return error;
  })();
  void send(where);
  const late = setTimeout(() => {
    const place = isOwn ? "that was started here" : `at ${where.address}`;
    const what = `Ray: expected an answer of the cluster ${place}, found none in ${PATIENCE} s`;
    ready.reject(new UserError(`${what}. Is this machine one of its nodes (ray start), and does it know its secret?`));
    child.kill("SIGKILL");
  }, 1000 * PATIENCE);
  await ready.promise.catch(async (error) => {
    await input.close().catch(() => {});
    await ended;
    throw error;
  }).finally(() => clearTimeout(late));
  return {
    nodes: () => nodes!,
    async run(order) {
      const { promise, resolve } = Promise.withResolvers<Answer>();
      ends.set(order.job, resolve);
      await send(order);
      return await Promise.race([promise, ended.then((error): Answer => ({ error }))]);
    },
    async stop() {
      await input.close().catch(() => {});
      await ended;
    },
  };
}

/** Refuses an address at which nothing listens. */
async function needListener(address: string): Promise<void> {
  try {
    (await Deno.connect(hostAndPort(address))).close();
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new UserError(
      `Ray: expected a cluster at ${address}, the address that its ray start --head printed, found none: ${why}.`,
    );
  }
}

/** What a driver is asked for: most jobs at a time, their threads, a cluster's address, and the driver's command. */
type RayOptions = { jobs?: number; threads?: number; address?: string; driver?: readonly string[] };

/**
 * The bytes to ask for each of a job's processes, which may need so many: fewer where the nodes that have the threads
 * have not so much for all processes at a time, which then share it.
 */
export function memoryEach(nodes: readonly RayNode[], threads: number, workers: number, bytes: number): number {
  const room = (each: number) =>
    nodes.reduce((sum, { cpus, memory }) => sum + Math.min(Math.floor(cpus / threads), Math.floor(memory / each)), 0);
  const shares = nodes.flatMap(({ memory }) => Array.from({ length: workers }, (_, i) => Math.floor(memory / (i + 1))));
  return Math.max(
    0,
    ...[Math.floor(bytes), ...shares].filter((each) => each > 0 && each <= bytes && room(each) >= workers),
  );
}

/**
 * A cluster of Ray as a place of jobs. A node must have the threads of a job; one that has less memory than a job may need
 * runs it alone.
 *
 * @param options `address`: HOST:PORT of a cluster whose node this machine is; without it one is started here. `driver`:
 * the command of another driver, for tests
 * @throws {UserError} if there is no cluster, or none whose nodes have the threads
 */
export async function rayPlace(study: Study, jobs: readonly StudyJob[], options: RayOptions = {}): Promise<Place> {
  const { jobs: most, threads: asked, address } = options;
  const command = options.driver ?? [(await ensureRay()).python, "-u", `${projectRoot}/lib/cli/jobs/ray_driver.py`];
  if (address !== undefined) await needListener(address);
  const atOnce = Math.max(most ?? 1, mostWorkers(jobs));
  const own = { cpus: Math.max(ownThreads(), atOnce * (asked ?? 1)), memory: freeMemory() };
  const driver = await startDriver(command, address === undefined ? own : { address });
  try {
    return placeOf(study, jobs, driver, { most, asked, isOwn: address === undefined });
  } catch (error) {
    await driver.stop();
    throw error;
  }
}

function placeOf(
  study: Study,
  jobs: readonly StudyJob[],
  driver: Driver,
  { most, asked, isOwn }: { most?: number; asked?: number; isOwn: boolean },
): Place {
  const cores = Math.max(0, ...driver.nodes().map(({ cpus }) => cpus));
  const bytes = Math.max(...jobs.map(({ memory }) => memory(1)));
  const workers = mostWorkers(jobs), sharing = isOwn ? workers : 1; // the nodes of another cluster may have more cores
  const { threads } = lanesFor(study.recipe, { threads: asked, workers: sharing }, {
    cores,
    gpu: false,
    free: Infinity,
    bytes,
  });
  if (threads > cores) {
    throw new UserError(
      `Ray: expected a node with ${threads} cores for jobs of as many threads, found at most ${cores}. Name fewer ` +
        "--threads, or add such a node.",
    );
  }
  const lanes = () => driver.nodes().reduce((sum, { cpus }) => sum + Math.floor(cpus / threads), 0);
  if (lanes() < workers) {
    throw new UserError(
      `Ray: expected nodes with ${threads} cores for each of ${workers} workers, found room for ${lanes()}. Name fewer ` +
        "--train-workers or --threads, or add nodes.",
    );
  }
  const run: OneByOne["run"] = async (job, { signal, onLine, onTurn }) => {
    const log = logPath(study, job.name), { workers = 1 } = job;
    const followed = followLog(log, (line) => (onTurn("running"), onLine(line)));
    const stop = () => void driver.stop();
    signal.addEventListener("abort", stop);
    try {
      const { code, error } = await driver.run({
        ...{ job: job.name, title: `deno task ${jobArguments(study.name, job.name, threads, workers).join(" ")}` },
        ...{ command: jobProcess(study.name, job.name, threads), cwd: projectRoot, log, workers },
        ...{ cpus: threads, memory: memoryEach(driver.nodes(), threads, workers, job.memory(threads)) },
        env: { ...computingVariables(), ...threadVariables(threads), NO_COLOR: "1" },
      });
      await followed.end();
      if (code === 0) return;
      if (error !== undefined) throw new Error(`Ray: ${error}`);
      throw jobFailed(study, job.name, code! < 0 ? `by signal ${-code!}` : `with exit code ${code}`, followed.tail);
    } finally {
      signal.removeEventListener("abort", stop);
      await followed.end();
    }
  };
  return {
    get at() {
      const { length } = driver.nodes();
      return `Ray on ${length} ${length === 1 ? "node" : "nodes"}, ${atATime(lanes(), threads)}`;
    },
    get lanes() {
      return Math.max(1, Math.min(lanes(), most ?? Infinity));
    },
    doAll: inOrder(study, threads, { lanes: most ?? Infinity, first: "queued", memory: Infinity, run }),
    close: () => driver.stop(),
  };
}

const computingVariables = (): Record<string, string> =>
  Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => computing.test(name)));
