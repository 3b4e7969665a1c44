import { assertEquals, assertStringIncludes } from "@std/assert";
import { readScore } from "@lib/midi/read.ts";
import { authors, both, brief, bytesOf, errorOf, notesOf, sound } from "../support/reading.ts";
import { body, chunk, file, header, note, program, type RawEvent, tempo } from "../support/smf.ts";

const one = note(0, 100, 60);
const eot = [0, 0xff, 0x2f, 0];

// --- structure of the file ---

Deno.test("formats 0 and 1 sound at once, the tracks of format 2 one after another under sound only", () => {
  const two: RawEvent[][] = [[tempo(0, 400_000), ...one], [tempo(10, 600_000), ...note(20, 50, 62)]];
  assertEquals(notesOf(file([[...one, ...note(20, 50, 62)]], 480, 0)), [[0, 100, 60, 0], [20, 50, 62, 0]]);
  assertEquals(notesOf(file(two, 480, 1)), [[0, 100, 60, 0], [20, 50, 62, 0]]);
  const score = readScore(file(two, 480, 2), sound);
  assertEquals(brief(score.notes), [[0, 100, 60, 0], [120, 150, 62, 0]]);
  assertEquals(score.tempi, [{ tick: 0, microseconds: 400_000 }, { tick: 110, microseconds: 600_000 }]);
  assertEquals(notesOf(file(two, 480, 2), authors), [[0, 100, 60, 0], [20, 50, 62, 0]]);
});

Deno.test("an unknown format is read as format 1, and a longer header is passed over", () => {
  assertEquals(notesOf(file([one, note(20, 50, 62)], 480, 3)), [[0, 100, 60, 0], [20, 50, 62, 0]]);
  const long = chunk("MThd", [0, 1, 0, 1, 1, 224, 9, 9]);
  for (const choices of both) assertEquals(notesOf(bytesOf(long, chunk("MTrk", body(one))), choices).length, 1);
});

Deno.test("of a wrong number of tracks in the header the authors read as many as it says, sound all there are", () => {
  const tracks = [...chunk("MTrk", body(one)), ...chunk("MTrk", body(note(20, 50, 62)))];
  assertEquals(notesOf(bytesOf(header(1), tracks)).length, 2);
  assertEquals(notesOf(bytesOf(header(1), tracks), authors).length, 1);
  assertEquals(notesOf(bytesOf(header(9), tracks)).length, 2);
  assertEquals(errorOf(bytesOf(header(9), tracks), authors).reason, "chunk");
});

Deno.test("a track length that is short by whole events loses none of them", () => {
  const track = body(one);
  for (let length = 0; length < track.length; length++) {
    const bytes = bytesOf(header(2), chunk("MTrk", track, length), chunk("MTrk", body(note(20, 50, 62))));
    assertEquals(notesOf(bytes), [[0, 100, 60, 0], [20, 50, 62, 0]], `length ${length} of ${track.length}`);
  }
});

Deno.test("a track length that is too long does not swallow the next track", () => {
  for (const [more, ended] of [[1, true], [500, true], [1, false], [500, false]] as [number, boolean][]) {
    const track = body(one, ended);
    const bytes = bytesOf(
      header(2),
      chunk("MTrk", track, track.length + more),
      chunk("MTrk", body(note(20, 50, 62))),
    );
    assertEquals(notesOf(bytes), [[0, 100, 60, 0], [20, 50, 62, 0]], `${more} too long, ended: ${ended}`);
  }
});

Deno.test("a missing end-of-track is no fault, and what follows an end-of-track in its chunk is not played", () => {
  const open = body(one, false);
  for (const choices of both) assertEquals(notesOf(bytesOf(header(1), chunk("MTrk", open)), choices).length, 1);
  const after = [...body(one), ...body(note(20, 50, 62))];
  assertEquals(notesOf(bytesOf(header(1), chunk("MTrk", after))), [[0, 100, 60, 0]]);
});

Deno.test("alien chunks before, between and after the tracks, also nested in padding, are passed over", () => {
  const alien = chunk("XFKM", [1, 2, 3, 0x4d, 0x54]);
  const bytes = bytesOf(header(2), alien, chunk("MTrk", body(one)), alien, alien, chunk("MTrk", body([])), alien, [0]);
  assertEquals(notesOf(bytes), [[0, 100, 60, 0]]);
  assertEquals(errorOf(bytes, authors).reason, "chunk");
});

