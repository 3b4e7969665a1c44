/**
 * A study on a real cluster of Ray, of three nodes on this machine, of which one is killed while the store is built and
 * one while a model trains: it must equal to the bit a study of this machine's processes. Then two workers train a model,
 * the node of one is killed, and their steps must equal one process's but for rounding. Where Ray cannot be installed the
 * stage is skipped.
 *
 * `deno run -A tests/stages/ray.ts` prints the minutes of both and what differs.
 * @module
 */
import { clock } from "@lib/base/clock.ts";
import { exists, removeIfThere } from "@lib/base/files.ts";
import { projectRoot } from "@lib/base/project.ts";
import { pythonEnvironment } from "@lib/base/python.ts";
import { ensureRay } from "@lib/cli/setup.ts";
import type { Counts } from "../run.ts";
import { runStudy } from "../support/study_process.ts";
import {
  comparedRuns,
  copyUntrained,
  differentSteps,
  embeddedSongs,
  loggedSteps,
  pause,
  runs,
  trainedBy,
} from "../support/two_places.ts";
import { linesOf } from "../support/workers.ts";

/** A choice of a study that takes a minute or two, whose trainings are long enough to be killed in. */
const choices = {
  training: { steps: 80, validateEvery: 10, seeds: 1, precision: "float32" },
  probing: { draws: 1, bootstraps: 5, clusters: 3, poolings: ["bar"], untrainedSeeds: 1 },
};

type Process = { pid: number; parent: number; command: string };

/** All processes of this machine. */
function processes(): Process[] {
  const { stdout } = new Deno.Command("ps", { args: ["-axwwo", "pid=,ppid=,args="] }).outputSync();
  return [...new TextDecoder().decode(stdout).matchAll(/^ *(\d+) +(\d+) (.*)$/gm)]
    .map(([, pid, parent, command]) => ({ pid: Number(pid), parent: Number(parent), command }));
}

const below = (all: readonly Process[], pid: number): Process[] =>
  all.filter(({ parent }) => parent === pid).flatMap((child) => [child, ...below(all, child.pid)]);

/** A cluster whose nodes can be added and killed. */
async function startCluster(python: string, token: string) {
  const own = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: token, RAY_USAGE_STATS_ENABLED: "0" };
  const env = { ...own, RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER: "0" }; // despite its name: only 127.0.0.1 is used
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ray-" }); // Ray's sockets want a short path
  const child = new Deno.Command(python, {
    args: ["-u", `${projectRoot}/tests/stages/ray_cluster.py`],
    ...{ clearEnv: true, env: { ...pythonEnvironment(), ...env, RAY_TMPDIR: folder } },
    ...{ detached: true, stdin: "piped", stdout: "piped", stderr: "null" },
  }).spawn();
  const input = child.stdin.getWriter(), raylets = new Set<number>();
  const lines = linesOf(child.stdout);
  const next = async () => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error("The cluster did not start.");
      if (value.startsWith("{")) return JSON.parse(value) as { address: string; raylet: number };
    }
  };
  const { address } = await next();
  return {
    address,
    env,
    async add() {
      await input.write(new TextEncoder().encode("add\n"));
      raylets.add((await next()).raylet);
    },
    /**
     * The node that a process with these words in its command runs on, if there is one: a function that kills it, all at
     * once, as a machine without power, or Ray's processes, which the job's process must follow.
     */
    nodeOf(words: string): ((victim: "all" | "Ray") => void) | undefined {
      const all = processes(), isJob = ({ command }: Process) => command.includes(words);
      for (const raylet of raylets) {
        const own = below(all, raylet);
        if (!own.some(isJob)) continue;
        return (victim) => {
          raylets.delete(raylet);
          for (const pid of [raylet, ...own.filter((one) => victim === "all" || !isJob(one)).map(({ pid }) => pid)]) {
            try {
              Deno.kill(pid, "SIGKILL");
            } catch { /* it has ended */ }
          }
        };
      }
    },
    async end() {
      await input.close().catch(() => {});
      await child.status;
      await Deno.remove(folder, { recursive: true }).catch(() => {}); // what was killed may still write
    },
  };
}

