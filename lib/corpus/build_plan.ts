/**
 * What an earlier build left in a folder: its plan until it is done, then its source.
 * @module
 */
import { isTemporary, readTextIfThere, removeIfThere, sweep, writeFile } from "../base/files.ts";
import { type CorpusRecipe, corpusRecipe, recipeDifferences } from "../recipe/recipe.ts";
import type { Source } from "./sources.ts";
import { checkFiles, CorpusError, type CorpusSummary, readManifest } from "./store.ts";

/** A share of a source: the part `index` (from 1) of `of` parts. */
export type Shard = { index: number; of: number };

type Origin = Pick<Source, "identity" | "written">;

/** What `build.json` says while a corpus is being built; `chunks` of the whole source, once all of the shard are done. */
export type Plan = Origin & { format: number; recipe: CorpusRecipe; shard: Shard; chunks: number | null };

/** The plan of the build that was begun at `dir`. */
export async function readPlan(dir: string): Promise<Plan | undefined> {
  const text = await readTextIfThere(`${dir}/build.json`);
  if (text === undefined) return;
  const plan: Plan = JSON.parse(text);
  return { ...plan, recipe: corpusRecipe(plan.recipe) };
}

const songDifferences = (there: Partial<Origin>, asked: Origin): string[] =>
  there.identity !== asked.identity
    ? ["songs: others there"]
    : there.written !== asked.written
    ? ["songs: the same names and sizes there, but written at another time"]
    : [];

function refuse(dir: string, what: string, differences: string[]): never {
  const head = `${dir}: expected no store, or one of the same songs and recipe, found ${what} of others:`;
  const remedy = "Name another folder, ask for the same, or have it replaced (--replace).";
  throw new CorpusError([head, ...differences.map((line) => `  ${line}`), remedy].join("\n"));
}

/**
 * The summary of the store at `dir` if it is what `plan` would make, and whole. Throws a {@link CorpusError} saying what
 * differs if it is a store of something else that may not be replaced.
 */
export async function finished(dir: string, plan: Plan, replace = false): Promise<CorpusSummary | undefined> {
  const manifest = await readManifest(dir).catch((error) => {
    if (!(error instanceof CorpusError)) throw error; // none, or of no use
  });
  if (!manifest) return;
  const origin: Partial<Origin> = JSON.parse(await readTextIfThere(`${dir}/source.json`) ?? "{}");
  const differences = [
    ...recipeDifferences(corpusRecipe(manifest.recipe), plan.recipe),
    ...songDifferences(origin, plan),
    ...(plan.shard.of > 1 ? [`shard: a whole store there, ${plan.shard.index}/${plan.shard.of} asked for`] : []),
  ];
  if (differences.length > 0 && !replace) refuse(dir, "a store", differences);
  if (differences.length > 0) return;
  try {
    checkFiles(dir, manifest, "crc32");
    return manifest.summary;
  } catch (error) {
    if (!(error instanceof CorpusError)) throw error; // a damaged store is built again
  }
}

// Names of half-written files (earlier versions wrote `.part`), and of all that a finished store does not need.
const halfWritten = (name: string) => isTemporary(name) || /^(tokens|labels)-\d+\.bin\.part$/.test(name);
const leftover = (name: string) => name === "parts" || name === "build.json" || halfWritten(name);

/** Whether a finished store has no leftovers of its build. */
export const isSwept = async (dir: string): Promise<boolean> =>
  !(await Array.fromAsync(Deno.readDir(dir))).some(({ name }) => leftover(name));

/** Removes the leftovers of a finished store's build. */
export const sweepBuild = (dir: string): Promise<void> => sweep(dir, leftover);

/**
 * Makes room for a store: removes the manifest and segments of an earlier one, and what a killed build left half written.
 * The songs' identity gets a file of its own, so that the manifest depends on songs and recipe alone.
 */
export async function clear(dir: string, { identity, written }: Plan): Promise<void> {
  await removeIfThere(`${dir}/manifest.json`);
  await sweep(dir, (name) => halfWritten(name) || /^(tokens|labels|offsets)(-\d+)?\.bin$/.test(name));
  await writeFile(`${dir}/source.json`, `${JSON.stringify({ identity, written })}\n`);
}

/** Where two plans differ in what parts depend on; parts of a different plan are of no use. */
function partDifferences(there: Plan, asked: Plan): string[] {
  const [a, b] = [there, asked].map(({ format, shard: { index, of } }) => ({ format, shard: `${index}/${of}` }));
  return [
    ...(a.format === b.format ? [] : [`format: ${a.format} there, ${b.format} asked for`]),
    ...recipeDifferences(there.recipe, asked.recipe).filter((line) => /^(midi|tokens|labels)\./.test(line)),
    ...songDifferences(there, asked),
    ...(a.shard === b.shard ? [] : [`shard: ${a.shard} there, ${b.shard} asked for`]),
  ];
}

/** Which parts are there, and the number of all chunks if it is known. */
type Begun = { there: Set<number>; chunks: number | null };

/**
 * Makes a folder ready for a build. Throws a {@link CorpusError} saying what differs if there are parts of something else
 * that may not be replaced.
 */
export async function prepare(dir: string, plan: Plan, replace = false): Promise<Begun> {
  await Deno.mkdir(`${dir}/parts`, { recursive: true });
  const begun = await readPlan(dir).catch((error) => {
    if (!(error instanceof SyntaxError)) throw error; // it was damaged
  });
  const there = new Set<number>();
  for await (const { name } of Deno.readDir(`${dir}/parts`)) {
    const number = /^(\d+)\.part$/.exec(name)?.[1];
    if (number) there.add(Number(number));
    else await Deno.remove(`${dir}/parts/${name}`);
  }
  const differences = begun ? partDifferences(begun, plan) : [];
  if (differences.length > 0 && there.size > 0 && !replace) refuse(dir, "the beginnings of a store", differences);
  await removeIfThere(`${dir}/manifest.json`);
  const same = begun !== undefined && differences.length === 0, chunks = same ? begun.chunks : null;
  if (!same) {
    await removeIfThere(`${dir}/parts`);
    await Deno.mkdir(`${dir}/parts`);
    there.clear();
  }
  await writeFile(`${dir}/build.json`, JSON.stringify({ ...plan, chunks }));
  return { there, chunks };
}
