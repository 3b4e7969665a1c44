/**
 * Concepts of known truth for single bars, after SynTheory's for seconds of sound (Wei, Freeman, Donahue and Sun 2024):
 * how a bar is written in which one thing varies and all else is drawn apart from it.
 *
 * A design crosses two factors: a bar is written for each pair of their values in each scene, and a scene has all else
 * (instrument, tempo, loudness, rhythm, key). So each value of a factor meets the same scenes and the same values of the
 * other one, and no probe can read the one by the other.
 * @module
 */
import type { Random } from "../../base/random.ts";
import { sample } from "../../base/random.ts";
import type { BarNote } from "../../tokens/bar_format.ts";
import { durationBins, nearestBin, positionsPerQuarter, tempoBins, velocityBins } from "../../tokens/vocabulary.ts";

/** What can be asked: its name and the values that it takes. */
export type Factor = { name: string; values: readonly string[] };

/**
 * What a scene's bars have in common: a pitch class as key, a shift by octaves in semitones, the program, the tempo's bin,
 * the velocity, five starts among the eighths with the length of their notes in positions, an order of eight things, a
 * choice between two, and two other programs.
 */
export type Scene = {
  key: number;
  shift: number;
  program: number;
  tempoBin: number;
  velocity: number;
  starts: number[];
  length: number;
  order: number[];
  choice: boolean;
  others: number[];
};

/**
 * A design: its two factors, a bar's notes for a pair of values in a scene, and which factor is asked for what: how it is
 * read for values of the other one (`values`), or for pairs (`pairs`), that no probe was fitted on.
 */
export type Design = {
  name: string;
  factors: readonly [Factor, Factor];
  asked: readonly { factor: 0 | 1; unseen: "values" | "pairs" }[];
  compose(values: readonly [number, number], scene: Scene): BarNote[];
};

/** Programs that scenes draw from: one of eight families each. */
const programs = [0, 11, 19, 24, 40, 56, 65, 73];

/** Draws a scene. */
export function drawScene(random: Random): Scene {
  const [program, ...others] = sample(programs, 3, random), eighth = positionsPerQuarter / 2;
  return {
    ...{ key: random.integer(12), shift: 12 * (random.integer(3) - 1), program, others },
    ...{ tempoBin: random.integer(tempoBins.length), velocity: velocityBins[10 + random.integer(16)] },
    starts: sample([0, 1, 2, 3, 4, 5, 6, 7], 5, random).sort((a, b) => a - b).map((at) => at * eighth),
    length: [3, 6, 12][random.integer(3)],
    order: sample([0, 1, 2, 3, 4, 5, 6, 7], 8, random),
    choice: random.uniform() < 0.5,
  };
}

const bin = (positions: number): number => nearestBin(durationBins, positions);

/** Notes of a scene's program: pitches at each start, sounding together. */
const together = (
  pitches: readonly number[],
  starts: readonly number[],
  { program, velocity, length }: Scene,
): BarNote[] =>
  starts.flatMap((position) =>
    pitches.map((pitch) => ({ position, instrument: program, pitch, velocity, duration: bin(length) }))
  );

/** One pitch a start, in turn. */
const oneByOne = (
  pitches: readonly number[],
  starts: readonly number[],
  { program, velocity, length }: Scene,
): BarNote[] =>
  starts.map((position, i) => ({
    position,
    instrument: program,
    pitch: pitches[i % pitches.length],
    velocity,
    duration: bin(length),
  }));

const pitchClasses: Factor = {
  name: "pitch class",
  values: ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"],
};
const keys: Factor = { ...pitchClasses, name: "key" };
const registers: Factor = { name: "register", values: ["octave 2", "octave 3", "octave 4", "octave 5", "octave 6"] };
/** The C of an octave, by its place among the registers. */
const octave = (register: number): number => 36 + 12 * register;

const intervals: Factor = {
  name: "interval",
  values: ["m2", "M2", "m3", "M3", "P4", "TT", "P5", "m6", "M6", "m7", "M7", "P8"],
};

/** Degrees above the tonic of the seven modes of the white keys. */
const scales = [
  [0, 2, 4, 5, 7, 9, 11],
  [0, 2, 3, 5, 7, 9, 10],
  [0, 1, 3, 5, 7, 8, 10],
  [0, 2, 4, 6, 7, 9, 11],
  [0, 2, 4, 5, 7, 9, 10],
  [0, 2, 3, 5, 7, 8, 10],
  [0, 1, 3, 5, 6, 8, 10],
];
const modes: Factor = {
  name: "mode",
  values: ["ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian"],
};

