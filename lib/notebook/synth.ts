/**
 * Sound from notes, and sound as WAV files. A few sines for each family of instruments, swept sines and noise for drums
 * are not how they sound, but enough to hear pitches, rhythm, loudness and who plays.
 * @module
 */

/**
 * A note to sound: onset and length until it is let go in seconds, MIDI pitch (69 is A4 = 440 Hz; a drum's number),
 * velocity (1–127), General MIDI program (0–127, not used for drums), and whether it is a drum.
 */
export type SoundNote = Record<"start" | "seconds" | "pitch" | "velocity" | "program", number> & { drum: boolean };

/** Groups of instruments, for colours and marks; in order of their first program. */
export const soundGroups = ["keys", "guitar", "bass", "strings", "winds", "synth", "other", "drums"] as const;

/** A group of instruments. */
export type SoundGroup = typeof soundGroups[number];

/** The groups of General MIDI's families of eight programs each. */
const groups: readonly SoundGroup[] = [
  ...["keys", "keys", "keys", "guitar", "bass", "strings", "strings", "winds"] as const, // piano … brass
  ...["winds", "winds", "synth", "synth", "synth", "other", "other", "other"] as const, // reed … sound effects
];

/** The group of a note's instrument. */
export const groupOf = ({ program, drum }: { program: number; drum: boolean }): SoundGroup =>
  drum ? "drums" : groups[program >> 3];

/**
 * The notes as samples in [−1, 1], mono, `rate` a second; no partial above half the rate sounds.
 *
 * The sound lasts `seconds`, or to the end of the last note. Soft music stays soft: only a sound that would clip is turned
 * down, as a whole. It fades out in its last 20 ms. The same notes give the same samples. The function names nothing
 * outside itself, as a page has it in its script.
 *
 * @throws {RangeError} if a note starts before 0, or the sound would last longer than ten minutes.
 */
