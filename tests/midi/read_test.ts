import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { MidiError, type MidiReason } from "@lib/midi/error.ts";
import type { Note } from "@lib/midi/score.ts";
import { readScore } from "@lib/midi/read.ts";
import { writeScore } from "@lib/midi/write.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { body, chunk, file, header, meter, note, program, type RawEvent, tempo } from "../support/smf.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");

const brief = (notes: Note[]) => notes.map(({ start, end, pitch, program }) => [start, end, pitch, program]);
const read = (tracks: RawEvent[][], choices = sound) => brief(readScore(file(tracks), choices).notes);
const bytesOf = (...chunks: number[][]) => Uint8Array.from(chunks.flat());

function reasonOf(bytes: Uint8Array, choices = sound): MidiReason | "read" {
  try {
    readScore(bytes, choices);
    return "read";
  } catch (error) {
    assertInstanceOf(error, MidiError);
    return error.reason;
  }
}

Deno.test("under sound an off ends the oldest open note, under authors all that started earlier", () => {
  const retrigger: RawEvent[] = [[0, 0x90, 60, 64], [100, 0x90, 60, 64], [200, 0x80, 60, 0], [300, 0x80, 60, 0]];
  assertEquals(read([retrigger]), [[0, 200, 60, 0], [100, 300, 60, 0]]);
  assertEquals(read([retrigger], authors), [[0, 200, 60, 0], [100, 200, 60, 0]]);
});

Deno.test("a note struck again before its off at the same tick keeps both lengths", () => {
  const events: RawEvent[] = [[0, 0x90, 60, 64], [100, 0x90, 60, 64], [100, 0x80, 60, 0], [200, 0x80, 60, 0]];
  for (const choices of [sound, authors]) {
    assertEquals(read([events], choices), [[0, 100, 60, 0], [100, 200, 60, 0]]);
  }
});

Deno.test("notes of no length and notes that never end are left out", () => {
  const events: RawEvent[] = [...note(10, 10, 60), [20, 0x90, 61, 64], ...note(30, 40, 62)];
  for (const choices of [sound, authors]) assertEquals(read([events], choices), [[30, 40, 62, 0]]);
});

Deno.test("a program that changes under a sounding note counts at its start in sound, at its end for authors", () => {
  const events: RawEvent[] = [
    program(0, 5),
    [0, 0x90, 60, 64],
    program(50, 9),
    [100, 0x80, 60, 0],
    ...note(100, 200, 60),
  ];
  assertEquals(read([events]), [[0, 100, 60, 5], [100, 200, 60, 9]]);
  assertEquals(read([events], authors), [[0, 100, 60, 9], [100, 200, 60, 9]]);
});

Deno.test("a program set in another track of the channel holds in sound only", () => {
  const tracks: RawEvent[][] = [[program(0, 40, 1)], note(10, 20, 60, 64, 1)];
  assertEquals(read(tracks), [[10, 20, 60, 40]]);
  assertEquals(read(tracks, authors), [[10, 20, 60, 0]]);
});

Deno.test("of programs set at one tick a track's own is its", () => {
  const tracks: RawEvent[][] = [[program(0, 40), ...note(0, 10, 60)], [program(0, 41), ...note(0, 10, 62)]];
  assertEquals(read(tracks), [[0, 10, 60, 40], [0, 10, 62, 41]]);
});

