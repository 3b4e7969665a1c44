import { assertEquals } from "@std/assert";
import midiFile from "midi-file";
import { readScore } from "@lib/midi/read.ts";
import type { Note, Score } from "@lib/midi/score.ts";
import { writeScore } from "@lib/midi/write.ts";
import { notesOf, sound } from "../support/reading.ts";

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

/** A score of notes given as start, end, pitch, velocity, program and whether they are drums. */
function scoreOf(notes: [number, number, number, number, number, boolean][]): Score {
  return {
    ticksPerQuarter: 96,
    notes: notes.map(([start, end, pitch, velocity, program, drum]) => ({
      start,
      end,
      pitch,
      velocity,
      program,
      drum,
    })),
    parts: [],
    tempi: [{ tick: 0, microseconds: 500_001 }],
    meters: [{ tick: 0, numerator: 4, denominator: 4 }],
    endTick: 0,
  };
}

Deno.test("midi-file reads what was written: division, tempo, signature, programs, channels and velocities", () => {
  const { header, tracks } = midiFile.parseMidi(
    writeScore(scoreOf([[0, 96, 60, 1, 5, false], [0, 48, 36, 127, 0, true], [96, 97, 62, 64, 5, false]])),
  );
  assertEquals([header.format, header.ticksPerBeat], [1, 96]);
  const events = tracks.flatMap((track) => {
    let tick = 0;
    return track.map((event) => ({ at: tick += event.deltaTime, ...event }));
  });
  const of = <T extends midiFile.MidiEvent["type"]>(type: T) =>
    events.filter((event): event is Extract<typeof event, { type: T }> => event.type === type);
  assertEquals(of("setTempo").map((event) => event.microsecondsPerBeat), [500_001]);
  assertEquals(of("timeSignature").map(({ numerator, denominator }) => [numerator, denominator]), [[4, 4]]);
  assertEquals(of("programChange").map(({ channel, programNumber }) => [channel, programNumber]), [[0, 5], [9, 0]]);
  const ons = of("noteOn").map(({ at, channel, noteNumber, velocity }) => [at, channel, noteNumber, velocity]);
  assertEquals(ons, [[0, 0, 60, 1], [96, 0, 62, 64], [0, 9, 36, 127]]);
  const offs = of("noteOff").map(({ at, noteNumber }) => [at, noteNumber]);
  assertEquals(offs, [[96, 60], [97, 62], [48, 36]]);
});

Deno.test("notes of one pitch that overlap keep their lengths, and 20 instruments share channels but not drums'", () => {
  const overlapping = scoreOf([[0, 50, 60, 64, 7, false], [10, 20, 60, 65, 7, false], [20, 90, 60, 66, 7, false]]);
  assertEquals(notesOf(writeScore(overlapping)), [[0, 50, 60, 7], [10, 20, 60, 7], [20, 90, 60, 7]]);
  const many = scoreOf(Array.from({ length: 20 }, (_, i) => [10 * i, 10 * i + 5, 60, 64, i, false]));
  const channels = midiFile.parseMidi(writeScore(many)).tracks.flat()
    .flatMap((event) => event.type === "programChange" ? [event.channel] : []);
  assertEquals(channels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4]);
});
