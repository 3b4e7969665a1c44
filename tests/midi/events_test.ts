import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readChunks } from "@lib/midi/chunks.ts";
import { readScore } from "@lib/midi/read.ts";
import { authors, both, bytesOf, errorOf, notesOf, reasonOf, sound } from "../support/reading.ts";
import { body, chunk, file, header, meter, note, quantity, type RawEvent } from "../support/smf.ts";

const one = note(0, 100, 60);
const eot = [0, 0xff, 0x2f, 0];

Deno.test("running status, velocity 0 and realtime bytes inside a message are read", () => {
  const running = [0, 0x90, 60, 64, 0, 64, 64, 100, 60, 0, 0, 64, 0];
  const bytes = bytesOf(header(1), chunk("MTrk", [...running, 0, 0xff, 0x2f, 0]));
  for (const choices of both) {
    assertEquals(notesOf(bytes, choices), [[0, 100, 60, 0], [0, 100, 64, 0]]);
  }
  const realtime = bytesOf(
    header(1),
    chunk("MTrk", [0, 0x90, 60, 0xf8, 64, 0, 0xfe, 100, 0x80, 60, 0, 0, 0xff, 0x2f, 0]),
  );
  assertEquals(notesOf(realtime, sound), [[0, 100, 60, 0]]);
  assertEquals(reasonOf(realtime, authors), "data-byte");
});

Deno.test("metas of odd length and texts of 200 kB do not disturb the notes", () => {
  const long = [0xff, 1, 0x8c, 0x9a, 0x40, ...Array(200_000).fill(0xe9)];
  const odd: number[][] = [[0xff, 0, 1, 9], [0xff, 0x51, 1, 7], [0xff, 0x54, 2, 1, 1], [0xff, 0x59, 0], [
    0xff,
    0x20,
    0,
  ]];
  const events: RawEvent[] = [...[long, ...odd].map((bytes): RawEvent => [0, ...bytes]), ...note(0, 100, 60)];
  assertEquals(notesOf(file([events])), [[0, 100, 60, 0]]);
});

Deno.test("a denominator of 2^34 is not taken for a 4", () => {
  const { meters } = readScore(file([[meter(0, 4, 34), ...note(0, 9, 60)]]), sound);
  assert(meters[0].denominator > 4);
});

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

Deno.test("running status goes on over metas and system messages, as players let it", () => {
  const events = [0, 0x90, 60, 64, 10, 0xff, 1, 1, 65, 10, 64, 64, 10, 0xf0, 2, 1, 0xf7, 10, 60, 0, 60, 64, 0];
  assertEquals(notesOf(bytesOf(header(1), chunk("MTrk", [...events, ...eot]))), [[0, 40, 60, 0], [20, 100, 64, 0]]);
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

Deno.test("a message cut by another status byte is refused with its offset", () => {
  const bytes = bytesOf(header(1), chunk("MTrk", [0, 0x90, 60, 0x80, 60, 0, ...eot]));
  for (const choices of both) {
    const { reason, offset, message } = errorOf(bytes, choices);
    assertEquals([reason, offset], ["data-byte", 25]);
    assertStringIncludes(message, "Expected data 0…127, found 128 (byte 25)");
  }
});

Deno.test("more than two million events are refused, so that no file can fill the memory", () => {
  const bytes = new Uint8Array(22 + 2 * 2 ** 21 + 3);
  const length = bytes.length - 22;
  bytes.set(bytesOf(header(1), chunk("MTrk", [], length), [0, 0xc0, 1]));
  for (const choices of both) assertEquals(errorOf(bytes, choices).reason, "event-limit");
});

Deno.test("channel events are kept with their tick, channel and numbers; pressure and system messages are not", () => {
  const track = [
    [0, 0xff, 0x21, 1, 2],
    [0, 0x93, 60, 100, 5, 61, 0, 0, 0x83, 60, 9],
    [0x81, 0, 0xb3, 7, 99, 0, 0xc3, 5],
    [1, 0xe3, 0, 0, 0, 0x7f, 0x7f, 0, 0, 0x40],
    [0, 0xa3, 60, 1, 0, 0xd3, 2],
    [0, 0xff, 0x21, 1, 0, 0, 0x90, 1, 2],
    [0, 0xf0, 9, 0x41, 0x10, 0x42, 0x12, 0x40, 0x1a, 0x15, 2, 0],
    eot,
  ].flat();
  const { count, ...arrays } = readChunks(bytesOf(header(1), chunk("MTrk", track)), false).events;
  const of = (name: keyof typeof arrays) => [...arrays[name].subarray(0, count)];
  assertEquals(of("ticks"), [0, 5, 5, 133, 133, 134, 134, 134, 134, 134]);
  assertEquals(of("kinds"), [9, 8, 8, 11, 12, 14, 14, 14, 9, 15]);
  assertEquals(of("channels"), [...Array(8).fill(35), 0, 10]);
  assertEquals(of("numbers"), [60, 61, 60, 7, 5, 0, 0, 0, 1, 0]);
  assertEquals(of("values"), [100, 0, 0, 99, 0, -8192, 8191, 0, 2, 1]);
});

Deno.test("under authors a data byte behind a SysEx is taken for the length of one more SysEx", () => {
  const running = [0, 0xf0, 2, 1, 0xf7, 0, 5, 3, 1, 2, 0xf7, 0, 0x90, 60, 64, 100, 60, 0];
  assertEquals(notesOf(bytesOf(header(1), chunk("MTrk", [...running, ...eot])), authors), [[0, 100, 60, 0]]);
});

Deno.test("a denominator of 2^29 is no power of 2 to the authors' reader, by its rounding; its neighbours are", () => {
  const reasons = [28, 29, 30].map((power) => reasonOf(file([[meter(0, 4, power), ...one]]), authors));
  assertEquals(reasons, ["read", "meta", "read"]);
});