Deno.test("an RMID with other chunks and a MacBinary with a resource fork are unwrapped; errors count from the file's start", () => {
  const ascii = (text: string) => [...new TextEncoder().encode(text)];
  const little = (n: number) => [n & 255, n >> 8, 0, 0];
  const plain = [...header(1), ...chunk("MTrk", body(one))];
  const broken = [...header(1), ...chunk("MTrk", [0, 0x90, 0x90, 64])];
  const riff = (content: number[]) => {
    const chunks = [
      ...ascii("DISP"),
      ...little(3),
      1,
      2,
      3,
      0,
      ...ascii("data"),
      ...little(content.length),
      ...content,
    ];
    return bytesOf(ascii("RIFF"), little(chunks.length + 4), ascii("RMID"), chunks);
  };
  const mac = (content: number[]) => {
    const head = Array(128).fill(0);
    head.splice(83, 4, 0, 0, content.length >> 8, content.length & 255);
    return bytesOf(head, content, chunk("MTrk", body(note(7, 8, 9)))); // a fork that is none of ours
  };
  for (const wrap of [riff, mac]) {
    assertEquals(notesOf(wrap(plain)), [[0, 100, 60, 0]]);
    assertEquals(errorOf(wrap(plain), authors).reason, "not-midi");
    const { reason, offset } = errorOf(wrap(broken));
    assertEquals([reason, wrap(broken)[offset!], wrap(broken)[offset! - 1]], ["data-byte", 0x90, 0x90]);
  }
});

Deno.test("1,000 tracks give 1,000 parts' worth of notes under both readings", () => {
  const tracks = Array.from({ length: 1000 }, (_, i): RawEvent[] => note(i, i + 10, i % 128, 64, i % 16));
  for (const choices of both) {
    const { notes, parts } = readScore(file(tracks), choices);
    assertEquals(notes.map((n) => [n.start, n.pitch]), tracks.map((_, i) => [i, i % 128]));
    assertEquals(parts.length, choices === sound ? 16 : 1000);
  }
});

// --- events ---

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

Deno.test("running status goes on over metas and system messages, as players let it", () => {
  const events = [0, 0x90, 60, 64, 10, 0xff, 1, 1, 65, 10, 64, 64, 10, 0xf0, 2, 1, 0xf7, 10, 60, 0, 60, 64, 0];
  assertEquals(notesOf(bytesOf(header(1), chunk("MTrk", [...events, ...eot]))), [[0, 40, 60, 0], [20, 100, 64, 0]]);
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

Deno.test("realtime bytes stand anywhere, undefined system bytes and SysEx in pieces are passed over, under sound", () => {
  const cases: Record<string, number[]> = {
    "realtime between data bytes": [0, 0x90, 0xf8, 60, 0xfe, 64, 100, 0x80, 60, 0xfa, 0],
    "realtime as an event": [0, 0xf8, 0, 0x90, 60, 64, 100, 0xfe, 0, 0x80, 60, 0],
    "undefined system bytes": [0, 0xf4, 0, 0xf5, 0, 0xf9, 0, 0x90, 60, 64, 100, 0x80, 60, 0],
    "song position and select": [0, 0xf2, 1, 2, 0, 0xf3, 1, 0, 0x90, 60, 64, 100, 0x80, 60, 0],
    "SysEx in pieces": [0, 0xf0, 2, 1, 2, 10, 0xf7, 2, 3, 0xf7, 0, 0x90, 60, 64, 100, 0x80, 60, 0],
    "SysEx with bytes above 127": [0, 0xf0, 3, 0x90, 0xff, 0xf7, 0, 0x90, 60, 64, 100, 0x80, 60, 0],
  };
  for (const [name, track] of Object.entries(cases)) {
    const [[start, end]] = notesOf(bytesOf(header(1), chunk("MTrk", [...track, ...eot])));
    assertEquals(end - start, 100, name);
  }
});

Deno.test("a message cut by another status byte is damage, and is told by its offset", () => {
  const bytes = bytesOf(header(1), chunk("MTrk", [0, 0x90, 60, 0x80, 60, 0, ...eot]));
  for (const choices of both) {
    const { reason, offset, message } = errorOf(bytes, choices);
    assertEquals([reason, offset], ["data-byte", 25]);
    assertStringIncludes(message, "Expected data 0…127, found 128 (byte 25)");
  }
});
