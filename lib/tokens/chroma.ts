/**
 * How loud each pitch class is in each beat of a score.
 *
 * The mean over a beat's columns of the velocities that sound there, pedals and bends applied: what the authors'
 * reader measures on a roll of 128 rows (study §5.2), here without the roll, from where notes start and end, so that
 * neither long notes nor long silences cost anything.
 * @module
 */
import { lastTickOf, type Part, type Score } from "../midi/score.ts";
import type { Beats } from "./beats.ts";
import {
  type Bends,
  bendSpans,
  bent,
  eachStretch,
  firstAbove,
  pedalSpans,
  type Piece,
  type Spans,
} from "./sounding.ts";

/** Most beats that a stretch adds to one by one; the rest of a longer one is noted where it begins and stops. */
const longStretch = 64;

/** The beats of a score as spans of columns, and what is added up in them. */
interface Roll extends Spans {
  /** Mean velocity of each pitch in each beat, beats × 128. */
  means: Float64Array;
  /** By pitch: the velocity that from a beat on fills whole beats more (or, negative, less). */
  fills: (Float64Array | undefined)[];
  /** Whether anything was added to a beat's means. */
  touched: Uint8Array;
}

/**
 * What adds the stretches of one pitch, in order of time, to a roll, and what must be called after the last.
 *
 * A beat's sum is divided once: velocities and columns are integers, so that only the division rounds, as it does for
 * the authors. `end` cuts the last beats short.
 */
function adder({ from: lows, to: highs, means, fills, touched }: Roll, pitch: number, end: number) {
  const count = lows.length;
  let open = -1, sum = 0;
  const flush = () => {
    if (open >= 0) means[open * 128 + pitch] += sum / (Math.min(end, highs[open]) - lows[open]);
    open = -1;
    sum = 0;
  };
  const add = (beat: number, from: number, to: number, velocity: number) => {
    const columns = Math.min(to, end, highs[beat]) - Math.max(from, lows[beat]);
    if (columns <= 0) return;
    if (open !== beat) flush();
    open = beat;
    sum += velocity * columns;
    touched[beat] = 1;
  };
  const piece: Piece = (from, to, velocity) => {
    if (open >= 0 && from > lows[open] && to <= highs[open] && to <= end) { // as most do where bends are many
      sum += velocity * (to - from);
      return;
    }
    let beat = firstAbove(highs, from);
    const near = Math.min(count, beat + longStretch);
    for (; beat < near && lows[beat] < to; beat++) add(beat, from, to, velocity);
    if (beat === count || lows[beat] >= to) return;
    const stop = Math.max(beat, firstAbove(highs, Math.min(to, end))); // the first beat that is not filled
    const fill = fills[pitch] ??= new Float64Array(count + 1);
    fill[beat] += velocity;
    fill[stop] -= velocity;
    for (beat = stop; beat < count && lows[beat] < to; beat++) add(beat, from, to, velocity);
  };
  return { piece, flush };
}

/** The notes of a part by pitch: `first[pitch]` … `first[pitch + 1]` − 1, starts and ends each ascending. */
function byPitch(part: Part, beats: Beats) {
  const count = part.notes.length;
  const first = new Uint32Array(129), starts = new Float64Array(count), ends = new Float64Array(count);
  const begun = new Float64Array(count), stopped = new Float64Array(count);
  for (const { pitch } of part.notes) first[pitch + 1]++;
  for (let pitch = 0; pitch < 128; pitch++) first[pitch + 1] += first[pitch];
  const next = first.slice(0, 128), unsorted = new Uint8Array(128);
  for (const { pitch, start, end, velocity } of part.notes) {
    const i = next[pitch]++;
    starts[i] = beats.column(start);
    ends[i] = beats.column(end);
    begun[i] = stopped[i] = velocity;
    if (i > first[pitch] && ends[i] < ends[i - 1]) unsorted[pitch] = 1;
  }
  for (let pitch = 0; pitch < 128; pitch++) {
    if (unsorted[pitch] === 0) continue;
    const from = first[pitch], to = first[pitch + 1];
    const order = Array.from({ length: to - from }, (_, i) => from + i).sort((a, b) => ends[a] - ends[b]);
    ends.set(order.map((i) => ends[i]), from);
    stopped.set(order.map((i) => begun[i]), from);
  }
  return { first, starts, begun, ends, stopped };
}

