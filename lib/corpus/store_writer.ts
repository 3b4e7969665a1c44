/**
 * Writes a store, song by song.
 * @module
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { bytesOf } from "../base/bytes.ts";
import { openSink, writeFileSync } from "../base/files.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import { digest, FORMAT, type Manifest, type Rejected, SEGMENT_TOKENS, segmentFiles, type Song } from "./store.ts";

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
    finish() {
      sink.finish();
      return { bytes, crc32: crc, sha256: hash.digest("hex") };
    },
    abandon: sink.abandon,
  };
}

type Growing = ReturnType<typeof growing>;

/** A song's bars one after another: ids, packed labels (`label_bytes.ts`), and how many of them each bar has. */
export type PackedBars = {
  tokens: Uint16Array;
  labels: Uint8Array;
  tokenCounts: Uint16Array;
  labelCounts: Uint32Array;
};

type StoreWriter = {
  add(song: PackedBars): void;
  finish(recipe: CorpusRecipe, summary: Manifest["summary"], songs: Song[], rejected: Rejected[]): void;
  abandon(): void;
};

/**
 * Writes a store: `add` a song at a time, a segment closed after `segmentTokens` tokens; `finish` writes the lists and,
 * last, the manifest; `abandon` removes the files that are not finished. Memory holds the offsets of one segment.
 */
export function storeWriter(dir: string, segmentTokens: number = SEGMENT_TOKENS): StoreWriter {
  const files: Manifest["files"] = {}, shards: number[] = [];
  let tokens: Growing | null = null, labels: Growing | null = null;
  let tokenOffsets = [0], labelOffsets = [0];
  const write = (name: string, content: Uint8Array) => {
    const file = growing(`${dir}/${name}`);
    file.append(content);
    files[name] = file.finish();
  };
  const close = () => {
    if (!tokens || !labels) return;
    const [tokenFile, labelFile, offsetFile] = segmentFiles(shards.length);
    files[tokenFile] = tokens.finish();
    files[labelFile] = labels.finish();
    write(offsetFile, bytesOf(Uint32Array.from([...tokenOffsets, ...labelOffsets])));
    shards.push(tokenOffsets.length - 1);
    tokens = labels = null;
    tokenOffsets = [0];
    labelOffsets = [0];
  };
  return {
    add(song) {
      const [tokenFile, labelFile] = segmentFiles(shards.length);
      tokens ??= growing(`${dir}/${tokenFile}`);
      labels ??= growing(`${dir}/${labelFile}`);
      tokens.append(bytesOf(song.tokens));
      labels.append(song.labels);
      for (const count of song.tokenCounts) tokenOffsets.push(tokenOffsets.at(-1)! + count);
      for (const count of song.labelCounts) labelOffsets.push(labelOffsets.at(-1)! + count);
      if (tokenOffsets.at(-1)! >= segmentTokens) close();
    },
    finish(recipe, summary, songs, rejected) {
      close();
      const lines = (rows: unknown[]) =>
        new TextEncoder().encode(rows.map((row) => JSON.stringify(row) + "\n").join(""));
      write("songs.jsonl", lines(songs));
      write("rejected.jsonl", lines(rejected));
      const manifest: Manifest = { format: FORMAT, recipe, summary, shards, files };
      writeFileSync(`${dir}/manifest.json`, JSON.stringify({ ...manifest, seal: digest(manifest) }, null, 2) + "\n");
    },
    abandon() {
      tokens?.abandon();
      labels?.abandon();
    },
  };
}
