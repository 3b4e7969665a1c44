/**
 * Sound from notes: a few sines for each family of instruments, swept sines and noise for drums.
 *
 * That is not how the instruments sound, but enough to hear pitches, rhythm, loudness and who plays.
 * @module
 */
import { stream } from "../base/random.ts";

/** A note to sound. */
export interface SoundNote {
  /** Onset, seconds. */
  start: number;
  /** Length until it is let go, seconds. */
  seconds: number;
  /** MIDI pitch, 69 for A4 = 440 Hz; a drum's number. */
  pitch: number;
  /** MIDI velocity, 1–127. */
  velocity: number;
  /** General MIDI program, 0–127; not used for drums. */
  program: number;
  /** Whether it is a drum. */
  drum: boolean;
}

/** Groups of instruments, for colours and marks; in order of their first program. */
export const soundGroups = ["keys", "guitar", "bass", "strings", "winds", "synth", "other", "drums"] as const;

/** A group of instruments. */
export type SoundGroup = typeof soundGroups[number];

/** The group of each of General MIDI's sixteen families of eight programs. */
const groupOfFamily: readonly SoundGroup[] = [
  ...["keys", "keys", "keys", "guitar", "bass", "strings", "strings", "winds"] as const,
  ...["winds", "winds", "synth", "synth", "synth", "other", "other", "other"] as const,
];

/** The group of a note's instrument. */
export const groupOf = ({ program, drum }: { program: number; drum: boolean }): SoundGroup =>
  drum ? "drums" : groupOfFamily[program >> 3];

/**
 * How a family sounds: its partials' amplitudes, seconds to swell, seconds to fall to 1/e (Infinity: it does not), and
 * seconds that it rings on.
 */
interface Timbre {
  partials: readonly number[];
  attack: number;
  decay: number;
  release: number;
}

const struck = (decay: number, ...partials: number[]): Timbre => ({ partials, attack: 0.003, decay, release: 0.06 });
const sustained = (attack: number, ...partials: number[]): Timbre => ({
  partials,
  attack,
  decay: Infinity,
  release: 0.05,
});

/** The sound of each family, `program >> 3`. */
const timbres: readonly Timbre[] = [
  struck(0.9, 1, 0.5, 0.3, 0.16, 0.1, 0.05), // piano
  struck(0.5, 1, 0, 0.1, 0.3), // chromatic percussion
  sustained(0.01, 1, 0.7, 0.1, 0.5, 0, 0, 0, 0.2), // organ
  struck(0.7, 1, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1), // guitar
  struck(0.8, 1, 0.6, 0.3, 0.12), // bass
  sustained(0.06, 1, 0.5, 0.33, 0.25, 0.2, 0.16), // strings
  sustained(0.08, 1, 0.4, 0.25, 0.12), // ensemble
  sustained(0.025, 1, 0.9, 0.7, 0.5, 0.35, 0.2), // brass
  sustained(0.02, 1, 0.1, 0.6, 0.08, 0.4, 0.05, 0.2), // reed
  sustained(0.04, 1, 0.15, 0.05), // pipe
  sustained(0.005, 1, 0, 0.33, 0, 0.2, 0, 0.14), // synth lead
  sustained(0.12, 1, 0.3, 0.15), // synth pad
  sustained(0.08, 1, 0.2, 0.4, 0.1), // synth effects
  struck(0.4, 1, 0.6, 0.5, 0.4, 0.2), // world
  struck(0.25, 1, 0.3, 0.2), // percussive
  struck(0.2, 1, 0.2), // sound effects
];

/** A drum: a sine that falls from one frequency to another, in Hz, and noise; each with its loudness and seconds to 1/e. */
interface Drum {
  from: number;
  to: number;
  tone: number;
  toneDecay: number;
  noise: number;
  noiseDecay: number;
}

/** The sound of a drum by its number in General MIDI. */
function drumOf(pitch: number): Drum {
  const drum = (from: number, to: number, tone: number, toneDecay: number, noise = 0, noiseDecay = 0.03): Drum => (
    { from, to, tone, toneDecay, noise, noiseDecay }
  );
  if (pitch <= 36) return drum(130, 48, 1.4, 0.09);
  if (pitch <= 40) return drum(220, 180, 0.5, 0.05, 0.7, 0.06); // rim, snares, clap
  if ([41, 43, 45, 47, 48, 50].includes(pitch)) return drum(40 + 3 * pitch, 2 * pitch, 1, 0.12, 0.1);
  if (pitch === 42 || pitch === 44) return drum(0, 0, 0, 1, 0.4, 0.025); // closed hats
  if (pitch <= 59) return drum(0, 0, 0, 1, 0.4, pitch === 46 ? 0.12 : 0.25); // open hat, cymbals
  return drum(6 * pitch, 6 * pitch, 0.6, 0.06, 0.15); // hand drums, shakers, sticks
}

