/**
 * One study in four ways, which must be equal to the bit: one job at a time, two at a time, two at a time and killed at
 * random moments, and notebook by notebook. At smoke scale, with two seeds, on twelve of the embedded songs.
 *
 * `deno run -A tests/study_kills.ts [KILLS [SEED]]` (10 kills of seed 1); prints the minutes of each and what differs.
 * @module
 */
import { notebooks } from "@lib/cli/jobs/page.ts";
import { ensureSetup } from "@lib/cli/setup.ts";
import { executeNotebook } from "@lib/report/execute.ts";
import { clock } from "@lib/base/clock.ts";
import { exists } from "@lib/base/files.ts";
import { threadVariables } from "@lib/base/machine.ts";
import { projectRoot } from "@lib/base/project.ts";
import { stream } from "@lib/base/random.ts";
import { type Blow, runStudy } from "./support/study_process.ts";
import { differentFiles, studyResult } from "./support/study_result.ts";

const [kills = 10, seed = 1] = Deno.args.map(Number);
const songs = await Deno.makeTempDir(), runs = `${projectRoot}/data/runs`, prefix = `kills-${Deno.pid}`;
const names = [...Deno.readDirSync(`${projectRoot}/data/freedoom`)].map(({ name }) => name);
for (const name of names.filter((name) => name.endsWith(".mid")).sort().slice(0, 12)) {
  await Deno.copyFile(`${projectRoot}/data/freedoom/${name}`, `${songs}/${name}`);
}
const env = {
  ...{ NO_COLOR: "1", SCALE: "smoke", DATA: songs, ...threadVariables(1) },
  RECIPE: JSON.stringify({ training: { seeds: 2, precision: "float32" } }),
};
const argsOf = (run: string, jobs: number) => ["study", "--run", run, "--jobs", String(jobs), "--threads", "1"];

/** Runs a study to its end, or throws what it printed; returns the seconds. */
async function whole(run: string, jobs: number): Promise<number> {
  const start = performance.now(), { code, text } = await runStudy(argsOf(run, jobs), env);
  if (code !== 0) throw new Error(`exit code ${code}\n${text}`);
  return (performance.now() - start) / 1000;
}

/** Kills a study as often as asked for, at moments that let it come to about half, then runs it to its end. */
async function killed(run: string, seconds: number): Promise<number> {
  const random = stream(seed, "kills"), start = performance.now();
  for (let kill = 0; kill < kills; kill++) {
    const victim = (["all", "queue", "jobs"] as const)[random.integer(3)];
    const blow: Blow = { after: 1, wait: 1000 * seconds / kills * 1.2 * random.uniform(), victim, signal: "SIGKILL" };
    const { code, text } = await runStudy(argsOf(run, 2), env, blow);
    if (code === 0) throw new Error(`The study was done before it was killed ${kill + 1} times.\n${text}`);
    console.log(`kill ${kill + 1}: ${victim} after ${(blow.wait / 1000).toFixed(1)} s, exit code ${code}`);
  }
  await whole(run, 2);
  return (performance.now() - start) / 1000;
}

async function notebookByNotebook(run: string): Promise<number> {
  const { python } = await ensureSetup({ quiet: true }), start = performance.now();
  await Deno.mkdir(`${runs}/${run}/notebooks`, { recursive: true });
  for (const notebook of notebooks()) {
    const target = `${runs}/${run}/notebooks/${notebook.replace(/^.*\//, "")}`;
    const { error } = await executeNotebook({ python, notebook, target, env: { ...env, STUDY: run } });
    if (error) throw new Error(`${notebook}: ${error.message}`);
  }
  return (performance.now() - start) / 1000;
}

let differ = -1; // until it is known
try {
  const [one, two, hit, book] = ["one", "two", "killed", "notebooks"].map((name) => `${prefix}-${name}`);
  const seconds = { [two]: await whole(two, 2), [one]: await whole(one, 1), [book]: await notebookByNotebook(book) };
  seconds[hit] = await killed(hit, seconds[two]);
  const result = studyResult(`${runs}/${one}`), kinds = Map.groupBy(Object.keys(result), (path) => path.split("/")[0]);
  console.log(`compared: ${[...kinds].map(([kind, paths]) => `${paths.length} of ${kind}`).join(", ")}`);
  differ = 0;
  for (const run of [one, two, hit, book]) {
    const different = differentFiles(result, studyResult(`${runs}/${run}`));
    console.log(`${run}: ${clock(seconds[run])}, different: ${different.join(", ") || "nothing"}`);
    differ += different.length;
  }
} finally {
  await Deno.remove(songs, { recursive: true });
  for (const { name } of exists(runs) ? Deno.readDirSync(runs) : []) {
    if (name.startsWith(prefix) && differ === 0) await Deno.remove(`${runs}/${name}`, { recursive: true });
  }
}
Deno.exit(differ === 0 ? 0 : 1);