/** The names of parts in a store that is being built. */
const partsOf = (run: string): string[] => {
  const folder = `${runs}/${run}/corpus/parts`;
  return exists(folder)
    ? [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".part"))
    : [];
};

/** How often Ray began a job of a run. */
const began = (run: string, job: string): number =>
  Deno.readTextFileSync(`${runs}/${run}/log/${job}.log`).match(/, by Ray on /g)?.length ?? 0;

/** Runs a study in both ways; returns the paths that differ. */
async function compare(python: string): Promise<string[]> {
  const cluster = await startCluster(python, crypto.randomUUID().replaceAll("-", "").repeat(2));
  const [local, ray, pair] = ["local", "ray", "pair"].map((name) => `ray-${Deno.pid}-${name}`);
  const songs = await embeddedSongs(48);
  const variables = { NO_COLOR: "1", SCALE: "smoke", DATA: songs, RECIPE: JSON.stringify(choices) };
  const study = async (run: string, on: string, env = {}, more: string[] = []) => {
    const start = performance.now(), args = ["study", "--run", run, "--on", on, "--threads", "1", "--no-page"];
    const { code, text } = await runStudy([...args, ...more], { ...variables, ...env });
    if (code !== 0) throw new Error(`exit code ${code}\n${text}`);
    return (performance.now() - start) / 1000;
  };
  let over = false, running: Promise<number>;
  const start = (run: string, more: string[] = []) => {
    over = false;
    running = study(run, `ray://${cluster.address}`, cluster.env, more).finally(() => over = true);
    running.catch(() => {}); // awaited below
  };
  try {
    await Promise.all([cluster.add(), cluster.add()]);
    start(ray);
    /** Kills the node of a process that has these words in its command, once it has come far enough; adds another one. */
    const strike = async (words: string, victim: "all" | "Ray", isReady: () => boolean) => {
      let kill: ReturnType<typeof cluster.nodeOf>;
      while (!over && !(kill = cluster.nodeOf(words))) await pause(50);
      while (!over && !isReady()) await pause(5);
      if (over) {
        throw new Error(`The study was over in ${clock(await running!)} before the node of ${words} was killed.`);
      }
      kill!(victim);
      console.log(`the node of ${words} is killed (${victim})`);
      await cluster.add();
    };
    await strike(`job corpus --run ${ray} `, "all", () => partsOf(ray).length > 0);
    await strike(`job train-BERT --run ${ray} `, "Ray", () => loggedSteps(ray, "BERT") > 20);
    console.log(`on Ray: ${clock(await running!)}`);
    console.log(`on this machine's processes: ${clock(await study(local, "local"))}`);
    const different = comparedRuns(local, ray);
    const struck = ["corpus", "train-BERT"].filter((job) => began(ray, job) < 2);
    await copyUntrained(local, pair, "BERT");
    start(pair, ["--train-workers", "2"]);
    await strike("--worker 1 --hosts", "all", () => loggedSteps(pair, "BERT") > 20);
    console.log(`two workers on Ray: ${clock(await running!)}`);
    const { steps, different: away } = differentSteps(local, pair, "BERT");
    if (steps[0] !== steps[1]) away.push(`${steps[1]} steps of ${steps[0]}`);
    if (began(pair, "train-BERT") < 2 || trainedBy(pair, "BERT") !== "2") away.push("not begun again, or by others");
    const together = away.map((line) => `two workers: ${line}`);
    return [...different, ...together, ...struck.map((job) => `${job} was not begun again`)];
  } finally {
    await cluster.end();
    await Deno.remove(songs, { recursive: true });
    for (const run of [local, ray, pair]) await removeIfThere(`${runs}/${run}`);
  }
}

/** The stage: one passed if nothing differs; skipped where Ray cannot be installed. */
export async function rayStage(): Promise<Counts | boolean> {
  const ready = await ensureRay().catch((error) => console.log(`Ray cannot be installed here. ${error.message}`));
  if (!ready) return { passed: 0, failed: 0, skipped: 1 };
  const different = await compare(ready.python);
  console.log(`different: ${different.join(", ") || "nothing"}`);
  return different.length === 0;
}

if (import.meta.main) Deno.exit(await rayStage() ? 0 : 1);