/** The pedals and bends of a part as spans. */
interface Held {
  pedals: Spans;
  bends: Bends;
}

/** Adds the mean velocity of each pitch in each beat of one part. */
function addPart(part: Part, { pedals, bends }: Held, beats: Beats, roll: Roll): void {
  const end = Math.max(beats.column(lastTickOf(part)), beats.lastColumn);
  const { first, starts, begun, ends, stopped } = byPitch(part, beats);
  for (let pitch = 0; pitch < 128; pitch++) {
    const from = first[pitch], to = first[pitch + 1];
    if (from === to) continue;
    const rows: (ReturnType<typeof adder> | undefined)[] = Array(7); // of pitches −3…3 away
    const rowOf = (row: number) => (rows[row - pitch + 3] ??= adder(roll, row, end)).piece;
    eachStretch(
      starts.subarray(from, to),
      begun.subarray(from, to),
      ends.subarray(from, to),
      stopped.subarray(from, to),
      pedals,
      bends.from.length === 0 ? rowOf(pitch) : bent(bends, pitch, roll, rowOf),
    );
    for (const row of rows) row?.flush();
  }
}

/** Bends times parts above which parts that share their bends are bent as one; sums then round in another order. */
const manyBends = 1 << 19;

/** The parts that sound, those under very many common bends made one. */
function soundingParts(score: Score): Part[] {
  const sounding = score.parts.filter((part) => !part.drum && part.notes.length > 0);
  const sharing = Map.groupBy(sounding, (part) => part.controls);
  return sounding.flatMap((part) => {
    const all = sharing.get(part.controls)!;
    if (all.length * part.controls.bends.length <= manyBends) return [part];
    if (part !== all[0]) return [];
    return [{ ...part, notes: all.flatMap((part) => part.notes).sort((a, b) => a.start - b.start) }];
  });
}

/** The spans of all beats but the last, which stays silent (study §5.2), with nothing in them. */
function emptyRoll({ columns }: Beats): Roll {
  const count = Math.max(0, columns.length - 1);
  const from = Float64Array.from(columns.slice(0, count));
  const to = from.map((column, beat) => columns[beat + 1] === column ? column + 1 : columns[beat + 1]);
  return { from, to, means: new Float64Array(count * 128), fills: [], touched: new Uint8Array(count) };
}

/**
 * Mean velocity of each pitch class in each beat, beats × 12, beat after beat; drums are silent (study §5.2).
 *
 * The last beat is always 0, as in the authors' reader.
 */
export function beatChroma(score: Score, beats: Beats): Float64Array {
  const roll = emptyRoll(beats);
  const spans = new Map<Part["controls"], Held>();
  for (const part of soundingParts(score)) {
    let held = spans.get(part.controls);
    if (!held) {
      const { pedals, bends } = part.controls;
      spans.set(part.controls, held = { pedals: pedalSpans(pedals, beats), bends: bendSpans(bends, beats) });
    }
    addPart(part, held, beats, roll);
  }
  const { means, fills, touched } = roll;
  fills.forEach((fill, pitch) => {
    for (let beat = 0, velocity = 0; beat < touched.length; beat++) {
      velocity += fill![beat];
      if (velocity === 0) continue;
      means[beat * 128 + pitch] += velocity;
      touched[beat] = 1;
    }
  });
  const chroma = new Float64Array(beats.ticks.length * 12);
  for (let beat = 0; beat < touched.length; beat++) {
    if (touched[beat] === 0) continue;
    for (let pitch = 0; pitch < 128; pitch++) chroma[beat * 12 + pitch % 12] += means[beat * 128 + pitch];
  }
  return chroma;
}
