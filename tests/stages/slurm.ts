/**
 * A study on a real Slurm of one node on this machine. The command that follows it is stopped and called again; a
 * training is told by SIGUSR1 to stop, as one is whose time ends, and later its node is killed: the study must equal to
 * the bit one of this machine's processes. Where Slurm cannot be installed the stage is skipped.
 *
 * `deno run -A tests/stages/slurm.ts` prints the minutes of both and what differs.
 * @module
 */
import { clock } from "@lib/base/clock.ts";
import { removeIfThere } from "@lib/base/files.ts";
import type { Counts } from "../run.ts";
import { hasSlurm, type SlurmCluster, startSlurm } from "../support/slurm_cluster.ts";
import { runStudy } from "../support/study_process.ts";
import { comparedRuns, embeddedSongs, loggedSteps, pause, runs } from "../support/two_places.ts";

/** A choice of a study that takes a minute or two, whose training is long enough to be stopped in twice. */
const choices = {
  training: { steps: 120, validateEvery: 10, seeds: 1, precision: "float32" },
  probing: { draws: 1, bootstraps: 5, clusters: 3, poolings: ["bar"], untrainedSeeds: 1 },
};

const model = "BERT-neighbor", job = `train-${model}`;

/** How often Slurm started the training. */
const starts = (run: string): number =>
  Deno.readTextFileSync(`${runs}/${run}/log/${job}.log`).match(/ Slurm's job .*, start \d+$/gm)?.length ?? 0;

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
  const running = await slurm.ask("squeue", "--noheader", "--states=RUNNING", "--format=%i %j");
  const [, task] = new RegExp(`^(\\S+) ${run}:train`, "m").exec(running)!;
  await slurm.ask("scancel", "--batch", "--signal=USR1", task);
  await until("its node is killed", () => starts(run) === 2 && loggedSteps(run, model) > 60);
  await slurm.killNode();
  await until("it is started for the third time", () => starts(run) === 3);
}

/** Runs a study in both ways; returns what is wrong. */
async function compare(slurm: SlurmCluster): Promise<string[]> {
  const prefix = `slurm-${Deno.pid}`, [local, far] = [`${prefix}-local`, `${prefix}-slurm`];
  const songs = await embeddedSongs(12);
  const variables = { NO_COLOR: "1", SCALE: "smoke", DATA: songs, RECIPE: JSON.stringify(choices), ...slurm.env };
  const args = (
    run: string,
    on: string,
  ) => ["study", "--run", run, "--on", on, "--models", "neighbor", "--threads", "1"];
  const timed = async (run: string, on: string) => {
    const start = performance.now(), { code, text } = await runStudy(args(run, on), variables);
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
    return [...wrong, ...comparedRuns(local, far)];
  } finally {
    over = true;
    await Deno.remove(songs, { recursive: true });
    if (!Deno.env.get("KEEP")) await Promise.all([local, far].map((run) => removeIfThere(`${runs}/${run}`)));
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
