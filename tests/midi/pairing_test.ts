import { assert, assertEquals } from "@std/assert";
import { readScore } from "@lib/midi/read.ts";
import type { Score } from "@lib/midi/score.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { authors, both, notesOf, sound } from "../support/reading.ts";
import { file, note, program, type RawEvent } from "../support/smf.ts";

Deno.test("under sound an off ends the oldest open note, under authors all that started earlier", () => {
  const retrigger: RawEvent[] = [[0, 0x90, 60, 64], [100, 0x90, 60, 64], [200, 0x80, 60, 0], [300, 0x80, 60, 0]];
  assertEquals(notesOf(file([retrigger])), [[0, 200, 60, 0], [100, 300, 60, 0]]);
  assertEquals(notesOf(file([retrigger]), authors), [[0, 200, 60, 0], [100, 200, 60, 0]]);
});

Deno.test("a note struck again before its off at the same tick keeps both lengths", () => {
  const events: RawEvent[] = [[0, 0x90, 60, 64], [100, 0x90, 60, 64], [100, 0x80, 60, 0], [200, 0x80, 60, 0]];
  for (const choices of both) {
    assertEquals(notesOf(file([events]), choices), [[0, 100, 60, 0], [100, 200, 60, 0]]);
  }
});

Deno.test("a stroke of no length is a twelfth of a quarter long, at least a tick; authors leave it out", () => {
  const strokes: RawEvent[] = [
    ...note(10, 10, 36, 90, 9),
    ...note(20, 30, 62),
    ...note(20, 20, 63),
    ...note(50, 50, 60),
  ];
  assertEquals(notesOf(file([strokes])), [[10, 50, 36, 0], [20, 30, 62, 0], [20, 60, 63, 0], [50, 90, 60, 0]]);
  assertEquals(notesOf(file([strokes]), authors), [[20, 30, 62, 0]]);
  const drop = recipe("sound", "demo", { midi: { zeroLength: "drop" } });
  assertEquals(notesOf(file([strokes]), drop), [[20, 30, 62, 0]]);
  for (const [division, length] of [[1, 1], [12, 1], [96, 8], [100, 8], [960, 80]]) {
    assertEquals(notesOf(file([note(7, 7, 60)], division)), [[7, 7 + length, 60, 0]], `${division} ticks a quarter`);
  }
});

Deno.test("several strokes at one tick are all kept, and a stroke inside another note takes nothing from it", () => {
  const twice: RawEvent[] = [...note(0, 0, 36, 90, 9), ...note(0, 0, 36, 80, 9), ...note(0, 0, 38, 70, 9)];
  assertEquals(readScore(file([twice]), sound).notes.map((n) => [n.start, n.end, n.pitch, n.velocity]), [
    ...[[0, 40, 36, 90], [0, 40, 36, 80], [0, 40, 38, 70]],
  ]);
  const inside: RawEvent[] = [[0, 0x90, 60, 64], ...note(50, 50, 62), [100, 0x80, 60, 0]];
  assertEquals(notesOf(file([inside])), [[0, 100, 60, 0], [50, 90, 62, 0]]);
  assertEquals(notesOf(file([inside]), authors), [[0, 100, 60, 0]]);
});

Deno.test("a note that nothing ends is left out", () => {
  for (const choices of both) {
    assertEquals(notesOf(file([[[20, 0x90, 61, 64], ...note(30, 40, 62)]]), choices).length, 1);
  }
});

// --- controllers that end notes ---

const cc = (tick: number, number: number, value = 0, channel = 0): RawEvent => [tick, 0xb0 | channel, number, value];
const on = (tick: number, pitch: number, channel = 0): RawEvent => [tick, 0x90 | channel, pitch, 64];

Deno.test("All Notes Off, All Sound Off and the mode messages end the notes of their channel, in any track", () => {
  for (const number of [120, 123, 124, 125, 126, 127]) {
    const events = [
      on(0, 60),
      on(10, 62),
      on(10, 62, 1),
      cc(100, number),
      ...note(150, 200, 60),
      cc(300, number, 0, 1),
    ];
    const wanted = [[0, 100, 60, 0], [10, 100, 62, 0], [10, 300, 62, 0], [150, 200, 60, 0]];
    assertEquals(notesOf(file([events])), wanted, `controller ${number}`);
    assertEquals(
      notesOf(file([events.filter((e) => e[1] >> 4 === 11), events.filter((e) => e[1] >> 4 !== 11)])),
      wanted,
    );
    assertEquals(notesOf(file([events]), authors), [[0, 200, 60, 0], [150, 200, 60, 0]]);
  }
  for (const number of [1, 64, 119, 121, 122]) assertEquals(notesOf(file([[on(0, 60), cc(100, number)]])), []);
});

Deno.test("what starts at the tick of an All Notes Off goes on, and an off after it ends only later notes", () => {
  const setUp = [cc(0, 123), ...note(0, 50, 60), on(60, 60), cc(100, 123), on(100, 60), [150, 0x80, 60, 0] as RawEvent];
  assertEquals(notesOf(file([setUp])), [[0, 50, 60, 0], [60, 100, 60, 0], [100, 150, 60, 0]]);
});

