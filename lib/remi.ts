/**
 * Score ↔ bars of REMI+ tokens with their labels.
 *
 * A bar is `Bar_0, Position_0, Tempo_t, (Position, Instrument, Pitch, Velocity, Duration)…, <eob>` (study §2–§4).
 * @module
 */
import { findBeats, roundedTempi, roundHalfEven } from "./beats.ts";
import { type ChordSegment, recognizeChords } from "./chords.ts";
import { type BarLabels, type BarNote, chordsOfBar, labelBar } from "./labels.ts";
import { MidiError, type Note, type Part, type Score } from "./midi.ts";
import type { Recipe } from "./recipe.ts";
import {
  drums,
  durationBins,
  eob,
  kinds,
  nearestBin,
  positionsPerBar,
  positionsPerQuarter,
  tempoBins,
  velocityBins,
} from "./vocabulary.ts";

/** One bar of a song. */
export interface Bar {
  /** Index in the song, counted from the first bar with notes, bars that are not kept included (study §2.6). */
  index: number;
  /** Bounds in ticks; the end is outside. */
  startTick: number;
  endTick: number;
  /** Ids up to and including `<eob>`, at most `recipe.tokens.maxTokens`; also for bars that are not kept. */
  tokens: Uint16Array;
  /** Whether the bar has at least `recipe.tokens.minNotes` notes. */
  kept: boolean;
  labels: BarLabels;
}

/** A note with its start on the grid; ticks may be fractions where a quarter is no multiple of 12 ticks. */
interface GridNote extends BarNote {
  start: number;
}

