import { assert, assertEquals } from "@std/assert";
import { readScore } from "@lib/midi/read.ts";
import type { Score } from "@lib/midi/score.ts";
import type { Recipe } from "@lib/recipe/recipe.ts";
import { authors, both, notesOf, sound } from "../support/reading.ts";
import { file, note, program, type RawEvent } from "../support/smf.ts";

const one = note(0, 100, 60);

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

Deno.test("notes of no length and notes that never end are left out", () => {
  const events: RawEvent[] = [...note(10, 10, 60), [20, 0x90, 61, 64], ...note(30, 40, 62)];
  for (const choices of both) assertEquals(notesOf(file([events]), choices), [[30, 40, 62, 0]]);
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

Deno.test("a program set in another track of the channel holds in sound only", () => {
  const tracks: RawEvent[][] = [[program(0, 40, 1)], note(10, 20, 60, 64, 1)];
  assertEquals(notesOf(file(tracks)), [[10, 20, 60, 40]]);
  assertEquals(notesOf(file(tracks), authors), [[10, 20, 60, 0]]);
});

Deno.test("of programs set at one tick a track's own is its", () => {
  const tracks: RawEvent[][] = [[program(0, 40), ...note(0, 10, 60)], [program(0, 41), ...note(0, 10, 62)]];
  assertEquals(notesOf(file(tracks)), [[0, 10, 60, 40], [0, 10, 62, 41]]);
});

Deno.test("controls before a program's first note are shared by its channel's later programs (study §16.3)", () => {
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

Deno.test("a program that changes in the middle of a track counts from there on", () => {
  const track = [
    program(0, 5),
    ...note(0, 9, 60),
    program(10, 7),
    ...note(10, 19, 60),
    program(20, 5),
    ...note(20, 29, 60),
  ];
  for (const choices of both) {
    assertEquals(notesOf(file([track]), choices), [[0, 9, 60, 5], [10, 19, 60, 7], [20, 29, 60, 5]]);
  }
});

Deno.test("of many programs set at one tick in another track the last counts, but a track's own comes first", () => {
  const many: RawEvent[] = Array.from({ length: 50 }, (_, i) => program(5, i));
  const own: RawEvent[] = [...note(5, 9, 60), program(6, 99), ...note(6, 9, 61), ...note(7, 9, 62)];
  assertEquals(notesOf(file([many, own])), [[5, 9, 60, 49], [6, 9, 61, 99], [7, 9, 62, 99]]);
  const late: RawEvent[] = [[5, 0x90, 60, 64], program(5, 3), [9, 0x80, 60, 0]]; // its own change comes after its note
  assertEquals(notesOf(file([many, late])), [[5, 9, 60, 49]]);
  assertEquals(notesOf(file([late, many])), [[5, 9, 60, 49]]);
  assertEquals(notesOf(file([[program(1, 8)], late])), [[5, 9, 60, 8]]);
});

Deno.test("channels of different ports are different channels under sound, as a port is no part of pretty_midi's world", () => {
  const port = (number: number): RawEvent => [0, 0xff, 0x21, 1, number];
  const tracks = [[port(0), program(0, 5), ...one], [port(1), program(0, 6), ...note(0, 100, 60)]];
  assertEquals(notesOf(file(tracks)).map((n) => n[3]), [5, 6]);
  assertEquals(readScore(file([[port(3), ...note(0, 9, 36, 64, 9)]]), sound).parts[0].drum, true);
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

Deno.test("a zero-length note vanishes and takes no other note with it", () => {
  const events: RawEvent[] = [[0, 0x90, 60, 64], [50, 0x90, 62, 64], [50, 0x80, 62, 0], [100, 0x80, 60, 0]];
  for (const choices of both) assertEquals(notesOf(file([events]), choices), [[0, 100, 60, 0]]);
});

Deno.test("100,000 notes of one pitch open at once end oldest first under sound, all together under authors", () => {
  const count = 100_000;
  const ons = Array.from({ length: count }, (_, i): RawEvent => [i, 0x90, 60, 64]);
  const offs = Array.from({ length: count }, (_, i): RawEvent => [count + i, 0x80, 60, 0]);
  const score = (choices: Recipe): Score => readScore(file([[...ons, ...offs]]), choices);
  assert(score(sound).notes.every((n, i) => n.start === i && n.end === count + i));
  assert(score(authors).notes.every((n, i) => n.start === i && n.end === count));
});
