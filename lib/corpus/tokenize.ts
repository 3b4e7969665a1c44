/**
 * Parts of a corpus in the making: the tokenized bars of a few songs each, in files that are whole or absent.
 *
 * A part is a head of four uint32 (mark, bytes of the JSON, CRC-32 of all after the head, 0) and a JSON list of files,
 * padded to 8 bytes. Then follow, for all kept bars: float64 hashes of tokens and of notes, uint32 label bytes, uint16
 * token counts, the tokens and the label records.
 * @module
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { bytesOf, joinBytes } from "../base/bytes.ts";
import { writeFile } from "../base/files.ts";
import { MidiError } from "../midi/error.ts";
import { readScore } from "../midi/read.ts";
import { labelBytes, packLabels } from "./label_bytes.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import { headTokens } from "../tokens/bar_format.ts";
import { type Bar, tokenize } from "../tokens/remi.ts";
import type { SourceFile } from "./archives/entry.ts";
import { CorpusError, type Rejected, type Song } from "./store.ts";
import type { PackedBars } from "./store_writer.ts";
import { kinds } from "../tokens/vocabulary.ts";

/** Files that are tokenized together; `index` counts chunks from the source's beginning. */
export type Chunk = { index: number; files: SourceFile[] };

/** What became of a file: why it gave no song, or the song, with a hash, the tokens and label bytes of its kept bars. */
export type PartFile = {
  file: string;
  rejected?: Omit<Rejected, "file">;
  song?: Pick<Song, "id" | "bars" | "allBars"> & { content: string; tokens: number; labelBytes: number };
};

/** A part of a build in memory: its files, and its bars one after another with the hashes of tokens and of notes. */
export type BuildPart = PackedBars & { files: PartFile[]; hashes: Float64Array; noteHashes: Float64Array };

const MARK = 0x32524142; // "BAR2"
const HEAD = 16;

const { Pitch, Position } = kinds, pitchesEnd = kinds["Pitch_Drum"].first + kinds["Pitch_Drum"].count;
const isNote = (id: number) =>
  (id >= Pitch.first && id < pitchesEnd) || (id >= Position.first && id < Position.first + Position.count);

function hashOf(tokens: ArrayLike<number>, from: number, counts: (id: number) => boolean): number {
  let a = 0x811c9dc5, b = 0x9e3779b9;
  for (let i = from; i < tokens.length; i++) {
    if (!counts(tokens[i])) continue;
    a = Math.imul(a ^ tokens[i], 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b + tokens[i], 0x85ebca6b);
    b ^= b >>> 13;
  }
  a = Math.imul(a ^ (a >>> 16), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x27d4eb2f);
  return ((a ^ (a >>> 13)) >>> 11) * 2 ** 32 + ((b ^ (b >>> 15)) >>> 0);
}

/** A 53-bit hash of a bar's tokens: two different bars have the same one with probability 1 in 9·10¹⁵. */
export const hashTokens = (tokens: ArrayLike<number>): number => hashOf(tokens, 0, () => true);

/** A hash of a bar's positions and pitches, whatever the velocities, durations, instruments and tempo. */
export const hashNotes = (tokens: ArrayLike<number>): number => hashOf(tokens, headTokens, isNote);

function tokenizeFile({ file, path, bytes, refused }: SourceFile, recipe: CorpusRecipe): [PartFile, kept: Bar[]] {
  type Reason = Rejected["reason"];
  const reject = (reason: Reason, detail: string): [PartFile, Bar[]] => [{ file, rejected: { reason, detail } }, []];
  if (refused) return reject(refused.reason, refused.detail);
  try {
    bytes ??= Deno.readFileSync(path!);
  } catch (error) {
    return reject("unreadable", (error as Error).message.replaceAll(path!, file));
  }
  try {
    const bars = tokenize(readScore(bytes, recipe, file), recipe), kept = bars.filter((bar) => bar.kept);
    if (kept.length === 0) {
      return reject("no-kept-bars", `none of ${bars.length} bars has ${recipe.tokens.minNotes} notes`);
    }
    const content = createHash("sha256");
    for (const { tokens } of kept) content.update(bytesOf(tokens));
    const song = {
      id: createHash("sha256").update(bytes).digest("hex").slice(0, 32),
      content: content.digest("hex").slice(0, 32),
      bars: kept.length,
      allBars: bars.length,
      tokens: kept.reduce((sum, { tokens }) => sum + tokens.length, 0),
      labelBytes: kept.reduce((sum, { labels }) => sum + labelBytes(labels), 0),
    };
    return [{ file, song }, kept];
  } catch (error) {
    if (error instanceof MidiError) return reject(error.reason, error.message);
    return reject("internal-error", `expected bars, found a fault of this program: ${error}. Please report it.`);
  }
}

