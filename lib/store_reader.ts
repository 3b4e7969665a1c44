/**
 * Opens a store: small ones are held in memory, of large ones only the offsets, and bars are read from disk.
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { unpackLabels } from "./packing.ts";
import { validateRecipe } from "./recipe.ts";
import {
  checkFile,
  checksumOf,
  type Corpus,
  type Manifest,
  readAt,
  readManifest,
  shardFiles,
  type Song,
  type Split,
} from "./store.ts";

/** Where bars come from: bytes of a shard's tokens or labels. */
interface Column {
  read(from: number, to: number): Uint8Array;
  close(): void;
}

/** A shard's offsets, tokens and labels. */
interface Shard {
  firstBar: number;
  bars: number;
  offsets: Uint32Array;
  tokens: Column;
  labels: Column;
}

function inMemory(dir: string, name: string, manifest: Manifest): Column {
  checkFile(dir, name, manifest, "crc32");
  const bytes = Deno.readFileSync(`${dir}/${name}`);
  return { read: (from, to) => bytes.subarray(from, to), close: () => {} };
}

/** A file that is checked when it is first read from. */
function onDisk(dir: string, name: string, manifest: Manifest): Column {
  checkFile(dir, name, manifest, "size");
  let fd: number | null = null;
  return {
    read(from, to) {
      if (fd === null) {
        checkFile(dir, name, manifest, "crc32");
        fd = openSync(`${dir}/${name}`, "r");
      }
      const bytes = new Uint8Array(to - from);
      readAt(fd, bytes, from);
      return bytes;
    },
    close() {
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
}

function readOffsets(dir: string, name: string, manifest: Manifest): Uint32Array {
  checkFile(dir, name, manifest, "crc32");
  return new Uint32Array(Deno.readFileSync(`${dir}/${name}`).buffer);
}

function readLines<T>(dir: string, name: string, manifest: Manifest): T[] {
  checkFile(dir, name, manifest, "crc32");
  return Deno.readTextFileSync(`${dir}/${name}`).split("\n").filter((line) => line !== "").map((line) =>
    JSON.parse(line)
  );
}

/**
 * Opens a store that `buildCorpus` made.
 *
 * Sizes and checksums are verified first; of stores above `memory` bytes each shard's checksum when a bar of it is first
 * asked for, before it is given.
 *
 * @throws {CorpusError} naming the file that is missing, cut, changed or of another format version.
 */
export async function openCorpus(dir: string, { memory = 2 ** 28 }: { memory?: number } = {}): Promise<Corpus> {
  const manifest = await readManifest(dir), { summary, shards: counts } = manifest;
  const bars = summary.kept;
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
  const column = bytes <= memory ? inMemory : onDisk;
  let firstBar = 0;
  const shards = counts.map((count, i): Shard => {
    const [tokens, labels, offsets] = shardFiles(i);
    firstBar += count;
    return {
      firstBar: firstBar - count,
      bars: count,
      offsets: readOffsets(dir, offsets, manifest),
      tokens: column(dir, tokens, manifest),
      labels: column(dir, labels, manifest),
    };
  });
  const songs = readLines<Song>(dir, "songs.jsonl", manifest);
  const songOf = new Int32Array(bars);
  songs.forEach((song, i) => songOf.fill(i, song.firstBar, song.firstBar + song.bars));

  const checked = (bar: number) => {
    if (Number.isInteger(bar) && bar >= 0 && bar < bars) return bar;
    throw new RangeError(`Bar: expected an integer 0…${bars - 1}, found ${bar}.`);
  };
  const shardOf = (bar: number): Shard => {
    checked(bar);
    let low = 0, high = shards.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (shards[middle].firstBar <= bar) low = middle;
      else high = middle - 1;
    }
    return shards[low];
  };
  const record = (bar: number) => {
    const shard = shardOf(bar), at = shard.bars + 1 + bar - shard.firstBar;
    return unpackLabels(shard.labels.read(shard.offsets[at], shard.offsets[at + 1]), 0);
  };
  return {
    recipe: validateRecipe(manifest.recipe),
    checksum: checksumOf(manifest),
    songs,
    bars,
    summary,
    rejected: readLines(dir, "rejected.jsonl", manifest),
    tokens(bar) {
      const shard = shardOf(bar), at = bar - shard.firstBar;
      const bytes = shard.tokens.read(2 * shard.offsets[at], 2 * shard.offsets[at + 1]);
      return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    },
    labels: (bar) => record(bar).labels,
    song: (bar) => songOf[checked(bar)],
    barIndex: (bar) => record(bar).index,
    barsOf(split: Split) {
      const held = songs.filter((song) => song.split === split);
      const found = new Int32Array(held.reduce((sum, song) => sum + song.bars, 0));
      let at = 0;
      for (const song of held) for (let bar = 0; bar < song.bars; bar++) found[at++] = song.firstBar + bar;
      return found;
    },
    close() {
      for (const { tokens, labels } of shards) {
        tokens.close();
        labels.close();
      }
    },
  };
}
