/**
 * The steps of a run: each is done once for the same inputs, by one process at a time, and its result is stored.
 * @module
 */
import { createHash } from "node:crypto";
import { exists, writeFile } from "../base/files.ts";
import { withLock } from "../base/lock.ts";
import { UserError } from "../base/user_error.ts";
import { recipeGroups } from "../recipe/schema.ts";

/** The stored record of a finished step, `steps/NAME.json` in the run's folder. */
export interface StepRecord<T = unknown> {
  /** Name of the step. */
  step: string;
  /** Hash of its inputs; with other inputs the step is stale. */
  key: string;
  /** The step's result, plain JSON; large results have files of their own. */
  info: T;
  /** When it ended, as ISO date. */
  finished: string;
  /** How long it took. */
  seconds: number;
}

/** JSON with sorted keys, so that equal values give equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part) =>
      typeof part === "object" && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
        : part,
  );
}

/** A hash of any JSON value, whatever the order of its keys: 16 hex digits of SHA-256. */
export const fingerprint = (value: unknown): string =>
  createHash("sha256").update(canonical(value) ?? "undefined").digest("hex").slice(0, 16);

/** The JSON of a file; undefined where there is none. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof SyntaxError) throw new UserError(`Study: expected JSON in ${path}, found ${error.message}.`);
    throw error;
  }
}

/**
 * Inputs without the recipe fields that the run's `recipe.json` lacks. A field that is newer than the run has the value
 * that the code of then had built in, so it makes no step of that run stale.
 */
export function knownThen(inputs: object, stored: Record<string, unknown>): object {
  const isGroup = (value: unknown): value is object => typeof value === "object" && value !== null;
  const kept = Object.entries(inputs).flatMap(([name, value]): [string, unknown][] => {
    const group = stored[name];
    if (name in recipeGroups && group === undefined) return [];
    if (!isGroup(group) || !isGroup(value)) return [[name, value]];
    return [[name, Object.fromEntries(Object.entries(value).filter(([field]) => field in group))]];
  });
  return Object.fromEntries(kept);
}

/** Fields of the recipe that no stored step depends on: they choose among results or judge them. */
const judging: Record<string, readonly string[]> = {
  training: ["seeds"],
  probing: ["level", "middle", "early", "equalMlm", "nearChance"],
};

/** Whether a recipe's field, such as `probing.level`, makes no step stale. */
export const isJudging = (field: string): boolean => {
  const [group, name] = field.split(".");
  return judging[group]?.includes(name) ?? false;
};

/**
 * The hashes of a step's inputs that count as its own: without the fields that only judge results, under which new
 * records are stored, and with them, as earlier versions stored them.
 */
export function keysOf(inputs: object, stored: Record<string, unknown>): [string, string] {
  const known = Object.entries(knownThen(inputs, stored));
  const without = (fields: Record<string, readonly string[]>) =>
    Object.fromEntries(known.map(([group, value]) => [
      group,
      Object.hasOwn(fields, group) && typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).filter(([field]) => !fields[group].includes(field)))
        : value,
    ]));
  return [fingerprint(without(judging)), fingerprint(without({ training: judging.training }))];
}

/** The path of a step's record, without `.json`. */
const recordPath = (folder: string, step: string): string => `${folder}/steps/${step.replace(/[^\w.-]/g, "-")}`;

/** The record of a step if it was done with inputs of one of these keys. */
export function finished<T>(folder: string, step: string, keys: readonly string[]): StepRecord<T> | undefined {
  const record = readJson(`${recordPath(folder, step)}.json`) as StepRecord<T> | undefined;
  return record && keys.includes(record.key) ? record : undefined;
}

/** The steps that processes are at now, by the names of their records. */
export function stepsInWork(folder: string): string[] {
  if (!exists(`${folder}/steps`)) return [];
  const locks = Array.from(Deno.readDirSync(`${folder}/steps`), ({ name }) => name).filter((name) =>
    name.endsWith(".lock")
  );
  return locks.filter((name) => {
    using file = Deno.openSync(`${folder}/steps/${name}`, { read: true, write: true });
    return !file.tryLockSync(true);
  }).map((name) => name.replace(/\.lock$/, "")).sort();
}

/**
 * Does a step by `work` unless it is finished; two processes never do the same step at once.
 *
 * @param waiting as for `withLock`, where another process is at the step
 */
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
    const start = performance.now(), info = await work(), seconds = (performance.now() - start) / 1000;
    const record: StepRecord<T> = { step, key: keys[0], info, finished: new Date().toISOString(), seconds };
    await writeFile(`${recordPath(folder, step)}.json`, `${JSON.stringify(record, null, 2)}\n`);
    return info;
  }, waiting);
}