const headTokens = 3, noteTokens = 5; // Bar, Position, Tempo; Position, Instrument, Pitch, Velocity, Duration

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
function quantiser({ ticksPerQuarter, endTick }: Score, recipe: Recipe): (tick: number) => number {
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

/** Bins of every velocity, and of every duration in positions up to the longest. */
const binOfVelocity = Uint8Array.from({ length: 128 }, (_, velocity) => nearestBin(velocityBins, velocity));
const binOfDuration = Uint8Array.from({ length: 769 }, (_, positions) => nearestBin(durationBins, positions));

/** Notes on the grid in the order of the tokens: start, drums before programs, pitch (study §4.3). */
function gridNotes(score: Score, recipe: Recipe): GridNote[] {
  const quantise = quantiser(score, recipe);
  const ends = pedalledEnds(score.parts);
  const rank = ({ instrument, pitch }: GridNote) => 128 * (instrument === drums ? -1 : instrument) + pitch;
  const notes = score.notes.map((note): GridNote => {
    const ticks = (ends.get(note) ?? note.end) - note.start;
    const positions = roundHalfEven((ticks / score.ticksPerQuarter) * positionsPerQuarter);
    return {
      start: quantise(note.start),
      position: 0, // until its bar is known
      instrument: note.drum ? drums : note.program,
      pitch: note.pitch,
      velocity: note.velocity,
      duration: binOfDuration[Math.min(positions, 768)],
    };
  });
  // The notes are in order of time and the grid keeps it, so that only notes of one start are out of order.
  for (let from = 0, to = 0; from < notes.length; from = to) {
    let ordered = true;
    for (to = from + 1; to < notes.length && notes[to].start === notes[from].start; to++) {
      if (rank(notes[to]) < rank(notes[to - 1])) ordered = false;
    }
    if (ordered) continue;
    const sorted = notes.slice(from, to).sort((a, b) => rank(a) - rank(b));
    for (let i = from; i < to; i++) notes[i] = sorted[i - from];
  }
  return notes;
}

/** Tempo-bin index of each bar; `bars` are all bars left after trimming (study §4.2). */
function barTempi(score: Score, bars: { startTick: number; endTick: number }[], recipe: Recipe): number[] {
  const bpm = recipe.midi.clock === "ticks"
    ? score.tempi.map((tempo) => 6e7 / tempo.microseconds)
    : roundedTempi(score);
  const bin = (index: number) => nearestBin(tempoBins, Math.trunc(bpm[index] ?? 120));
  const { tempi } = score;
  const first = recipe.tokens.barTempo === "first-change-in-bar";
  let current = first ? 0 : -1, next = 0;
  return bars.map(({ startTick, endTick }) => {
    if (!first) {
      while (current + 1 < tempi.length && tempi[current + 1].tick <= startTick) current++;
      return bin(current);
    }
    while (next < tempi.length && tempi[next].tick < startTick) next++;
    if (next < tempi.length && tempi[next].tick < endTick) current = next;
    return bin(current);
  });
}

function checkMeters(score: Score, recipe: Recipe): void {
  if (score.meters.length === 0 && recipe.midi.missingMeter === "reject") {
    throw new MidiError("no-time-signature", "Expected a time signature, found none");
  }
  const other = score.meters.find(({ numerator, denominator }) => numerator !== 4 || denominator !== 4);
  if (other) {
    const below = other.denominator < 2 ** 31 ? other.denominator : `2^${Math.log2(other.denominator)}`;
    const found = `${other.numerator}/${below} at tick ${other.tick}`;
    throw new MidiError("not-4/4", `Expected 4/4 throughout, found ${found}`);
  }
}

/** The tokens of a bar, at most `length` before `<eob>`, whose last note may be cut. */
function encode(notes: BarNote[], tempo: number, length: number): Uint16Array<ArrayBuffer> {
  const ids = new Uint16Array(headTokens + notes.length * noteTokens + 1);
  ids[0] = kinds.Bar.first;
  ids[1] = kinds.Position.first;
  ids[2] = kinds.Tempo.first + tempo;
  let at = headTokens;
  for (const { position, instrument, pitch, velocity, duration } of notes) {
    ids[at++] = kinds.Position.first + position;
    ids[at++] = kinds.Instrument.first + instrument;
    ids[at++] = (instrument === drums ? kinds.Pitch_Drum.first : kinds.Pitch.first) + pitch;
    ids[at++] = kinds.Velocity.first + binOfVelocity[velocity];
    ids[at++] = kinds.Duration.first + duration;
  }
  const tokens = at > length ? ids.slice(0, length + 1) : ids;
  tokens[tokens.length - 1] = eob;
  return tokens;
}

/**
 * The bars of a score from its first to its last bar with notes, as tokens with labels.
 *
 * Bars without notes in between have three tokens and `<eob>`; a song is at most 100,000 quarters long, so that a gap
 * in a small file costs at most 25,000 of them. Time and memory are otherwise linear in the notes and controls.
 *
 * @throws {MidiError} with reason `no-time-signature`, `not-4/4` or `no-notes` (study §2.1), and the score's file.
 *
 * @example
 * ```ts
 * import { readScore } from "@lib/midi.ts";
 * import { recipe } from "@lib/recipe.ts";
 * import { tokenize } from "@lib/remi.ts";
 * import { vocabulary } from "@lib/vocabulary.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const choices = recipe("sound", "demo");
 * const bars = tokenize(readScore(await Deno.readFile("data/freedoom/d_e1m1.mid"), choices), choices);
 * assertEquals(vocabulary.name(bars[0].tokens[0]), "Bar_0");
 * ```
 */
export function tokenize(score: Score, recipe: Recipe): Bar[] {
  try {
    return barsOf(score, recipe);
  } catch (error) {
    if (error instanceof MidiError) error.file = score.file;
    throw error;
  }
}

function barsOf(score: Score, recipe: Recipe): Bar[] {
  checkMeters(score, recipe);
  const notes = gridNotes(score, recipe);
  if (notes.length === 0) throw new MidiError("no-notes", "Expected notes, found none");
  // A start that is rounded up may lie at the end or beyond: bars go on until it is inside one.
  const nearest = recipe.tokens.quantise === "nearest";
  const end = Math.max(score.endTick, nearest ? Math.floor(notes.at(-1)!.start) + 1 : 0);
  const lines = findBeats(score, recipe, end).barLines;
  const spans = lines.map((startTick, i) => ({ startTick, endTick: lines[i + 1] ?? end }));

  let next = 0;
  const held = spans.map(({ startTick, endTick }) => {
    while (next < notes.length && notes[next].start < startTick) next++;
    const from = next;
    while (next < notes.length && notes[next].start < endTick) next++;
    return notes.slice(from, next);
  });
  const first = held.findIndex((notes) => notes.length > 0);
  const last = held.findLastIndex((notes) => notes.length > 0);
  if (first < 0) throw new MidiError("no-notes", "Expected notes inside the bars, found none");
  const bars = spans.slice(first, last + 1);
  const tempi = barTempi(score, bars, recipe);
  const chords = chordsOfBars(bars, score, recipe);

  const length = recipe.tokens.maxTokens - 1;
  const whole = Math.floor((length - headTokens) / noteTokens);
  return bars.map((bar, index) => {
    const all = held[first + index];
    for (const note of all) note.position = positionIn(bar.startTick, note.start, score.ticksPerQuarter);
    const fitting = all.length > whole ? all.slice(0, whole) : all;
    const tokens = encode(recipe.tokens.cut === "note" ? fitting : all.slice(0, whole + 1), tempi[index], length);
    const labelled = recipe.labels.notes === "cut" ? fitting : all;
    return {
      index,
      ...bar,
      tokens,
      kept: all.length >= recipe.tokens.minNotes,
      labels: labelBar(labelled, chords[index], tempoBins[tempi[index]]),
    };
  });
}

/** The chord labels of bars in order; each bar looks only at the segments near it. */
function chordsOfBars(bars: { startTick: number; endTick: number }[], score: Score, recipe: Recipe): string[][] {
  const segments: ChordSegment[] = recognizeChords(score, recipe);
  let from = 0, to = 0;
  return bars.map((bar) => {
    while (from < segments.length && segments[from].endTick <= bar.startTick) from++;
    to = Math.max(to, from);
    while (to < segments.length && segments[to].startTick < bar.endTick) to++;
    return chordsOfBar(bar, segments.slice(from, to), score.ticksPerQuarter, recipe);
  });
}

/**
 * A score that sounds like the bars, one after another from tick 0, each four quarters long.
 *
 * Velocities, tempi and durations are those of the bins; a note that is not whole, at the end of a cut bar, is left out.
 * Notes of a part may overlap in one pitch; {@link writeScore} keeps them apart.
 *
 * @example
 * ```ts
 * import { readScore } from "@lib/midi.ts";
 * import { recipe } from "@lib/recipe.ts";
 * import { detokenize, tokenize } from "@lib/remi.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const choices = recipe("sound", "demo");
 * const bars = tokenize(readScore(await Deno.readFile("data/freedoom/d_e1m1.mid"), choices), choices);
 * assertEquals(tokenize(detokenize(bars, choices), choices)[0].tokens, bars[0].tokens);
 * ```
 */
export function detokenize(bars: { tokens: Uint16Array }[], _recipe: Recipe): Score {
  const ticksPerQuarter = 480, step = ticksPerQuarter / positionsPerQuarter;
  const parts = new Map<number, Part>();
  const score: Score = {
    ticksPerQuarter,
    notes: [],
    parts: [],
    tempi: [],
    meters: [{ tick: 0, numerator: 4, denominator: 4 }],
    endTick: 0,
  };
  bars.forEach(({ tokens }, bar) => {
    const start = bar * 4 * ticksPerQuarter;
    const microseconds = Math.round(6e7 / tempoBins[tokens[2] - kinds.Tempo.first]);
    if (microseconds !== score.tempi.at(-1)?.microseconds) score.tempi.push({ tick: start, microseconds });
    for (let at = headTokens; at + noteTokens < tokens.length; at += noteTokens) {
      const instrument = tokens[at + 1] - kinds.Instrument.first;
      const drum = instrument === drums;
      const tick = start + step * (tokens[at] - kinds.Position.first);
      const note: Note = {
        start: tick,
        end: tick + step * durationBins[tokens[at + 4] - kinds.Duration.first],
        pitch: tokens[at + 2] - kinds[drum ? "Pitch_Drum" : "Pitch"].first,
        velocity: velocityBins[tokens[at + 3] - kinds.Velocity.first],
        program: drum ? 0 : instrument,
        drum,
      };
      score.endTick = Math.max(score.endTick, note.end);
      score.notes.push(note);
      const part = parts.get(instrument);
      if (part) part.notes.push(note);
      else {
        const controls = { pedals: [], bends: [], lastTick: 0 };
        parts.set(instrument, { program: note.program, drum, notes: [note], controls });
      }
    }
  });
  const order = (a: Note, b: Note) => a.start - b.start || a.pitch - b.pitch;
  for (const part of parts.values()) part.notes.sort(order);
  score.parts = [...parts.values()];
  score.notes.sort(order);
  return score;
}
