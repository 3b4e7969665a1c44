/**
 * What a musicologist would compute of a bar: a baseline that a model has to pass before it can be said to know more.
 *
 * The features read the bar's tokens alone, as a model does. Each block names its source. Where a block has nothing to
 * measure, as the register of a bar of drums, its features are 0.
 * @module
 */
import { type BarNote, notesOf, tempoBinOf } from "../tokens/bar_format.ts";
import { drums, durationBins, positionsPerBar, positionsPerQuarter, tempoBins } from "../tokens/vocabulary.ts";

/** A note with its length and its end inside the bar, in positions. */
type Sounding = BarNote & { length: number; end: number };

/**
 * A bar as the blocks read it: its notes by start, then pitch; those with a pitch and those of the drums; of each of the
 * 48 positions the pitches that sound, lowest first; and its tempo in quarters a minute.
 */
type BarFacts = { notes: Sounding[]; pitched: Sounding[]; struck: Sounding[]; sounding: number[][]; tempo: number };

/** Features with a common source: their names, and their values of a bar, in the same order. */
type Block = { names: string[]; of: (bar: BarFacts) => number[] };

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => values.length === 0 ? 0 : sum(values) / values.length;
const least = (values: readonly number[]): number => values.length === 0 ? 0 : Math.min(...values);
const most = (values: readonly number[]): number => values.length === 0 ? 0 : Math.max(...values);
const share = (values: readonly number[], has: (value: number) => boolean): number =>
  mean(values.map((value) => has(value) ? 1 : 0));

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/** Values about their mean, the sum of whose squares is 1; 0 where they do not vary. */
function standardised(values: readonly number[]): number[] {
  const middle = mean(values), size = deviation(values) * Math.sqrt(values.length);
  return values.map((value) => size < 1e-9 ? 0 : (value - middle) / size);
}

const product = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, value, i) => total + value * b[i], 0);

/** Pearson's correlation; 0 where either does not vary. */
const correlation = (x: readonly number[], y: readonly number[]): number => product(standardised(x), standardised(y));

/** Counts as shares of their sum; all 0 where nothing is counted. */
function shares(counts: readonly number[]): number[] {
  const total = sum(counts);
  return counts.map((count) => total === 0 ? 0 : count / total);
}

/** How many of the places fall in each bin, as shares. */
function histogram(bins: number, places: readonly number[]): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const place of places) counts[place]++;
  return shares(counts);
}

