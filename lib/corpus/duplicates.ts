/**
 * Songs that share bars, and the test bars that a split would leak; linear in bars: 10⁷ of them take 0.5 GB.
 * @module
 */
import type { Split } from "./split.ts";
import type { Overlap } from "./store.ts";

/**
 * Songs as ranges of bars: song `s` has the bars `first[s]` … `first[s + 1] − 1`. Each bar's `content` is a number
 * 0…count−1, the same for equal content.
 */
export type SongBars = { first: Int32Array; content: Int32Array; count: number };

/** Numbers hashes by first occurrence: equal ones get equal numbers. */
export function numberHashes(hashes: Float64Array): { content: Int32Array; count: number } {
  let size = 16;
  while (size < 2 * hashes.length) size *= 2;
  const slots = new Int32Array(size).fill(-1), known = new Float64Array(hashes.length);
  const content = new Int32Array(hashes.length);
  let count = 0;
  hashes.forEach((hash, bar) => {
    let slot = (hash & (size - 1)) >>> 0;
    while (slots[slot] !== -1 && known[slots[slot]] !== hash) slot = (slot + 1) & (size - 1);
    if (slots[slot] === -1) {
      known[count] = hash;
      slots[slot] = count++;
    }
    content[bar] = slots[slot];
  });
  return { content, count };
}

/**
 * For each song the first song of its cluster. Two songs share a cluster if at least `shared` of the distinct bars of the
 * one with fewer are in the other; clusters with a song in common are one. A bar is compared with at most `compared`
 * earlier songs that have it, the last ones, so the work is linear.
 */
export function clusterSongs({ first, content, count }: SongBars, shared: number, compared: number): Int32Array {
  const songs = first.length - 1, parent = Int32Array.from({ length: songs }, (_, song) => song);
  const root = (song: number): number => {
    while (parent[song] !== song) song = parent[song] = parent[parent[song]];
    return song;
  };
  // the songs of each content in order: starts[c] … ends[c] of `holders`
  const starts = new Int32Array(count + 1), last = new Int32Array(count).fill(-1), distinct = new Int32Array(songs);
  const eachDistinct = (song: number, visit: (content: number) => void) => {
    for (let bar = first[song]; bar < first[song + 1]; bar++) {
      if (last[content[bar]] === song) continue;
      last[content[bar]] = song;
      visit(content[bar]);
    }
  };
  for (let song = 0; song < songs; song++) eachDistinct(song, (c) => (starts[c + 1]++, distinct[song]++));
  for (let c = 0; c < count; c++) starts[c + 1] += starts[c];
  const ends = starts.slice(0, count), holders = new Int32Array(starts[count]), common = new Int32Array(songs);
  last.fill(-1);
  for (let song = 0; song < songs; song++) {
    const met: number[] = [];
    eachDistinct(song, (c) => {
      for (let at = Math.max(starts[c], ends[c] - compared); at < ends[c]; at++) {
        if (common[holders[at]]++ === 0) met.push(holders[at]);
      }
      holders[ends[c]++] = song;
    });
    for (const other of met) {
      if (common[other] >= shared * Math.min(distinct[song], distinct[other])) {
        const [a, b] = [root(song), root(other)];
        parent[Math.max(a, b)] = Math.min(a, b);
      }
      common[other] = 0;
    }
  }
  return parent.map((_, song) => root(song));
}

/** Bars of train and test whose tokens occur in both. */
export function overlap({ first, content, count }: SongBars, split: readonly Split[]): Overlap {
  const times = { train: new Int32Array(count), validation: new Int32Array(count), test: new Int32Array(count) };
  split.forEach((name, song) => {
    for (let bar = first[song]; bar < first[song + 1]; bar++) times[name][content[bar]]++;
  });
  const { train, test } = times,
    sum = (bars: Int32Array, where = bars) => bars.reduce((all, bar, i) => where[i] > 0 ? all + bar : all, 0);
  return { trainBars: sum(train), testBars: sum(test), testInTrain: sum(test, train), trainInTest: sum(train, test) };
}
