/**
 * A study's run folder, through which notebooks hand results to each other: recipe, songs, and the steps that are done.
 * @module
 */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { exists, writeFileSync } from "../base/files.ts";
import { projectRoot } from "../base/project.ts";
import { UserError } from "../base/user_error.ts";
import {
  corpusRecipe,
  type Recipe,
  recipe,
  type RecipeChanges,
  recipeDifferences,
  validateRecipe,
} from "../recipe/recipe.ts";
import { isArchive } from "../corpus/sources.ts";
import { weightsAbout } from "./jobs/resources.ts";
import { doOnce, finished, isJudging, isObject, keysOf, readJson, type StepRecord } from "./step_records.ts";

/** A run: its folder, and which of its steps are done. Paths are absolute. */
export type Study = {
  name: string;
  folder: string;
  recipe: Recipe;
  /** A folder or archive of MIDI files, or a store of bars. */
  data: string;
  /** Whether links below `data` are followed. */
  followLinks: boolean;
  /** In how many parts songs are tokenized, each by a job of its own; the store's bytes do not depend on it. */
  shards: number;
  /** A path in the folder; makes its parent folders. */
  path(...parts: string[]): string;
  /** The hash of a step's inputs by which its record is stale or not. */
  key(inputs: object): string;
  /** The record of `step` if it was done with the same inputs: any JSON that the result depends on. */
  done<T = unknown>(step: string, inputs: object): StepRecord<T> | undefined;
  /** The stored result of `step` if it was done with the same inputs, else that of `work`, in one process at a time. */
  once<T>(step: string, inputs: object, work: () => Promise<T> | T): Promise<T>;
};

/** The variables that say which study to open; empty ones count as not set. */
export type StudyParameters = Partial<Record<"STUDY" | "PRESET" | "SCALE" | "DATA" | "RECIPE", string>>;

/** All variables of the environment that say which study to open, and how its run is made. */
export const studyNames: readonly string[] = [
  ...["STUDY", "PRESET", "SCALE", "DATA", "RECIPE"],
  ...["FOLLOW_LINKS", "SHARDS"],
];

/** The variable's value in the environment, or else among the parameters; undefined if both are empty. */
const setting = (name: keyof StudyParameters, parameters: StudyParameters): string | undefined =>
  Deno.env.get(name) || parameters[name] || undefined;

/** The choices that environment and parameters ask for explicitly: `PRESET`, `SCALE` and the fields of `RECIPE`. */
function explicitChoices(parameters: StudyParameters): RecipeChanges {
  const preset = setting("PRESET", parameters), scale = setting("SCALE", parameters);
  const text = setting("RECIPE", parameters) ?? "{}";
  try {
    const changes: unknown = JSON.parse(text);
    if (!isObject(changes)) throw new SyntaxError("no object");
    return { ...changes, ...(preset && { preset }), ...(scale && { scale }) } as RecipeChanges;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(`RECIPE: expected JSON such as {"seed":7}, found ${text} (${error.message}).`);
  }
}

/** Whether the variable FOLLOW_LINKS asks to follow links below the songs. */
const asksLinks = (): boolean => !["", "0", "false"].includes(Deno.env.get("FOLLOW_LINKS") ?? "");

/** How many shards the variable SHARDS asks for; undefined if it is not set. */
function askedShards(text: string = Deno.env.get("SHARDS") ?? ""): number | undefined {
  if (text === "") return undefined;
  if (/^\d+$/.test(text) && Number(text) >= 1) return Number(text);
  throw new UserError(`SHARDS: expected a whole number from 1, found ${text}.`);
}

/** A recipe of the preset and scale among the choices, or else of `sound` and `demo`, with the others as changes. */
const freshRecipe = ({ preset = "sound", scale = "demo", ...changes }: RecipeChanges): Recipe =>
  recipe(preset, scale, changes);

/** The recipe of the store at a place, undefined if there is none; throws a {@link UserError} if it is not finished. */
export function storeRecipe(place: string): ReturnType<typeof corpusRecipe> | undefined {
  const manifest = readJson(`${place}/manifest.json`) as { recipe: unknown } | undefined;
  if (manifest) return corpusRecipe(manifest.recipe);
  if (!exists(`${place}/build.json`)) return undefined;
  throw new UserError(
    `Study: expected a whole store at ${place}, found one that is still being built, or a part of one. ` +
      "Call deno task tokenize again to finish it, or with --merge to join the parts.",
  );
}

/** The recipe of a new run on a source. A store has its own choices; those that are asked for must be the same. */
function recipeOn(data: string, choices: RecipeChanges): Recipe {
  const store = storeRecipe(data);
  if (!store) return freshRecipe(choices);
  const chosen = { ...freshRecipe({ preset: store.preset, ...choices }), ...store };
  const different = recipeDifferences(chosen, validateRecipe(changed(chosen, choices)));
  if (different.length === 0) return chosen;
  throw new UserError(
    `Study: the store at ${data} is of other choices:\n  ${different.join("\n  ")}\n` +
      "Leave these out to take it as it is, or name another source (DATA, --data).",
  );
}

