/**
 * Parts → a store that depends on files and recipe alone, whatever the source's order and the number of workers.
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { bytesOf, joinBytes } from "../base/bytes.ts";
import { readAt } from "../base/files.ts";
import { clusterSongs, numberHashes, overlap, type SongBars } from "./duplicates.ts";
import { splitSongs } from "./split.ts";
import { type PartFile, readPart } from "./tokenize.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import type { CorpusSummary, Leak, Rejected, Song } from "./store.ts";
import { type PackedBars, storeWriter } from "./store_writer.ts";

/** A song in a part: where its columns begin in the part's file. */
type Found = NonNullable<PartFile["song"]> & {
  file: string;
  path: string;
  at: { labelCounts: number; tokenCounts: number; tokens: number; labels: number };
  from: number; // its first bar among all that were read
};

type Numbered = Omit<SongBars, "first">;

const byName = (a: { file: string }, b: { file: string }) => a.file < b.file ? -1 : a.file > b.file ? 1 : 0;
const joined = (parts: Float64Array[]) => new Float64Array(joinBytes(parts.map(bytesOf)).buffer);

/** Songs, rejected files and hashes of all parts, without tokens and labels; checks every byte. */
function readParts(paths: string[], signal?: AbortSignal) {
  const songs: Found[] = [], rejected: Rejected[] = [], hashes: Float64Array[] = [], noteHashes: Float64Array[] = [];
  let from = 0;
  for (const path of paths) {
    signal?.throwIfAborted();
    const part = readPart(path);
    const [labelCounts, tokenCounts, tokens, labels] = [part.labelCounts, part.tokenCounts, part.tokens, part.labels]
      .map(({ byteOffset }) => byteOffset);
    const at = { labelCounts, tokenCounts, tokens, labels };
    for (const { file, song, rejected: why } of part.files) {
      if (why) rejected.push({ file, ...why });
      if (!song) continue;
      songs.push({ ...song, file, path, at: { ...at }, from });
      from += song.bars;
      at.labelCounts += 4 * song.bars;
      at.tokenCounts += 2 * song.bars;
      at.tokens += 2 * song.tokens;
      at.labels += song.labelBytes;
    }
    hashes.push(part.hashes.slice());
    noteHashes.push(part.noteHashes.slice());
  }
  songs.sort(byName);
  // Of entries with one name, the last counts, as if the archive were unpacked.
  const last = songs.filter(({ file }, i) => file !== songs[i + 1]?.file);
  for (const { file } of songs.filter((song, i) => song.file === songs[i + 1]?.file)) {
    rejected.push({ file, reason: "duplicate", detail: "a later entry has the same name" });
  }
  return { songs: last, rejected, hashes: joined(hashes), noteHashes: joined(noteHashes) };
}

function readSong({ path, at, bars, tokens, labelBytes }: Found): PackedBars {
  const fd = openSync(path, "r"), read = (bytes: number, from: number) => readAt(fd, new Uint8Array(bytes), from);
  try {
    return {
      labelCounts: new Uint32Array(read(4 * bars, at.labelCounts).buffer),
      tokenCounts: new Uint16Array(read(2 * bars, at.tokenCounts).buffer),
      tokens: new Uint16Array(read(2 * tokens, at.tokens).buffer),
      labels: read(labelBytes, at.labels),
    };
  } finally {
    closeSync(fd);
  }
}

/** The contents of songs' bars, numbered, in the songs' order. */
function songBars(songs: Found[], { content: numbered, count }: Numbered): SongBars {
  const first = new Int32Array(songs.length + 1);
  songs.forEach(({ bars }, i) => first[i + 1] = first[i] + bars);
  const content = new Int32Array(first[songs.length]);
  songs.forEach(({ from, bars }, i) => content.set(numbered.subarray(from, from + bars), first[i]));
  return { first, content, count };
}

