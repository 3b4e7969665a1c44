/**
 * A folder of MIDI files → a store of bars on disk, and back.
 *
 * A store holds `tokens.bin` (uint16 of the kept bars, one after another), `labels.bin` (one {@link packLabels} record
 * a bar), `offsets.bin` (float64: bars+1 token offsets, then bars+1 label offsets), `songs.jsonl`, `rejected.jsonl`
 * (a line for every file that gave no song) and, written last, `manifest.json`; all numbers little-endian.
 * @module
 */
import { createHash } from "node:crypto";
import { sha256, writeFile } from "./files.ts";
import { hash32 } from "./random.ts";
import { type BarLabels } from "./labels.ts";
import { MidiError, type MidiReason, readScore } from "./midi.ts";
import { packLabels, unpackLabels } from "./packing.ts";
import { type Recipe, validateRecipe } from "./recipe.ts";
import { type Bar, tokenize } from "./remi.ts";

/** What songs are for. */
export type Split = "train" | "validation" | "test";

/** A song of a store. */
export interface Song {
  /** First 32 hex digits of the SHA-256 of the file's bytes. */
  id: string;
  /** Path below the source folder, with slashes. */
  file: string;
  split: Split;
  /** Its kept bars are `firstBar` … `firstBar + bars − 1` of the store. */
  firstBar: number;
  bars: number;
  /** Bars between its first and its last note, those that are not kept included. */
  allBars: number;
}

/** A file that gave no song: unreadable, unfit, a copy, or without a bar that is kept. */
export interface Rejected {
  file: string;
  reason: MidiReason | "duplicate" | "no-kept-bars" | "unreadable";
  /** What was expected and found, or which file it repeats. */
  detail: string;
}

/** What a build did. */
export interface CorpusSummary {
  /** MIDI files found. */
  files: number;
  songs: number;
  /** Bars of the songs, those kept in the store and those not (too few notes). */
  bars: number;
  kept: number;
  notKept: number;
  /** Tokens of the kept bars. */
  tokens: number;
  /** Rejected files by reason. */
  rejected: Record<string, number>;
}

/** A store, opened. */
export interface Corpus {
  recipe: Recipe;
  songs: Song[];
  /** Number of bars in the store. */
  bars: number;
  summary: CorpusSummary;
  rejected: Rejected[];
  /** The ids of a bar, `<eob>` included; a view, not a copy. */
  tokens(bar: number): Uint16Array;
  labels(bar: number): BarLabels;
  /** Index in `songs` of a bar's song. */
  song(bar: number): number;
  /** Index of a bar inside its song, bars that are not kept counted. */
  barIndex(bar: number): number;
  /** The bars of a split, ascending. */
  barsOf(split: Split): Int32Array;
}

/** A store that cannot be opened; names the file and what is wrong with it. */
export class CorpusError extends Error {
  override name = "CorpusError";
}

const formatVersion = 1;
const dataFiles = ["tokens.bin", "labels.bin", "offsets.bin", "songs.jsonl", "rejected.jsonl"] as const;
type Manifest = {
  format: number;
  recipe: Recipe;
  summary: CorpusSummary;
  files: Record<string, { bytes: number; sha256: string }>;
};

const jsonLines = (rows: unknown[]) => new TextEncoder().encode(rows.map((row) => JSON.stringify(row) + "\n").join(""));

/**
 * Which songs train, validate and test (study §6.1): `hash` orders ids by a seeded hash, so that the order of files
 * does not matter; `listed` takes them as given. Shares are rounded down; the rest are test songs.
 *
 * @example
 * ```ts
 * import { splitBySong } from "@lib/corpus.ts";
 * import { recipe } from "@lib/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const choices = recipe("sound", "base");
 * const ids = Array.from({ length: 10 }, (_, i) => `song ${i}`);
 * const splits = splitBySong(ids, choices);
 * assertEquals(splits, splitBySong(ids.toReversed(), choices));
 * assertEquals([...splits.values()].filter((split) => split === "train").length, 8);
 * ```
 */
export function splitBySong(ids: string[], recipe: Recipe): Map<string, Split> {
  const key = (id: string) => hash32(JSON.stringify([recipe.seed, "split", id]));
  const order = recipe.split.by === "listed"
    ? ids
    : ids.map((id) => ({ id, key: key(id) })).sort((a, b) => a.key - b.key || (a.id < b.id ? -1 : 1)).map((x) => x.id);
  const share = (part: number) => Math.floor(part * ids.length + 1e-9);
  const train = share(recipe.split.train), validation = train + share(recipe.split.validation);
  return new Map(order.map((id, i) => [id, i < train ? "train" : i < validation ? "validation" : "test"]));
}

