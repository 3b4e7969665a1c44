/**
 * A corpus of bars written by hand.
 * @module
 */
import type { Split } from "@lib/corpus/split.ts";
import type { Corpus } from "@lib/corpus/store.ts";
import { encodeBar } from "@lib/tokens/bar_format.ts";

/** A bar of notes of some pitches, one after another, all played by one instrument; 5 tokens a note and 4 more. */
export const plantedBar = (pitches: readonly number[], instrument = 0): Uint16Array =>
  encodeBar(
    pitches.map((pitch, i) => ({ position: i % 48, instrument, pitch, velocity: 64, duration: 11 })),
    16,
    512,
  );

/** A corpus of songs, each with its split and its bars; it has no labels. */
export function plantedCorpus(...songs: [Split, ...Uint16Array[]][]): Corpus {
  const bars = songs.flatMap(([split, ...own], song) => own.map((tokens, index) => ({ tokens, index, song, split })));
  return {
    songs: songs.map(([split, ...own], song) => ({
      file: `${song}.mid`,
      split,
      firstBar: bars.findIndex((bar) => bar.song === song),
      bars: own.length,
    })),
    bars: bars.length,
    checksum: "planted",
    recipe: { tokens: { maxTokens: 512 } },
    tokens: (bar: number) => bars[bar].tokens,
    song: (bar: number) => bars[bar].song,
    barIndex: (bar: number) => bars[bar].index,
    barsOf: (split: Split) => Int32Array.from(bars.keys()).filter((bar) => bars[bar].split === split),
  } as unknown as Corpus;
}
