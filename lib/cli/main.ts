/**
 * The study from a terminal: `deno task report` executes the four notebooks and writes their page, `deno task tokenize`
 * makes a store of bars from songs, `deno task embed` and `deno task probe` ask a trained encoder.
 * @module
 */
import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";
import { executeAll, type NotebookRun } from "../report/execute.ts";
import { clock } from "../base/clock.ts";
import { removeIfThere, writeFile } from "../base/files.ts";
import { packCommand, packUsage } from "../study/pack.ts";
import { findChromium, writePdf } from "../report/pdf.ts";
import { exists, SetupError } from "../base/python.ts";
import { readChapters, reportPage } from "../report/page.ts";
import { ensureSetup } from "./setup.ts";
import { type Stamp, stampOf } from "../report/stamp.ts";
import { loadRecipe, openStudy } from "../study/study.ts";
import { projectRoot } from "../base/project.ts";
import { tokenizeCommand, tokenizeUsage } from "./tokenize.ts";
import { trainCommand, trainUsage } from "./train.ts";

const usage = `deno task report [options]: runs the four notebooks and writes data/runs/NAME/report.html

  --data PATH      folder, .zip, .tar or .tar.gz of MIDI files (default: the 66 songs in data/freedoom)
  --scale SCALE    smoke, demo, small or base (default: demo)
  --preset PRESET  sound or authors (default: sound)
  --name NAME      name of the run's folder (default: the scale, and what else is not the default)
  --fresh          delete the run's folder first; without it, steps that are done are not done again
  --page           only make the page again, from the run's executed notebooks
  --pdf            write report.pdf as well, by Chromium or Chrome
  --help           this text

Single fields of the recipe are changed by the variable RECIPE, as in RECIPE='{"seed":7}'.`;

/** An option that is not known, and those that are. */
export class UsageError extends Error {
  /** Tells it from other errors. */
  override name = "UsageError";
}

/** What was asked for on the command line. */
export interface ReportOptions {
  /** The run's name. */
  name: string;
  /** Scale, preset and songs as environment variables, for the kernels too. */
  env: Record<string, string>;
  /** Whether to start over. */
  fresh: boolean;
  /** Whether only the page is made, of what was executed before. */
  page: boolean;
  /** Whether a PDF is made as well. */
  pdf: boolean;
  /** Whether only the usage was asked for. */
  help: boolean;
}

/**
 * Reads the options of `deno task report`; paths are relative to `cwd`.
 *
 * @throws {UsageError} if there is an option that it does not know, with those it does.
 */
export function reportOptions(args: string[], cwd: string = Deno.env.get("INIT_CWD") ?? Deno.cwd()): ReportOptions {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { data: text, scale: text, preset: text, name: text, fresh: flag, page: flag, pdf: flag, help: flag };
  let values;
  try {
    values = parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  }
  const { data, scale = "demo", preset = "sound", fresh = false, page = false, pdf = false, help = false } = values;
  if (fresh && page) throw new UsageError(`Expected --fresh or --page, found both.\n\n${usage}`);
  const folder = data === undefined ? undefined : resolve(cwd, data);
  const parts = [scale, ...(preset === "sound" ? [] : [preset]), ...(folder ? [basename(folder)] : [])];
  const name = values.name ?? parts.join("-").replace(/[^\w.-]+/g, "-");
  const env = { STUDY: name, SCALE: scale, PRESET: preset, ...(folder ? { DATA: folder } : {}) };
  return { name, env, fresh, page, pdf, help };
}

const readJson = async (path: string): Promise<Record<string, number>> => {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
};

/** The notebooks, in order. */
export async function notebooks(folder: string = `${projectRoot}/notebooks`): Promise<string[]> {
  const files = await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name);
  return files.filter((name) => name.endsWith(".ipynb")).sort().map((name) => `${folder}/${name}`);
}

/**
 * Makes the page of a run from its executed notebooks and its stamp; the same run gives the same bytes.
 *
 * @param part of a run that is not over: the notebooks so far and the stamp until now
 */
