/**
 * A study's run folder: which recipe and songs it is of, which steps are done and up to date.
 *
 * Notebooks hand over to each other through it, never through kernel state.
 * @module
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "../base/files.ts";
import { projectRoot } from "../base/project.ts";
import {
  type Preset,
  type Recipe,
  recipe,
  type RecipeChanges,
  recipeDifferences,
  type Scale,
  validateRecipe,
} from "../recipe/recipe.ts";
import { isArchive } from "../corpus/sources.ts";

/** What is stored of a finished step, in the run's folder `steps`. */
export interface StepRecord<T = unknown> {
  /** Name of the step. */
  step: string;
  /** Hash of its inputs; with other inputs the step is stale. */
  key: string;
  /** The step's result, plain JSON; what is large stands in files of its own. */
  info: T;
  /** When it ended, as ISO date. */
  finished: string;
  /** How long it took. */
  seconds: number;
}

/** A run: its folder, and which of its steps are done. */
export interface Study {
  /** Its name, which is its folder's. */
  name: string;
  /** The folder, as an absolute path. */
  folder: string;
  /** Every choice of the study. */
  recipe: Recipe;
  /** The folder or archive of MIDI files it reads. */
  data: string;
  /** A path in the folder, whose parent folders are made. */
  path(...parts: string[]): string;
  /**
   * The record of `step` if it was done with the same inputs; else undefined. Inputs are any JSON that the result depends
   * on; left out, they are the whole recipe and the songs.
   */
  done<T = unknown>(step: string, inputs?: unknown): StepRecord<T> | undefined;
  /** Records that `step` was done with these inputs (as in `done`), `info` being its result. */
  markDone<T>(step: string, info: T, inputs?: unknown, seconds?: number): StepRecord<T>;
  /** Does `step` by `work` unless it was done with the same inputs; returns its result, the stored one if so. */
  once<T>(step: string, inputs: unknown, work: () => Promise<T> | T): Promise<T>;
}

/** Choices of {@link openStudy}; each falls back on an environment variable, then on a default. */
export interface StudyOptions {
  /** The recipe; else {@link loadRecipe}'s. */
  recipe?: Recipe;
  /** The run's name; else `STUDY`, else `demo`. */
  name?: string;
  /** Folder or archive of songs; else `DATA`, else the run's own, else the embedded ones. Relative to the project's root. */
  data?: string;
  /** Folder that holds the runs; else the project's `data/runs`. */
  runs?: string;
}

const variable = (name: string): string | undefined => {
  const value = Deno.env.get(name);
  return value === "" ? undefined : value;
};

/**
 * The recipe that the environment asks for: `PRESET` (sound), `SCALE` (demo) and `RECIPE`, a JSON object of changes.
 *
 * @throws {RangeError} if a variable names no preset, scale or field; SyntaxError if RECIPE is not JSON.
 */
export function loadRecipe(): Recipe {
  const changes = variable("RECIPE");
  return recipe(
    (variable("PRESET") ?? "sound") as Preset,
    (variable("SCALE") ?? "demo") as Scale,
    changes === undefined ? {} : JSON.parse(changes) as RecipeChanges,
  );
}

/** JSON with keys in order, so that equal values read the same. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, held) =>
      typeof held === "object" && held !== null && !Array.isArray(held)
        ? Object.fromEntries(Object.entries(held).sort(([a], [b]) => a < b ? -1 : 1))
        : held,
  );
}

/** A hash of any JSON value, blind to the order of keys: 16 hex digits of SHA-256. */
export const fingerprint = (value: unknown): string =>
  createHash("sha256").update(canonical(value) ?? "undefined").digest("hex").slice(0, 16);

function readJson(path: string): unknown {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof SyntaxError) throw new Error(`Study: expected JSON in ${path}, found ${error.message}.`);
    throw error;
  }
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

