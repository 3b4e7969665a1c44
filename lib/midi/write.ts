/**
 * A score as the bytes of a MIDI file, by `@tonejs/midi`.
 * @module
 */
import tone from "@tonejs/midi";
import type { Score } from "./score.ts";

/** Above the 128 programs: what tells a drum kit from the program of the same number. */
const drums = 128;

/**
 * A MIDI file (format 1, as `@tonejs/midi` writes it) of a score's notes, tempi and signatures.
 *
 * Notes of one pitch that overlap in a part go to further tracks, so that each keeps its own length when read again.
 *
 * @example
 * ```ts
 * import { readScore } from "@lib/midi/read.ts";
 * import { writeScore } from "@lib/midi/write.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const choices = recipe("sound", "demo");
 * const score = readScore(await Deno.readFile("data/freedoom/d_e1m1.mid"), choices);
 * assertEquals(readScore(writeScore(score), choices).notes.length, score.notes.length);
 * ```
 */
export function writeScore(score: Score): Uint8Array {
  const file = new tone.Midi();
  file.header.fromJSON({
    name: "",
    ppq: score.ticksPerQuarter,
    tempos: score.tempi.map(({ tick, microseconds }) => ({ ticks: tick, bpm: 6e7 / (microseconds + 1e-6) })),
    timeSignatures: score.meters.map(({ tick, numerator, denominator }) => ({
      ticks: tick,
      timeSignature: [numerator, denominator],
    })),
    keySignatures: [],
    meta: [],
  });
  const voices = new Map<string, { free: number[]; track: ReturnType<typeof file.addTrack> }>();
  const channels = new Map<number, number>();
  for (const note of score.notes) {
    const instrument = note.drum ? drums + note.program : note.program;
    if (!channels.has(instrument)) channels.set(instrument, [...channels.keys()].filter((key) => key < drums).length);
    for (let voice = 0;; voice++) {
      const key = `${instrument} ${voice}`;
      let held = voices.get(key);
      if (!held) {
        const track = file.addTrack();
        const turn = channels.get(instrument)! % 15; // channels 0–8 and 10–15, again and again
        track.channel = note.drum ? 9 : turn < 9 ? turn : turn + 1;
        track.instrument.number = note.program;
        voices.set(key, held = { free: Array(128).fill(0), track });
      }
      if (held.free[note.pitch] > note.start) continue;
      held.free[note.pitch] = note.end;
      held.track.addNote({
        midi: note.pitch,
        ticks: note.start,
        durationTicks: note.end - note.start,
        velocity: Math.min(1, (note.velocity + 0.5) / 127),
      });
      break;
    }
  }
  return file.toArray();
}
