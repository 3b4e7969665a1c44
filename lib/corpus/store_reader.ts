/**
 * Opens a store. A small store is read into memory; of a large one only the offsets are, and bars come from disk.
 * @module
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { readAt } from "../base/files.ts";
import { bisect } from "../base/bisect.ts";
import { unpackLabels } from "./label_bytes.ts";
import type { Split } from "./split.ts";
import { corpusRecipe } from "../recipe/recipe.ts";
import { checkFiles, checksumOf, type Corpus, readManifest, segmentFiles, type Song } from "./store.ts";

/** Bytes of a segment's tokens or labels. */
type Column = { read(from: number, to: number): Uint8Array; close(): void };

/** Stores of at most `memory` bytes are read into memory. Default: 256 MiB. */
export type OpenOptions = { memory?: number };

function inMemory(path: string): Column {
  const bytes = Deno.readFileSync(path);
  return { read: (from, to) => bytes.subarray(from, to), close: () => {} };
}

/** A column in a file; of small records those that follow are read with the first, `block` bytes in all. */
function onDisk(path: string, block = 0): Column {
  let fd: number | null = null, size = 0, held = { from: 0, bytes: new Uint8Array(0) };
  const readBlock = (from: number, to: number) => {
    if (fd === null) size = fstatSync(fd = openSync(path, "r")).size;
    return readAt(fd, new Uint8Array(Math.max(to - from, Math.min(block, size - from))), from);
  };
  return {
    read(from, to) {
      if (block === 0) return readBlock(from, to);
      if (from < held.from || to > held.from + held.bytes.length) held = { from, bytes: readBlock(from, to) };
      return held.bytes.subarray(from - held.from, to - held.from);
    },
    close() {
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
}

/** Labels of some eighty bars; a bar's alone take as long to read. */
const LABEL_BLOCK = 4096;

const readLines = <T>(path: string): T[] =>
  Deno.readTextFileSync(path).split("\n").slice(0, -1).map((line) => JSON.parse(line));

/**
 * Opens a store that `buildCorpus` made, after a check of sizes and CRC-32; {@link verifyCorpus} compares SHA-256.
 *
 * @throws {CorpusError} naming the file that is missing, cut, changed or of another format version.
 */
export async function openCorpus(dir: string, { memory = 2 ** 28 }: OpenOptions = {}): Promise<Corpus> {
  const manifest = await readManifest(dir), { summary, summary: { kept: bars } } = manifest;
  checkFiles(dir, manifest, "crc32");
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
  const column = bytes <= memory ? inMemory : onDisk;
  let firstBar = 0;
  const segments = manifest.shards.map((count, i) => {
    const [tokens, labels, offsets] = segmentFiles(i);
    firstBar += count;
    return {
      firstBar: firstBar - count,
      bars: count,
      offsets: new Uint32Array(Deno.readFileSync(`${dir}/${offsets}`).buffer),
      tokens: column(`${dir}/${tokens}`),
      labels: column(`${dir}/${labels}`, LABEL_BLOCK),
    };
  });
  const songs = readLines<Song>(`${dir}/songs.jsonl`);
  const songOf = new Int32Array(bars);
  songs.forEach((song, i) => songOf.fill(i, song.firstBar, song.firstBar + song.bars));

  const checked = (bar: number) => {
    if (Number.isInteger(bar) && bar >= 0 && bar < bars) return bar;
    throw new RangeError(`Bar: expected an integer 0…${bars - 1}, found ${bar}.`);
  };
  const segmentOf = (bar: number) => {
    checked(bar);
    return segments[bisect(0, segments.length, (i) => segments[i].firstBar > bar) - 1];
  };
  const record = (bar: number) => {
    const segment = segmentOf(bar), at = segment.bars + 1 + bar - segment.firstBar;
    return unpackLabels(segment.labels.read(segment.offsets[at], segment.offsets[at + 1]), 0);
  };
  return {
    recipe: corpusRecipe(manifest.recipe),
    checksum: checksumOf(manifest),
    songs,
    bars,
    summary,
    rejected: readLines(`${dir}/rejected.jsonl`),
    tokens(bar) {
      const segment = segmentOf(bar), at = bar - segment.firstBar;
      const bytes = segment.tokens.read(2 * segment.offsets[at], 2 * segment.offsets[at + 1]);
      return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    },
    labels: (bar) => record(bar).labels,
    song: (bar) => songOf[checked(bar)],
    barIndex: (bar) => record(bar).index,
    barsOf(split: Split) {
      const own = songs.filter((song) => song.split === split);
      const bars = new Int32Array(own.reduce((sum, song) => sum + song.bars, 0));
      let at = 0;
      for (const song of own) for (let bar = 0; bar < song.bars; bar++) bars[at++] = song.firstBar + bar;
      return bars;
    },
    close() {
      for (const { tokens, labels } of segments) for (const column of [tokens, labels]) column.close();
    },
  };
}
