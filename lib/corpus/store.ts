/**
 * A store of bars on disk, format 2: what is in it, and how it is verified.
 *
 * `manifest.json` is written last. Bars stand in segments of whole songs, numbered from 0: `tokens-N.bin` (uint16 of the
 * bars, one after another), `labels-N.bin` (one {@link packLabels} record a bar) and `offsets-N.bin` (uint32: bars+1
 * token offsets, then bars+1 label offsets). Beside them `songs.jsonl` and `rejected.jsonl`, a line for every file that
 * gave no song. All numbers are little-endian.
 * @module
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { BarLabels } from "../tokens/labels.ts";
import type { MidiReason } from "../midi/error.ts";
import { UserError } from "../base/user_error.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import type { Refusal } from "./archives/entry.ts";
import type { Split } from "./split.ts";

/**
 * A song of a store: the first 32 hex digits of its file's SHA-256, its path below the source, its split, the index of
 * the first song of its cluster of near-duplicates, its first bar in the store, its kept bars, and all its bars.
 */
export type Song = {
  id: string;
  file: string;
  split: Split;
  cluster: number;
  firstBar: number;
  bars: number;
  allBars: number;
};

/** A file that gave no song: its path below the source, why in a word that stays the same, and in a sentence. */
export type Rejected = {
  file: string;
  reason: MidiReason | Refusal["reason"] | "duplicate" | "no-kept-bars" | "internal-error";
  detail: string;
};

/** Numbers of bars: of train and test, and of those of one that also occur in the other. */
export type Overlap = { trainBars: number; testBars: number; testInTrain: number; trainInTest: number };

/** What the store's splits share, and what splits by file alone, copies kept, would share. */
export type Leak = { split: Overlap; byFile: Overlap };

/**
 * What a build did. `bars` are those between the first and last note of all songs, `kept` those in the store, `tokens`
 * theirs; `rejected` counts files by reason, `clusters` those of more than one song, the songs in them and in the largest,
 * `leak` bars with the same tokens, and with the same positions and pitches.
 */
export type CorpusSummary = {
  files: number;
  songs: number;
  bars: number;
  kept: number;
  notKept: number;
  tokens: number;
  rejected: Record<string, number>;
  clusters: { clusters: number; songs: number; largest: number };
  leak: { tokens: Leak; notes: Leak };
};

/**
 * An open store: its songs in order of their bars, and `bars` bars, by their index in the store. `checksum` is SHA-256
 * over the checksums of the store's files; `close` closes the files of a store that is read from disk.
 */
export type Corpus = {
  recipe: CorpusRecipe;
  checksum: string;
  songs: Song[];
  bars: number;
  summary: CorpusSummary;
  rejected: Rejected[];
  /** The ids of a bar, `<eob>` included; not to be written to. */
  tokens(bar: number): Uint16Array;
  labels(bar: number): BarLabels;
  /** Index in `songs` of a bar's song. */
  song(bar: number): number;
  /** Index of a bar inside its song, bars that are not kept counted. */
  barIndex(bar: number): number;
  /** The bars of a split, ascending. */
  barsOf(split: Split): Int32Array;
  close(): void;
};

/** A source or store that cannot be used; the message names the file and what is wrong with it. */
export class CorpusError extends UserError {}

/** The version of the format. */
export const FORMAT = 2;
/** Tokens after which a segment takes no further song: 32 MiB. */
export const SEGMENT_TOKENS = 2 ** 24;

/** What `manifest.json` says: the bars of each segment in `shards`, the files' sizes and checksums by their names. */
export type Manifest = {
  format: number;
  recipe: CorpusRecipe;
  summary: CorpusSummary;
  shards: number[];
  files: Record<string, { bytes: number; crc32: number; sha256: string }>;
};

/** The three files of a segment. */
export const segmentFiles = (segment: number): string[] =>
  (["tokens", "labels", "offsets"] as const).map((kind) => `${kind}-${String(segment).padStart(5, "0")}.bin`);

/** SHA-256 of a value's JSON, in hexadecimal. */
export const digest = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

/** A checksum over the data of a store, without its recipe. */
export const checksumOf = ({ files }: Manifest): string =>
  digest(Object.keys(files).sort().map((name) => [name, files[name].sha256]));

/** Reads a store's manifest; throws a {@link CorpusError} if it is missing, changed or of another format. */
export async function readManifest(dir: string): Promise<Manifest> {
  const path = `${dir}/manifest.json`;
  let found: Manifest & { seal?: string };
  try {
    found = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof SyntaxError) throw new CorpusError(`${path} is not JSON: ${message}. Build the corpus again.`);
    throw new CorpusError(
      `Expected a corpus store at ${dir}, but ${path} cannot be read: ${message}. Build it, or go on building it.`,
    );
  }
  if (found?.format !== FORMAT) {
    throw new CorpusError(`${path}: expected format ${FORMAT}, found ${found?.format}. Build the corpus again.`);
  }
  const { seal, ...manifest } = found;
  if (seal !== digest(manifest)) throw new CorpusError(`${path}: its checksum differs from its seal. Build it again.`);
  return manifest;
}

function checkFile(path: string, expected: Manifest["files"][string], what: "crc32" | "sha256") {
  using file = (() => {
    try {
      return Deno.openSync(path);
    } catch (error) {
      throw new CorpusError(`${path} cannot be read: ${(error as Error).message}. Build the corpus again.`);
    }
  })();
  const { size } = file.statSync();
  if (size !== expected.bytes) {
    throw new CorpusError(`${path}: expected ${expected.bytes} bytes, found ${size}. Build it again.`);
  }
  const buffer = new Uint8Array(2 ** 20), hash = createHash("sha256");
  let crc = 0;
  for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
    if (what === "crc32") crc = crc32(buffer.subarray(0, count), crc);
    else hash.update(buffer.subarray(0, count));
  }
  if (what === "crc32" ? crc !== expected.crc32 : hash.digest("hex") !== expected.sha256) {
    throw new CorpusError(`${path}: its checksum differs from manifest.json's, so bytes changed. Build it again.`);
  }
}

/** Compares every file with the manifest; throws a {@link CorpusError} naming the first missing, cut or changed one. */
export function checkFiles(dir: string, { files }: Manifest, what: "crc32" | "sha256"): void {
  for (const [name, expected] of Object.entries(files)) checkFile(`${dir}/${name}`, expected, what);
}

/** Compares every file's SHA-256; throws a {@link CorpusError} naming the first that is missing, cut or changed. */
export const verifyCorpus = async (dir: string): Promise<void> => checkFiles(dir, await readManifest(dir), "sha256");
