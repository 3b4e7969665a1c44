/**
 * A score → the bytes of a MIDI file, by `@tonejs/midi`.
 * @module
 */
import tone from "@tonejs/midi";
import type { Score } from "./score.ts";

/**
 * A MIDI file (format 1, as `@tonejs/midi` writes it) of a score's notes, tempi and signatures.
 *
 * Notes of one pitch that overlap in a part go to further tracks, so that each keeps its own length when read again.
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
  /** By program, drums apart: the channel, and for each track when its pitches are free again. */
  const instruments = new Map<string, { channel: number; tracks: { freeAt: number[]; track: tone.Track }[] }>();
  let melodic = 0;
  for (const { start, end, pitch, velocity, program, drum } of score.notes) {
    const key = `${program} ${drum}`, turn = melodic % 15; // channels 0–8 and 10–15, again and again
    const own = instruments.get(key) ?? { channel: drum ? 9 : turn < 9 ? turn : turn + 1, tracks: [] };
    if (!instruments.has(key)) instruments.set(key, own), melodic += Number(!drum);
    let free = own.tracks.find(({ freeAt }) => freeAt[pitch] <= start);
    if (!free) {
      own.tracks.push(free = { freeAt: Array(128).fill(0), track: file.addTrack() });
      free.track.channel = own.channel;
      free.track.instrument.number = program;
    }
    free.freeAt[pitch] = end;
    const loudness = Math.min(1, (velocity + 0.5) / 127);
    free.track.addNote({ midi: pitch, ticks: start, durationTicks: end - start, velocity: loudness });
  }
  return file.toArray();
}