/** The pedal's values and the bends of the first part. */
const controlsOf = (...tracks: RawEvent[][]) => {
  const { pedals, bends } = readScore(file(tracks), sound).parts[0].controls;
  return [pedals.map(({ tick, value }) => [tick, value]), bends.map(({ tick, value }) => [tick, value])];
};

Deno.test("Reset All Controllers releases the pedal and centres the bend, All Sound Off releases the pedal", () => {
  const events = [cc(0, 64, 127), [5, 0xe0, 0, 0] as RawEvent, ...note(10, 20, 60)];
  assertEquals(controlsOf([...events, cc(100, 121)]), [[[0, 127], [100, 0]], [[5, -8192], [100, 0]]]);
  assertEquals(controlsOf([...events, cc(100, 120)]), [[[0, 127], [100, 0]], [[5, -8192]]]);
  assertEquals(controlsOf([...events, cc(100, 121)], [...note(0, 9, 61), cc(50, 64, 80)])[0].length, 3); // any track
});

Deno.test("a pedal that is never released is released at the end of the last track of its channel", () => {
  const end: RawEvent = [1920, 0xff, 1, 0], pedal = cc(30, 64, 127);
  assertEquals(controlsOf([pedal, ...note(0, 9, 60), end])[0], [[30, 127], [1920, 0]]);
  assertEquals(controlsOf([pedal], [...note(0, 9, 60), end], [...note(0, 9, 60, 64, 1), [5000, 0xff, 1, 0]])[0], [
    [30, 127],
    [1920, 0],
  ]);
  assertEquals(controlsOf([pedal, cc(40, 64, 63), ...note(0, 9, 60), end])[0], [[30, 127], [40, 63]]);
  assertEquals(readScore(file([[pedal, ...note(0, 9, 60), end]]), sound).endTick, 1920);
});

Deno.test("a program that changes under a sounding note counts at its start in sound, at its end for authors", () => {
  const events: RawEvent[] = [
    program(0, 5),
    [0, 0x90, 60, 64],
    program(50, 9),
    [100, 0x80, 60, 0],
    ...note(100, 200, 60),
  ];
  assertEquals(notesOf(file([events])), [[0, 100, 60, 5], [100, 200, 60, 9]]);
  assertEquals(notesOf(file([events]), authors), [[0, 100, 60, 9], [100, 200, 60, 9]]);
});

Deno.test("controls before a program's first note are shared by its channel's later programs (STUDY §16.3)", () => {
  const events: RawEvent[] = [
    [0, 0xb0, 64, 127],
    program(0, 5),
    ...note(0, 100, 60),
    program(200, 6),
    [210, 0xb0, 64, 0],
    ...note(220, 300, 60),
  ];
  const { parts } = readScore(file([events]), authors);
  assertEquals(parts.map((part) => part.program), [5, 6]);
  assert(parts[0].controls === parts[1].controls);
  assertEquals(parts[0].controls.pedals, [{ tick: 0, value: 127 }, { tick: 210, value: 0 }]);
});

Deno.test("several channels of one track are parts of their own, with programs of their own", () => {
  const track = [
    program(0, 5, 0),
    program(0, 6, 1),
    ...note(0, 9, 60, 64, 0),
    ...note(0, 9, 62, 64, 1),
    ...note(0, 9, 36, 64, 9),
  ];
  for (const choices of both) {
    const { parts } = readScore(file([track]), choices);
    assertEquals(parts.map((p) => [p.program, p.drum, p.notes[0].pitch]), [[5, false, 60], [6, false, 62], [
      0,
      true,
      36,
    ]]);
  }
});

Deno.test("a retrigger, a note-off of its own tick and an off without a note leave the others whole", () => {
  const sameTick: RawEvent[] = [[0, 0x90, 60, 64], [100, 0x80, 60, 0], [100, 0x90, 60, 70], [200, 0x80, 60, 0]];
  const stray: RawEvent[] = [[0, 0x80, 60, 0], [5, 0x80, 61, 0], ...note(10, 20, 60), [30, 0x80, 60, 0]];
  for (const choices of both) {
    assertEquals(notesOf(file([sameTick]), choices), [[0, 100, 60, 0], [100, 200, 60, 0]]);
    assertEquals(notesOf(file([stray]), choices), [[10, 20, 60, 0]]);
  }
});

Deno.test("an off ends no note of another track on the same channel", () => {
  const tracks: RawEvent[][] = [[[0, 0x90, 60, 64], [100, 0x80, 60, 0]], [[10, 0x90, 60, 64], [50, 0x80, 60, 0]], [
    [20, 0x90, 60, 64],
  ], [[30, 0x80, 60, 0]]];
  for (const choices of both) assertEquals(notesOf(file(tracks), choices), [[0, 100, 60, 0], [10, 50, 60, 0]]);
});

Deno.test("100,000 notes of one pitch open at once end oldest first under sound, all together under authors", () => {
  const count = 100_000;
  const ons = Array.from({ length: count }, (_, i): RawEvent => [i, 0x90, 60, 64]);
  const offs = Array.from({ length: count }, (_, i): RawEvent => [count + i, 0x80, 60, 0]);
  const score = (choices: Recipe): Score => readScore(file([[...ons, ...offs]]), choices);
  assert(score(sound).notes.every((n, i) => n.start === i && n.end === count + i));
  assert(score(authors).notes.every((n, i) => n.start === i && n.end === count));
});
