/**
 * A study on a real Slurm of one node on this machine. The command that follows it is stopped and called again; a
 * training is told by SIGUSR1 to stop, as one is whose time ends, and later its node is killed: the study must equal to
 * the bit one of this machine's processes. Then two workers train, told in the midst of it, and their steps must equal one
 * process's but for rounding. Where Slurm cannot be installed the stage is skipped.
 *
 * `deno run -A tests/stages/slurm.ts` prints the minutes of both and what differs.
 * @module
 */
import { clock } from "@lib/base/clock.ts";
import { exists, removeIfThere } from "@lib/base/files.ts";
import type { Counts } from "../run.ts";
import { hasSlurm, type SlurmCluster, startSlurm } from "../support/slurm_cluster.ts";
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

/** A choice of a study that takes a minute or two, whose training is long enough to be stopped in twice. */
const choices = {
  training: { steps: 120, validateEvery: 10, seeds: 1, precision: "float32" },
  probing: { draws: 1, bootstraps: 5, clusters: 3, poolings: ["bar"], untrainedSeeds: 1 },
};

const model = "BERT-neighbor", job = `train-${model}`;

/** The path of the training's log. */
const log = (run: string): string => `${runs}/${run}/log/${job}.log`;

/** How often Slurm started the training. */
const starts = (run: string): number =>
  Deno.readTextFileSync(log(run)).match(/ Slurm's job .*, start \d+$/gm)?.length ?? 0;

/** Tells a run's training by SIGUSR1 to stop, as one is whose time ends. */
async function tell(run: string, slurm: SlurmCluster): Promise<void> {
  const running = await slurm.ask("squeue", "--noheader", "--states=RUNNING", "--format=%i %j");
  const [, task] = new RegExp(`^(\\S+) ${run}:train`, "m").exec(running) ?? [];
  if (task === undefined) throw new Error(`The training of ${run} does not run.`);
  await slurm.ask("scancel", "--batch", "--signal=USR1", task);
}

/** Stops a study on Slurm in every way; rejects if it was over too early. */
async function strike(run: string, slurm: SlurmCluster, isOver: () => boolean): Promise<void> {
  const until = async (what: string, isReady: () => boolean) => {
    while (!isReady()) {
      if (isOver()) throw new Error(`The study was over before ${what}.`);
      await pause(50);
    }
    console.log(what);
  };
  await until("the training is told by SIGUSR1", () => loggedSteps(run, model) > 20);
  await tell(run, slurm);
  await until("its node is killed", () => starts(run) === 2 && loggedSteps(run, model) > 60);
  await slurm.killNode();
  await until("it is started for the third time", () => starts(run) === 3);
}

/** Trains by two workers in Slurm, told in the midst of it to stop; returns what is wrong beside another run. */
async function compareTogether(
  slurm: SlurmCluster,
  [alone, pair]: [string, string],
  study: (run: string) => Promise<number>,
): Promise<string[]> {
  await copyUntrained(alone, pair, model);
  let over = false;
  const running = study(pair).finally(() => over = true);
  running.catch(() => {}); // awaited below
  while (!over && !(exists(log(pair)) && loggedSteps(pair, model) > 30)) await pause(50);
  await tell(pair, slurm);
  console.log(`two workers in Slurm: ${clock(await running)}, told once`);
  const { steps, different } = differentSteps(alone, pair, model);
  const text = Deno.readTextFileSync(log(pair)), workers = trainedBy(pair, model);
  return [
    ...different.map((line) => `two workers: ${line}`),
    ...(steps[0] === steps[1] ? [] : [`two workers: ${steps[1]} steps of ${steps[0]}`]),
    ...(workers === "2" ? [] : [`two workers: trained by ${workers}`]),
    ...(starts(pair) === 2 && text.match(/Told to stop by SIGUSR2/g)?.length === 2 ? [] : [`two workers:\n${text}`]),
  ];
}

/** Runs a study in both ways; returns what is wrong. */
async function compare(slurm: SlurmCluster): Promise<string[]> {
  const [local, far, pair] = ["local", "slurm", "pair"].map((name) => `slurm-${Deno.pid}-${name}`);
  const songs = await embeddedSongs(12);
  const variables = { NO_COLOR: "1", SCALE: "smoke", DATA: songs, RECIPE: JSON.stringify(choices), ...slurm.env };
  const args = (
    run: string,
    on: string,
  ) => ["study", "--run", run, "--on", on, "--models", "neighbor", "--threads", "1"];
  const timed = async (run: string, on: string, ...more: string[]) => {
    const start = performance.now(), { code, text } = await runStudy([...args(run, on), ...more], variables);
    if (code !== 0) throw new Error(`exit code ${code}\n${text}`);
    return (performance.now() - start) / 1000;
  };
  const arrays = () => Object.keys(JSON.parse(Deno.readTextFileSync(`${runs}/${far}/slurm/arrays.json`))).length;
  let over = false;
  try {
    const blow = { after: 1, wait: 0, victim: "queue", signal: "SIGINT" } as const, wrong: string[] = [];
    const stopped = await runStudy(args(far, "slurm"), variables, blow), before = arrays();
    if (stopped.code !== 130 || !stopped.text.includes("scancel ")) wrong.push(`stopped: ${stopped.text}`);
    const study = timed(far, "slurm").finally(() => over = true);
    const [seconds] = await Promise.all([study, strike(far, slurm, () => over)]);
    if (arrays() !== before) wrong.push(`${before} arrays were submitted first, ${arrays()} in the end`);
    console.log(`in Slurm: ${clock(seconds)}, ${before} arrays`);
    console.log(`on this machine's processes: ${clock(await timed(local, "local"))}`);
    wrong.push(...comparedRuns(local, far));
    const together = (run: string) => timed(run, "slurm", "--train-workers", "2");
    return [...wrong, ...await compareTogether(slurm, [local, pair], together)];
  } finally {
    over = true;
    await Deno.remove(songs, { recursive: true });
    if (!Deno.env.get("KEEP")) await Promise.all([local, far, pair].map((run) => removeIfThere(`${runs}/${run}`)));
  }
}

/** The stage: one passed if nothing differs; skipped where Slurm is not there or does not start. */
export async function slurmStage(): Promise<Counts | boolean> {
  const skipped = { passed: 0, failed: 0, skipped: 1 };
  if (!await hasSlurm()) return console.log("No Slurm here (slurm-wlm), or not for this user."), skipped;
  const slurm = await startSlurm().catch((error) => console.log(error.message));
  if (!slurm) return skipped;
  try {
    const wrong = await compare(slurm);
    console.log(`different: ${wrong.join(", ") || "nothing"}`);
    return wrong.length === 0;
  } finally {
    await slurm.end();
  }
}

if (import.meta.main) Deno.exit(await slurmStage() === false ? 1 : 0);
