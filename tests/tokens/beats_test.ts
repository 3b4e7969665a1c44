import { assertEquals } from "@std/assert";
import type { Score } from "@lib/midi/score.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { findBeats, roundedTempi, roundHalfEven } from "@lib/tokens/beats.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");

/** A score of 100 ticks a quarter without notes; tempi as [tick, µs], signatures by their ticks. */
const scoreOf = (endTick: number, tempi: [number, number][], meters: number[]): Score => ({
  ticksPerQuarter: 100,
  notes: [],
  parts: [],
  tempi: tempi.map(([tick, microseconds]) => ({ tick, microseconds })),
  meters: meters.map((tick) => ({ tick, numerator: 4, denominator: 4 })),
  endTick,
});

Deno.test("halves are rounded to the even neighbour", () => {
  const values = [-1.5, -0.5, 0.49, 0.5, 0.51, 1.5, 2.5, 3];
  assertEquals(values.map(roundHalfEven).map((value) => value + 0), [-2, 0, 0, 0, 1, 2, 2, 3]);
});

Deno.test("in ticks there is a beat a quarter and a bar line every fourth, both restarted by a signature", () => {
  const beats = findBeats(scoreOf(1000, [], [0, 650]), sound);
  assertEquals(beats.ticks, [0, 100, 200, 300, 400, 500, 600, 650, 750, 850, 950]);
  assertEquals(beats.barLines, [0, 400, 650]);
  assertEquals([beats.columns, beats.lastColumn, beats.column(333)], [beats.ticks, 950, 333]);
  assertEquals(findBeats(scoreOf(1000, [], [200]), sound, 401).barLines, [0, 200]); // counted from 0 before it
  assertEquals(findBeats(scoreOf(1000, [], []), sound, 401).ticks, [0, 100, 200, 300, 400]);
});

Deno.test("in seconds beats follow the tempi, and columns are hundredths of a second", () => {
  const score = scoreOf(700, [[0, 500_000], [250, 1_000_000]], [0]);
  const beats = findBeats(score, authors);
  // 120 bpm up to tick 250 (1.25 s), then 60: the third beat lasts a quarter at 120 and then a half at 60
  assertEquals(beats.ticks, [0, 100, 200, 300, 400, 500, 600]);
  assertEquals(beats.columns, [0, 50, 100, 175, 275, 375, 475]);
  assertEquals(beats.barLines, [0, 400]);
  assertEquals([0, 250, 251, 700].map(beats.column), [0, 125, 126, 575]);
  assertEquals(beats.lastColumn, 475);
});

Deno.test("in seconds a signature pulls the beat that passes it back, and bars are counted from it", () => {
  const beats = findBeats(scoreOf(900, [[0, 500_000]], [0, 450]), authors);
  assertEquals(beats.ticks, [0, 100, 200, 300, 400, 450, 550, 650, 750, 850]);
  assertEquals(beats.barLines, [0, 400, 450, 850]);
});

Deno.test("a tempo comes back as the float64 that its ticks' length makes of it", () => {
  assertEquals(roundedTempi(scoreOf(10, [[0, 500_000], [5, 666_667]], [])), [
    120,
    60 / ((60 / (6e7 / 666_667 * 100)) * 100),
  ]);
});
