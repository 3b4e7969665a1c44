/**
 * Opens a store: small ones are held in memory, of large ones only the offsets, and bars are read from disk.
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { unpackLabels } from "./label_bytes.ts";
import { corpusRecipe } from "../recipe/recipe.ts";
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

/** Choices of {@link openCorpus}. */
export interface OpenOptions {
  /** Stores of at most so many bytes are held in memory; of larger ones the offsets. Default: 256 MiB. */
  memory?: number;
  /**
   * When tokens and labels that stay on disk are compared with their checksums: all on `opening`, a second a gigabyte
   * or two, or each file at the first `touch`, before a bar of it is given: for a look at few bars of many.
   */
  check?: "opening" | "touch";
}

function inMemory(dir: string, name: string, manifest: Manifest): Column {
  checkFile(dir, name, manifest, "crc32");
  const bytes = Deno.readFileSync(`${dir}/${name}`);
  return { read: (from, to) => bytes.subarray(from, to), close: () => {} };
}

function onDisk(dir: string, name: string, manifest: Manifest, check: OpenOptions["check"]): Column {
  checkFile(dir, name, manifest, check === "touch" ? "size" : "crc32");
  let fd: number | null = null;
  return {
    read(from, to) {
      if (fd === null) {
        if (check === "touch") checkFile(dir, name, manifest, "crc32");
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
 * The size and the CRC-32 of every file are compared with the manifest's first, and the manifest with its own seal;
 * {@link verifyCorpus} compares SHA-256.
 *
 * @throws {CorpusError} naming the file that is missing, cut, changed or of another format version.
 */
export async function openCorpus(
  dir: string,
  { memory = 2 ** 28, check = "opening" }: OpenOptions = {},
): Promise<Corpus> {
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
      tokens: column(dir, tokens, manifest, check),
      labels: column(dir, labels, manifest, check),
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
    recipe: corpusRecipe(manifest.recipe),
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