export async function writeReport(
  folder: string,
  python: string,
  part?: { names: string[]; stamp: Stamp },
): Promise<string> {
  const executed = part?.names.map((name) => `${folder}/notebooks/${name}.ipynb`);
  const chapters = await readChapters(executed ?? await notebooks(`${folder}/notebooks`), python);
  const stamp: Stamp = part?.stamp ?? JSON.parse(await Deno.readTextFile(`${folder}/stamp.json`));
  const page = reportPage({ title: "Systematic Analysis of Music Representations from BERT", chapters, stamp });
  const path = `${folder}/report.html`;
  await writeFile(path, page);
  return path;
}

/** Executes a run's notebooks, and leaves its stamp and cards beside them; whether none failed. */
async function executeRun({ name, env, fresh }: ReportOptions, python: string): Promise<boolean> {
  for (const [key, value] of Object.entries(env)) Deno.env.set(key, value);
  const recipe = loadRecipe(); // before anything is deleted
  if (fresh) await removeIfThere(`${projectRoot}/data/runs/${name}`);
  const study = openStudy({ recipe, name });
  const files = await notebooks();
  if (files.length === 0) throw new Error(`Report: expected notebooks in ${projectRoot}/notebooks, found none.`);
  const expected = await readJson(study.path("seconds.json")), libraries = `${projectRoot}/.venv/libtensorflow`;
  // The first plots are there to be read while the models train; a page that is whole is not replaced by a part.
  const onNotebook = async (runs: readonly NotebookRun[]) => {
    const whole = runs.length === files.length && !runs.some((run) => run.error);
    if (whole || exists(study.path("stamp.json")) || !exists(study.path("corpus", "manifest.json"))) return;
    const failed = runs.find((run) => run.error)?.notebook;
    const state = failed ? `stopped in ${failed}` : `${runs.length} of ${files.length} notebooks so far`;
    const stamp = { state, ...await stampOf(study, runs, libraries) };
    const page = await writeReport(study.folder, python, { names: runs.map(({ notebook }) => notebook), stamp });
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
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const start = performance.now(), folder = `${projectRoot}/data/runs/${options.name}`;
  const chromium = options.pdf ? findChromium() : undefined; // before the minutes, not after them
  if (options.page && !exists(`${folder}/stamp.json`)) {
    throw new Error(
      `Report: --page expected executed notebooks and their stamp.json in ${folder}, found none. ` +
        "Name another run with --name, or leave --page out to execute the notebooks.",
    );
  }
  const { python } = await ensureSetup();
  if (!options.page && !await executeRun(options, python)) return 1;
  const page = await writeReport(folder, python);
  const size = ((await Deno.stat(page)).size / 1e6).toFixed(1);
  console.log(`\nreport: ${page} (${size} MB) after ${clock((performance.now() - start) / 1000)}`);
  if (chromium) {
    const pdf = page.replace(/html$/, "pdf");
    await writePdf(page, pdf, chromium);
    console.log(`report: ${pdf} (${((await Deno.stat(pdf)).size / 1e6).toFixed(1)} MB)`);
  }
  return 0;
}

// Their library is loaded only where it is asked for.
const commands: Record<string, (args: string[]) => Promise<number>> = {
  report,
  tokenize: tokenizeCommand,
  train: trainCommand,
  embed: async (args) => {
    await ensureSetup();
    return (await import("./embed.ts")).embedCommand(args);
  },
  probe: async (args) => {
    await ensureSetup();
    return (await import("./embed.ts")).probeCommand(args);
  },
  pack: packCommand,
  digest: async (args) => {
    await ensureSetup();
    return (await import("../study/digest.ts")).digestCommand(args);
  },
};

if (import.meta.main) {
  const [command, ...args] = Deno.args;
  const run = commands[command];
  if (!run) {
    console.error(
      `Expected one of ${Object.keys(commands).join(", ")}, found ${
        command ?? "nothing"
      }.\n\n${usage}\n\n${tokenizeUsage}\n\n${trainUsage}\n\n${packUsage}`,
    );
    Deno.exit(2);
  }
  try {
    Deno.exit(await run(args));
  } catch (error) {
    const meant = error instanceof SetupError || error instanceof UsageError ||
      error instanceof Error && /[Ee]xpected|^(Study|Report|Pack|Digest):/.test(error.message);
    console.error(meant ? error.message : error);
    Deno.exit(1);
  }
}
