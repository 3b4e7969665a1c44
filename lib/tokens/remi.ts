/**
 * Score ↔ bars of REMI+ tokens with their labels.
 *
 * A bar is `Bar_0, Position_0, Tempo_t, (Position, Instrument, Pitch, Velocity, Duration)…, <eob>` (study §2–§4).
 * @module
 */
import { encodeBar, notesOf, tempoBinOf, wholeNotes } from "./bar_format.ts";
import { findBeats, roundedTempi } from "./beats.ts";
import { type ChordSegment, recognizeChords } from "./chords.ts";
import { gridOf } from "./quantise.ts";
import { type BarLabels, chordsOfBar, labelBar } from "./labels.ts";
import { MidiError } from "../midi/error.ts";
import type { Score } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import { drums, durationBins, nearestBin, positionsPerQuarter, tempoBins } from "./vocabulary.ts";

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

  const { maxTokens, cut, minNotes } = recipe.tokens, whole = wholeNotes(maxTokens);
  return bars.map(({ startTick, endTick, from, to }, index) => {
    const all = notes(from, to, startTick);
    const fitting = all.length > whole ? all.slice(0, whole) : all;
    const labelled = recipe.labels.notes === "cut" ? fitting : all;
    return {
      index,
      startTick,
      endTick,
      tokens: encodeBar(cut === "note" ? fitting : all.slice(0, whole + 1), tempi[index], maxTokens),
      kept: all.length >= minNotes,
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
 * assertEquals(tokenize(detokenize(bars), choices)[0].tokens, bars[0].tokens);
 * ```
 */
export function detokenize(bars: { tokens: Uint16Array }[]): Score {
  const ticksPerQuarter = 480, step = ticksPerQuarter / positionsPerQuarter;
  const score: Score = {
    ticksPerQuarter,
    notes: [],
    parts: [],
    tempi: [],
    meters: [{ tick: 0, numerator: 4, denominator: 4 }],
    endTick: 0,
  };
  bars.forEach(({ tokens }, bar) => {
    const barStart = bar * 4 * ticksPerQuarter;
    const microseconds = Math.round(6e7 / tempoBins[tempoBinOf(tokens)]);
    if (microseconds !== score.tempi.at(-1)?.microseconds) score.tempi.push({ tick: barStart, microseconds });
    for (const { position, instrument, pitch, velocity, duration } of notesOf(tokens)) {
      const drum = instrument === drums,
        start = barStart + step * position,
        end = start + step * durationBins[duration];
      score.notes.push({ start, end, pitch, velocity, program: drum ? 0 : instrument, drum });
      score.endTick = Math.max(score.endTick, end);
    }
  });
  score.notes.sort((a, b) => a.start - b.start || a.pitch - b.pitch);
  const byInstrument = Map.groupBy(score.notes, ({ program, drum }) => drum ? drums : program).values();
  for (const notes of byInstrument) {
    const { program, drum } = notes[0];
    score.parts.push({ program, drum, notes, controls: { pedals: [], bends: [], lastTick: 0 } });
  }
  return score;
}
