import { assertEquals } from "@std/assert";
import type { Control, Note, Score } from "@lib/midi/score.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { quantise } from "@lib/tokens/quantise.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");

/** A score of one part with the pedal's values, from [start, end, pitch] in ticks. */
function scoreOf(ticksPerQuarter: number, notes: [number, number, number][], pedals: Control[] = []): Score {
  const all = notes.map(([start, end, pitch]): Note => ({ start, end, pitch, velocity: 64, program: 9, drum: false }));
  const endTick = Math.max(...all.map(({ end }) => end));
  const part = { program: 9, drum: false, notes: all, controls: { pedals, bends: [], lastTick: 0 } };
  return { ticksPerQuarter, notes: all, parts: [part], tempi: [], meters: [], endTick };
}

const notesOf = (score: Score, choices: Recipe, barStart = 0) =>
  quantise(score, choices).barNotes(0, score.notes.length, barStart);
const durations = (score: Score, choices: Recipe = sound) => notesOf(score, choices).map(({ duration }) => duration);

Deno.test("a start goes to the nearest grid point under sound, to the last before it under authors", () => {
  const score = scoreOf(480, [0, 19, 20, 39, 40, 41, 1919].map((start, i) => [start, start + 40, 60 + i]));
  assertEquals([...quantise(score, sound).starts], [0, 0, 40, 40, 40, 40, 1920]);
  assertEquals([...quantise(score, authors).starts], [0, 0, 0, 0, 40, 40, 1880]);
});

Deno.test("where a quarter is no multiple of 12 ticks, grid points are fractions under sound and rounded by authors", () => {
  const score = scoreOf(100, [8, 9, 17, 25].map((start, i) => [start, start + 9, 60 + i]));
  assertEquals([...quantise(score, sound).starts].map((start) => Math.round(start * 12) / 100), [1, 1, 2, 3]);
  assertEquals([...quantise(score, authors).starts], [0, 8, 17, 25]);
});

Deno.test("a position counts from the bar line, a note keeps its velocity and its program", () => {
  const [first, last] = notesOf(scoreOf(480, [[1920, 2400, 60], [3800, 3840, 61]]), sound, 1920);
  assertEquals(first, { position: 0, instrument: 9, pitch: 60, velocity: 64, duration: 11 });
  assertEquals([last.position, last.duration], [47, 0]);
});

Deno.test("a duration has the bin nearest to its twelfths of a quarter, at most 64 quarters", () => {
  const ticks = [1, 40, 59, 61, 480, 560, 1920, 64 * 480, 1000 * 480];
  // 0.025, 1, 1.475, 1.525, 12, 14, 48 and 768 twelfths, and more; 14 lies between the bins 12 and 15
  assertEquals(durations(scoreOf(480, ticks.map((end, i) => [0, end, i]))), [0, 0, 0, 1, 11, 12, 21, 57, 57]);
});

Deno.test("a pedal that is down when a note ends holds it until its release", () => {
  const pedals = [[0, 127], [960, 0], [1440, 64], [1920, 63]].map(([tick, value]) => ({ tick, value }));
  const score = scoreOf(
    480,
    [[0, 480, 60], [480, 1440, 61], [480, 1439, 62], [500, 980, 63], [1920, 2400, 64]],
    pedals,
  );
  // 960 ticks are 24 twelfths, bin 17; 1440 are 36, bin 19
  for (const choices of [sound, authors]) assertEquals(durations(score, choices), [17, 19, 17, 11, 11]);
});

Deno.test("under sound the pedal holds a note no longer than till its key is struck again; authors hold it on", () => {
  const pedals = [{ tick: 0, value: 127 }, { tick: 1920, value: 0 }];
  const score = scoreOf(480, [[0, 40, 60], [480, 520, 60], [480, 520, 61], [960, 1000, 60], [960, 1000, 60]], pedals);
  // till 480, 960, 1920, 1920, 1920: 12, 12, 36, 24, 24 twelfths; the authors: 48, 36, 36, 24, 24
  assertEquals(durations(score), [11, 11, 19, 17, 17]);
  assertEquals(durations(score, authors), [21, 19, 19, 17, 17]);
});

Deno.test("notes of one start come in the order drums, programs, pitches; the others in order of time", () => {
  const score = scoreOf(480, [[0, 40, 62], [0, 40, 60], [0, 40, 38], [3, 40, 10], [100, 140, 1]]);
  Object.assign(score.notes[2], { drum: true, program: 0 });
  Object.assign(score.notes[1], { program: 11 });
  assertEquals(notesOf(score, sound).map(({ pitch }) => pitch), [38, 10, 62, 60, 1]);
});
