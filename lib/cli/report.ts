/**
 * `deno task report`: the jobs of a study, the demo's if no other is named, with its notebooks and their page.
 * @module
 */
import { basename } from "node:path";
import { clock } from "../base/clock.ts";
import { exists, removeIfThere } from "../base/files.ts";
import { projectRoot } from "../base/project.ts";
import { UserError } from "../base/user_error.ts";
import { findChromium, writePdf } from "../report/pdf.ts";
import { stepsInWork } from "../study/step_records.ts";
import { loadRecipe, openStudy, type Study } from "../study/study.ts";
import { readArguments, studyVariables, usageError } from "./arguments.ts";
import { allJobs, forgetShowing, pageNews, writeReport } from "./jobs/page.ts";
import { lanesHere, localPlace } from "./jobs/local.ts";
import { runJobs } from "./jobs/run.ts";
import { ensureSetup } from "./setup.ts";
import { stoppable } from "./stop.ts";

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

/** Sets up, does the study's jobs, the page among them; returns the process's exit code, 130 if it was stopped. */
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
  if (!options.page) {
    await forgetShowing(study);
    const jobs = allJobs(study), place = localPlace(study, lanesHere(study, jobs));
    const code = await stoppable(async (signal) => await runJobs(study, jobs, place, signal, pageNews) ? 0 : 1);
    if (code !== 0) return code;
  }
  const page = options.page ? await writeReport(study, python) : `${folder}/report.html`;
  const sized = async (path: string) => `report: ${path} (${((await Deno.stat(path)).size / 1e6).toFixed(1)} MB)`;
  console.log(`\n${await sized(page)} after ${clock((performance.now() - start) / 1000)}`);
  if (chromium) {
    const pdf = page.replace(/html$/, "pdf");
    await writePdf(page, pdf, chromium);
    console.log(await sized(pdf));
  }
  return 0;
}
