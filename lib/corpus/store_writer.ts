/**
 * Writes a store, song by song.
 * @module
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { openSink, writeFile } from "../base/files.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import {
  bytesOf,
  type CorpusSummary,
  FORMAT,
  type Manifest,
  type Rejected,
  sealed,
  SEGMENT_TOKENS,
  segmentFiles,
  type Song,
  type StoredFile,
} from "./store.ts";

/** A file that grows, and its checksums with it. */
function growing(path: string) {
  const sink = openSink(path), hash = createHash("sha256");
  let bytes = 0, crc = 0;
  return {
    append(part: Uint8Array) {
      hash.update(part);
      crc = crc32(part, crc);
      bytes += part.length;
      sink.write(part);
    },
    finish(): StoredFile {
      sink.finish();
      return { bytes, crc32: crc, sha256: hash.digest("hex") };
    },
    abandon: sink.abandon,
  };
}

type Growing = ReturnType<typeof growing>;

/** A song's bars as the store takes them. */
export interface PackedBars {
  /** Ids of all its bars, one after another. */
  tokens: Uint16Array;
  /** Packed labels of all its bars, one after another; see `label_bytes.ts`. */
  labels: Uint8Array;
  /** Tokens of each bar. */
  tokenCounts: Uint16Array;
  /** Bytes of each bar's labels. */
  labelCounts: Uint32Array;
}

/** A store that is being written. */
export interface StoreWriter {
  /** Appends a song's bars; segments are closed as they fill. */
  add(song: PackedBars): Promise<void>;
  /** Writes songs, rejected files and, last, the manifest; without it the folder is no store. */
  finish(recipe: CorpusRecipe, summary: CorpusSummary, songs: Song[], rejected: Rejected[]): Promise<void>;
  /** Removes the files that are not finished, after a failure. */
  abandon(): void;
}

/**
 * Writes a store song by song, then its manifest; memory stays that of one segment's offsets.
 *
 * @param segmentTokens tokens after which a segment is closed
 */
export async function storeWriter(dir: string, segmentTokens: number = SEGMENT_TOKENS): Promise<StoreWriter> {
  const files: Manifest["files"] = {}, shards: number[] = [];
  let tokens: Growing | null = null, labels: Growing | null = null;
  let tokenOffsets = [0], labelOffsets = [0];
  const write = async (name: string, content: Uint8Array) => {
    await writeFile(`${dir}/${name}`, content);
    files[name] = {
      bytes: content.length,
      crc32: crc32(content),
      sha256: createHash("sha256").update(content).digest("hex"),
    };
  };
  const close = async () => {
    if (!tokens || !labels) return;
    const [tokenFile, labelFile, offsetFile] = segmentFiles(shards.length);
    files[tokenFile] = tokens.finish();
    files[labelFile] = labels.finish();
    await write(offsetFile, bytesOf(Uint32Array.from([...tokenOffsets, ...labelOffsets])));
    shards.push(tokenOffsets.length - 1);
    tokens = labels = null;
    tokenOffsets = [0];
    labelOffsets = [0];
  };
  await Deno.mkdir(dir, { recursive: true });
  return {
    async add(song: PackedBars) {
      if (!tokens || !labels) {
        const [tokenFile, labelFile] = segmentFiles(shards.length);
        tokens = growing(`${dir}/${tokenFile}`);
        labels = growing(`${dir}/${labelFile}`);
      }
      tokens.append(bytesOf(song.tokens));
      labels.append(song.labels);
      for (const count of song.tokenCounts) tokenOffsets.push(tokenOffsets.at(-1)! + count);
      for (const count of song.labelCounts) labelOffsets.push(labelOffsets.at(-1)! + count);
      if (tokenOffsets.at(-1)! >= segmentTokens) await close();
    },
    async finish(recipe: CorpusRecipe, summary: CorpusSummary, songs: Song[], rejected: Rejected[]) {
      await close();
      const lines = (rows: unknown[]) =>
        new TextEncoder().encode(rows.map((row) => JSON.stringify(row) + "\n").join(""));
      await write("songs.jsonl", lines(songs));
      await write("rejected.jsonl", lines(rejected));
      const manifest: Manifest = { format: FORMAT, recipe, summary, shards, files };
      await writeFile(`${dir}/manifest.json`, JSON.stringify(sealed(manifest), null, 2) + "\n");
    },
    abandon() {
      tokens?.abandon();
      labels?.abandon();
    },
  };
}
