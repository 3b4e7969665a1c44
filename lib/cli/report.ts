/**
 * `deno task report`: the four notebooks executed, and their page.
 * @module
 */
import { basename } from "node:path";
import { clock } from "../base/clock.ts";
import { exists, readTextIfThere, removeIfThere, writeFile } from "../base/files.ts";
import { projectRoot } from "../base/project.ts";
import { UserError } from "../base/user_error.ts";
import { executeAll, type NotebookRun } from "../report/execute.ts";
import { readChapters, reportPage, type Section } from "../report/page.ts";
import { findChromium, writePdf } from "../report/pdf.ts";
import { type RunStamp, stampOf } from "../report/stamp.ts";
import { studyJobs } from "../study/jobs/graph.ts";
import { endsOf, once, type Step } from "../study/jobs/steps.ts";
import { fingerprint, stepsInWork } from "../study/step_records.ts";
import { loadRecipe, openStudy, type Study } from "../study/study.ts";
import { readArguments, studyVariables, usageError } from "./arguments.ts";
import { ensureSetup } from "./setup.ts";

/** The arguments of `deno task report`, with the variables of the study; throws a {@link UsageError}. */
export function reportOptions(
  args: readonly string[],
  cwd?: string,
): { name: string; env: Record<string, string> } & Record<"fresh" | "page" | "pdf", boolean> {
  const { values } = readArguments("report", args, cwd), { data, scale, preset, fresh, page, pdf } = values;
  if (fresh && page) throw usageError("report", "expected --fresh or --page, found both.");
  const parts = [scale ?? "demo", preset === "sound" ? undefined : preset, data && basename(data)];
  const name = values.name ?? parts.filter((part) => part).join("-").replace(/[^\w.-]+/g, "-");
  return { name, env: studyVariables(name, values), fresh, page, pdf };
}

/** The notebooks, in order. */
export async function notebooks(folder: string = `${projectRoot}/notebooks`): Promise<string[]> {
  const files = await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name);
  return files.filter((name) => name.endsWith(".ipynb")).sort().map((name) => `${folder}/${name}`);
}

/** The page of a study: it depends on its steps, on how results are judged, and on the notebooks. */
export function pageStep(study: Study): Step {
  const folder = `${projectRoot}/notebooks`, names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  const texts = names.filter((name) => name.endsWith(".ipynb")).sort()
    .map((name) => fingerprint(Deno.readTextFileSync(`${folder}/${name}`)));
  const ends = endsOf(study, studyJobs(study).flatMap(({ steps }) => steps()));
  return { step: "page", inputs: { ends, texts, choices: study.recipe, data: study.data } };
}

/** The sections that open a run's page, as far as it has come; none, with a line, if its results cannot be read. */
async function frontOf(study: Study): Promise<Section[]> {
  // Imported here, as they load libtensorflow, which the set-up brings.
  const [{ resultsOf }, { frontSections }] = await Promise.all([
    import("../study/results/results.ts"),
    import("../report/front.ts"),
  ]);
  try {
    return await frontSections(await resultsOf(study));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.warn(`report: the page opens without its findings. ${error.message}`);
    return [];
  }
}

/** Makes a run's page, the same bytes each time; `part` has the notebooks and the stamp of a run that is not over. */
export async function writeReport(
  study: Study,
  python: string,
  part?: { names: string[]; stamp: RunStamp },
): Promise<string> {
  const { folder } = study, executed = part?.names.map((name) => `${folder}/notebooks/${name}.ipynb`);
  const chapters = await readChapters(executed ?? await notebooks(`${folder}/notebooks`), python);
  const stamp: RunStamp = part?.stamp ?? JSON.parse(await Deno.readTextFile(`${folder}/stamp.json`));
  const path = `${folder}/report.html`, front = await frontOf(study);
  await writeFile(path, await reportPage({ front, chapters, stamp }));
  return path;
}

