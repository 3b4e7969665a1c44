import { assertEquals, assertThrows } from "@std/assert";
import { MidiError, type MidiReason } from "@lib/midi/error.ts";
import { readScore } from "@lib/midi/read.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { bytesOf, sound } from "../support/reading.ts";
import { chunk, file, header, meter, note } from "../support/smf.ts";

const one = note(0, 100, 60);

Deno.test("an error names its file, the byte, what was expected and what was found", () => {
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
