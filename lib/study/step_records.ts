/**
 * The steps of a run: each is done once for the same inputs, by one process at a time, and its result is stored.
 * @module
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { exists, removeTemporaries, writeFile } from "../base/files.ts";
import { withLock } from "../base/lock.ts";
import { type Machine, thisMachine } from "../base/machine.ts";
import { UserError } from "../base/user_error.ts";
import { recipeGroups } from "../recipe/schema.ts";

/**
 * The stored record of a finished step, `steps/NAME.json` in the run's folder: the hash of its inputs, by which it is
 * stale or not; its result, plain JSON (large results have files of their own); when it ended, an ISO date; how long it
 * took; and where, of which early versions did not tell.
 */
export type StepRecord<T = unknown> =
  & { step: string; key: string; info: T; finished: string; seconds: number }
  & { machine?: Machine };

/** Whether a value is an object, and neither null nor an array. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A hash of any JSON value, whatever the order of its keys: 16 hex digits of SHA-256. */
export function fingerprint(value: unknown): string {
  const sorted = (_: string, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1)) : part;
  return createHash("sha256").update(JSON.stringify(value, sorted) ?? "undefined").digest("hex").slice(0, 16);
}

/** The JSON of a file; undefined where there is none. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    if (error instanceof SyntaxError) throw new UserError(`Study: expected JSON in ${path}, found ${error.message}.`);
    throw error;
  }
}

/** Inputs whose objects have only the fields that `isKept` accepts, by the object's name and the field's. */
function withFields(inputs: object, isKept: (group: string, field: string) => boolean): object {
  const groups = Object.entries(inputs).map(([group, value]) => {
    if (!isObject(value)) return [group, value];
    return [group, Object.fromEntries(Object.entries(value).filter(([field]) => isKept(group, field)))];
  });
  return Object.fromEntries(groups);
}

/**
 * Inputs without the recipe fields that the run's `recipe.json` lacks. A field that is newer than the run has the value
 * that the code of then had built in, so it makes no step of that run stale.
 */
export function knownThen(inputs: object, stored: Record<string, unknown>): object {
  const known = Object.entries(inputs).filter(([name]) => !(name in recipeGroups) || stored[name] !== undefined);
  return withFields(Object.fromEntries(known), (group, field) => {
    const then = stored[group];
    return !isObject(then) || field in then;
  });
}

/**
 * Fields of the recipe that make no step stale by themselves: they choose among results or judge them, or are inputs
 * of their own where a step depends on them.
 */
const judging: Record<string, readonly string[]> = {
  training: ["seeds"],
  probing: [
    ...["level", "holmOver", "seedSpread", "middle", "early", "equalMlm", "nearChance"],
    ...["conceptBars", "usedBars", "usedFitBars", "usedControls"],
    ...["removedFrom", "removedShare", "removedLeft", "removedAtOnce", "movedBy"],
  ],
};

/** Whether a recipe's field, such as `probing.level`, makes no step stale. */
export function isJudging(field: string): boolean {
  const [group, name] = field.split(".");
  return judging[group]?.includes(name) ?? false;
}

/**
 * Two hashes of a step's inputs; a record with either is up to date. The first leaves out fields that only judge
 * results; new records use it. The second has them, as earlier versions stored it.
 */
export function keysOf(inputs: object, stored: Record<string, unknown>): string[] {
  const known = knownThen(inputs, stored);
  return [isJudging, (field: string) => field === "training.seeds"].map((isLeftOut) =>
    fingerprint(withFields(known, (group, field) => !isLeftOut(`${group}.${field}`)))
  );
}

/** The path of a step's record, without `.json`. */
const recordPath = (folder: string, step: string): string => `${folder}/steps/${step.replace(/[^\w.-]/g, "-")}`;

/** The record of a step if it was done with inputs of one of these keys. */
export function finished<T>(folder: string, step: string, keys: readonly string[]): StepRecord<T> | undefined {
  const record = readJson(`${recordPath(folder, step)}.json`) as StepRecord<T> | undefined;
  return record && keys.includes(record.key) ? record : undefined;
}

/** Whether a step was done, with whatever inputs. */
export const hasRecord = (folder: string, step: string): boolean => exists(`${recordPath(folder, step)}.json`);

/** The steps that processes are at now, by the names of their records. */
export function stepsInWork(folder: string): string[] {
  if (!exists(`${folder}/steps`)) return [];
  const names = Array.from(Deno.readDirSync(`${folder}/steps`), ({ name }) => name);
  return names.filter((name) => {
    if (!name.endsWith(".lock")) return false;
    using file = Deno.openSync(`${folder}/steps/${name}`, { read: true, write: true });
    return !file.tryLockSync(true);
  }).map((name) => name.replace(/\.lock$/, "")).sort();
}

/** Does a step by `work` unless it is finished; two processes never do it at once. `waiting` is as for `withLock`. */
export async function doOnce<T>(
  folder: string,
  step: string,
  keys: readonly string[],
  work: () => Promise<T> | T,
  waiting?: Parameters<typeof withLock>[2],
): Promise<T> {
  return await withLock(`${recordPath(folder, step)}.lock`, async () => {
    const before = finished<T>(folder, step, keys);
    if (before) return before.info;
    await removeTemporaries(`${folder}/steps`, `${basename(recordPath(folder, step))}.json.`);
    const start = performance.now(), info = await work(), seconds = (performance.now() - start) / 1000;
    const place = { finished: new Date().toISOString(), seconds, machine: thisMachine() };
    const record: StepRecord<T> = { step, key: keys[0], info, ...place };
    await writeFile(`${recordPath(folder, step)}.json`, `${JSON.stringify(record, null, 2)}\n`);
    return info;
  }, waiting);
}
