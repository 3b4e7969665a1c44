/**
 * When one pitch of a part sounds and how loud, with pedals held and bends applied, in columns of the chroma's grid.
 * @module
 */
import type { Beats } from "./beats.ts";
import type { Control } from "../midi/score.ts";

/** Index of the first of ascending `edges` above `value`. */
export function firstAbove(edges: ArrayLike<number>, value: number): number {
  let low = 0, high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Stretches of columns from `from[i]` to before `to[i]`, in order and apart. */
export interface Spans {
  /** First column of each. */
  from: Float64Array;
  /** Column after the last of each; Infinity where it has no end. */
  to: Float64Array;
}

/** The columns in which the pedal is down; one that is never released does not count. */
export function pedalSpans(pedals: Control[], beats: Beats): Spans {
  const from: number[] = [], to: number[] = [];
  let down: number | undefined;
  for (const { tick, value } of pedals) {
    if (down === undefined && value >= 64) down = beats.column(tick);
    else if (down !== undefined && value < 64) {
      const up = beats.column(tick);
      if (up > down) {
        from.push(down);
        to.push(up);
      }
      down = undefined;
    }
  }
  return { from: Float64Array.from(from), to: Float64Array.from(to) };
}

/** Stretches of columns in which pitches are bent, ±2 semitones at most: by `whole` and `rest` of one more. */
export interface Bends extends Spans {
  /** Whole semitones up, −2…2, toward zero. */
  whole: Int8Array;
  /** The direction: 1 up, −1 down. */
  sign: Int8Array;
  /** The share, 0 to 1, that goes one semitone further. */
  rest: Float64Array;
}

/** The pitch bends as spans; a shift of 0 is left out, the last one has no end. */
export function bendSpans(bends: Control[], beats: Beats): Bends {
  const from: number[] = [], to: number[] = [], shift: number[] = [];
  const columns = bends.map(({ tick }) => beats.column(tick));
  bends.forEach(({ value }, i) => {
    const next = columns[i + 1] ?? Infinity;
    if (value === 0 || columns[i] >= next) return;
    from.push(columns[i]);
    to.push(next);
    shift.push((2 * value) / 8192);
  });
  return {
    from: Float64Array.from(from),
    to: Float64Array.from(to),
    whole: Int8Array.from(shift, Math.trunc),
    sign: Int8Array.from(shift, Math.sign),
    rest: Float64Array.from(shift, (shift) => Math.abs(shift - Math.trunc(shift))),
  };
}

/** What is called for every stretch of columns with one velocity above 0, in order. */
export type Piece = (from: number, to: number, velocity: number) => void;

/**
 * The stretches in which one pitch sounds: the sum of the velocities of its notes, which in a pedal span never falls.
 *
 * `starts` and `ends` are the columns of the notes, both ascending, with the velocities that begin and stop there.
 */
export function eachStretch(
  starts: Float64Array,
  begun: Float64Array,
  ends: Float64Array,
  stopped: Float64Array,
  pedals: Spans,
  piece: Piece,
): void {
  const count = starts.length, spans = pedals.from.length;
  let velocity = 0, sounding = 0; // of the notes; with the pedal
  for (let on = 0, off = 0, span = 0; off < count;) {
    const at = on < count && starts[on] < ends[off] ? starts[on] : ends[off];
    while (on < count && starts[on] <= at) velocity += begun[on++];
    while (off < count && ends[off] <= at) velocity -= stopped[off++];
    const next = off === count ? Infinity : on < count && starts[on] < ends[off] ? starts[on] : ends[off];
    if (spans > 0 && span < spans && pedals.to[span] <= at) span = firstAbove(pedals.to, at);
    const held = span < spans && pedals.from[span] <= at;
    sounding = held && pedals.from[span] < at ? Math.max(sounding, velocity) : velocity;
    const release = held ? Math.min(next, pedals.to[span]) : next;
    if (sounding > 0 && release > at) piece(at, release, sounding);
    if (held && velocity > 0 && next > release) piece(release, next, velocity);
    if (held && next > release) sounding = velocity;
  }
}

/**
 * Splits the stretches of a pitch where it is bent: whole semitones move it, the rest is shared with the neighbour.
 *
 * What moves out of 0…127 is lost; the row at the edge that has no neighbour to take from keeps its whole value
 * (study §5.2).
 */
export function bent(bends: Bends, pitch: number, beats: Spans, rowOf: (pitch: number) => Piece): Piece {
  const { from: starts, to: stops, whole, sign, rest } = bends;
  const weights = new Float64Array(7); // columns of the rows −3…3 away
  const bend = (i: number, columns: number) => {
    const row = pitch + whole[i], behind = row - sign[i], ahead = row + sign[i];
    if (row < 0 || row > 127) return;
    weights[whole[i] + 3] += columns * (behind < 0 || behind > 127 ? 1 : 1 - rest[i]);
    if (rest[i] > 0 && ahead >= 0 && ahead <= 127) weights[whole[i] + sign[i] + 3] += columns * rest[i];
  };
  return (from, to, velocity) => {
    let at = from;
    for (let i = firstAbove(stops, from); i < stops.length && starts[i] < to;) {
      const start = Math.max(from, starts[i]), beat = firstAbove(beats.to, start);
      if (start > at) rowOf(pitch)(at, start, velocity);
      weights.fill(0);
      at = Math.min(to, stops[i]);
      bend(i, at - start);
      if (stops[i] > to) i = stops.length;
      else i++;
      if (beat < beats.to.length && start > beats.from[beat]) { // all that end in the same beat, at once
        for (const last = Math.min(to, beats.to[beat]); i < stops.length && stops[i] <= last; i++) {
          weights[3] += starts[i] - at;
          bend(i, stops[i] - starts[i]);
          at = stops[i];
        }
      }
      for (let k = 0; k < 7; k++) {
        if (weights[k] > 0) rowOf(pitch + k - 3)(start, at, velocity * (weights[k] / (at - start)));
      }
    }
    if (to > at) rowOf(pitch)(at, to, velocity);
  };
}