export function synthesize(
  notes: readonly SoundNote[],
  options: { rate?: number; seconds?: number } = {},
): Float32Array<ArrayBuffer> {
  /**
   * How a family sounds: its partials' amplitudes, seconds to swell, seconds to fall to 1/e (Infinity: it does not), and
   * seconds that it rings on.
   */
  type Timbre = { partials: readonly number[]; attack: number; decay: number; release: number };
  const struck = (decay: number, ...partials: number[]): Timbre => ({ partials, attack: 0.003, decay, release: 0.06 });
  const sustained = (attack: number, ...partials: number[]): Timbre => (
    { partials, attack, decay: Infinity, release: 0.05 }
  );
  const families: readonly Timbre[] = [
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
    sustained(0.005, 1, 0, 0.33, 0, 0.2, 0, 0.14), // lead
    sustained(0.12, 1, 0.3, 0.15), // pad
    sustained(0.08, 1, 0.2, 0.4, 0.1), // effects
    struck(0.4, 1, 0.6, 0.5, 0.4, 0.2), // world
    struck(0.25, 1, 0.3, 0.2), // percussive
    struck(0.2, 1, 0.2), // sound effects
  ];
  /** A drum: a sine that falls from one frequency to another, in Hz, and noise; each its loudness and seconds to 1/e. */
  const drumOf = (pitch: number) => {
    const drum = (from: number, to: number, tone: number, toneDecay: number, noise = 0, noiseDecay = 0.03) => (
      { from, to, tone, toneDecay, noise, noiseDecay }
    );
    if (pitch <= 36) return drum(130, 48, 1.4, 0.09);
    if (pitch <= 40) return drum(220, 180, 0.5, 0.05, 0.7, 0.06); // rim, snares, clap
    if ([41, 43, 45, 47, 48, 50].includes(pitch)) return drum(40 + 3 * pitch, 2 * pitch, 1, 0.12, 0.1);
    if (pitch === 42 || pitch === 44) return drum(0, 0, 0, 1, 0.4, 0.025); // closed hats
    if (pitch <= 59) return drum(0, 0, 0, 1, 0.4, pitch === 46 ? 0.12 : 0.25); // open hat, cymbals
    return drum(6 * pitch, 6 * pitch, 0.6, 0.06, 0.15); // hand drums, shakers, sticks
  };
  const end = notes.reduce((end, note) => Math.max(end, note.start + note.seconds + 0.06), 0);
  const { rate = 22_050, seconds = end } = options, level = 0.22; // a few notes of full velocity stay below 1
  const early = notes.find(({ start }) => !(start >= 0));
  if (early) throw new RangeError(`Sound: expected notes that start at 0 or later, found one at ${early.start} s.`);
  if (!(seconds <= 600)) throw new RangeError(`Sound: expected at most 600 seconds, found ${seconds}.`);
  const out = new Float32Array(Math.round(seconds * rate));
  const addTone = (note: SoundNote) => {
    const { partials, attack, decay, release } = families[note.program >> 3];
    const frequency = 440 * 2 ** ((note.pitch - 69) / 12);
    const from = Math.round(note.start * rate), whole = Math.round((note.seconds + release) * rate);
    const length = Math.min(whole, out.length - from);
    const loudness = level * note.velocity / 127 / Math.sqrt(partials.reduce((sum, a) => sum + a * a, 0));
    const fade = decay === Infinity ? 1 : Math.exp(-1 / (decay * rate)), letGo = note.seconds * rate;
    partials.forEach((amplitude, i) => {
      if (amplitude === 0 || (i + 1) * frequency >= rate / 2) return;
      const turn = 2 * Math.PI * (i + 1) * frequency / rate, twice = 2 * Math.cos(turn);
      let before = Math.sin(-turn), now = 0, height = loudness * amplitude; // sin(n·turn) by its recurrence
      for (let n = 0; n < length; n++) {
        const rise = Math.min(1, n / (attack * rate)), end = n < letGo ? 1 : (whole - n) / (whole - letGo);
        out[from + n] += height * rise * end * now;
        [before, now] = [now, twice * now - before];
        height *= fade;
      }
    });
  };
  const addDrum = (note: SoundNote) => {
    const { from, to, tone, toneDecay, noise, noiseDecay } = drumOf(note.pitch);
    const first = Math.round(note.start * rate), loudness = 1.3 * level * note.velocity / 127;
    const longest = Math.max(tone > 0 ? toneDecay : 0, noise > 0 ? noiseDecay : 0);
    const length = Math.min(Math.round(5 * longest * rate), out.length - first);
    let phase = 0, last = 0, state = note.pitch + 1; // of the noise: the same stroke sounds the same
    for (let n = 0; n < length; n++) {
      const seconds = n / rate, frequency = to + (from - to) * Math.exp(-seconds / 0.03);
      phase += 2 * Math.PI * frequency / rate;
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0; // Numerical Recipes' generator
      const white = noise === 0 ? 0 : state / 2 ** 31, bright = white - last; // without the low frequencies
      last = white;
      const swept = tone * Math.sin(phase) * Math.exp(-seconds / toneDecay);
      out[first + n] += loudness * (swept + noise * bright * Math.exp(-seconds / noiseDecay));
    }
  };
  for (const note of notes) {
    if (note.drum) addDrum(note);
    else addTone(note);
  }
  const fading = Math.min(out.length, Math.round(0.02 * rate));
  for (let n = 0; n < fading; n++) out[out.length - 1 - n] *= n / fading;
  const peak = out.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (peak > 0.98) out.forEach((sample, n) => out[n] = sample * 0.98 / peak);
  return out;
}

/**
 * Samples in [−1, 1] as a WAV file: mono, 16 bits a sample, or 8 for half the bytes and some hiss.
 *
 * @throws {RangeError} if a sample is outside or not a number.
 */
export function wavBytes(samples: Float32Array, rate: number, bits: 8 | 16 = 16): Uint8Array<ArrayBuffer> {
  const frame = bits / 8, size = frame * samples.length;
  const bytes = new Uint8Array(44 + size + size % 2), view = new DataView(bytes.buffer); // chunks have even lengths
  bytes.set(new TextEncoder().encode("RIFF----WAVEfmt "));
  view.setUint32(4, bytes.length - 8, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, rate, true);
  view.setUint32(28, frame * rate, true); // bytes a second
  view.setUint16(32, frame, true);
  view.setUint16(34, bits, true);
  bytes.set(new TextEncoder().encode("data"), 36);
  view.setUint32(40, size, true);
  samples.forEach((sample, n) => {
    if (!(Math.abs(sample) <= 1)) throw new RangeError(`WAV: expected samples in −1…1, found ${sample} at ${n}.`);
    if (bits === 16) view.setInt16(44 + 2 * n, Math.round(32_767 * sample), true);
    else view.setUint8(44 + n, 128 + Math.round(127 * sample));
  });
  return bytes;
}
