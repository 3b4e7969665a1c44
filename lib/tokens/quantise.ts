/**
 * Notes on the grid of twelfths of a quarter, with the pedal held and durations in bins (study §3).
 * @module
 */
import { roundHalfEven } from "./beats.ts";
import type { BarNote } from "./bar_format.ts";
import type { Note, Part, Score } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import { drums, durationBins, nearestBin, positionsPerBar, positionsPerQuarter } from "./vocabulary.ts";

/** Ticks at which the pedal goes down and up again; the last may stay down. */
function pedalsOf({ pedals }: Part["controls"]): { downs: number[]; ups: number[] } {
  const downs: number[] = [], ups: number[] = [];
  for (const { tick, value } of pedals) {
    if (downs.length === ups.length) {
      if (value >= 64) downs.push(tick);
    } else if (value < 64) ups.push(tick);
  }
  return { downs, ups };
}

/** Each note's end with the pedal of its part held: the release of the last pedal that overlaps it (study §3.4). */
function pedalledEnds(parts: Part[]): Map<Note, number> {
  const ends = new Map<Note, number>();
  const spans = new Map<Part["controls"], { downs: number[]; ups: number[] }>(); // parts may share their pedals
  for (const { notes, controls } of parts) {
    const { downs, ups } = spans.get(controls) ?? pedalsOf(controls);
    spans.set(controls, { downs, ups });
    let first = 0; // the first pedal released after the note's start
    for (const note of notes) {
      while (first < ups.length && ups[first] <= note.start) first++;
      let low = first, high = ups.length; // the first pedal pressed after the note's end
      while (low < high) {
        const middle = (low + high) >> 1;
        if (downs[middle] <= note.end) low = middle + 1;
        else high = middle;
      }
      if (low > first && ups[low - 1] > note.end) ends.set(note, ups[low - 1]);
    }
  }
  return ends;
}

/** A function from a tick to its grid point: the nearest, or the last before it as the authors round it (§3.2). */
function quantiser({ ticksPerQuarter, endTick }: Score, recipe: CorpusRecipe): (tick: number) => number {
  const step = ticksPerQuarter / positionsPerQuarter;
  const perQuarter = (index: number) => (index * ticksPerQuarter) / positionsPerQuarter;
  if (recipe.tokens.quantise === "nearest") {
    return (tick) => perQuarter(Math.floor((2 * tick * positionsPerQuarter + ticksPerQuarter) / (2 * ticksPerQuarter)));
  }
  if (recipe.midi.clock === "ticks") {
    return (tick) => perQuarter(Math.floor((tick * positionsPerQuarter) / ticksPerQuarter));
  }
  const points = Math.ceil(Math.max(ticksPerQuarter, endTick) / step);
  return (tick) => {
    let index = Math.min(points - 1, Math.floor(tick / step) + 1);
    while (index > 0 && index * step > tick) index--; // float64: an exact point may compute as above its tick
    return roundHalfEven(index * step);
  };
}

/** Index of the position nearest to an offset from the bar line; of two equally near the lower (study §3.3). */
function positionIn(barStart: number, tick: number, ticksPerQuarter: number): number {
  const step = (4 * ticksPerQuarter) / positionsPerBar;
  const distance = (index: number) => Math.abs(index * step + barStart - tick);
  const guess = Math.floor((tick - barStart) / step);
  let best = Math.min(positionsPerBar - 1, Math.max(0, guess - 1));
  for (let index = best + 1; index <= Math.min(positionsPerBar - 1, guess + 2); index++) {
    if (distance(index) < distance(best)) best = index;
  }
  return best;
}

/** Bins of every duration in positions up to the longest. */
const binOfDuration = Uint8Array.from({ length: 769 }, (_, positions) => nearestBin(durationBins, positions));

/** A score's notes on the grid; those of a bar are made when asked for, as a song may have a million. */
export interface Grid {
  /** Start of each note, ascending; fractions where a quarter is no multiple of 12 ticks. */
  starts: Float64Array;
  /** Notes `from` … `to` − 1 of the bar that begins at a tick, in the order of its tokens. */
  notes(from: number, to: number, barStart: number): BarNote[];
}

/** Puts notes on the grid; in a bar their order is start, drums before programs, pitch (study §4.3). */
export function gridOf(score: Score, recipe: CorpusRecipe): Grid {
  const { ticksPerQuarter } = score;
  const starts = new Float64Array(score.notes.length), quantised = quantiser(score, recipe);
  score.notes.forEach(({ start }, i) => starts[i] = quantised(start));
  const ends = pedalledEnds(score.parts);
  const rank = ({ instrument, pitch }: BarNote) => 128 * (instrument === drums ? -1 : instrument) + pitch;
  const notes = (from: number, to: number, barStart: number) => {
    const held: BarNote[] = [];
    for (let i = from; i < to; i++) {
      const note = score.notes[i];
      const ticks = (ends.get(note) ?? note.end) - note.start;
      const positions = roundHalfEven((ticks / ticksPerQuarter) * positionsPerQuarter);
      held.push({
        position: positionIn(barStart, starts[i], ticksPerQuarter),
        instrument: note.drum ? drums : note.program,
        pitch: note.pitch,
        velocity: note.velocity,
        duration: binOfDuration[Math.min(positions, 768)],
      });
    }
    // They are in order of time and the grid keeps it, so that only notes of one start are out of order.
    for (let first = 0, next = 0; first < held.length; first = next) {
      let ordered = true;
      for (next = first + 1; next < held.length && starts[from + next] === starts[from + first]; next++) {
        if (rank(held[next]) < rank(held[next - 1])) ordered = false;
      }
      if (ordered) continue;
      const sorted = held.slice(first, next).sort((a, b) => rank(a) - rank(b));
      for (let i = first; i < next; i++) held[i] = sorted[i - first];
    }
    return held;
  };
  return { starts, notes };
}
