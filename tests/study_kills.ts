/**
 * One study in four ways, which must be equal to the bit: one job at a time, notebook by notebook, two jobs at a time, and
 * two at a time killed at random moments, which are spread over the study's jobs. At smoke scale, with two seeds, on twelve
 * composed songs; the first two ways side by side, as each takes one core.
 *
 * `deno run -A tests/study_kills.ts [KILLS [SEED]]` (10 kills, by a seed that is drawn); prints the seed, the time of each
 * way, and what differs.
 * @module
 */
import { allJobs, notebooks } from "@lib/cli/jobs/page.ts";
import { ensureSetup } from "@lib/cli/setup.ts";
import { executeNotebook } from "@lib/report/execute.ts";
import { jobState } from "@lib/study/jobs/graph.ts";
import { openStudy } from "@lib/study/study.ts";
import { clock } from "@lib/base/clock.ts";
import { exists } from "@lib/base/files.ts";
import { threadVariables } from "@lib/base/machine.ts";
import { projectRoot } from "@lib/base/project.ts";
import { stream } from "@lib/base/random.ts";
import { runStudy, withRuns } from "./support/study_process.ts";
import { differentFiles, studyResult } from "./support/study_result.ts";

const [kills = 10, seed = Math.floor(1e6 * Math.random())] = Deno.args.map(Number);
const folderOf = (run: string): string => `${projectRoot}/data/runs/${run}`;

/** Choices by which each step takes little; composed concepts and removals are off. */
const recipe = {
  training: { seeds: 2, steps: 4, validateEvery: 2, precision: "float32" },
  probing: { draws: 1, bootstraps: 20, clusters: 3, untrainedSeeds: 1, conceptBars: 0, usedBars: 0 },
};

/** Tells how long a way took; returns the seconds. */
async function timed(way: string, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  console.log(`${way}: ${clock(seconds)}`);
  return seconds;
}

/** How many jobs a run has, and how many of them are done. */
function jobsOf(run: string): { jobs: number; done: number } {
  const study = openStudy({ name: run, dry: true }), jobs = allJobs(study);
  return { jobs: jobs.length, done: jobs.filter((job) => jobState(study, job) === "done").length };
}

/** The ways of a study: what does it by the name of its run. */
function waysOf(songs: string) {
  const env = { NO_COLOR: "1", SCALE: "smoke", DATA: songs, RECIPE: JSON.stringify(recipe), ...threadVariables(1) };
  const argsOf = (run: string, lanes: number) => ["study", "--run", run, "--jobs", String(lanes), "--threads", "1"];
  /** Runs a study to its end, or throws what it printed. */
  const byJobs = async (run: string, lanes: number): Promise<void> => {
    const { code, text } = await runStudy(argsOf(run, lanes), env);
    if (code !== 0) throw new Error(`exit code ${code}\n${text}`);
  };
  /** Kills a study of so many jobs, each of which takes about so many seconds, again and again, then runs it to its end. */
  const killed = async (run: string, jobs: number, seconds: number): Promise<void> => {
    const random = stream(seed, "kills");
    for (let kill = 0; kill < kills; kill++) {
      const done = exists(`${folderOf(run)}/recipe.json`) ? jobsOf(run).done : 0;
      const after = Math.max(1, Math.floor(jobs * (kill + random.uniform()) / kills) - done);
      const wait = 1000 * seconds * random.uniform(), victim = (["all", "queue", "jobs"] as const)[random.integer(3)];
      const { code, text } = await runStudy(argsOf(run, 2), env, { after, wait, victim, signal: "SIGKILL" });
      const moment = `${(wait / 1000).toFixed(1)} s after job ${done + after} of ${jobs} began`;
      console.log(`kill ${kill + 1}: ${victim}, ${moment}; exit code ${code}`);
      if (code === 0) throw new Error(`The study was done before.\n${text}`);
    }
    await byJobs(run, 2);
  };
  const byNotebooks = async (run: string): Promise<void> => {
    const { python } = await ensureSetup({ quiet: true }), folder = `${folderOf(run)}/notebooks`;
    await Deno.mkdir(folder, { recursive: true });
    for (const notebook of notebooks()) {
      const target = `${folder}/${notebook.replace(/^.*\//, "")}`;
      const { error } = await executeNotebook({ python, notebook, target, env: { ...env, STUDY: run } });
      if (error) throw new Error(`${notebook}: ${error.message}`);
    }
  };
  return { byJobs, killed, byNotebooks };
}

let differ = 0;
console.log(`${kills} kills by the seed ${seed}`);
await withRuns(async (songs, run) => {
  const { byJobs, killed, byNotebooks } = waysOf(songs),
    [one, two, hit, book] = ["1", "2", "kills", "notebooks"].map(run);
  await Promise.all([
    timed("one job at a time", () => byJobs(one, 1)),
    timed("notebook by notebook", () => byNotebooks(book)),
  ]);
  const seconds = await timed("two jobs at a time", () => byJobs(two, 2)), { jobs } = jobsOf(two);
  await timed("killed", () => killed(hit, jobs, seconds * 2 / jobs));
  const result = studyResult(folderOf(one)), kinds = Map.groupBy(Object.keys(result), (path) => path.split(/[/.]/)[0]);
  console.log(`compared: ${[...kinds].map(([kind, paths]) => `${paths.length} of ${kind}`).join(", ")}`);
  for (const kind of ["models", "probes", "results", "steps", "tables"]) {
    if (!kinds.has(kind)) throw new Error(`Expected files of ${kind} to compare, found none.`);
  }
  for (const other of [two, hit, book]) {
    const different = differentFiles(result, studyResult(folderOf(other)));
    console.log(`${other}: different: ${different.join(", ") || "nothing"}`);
    differ += different.length;
  }
});
Deno.exit(differ === 0 ? 0 : 1);