/** Loudness of a note of full velocity, so that a few at once stay below 1. */
const LEVEL = 0.22;

function addTone(out: Float32Array, rate: number, note: SoundNote): void {
  const { partials, attack, decay, release } = timbres[note.program >> 3];
  const frequency = 440 * 2 ** ((note.pitch - 69) / 12);
  const from = Math.round(note.start * rate), whole = Math.round((note.seconds + release) * rate);
  const length = Math.min(whole, out.length - from);
  const loudness = LEVEL * note.velocity / 127 / Math.sqrt(partials.reduce((sum, a) => sum + a * a, 0));
  const fade = decay === Infinity ? 1 : Math.exp(-1 / (decay * rate)), letGo = note.seconds * rate;
  for (const [i, amplitude] of partials.entries()) {
    if (amplitude === 0 || (i + 1) * frequency >= rate / 2) continue;
    const turn = 2 * Math.PI * (i + 1) * frequency / rate, twice = 2 * Math.cos(turn);
    let before = Math.sin(-turn), now = 0, level = loudness * amplitude; // sin(n·turn) by its recurrence
    for (let n = 0; n < length; n++) {
      const rise = Math.min(1, n / (attack * rate)), end = n < letGo ? 1 : (whole - n) / (whole - letGo);
      out[from + n] += level * rise * end * now;
      [before, now] = [now, twice * now - before];
      level *= fade;
    }
  }
}

function addDrum(out: Float32Array, rate: number, note: SoundNote): void {
  const { from, to, tone, toneDecay, noise, noiseDecay } = drumOf(note.pitch);
  const first = Math.round(note.start * rate), loudness = 1.3 * LEVEL * note.velocity / 127;
  const length = Math.min(
    Math.round(5 * Math.max(tone > 0 ? toneDecay : 0, noise > 0 ? noiseDecay : 0) * rate),
    out.length - first,
  );
  const random = stream(0, "drum", note.pitch); // the same stroke sounds the same
  let phase = 0, last = 0;
  for (let n = 0; n < length; n++) {
    const seconds = n / rate, frequency = to + (from - to) * Math.exp(-seconds / 0.03);
    phase += 2 * Math.PI * frequency / rate;
    const white = noise === 0 ? 0 : 2 * random.uniform() - 1;
    const bright = white - last; // noise without the low frequencies
    last = white;
    const swept = tone * Math.sin(phase) * Math.exp(-seconds / toneDecay);
    out[first + n] += loudness * (swept + noise * bright * Math.exp(-seconds / noiseDecay));
  }
}

/**
 * The notes as samples in [−1, 1], mono, `rate` a second; no partial above half the rate sounds.
 *
 * The sound lasts `seconds`, or to the end of the last note. Soft music stays soft: only a sound that would clip is turned
 * down, as a whole. It fades out in its last 20 ms. The same notes give the same samples.
 *
 * @throws {RangeError} if a note starts before 0, or the sound would last longer than ten minutes.
 *
 * @example
 * ```ts
 * import { synthesize } from "@lib/notebook/synth.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const note = { start: 0, seconds: 0.5, pitch: 69, velocity: 100, program: 0, drum: false };
 * assertEquals(synthesize([note], { rate: 8000, seconds: 1 }).length, 8000);
 * ```
 */
export function synthesize(
  notes: readonly SoundNote[],
  { rate = 11_025, seconds = notes.reduce((end, note) => Math.max(end, note.start + note.seconds + 0.06), 0) }: {
    rate?: number;
    seconds?: number;
  } = {},
): Float32Array {
  const early = notes.find(({ start }) => !(start >= 0));
  if (early) throw new RangeError(`Sound: expected notes that start at 0 or later, found one at ${early.start} s.`);
  if (!(seconds <= 600)) throw new RangeError(`Sound: expected at most 600 seconds, found ${seconds}.`);
  const out = new Float32Array(Math.round(seconds * rate));
  for (const note of notes) (note.drum ? addDrum : addTone)(out, rate, note);
  const fading = Math.min(out.length, Math.round(0.02 * rate));
  for (let n = 0; n < fading; n++) out[out.length - 1 - n] *= n / fading;
  const peak = out.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (peak > 0.98) out.forEach((sample, n) => out[n] = sample * 0.98 / peak);
  return out;
}
