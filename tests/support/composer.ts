/**
 * Songs whose every bar is known: chord, groove, instruments, tempo, dynamics and durations, drawn apart from each other.
 * @module
 */
import { chordNames } from "@lib/tokens/chords.ts";
import { type Random, sample, stream } from "@lib/base/random.ts";
import { tempoBins } from "@lib/tokens/vocabulary.ts";
import { file, meter, note, program, type RawEvent, tempo } from "./smf.ts";

/** What a bar was made of. */
export interface Composed {
  /** Such as `C:maj7`. */
  chord: string;
  /** Positions 0–47 at which all instruments play the chord; the four beats are among them. */
  groove: number[];
  /** General MIDI programs, ascending; 128 stands for drums. */
  instruments: number[];
  /** Quarters a minute, a tempo bin's; one for the song. */
  tempo: number;
  /** MIDI velocity of all notes. */
  velocity: number;
  /** Length of all notes in positions (twelfths of a quarter). */
  duration: number;
}

/** A song: the bytes of a MIDI file, and its bars. */
export interface Song {
  bytes: Uint8Array<ArrayBuffer>;
  bars: Composed[];
}

/** What is drawn from; few values of each, so that a handful of songs holds all. */
export const choices = {
  offbeats: [6, 18, 30, 42],
  programs: [0, 24, 48, 73],
  tempi: [12, 16, 20, 24].map((bin) => tempoBins[bin]),
  velocities: [61, 74, 86, 98, 110],
  durations: [3, 4, 5, 6],
};

/** The chord qualities in semitones above the root. */
export const intervals: Record<string, number[]> = {
  maj: [0, 4, 7],
  min: [0, 3, 7],
  dim: [0, 3, 6],
  aug: [0, 4, 8],
  dom7: [0, 4, 7, 10],
  maj7: [0, 4, 7, 11],
  min7: [0, 3, 7, 10],
};

const PPQ = 480, POSITION = PPQ / 12, BAR = 4 * PPQ;

function drawBar(tempo: number, random: Random): Composed {
  const one = <T>(of: readonly T[]): T => of[random.integer(of.length)];
  const programs = sample(choices.programs, 1 + random.integer(2), random).sort((a, b) => a - b);
  return {
    chord: one(chordNames),
    groove: [0, 12, 24, 36, ...choices.offbeats.filter(() => random.uniform() < 0.5)].sort((a, b) => a - b),
    instruments: random.uniform() < 0.5 ? [...programs, 128] : programs,
    tempo,
    velocity: one(choices.velocities),
    duration: one(choices.durations),
  };
}

/**
 * Song `name` of a seed: bars whose chord, groove, instruments, velocity and duration are each drawn alone, in a tempo
 * drawn for the song.
 */
export function compose(seed: number, name: number, bars: number): Song {
  const random = stream(seed, "composer", name), bpm = choices.tempi[random.integer(choices.tempi.length)];
  const plan = Array.from({ length: bars }, () => drawBar(bpm, random));
  const first: RawEvent[] = [meter(0), tempo(0, Math.round(6e7 / bpm))];
  const tracks = [...choices.programs, 128].map((instrument, t) => {
    const drum = instrument === 128,
      channel = drum ? 9 : t,
      events: RawEvent[] = drum ? [] : [program(0, instrument, t)];
    plan.forEach(({ chord, groove, instruments, velocity, duration }, bar) => {
      if (!instruments.includes(instrument)) return;
      const [root, quality] = chord.split(":"), tonic = 48 + 12 * (t % 2) + chordNames.indexOf(`${root}:maj`) / 7;
      const pitches = drum ? [36, 42] : intervals[quality].map((interval) => tonic + interval);
      for (const position of groove) {
        const start = bar * BAR + position * POSITION, end = start + duration * POSITION;
        for (const pitch of pitches) events.push(...note(start, end, pitch, velocity, channel));
      }
    });
    return events;
  });
  return { bytes: file([first, ...tracks], PPQ), bars: plan };
}
