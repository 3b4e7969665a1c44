/**
 * A corpus written by hand: songs of bars, whose labels and notes are known.
 * @module
 */
import type { Corpus, Song } from "@lib/corpus/store.ts";
import { type Preset, recipe } from "@lib/recipe/recipe.ts";
import { type BarNote, encodeBar } from "@lib/tokens/bar_format.ts";
import type { BarLabels } from "@lib/tokens/labels.ts";

/** A bar: its index in the song, its notes, and its labels where they are not those of {@link plainLabels}. */
export type HandBar = Partial<BarLabels> & { index?: number; notes?: BarNote[] };

/** A song; alone in its cluster unless `cluster` says otherwise. */
export type HandSong = Partial<Song> & { file: string; split: Song["split"]; kept: HandBar[] };

/** Labels of a bar about which nothing is said. */
export const plainLabels: BarLabels = {
  ...{ chords: [], groove: [0], instruments: [0], tempoBin: 16 },
  ...{ meanVelocity: 64, meanDuration: 5, meanDurationQuarters: 0.5 },
};

/** A note of 64 in velocity and a quarter (duration bin 11), on a piano, unless `changes` say otherwise. */
export const handNote = (pitch: number, changes: Partial<BarNote> = {}): BarNote => (
  { position: 0, instrument: 0, pitch, velocity: 64, duration: 11, ...changes }
);

/** The corpus of these songs; its summary has only what `summary` says. */
export function handCorpus(
  written: readonly HandSong[],
  { preset = "sound", summary = {}, rejected = [] }: {
    preset?: Preset;
    summary?: Partial<Corpus["summary"]>;
    rejected?: Corpus["rejected"];
  } = {},
): Corpus {
  const songs: Song[] = [], bars = written.flatMap(({ kept }, song) => kept.map((bar, i) => ({ ...bar, song, i })));
  for (const [i, { kept, ...song }] of written.entries()) {
    const firstBar = songs.reduce((sum, { bars }) => sum + bars, 0);
    songs.push({ id: `${i}`, cluster: i, firstBar, bars: kept.length, allBars: kept.length, ...song });
  }
  return {
    ...{ recipe: recipe(preset, "demo"), checksum: "", songs, bars: bars.length, rejected },
    summary: summary as Corpus["summary"],
    tokens: (bar) => encodeBar(bars[bar].notes ?? [handNote(60)], bars[bar].tempoBin ?? plainLabels.tempoBin, 512),
    labels: (bar) => {
      const { index: _, notes: __, song: ___, i: ____, ...labels } = bars[bar];
      return { ...plainLabels, ...labels };
    },
    song: (bar) => bars[bar].song,
    barIndex: (bar) => bars[bar].index ?? bars[bar].i,
    barsOf: (split) => Int32Array.from([...bars.keys()].filter((bar) => songs[bars[bar].song].split === split)),
    close: () => {},
  };
}