/** Opens a run, which `--fresh` deletes first, unless another process works on it. */
async function openRun({ name, env, fresh }: ReturnType<typeof reportOptions>): Promise<Study> {
  for (const [key, value] of Object.entries(env)) Deno.env.set(key, value);
  loadRecipe({}, {}, fresh ? env.DATA : undefined); // refuses wrong choices before anything is deleted
  const folder = `${projectRoot}/data/runs/${name}`, steps = fresh ? stepsInWork(folder) : [];
  if (steps.length > 0) {
    throw new UserError(
      `Report: --fresh expected a run that no process works on, found the step ${steps.join(", ")} in work in ` +
        `${folder}. Wait for that process or stop it, or name another run (--name).`,
    );
  }
  if (fresh) await removeIfThere(folder);
  return openStudy({ name });
}

/** Executes a run's notebooks, and leaves its stamp and cards beside them; whether none failed. */
async function executeRun(study: Study, env: Record<string, string>, python: string): Promise<boolean> {
  const files = await notebooks();
  if (files.length === 0) throw new UserError(`Report: expected notebooks in ${projectRoot}/notebooks, found none.`);
  const expected = JSON.parse(await readTextIfThere(study.path("seconds.json")) ?? "{}");
  const libraries = `${projectRoot}/.venv/libtensorflow`;
  // The first plots are there to be read while the models train; a page that is whole is not replaced by a part.
  const onNotebook = async (runs: readonly NotebookRun[]) => {
    const whole = runs.length === files.length && !runs.some((run) => run.error);
    if (whole || exists(study.path("stamp.json")) || !exists(study.path("corpus", "manifest.json"))) return;
    const failed = runs.find((run) => run.error)?.notebook;
    const state = failed ? `stopped in ${failed}` : `${runs.length} of ${files.length} notebooks so far`;
    const stamp = { state, ...await stampOf(study, runs, libraries) };
    const page = await writeReport(study, python, { names: runs.map(({ notebook }) => notebook), stamp });
    console.log(`report: ${page} (${state})`);
  };
  const runs = await executeAll(files, { python, target: study.path("notebooks"), env, expected, onNotebook });
  if (runs.some((run) => run.error)) return false;
  const seconds = Object.fromEntries(runs.map((run) => [run.notebook, run.seconds]));
  await writeFile(study.path("seconds.json"), JSON.stringify(seconds));
  const stamp = await stampOf(study, runs, libraries);
  await writeFile(study.path("stamp.json"), JSON.stringify(stamp));
  const { writeCards } = await import("../report/cards.ts"); // it loads libtensorflow, which is there only now
  await writeCards(study, stamp);
  return true;
}

/** Sets up, executes the notebooks, writes the page; returns the process's exit code. */
export async function report(args: string[]): Promise<number> {
  const options = reportOptions(args);
  const start = performance.now(), folder = `${projectRoot}/data/runs/${options.name}`;
  const chromium = options.pdf ? findChromium() : undefined; // before the minutes, not after them
  if (options.page && !exists(`${folder}/stamp.json`)) {
    throw new UserError(
      `Report: --page expected executed notebooks and their stamp.json in ${folder}, found none. ` +
        "Name another run with --name, or leave --page out to execute the notebooks.",
    );
  }
  // What is refused is refused before the set-up.
  const study = options.page ? openStudy({ name: options.name }) : await openRun(options);
  const { python } = await ensureSetup();
  if (!options.page && !await executeRun(study, options.env, python)) return 1;
  const page = await writeReport(study, python);
  if (!options.page) await once(study, pageStep(study), () => ({ page: basename(page) }));
  const sized = async (path: string) => `report: ${path} (${((await Deno.stat(path)).size / 1e6).toFixed(1)} MB)`;
  console.log(`\n${await sized(page)} after ${clock((performance.now() - start) / 1000)}`);
  if (chromium) {
    const pdf = page.replace(/html$/, "pdf");
    await writePdf(page, pdf, chromium);
    console.log(await sized(pdf));
  }
  return 0;
}
