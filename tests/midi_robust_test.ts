import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import midiFile from "midi-file";
import { MidiError, type MidiReason, type Note, readScore, type Score } from "@lib/midi.ts";
import { type Recipe, recipe } from "@lib/recipe.ts";
import { tokenize } from "@lib/remi.ts";
import { body, chunk, file, header, meter, note, program, quantity, type RawEvent, tempo } from "./smf.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo"), both = [sound, authors];

const bytesOf = (...parts: number[][]) => Uint8Array.from(parts.flat());
const brief = (notes: Note[]) => notes.map(({ start, end, pitch, program }) => [start, end, pitch, program]);
const notesOf = (bytes: Uint8Array, choices: Recipe = sound) => brief(readScore(bytes, choices).notes);
const errorOf = (bytes: Uint8Array, choices: Recipe = sound): MidiError =>
  assertThrows(() => readScore(bytes, choices), MidiError);
const one = note(0, 100, 60),
  sixAt = (start: number) => [0, 1, 2, 3, 4, 5].flatMap((i) => note(start, start + 40, 60 + i));
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

// --- metas ---

Deno.test("metas of any length from 0 to 9 and of any type leave the notes where they are", () => {
  for (let type = 0; type < 128; type++) {
    if (type === 0x2f) continue;
    for (let length = 0; length < 10; length++) {
      if (type === 0x21 && length === 1) continue; // sends what follows to another port
      const meta: RawEvent = [50, 0xff, type, length, ...Array(length).fill(1)];
      assertEquals(notesOf(file([[...one, meta]])), [[0, 100, 60, 0]], `type ${type}, length ${length}`);
    }
  }
});

Deno.test("a tempo, a signature and an end-of-track that are too long keep their meaning", () => {
  const longTempo: RawEvent = [0, 0xff, 0x51, 5, 6, 0x1a, 0x80, 9, 9],
    longMeter: RawEvent = [0, 0xff, 0x58, 6, 4, 2, 24, 8, 9, 9];
  const score = readScore(file([[longTempo, longMeter, ...one]]), sound);
  assertEquals([score.tempi[0].microseconds, score.meters[0].denominator], [400_000, 4]);
  const longEnd = [...body(one, false), 0, 0xff, 0x2f, 2, 1, 1];
  assertEquals(notesOf(bytesOf(header(1), chunk("MTrk", longEnd))).length, 1);
});

Deno.test("texts of 200 kB and names in no encoding are passed over under both readings", () => {
  const long = (type: number): RawEvent => [0, 0xff, type, ...quantity(200_000), ...Array(200_000).fill(0xe9)];
  const name: RawEvent = [0, 0xff, 3, 4, 0xff, 0xfe, 0xc3, 0x28];
  for (const choices of both) assertEquals(notesOf(file([[name, long(1), long(3), ...one]]), choices).length, 1);
});

Deno.test("a tempo of 0 is no tempo under sound and a refusal under authors", () => {
  const bytes = file([[tempo(0, 500_000), tempo(480, 0), meter(0), ...sixAt(0), ...sixAt(1920)]]);
  assertEquals(tokenize(readScore(bytes, sound), sound).map((bar) => bar.labels.tempo), [122, 122]);
  assertEquals(errorOf(bytes, authors).reason, "tempo");
});

Deno.test("signatures such as 7/16, 0/4 and 4/2^33 are refused by what they are, not misread as 4/4", () => {
  const cases: [RawEvent, string][] = [
    [meter(0, 7, 4), "7/16"],
    [meter(0, 4, 33), "4/2^33"],
    [meter(0, 4, 255), "4/2^255"],
    [meter(0, 0, 2), "0/4"],
    [meter(0, 4, 34), "4/2^34"],
    [meter(0, 2, 1), "2/2"],
  ];
  for (const [event, found] of cases) {
    const score = readScore(file([[event, ...sixAt(0)]]), sound);
    const error = assertThrows(() => tokenize(score, sound), MidiError);
    assertEquals(error.reason, "not-4/4");
    assertStringIncludes(error.message, `Expected 4/4 throughout, found ${found} at tick 0`);
  }
  assertEquals(errorOf(file([[meter(0, 0, 2), ...one]]), authors).reason, "meta");
});