/**
 * The recipe of a new run on `data` by `PRESET` (sound), `SCALE` (demo) and `RECIPE`, JSON of changes, in the
 * environment or `parameters`, after `asked`; throws a {@link UserError} if one is wrong, or a store has other choices.
 */
export const loadRecipe = (parameters: StudyParameters = {}, asked: RecipeChanges = {}, data = ""): Recipe =>
  recipeOn(data, { ...explicitChoices(parameters), ...asked });

/** A stored recipe, as JSON or checked, with other choices in place of its own. */
function changed(stored: object, choices: RecipeChanges): object {
  const groups = Object.entries(choices).map(([group, value]) => {
    return [group, typeof value === "object" ? { ...stored[group as keyof object] as object, ...value } : value];
  });
  return { ...stored, ...Object.fromEntries(groups) };
}

/** The fields that differ from the recipe's own preset and scale, as `seed = 7`. */
export const presetChanges = (chosen: Recipe): string[] =>
  recipeDifferences(recipe(chosen.preset, chosen.scale), chosen)
    .map((line) => line.replace(/: .* there, (.*) asked for$/, " = $1"));

/** The recipe of a `recipe.json`, its gaps filled; throws a {@link UserError} naming fields that are not known. */
export function readRecipe(path: string, raw: unknown = readJson(path)): Recipe {
  try {
    return validateRecipe(raw);
  } catch (error) {
    throw new UserError(
      `Study: expected a recipe in ${path} that this version knows, found: ${(error as Error).message}\n` +
        "The run is untouched. Open it with the version that made it, or name another run (STUDY=name).",
      { cause: error },
    );
  }
}

/** Whether there is a folder that is not empty, or an archive; throws where the system refuses to look. */
const hasSongs = (path: string): boolean =>
  exists(path) && (Deno.statSync(path).isDirectory ? [...Deno.readDirSync(path)].length > 0 : isArchive(path));

/** Whether a study's songs are at hand to be read again: not in one that took a store, or whose songs have moved. */
export function readsSongs({ data }: Pick<Study, "data">): boolean {
  try {
    return hasSongs(data) && !storeRecipe(data);
  } catch {
    return false; // what cannot be read now was read before
  }
}

const writeJson = (path: string, value: unknown): void => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

/** Shows what a step waits for; the stop button ends the waiting. */
function waiting(): { say: (line: string) => void; signal: AbortSignal } {
  const stop = new AbortController();
  const say = async (line: string) => {
    const { show, stopSignal } = await import("../notebook/notebook.ts"); // it loads the plots' packages
    const signal = stopSignal();
    signal.addEventListener("abort", () => stop.abort(signal.reason));
    await show(line);
  };
  return { say: (line) => void say(line).catch((error) => stop.abort(error)), signal: stop.signal };
}

/** Bytes that models not begun take, in float32: weights, best weights twice, two states of weights and two moments. */
export function bytesToWrite(folder: string, { model, training }: Recipe): number {
  const begun = exists(`${folder}/models`) ? [...Deno.readDirSync(`${folder}/models`)].length : 0;
  return 4 * weightsAbout(model) * (1 + 2 + 2 * 3) * Math.max(0, 4 * training.seeds - begun);
}