/** Semitones above the root, four notes in each: a triad has its root twice. */
const chords = [[0, 4, 7, 12], [0, 3, 7, 12], [0, 3, 6, 12], [0, 4, 8, 12], [0, 4, 7, 10], [0, 4, 7, 11], [
  0,
  3,
  7,
  10,
]];
const qualities: Factor = { name: "chord quality", values: ["maj", "min", "dim", "aug", "dom7", "maj7", "min7"] };

/** The figures above a bass of a major and a minor triad in root position, first and second inversion. */
const figures = [[[0, 4, 7], [0, 3, 8], [0, 5, 9]], [[0, 3, 7], [0, 4, 9], [0, 5, 8]]];
const inversions: Factor = { name: "inversion", values: ["root position", "first", "second"] };

/** The six five-stroke timelines that Toussaint (2003) compares, in sixteenths. */
const timelines = [[0, 4, 6, 10, 12], [0, 3, 6, 10, 12], [0, 3, 6, 10, 11], [0, 3, 7, 10, 12], [0, 3, 6, 10, 13], [
  0,
  3,
  6,
  10,
  14,
]];
const rhythms: Factor = { name: "rhythm", values: ["shiko", "son", "soukous", "rumba", "bossa nova", "gahu"] };
/** Starts of a timeline in positions. */
const startsOf = (rhythm: number): number[] => timelines[rhythm].map((at) => at * positionsPerQuarter / 4);

/** Beats that are played beside the first, each by itself, in pairs and all. */
const beats = [[1], [2], [3], [1, 2], [1, 3], [2, 3], [1, 2, 3]];
const playedBeats: Factor = { name: "beats", values: ["2", "3", "4", "2 3", "2 4", "3 4", "2 3 4"] };
/** How many positions before the beat its note comes. */
const anticipations = [0, 6, 3];
const syncopations: Factor = { name: "syncopation", values: ["on the beat", "an eighth early", "a sixteenth early"] };

/** The ranks of eight velocities in time, the same eight in each. */
const contours = [[0, 1, 2, 3, 4, 5, 6, 7], [7, 6, 5, 4, 3, 2, 1, 0], [0, 2, 4, 6, 7, 5, 3, 1], [
  7,
  5,
  3,
  1,
  0,
  2,
  4,
  6,
]];
const dynamics: Factor = { name: "dynamics", values: ["crescendo", "decrescendo", "arch", "valley"] };
/** The velocity bin of the softest of eight notes. */
const softest = [2, 9, 16, 23];
const levels: Factor = { name: "level", values: ["soft", "medium", "loud", "very loud"] };

/** Who plays the piano's melody, chords and bass: the piano is one of three instruments, and takes each part in turn. */
const roles: Factor = { name: "role", values: ["melody", "chords", "bass"] };
const asked = 0; // the piano

const instruments: Factor = {
  name: "instrument",
  values: ["piano", "vibraphone", "organ", "guitar", "violin", "trumpet", "saxophone", "flute"],
};

const eighths = Array.from({ length: 8 }, (_, i) => i * positionsPerQuarter / 2);

/** A melody of the tonic and the seven degrees of a mode, in the scene's order, over a held tonic in the bass. */
function melody(mode: number, tonic: number, scene: Scene): BarNote[] {
  const degrees = [...scales[mode], 12], pitches = scene.order.map((at) => 60 + tonic + degrees[at]);
  const held = {
    position: 0,
    instrument: scene.program,
    pitch: 36 + tonic,
    velocity: scene.velocity,
    duration: bin(48),
  };
  return [held, ...oneByOne(pitches, eighths, { ...scene, length: 6 })];
}

/** Notes by start and pitch, with velocities that rise and fall as a contour says. */
const shaped = (notes: readonly BarNote[], contour: number, level: number): BarNote[] =>
  notes.map((note) => {
    const eighth = Math.floor(note.position / (positionsPerQuarter / 2));
    return { ...note, velocity: velocityBins[softest[level] + contours[contour][eighth]] };
  });

/** Two notes an interval apart: the one that the scene chooses stands at `pitch`. */
const twoNotes = (interval: number, pitch: number, { choice }: Scene): number[] =>
  choice ? [pitch, pitch + interval + 1] : [pitch - interval - 1, pitch];

/** A chord in close position on a root; the scene turns it over. */
const chord = (quality: number, root: number, { order }: Scene): number[] => {
  const tones = chords[quality], turned = order[0] % 3; // so many tones go up an octave
  return tones.map((tone, i) => 48 + root + tone + (i < turned ? 12 : 0));
};

