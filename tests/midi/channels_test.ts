import { assertEquals } from "@std/assert";
import { readScore } from "@lib/midi/read.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { authors, both, notesOf, sound } from "../support/reading.ts";
import { file, note, program, type RawEvent } from "../support/smf.ts";

const one = note(0, 100, 60);
const cc = (tick: number, number: number, value = 0, channel = 0): RawEvent => [tick, 0xb0 | channel, number, value];

Deno.test("a program set in another track of the channel holds in sound only", () => {
  const tracks: RawEvent[][] = [[program(0, 40, 1)], note(10, 20, 60, 64, 1)];
  assertEquals(notesOf(file(tracks)), [[10, 20, 60, 40]]);
  assertEquals(notesOf(file(tracks), authors), [[10, 20, 60, 0]]);
});

Deno.test("of programs set at one tick a track's own is its", () => {
  const tracks: RawEvent[][] = [[program(0, 40), ...note(0, 10, 60)], [program(0, 41), ...note(0, 10, 62)]];
  assertEquals(notesOf(file(tracks)), [[0, 10, 60, 40], [0, 10, 62, 41]]);
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

// --- drums ---

/** Whether each note of a file is a drum stroke. */
const drumsOf = (...tracks: RawEvent[][]) => readScore(file(tracks), sound).notes.map(({ drum }) => drum);
const sysEx = (tick: number, ...data: number[]): RawEvent => [tick, 0xf0, data.length + 1, ...data, 0xf7];
const gs = (...data: number[]) => sysEx(0, 0x41, 0x10, 0x42, 0x12, 0x40, ...data, 0);
const gsReset = gs(0x00, 0x7f, 0x00), xgOn = sysEx(0, 0x43, 0x10, 0x4c, 0, 0, 0x7e, 0);

Deno.test("a bank for drums makes a channel drums from there on, before or after the program: GM2 120, XG 126 and 127", () => {
  const at = (bank: number, channel = 10) =>
    drumsOf([...note(0, 9, 60, 64, channel), cc(10, 0, bank, channel), ...note(10, 19, 60, 64, channel)]);
  for (const bank of [120, 126, 127]) assertEquals(at(bank), [false, true], `bank ${bank}`);
  for (const bank of [0, 1, 64, 119, 121, 125]) assertEquals(at(bank), [false, false], `bank ${bank}`);
  assertEquals([at(0, 9), at(121, 9)], [[true, true], [true, false]]); // GM2: the tenth channel as a melodic one
  const back = [
    cc(0, 0, 120, 3),
    program(0, 0, 3),
    ...note(0, 9, 60, 64, 3),
    cc(10, 0, 121, 3),
    ...note(10, 19, 60, 64, 3),
  ];
  assertEquals(drumsOf(back), [true, false]);
  assertEquals(drumsOf([cc(0, 32, 120, 3), ...note(0, 9, 60, 64, 3)]), [false]); // the fine half of a bank
  assertEquals(drumsOf([cc(0, 0, 120, 3)], [...note(0, 9, 60, 64, 3), ...note(0, 9, 61, 64, 4)]), [true, false]);
});

Deno.test("in a file for GS the banks 126 and 127 are older sound modules, unless it is for XG too", () => {
  const events = [cc(0, 0, 127, 2), ...note(0, 9, 60, 64, 2)];
  assertEquals([drumsOf([gsReset, ...events]), drumsOf([gsReset, xgOn, ...events])], [[false], [true]]);
  assertEquals(drumsOf([gsReset, cc(0, 0, 120, 2), ...note(0, 9, 60, 64, 2)]), [true]);
});

Deno.test("SysEx makes a channel drums or not: GS use for rhythm part, XG part mode", () => {
  const all = Array.from({ length: 16 }, (_, channel) => note(0, 9, channel, 64, channel)).flat();
  const drums = (event: RawEvent) => drumsOf([event, ...all]).flatMap((drum, channel) => drum ? [channel] : []);
  assertEquals(drums(gs(0x1b, 0x15, 1)), [9, 11]);
  assertEquals([drums(gs(0x11, 0x15, 2)), drums(gs(0x19, 0x15, 1)), drums(gs(0x1f, 0x15, 1))], [[0, 9], [8, 9], [
    9,
    15,
  ]]);
  assertEquals([drums(gs(0x10, 0x15, 0)), drums(gs(0x1b, 0x16, 1)), drums(gs(0x2b, 0x15, 1))], [[], [9], [9]]);
  const xg = (part: number, mode: number) => sysEx(0, 0x43, 0x10, 0x4c, 8, part, 7, mode);
  assertEquals([drums(xg(12, 2)), drums(xg(9, 0)), drums(xg(16, 1))], [[9, 12], [], [9]]);
  assertEquals(drumsOf([gs(0x1b, 0x15, 1), cc(0, 0, 0, 11), program(0, 25, 11), ...note(0, 9, 60, 64, 11)]), [true]);
});

Deno.test("drums of a channel are a part of their own, and the tenth channel alone counts under authors", () => {
  const events = [...note(0, 9, 60, 64, 3), cc(10, 0, 120, 3), ...note(10, 19, 36, 64, 3)];
  const parts = (choices: Recipe) =>
    readScore(file([events]), choices).parts.map(({ drum, notes }) => [drum, notes.length]);
  assertEquals([parts(sound), parts(authors)], [[[false, 1], [true, 1]], [[false, 2]]]);
  assertEquals(parts(recipe("sound", "demo", { midi: { drums: "channel-10" } })), [[false, 2]]);
});