/** Clusters of songs, by the index of their first; songs of equal content are one to begin with. */
function clustersOf(songs: Found[], numbered: Numbered, recipe: CorpusRecipe): Int32Array {
  if (recipe.duplicates.near === "ignore") return Int32Array.from(songs.keys());
  const { shared, compared } = recipe.duplicates, first = new Map<string, number>(); // songs by their content
  songs.forEach(({ content }, i) => first.has(content) || first.set(content, i));
  const firsts = [...first.values()], place = new Map(firsts.map((i, at) => [songs[i].content, at]));
  const clusters = clusterSongs(songBars(firsts.map((i) => songs[i]), numbered), shared, compared);
  return Int32Array.from(songs, ({ content }) => firsts[clusters[place.get(content)!]]);
}

function clusterCounts(clusters: Int32Array): CorpusSummary["clusters"] {
  const sizes = [...Map.groupBy(clusters, (cluster) => cluster).values()].map(({ length }) => length);
  const many = sizes.filter((size) => size > 1).sort((a, b) => b - a);
  return { clusters: many.length, songs: many.reduce((sum, size) => sum + size, 0), largest: many[0] ?? 0 };
}

/** Writes the store that the parts make at `dir`; the parts stay. */
export async function assemble(
  paths: string[],
  dir: string,
  recipe: CorpusRecipe,
  signal?: AbortSignal,
): Promise<CorpusSummary> {
  const { songs: all, rejected, hashes, noteHashes } = readParts(paths, signal), known = new Map<string, Found>();
  // Of songs with the same bars, the one with the smallest id, then name, is kept.
  for (const song of all) {
    const other = known.get(song.content);
    if (!other || song.id < other.id) known.set(song.content, song);
  }
  const files = all.length + rejected.length,
    isKept = (song: Found) => recipe.duplicates.exact === "keep" || known.get(song.content) === song;
  const songs = all.filter(isKept);
  for (const { file, content } of all.filter((song) => !isKept(song))) {
    rejected.push({ file, reason: "duplicate", detail: `same bars as ${known.get(content)!.file}` });
  }
  rejected.sort(byName);
  const numbered = { tokens: numberHashes(hashes), notes: numberHashes(noteHashes) };
  const clusters = clustersOf(songs, numbered[recipe.duplicates.bars], recipe);
  const split = splitSongs(songs.map(({ id }) => id), clusters, recipe);
  const byFile = splitSongs(all.map(({ id, file }) => `${id} ${file}`), [...all.keys()], recipe);
  const leak = (bars: Numbered): Leak => ({
    split: overlap(songBars(songs, bars), split),
    byFile: overlap(songBars(all, bars), byFile),
  });
  const writer = storeWriter(dir), rows: Song[] = [];
  let kept = 0, bars = 0, tokens = 0;
  try {
    for (const [i, song] of songs.entries()) {
      signal?.throwIfAborted();
      writer.add(readSong(song));
      const { id, file, allBars } = song;
      rows.push({ id, file, split: split[i], cluster: clusters[i], firstBar: kept, bars: song.bars, allBars });
      kept += song.bars;
      bars += allBars;
      tokens += song.tokens;
      if (i % 64 === 63) await new Promise((resolve) => setTimeout(resolve, 0)); // lets the notebook's kernel answer
    }
    const reasons = Object.groupBy(rejected, ({ reason }) => reason);
    const summary: CorpusSummary = {
      files,
      songs: songs.length,
      bars,
      kept,
      notKept: bars - kept,
      tokens,
      rejected: Object.fromEntries(Object.entries(reasons).map(([reason, { length }]) => [reason, length]).sort()),
      clusters: clusterCounts(clusters),
      leak: { tokens: leak(numbered.tokens), notes: leak(numbered.notes) },
    };
    writer.finish(recipe, summary, rows, rejected);
    return summary;
  } catch (error) {
    writer.abandon();
    throw error;
  }
}
