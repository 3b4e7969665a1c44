import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import midiFile from "midi-file";
import { MidiError, type MidiReason } from "@lib/midi/error.ts";
import { readScore } from "@lib/midi/read.ts";
import type { Score } from "@lib/midi/score.ts";
import type { Recipe } from "@lib/recipe/recipe.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { authors, both, brief, bytesOf, errorOf, notesOf, sound } from "../support/reading.ts";
import { body, chunk, file, header, meter, note, quantity, type RawEvent, tempo } from "../support/smf.ts";

const one = note(0, 100, 60),
  sixAt = (start: number) => [0, 1, 2, 3, 4, 5].flatMap((i) => note(start, start + 40, 60 + i));
const eot = [0, 0xff, 0x2f, 0];

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
  assertEquals(tokenize(readScore(bytes, sound), sound).map((bar) => bar.labels.tempoBin), [16, 16]);
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

Deno.test("more than two million events are refused, so that no file can fill the memory", () => {
  const bytes = new Uint8Array(22 + 2 * 2 ** 21 + 3);
  const length = bytes.length - 22;
  bytes.set(bytesOf(header(1), chunk("MTrk", [], length), [0, 0xc0, 1]));
  for (const choices of both) assertEquals(errorOf(bytes, choices).reason, "event-limit");
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