// --- time ---

Deno.test("ticks near 2^28 are exact where the division makes them a song of fewer than 100,000 quarters", () => {
  const far = 2 ** 28 - 40;
  const bytes = file([[meter(0), ...sixAt(0), ...sixAt(far)]], 32767);
  const score = readScore(bytes, sound);
  assertEquals(brief(score.notes).at(-1), [far, far + 40, 65, 0]);
  const bars = tokenize(score, sound);
  assertEquals([bars.length, bars.filter((bar) => bar.kept).length, bars[1].tokens.length], [2049, 2, 4]);
  assertEquals(bars.at(-1)!.startTick, 2048 * 4 * 32767);
  assertEquals(errorOf(bytes, authors).reason, "tick-limit"); // pretty_midi stops at 10,000,000
});

Deno.test("what is late but no note's start is cut off at 100,000 quarters; a note that starts there is refused", () => {
  const end = 100_000 * 480, late = 2 ** 28 - 1;
  for (const stray of [[[late, 0xb0, 7, 1]], [[late, 0x80, 61, 0]], [meter(late)], [tempo(late, 1)]] as RawEvent[][]) {
    const score = readScore(file([[meter(0), ...sixAt(0), [0, 0x90, 61, 64], ...stray]]), sound);
    assertEquals(score.endTick, end);
    assertEquals(tokenize(score, sound).length, 1);
  }
  const error = errorOf(file([note(end, end + 1, 60)]));
  assertEquals([error.reason, error.message], ["tick-limit", "Expected at most 100000 quarters, found 100000"]);
  assertEquals(tokenize(readScore(file([[...sixAt(0), ...note(end - 480, end, 60)]]), sound), sound).length, 25_000);
});

Deno.test("divisions of 0 and of SMPTE frames have no quarters and are refused at byte 12", () => {
  for (const [division, found] of [[0, "0"], [0xe250, "SMPTE frames"], [0xe728, "SMPTE frames"]] as const) {
    for (const choices of both) {
      const error = errorOf(file([one], division), choices);
      assertEquals([error.reason, error.offset], ["division", 12]);
      assertStringIncludes(error.message, `Expected ticks a quarter, found ${found}`);
    }
  }
});

Deno.test("a division of 1 and one of 32767 are read", () => {
  for (const choices of both) {
    for (const division of [1, 32767]) {
      const events = [meter(0), ...[0, 1, 2, 3, 4, 5].flatMap((i) => note(0, 2 * division, 60 + i))];
      const [bar] = tokenize(readScore(file([events], division), choices), choices);
      assertEquals([bar.kept, bar.labels.meanDurationQuarters], [true, 2]);
    }
  }
});

Deno.test("a million notes are all there, in order, with their lengths", () => {
  const count = 1_000_000, track = new Uint8Array(7 + 6 * count + 4);
  track.set([0, 0x90, 0, 64, 1, 0, 0]);
  for (let i = 0; i < count; i++) track.set([0, i % 128, 64, 1, i % 128, 0], 7 + 6 * i);
  track.set(eot, 7 + 6 * count);
  const bytes = new Uint8Array(22 + track.length);
  bytes.set(bytesOf(header(1), chunk("MTrk", [], track.length)));
  bytes.set(track, 22);
  for (const choices of both) {
    const { notes } = readScore(bytes, choices);
    assertEquals(notes.length, count + 1);
    assert(notes.every((n, i) => n.start === i && n.end === i + 1 && n.pitch === (i === 0 ? 0 : (i - 1) % 128)));
  }
});

Deno.test("100,000 notes of one pitch open at once end oldest first under sound, all together under authors", () => {
  const count = 100_000;
  const ons = Array.from({ length: count }, (_, i): RawEvent => [i, 0x90, 60, 64]);
  const offs = Array.from({ length: count }, (_, i): RawEvent => [count + i, 0x80, 60, 0]);
  const score = (choices: Recipe): Score => readScore(file([[...ons, ...offs]]), choices);
  assert(score(sound).notes.every((n, i) => n.start === i && n.end === count + i));
  assert(score(authors).notes.every((n, i) => n.start === i && n.end === count));
});

