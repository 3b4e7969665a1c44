/**
 * Parts → a store: songs in order of their names, copies left out, near-duplicates split together.
 *
 * What comes out depends on the files and the recipe alone: not on the source's order, the workers, or who built what.
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { readAt } from "../base/files.ts";
import { clusterSongs, numberHashes, overlap, type SongBars } from "./duplicates.ts";
import { splitSongs } from "./split.ts";
import { type PartFile, readPart } from "./tokenize.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import type { CorpusSummary, Leak, Rejected, Song } from "./store.ts";
import { type PackedBars, storeWriter } from "./store_writer.ts";

/** A song in a part: where its columns begin in the part's file. */
interface Found extends NonNullable<PartFile["song"]> {
  file: string;
  path: string;
  at: { labelCounts: number; tokenCounts: number; tokens: number; labels: number };
  /** Its first bar among all that were read. */
  from: number;
}

type Numbered = Omit<SongBars, "first">;

const byName = (a: { file: string }, b: { file: string }) => a.file < b.file ? -1 : a.file > b.file ? 1 : 0;
const before = (a: Found, b: Found) => a.id !== b.id ? a.id < b.id : a.file < b.file;

/** The parts' hashes in one array; the list is emptied. */
function joined(parts: Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.splice(0).reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

/** What all parts say, without their tokens and labels; every byte is checked on the way. */
function readParts(paths: string[], signal?: AbortSignal) {
  const songs: Found[] = [], rejected: Rejected[] = [], hashes: Float64Array[] = [], noteHashes: Float64Array[] = [];
  let from = 0;
  for (const path of paths) {
    signal?.throwIfAborted();
    const part = readPart(path);
    const at = {
      labelCounts: part.labelCounts.byteOffset,
      tokenCounts: part.tokenCounts.byteOffset,
      tokens: part.tokens.byteOffset,
      labels: part.labels.byteOffset,
    };
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
  return { songs: songs.sort(byName), rejected, hashes: joined(hashes), noteHashes: joined(noteHashes) };
}

function readSong({ path, at, bars, tokens, labelBytes }: Found): PackedBars {
  const fd = openSync(path, "r");
  const read = <T extends Uint8Array | Uint16Array | Uint32Array>(column: T, position: number): T => {
    readAt(fd, new Uint8Array(column.buffer), position);
    return column;
  };
  try {
    return {
      labelCounts: read(new Uint32Array(bars), at.labelCounts),
      tokenCounts: read(new Uint16Array(bars), at.tokenCounts),
      tokens: read(new Uint16Array(tokens), at.tokens),
      labels: read(new Uint8Array(labelBytes), at.labels),
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

/** For each song the one that stands for all with the same bars: of the smallest id, then name. */
function originals(songs: Found[]): Map<string, Found> {
  const known = new Map<string, Found>();
  for (const song of songs) {
    const other = known.get(song.content);
    if (!other || before(song, other)) known.set(song.content, song);
  }
  return known;
}

/** Clusters of songs, by the index of their first; songs of equal content are one to begin with. */
function clustersOf(songs: Found[], numbered: Numbered, recipe: CorpusRecipe): Int32Array {
  if (recipe.duplicates.near === "ignore") return Int32Array.from(songs.keys());
  const place = new Map<string, number>(), firsts: Found[] = [], indices: number[] = [];
  songs.forEach((song, i) => {
    if (place.has(song.content)) return;
    place.set(song.content, firsts.length);
    firsts.push(song);
    indices.push(i);
  });
  const clusters = clusterSongs(songBars(firsts, numbered), recipe.duplicates.shared, recipe.duplicates.compared);
  return Int32Array.from(songs, ({ content }) => indices[clusters[place.get(content)!]]);
}

function clusterCounts(clusters: Int32Array): CorpusSummary["clusters"] {
  const sizes = new Map<number, number>();
  for (const cluster of clusters) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  const many = [...sizes.values()].filter((size) => size > 1);
  return {
    clusters: many.length,
    songs: many.reduce((sum, size) => sum + size, 0),
    largest: many.reduce((a, b) => Math.max(a, b), 0),
  };
}

/** Writes the store that the parts make at `dir`; the parts stay. */
export async function assemble(
  paths: string[],
  dir: string,
  recipe: CorpusRecipe,
  signal?: AbortSignal,
): Promise<CorpusSummary> {
  const { songs: all, rejected, hashes, noteHashes } = readParts(paths, signal);
  const files = all.length + rejected.length;
  const known = originals(all);
  const songs = recipe.duplicates.exact === "keep" ? all : all.filter((song) => known.get(song.content) === song);
  for (const song of recipe.duplicates.exact === "keep" ? [] : all) {
    const { file } = known.get(song.content)!;
    if (file !== song.file) rejected.push({ file: song.file, reason: "duplicate", detail: `same bars as ${file}` });
  }
  rejected.sort(byName);
  const numbered = { tokens: numberHashes(hashes), notes: numberHashes(noteHashes) };
  const clusters = clustersOf(songs, numbered[recipe.duplicates.bars], recipe);
  const split = splitSongs(songs.map(({ id }) => id), clusters, recipe);
  const names = all.map(({ id, file }) => `${id} ${file}`);
  const byFile = splitSongs(names, [...all.keys()], recipe);
  const leak = (bars: Numbered): Leak => ({
    split: overlap(songBars(songs, bars), split),
    byFile: overlap(songBars(all, bars), byFile),
  });
  const writer = await storeWriter(dir);
  const rows: Song[] = [];
  let kept = 0, bars = 0, tokens = 0;
  try {
    for (const [i, song] of songs.entries()) {
      signal?.throwIfAborted();
      await writer.add(readSong(song));
      const { id, file, allBars } = song;
      rows.push({ id, file, split: split[i], cluster: clusters[i], firstBar: kept, bars: song.bars, allBars });
      kept += song.bars;
      bars += allBars;
      tokens += song.tokens;
      if (i % 64 === 63) await new Promise((resolve) => setTimeout(resolve, 0)); // lets the notebook's kernel answer
    }
    const reasons: Record<string, number> = {};
    for (const { reason } of rejected) reasons[reason] = (reasons[reason] ?? 0) + 1;
    const summary: CorpusSummary = {
      files,
      songs: songs.length,
      bars,
      kept,
      notKept: bars - kept,
      tokens,
      rejected: Object.fromEntries(Object.entries(reasons).sort(([a], [b]) => a < b ? -1 : 1)),
      clusters: clusterCounts(clusters),
      leak: { tokens: leak(numbered.tokens), notes: leak(numbered.notes) },
    };
    await writer.finish(recipe, summary, rows, rejected);
    return summary;
  } catch (error) {
    writer.abandon();
    throw error;
  }
}