/** Tokenizes the files of a chunk. */
export function tokenizeChunk({ files }: Chunk, recipe: CorpusRecipe): BuildPart {
  const found = files.map((file) => tokenizeFile(file, recipe)), bars = found.flatMap(([, kept]) => kept);
  const tokenCounts = Uint16Array.from(bars, ({ tokens }) => tokens.length);
  const labelCounts = Uint32Array.from(bars, ({ labels }) => labelBytes(labels));
  const tokens = new Uint16Array(joinBytes(bars.map((bar) => bytesOf(bar.tokens))).buffer);
  const labels = new Uint8Array(labelCounts.reduce((sum, count) => sum + count, 0)), view = new DataView(labels.buffer);
  bars.reduce((at, bar, i) => (packLabels(view, at, bar.index, bar.labels), at + labelCounts[i]), 0);
  return {
    files: found.map(([file]) => file),
    hashes: Float64Array.from(bars, (bar) => hashTokens(bar.tokens)),
    noteHashes: Float64Array.from(bars, (bar) => hashNotes(bar.tokens)),
    ...{ tokens, labels, tokenCounts, labelCounts },
  };
}

const padded = (bytes: number) => Math.ceil(bytes / 8) * 8;

/** Where a part lies in the folder of a corpus that is being built. */
export const partPath = (dir: string, index: number): string => `${dir}/parts/${String(index).padStart(6, "0")}.part`;

/** Writes a part, whole or not at all. */
export async function writePart(path: string, part: BuildPart): Promise<void> {
  const json = new TextEncoder().encode(JSON.stringify(part.files));
  const padding = new Uint8Array(padded(json.length) - json.length);
  const columns = [part.hashes, part.noteHashes, part.labelCounts, part.tokenCounts, part.tokens, part.labels];
  const body = joinBytes([json, padding, ...columns.map(bytesOf)]);
  await writeFile(path, joinBytes([bytesOf(Uint32Array.of(MARK, json.length, crc32(body), 0)), body]));
}

/** Tokenizes chunks into parts on disk, for a pool of workers. */
export const partWriter =
  ({ recipe, dir }: { recipe: CorpusRecipe; dir: string }): (chunk: Chunk) => Promise<void> => (chunk) =>
    writePart(partPath(dir, chunk.index), tokenizeChunk(chunk, recipe));

/** Reads a part. Throws a {@link CorpusError} if it was damaged, and removes it, so that the next build makes it anew. */
export function readPart(path: string): BuildPart {
  const bytes = Deno.readFileSync(path);
  const damaged = (what: string) => {
    Deno.removeSync(path);
    return new CorpusError(`${path}: expected a part of a corpus, found ${what}. It is removed; build again to go on.`);
  };
  if (bytes.length < HEAD) throw damaged(`${bytes.length} bytes`);
  const [mark, jsonBytes, crc] = new Uint32Array(bytes.buffer, 0, 4);
  if (mark !== MARK || crc !== crc32(bytes.subarray(HEAD))) throw damaged("another mark or checksum");
  const files: PartFile[] = JSON.parse(new TextDecoder().decode(bytes.subarray(HEAD, HEAD + jsonBytes)));
  const songs = files.flatMap(({ song }) => song ?? []);
  const [bars, tokens, labels] = (["bars", "tokens", "labelBytes"] as const).map((key) =>
    songs.reduce((sum, song) => sum + song[key], 0)
  );
  let at = HEAD + padded(jsonBytes);
  const take = (size: number) => (at += size) - size;
  return {
    files,
    hashes: new Float64Array(bytes.buffer, take(8 * bars), bars),
    noteHashes: new Float64Array(bytes.buffer, take(8 * bars), bars),
    labelCounts: new Uint32Array(bytes.buffer, take(4 * bars), bars),
    tokenCounts: new Uint16Array(bytes.buffer, take(2 * bars), bars),
    tokens: new Uint16Array(bytes.buffer, take(2 * tokens), tokens),
    labels: bytes.subarray(at, at + labels),
  };
}