// --- the errors themselves ---

Deno.test("an error names the file it was told, the byte, what was expected and what was found", () => {
  const cases: [Uint8Array, MidiReason, number | undefined, string][] = [
    [new Uint8Array(0), "not-midi", 0, "Expected MThd, found an empty file"],
    [Uint8Array.of(0x4d), "not-midi", 0, "Expected MThd, found other bytes"],
    [new TextEncoder().encode("MThd but a text, renamed .mid"), "division", 12, ""],
    [new TextEncoder().encode("a text renamed .mid"), "not-midi", 0, "Expected MThd, found other bytes"],
    [bytesOf(header(1)).subarray(0, 10), "not-midi", 10, "Expected a header of 14 bytes, found the end"],
    [bytesOf(chunk("MThd", [0, 1, 0, 1]), [0, 0]), "not-midi", 4, "Expected a header of 6 bytes, found 4"],
    [bytesOf(header(1)), "chunk", 14, "Expected a track chunk (MTrk), found none"],
    [bytesOf(header(1), chunk("MTrk", [0, 60, 64])), "event", 23, "Expected a status byte, found 60"],
  ];
  for (const [bytes, reason, offset, message] of cases) {
    const error = assertThrows(() => readScore(bytes, sound, "songs/a.mid"), MidiError, message);
    if (reason === "division") continue; // its words happen to be a header with a division: any reason will do
    assertEquals([error.reason, error.offset, error.file], [reason, offset, "songs/a.mid"]);
  }
  const score = readScore(file([[meter(0, 3), ...one]]), sound, "songs/b.mid");
  assertEquals(assertThrows(() => tokenize(score, sound), MidiError).file, "songs/b.mid");
});

Deno.test("notes, tempi, signatures and controls of the embedded songs are those that midi-file reads", async () => {
  let notes = 0;
  for await (const { name } of Deno.readDir("data/freedoom")) {
    if (!name.endsWith(".mid")) continue;
    const bytes = await Deno.readFile(`data/freedoom/${name}`);
    const score = readScore(bytes, sound);
    const expected = { notes: [] as number[][], tempi: [] as number[][], meters: [] as number[][] };
    let controls = 0;
    for (const track of midiFile.parseMidi(bytes).tracks) {
      const open = new Map<string, [number, number][]>();
      let tick = 0;
      for (const event of track) {
        tick += event.deltaTime;
        if (event.type === "noteOn") {
          const key = `${event.channel} ${event.noteNumber}`;
          open.set(key, [...open.get(key) ?? [], [tick, event.velocity]]);
        } else if (event.type === "noteOff") {
          const on = open.get(`${event.channel} ${event.noteNumber}`)?.shift();
          if (on && on[0] < tick) expected.notes.push([on[0], tick, event.noteNumber, on[1]]);
        } else if (event.type === "setTempo") expected.tempi.push([tick, event.microsecondsPerBeat]);
        else if (event.type === "timeSignature") expected.meters.push([tick, event.numerator, event.denominator]);
        else if (event.type === "pitchBend" || (event.type === "controller" && event.controllerType === 64)) controls++;
      }
    }
    const order = (rows: number[][]) => rows.sort((a, b) => a[0] - b[0] || a[2] - b[2] || a[1] - b[1] || a[3] - b[3]);
    const found = score.notes.map((n) => [n.start, n.end, n.pitch, n.velocity]);
    assertEquals(order(found), order(expected.notes), name);
    assertEquals(score.tempi.map((t) => [t.tick, t.microseconds]), expected.tempi, name);
    assertEquals(score.meters.map((m) => [m.tick, m.numerator, m.denominator]), expected.meters, name);
    const heard = [...new Set(score.parts.map((part) => part.controls))];
    assert(heard.reduce((sum, { pedals, bends }) => sum + pedals.length + bends.length, 0) <= controls, name);
    notes += found.length;
  }
  assert(notes > 190_000, `${notes} notes`);
});
