import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import midiFile from "midi-file";
import { MidiError, type MidiReason } from "@lib/midi/error.ts";
import { readScore } from "@lib/midi/read.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { authors, both, brief, bytesOf, errorOf, notesOf, reasonOf, sound } from "../support/reading.ts";
import { body, chunk, file, header, meter, note, type RawEvent, tempo } from "../support/smf.ts";

const one = note(0, 100, 60);
const sixAt = (start: number) => [0, 1, 2, 3, 4, 5].flatMap((i) => note(start, start + 40, 60 + i));
const eot = [0, 0xff, 0x2f, 0];

Deno.test("tempi and signatures count from any track in sound, from the first for authors", () => {
  const bytes = file([[...note(0, 10, 60)], [tempo(5, 400_000), meter(0)]]);
  const score = readScore(bytes, sound);
  assertEquals(score.tempi, [{ tick: 5, microseconds: 400_000 }]);
  assertEquals(score.meters, [{ tick: 0, numerator: 4, denominator: 4 }]);
  assertEquals(readScore(bytes, authors).tempi, [{ tick: 0, microseconds: 500_000 }]);
  assertEquals(readScore(bytes, authors).meters, []);
});

Deno.test("formats 0 and 1 sound at once, the tracks of format 2 one after another under sound only", () => {
  const two: RawEvent[][] = [[tempo(0, 400_000), ...one], [tempo(10, 600_000), ...note(20, 50, 62)]];
  assertEquals(notesOf(file([[...one, ...note(20, 50, 62)]], 480, 0)), [[0, 100, 60, 0], [20, 50, 62, 0]]);
  assertEquals(notesOf(file(two, 480, 1)), [[0, 100, 60, 0], [20, 50, 62, 0]]);
  const score = readScore(file(two, 480, 2), sound);
  assertEquals(brief(score.notes), [[0, 100, 60, 0], [120, 150, 62, 0]]);
  assertEquals(score.tempi, [{ tick: 0, microseconds: 400_000 }, { tick: 110, microseconds: 600_000 }]);
  assertEquals(notesOf(file(two, 480, 2), authors), [[0, 100, 60, 0], [20, 50, 62, 0]]);
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
    assertEquals(score.endTick, stray[0][1] === 0xff && stray[0][2] === 0x58 ? 40 : end); // no note is in that signature
    assertEquals(tokenize(score, sound).length, 1);
  }
  const error = errorOf(file([note(end, end + 1, 60)]));
  assertEquals([error.reason, error.message], ["tick-limit", "Expected at most 100000 quarters, found 100000"]);
  assertEquals(tokenize(readScore(file([[...sixAt(0), ...note(end - 480, end, 60)]]), sound), sound).length, 25_000);
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

Deno.test("1,000 tracks give 1,000 parts' worth of notes under both readings", () => {
  const tracks = Array.from({ length: 1000 }, (_, i): RawEvent[] => note(i, i + 10, i % 128, 64, i % 16));
  for (const choices of both) {
    const { notes, parts } = readScore(file(tracks), choices);
    assertEquals(notes.map((n) => [n.start, n.pitch]), tracks.map((_, i) => [i, i % 128]));
    assertEquals(parts.length, choices === sound ? 16 : 1000);
  }
});

Deno.test("notes, tempi, signatures and controls of the embedded songs are those that midi-file reads", async () => {
  let notes = 0;
  for await (const { name } of Deno.readDir("data/freedoom")) {
    if (!name.endsWith(".mid")) continue;
    const bytes = await Deno.readFile(`data/freedoom/${name}`);
    const score = readScore(bytes, sound);
    const expected = { notes: [] as number[][], tempi: [] as number[][], meters: [] as number[][] };
    let controls = 0;
    const { tracks, header: { ticksPerBeat } } = midiFile.parseMidi(bytes);
    for (const track of tracks) {
      const open = new Map<string, [number, number][]>();
      let tick = 0;
      for (const event of track) {
        tick += event.deltaTime;
        if (event.type === "noteOn") {
          const key = `${event.channel} ${event.noteNumber}`;
          open.set(key, [...open.get(key) ?? [], [tick, event.velocity]]);
        } else if (event.type === "noteOff") {
          const on = open.get(`${event.channel} ${event.noteNumber}`)?.shift();
          const shortest = Math.round(ticksPerBeat! / 12);
          if (on) expected.notes.push([on[0], on[0] < tick ? tick : tick + shortest, event.noteNumber, on[1]]);
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

Deno.test("what cannot be read is refused with a stable reason", () => {
  const cases: [Uint8Array, MidiReason, MidiReason | "read"][] = [
    [new Uint8Array(0), "not-midi", "not-midi"],
    [Uint8Array.of(0x4d), "not-midi", "not-midi"],
    [new TextEncoder().encode("a text renamed .mid"), "not-midi", "not-midi"],
    [bytesOf(header(1)), "chunk", "chunk"],
    [file([note(0, 9, 60)], 0), "division", "division"],
    [file([note(0, 9, 60)], 0xe250), "division", "division"],
    [bytesOf(header(1), chunk("MTrk", [0, 60, 64])), "event", "event"],
    [bytesOf(header(1), chunk("MTrk", [0, 0x90, 0x90, 64])), "data-byte", "data-byte"],
    [file([[...note(0, 9, 60), ...note(0x0ffffff0, 0x0fffffff, 60)]], 1), "tick-limit", "tick-limit"],
  ];
  for (const [bytes, bySound, byAuthors] of cases) {
    assertEquals(reasonOf(bytes, sound), bySound);
    assertEquals(reasonOf(bytes, authors), byAuthors);
  }
});

Deno.test("authors refuse what their reader fails on and sound reads", () => {
  const cases: [Uint8Array, MidiReason][] = [
    [file([[[0, 0xff, 0x59, 2, 0, 2], ...note(0, 9, 60)]]), "meta"],
    [file([[[0, 0xff, 0x59, 0], ...note(0, 9, 60)]]), "meta"],
    [file([[tempo(0, 0), ...note(0, 9, 60)]]), "tempo"],
    [file([[...note(0, 9, 60), [10_000_001, 0xff, 1, 0]]]), "tick-limit"],
    [bytesOf(header(1), chunk("MTrk", body(note(0, 9, 60), false), 500)), "truncated"],
    [file([[[0, 0xf0, 2, 0x90, 0xf7], ...note(0, 9, 60)]]), "data-byte"],
  ];
  for (const [bytes, reason] of cases) {
    assertEquals(reasonOf(bytes, authors), reason);
    assertEquals(reasonOf(bytes, sound), "read");
  }
});

Deno.test("of two signatures at one tick the last counts, and none that no note follows; under authors all count", () => {
  const metersOf = (choices: Recipe, ...tracks: RawEvent[][]) =>
    readScore(file(tracks), choices).meters.map(({ tick, numerator }) => [tick, numerator]);
  const twice = [meter(0, 2), meter(0, 4), ...sixAt(0)], late = [meter(0), ...sixAt(0), meter(1, 3)];
  assertEquals([metersOf(sound, twice), metersOf(authors, twice)], [[[0, 4]], [[0, 2], [0, 4]]]);
  assertEquals(metersOf(sound, [meter(0, 2)], [meter(0, 3)], [meter(0, 4), ...sixAt(0)]), [[0, 4]]); // in any track
  assertEquals([metersOf(sound, late), metersOf(authors, late)], [[[0, 4]], [[0, 4], [1, 3]]]);
  assertEquals(metersOf(sound, [meter(0), meter(960, 3), ...sixAt(960)]), [[0, 4], [960, 3]]); // a note at its tick
  assertEquals(metersOf(recipe("sound", "demo", { midi: { meters: "all" } }), late).length, 2);
  assertEquals(tokenize(readScore(file([late]), sound), sound).length, 1);
});

Deno.test("of two tempi at one tick the last counts", () => {
  const bytes = file([[tempo(0, 1_000_000), tempo(0, 500_000), ...sixAt(0)]]);
  assertEquals(tokenize(readScore(bytes, sound), sound).map((bar) => bar.labels.tempoBin), [16]); // 122 bpm
});
