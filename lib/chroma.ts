/**
 * How loud each pitch class is in each beat of a score.
 *
 * The mean over a beat's columns of the velocities that sound there, pedals and bends applied: what the authors'
 * reader measures on a roll of 128 rows (study §5.2), here without the roll, from where notes start and end.
 * @module
 */
import { lastTickOf, type Part, type Score } from "./midi.ts";
import type { Beats } from "./beats.ts";

/** Index of the first of ascending `edges` at or above `value`. */
function firstAtLeast(edges: ArrayLike<number>, value: number): number {
  let low = 0, high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Distinct values, ascending. */
const sorted = (values: number[]) => Float64Array.from(new Set(values)).sort();

interface Columns {
  from: number;
  to: number;
}

/** A part's notes as changes of velocity by column, one list a pitch. */
type Changes = Map<number, { column: number; change: number }[]>;

function changesOf(part: Part, beats: Beats): Changes {
  const changes: Changes = new Map();
  for (const { pitch, start, end, velocity } of part.notes) {
    let held = changes.get(pitch);
    if (!held) changes.set(pitch, held = []);
    held.push({ column: beats.column(start), change: velocity }, { column: beats.column(end), change: -velocity });
  }
  for (const held of changes.values()) held.sort((a, b) => a.column - b.column);
  return changes;
}

/** The column spans in which the pedal is down; one that is never released does not count. */
function pedalSpans(part: Part, beats: Beats): Columns[] {
  const spans: Columns[] = [];
  let from: number | undefined;
  for (const { tick, value } of part.controls.pedals) {
    if (from === undefined && value >= 64) from = beats.column(tick);
    else if (from !== undefined && value < 64) {
      spans.push({ from, to: beats.column(tick) });
      from = undefined;
    }
  }
  return spans;
}

/** Calls `piece(from, to, velocity)` for the stretches of constant velocity of one pitch, louder held by the pedal. */
function eachStretch(
  changes: { column: number; change: number }[],
  pedals: Columns[],
  piece: (from: number, to: number, velocity: number) => void,
): void {
  let velocity = 0, at = 0, span = 0, next = 0;
  const step = (to: number, held: number) => {
    if (to > at && held > 0) piece(at, to, held);
    at = Math.max(at, to);
  };
  const settle = (column: number) => {
    while (next < changes.length && changes[next].column <= column) velocity += changes[next++].change;
  };
  const until = (stop: number, sustained: boolean) => {
    settle(at);
    let held = velocity;
    while (at < stop) {
      const to = Math.min(stop, changes[next]?.column ?? stop);
      step(to, sustained ? held : velocity);
      if (to < stop) settle(to);
      held = sustained ? Math.max(held, velocity) : velocity;
    }
  };
  const end = changes.at(-1)?.column ?? 0;
  for (; span < pedals.length; span++) {
    const { from, to } = pedals[span];
    if (from > at) until(from, false);
    if (to > at) until(to, true);
  }
  if (end > at) until(end, false);
}

/** The pitch bends of a part as column spans with their shift in semitones; spans without a shift are left out. */
function bendSpans(part: Part, beats: Beats, end: number): (Columns & { shift: number })[] {
  return part.controls.bends.map(({ tick, value }, i, all) => ({
    from: beats.column(tick),
    to: i + 1 < all.length ? beats.column(all[i + 1].tick) : end,
    shift: (2 * value) / 8192,
  })).filter(({ from, to, shift }) => shift !== 0 && from < to);
}

/**
 * Moves the pitches of cells `first` … `stop` − 1 by a bend: whole semitones first, the rest split between neighbours.
 *
 * `sums` has one row for each of the ascending `pitches`, all others being silent. What moves out of 0…127 is lost;
 * the row at the edge that has no neighbour to take from keeps its whole value (study §5.2).
 */
function bendCells(sums: Float64Array[], pitches: number[], first: number, stop: number, shift: number): void {
  const whole = Math.trunc(shift), rest = Math.abs(shift - whole);
  const behind = shift > 0 ? -1 : 1;
  const before = new Float64Array(128);
  for (let cell = first; cell < stop; cell++) {
    for (let row = 0; row < pitches.length; row++) before[pitches[row]] = sums[row][cell];
    for (let row = 0; row < pitches.length; row++) {
      const pitch = pitches[row], own = pitch - whole, neighbour = pitch + behind;
      const moved = own >= 0 && own < 128 ? before[own] : 0;
      if (neighbour < 0 || neighbour > 127) sums[row][cell] = moved;
      else {
        const from = neighbour - whole;
        sums[row][cell] = (1 - rest) * moved + rest * (from >= 0 && from < 128 ? before[from] : 0);
      }
    }
  }
}

/**
 * Adds the mean velocity of each pitch in each beat of one part to `roll` (beats × 128).
 *
 * Cells are stretches of columns between the edges of beats and bends; a cell's sum is exact, as velocities are
 * integers, so that only the divisions round, as they do for the authors.
 */
function addPart(part: Part, beats: Beats, roll: Float64Array): void {
  if (part.drum || part.notes.length === 0) return;
  const count = beats.columns.length;
  const end = Math.max(beats.column(lastTickOf(part)), beats.lastColumn);
  const spans: Columns[] = [];
  for (let beat = 0; beat + 1 < count; beat++) { // the last beat stays silent (study §5.2)
    const from = beats.columns[beat], to = beats.columns[beat + 1];
    spans.push({ from, to: Math.min(end, to === from ? to + 1 : to) });
  }
  const bends = bendSpans(part, beats, end);
  const edges = sorted([...spans, ...bends].flatMap(({ from, to }) => [from, to]));
  const pedals = pedalSpans(part, beats);
  const changes = changesOf(part, beats);
  const reach = bends.length === 0 ? [] : [-2, -1, 0, 1, 2];
  const pitches = new Set([...changes.keys()].flatMap((pitch) => [pitch, ...reach.map((by) => pitch + by)]));
  const rows = [...pitches].filter((pitch) => pitch >= 0 && pitch < 128).sort((a, b) => a - b);
  const sums = rows.map(() => new Float64Array(edges.length));
  rows.forEach((pitch, row) => {
    const held = changes.get(pitch);
    if (!held) return;
    const sum = sums[row], whole = new Float64Array(edges.length + 1); // change of the velocity that fills cells
    eachStretch(held, pedals, (from, to, velocity) => {
      const first = firstAtLeast(edges, from), last = firstAtLeast(edges, to) - 1; // edge at or after, edge before
      if (first > last) {
        if (first > 0) sum[first - 1] += velocity * (to - from);
        return;
      }
      if (first > 0) sum[first - 1] += velocity * (edges[first] - from);
      sum[last] += velocity * (to - edges[last]);
      whole[first] += velocity;
      whole[last] -= velocity;
    });
    for (let cell = 0, velocity = 0; cell + 1 < edges.length; cell++) {
      velocity += whole[cell];
      sum[cell] += velocity * (edges[cell + 1] - edges[cell]);
    }
  });
  for (const { from, to, shift } of bends) {
    bendCells(sums, rows, firstAtLeast(edges, from), firstAtLeast(edges, to), shift);
  }
  spans.forEach(({ from, to }, beat) => {
    if (from >= to) return;
    const first = firstAtLeast(edges, from), last = firstAtLeast(edges, to);
    rows.forEach((pitch, row) => {
      let sum = 0;
      for (let cell = first; cell < last; cell++) sum += sums[row][cell];
      roll[beat * 128 + pitch] += sum / (to - from);
    });
  });
}

/**
 * Mean velocity of each pitch class in each beat, beats × 12, beat after beat; drums are silent (study §5.2).
 *
 * The last beat is always 0, as in the authors' reader.
 */
export function beatChroma(score: Score, beats: Beats): Float64Array {
  const count = beats.ticks.length;
  const roll = new Float64Array(count * 128);
  for (const part of score.parts) addPart(part, beats, roll);
  const chroma = new Float64Array(count * 12);
  for (let beat = 0; beat < count; beat++) {
    for (let pitch = 0; pitch < 128; pitch++) chroma[beat * 12 + pitch % 12] += roll[beat * 128 + pitch];
  }
  return chroma;
}
