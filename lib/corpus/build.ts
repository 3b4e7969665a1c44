/**
 * Songs in a folder or an archive → a store of bars on disk.
 *
 * A build tokenizes sixteen files at a time into parts, then assembles the parts. Started again, it goes on.
 * @module
 */
import { assemble } from "./assemble.ts";
import { clear, finished, isSwept, type Plan, prepare, readPlan, type Shard, sweepBuild } from "./build_plan.ts";
import { writeFile } from "../base/files.ts";
import { withLock } from "../base/lock.ts";
import { threads } from "../base/machine.ts";
import { runPool } from "../base/worker_pool.ts";
import { type Chunk, partPath, partWriter } from "./tokenize.ts";
import { type CorpusRecipe, corpusRecipe } from "../recipe/recipe.ts";
import { openSource, type Source } from "./sources.ts";
import { CorpusError, type CorpusSummary, FORMAT } from "./store.ts";

/** Choices of {@link buildCorpus}. */
export type BuildOptions = {
  /** Workers that tokenize; 0 works on this thread. Default: cores, or 0 for a folder of at most 16 songs. */
  workers?: number;
  /** Whether a store, or a begun one, of other songs or another recipe may be replaced. Default: no. */
  replace?: boolean;
  /** Whether links below the source are followed. Else each is a rejected file. Default: no. */
  followLinks?: boolean;
  signal?: AbortSignal;
  /** Receives a line if the build waits for another process that builds the same store. */
  say?: (line: string) => void;
  /** Called at the beginning of a folder and as files are done; `total` is an estimate for archives until the end. */
  onProgress?: (done: number, total: number, file: string) => void;
};

const FILES_A_CHUNK = 16;
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

const noSongs = (path: string, found = "none") =>
  new CorpusError(`Expected MIDI files (.mid, .midi, .kar, .rmi) in ${path}, found ${found}.`);

/** A source, and the plan to build a shard of it. */
async function begin(path: string, recipe: CorpusRecipe, shard: Shard, options: BuildOptions): Promise<[Source, Plan]> {
  const source = await openSource(path, options), { identity, written } = source;
  if (source.total(Infinity) === 0) {
    const store = await Deno.stat(`${path}/manifest.json`).catch(() => null); // usually there is none
    throw noSongs(path, store ? "a store of bars, which needs no tokenizing" : undefined);
  }
  return [source, { format: FORMAT, recipe: corpusRecipe(recipe), identity, written, shard, chunks: null }];
}

/** Does `work` while no other process builds at `dir`. */
async function alone<T>(dir: string, options: BuildOptions, work: () => Promise<T>): Promise<T> {
  await Deno.mkdir(dir, { recursive: true }).catch((error: Error) => {
    throw new CorpusError(`${dir}: expected a folder that can be written, found: ${error.message}`, { cause: error });
  });
  return await withLock(`${dir}/build.lock`, work, options);
}

/** The store at `dir` if it is done, else the one that `parts` make; one process builds while others wait. */
async function storeOf(dir: string, plan: Plan, options: BuildOptions, parts: () => Promise<string[]>) {
  const there = await finished(dir, plan, options.replace);
  if (there && await isSwept(dir)) return there; // also where it can only be read
  return await alone(dir, options, async () => {
    let summary = await finished(dir, plan, options.replace);
    if (!summary) {
      const paths = await parts();
      await clear(dir, plan);
      summary = await assemble(paths, dir, plan.recipe, options.signal);
    }
    await sweepBuild(dir);
    return summary;
  });
}

/** Tokenizes what is not yet tokenized of a shard of a source; returns the number of chunks of the whole source. */
async function tokenizeSource(source: Source, dir: string, plan: Plan, options: BuildOptions): Promise<number> {
  const { recipe, shard } = plan, { workers, replace, signal, onProgress } = options;
  const { there, chunks: known } = await prepare(dir, plan, replace);
  const mine = (chunk: number) => chunk % shard.of === shard.index - 1;
  const wanted = (file: number) => {
    const chunk = Math.floor(file / FILES_A_CHUNK);
    return mine(chunk) && !there.has(chunk);
  };
  if (known !== null && numbers(known).every((chunk) => !mine(chunk) || there.has(chunk))) return known;
  let seen = 0, done = 0, told = 0;
  const chunks = async function* (): AsyncGenerator<Chunk> {
    let files: Chunk["files"] = [];
    for await (const file of source.files(wanted)) {
      if (wanted(seen)) files.push(file);
      else done++;
      seen++;
      if (seen % FILES_A_CHUNK === 0 && files.length > 0) {
        yield { index: seen / FILES_A_CHUNK - 1, files };
        files = [];
      }
    }
    if (files.length > 0) yield { index: Math.floor(seen / FILES_A_CHUNK), files };
  };
  const few = source.total(Infinity) <= FILES_A_CHUNK;
  if (Number.isFinite(source.total(Infinity))) onProgress?.(0, source.total(0), "");
  await runPool(partWriter, new URL("./tokenize_worker.ts", import.meta.url), { recipe, dir }, chunks(), {
    workers: workers ?? (few ? 0 : threads()),
    lanes: 2, // one is tokenized while the other is written or fetched
    transfer: ({ files }) => files.flatMap(({ bytes }) => (bytes?.buffer ?? []) as ArrayBuffer),
    signal,
    onDone: ({ files }) => {
      done += files.length;
      onProgress?.(done, told = source.total(seen), files.at(-1)!.file);
    },
  });
  if (seen === 0) throw noSongs(source.path);
  if (told !== seen) onProgress?.(seen, seen, "");
  const count = Math.ceil(seen / FILES_A_CHUNK);
  await writeFile(`${dir}/build.json`, JSON.stringify({ ...plan, chunks: count }));
  return count;
}

