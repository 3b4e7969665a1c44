/**
 * Score ↔ bars of REMI+ tokens with their labels.
 *
 * A bar is `Bar_0, Position_0, Tempo_t, (Position, Instrument, Pitch, Velocity, Duration)…, <eob>` (study §2–§4).
 * @module
 */
import { findBeats, roundedTempi } from "./beats.ts";
import { type ChordSegment, recognizeChords } from "./chords.ts";
import { gridOf } from "./quantise.ts";
import { type BarLabels, type BarNote, chordsOfBar, labelBar } from "./labels.ts";
import { MidiError } from "../midi/error.ts";
import type { Note, Part, Score } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import {
  drums,
  durationBins,
  eob,
  kinds,
  nearestBin,
  positionsPerQuarter,
  tempoBins,
  velocityBins,
} from "./vocabulary.ts";

/** One bar of a song. */
export interface Bar {
  /** Index in the song, counted from the first bar with notes, bars that are not kept included (study §2.6). */
  index: number;
  /** First tick. */
  startTick: number;
  /** Tick after the last: the next bar line. */
  endTick: number;
  /** Ids up to and including `<eob>`, at most `recipe.tokens.maxTokens`; also for bars that are not kept. */
  tokens: Uint16Array;
  /** Whether the bar has at least `recipe.tokens.minNotes` notes. */
  kept: boolean;
  /** What is true of its notes. */
  labels: BarLabels;
}

/** Bins of every velocity. */
const binOfVelocity = Uint8Array.from({ length: 128 }, (_, velocity) => nearestBin(velocityBins, velocity));

const headTokens = 3, noteTokens = 5; // Bar, Position, Tempo; Position, Instrument, Pitch, Velocity, Duration

/** Tempo-bin index of each bar; `bars` are all bars left after trimming (study §4.2). */
function barTempi(score: Score, bars: { startTick: number; endTick: number }[], recipe: CorpusRecipe): number[] {
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

function checkMeters(score: Score, recipe: CorpusRecipe): void {
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
 * import { readScore } from "@lib/midi/read.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { tokenize } from "@lib/tokens/remi.ts";
 * import { vocabulary } from "@lib/tokens/vocabulary.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const choices = recipe("sound", "demo");
 * const bars = tokenize(readScore(await Deno.readFile("data/freedoom/d_e1m1.mid"), choices), choices);
 * assertEquals(vocabulary.name(bars[0].tokens[0]), "Bar_0");
 * ```
 */
export function tokenize(score: Score, recipe: CorpusRecipe): Bar[] {
  try {
    return barsOf(score, recipe);
  } catch (error) {
    if (error instanceof MidiError) error.file = score.file;
    throw error;
  }
}

function barsOf(score: Score, recipe: CorpusRecipe): Bar[] {
  checkMeters(score, recipe);
  const { starts, notes } = gridOf(score, recipe);
  if (starts.length === 0) throw new MidiError("no-notes", "Expected notes, found none");
  // A start that is rounded up may lie at the end or beyond: bars go on until it is inside one.
  const nearest = recipe.tokens.quantise === "nearest";
  const end = Math.max(score.endTick, nearest ? Math.floor(starts.at(-1)!) + 1 : 0);
  const lines = findBeats(score, recipe, end).barLines;
  let next = 0;
  const spans = lines.map((startTick, i) => {
    const endTick = lines[i + 1] ?? end;
    while (next < starts.length && starts[next] < startTick) next++;
    const from = next;
    while (next < starts.length && starts[next] < endTick) next++;
    return { startTick, endTick, from, to: next };
  });
  const first = spans.findIndex(({ from, to }) => from < to);
  const last = spans.findLastIndex(({ from, to }) => from < to);
  if (first < 0) throw new MidiError("no-notes", "Expected notes inside the bars, found none");
  const bars = spans.slice(first, last + 1);
  const tempi = barTempi(score, bars, recipe);
  const chords = chordsOfBars(bars, score, recipe);

  const length = recipe.tokens.maxTokens - 1;
  const whole = Math.floor((length - headTokens) / noteTokens);
  return bars.map(({ startTick, endTick, from, to }, index) => {
    const all = notes(from, to, startTick);
    const fitting = all.length > whole ? all.slice(0, whole) : all;
    const tokens = encode(recipe.tokens.cut === "note" ? fitting : all.slice(0, whole + 1), tempi[index], length);
    const labelled = recipe.labels.notes === "cut" ? fitting : all;
    return {
      index,
      startTick,
      endTick,
      tokens,
      kept: all.length >= recipe.tokens.minNotes,
      labels: labelBar(labelled, chords[index], tempi[index]),
    };
  });
}

/** The chord labels of bars in order; each bar looks only at the segments near it. */
function chordsOfBars(bars: { startTick: number; endTick: number }[], score: Score, recipe: CorpusRecipe): number[][] {
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
 * import { readScore } from "@lib/midi/read.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { detokenize, tokenize } from "@lib/tokens/remi.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const choices = recipe("sound", "demo");
 * const bars = tokenize(readScore(await Deno.readFile("data/freedoom/d_e1m1.mid"), choices), choices);
 * assertEquals(tokenize(detokenize(bars, choices), choices)[0].tokens, bars[0].tokens);
 * ```
 */
export function detokenize(bars: { tokens: Uint16Array }[], _recipe: CorpusRecipe): Score {
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