const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name} ${i}`);
const pitchClassNames = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const ofClasses = (name: string): string[] => pitchClassNames.map((pitchClass) => `${name} ${pitchClass}`);

/** The share of each pitch class in the time that pitches sound. */
function pitchClasses({ sounding }: BarFacts): number[] {
  const counts = new Array<number>(12).fill(0);
  for (const held of sounding) for (const pitch of held) counts[pitch % 12]++;
  return shares(counts);
}

/** Pitch classes by how long they sound: the input of Krumhansl's key finding (1990), jSymbolic's histogram by count. */
const pitchClassBlock: Block = { names: ofClasses("pitch class"), of: pitchClasses };

/** The lowest sounding pitch class by how long it is the lowest: the bass chroma of Mauch and Dixon (2010). */
const bassBlock: Block = {
  names: ofClasses("bass"),
  of: ({ sounding }) => histogram(12, sounding.filter((held) => held.length > 0).map(([lowest]) => lowest % 12)),
};

/** How well each pitch class fits a C major and a C minor context: probe tones of Krumhansl and Kessler (1982). */
const keyProfiles = {
  major: [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
  minor: [6.33, 2.68, 3.52, 5.38, 2.6, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
};

/** Pitch classes of a chord on C, as sounding (1) or not: templates as in Fujishima (1999). */
const chordTemplates: Record<string, number[]> = {
  ...{ maj: [0, 4, 7], min: [0, 3, 7], dim: [0, 3, 6], aug: [0, 4, 8] },
  ...{ dom7: [0, 4, 7, 10], maj7: [0, 4, 7, 11], min7: [0, 3, 7, 10] },
};

/** Correlations of the pitch classes with templates on each root; a template starts with its value on C. */
function onEachRoot(templates: Record<string, readonly number[]>): Block {
  const turned = Object.values(templates).map(standardised).flatMap((template) =>
    pitchClassNames.map((_, root) => template.map((_, pitchClass) => template[(pitchClass + 12 - root) % 12]))
  );
  return {
    names: Object.keys(templates).flatMap(ofClasses),
    of: (bar) => {
      const held = standardised(pitchClasses(bar));
      return turned.map((template) => product(template, held));
    },
  };
}

/** Keys after Krumhansl and Schmuckler (in Krumhansl 1990): correlations with the profiles of the 24 keys. */
const keyBlock = onEachRoot(keyProfiles);

/** Chords after Fujishima (1999): correlations with the templates of seven qualities. */
const chordBlock = onEachRoot(Object.fromEntries(
  Object.entries(chordTemplates).map((
    [name, own],
  ) => [name, pitchClassNames.map((_, pitchClass) => own.includes(pitchClass) ? 1 : 0)]),
));

/** Intervals of pitches that sound together, folded into an octave: jSymbolic's wrapped vertical interval histogram. */
const verticalBlock: Block = {
  names: numbered("vertical interval", 12),
  of: ({ sounding }) => {
    const counts = new Array<number>(12).fill(0);
    for (const held of sounding) {
      for (let high = 1; high < held.length; high++) {
        for (let low = 0; low < high; low++) counts[(held[high] - held[low]) % 12]++;
      }
    }
    return shares(counts);
  },
};

/** Register: jSymbolic's range, mean pitch, pitch variability, and importance of bass (0–54), middle and high (73–127). */
const registerBlock: Block = {
  names: [
    "lowest",
    "highest",
    "range",
    "mean pitch",
    "pitch deviation",
    "bass register",
    "middle register",
    "high register",
  ],
  of: ({ pitched }) => {
    const pitches = pitched.map(({ pitch }) => pitch), lowest = least(pitches), highest = most(pitches);
    const registers = histogram(3, pitches.map((pitch) => pitch < 55 ? 0 : pitch < 73 ? 1 : 2));
    return [lowest, highest, highest - lowest, mean(pitches), deviation(pitches), ...registers];
  },
};

/** Polyphony: jSymbolic's number of simultaneous pitches and its variability, and how long nothing or one voice sounds. */
const polyphonyBlock: Block = {
  names: ["voices", "voices deviation", "most voices", "silence", "one voice"],
  of: ({ sounding }) => {
    const voices = sounding.map(({ length }) => length);
    return [
      ...[mean(voices), deviation(voices), most(voices)],
      ...[share(voices, (count) => count === 0), share(voices, (count) => count === 1)],
    ];
  },
};

/** Density: jSymbolic's number of notes and note density (notes a second), onsets, and notes of each quarter. */
const densityBlock: Block = {
  names: ["notes", "log notes", "onsets", "notes a second", ...numbered("notes of quarter", 4)],
  of: ({ notes, tempo }) => {
    const starts = notes.map(({ position }) => position), quarters = [0, 0, 0, 0];
    for (const start of starts) quarters[Math.floor(start / positionsPerQuarter)]++;
    return [notes.length, Math.log1p(notes.length), new Set(starts).size, notes.length * tempo / 240, ...quarters];
  },
};

/** Sixteenths of a bar, and positions in each. */
const sixteenths = 16, perSixteenth = positionsPerBar / sixteenths;

/** Where in the bar and in the quarter notes start: metrical profiles as Palmer and Krumhansl (1990) counted them. */
const metreBlock: Block = {
  names: [...numbered("sixteenth", sixteenths), ...numbered("twelfth of the quarter", positionsPerQuarter)],
  of: ({ notes }) => {
    const starts = notes.map(({ position }) => position);
    return [
      ...histogram(sixteenths, starts.map((start) => Math.floor(start / perSixteenth))),
      ...histogram(positionsPerQuarter, starts.map((start) => start % positionsPerQuarter)),
    ];
  },
};

/** The metrical weight of each sixteenth of 4/4: 0 on the first, one less at each level of halving. */
const metricalWeights = [0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4];

/**
 * Syncopation of starts (Longuet-Higgins and Lee 1984): where sixteenths without a start come before the next start, the
 * heaviest of them less the weight of the start before, if that is above 0. The bar's end ends the last.
 */
function syncopation(notes: readonly Sounding[]): number {
  const starts = [...new Set(notes.map(({ position }) => Math.floor(position / perSixteenth)))].sort((a, b) => a - b);
  return sum(starts.map((start, i) => {
    const rests = metricalWeights.slice(start + 1, starts[i + 1] ?? sixteenths);
    return Math.max(0, Math.max(-Infinity, ...rests) - metricalWeights[start]);
  }));
}

/** Syncopation of all notes, of pitches and of drums, and the shares of starts off the quarters and off the eighths. */
const syncopationBlock: Block = {
  names: ["syncopation", "syncopation of pitches", "syncopation of drums", "off the quarter", "off the eighth"],
  of: ({ notes, pitched, struck }) => {
    const starts = notes.map(({ position }) => position);
    return [
      ...[notes, pitched, struck].map(syncopation),
      ...[positionsPerQuarter, positionsPerQuarter / 2].map((unit) => share(starts, (start) => start % unit !== 0)),
    ];
  },
};

/** Note values in twelfths of a quarter: from a thirty-second triplet to the whole note, dotted and triplet ones too. */
const noteValues = [1, 2, 3, 4, 6, 8, 9, 12, 18, 24, 36, 48];

/** Note lengths in quarters, with jSymbolic's rhythmic value histogram (nearest by ratio), and lengths beside gaps. */
const lengthBlock: Block = {
  names: [
    ...["mean length", "length deviation", "log length", "shortest", "longest", "length to gap"],
    ...noteValues.map((value) => `note value ${value}/12`),
  ],
  of: ({ notes, pitched }) => {
    const quarters = notes.map(({ length }) => length / positionsPerQuarter);
    const distance = (length: number, i: number) => Math.abs(Math.log(length / noteValues[i]));
    const nearest = ({ length }: Sounding) =>
      noteValues.reduce((best, _, i) => distance(length, i) < distance(length, best) ? i : best, 0);
    const starts = [...new Set(pitched.map(({ position }) => position))],
      gaps = starts.slice(1).map((at, i) => at - starts[i]);
    const held = mean(pitched.map(({ length }) => length)), gap = mean(gaps);
    return [
      ...[mean(quarters), deviation(quarters), mean(quarters.map((length) => Math.log2(length)))],
      ...[least(quarters), most(quarters), gap === 0 ? 0 : held / gap],
      ...histogram(noteValues.length, notes.map(nearest)),
    ];
  },
};

/** Dynamics: jSymbolic's average, variation and range, velocity against time, and accents on the quarters. */
const dynamicsBlock: Block = {
  names: ["mean velocity", "velocity deviation", "softest", "loudest", "velocity with time", "accent"],
  of: ({ notes }) => {
    const velocities = notes.map(({ velocity }) => velocity), starts = notes.map(({ position }) => position);
    const on = velocities.filter((_, i) => starts[i] % positionsPerQuarter === 0);
    const off = velocities.filter((_, i) => starts[i] % positionsPerQuarter !== 0);
    return [
      ...[mean(velocities), deviation(velocities), least(velocities), most(velocities)],
      ...[correlation(starts, velocities), on.length > 0 && off.length > 0 ? mean(on) - mean(off) : 0],
    ];
  },
};

/** The highest pitch of each start (the skyline of Uitdenbogerd and Zobel 1998) in jSymbolic's melodic intervals. */
const melodyBlock: Block = {
  names: ["interval", "interval size", "repeated", "stepwise", "by third", "by leap", "rising"],
  of: ({ pitched }) => {
    const top = [...new Map(pitched.map(({ position, pitch }) => [position, pitch])).values()];
    const intervals = top.slice(1).map((pitch, i) => pitch - top[i]), sizes = intervals.map(Math.abs);
    const moving = intervals.filter((interval) => interval !== 0);
    return [
      ...[mean(intervals), mean(sizes), share(sizes, (size) => size === 0)],
      ...[share(sizes, (size) => size === 1 || size === 2), share(sizes, (size) => size === 3 || size === 4)],
      ...[share(sizes, (size) => size > 4), share(moving, (interval) => interval > 0)],
    ];
  },
};

/** Where the metronome's words begin, in quarters a minute: Larghetto, Adagio … Prestissimo (Maelzel's markings). */
const tempoMarks = [60, 66, 76, 108, 120, 168, 200];

/** Tempo in quarters a minute (jSymbolic's mean tempo), its logarithm, and its word. */
const tempoBlock: Block = {
  names: ["tempo", "log tempo", ...[
    "largo",
    "larghetto",
    "adagio",
    "andante",
    "moderato",
    "allegro",
    "presto",
    "prestissimo",
  ]],
  of: ({ tempo }) => {
    const word = tempoMarks.filter((mark) => tempo >= mark).length;
    return [tempo, Math.log2(tempo), ...Array.from({ length: tempoMarks.length + 1 }, (_, i) => i === word ? 1 : 0)];
  },
};

/** The sixteen families of General MIDI (eight programs each). */
const families = [
  ...["piano", "chromatic percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass", "reed", "pipe"],
  ...["synth lead", "synth pad", "synth effects", "ethnic", "percussive", "sound effects"],
];

/** Each family beside the others: jSymbolic's instrumentation features and its voices' own means, by family. */
const familyBlock: Block = {
  names: families.flatMap((family) =>
    ["plays", "share of notes", "starts", "pitch", "length", "velocity", "syncopation"].map((what) =>
      `${family}: ${what}`
    )
  ),
  of: ({ notes, pitched }) => {
    const own = Map.groupBy(pitched, ({ instrument }) => instrument >> 3);
    return families.flatMap((_, family) => {
      const played = own.get(family);
      if (!played) return [0, 0, 0, 0, 0, 0, 0];
      return [
        ...[1, played.length / notes.length, new Set(played.map(({ position }) => position)).size],
        ...[mean(played.map(({ pitch }) => pitch)), mean(played.map(({ length }) => length)) / positionsPerQuarter],
        ...[mean(played.map(({ velocity }) => velocity)), syncopation(played)],
      ];
    });
  },
};

/** Keys of the percussion map of General MIDI, by part of the kit. */
const kit: Record<string, number[]> = {
  kick: [35, 36],
  snare: [37, 38, 39, 40],
  toms: [41, 43, 45, 47, 48, 50],
  "closed hi-hat": [42, 44],
  "open hi-hat": [46],
  crash: [49, 52, 55, 57],
  ride: [51, 53, 59],
};

/** Drums: jSymbolic's prevalence of unpitched instruments, by part of the kit: strokes, and how many of them on a quarter. */
const drumBlock: Block = {
  names: [...Object.keys(kit), "other drums"].flatMap((part) => [part, `${part} on the quarter`]).concat(
    "drum velocity",
  ),
  of: ({ struck }) => {
    const parts = Object.values(kit), partOf = (key: number) => parts.findIndex((keys) => keys.includes(key));
    const byPart = Map.groupBy(struck, ({ pitch }) => partOf(pitch));
    const counts = [...parts.keys(), -1].flatMap((part) => {
      const strokes = byPart.get(part) ?? [];
      return [strokes.length, strokes.filter(({ position }) => position % positionsPerQuarter === 0).length];
    });
    return [...counts, mean(struck.map(({ velocity }) => velocity))];
  },
};

const blocks = [
  ...[pitchClassBlock, bassBlock, keyBlock, chordBlock, verticalBlock, registerBlock, polyphonyBlock],
  ...[densityBlock, metreBlock, syncopationBlock, lengthBlock, dynamicsBlock, melodyBlock, tempoBlock],
  ...[familyBlock, drumBlock],
];

/** The names of the features of {@link handFeatures}, in its order; each once. */
export const handFeatureNames: readonly string[] = blocks.flatMap(({ names }) => names);

/**
 * The hand-made features of a bar: pitch classes, bass, keys, chords, intervals, register, polyphony, density, metre,
 * syncopation, note lengths, dynamics, melody and tempo, and those of each instrument family and part of the drum kit.
 *
 * Notes count with their whole length where lengths are measured, and up to the bar's end where sounds are. A note that
 * was cut at the end of a bar does not count.
 *
 * @param tokens of a bar, as `encodeBar` writes them
 * @returns a value for each of {@link handFeatureNames}, all finite
 *
 * @example
 * ```ts
 * import { handFeatureNames, handFeatures } from "@lib/probing/hand_features.ts";
 * import { encodeBar } from "@lib/tokens/bar_format.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const chord = [60, 64, 67].map((pitch) => ({ position: 0, instrument: 0, pitch, velocity: 90, duration: 11 }));
 * const values = handFeatures(encodeBar(chord, 16, 512));
 * assertEquals(values[handFeatureNames.indexOf("maj C")], 1);
 * assertEquals(values[handFeatureNames.indexOf("range")], 7);
 * ```
 */
export function handFeatures(tokens: ArrayLike<number>): Float32Array {
  const notes = notesOf(tokens).map((note): Sounding => {
    const length = durationBins[note.duration];
    return { ...note, length, end: Math.min(positionsPerBar, note.position + length) };
  }).sort((a, b) => a.position - b.position || a.pitch - b.pitch);
  const pitched = notes.filter(({ instrument }) => instrument !== drums);
  const sounding = Array.from({ length: positionsPerBar }, (): number[] => []);
  for (const { position, end, pitch } of pitched) for (let at = position; at < end; at++) sounding[at].push(pitch);
  for (const held of sounding) held.sort((a, b) => a - b);
  const struck = notes.filter(({ instrument }) => instrument === drums), tempo = tempoBins[tempoBinOf(tokens)];
  return Float32Array.from(blocks.flatMap(({ of }) => of({ notes, pitched, struck, sounding, tempo })));
}