/** Makes a run's folder; throws a {@link UserError} unless it can be written and has room for so many bytes. */
export function checkFolder(folder: string, bytes: number): void {
  const probe = `${folder}/steps/${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    Deno.mkdirSync(`${folder}/steps`, { recursive: true });
    Deno.writeTextFileSync(probe, "");
    Deno.removeSync(probe);
  } catch (error) {
    throw new UserError(
      `Study: expected a folder that can be written at ${folder}, found: ${(error as Error).message}. ` +
        "Change its permissions or its owner, or make data/runs a link to another place.",
      { cause: error },
    );
  }
  const { bavail, bsize } = statfsSync(folder), free = bavail * bsize;
  if (free >= bytes) return;
  const [needed, found] = [bytes, free].map((count) => `${(count / 1e9).toFixed(1)} GB`);
  throw new UserError(
    `Study: expected ${needed} free at ${folder} for the models and their states, found ${found}. ` +
      "Make room, or make data/runs a link to a larger disk; then start again.",
  );
}

/**
 * Opens a run's folder, or makes it. A run that is there is opened by its own recipe and songs; only what is asked for
 * explicitly is compared with them, but for the number of shards, which it then has. Options come before the
 * environment, and that before `parameters`, a notebook's.
 *
 * @param options a whole recipe; the run's name; songs or a store of bars, relative to the project; the folder of runs;
 * `dry`: write nothing
 * @throws {UserError} if the run or the store is of other choices or songs, naming the fields that differ; if there are
 * no songs; if the folder cannot be written or has no room for the models.
 */
export function openStudy(
  options:
    & { recipe?: Recipe; name?: string; data?: string; runs?: string; parameters?: StudyParameters }
    & { dry?: boolean } = {},
): Study {
  const { runs = `${projectRoot}/data/runs`, parameters = {} } = options;
  const name = options.name ?? setting("STUDY", parameters) ?? "demo", folder = `${runs}/${name}`;
  if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) {
    throw new UserError(
      `Study: expected a name of letters, digits, dot, dash and underscore, found ${JSON.stringify(name)}.`,
    );
  }
  const choices = options.recipe ?? explicitChoices(parameters);
  const raw = readJson(`${folder}/recipe.json`) as Record<string, unknown> | undefined;
  const source = readJson(`${folder}/source.json`) as
    | { data: string; followLinks?: boolean; shards?: number }
    | undefined;
  const absolute = (path: string) => path.startsWith("/") ? path : `${projectRoot}/${path}`;
  const shorten = (path: string) => path.startsWith(`${projectRoot}/`) ? path.slice(projectRoot.length + 1) : path;
  const wanted = options.data ?? setting("DATA", parameters) ?? source?.data ?? "data/freedoom";
  const data = absolute(wanted).replace(/\/+$/, "");
  const followLinks = source ? source.followLinks === true : asksLinks();
  const shards = askedShards() ?? source?.shards ?? 1;
  const stored = raw && readRecipe(`${folder}/recipe.json`, raw);
  const chosen = stored ? validateRecipe(changed(stored, choices)) : recipeOn(data, choices);
  const changes = stored ? recipeDifferences(stored, chosen) : [];
  const different = [
    // How results are judged, and how many seeds there are, may change in a run: no step is stale for it.
    ...changes.filter((change) => !isJudging(change.split(":")[0])),
    ...(source && absolute(source.data) !== data ? [`songs: ${source.data} there, ${shorten(data)} asked for`] : []),
    ...(source && asksLinks() && !followLinks ? ["songs: links not followed there, followed asked for"] : []),
  ];
  if (different.length > 0) {
    throw new UserError(
      `Study: the run in ${shorten(folder)} is of other choices:\n  ${different.join("\n  ")}\n` +
        "Leave these out to take it as it is, or name another run (STUDY=name, or --name for the report).",
    );
  }
  // A run that was tokenized needs them no more: it may have been packed, its songs moved, or closed to this user.
  if (readJson(`${folder}/steps/corpus.json`) === undefined && !hasSongs(data)) {
    throw new UserError(
      `Study: expected MIDI files (a folder, .zip, .tar or .tar.gz) or a store of bars at ${data}, found none. ` +
        "Set DATA (or --data for the report) to where they are.",
    );
  }
  if (raw && changes.length > 0 && !options.dry) writeJson(`${folder}/recipe.json`, changed(raw, choices)); // and no field more
  if (source && shards !== (source.shards ?? 1) && !options.dry) {
    writeJson(`${folder}/source.json`, { ...source, shards });
  }
  if ((!source || !stored) && !options.dry) {
    checkFolder(folder, bytesToWrite(folder, chosen));
    using lock = Deno.openSync(`${folder}/lock`, { write: true, create: true });
    lock.lockSync(true);
    // Another process may have made the run meanwhile.
    if (!stored && readJson(`${folder}/recipe.json`) !== undefined) return openStudy(options);
    if (!source) {
      const how = { ...(followLinks && { followLinks }), ...(shards > 1 && { shards }) };
      writeJson(`${folder}/source.json`, { data: shorten(data), ...how });
    }
    if (!stored) writeJson(`${folder}/recipe.json`, chosen);
  }

  // A run opens on another machine, so the songs count by their place in the project.
  const keysOfStep = (inputs: object) => {
    const placed = "data" in inputs && inputs.data === data ? { ...inputs, data: shorten(data) } : inputs;
    return keysOf(placed, raw ?? chosen);
  };
  return {
    ...{ name, folder, recipe: chosen, data, followLinks, shards },
    path(...parts) {
      const path = [folder, ...parts].join("/");
      Deno.mkdirSync(dirname(path), { recursive: true });
      return path;
    },
    key: (inputs) => keysOfStep(inputs)[0],
    done: (step, inputs) => finished(folder, step, keysOfStep(inputs)),
    once: async (step, inputs, work) => {
      const keys = keysOfStep(inputs), before = finished<Awaited<ReturnType<typeof work>>>(folder, step, keys);
      if (before) return before.info;
      checkFolder(folder, bytesToWrite(folder, chosen));
      return await doOnce(folder, step, keys, work, waiting());
    },
  };
}
