/**
 * What is true of a bar: the targets of the probes (study §5.7–5.12).
 * @module
 */
import type { BarNote } from "./bar_format.ts";
import type { ChordSegment } from "./chords.ts";
import { drums, durationBins, positionsPerBar, positionsPerQuarter } from "./vocabulary.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";

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

/** A bar's bounds in ticks; the end is outside. */
export interface Span {
  /** First tick. */
  startTick: number;
  /** Tick after the last. */
  endTick: number;
}

/** The distinct values of a list of integers from 0 to below `bound`, ascending. */
function distinct(values: BarNote[], of: (note: BarNote) => number, bound: number): number[] {
  const seen = new Uint8Array(bound);
  for (const note of values) seen[of(note)] = 1;
  const found: number[] = [];
  for (let value = 0; value < bound; value++) if (seen[value] === 1) found.push(value);
  return found;
}

/** The mean of a number of each note; null without notes. */
function mean(notes: BarNote[], of: (note: BarNote) => number): number | null {
  let sum = 0;
  for (const note of notes) sum += of(note);
  return notes.length === 0 ? null : sum / notes.length;
}

/**
 * The chords of a bar by `recipe.labels` (study §5.7).
 *
 * `onset`: those that start in it, repeats kept; `overlap`: those that sound in it for at least
 * `chordOverlapBeats` quarters, each once.
 */
export function chordsOfBar(
  bar: Span,
  segments: ChordSegment[],
  ticksPerQuarter: number,
  recipe: CorpusRecipe,
): number[] {
  const chords = (heard: ChordSegment[]) => heard.flatMap(({ chord }) => chord ?? []);
  if (recipe.labels.chords === "onset") {
    return chords(segments.filter(({ startTick }) => startTick >= bar.startTick && startTick < bar.endTick));
  }
  const least = recipe.labels.chordOverlapBeats * ticksPerQuarter;
  const heard = segments.filter(({ startTick, endTick }) =>
    Math.min(endTick, bar.endTick) - Math.max(startTick, bar.startTick) >= least
  );
  return [...new Set(chords(heard))];
}

/** The labels of a bar from its notes, chord classes and tempo bin. */
export function labelBar(notes: BarNote[], chords: number[], tempoBin: number): BarLabels {
  return {
    chords,
    groove: distinct(notes, (note) => note.position, positionsPerBar),
    instruments: distinct(notes, (note) => note.instrument, drums + 1),
    tempoBin,
    meanVelocity: mean(notes, (note) => note.velocity),
    meanDuration: mean(notes, (note) => note.duration),
    meanDurationQuarters: mean(notes, (note) => durationBins[note.duration] / positionsPerQuarter),
  };
}
