/**
 * The labels of a bar, which probes are trained to predict (STUDY §5.7–5.12).
 * @module
 */
import { bisect } from "../base/bisect.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import type { BarNote } from "./bar_format.ts";
import type { ChordSegment } from "./chords.ts";
import { durationBins, positionsPerQuarter } from "./vocabulary.ts";

/** The labels of one bar. */
export interface BarLabels {
  /** Classes 0–83 of its chords (indices of `chordNames`) in order of onset, by `recipe.labels.chords`. */
  chords: number[];
  /** Positions 0–47 at which a note starts, sorted. */
  groove: number[];
  /** General MIDI programs that play, sorted; 128 stands for drums. */
  instruments: number[];
  /** Index 0–31 of the bar's tempo in `tempoBins`. */
  tempoBin: number;
  /** Mean MIDI velocity (1–127) of the notes; null without notes. */
  meanVelocity: number | null;
  /** Mean duration-bin index (0–57) of the notes, as the authors take it; null without notes. */
  meanDuration: number | null;
  /** Mean duration of the notes in quarters, by their bins; null without notes. */
  meanDurationQuarters: number | null;
}

/** A bar's bounds: its first tick, and the next bar line. */
export type BarSpan = { startTick: number; endTick: number };

/**
 * The chord classes of bars by `recipe.labels` (STUDY §5.7).
 *
 * `onset`: those of the segments that start in the bar, repeats kept; `overlap`: those of the segments that sound in it
 * for at least `chordOverlapBeats` quarters, each once.
 */
export function barChords(
  bars: BarSpan[],
  segments: ChordSegment[],
  ticksPerQuarter: number,
  { labels }: CorpusRecipe,
): number[][] {
  const least = labels.chordOverlapBeats * ticksPerQuarter, count = segments.length;
  return bars.map((bar) => {
    const from = bisect(0, count, (i) => segments[i].endTick > bar.startTick);
    const near = segments.slice(from, bisect(from, count, (i) => segments[i].startTick >= bar.endTick));
    const own = near.filter(({ startTick, endTick }) =>
      labels.chords === "onset"
        ? startTick >= bar.startTick
        : Math.min(endTick, bar.endTick) - Math.max(startTick, bar.startTick) >= least
    );
    const chords = own.flatMap(({ chord }) => chord ?? []);
    return labels.chords === "onset" ? chords : [...new Set(chords)];
  });
}

const sorted = (values: number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

const mean = (values: number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

/** The labels of a bar from its notes, chord classes and tempo bin. */
export function labelBar(notes: BarNote[], chords: number[], tempoBin: number): BarLabels {
  return {
    chords,
    groove: sorted(notes.map(({ position }) => position)),
    instruments: sorted(notes.map(({ instrument }) => instrument)),
    tempoBin,
    meanVelocity: mean(notes.map(({ velocity }) => velocity)),
    meanDuration: mean(notes.map(({ duration }) => duration)),
    meanDurationQuarters: mean(notes.map(({ duration }) => durationBins[duration] / positionsPerQuarter)),
  };
}