/** The ensemble of a bar: melody in the scale's order, chords on two beats, bass on all; `parts` are its programs. */
function ensemble(parts: readonly number[], { key, velocity, order, choice }: Scene, tonic = key): BarNote[] {
  const scale = scales[choice ? 0 : 5],
    note = (instrument: number, pitch: number, position: number, length: number) => ({
      ...{ position, instrument, pitch, velocity, duration: bin(length) },
    });
  return [
    ...eighths.map((at, i) => note(parts[0], 72 + tonic + [...scale, 12][order[i]], at, 6)),
    ...[0, 24].flatMap((at) => [0, 2, 4].map((degree) => note(parts[1], 55 + tonic + scale[degree], at, 24))),
    ...[0, 12, 24, 36].map((at) => note(parts[2], 36 + tonic, at, 12)),
  ];
}

/** Each design, its factors named first by what is asked. */
export const designs: readonly Design[] = [
  {
    name: "pitch class and register",
    factors: [pitchClasses, registers],
    asked: [{ factor: 0, unseen: "values" }, { factor: 1, unseen: "values" }],
    compose: ([pitch, register], scene) => oneByOne([octave(register) + pitch], scene.starts, scene),
  },
  {
    name: "interval and key",
    factors: [intervals, keys],
    asked: [{ factor: 0, unseen: "values" }],
    compose: ([interval, key], scene) =>
      together(twoNotes(interval, 60 + key + scene.shift, scene), scene.starts, scene),
  },
  {
    name: "mode and key",
    factors: [modes, keys],
    asked: [{ factor: 0, unseen: "values" }],
    compose: ([mode, key], scene) => melody(mode, key, scene),
  },
  {
    name: "chord quality and key",
    factors: [qualities, keys],
    asked: [{ factor: 0, unseen: "values" }],
    compose: ([quality, key], scene) => together(chord(quality, key + scene.shift, scene), scene.starts, scene),
  },
  {
    name: "inversion and bass",
    factors: [inversions, { ...pitchClasses, name: "bass" }],
    asked: [{ factor: 0, unseen: "values" }],
    compose: ([inversion, bass], scene) => {
      const above = figures[scene.choice ? 0 : 1][inversion];
      return together(above.map((tone) => 48 + bass + scene.shift + tone), scene.starts, scene);
    },
  },
  {
    name: "rhythm and instrument",
    factors: [rhythms, instruments],
    asked: [{ factor: 0, unseen: "values" }],
    compose: ([rhythm, instrument], scene) =>
      oneByOne([60 + scene.key + scene.shift], startsOf(rhythm), { ...scene, program: programs[instrument] }),
  },
  {
    name: "syncopation and beats",
    factors: [syncopations, playedBeats],
    asked: [{ factor: 0, unseen: "values" }],
    compose: ([early, played], scene) => {
      const starts = [0, ...beats[played].map((beat) => beat * positionsPerQuarter - anticipations[early])];
      return oneByOne([60 + scene.key + scene.shift], starts, scene);
    },
  },
  {
    name: "dynamics and level",
    factors: [dynamics, levels],
    asked: [{ factor: 0, unseen: "values" }],
    compose: ([contour, level], scene) => {
      const pitches = scene.order.map((at) => 60 + scene.key + [...scales[0], 12][at]);
      return shaped(oneByOne(pitches, eighths, scene), contour, level);
    },
  },
  {
    name: "role and key",
    factors: [roles, keys],
    asked: [{ factor: 0, unseen: "values" }],
    compose: ([role, key], scene) => {
      const others = [...scene.others, scene.program].filter((program) => program !== asked);
      const parts = [0, 1, 2].map((part) => part === role ? asked : others[part < role ? part : part - 1]);
      return ensemble(parts, scene, key);
    },
  },
  {
    name: "chord quality and rhythm",
    factors: [qualities, rhythms],
    asked: [{ factor: 0, unseen: "pairs" }, { factor: 1, unseen: "pairs" }],
    compose: ([quality, rhythm], scene) =>
      together(chord(quality, scene.key + scene.shift, scene), startsOf(rhythm), scene),
  },
  {
    name: "mode and dynamics",
    factors: [modes, dynamics],
    asked: [{ factor: 0, unseen: "pairs" }, { factor: 1, unseen: "pairs" }],
    compose: ([mode, contour], scene) => shaped(melody(mode, scene.key, scene), contour, 1 + scene.order[0] % 3),
  },
  {
    name: "interval and register",
    factors: [intervals, registers],
    asked: [{ factor: 0, unseen: "pairs" }, { factor: 1, unseen: "pairs" }],
    compose: ([interval, register], scene) =>
      together(twoNotes(interval, octave(register) + scene.key, { ...scene, choice: true }), scene.starts, scene),
  },
];