Deno.test("tempi and signatures count from any track in sound, from the first for authors", () => {
  const bytes = file([[...note(0, 10, 60)], [tempo(5, 400_000), meter(0)]]);
  const score = readScore(bytes, sound);
  assertEquals(score.tempi, [{ tick: 5, microseconds: 400_000 }]);
  assertEquals(score.meters, [{ tick: 0, numerator: 4, denominator: 4 }]);
  assertEquals(readScore(bytes, authors).tempi, [{ tick: 0, microseconds: 500_000 }]);
  assertEquals(readScore(bytes, authors).meters, []);
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

Deno.test("running status, velocity 0 and realtime bytes inside a message are read", () => {
  const running = [0, 0x90, 60, 64, 0, 64, 64, 100, 60, 0, 0, 64, 0];
  const bytes = bytesOf(header(1), chunk("MTrk", [...running, 0, 0xff, 0x2f, 0]));
  for (const choices of [sound, authors]) {
    assertEquals(brief(readScore(bytes, choices).notes), [[0, 100, 60, 0], [0, 100, 64, 0]]);
  }
  const realtime = bytesOf(
    header(1),
    chunk("MTrk", [0, 0x90, 60, 0xf8, 64, 0, 0xfe, 100, 0x80, 60, 0, 0, 0xff, 0x2f, 0]),
  );
  assertEquals(brief(readScore(realtime, sound).notes), [[0, 100, 60, 0]]);
  assertEquals(reasonOf(realtime, authors), "data-byte");
});

Deno.test("wrappers, alien chunks, wrong lengths and cut ends give the notes that are there", () => {
  const track = body(note(0, 100, 60)), plain = [...header(1), ...chunk("MTrk", track)];
  const size = plain.length;
  const riff = [
    ...new TextEncoder().encode("RIFF"),
    size + 12,
    0,
    0,
    0,
    ...new TextEncoder().encode("RMIDdata"),
    size,
    0,
    0,
    0,
  ];
  const cases: Record<string, Uint8Array> = {
    "RMID": bytesOf(riff, plain),
    "MacBinary": bytesOf(Array(128).fill(0), plain),
    "alien chunk": bytesOf(header(1), chunk("XFIH", [1, 2, 3]), chunk("MTrk", track)),
    "length too long": bytesOf(header(1), chunk("MTrk", track, track.length + 500)),
    "length too short": bytesOf(header(1), chunk("MTrk", track, 6)),
    "no end of track": bytesOf(header(1), chunk("MTrk", body(note(0, 100, 60), false))),
    "cut in an event": Uint8Array.from([...header(1), ...chunk("MTrk", [...body(note(0, 100, 60), false), 0, 0x90])]),
    "junk between chunks": bytesOf(header(2), chunk("MTrk", track), [0, 0, 1], chunk("MTrk", body([]))),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    assertEquals(brief(readScore(bytes, sound).notes), [[0, 100, 60, 0]], name);
  }
});

Deno.test("metas of odd length and texts of 200 kB do not disturb the notes", () => {
  const long = [0xff, 1, 0x8c, 0x9a, 0x40, ...Array(200_000).fill(0xe9)];
  const odd: number[][] = [[0xff, 0, 1, 9], [0xff, 0x51, 1, 7], [0xff, 0x54, 2, 1, 1], [0xff, 0x59, 0], [
    0xff,
    0x20,
    0,
  ]];
  const events: RawEvent[] = [...[long, ...odd].map((bytes): RawEvent => [0, ...bytes]), ...note(0, 100, 60)];
  assertEquals(read([events]), [[0, 100, 60, 0]]);
});

Deno.test("a denominator of 2^34 is not taken for a 4", () => {
  const { meters } = readScore(file([[meter(0, 4, 34), ...note(0, 9, 60)]]), sound);
  assert(meters[0].denominator > 4);
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

Deno.test("a score written and read again has the same notes, tempi and signatures", async () => {
  for (const name of ["d_e1m1", "d_doom2", "d_stalks"]) {
    const score = readScore(await Deno.readFile(`data/freedoom/${name}.mid`), sound);
    const again = readScore(writeScore(score), sound);
    const order = (notes: Note[]) =>
      notes.map((note) => JSON.stringify({ ...note, program: note.drum ? 0 : note.program })).sort();
    assertEquals(order(again.notes), order(score.notes));
    assertEquals(again.tempi, score.tempi);
    assertEquals(again.meters, score.meters);
  }
});