/** Paths of the MIDI files below a folder (.mid, .midi, .kar, .rmi), in order of code points; links are not followed. */
async function listFiles(source: string, below = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(`${source}/${below}`)) {
    if (entry.isDirectory) files.push(...await listFiles(source, `${below}${entry.name}/`));
    else if (entry.isFile && /\.(midi?|kar|rmi)$/i.test(entry.name)) files.push(below + entry.name);
  }
  return below === "" ? files.sort((a, b) => a < b ? -1 : a > b ? 1 : 0) : files;
}

/** A file that grows under a temporary name, hashed as it grows. */
async function growing(path: string) {
  const file = await Deno.create(path + ".part");
  const hash = createHash("sha256");
  let bytes = 0, open = true;
  return {
    async append(part: Uint8Array) {
      hash.update(part);
      bytes += part.length;
      for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
    },
    close() {
      if (open) file.close();
      open = false;
    },
    async finish() {
      file.close();
      open = false;
      await Deno.rename(path + ".part", path);
      return { bytes, sha256: hash.digest("hex") };
    },
  };
}

function readBars(bytes: Uint8Array, recipe: Recipe): Bar[] | MidiError {
  try {
    return tokenize(readScore(bytes, recipe), recipe);
  } catch (error) {
    if (error instanceof MidiError) return error;
    throw error;
  }
}

/**
 * Reads every MIDI file below `source` into a store at `dir`; the same files and recipe give the same bytes.
 *
 * Songs with the same kept bars as an earlier file are left out as duplicates. `onProgress` is called after each file.
 *
 * @throws {DOMException} `AbortError` when `signal` is aborted, and whatever the disk throws; `dir` then has no manifest.
 *
 * @example
 * ```ts
 * import { buildCorpus, openCorpus } from "@lib/corpus.ts";
 * import { recipe } from "@lib/recipe.ts";
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
  recipe: Recipe,
  options: { signal?: AbortSignal; onProgress?: (done: number, total: number, file: string) => void } = {},
): Promise<CorpusSummary> {
  const files = await listFiles(source);
  if (files.length === 0) {
    throw new CorpusError(`Expected MIDI files (.mid, .midi, .kar, .rmi) in ${source}, found none.`);
  }
  await Deno.mkdir(dir, { recursive: true });
  await Deno.remove(`${dir}/manifest.json`).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const tokens = await growing(`${dir}/tokens.bin`), labels = await growing(`${dir}/labels.bin`);
  const tokenOffsets = [0], labelOffsets = [0];
  const songs: Song[] = [], rejected: Rejected[] = [];
  const seen = new Map<string, string>(); // hash of the kept bars → file
  let allBars = 0;
  try {
    for (const [done, file] of files.entries()) {
      options.signal?.throwIfAborted();
      const reject = (reason: Rejected["reason"], detail: string) => rejected.push({ file, reason, detail });
      const bytes = await Deno.readFile(`${source}/${file}`).catch((error: Error) => error);
      const bars = bytes instanceof Error ? bytes : readBars(bytes, recipe);
      if (bytes instanceof Error) reject("unreadable", bytes.message.replaceAll(source, ""));
      else if (bars instanceof MidiError) reject(bars.reason, bars.message);
      else if (!(bars instanceof Error)) {
        const kept = bars.filter((bar) => bar.kept);
        const ids = new Uint16Array(kept.reduce((sum, bar) => sum + bar.tokens.length, 0));
        kept.reduce((at, bar) => (ids.set(bar.tokens, at), at + bar.tokens.length), 0);
        const content = await sha256(new Uint8Array(ids.buffer));
        if (kept.length === 0) {
          reject("no-kept-bars", `none of ${bars.length} bars has ${recipe.tokens.minNotes} notes`);
        } else if (seen.has(content)) reject("duplicate", `same bars as ${seen.get(content)}`);
        else {
          seen.set(content, file);
          allBars += bars.length;
          const id = (await sha256(bytes)).slice(0, 32);
          const firstBar = tokenOffsets.length - 1;
          songs.push({ id, file, split: "train", firstBar, bars: kept.length, allBars: bars.length });
          const records = kept.map((bar) => packLabels(bar.index, bar.labels));
          for (const bar of kept) tokenOffsets.push(tokenOffsets.at(-1)! + bar.tokens.length);
          for (const record of records) {
            labelOffsets.push(labelOffsets.at(-1)! + record.length);
            await labels.append(record);
          }
          await tokens.append(new Uint8Array(ids.buffer));
        }
      }
      options.onProgress?.(done + 1, files.length, file);
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets the notebook's kernel answer
    }
    options.signal?.throwIfAborted();
  } catch (error) {
    tokens.close();
    labels.close();
    for (const name of ["tokens.bin", "labels.bin"]) await Deno.remove(`${dir}/${name}.part`);
    throw error;
  }

  const splits = splitBySong(songs.map((song) => song.id), recipe);
  for (const song of songs) song.split = splits.get(song.id)!;
  const kept = tokenOffsets.length - 1;
  const reasons: Record<string, number> = {};
  for (const { reason } of rejected) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const summary: CorpusSummary = {
    files: files.length,
    songs: songs.length,
    bars: allBars,
    kept,
    notKept: allBars - kept,
    tokens: tokenOffsets.at(-1)!,
    rejected: Object.fromEntries(Object.entries(reasons).sort(([a], [b]) => a < b ? -1 : 1)),
  };
  const held: Manifest["files"] = { "tokens.bin": await tokens.finish(), "labels.bin": await labels.finish() };
  const write = async (name: string, content: Uint8Array) => {
    await writeFile(`${dir}/${name}`, content);
    held[name] = { bytes: content.length, sha256: await sha256(content) };
  };
  await write("offsets.bin", new Uint8Array(Float64Array.from([...tokenOffsets, ...labelOffsets]).buffer));
  await write("songs.jsonl", jsonLines(songs));
  await write("rejected.jsonl", jsonLines(rejected));
  const manifest: Manifest = { format: formatVersion, recipe, summary, files: held };
  await writeFile(`${dir}/manifest.json`, JSON.stringify(manifest, null, 2) + "\n");
  return summary;
}

async function readManifest(dir: string): Promise<Manifest> {
  const path = `${dir}/manifest.json`;
  const text = await Deno.readTextFile(path).catch((error: Error) => {
    throw new CorpusError(`Expected a corpus store at ${dir}, but ${path} cannot be read: ${error.message}`);
  });
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw new CorpusError(`${path} is not JSON: ${(error as Error).message}. Build the corpus again.`);
  }
  if (manifest?.format !== formatVersion) {
    throw new CorpusError(
      `${path}: expected format ${formatVersion}, found ${manifest?.format}. Build the corpus again.`,
    );
  }
  return manifest;
}

/**
 * Opens a store that {@link buildCorpus} made; every file's size and checksum is verified first.
 *
 * @throws {CorpusError} naming the file that is missing, cut, changed or of another format version.
 */