/**
 * Reads every MIDI file of `source` (a folder tree, a `.zip`, a `.tar` or a `.tar.gz`) into a store at `dir`.
 *
 * The same files and recipe give the same bytes, with any number of workers, and also if the build was stopped and
 * started again. Songs with the same kept bars as another are left out, and near-duplicates are split together, unless
 * `recipe.duplicates` says otherwise. A whole store of the same files and recipe is left as it is.
 *
 * @throws {CorpusError} if the source is missing, broken or has no MIDI files, or if `dir` has a store, or part of one,
 * of something else and `replace` is not set; what the disk throws; and the signal's reason.
 *
 * @example
 * ```ts
 * import { buildCorpus } from "./build.ts";
 * import { openCorpus } from "./store_reader.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * const summary = await buildCorpus("tests/golden/bars", dir, recipe("sound", "demo"));
 * const corpus = await openCorpus(dir);
 * assertEquals(corpus.bars, summary.kept);
 * assertEquals(corpus.tokens(0)[0], 4);
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function buildCorpus(
  source: string,
  dir: string,
  recipe: CorpusRecipe,
  options: BuildOptions = {},
): Promise<CorpusSummary> {
  const [opened, plan] = await begin(source, recipe, { index: 1, of: 1 }, options);
  return await storeOf(dir, plan, options, async () => {
    const chunks = await tokenizeSource(opened, dir, plan, options);
    return numbers(chunks).map((chunk) => partPath(dir, chunk));
  });
}

/** Tokenizes one of several shards of a source; {@link mergeCorpora} joins them. Throws as {@link buildCorpus}. */
export async function buildShard(
  source: string,
  dir: string,
  recipe: CorpusRecipe,
  shard: Shard,
  options: BuildOptions = {},
): Promise<void> {
  const { index, of } = shard;
  if (!(Number.isInteger(index) && Number.isInteger(of) && index >= 1 && index <= of)) {
    throw new RangeError(`Shard: expected i/n with 1 ≤ i ≤ n, found ${index}/${of}.`);
  }
  const [opened, plan] = await begin(source, recipe, shard, options);
  await finished(dir, plan, options.replace);
  await alone(dir, options, () => tokenizeSource(opened, dir, plan, options));
}

/**
 * Joins the shards 1/n … n/n of a source to the store that {@link buildCorpus} makes of it; the shards stay. Throws a
 * {@link CorpusError} if one is missing, not finished, or of another source or recipe; and as {@link buildCorpus}.
 */
export async function mergeCorpora(
  shards: string[],
  dir: string,
  options: Pick<BuildOptions, "replace" | "signal" | "say"> = {},
): Promise<CorpusSummary> {
  const plans = await Promise.all(shards.map(async (folder) => {
    const plan = await readPlan(folder);
    if (plan?.format !== FORMAT) throw new CorpusError(`${folder}: expected a shard of a corpus, found none.`);
    if (plan.chunks === null) throw new CorpusError(`${folder}: expected a finished shard; build it again to go on.`);
    return { folder, ...plan };
  }));
  const same = ({ recipe, identity, shard }: Plan) => JSON.stringify([recipe, identity, shard.of]);
  const other = plans.find((plan) => same(plan) !== same(plans[0]));
  if (other) throw new CorpusError(`${other.folder}: expected the source and recipe of ${shards[0]}, found others.`);
  const of = plans[0]?.shard.of ?? 1;
  if (plans.length !== of || new Set(plans.map(({ shard }) => shard.index)).size !== of) {
    const found = plans.map(({ shard }) => `${shard.index}/${shard.of}`).join(", ") || "none";
    throw new CorpusError(`Expected each of the ${of} shards once, found ${found}.`);
  }
  const folder = (chunk: number) => plans.find(({ shard }) => shard.index - 1 === chunk % of)!.folder;
  const plan = { ...plans[0], shard: { index: 1, of: 1 } };
  const parts = numbers(plan.chunks!).map((chunk) => partPath(folder(chunk), chunk));
  return await storeOf(dir, plan, options, () => Promise.resolve(parts));
}
