/**
 * The study from a terminal: `deno task report` executes the four notebooks and writes their page, `deno task tokenize`
 * makes a store of bars from songs, `deno task embed` and `deno task probe` ask a trained encoder.
 * @module
 */
import { basename, resolve } from "node:path";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { executeAll, type NotebookRun } from "./execute.ts";
import { clock } from "./clock.ts";
import { packCommand, packUsage } from "./pack.ts";
import { SetupError } from "./python.ts";
import { readChapters, reportPage } from "./report.ts";
import { ensureSetup } from "./setup.ts";
import { loadRecipe, openStudy, projectRoot, type Study } from "./study.ts";
import { tokenizeCommand, tokenizeUsage } from "./tokenize_cli.ts";
import { trainCommand, trainUsage } from "./train_cli.ts";

const usage = `deno task report [options]: runs the four notebooks and writes data/runs/NAME/report.html

  --data PATH      folder, .zip, .tar or .tar.gz of MIDI files (default: the 66 songs in data/freedoom)
  --scale SCALE    smoke, demo, small or base (default: demo)
  --preset PRESET  sound or authors (default: sound)
  --name NAME      name of the run's folder (default: the scale, and what else is not the default)
  --fresh          delete the run's folder first; without it, steps that are done are not done again
  --help           this text

Single fields of the recipe are changed by the variable RECIPE, as in RECIPE='{"seed":7}'.`;

/** An option that is not known, and those that are. */
export class UsageError extends Error {
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
  const options = { data: text, scale: text, preset: text, name: text, fresh: flag, help: flag };
  let values: { data?: string; scale?: string; preset?: string; name?: string; fresh?: boolean; help?: boolean };
  try {
    values = parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  }
  const { data, scale = "demo", preset = "sound", fresh = false, help = false } = values;
  const folder = data === undefined ? undefined : resolve(cwd, data);
  const parts = [scale, ...(preset === "sound" ? [] : [preset]), ...(folder ? [basename(folder)] : [])];
  const name = values.name ?? parts.join("-").replace(/[^\w.-]+/g, "-");
  const env = { STUDY: name, SCALE: scale, PRESET: preset, ...(folder ? { DATA: folder } : {}) };
  return { name, env, fresh, help };
}

async function printed(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, { args, cwd: projectRoot, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Names and values of how a run came about, for the page. */
async function stampOf(study: Study, runs: NotebookRun[], venv: string): Promise<Record<string, string>> {
  const { recipe } = study;
  const library = JSON.parse(await Deno.readTextFile(`${venv}/libtensorflow/stamp.json`).catch(() => "{}"));
  const { imports } = JSON.parse(await Deno.readTextFile(`${projectRoot}/deno.json`)) as {
    imports: Record<string, string>;
  };
  const commit = await printed("git", ["describe", "--always", "--dirty"]);
  const gpu = await printed("nvidia-smi", ["--query-gpu=name,driver_version", "--format=csv,noheader"]);
  const songs = study.data.startsWith(projectRoot) ? study.data.slice(projectRoot.length + 1) : basename(study.data);
  const packages = Object.values(imports).filter((target) => target.startsWith("npm:"))
    .map((target) => target.replace(/^npm:\/?/, "").replace(/\/$/, ""));
  const model = cpus()[0]?.model ?? "unknown processor";
  return {
    preset: recipe.preset,
    scale: recipe.scale,
    seed: String(recipe.seed),
    songs,
    date: new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC",
    minutes: runs.map((run) => `${run.notebook} ${clock(run.seconds)}`).join(", "),
    processor: `${cpus().length} × ${model}, ${Deno.build.os} ${Deno.build.arch}`,
    ...(gpu ? { GPU: gpu } : {}),
    libtensorflow: library.version
      ? `${library.package} ${library.version}`
      : Deno.env.get("LIBTENSORFLOW_DIR") ?? "unknown",
    Deno: `${Deno.version.deno} (V8 ${Deno.version.v8}, TypeScript ${Deno.version.typescript})`,
    packages: packages.join(", "),
    ...(commit ? { commit } : {}),
  };
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

/** Makes the page of a run from its executed notebooks and its stamp; the same run gives the same bytes. */
export async function writeReport(folder: string, python: string): Promise<string> {
  const chapters = await readChapters(await notebooks(`${folder}/notebooks`), python);
  const stamp = JSON.parse(await Deno.readTextFile(`${folder}/stamp.json`)) as Record<string, string>;
  const page = reportPage({ title: "Systematic Analysis of Music Representations from BERT", chapters, stamp });
  const path = `${folder}/report.html`;
  await Deno.writeTextFile(`${path}.partial`, page);
  await Deno.rename(`${path}.partial`, path);
  return path;
}

/** Sets up, executes the notebooks, writes the page; returns the process's exit code. */
export async function report(args: string[]): Promise<number> {
  const { name, env, fresh, help } = reportOptions(args);
  if (help) {
    console.log(usage);
    return 0;
  }
  const start = performance.now();
  const { python } = await ensureSetup();
  for (const [key, value] of Object.entries(env)) Deno.env.set(key, value);
  const folder = `${projectRoot}/data/runs/${name}`;
  const recipe = loadRecipe(); // before anything is deleted
  if (fresh) {
    await Deno.remove(folder, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  const study = openStudy({ recipe, name });
  const files = await notebooks();
  if (files.length === 0) throw new Error(`Report: expected notebooks in ${projectRoot}/notebooks, found none.`);
  const expected = await readJson(study.path("seconds.json"));
  const runs = await executeAll(files, { python, target: study.path("notebooks"), env, expected });
  if (runs.some((run) => run.error)) return 1;
  const seconds = Object.fromEntries(runs.map((run) => [run.notebook, run.seconds]));
  await Deno.writeTextFile(study.path("seconds.json"), JSON.stringify(seconds));
  await Deno.writeTextFile(
    study.path("stamp.json"),
    JSON.stringify(await stampOf(study, runs, `${projectRoot}/.venv`)),
  );
  const page = await writeReport(folder, python);
  const size = ((await Deno.stat(page)).size / 1e6).toFixed(1);
  console.log(`\nreport: ${page} (${size} MB) after ${clock((performance.now() - start) / 1000)}`);
  return 0;
}

// Their library is loaded only where it is asked for.
const commands: Record<string, (args: string[]) => Promise<number>> = {
  report,
  tokenize: tokenizeCommand,
  train: trainCommand,
  embed: async (args) => {
    await ensureSetup();
    return (await import("./embed_cli.ts")).embedCommand(args);
  },
  probe: async (args) => {
    await ensureSetup();
    return (await import("./embed_cli.ts")).probeCommand(args);
  },
  pack: packCommand,
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
      error instanceof Error && /[Ee]xpected|^(Study|Report|Pack):/.test(error.message);
    console.error(meant ? error.message : error);
    Deno.exit(1);
  }
}