export async function openCorpus(dir: string): Promise<Corpus> {
  const { files, recipe, summary } = await readManifest(dir);
  const [tokenBytes, labelBytes, offsetBytes, songBytes, rejectedBytes] = await Promise.all(
    dataFiles.map(async (name) => {
      const path = `${dir}/${name}`, expected = files?.[name];
      const bytes = await Deno.readFile(path).catch((error: Error) => {
        throw new CorpusError(`${path} cannot be read: ${error.message}. Build the corpus again.`);
      });
      if (bytes.length !== expected?.bytes) {
        throw new CorpusError(`${path}: expected ${expected?.bytes} bytes, found ${bytes.length}. Build it again.`);
      }
      if (await sha256(bytes) !== expected.sha256) {
        throw new CorpusError(`${path}: its checksum differs from manifest.json's, so bytes changed. Build it again.`);
      }
      return bytes;
    }),
  );
  const rows = <T>(bytes: Uint8Array): T[] =>
    new TextDecoder().decode(bytes).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  const bars = summary.kept;
  const tokens = new Uint16Array(tokenBytes.buffer, tokenBytes.byteOffset, tokenBytes.length / 2);
  const offsets = new Float64Array(offsetBytes.buffer, offsetBytes.byteOffset, offsetBytes.length / 8);
  const songs = rows<Song>(songBytes);
  const songOf = new Int32Array(bars);
  songs.forEach((song, i) => songOf.fill(i, song.firstBar, song.firstBar + song.bars));
  const checked = (bar: number) => {
    if (Number.isInteger(bar) && bar >= 0 && bar < bars) return bar;
    throw new RangeError(`Bar: expected an integer 0…${bars - 1}, found ${bar}.`);
  };
  const record = (bar: number) => unpackLabels(labelBytes, offsets[bars + 1 + checked(bar)]);
  return {
    recipe: validateRecipe(recipe),
    songs,
    bars,
    summary,
    rejected: rows<Rejected>(rejectedBytes),
    tokens: (bar) => tokens.subarray(offsets[checked(bar)], offsets[bar + 1]),
    labels: (bar) => record(bar).labels,
    song: (bar) => songOf[checked(bar)],
    barIndex: (bar) => record(bar).index,
    barsOf: (split) =>
      Int32Array.from({ length: bars }, (_, bar) => bar).filter((bar) => songs[songOf[bar]].split === split),
  };
}