function readRecipe(path: string): Recipe | undefined {
  const stored = readJson(path);
  if (stored === undefined) return undefined;
  try {
    return validateRecipe(stored);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Study: ${path} was written by another version of the library. ${why}\nDelete its folder, or use another STUDY.`,
    );
  }
}

const hasSongs = (path: string): boolean => {
  try {
    return Deno.statSync(path).isDirectory ? [...Deno.readDirSync(path)].length > 0 : isArchive(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
};

/**
 * Opens a run's folder, or makes it.
 *
 * @throws {Error} if the folder is of another recipe or other songs (with the fields that differ and what to do), or
 * if the songs are not there.
 *
 * @example
 * ```ts
 * import { openStudy } from "@lib/study/study.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const runs = Deno.makeTempDirSync();
 * Deno.writeTextFileSync(`${runs}/song.mid`, "");
 * const study = openStudy({ recipe: recipe("sound", "smoke"), name: "mine", data: runs, runs });
 * assertEquals(await study.once("sum", { terms: [1, 2] }, () => 3), 3);
 * assertEquals(await study.once("sum", { terms: [1, 2] }, () => 4), 3); // done and up to date: not done again
 * assertEquals(await study.once("sum", { terms: [2, 2] }, () => 4), 4);
 * ```
 */
export function openStudy(options: StudyOptions = {}): Study {
  const asked = options.recipe ?? loadRecipe();
  const name = options.name ?? variable("STUDY") ?? "demo";
  if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) {
    throw new RangeError(
      `Study: expected a name of letters, digits, dot, dash and underscore, found ${JSON.stringify(name)}.`,
    );
  }
  const folder = `${options.runs ?? `${projectRoot}/data/runs`}/${name}`;
  const stored = readRecipe(`${folder}/recipe.json`);
  const source = readJson(`${folder}/source.json`) as { data: string } | undefined;
  const wanted = options.data ?? variable("DATA");
  const absolute = (path: string) => path.startsWith("/") ? path : `${projectRoot}/${path}`;
  const shorten = (path: string) => path.startsWith(`${projectRoot}/`) ? path.slice(projectRoot.length + 1) : path;
  const data = absolute(wanted ?? source?.data ?? "data/freedoom").replace(/\/+$/, "");
  const differences = [
    ...(stored ? recipeDifferences(stored, asked) : []),
    ...(source && absolute(source.data) !== data ? [`songs: ${source.data} there, ${shorten(data)} asked for`] : []),
  ];
  if (differences.length > 0) {
    throw new Error(
      `Study: the run folder ${shorten(folder)} is of another study:\n  ${differences.join("\n  ")}\n` +
        "Name another one (STUDY=name, or --name for the report), ask for the same, or delete that folder (--fresh).",
    );
  }
  // A run that was tokenized needs them no more: it may have been packed, or its songs moved.
  if (!hasSongs(data) && readJson(`${folder}/steps/corpus.json`) === undefined) {
    throw new Error(
      `Study: expected a folder of MIDI files, or a .zip, .tar or .tar.gz of them, at ${data}, found none. ` +
        "Set DATA (or --data for the report) to where the songs are; if they moved, delete the run folder too.",
    );
  }
  Deno.mkdirSync(`${folder}/steps`, { recursive: true });
  if (!source) writeJson(`${folder}/source.json`, { data: shorten(data) });
  if (!stored) writeJson(`${folder}/recipe.json`, asked);

  const record = (step: string) => `${folder}/steps/${step.replace(/[^\w.-]/g, "-")}.json`;
  // Where the project lies is no part of a step's inputs, so that a run opens on another machine.
  const placed = (inputs: unknown) =>
    typeof inputs === "object" && inputs !== null && "data" in inputs && inputs.data === data
      ? { ...inputs, data: shorten(data) }
      : inputs;
  const keyOf = (inputs: unknown) => fingerprint(placed(inputs) ?? { recipe: asked, data: shorten(data) });
  const study: Study = {
    name,
    folder,
    recipe: asked,
    data,
    path(...parts) {
      const path = [folder, ...parts].join("/");
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      return path;
    },
    done<T>(step: string, inputs?: unknown) {
      const found = readJson(record(step)) as StepRecord<T> | undefined;
      return found?.key === keyOf(inputs) ? found : undefined;
    },
    markDone(step, info, inputs, seconds = 0) {
      const made = { step, key: keyOf(inputs), info, finished: new Date().toISOString(), seconds };
      writeJson(record(step), made);
      return made;
    },
    async once<T>(step: string, inputs: unknown, work: () => Promise<T> | T) {
      const found = study.done<T>(step, inputs);
      if (found) return found.info;
      const start = performance.now();
      const info = await work();
      study.markDone(step, info, inputs, (performance.now() - start) / 1000);
      return info;
    },
  };
  return study;
}
