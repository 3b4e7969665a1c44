/**
 * When one pitch of a part sounds and how loud, pedal and bends applied, in columns of the chroma's grid.
 * @module
 */
import { bisect } from "../base/bisect.ts";
import type { Control, Note, Part } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import type { Beats } from "./beats.ts";

/** Index of the first of ascending `edges` above `value`. */
export const firstAbove = (edges: ArrayLike<number>, value: number): number =>
  bisect(0, edges.length, (i) => edges[i] > value);

/** Intervals of ticks or columns, in order and apart; `to` is Infinity where one has no end. */
export type Intervals = { from: Float64Array; to: Float64Array };

/**
 * When the pedal is down, in ticks or in the columns that `column` gives. A pedal that is never released, or within the
 * column of its press, does not count.
 */
export function pedalPresses(pedals: Control[], column = (tick: number): number => tick): Intervals {
  const presses: [down: number, up: number][] = [];
  let down: number | undefined;
  for (const { tick, value } of pedals) {
    if (down === undefined && value >= 64) down = column(tick);
    else if (down !== undefined && value < 64) {
      if (column(tick) > down) presses.push([down, column(tick)]);
      down = undefined;
    }
  }
  return { from: Float64Array.from(presses, ([down]) => down), to: Float64Array.from(presses, ([, up]) => up) };
}

/**
 * The end of each note that the pedal lengthens: the release of the last press that overlaps it (STUDY §3.4), or, where
 * `recipe.midi.controllers` is `all`, the next stroke of its key if that comes first.
 */
export function pedalledEnds(parts: Part[], { midi }: CorpusRecipe): Map<Note, number> {
  const ends = new Map<Note, number>();
  const presses = new Map<Part["controls"], Intervals>(); // parts may share their pedals
  for (const { notes, controls } of parts) {
    const { from: downs, to: ups } = presses.get(controls) ?? pedalPresses(controls.pedals);
    presses.set(controls, { from: downs, to: ups });
    if (downs.length === 0) continue;
    const struck = Array<number>(128).fill(Infinity), next = struck.slice(); // the last two starts of each key
    for (const note of notes.toReversed()) {
      const { start, end, pitch } = note;
      if (start < struck[pitch]) [next[pitch], struck[pitch]] = [struck[pitch], start];
      const press = firstAbove(downs, end) - 1, again = midi.controllers === "all" ? next[pitch] : Infinity;
      const until = Math.min(ups[press] ?? 0, again);
      if (until > end) ends.set(note, until);
    }
  }
  return ends;
}

/**
 * The columns in which pitches are bent: by `whole` semitones, −2…2, rounded toward zero; the share `rest` of the sound
 * goes one semitone further in the direction `sign` (1: up, −1: down).
 */
export type Bends = Intervals & { whole: Int8Array; sign: Int8Array; rest: Float64Array };

/** The pitch bends as intervals; a bend of 0 has none, the last bend has no end. */
export function bendIntervals(bends: Control[], beats: Beats): Bends {
  const columns = bends.map(({ tick }) => beats.column(tick)), next = [...columns.slice(1), Infinity];
  const counted = [...bends.keys()].filter((i) => bends[i].value !== 0 && columns[i] < next[i]);
  const shift = counted.map((i) => (2 * bends[i].value) / 8192);
  return {
    from: Float64Array.from(counted, (i) => columns[i]),
    to: Float64Array.from(counted, (i) => next[i]),
    whole: Int8Array.from(shift, Math.trunc),
    sign: Int8Array.from(shift, Math.sign),
    rest: Float64Array.from(shift, (shift) => Math.abs(shift - Math.trunc(shift))),
  };
}

/** Takes columns in which one velocity above 0 sounds; called in order of time. */
export type TakeSound = (from: number, to: number, velocity: number) => void;

/** The notes of one pitch, as columns in ascending order with the velocities that begin and stop there. */
export type PitchNotes = Record<"starts" | "begun" | "ends" | "stopped", Float64Array>;

/** Passes on when one pitch sounds: the sum of its notes' velocities, which never falls while the pedal is down. */
export function eachSound({ starts, begun, ends, stopped }: PitchNotes, pedals: Intervals, take: TakeSound): void {
  const count = starts.length, presses = pedals.from.length;
  let velocity = 0, sounding = 0; // of the notes; with the pedal
  for (let on = 0, off = 0, press = 0; off < count;) {
    const at = on < count && starts[on] < ends[off] ? starts[on] : ends[off];
    while (on < count && starts[on] <= at) velocity += begun[on++];
    while (off < count && ends[off] <= at) velocity -= stopped[off++];
    const next = off === count ? Infinity : on < count && starts[on] < ends[off] ? starts[on] : ends[off];
    if (press < presses && pedals.to[press] <= at) press = firstAbove(pedals.to, at);
    const down = press < presses && pedals.from[press] <= at;
    sounding = down && pedals.from[press] < at ? Math.max(sounding, velocity) : velocity;
    const release = down ? Math.min(next, pedals.to[press]) : next;
    if (sounding > 0 && release > at) take(at, release, sounding);
    if (down && velocity > 0 && next > release) take(release, next, velocity);
    if (down && next > release) sounding = velocity;
  }
}

/**
 * Bends the sound of a pitch: it moves by whole semitones and shares the rest with the next one.
 *
 * What moves out of 0…127 is lost; a row at the edge, with no neighbour to take from, keeps its whole value
 * (STUDY §5.2).
 *
 * @param rowOf takes the sound of a pitch after bending
 */
export function bent(bends: Bends, pitch: number, beats: Intervals, rowOf: (pitch: number) => TakeSound): TakeSound {
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
      i = stops[i] > to ? stops.length : i + 1;
      if (beat < beats.to.length && start > beats.from[beat]) { // the others that end in the same beat, at once
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
