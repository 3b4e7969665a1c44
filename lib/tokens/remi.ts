/**
 * Score ↔ bars of REMI+ tokens with their labels (STUDY §2–4).
 * @module
 */
import { bisect } from "../base/bisect.ts";
import { MidiError } from "../midi/error.ts";
import type { Score } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import { encodeBar, notesOf, tempoBinOf, wholeNotes } from "./bar_format.ts";
import { findBeats, roundedTempi } from "./beats.ts";
import { recognizeChords } from "./chords.ts";
import { barChords, type BarLabels, type BarSpan, labelBar } from "./labels.ts";
import { quantise } from "./quantise.ts";
import { drums, durationBins, nearestBin, positionsPerQuarter, tempoBins } from "./vocabulary.ts";

/**
 * One bar of a song. Bars are counted from the first one with notes, also those that are not `kept` because they have
 * fewer than `recipe.tokens.minNotes` notes (STUDY §2.6); `tokens` are at most `recipe.tokens.maxTokens` ids, `<eob>` last.
 */
export type Bar = BarSpan & { index: number; tokens: Uint16Array; kept: boolean; labels: BarLabels };

/** A tempo as the whole quarters a minute that its whole microseconds may stand for, or as it is. */
const wholeIfMeant = (bpm: number): number => {
  const whole = Math.round(bpm);
  return Math.abs(6e7 / whole - 6e7 / bpm) < 1 ? whole : bpm;
};

/** The tempo bin of each bar; `bars` are those left after trimming (STUDY §4.2). */
function barTempi(score: Score, bars: BarSpan[], recipe: CorpusRecipe): number[] {
  const { tempi } = score;
  const bpm = recipe.midi.clock === "ticks" ? tempi.map(({ microseconds }) => 6e7 / microseconds) : roundedTempi(score);
  const rounded = recipe.tokens.tempoBin === "truncated" ? Math.trunc : wholeIfMeant;
  const bin = (tempo: number) => nearestBin(tempoBins, rounded(bpm[tempo] ?? 120));
  if (recipe.tokens.barTempo === "at-bar-start") {
    return bars.map(({ startTick }) => bin(bisect(0, tempi.length, (i) => tempi[i].tick > startTick) - 1));
  }
  let current = 0;
  return bars.map(({ startTick, endTick }) => {
    const change = bisect(0, tempi.length, (i) => tempi[i].tick >= startTick);
    if (change < tempi.length && tempi[change].tick < endTick) current = change;
    return bin(current);
  });
}

function checkMeters({ meters }: Score, recipe: CorpusRecipe): void {
  if (meters.length === 0 && recipe.midi.missingMeter === "reject") {
    throw new MidiError("no-time-signature", "Expected a time signature, found none");
  }
  const other = meters.find(({ numerator, denominator }) => numerator !== 4 || denominator !== 4);
  if (!other) return;
  const { numerator, denominator, tick } = other;
  const below = denominator < 2 ** 31 ? denominator : `2^${Math.log2(denominator)}`;
  throw new MidiError("not-4/4", `Expected 4/4 throughout, found ${numerator}/${below} at tick ${tick}`);
}

/**
 * The bars of a score from its first to its last bar with notes, as tokens with labels.
 *
 * Bars without notes in between have three tokens and `<eob>`. A score is at most 100,000 quarters long, so a gap in a
 * small file makes at most 25,000 of them. Time and memory are otherwise linear in the notes and controls.
 *
 * @throws {MidiError} with reason `no-time-signature`, `not-4/4` or `no-notes` (STUDY §2.1); its `file` is the score's.
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
  const { quantise: rounding, maxTokens, cut, minNotes } = recipe.tokens;
  const { starts, barNotes } = quantise(score, recipe);
  if (starts.length === 0) throw new MidiError("no-notes", "Expected notes, found none");
  // A start that is rounded up may lie at the end or beyond: bars go on until it is inside one.
  const end = Math.max(score.endTick, rounding === "nearest" ? Math.floor(starts.at(-1)!) + 1 : 0);
  const { barLines } = findBeats(score, recipe, end);
  const firstFrom = (tick: number) => bisect(0, starts.length, (i) => starts[i] >= tick);
  const all = barLines.map((startTick, i) => {
    const endTick = barLines[i + 1] ?? end;
    return { startTick, endTick, from: firstFrom(startTick), to: firstFrom(endTick) };
  });
  const first = all.findIndex(({ from, to }) => from < to), last = all.findLastIndex(({ from, to }) => from < to);
  if (first < 0) throw new MidiError("no-notes", "Expected notes inside the bars, found none");
  const bars = all.slice(first, last + 1), tempi = barTempi(score, bars, recipe);
  const chords = barChords(bars, recognizeChords(score, recipe), score.ticksPerQuarter, recipe);
  const most = wholeNotes(maxTokens);
  return bars.map(({ startTick, endTick, from, to }, index) => {
    const notes = barNotes(from, to, startTick), fitting = notes.slice(0, most);
    const tokens = encodeBar(cut === "note" ? fitting : notes.slice(0, most + 1), tempi[index], maxTokens);
    const labels = labelBar(recipe.labels.notes === "cut" ? fitting : notes, chords[index], tempi[index]);
    return { index, startTick, endTick, tokens, kept: notes.length >= minNotes, labels };
  });
}

/**
 * The bars as a score, one after another from tick 0, each four quarters long.
 *
 * Velocities, tempi and durations are those of the bins. A note that was cut at the end of a bar is left out. Notes of
 * a part may overlap in one pitch; {@link writeScore} keeps them apart.
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
  const meters = [{ tick: 0, numerator: 4, denominator: 4 }];
  const score: Score = { ticksPerQuarter, notes: [], parts: [], tempi: [], meters, endTick: 0 };
  bars.forEach(({ tokens }, bar) => {
    const barStart = bar * 4 * ticksPerQuarter;
    const microseconds = Math.round(6e7 / tempoBins[tempoBinOf(tokens)]);
    if (microseconds !== score.tempi.at(-1)?.microseconds) score.tempi.push({ tick: barStart, microseconds });
    for (const { position, instrument, pitch, velocity, duration } of notesOf(tokens)) {
      const start = barStart + step * position, end = start + step * durationBins[duration];
      const drum = instrument === drums;
      score.notes.push({ start, end, pitch, velocity, program: drum ? 0 : instrument, drum });
      score.endTick = Math.max(score.endTick, end);
    }
  });
  score.notes.sort((a, b) => a.start - b.start || a.pitch - b.pitch);
  for (const notes of Map.groupBy(score.notes, ({ program, drum }) => drum ? drums : program).values()) {
    const { program, drum } = notes[0];
    score.parts.push({ program, drum, notes, controls: { pedals: [], bends: [], lastTick: 0 } });
  }
  return score;
}
