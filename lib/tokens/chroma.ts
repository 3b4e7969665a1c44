/**
 * How loud each pitch class is in each beat of a score: the means that the authors' reader takes over a roll of 128 rows
 * (STUDY §5.2), here from where notes start and end, so that long notes and long silences cost nothing.
 * @module
 */
import { lastTickOf, type Note, type Part, type Score } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import type { Beats } from "./beats.ts";
import {
  bendIntervals,
  type Bends,
  bent,
  eachSound,
  firstAbove,
  type Intervals,
  pedalledEnds,
  pedalPresses,
  type PitchNotes,
  type TakeSound,
} from "./sounding.ts";

/** Most beats that a sound is added to one by one; a longer one goes to `fills`. */
const longSound = 64;

/**
 * The beats of a score as intervals of columns; the mean velocity of each pitch in each beat (beats × 128); by pitch the
 * change, at each beat, of the velocity that sounds through whole beats; and 1 where a beat has anything in `means`.
 */
type Roll = Intervals & { means: Float64Array; fills: (Float64Array | undefined)[]; touched: Uint8Array };

/**
 * Adds the sound of one pitch to a roll; call `flush` after the last.
 *
 * A beat's sum is divided once. Velocities and columns are integers, so only the division rounds, as it does for the
 * authors. `end` cuts the last beats short.
 */
function adder({ from: lows, to: highs, means, fills, touched }: Roll, pitch: number, end: number) {
  const count = lows.length;
  let open = -1, sum = 0; // the beat being summed
  const flush = () => {
    if (open >= 0) means[open * 128 + pitch] += sum / (Math.min(end, highs[open]) - lows[open]);
    [open, sum] = [-1, 0];
  };
  const add = (beat: number, from: number, to: number, velocity: number) => {
    const columns = Math.min(to, end, highs[beat]) - Math.max(from, lows[beat]);
    if (columns <= 0) return;
    if (open !== beat) flush();
    open = beat;
    sum += velocity * columns;
    touched[beat] = 1;
  };
  const take: TakeSound = (from, to, velocity) => {
    if (open >= 0 && from > lows[open] && to <= highs[open] && to <= end) { // the usual case where bends are many
      sum += velocity * (to - from);
      return;
    }
    let beat = firstAbove(highs, from);
    const near = Math.min(count, beat + longSound);
    for (; beat < near && lows[beat] < to; beat++) add(beat, from, to, velocity);
    if (beat === count || lows[beat] >= to) return;
    const stop = Math.max(beat, firstAbove(highs, Math.min(to, end))); // the first beat that is not filled
    const fill = fills[pitch] ??= new Float64Array(count + 1);
    fill[beat] += velocity;
    fill[stop] -= velocity;
    for (beat = stop; beat < count && lows[beat] < to; beat++) add(beat, from, to, velocity);
  };
  return { take, flush };
}

/** The notes of one pitch of a part, in order of their starts. */
function pitchNotes(notes: Note[], beats: Beats): PitchNotes {
  const [starts, begun, ends] = [0, 1, 2].map(() => new Float64Array(notes.length));
  let inOrder = true;
  notes.forEach(({ start, end, velocity }, i) => {
    starts[i] = beats.column(start);
    ends[i] = beats.column(end);
    begun[i] = velocity;
    if (i > 0 && ends[i] < ends[i - 1]) inOrder = false;
  });
  if (inOrder) return { starts, begun, ends, stopped: begun };
  const order = [...notes.keys()].sort((a, b) => ends[a] - ends[b]);
  const [sorted, stopped] = [ends, begun].map((values) => Float64Array.from(order, (i) => values[i]));
  return { starts, begun, ends: sorted, stopped };
}

/** Adds the mean velocity of each pitch in each beat of one part. */
function addPart(part: Part, { pedals, bends }: { pedals: Intervals; bends: Bends }, beats: Beats, roll: Roll): void {
  const end = Math.max(beats.column(lastTickOf(part)), beats.lastColumn);
  const byPitch = [...Map.groupBy(part.notes, ({ pitch }) => pitch)].sort(([a], [b]) => a - b);
  for (const [pitch, notes] of byPitch) {
    const rows: (ReturnType<typeof adder> | undefined)[] = Array(7); // of pitches −3…3 away
    const rowOf = (row: number) => (rows[row - pitch + 3] ??= adder(roll, row, end)).take;
    const take = bends.from.length === 0 ? rowOf(pitch) : bent(bends, pitch, roll, rowOf);
    eachSound(pitchNotes(notes, beats), pedals, take);
    for (const row of rows) row?.flush();
  }
}

/** Parts that share their bends are joined where bends × parts exceed this; sums then round in another order. */
const manyBends = 1 << 19;

/** The parts that sound, their notes lengthened to `ends`; those with very many bends in common are joined. */
function soundingParts(score: Score, ends: Map<Note, number>): Part[] {
  const lengthened = (note: Note) => ends.has(note) ? { ...note, end: ends.get(note)! } : note;
  const sounding = score.parts.filter(({ drum }) => !drum)
    .map((part) => ends.size === 0 ? part : { ...part, notes: part.notes.map(lengthened) });
  const sharing = Map.groupBy(sounding, ({ controls }) => controls);
  return sounding.flatMap((part) => {
    const all = sharing.get(part.controls)!;
    if (all.length * part.controls.bends.length <= manyBends) return [part];
    if (part !== all[0]) return [];
    return [{ ...part, notes: all.flatMap(({ notes }) => notes).sort((a, b) => a.start - b.start) }];
  });
}

/** All beats but the last, which stays silent (STUDY §5.2), with nothing in them. */
function emptyRoll({ columns }: Beats): Roll {
  const count = Math.max(0, columns.length - 1);
  const from = Float64Array.from(columns.slice(0, count));
  const to = from.map((column, beat) => Math.max(column + 1, columns[beat + 1]));
  return { from, to, means: new Float64Array(count * 128), fills: [], touched: new Uint8Array(count) };
}

/**
 * Mean velocity of each pitch class in each beat, beats × 12; drums and the last beat are silent (STUDY §5.2).
 *
 * Where `recipe.midi.controllers` is `pedal`, a pitch never gets softer while the pedal is down, as in the authors'
 * reader; otherwise the pedal lengthens notes.
 */
export function beatChroma(score: Score, beats: Beats, recipe: CorpusRecipe): Float64Array {
  const roll = emptyRoll(beats), pedalLengthens = recipe.midi.controllers === "all";
  const ends = pedalLengthens ? pedalledEnds(score.parts, recipe) : new Map<Note, number>();
  const intervals = new Map<Part["controls"], { pedals: Intervals; bends: Bends }>();
  for (const part of soundingParts(score, ends)) {
    const { controls } = part, { pedals, bends } = controls;
    const own = intervals.get(controls) ??
      { pedals: pedalPresses(pedalLengthens ? [] : pedals, beats.column), bends: bendIntervals(bends, beats) };
    intervals.set(controls, own);
    addPart(part, own, beats, roll);
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
