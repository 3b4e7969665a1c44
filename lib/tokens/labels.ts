/**
 * The labels of a bar, which probes are trained to predict (STUDY §5.7–5.12).
 * @module
 */
import { bisect } from "../base/bisect.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import type { BarNote } from "./bar_format.ts";
import type { ChordSegment } from "./chords.ts";
import { durationBins, positionsPerQuarter } from "./vocabulary.ts";

/**
 * The labels of one bar: the classes 0–83 of its chords (indices of `chordNames`) in order of onset, by
 * `recipe.labels.chords`; the positions 0–47 at which a note starts, and the General MIDI programs that play (128:
 * drums), both sorted; the index 0–31 of its tempo in `tempoBins`; and means of its notes, null without notes: MIDI
 * velocity, index 0–57 of the duration bin, as the authors take it, and the bins' durations in quarters.
 */
export type BarLabels = {
  chords: number[];
  groove: number[];
  instruments: number[];
  tempoBin: number;
  meanVelocity: number | null;
  meanDuration: number | null;
  meanDurationQuarters: number | null;
};

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
