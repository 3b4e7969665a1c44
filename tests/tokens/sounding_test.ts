import { assertEquals } from "@std/assert";
import {
  bendIntervals,
  bent,
  eachSound,
  firstAbove,
  pedalPresses,
  type PitchNotes,
  type TakeSound,
} from "@lib/tokens/sounding.ts";

const controls = (...pairs: [number, number][]) => pairs.map(([tick, value]) => ({ tick, value }));
const none = { from: new Float64Array(), to: new Float64Array() };

/** Notes of one pitch from [start, end, velocity]. */
function notesOf(...notes: [number, number, number][]): PitchNotes {
  const byEnd = notes.toSorted((a, b) => a[1] - b[1]);
  return {
    starts: Float64Array.from(notes, ([start]) => start),
    begun: Float64Array.from(notes, ([, , velocity]) => velocity),
    ends: Float64Array.from(byEnd, ([, end]) => end),
    stopped: Float64Array.from(byEnd, ([, , velocity]) => velocity),
  };
}

/** What `take` is called with. */
function taken(run: (take: TakeSound) => void): number[][] {
  const calls: number[][] = [];
  run((...call) => calls.push(call));
  return calls;
}

Deno.test("the first edge above a value", () => {
  const edges = [2, 4, 4, 7];
  assertEquals([1, 2, 3, 4, 6, 7].map((value) => firstAbove(edges, value)), [0, 1, 1, 3, 3, 4]);
});

Deno.test("a press begins at 64 and ends below it; one that is never released does not count", () => {
  const { from, to } = pedalPresses(
    controls([5, 63], [10, 64], [20, 127], [30, 63], [40, 0], [50, 90], [60, 0], [70, 99]),
  );
  assertEquals([[...from], [...to]], [[10, 50], [30, 60]]);
  const coarse = pedalPresses(controls([10, 64], [14, 0], [19, 64], [21, 0]), (tick) => Math.floor(tick / 5));
  assertEquals([[...coarse.from], [...coarse.to]], [[3], [4]]); // the first press lies within a column
});

Deno.test("a bend lasts until the next one; ±8192 are two semitones", () => {
  const bends = bendIntervals(controls([0, 2048], [10, 0], [20, -8192], [30, 6144], [30, -6144]), {
    ticks: [],
    barLines: [],
    columns: [],
    lastColumn: 0,
    column: (tick) => tick,
  });
  assertEquals([[...bends.from], [...bends.to]], [[0, 20, 30], [10, 30, Infinity]]);
  assertEquals([[...bends.whole], [...bends.sign], [...bends.rest]], [[0, -2, -1], [1, -1, -1], [0.5, 0, 0.5]]);
});

Deno.test("the velocities of notes that overlap add up", () => {
  const notes = notesOf([0, 10, 50], [4, 6, 20], [10, 12, 70], [20, 21, 5]);
  const wanted = [[0, 4, 50], [4, 6, 70], [6, 10, 50], [10, 12, 70], [20, 21, 5]];
  assertEquals(taken((take) => eachSound(notes, none, take)), wanted);
});

Deno.test("while the pedal is down a pitch stays as loud as its loudest", () => {
  const pedals = { from: Float64Array.of(2, 40), to: Float64Array.of(30, 50) };
  const soft = notesOf([0, 5, 50], [10, 12, 20], [15, 35, 60]);
  assertEquals(taken((take) => eachSound(soft, pedals, take)), [
    ...[[0, 5, 50], [5, 10, 50], [10, 12, 50], [12, 15, 50], [15, 30, 60]],
    [30, 35, 60],
  ]);
});

Deno.test("a sound is split where it is bent, and shared between two rows by the rest of a semitone", () => {
  const intervals = (from: number[], to: number[]) => ({ from: Float64Array.from(from), to: Float64Array.from(to) });
  const bends = {
    ...intervals([10, 20], [20, Infinity]),
    whole: Int8Array.of(1, -1),
    sign: Int8Array.of(1, -1),
    rest: Float64Array.of(0, 0.25),
  };
  const rows: number[][] = [];
  const bend = bent(bends, 60, intervals([0, 15], [15, 100]), (pitch) => (...call) => rows.push([pitch, ...call]));
  bend(5, 12, 40);
  bend(18, 30, 40);
  assertEquals(rows, [[60, 5, 10, 40], [61, 10, 12, 40], [61, 18, 20, 40], [58, 20, 30, 10], [59, 20, 30, 30]]);
});

Deno.test("what is bent beyond pitch 127 is lost, and the lowest row has nothing to take from below", () => {
  const up = bendIntervals(controls([0, 2048]), {
    ticks: [],
    barLines: [],
    columns: [],
    lastColumn: 0,
    column: (tick) => tick,
  });
  const rows: number[][] = [];
  for (const pitch of [0, 127]) bent(up, pitch, none, (row) => (...call) => rows.push([row, ...call]))(0, 9, 40);
  assertEquals(rows, [[0, 0, 9, 40], [1, 0, 9, 20], [127, 0, 9, 20]]);
});
