/**
 * Notes on the grid of twelfths of a quarter, lengthened by the pedal, with durations in bins (STUDY §3).
 * @module
 */
import type { Score } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import type { BarNote } from "./bar_format.ts";
import { roundHalfEven } from "./beats.ts";
import { pedalledEnds } from "./sounding.ts";
import { drums, durationBins, nearestBin, positionsPerBar, positionsPerQuarter } from "./vocabulary.ts";

/** A function from a tick to its grid point: the nearest, or the last before it as the authors round it (STUDY §3.2). */
function quantiser({ ticksPerQuarter, endTick }: Score, recipe: CorpusRecipe): (tick: number) => number {
  const gridTick = (point: number) => (point * ticksPerQuarter) / positionsPerQuarter;
  if (recipe.tokens.quantise === "nearest") {
    return (tick) => gridTick(Math.floor((2 * tick * positionsPerQuarter + ticksPerQuarter) / (2 * ticksPerQuarter)));
  }
  if (recipe.midi.clock === "ticks") {
    return (tick) => gridTick(Math.floor((tick * positionsPerQuarter) / ticksPerQuarter));
  }
  const step = ticksPerQuarter / positionsPerQuarter, points = Math.ceil(Math.max(ticksPerQuarter, endTick) / step);
  return (tick) => {
    let point = Math.min(points - 1, Math.floor(tick / step) + 1);
    while (point > 0 && point * step > tick) point--; // float64: an exact point may compute as above its tick
    return roundHalfEven(point * step);
  };
}

/** The position nearest to a tick; the lower one of two that are equally near (STUDY §3.3). */
function positionIn(barStart: number, tick: number, ticksPerQuarter: number): number {
  const step = ticksPerQuarter / positionsPerQuarter, last = positionsPerBar - 1;
  const distance = (position: number) => Math.abs(position * step + barStart - tick);
  const guess = Math.floor((tick - barStart) / step);
  let best = Math.min(last, Math.max(0, guess - 1));
  for (let position = best + 1; position <= Math.min(last, guess + 2); position++) {
    if (distance(position) < distance(best)) best = position;
  }
  return best;
}

const binOfDuration = Uint8Array.from({ length: 769 }, (_, positions) => nearestBin(durationBins, positions));

/** Puts the notes of `bar`, in order of time, into the order of its tokens: start, drums before programs, pitch. */
function inTokenOrder(bar: BarNote[], starts: Float64Array): BarNote[] {
  const rank = ({ instrument, pitch }: BarNote) => 128 * (instrument === drums ? -1 : instrument) + pitch;
  for (let first = 0, next = 0; first < bar.length; first = next) {
    let ordered = true;
    for (next = first + 1; next < bar.length && starts[next] === starts[first]; next++) {
      if (rank(bar[next]) < rank(bar[next - 1])) ordered = false;
    }
    if (ordered) continue;
    bar.slice(first, next).sort((a, b) => rank(a) - rank(b)).forEach((note, i) => bar[first + i] = note);
  }
  return bar;
}

/** The ticks of the grid points of all notes; the notes of a bar are made on demand: a song may have a million. */
type Quantised = { starts: Float64Array; barNotes(from: number, to: number, barStart: number): BarNote[] };

/**
 * Puts a score's notes on the grid by `recipe.tokens.quantise` (STUDY §3.2–3.4, §3.7). `starts` are ascending, and
 * fractions where a quarter is no multiple of 12 ticks; `barNotes` gives the notes `from` … `to` − 1, of the bar that
 * begins at `barStart`, in the order of its tokens (STUDY §4.3).
 */
export function quantise(score: Score, recipe: CorpusRecipe): Quantised {
  const { notes, ticksPerQuarter } = score;
  const starts = new Float64Array(notes.length), quantised = quantiser(score, recipe);
  notes.forEach(({ start }, i) => starts[i] = quantised(start));
  const ends = pedalledEnds(score.parts, recipe);
  const barNotes = (from: number, to: number, barStart: number) => {
    const bar = notes.slice(from, to).map((note, i): BarNote => {
      const ticks = (ends.get(note) ?? note.end) - note.start;
      const positions = roundHalfEven((ticks / ticksPerQuarter) * positionsPerQuarter);
      return {
        position: positionIn(barStart, starts[from + i], ticksPerQuarter),
        instrument: note.drum ? drums : note.program,
        pitch: note.pitch,
        velocity: note.velocity,
        duration: binOfDuration[Math.min(positions, binOfDuration.length - 1)],
      };
    });
    return inTokenOrder(bar, starts.subarray(from, to));
  };
  return { starts, barNotes };
}
