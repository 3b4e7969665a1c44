/**
 * The 560 tokens of a bar, with the authors' ids and names (STUDY §3.9), and the bins, which their code rounds to
 * integers (STUDY §3.5–3.7).
 * @module
 */
import { bisect } from "../base/bisect.ts";

/** What a token stands for. */
export type TokenKind =
  | ("special" | "Bar" | "Tempo" | "Instrument" | "Pitch" | "Pitch_Drum")
  | ("Position" | "Duration" | "Velocity");

/** Ids of the four special tokens: padding, unknown, end of bar, and the mask of masked language modelling. */
export const pad = 0, unk = 1, eob = 2, mask = 3;

/** The instrument number of drums, after the 128 General MIDI programs. */
export const drums = 128;

/** Positions (twelfths of a quarter) in a quarter and in a bar of 4/4 (STUDY §3.1). */
export const positionsPerQuarter = 12, positionsPerBar = 48;

/** The first id of each kind and the number of its ids, in order of id. */
export const kinds: Readonly<Record<TokenKind, { readonly first: number; readonly count: number }>> = {
  special: { first: 0, count: 4 },
  Bar: { first: 4, count: 1 },
  Tempo: { first: 5, count: 32 },
  Instrument: { first: 37, count: 129 },
  Pitch: { first: 166, count: 128 },
  Pitch_Drum: { first: 294, count: 128 },
  Position: { first: 422, count: 48 },
  Duration: { first: 470, count: 58 },
  Velocity: { first: 528, count: 32 },
};

/** Tempo bins in quarters a minute, ascending (STUDY §3.5). */
// deno-fmt-ignore
export const tempoBins: readonly number[] = [
  30, 35, 41, 47, 53, 59, 64, 70, 76, 82, 88, 93, 99, 105, 111, 117,
  122, 128, 134, 140, 146, 151, 157, 163, 169, 175, 180, 186, 192, 198, 204, 210,
];

/** Velocity bins in MIDI units 1–127, ascending (STUDY §3.6). */
// deno-fmt-ignore
export const velocityBins: readonly number[] = [
  1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45, 49, 53, 57, 61,
  66, 70, 74, 78, 82, 86, 90, 94, 98, 102, 106, 110, 114, 118, 122, 127,
];

/** Duration bins in positions of 1/12 quarter, ascending; the second 21 is never produced (STUDY §3.7). */
// deno-fmt-ignore
export const durationBins: readonly number[] = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 17, 18, 21, 21, 24, 30, 36, 42, 48,
  60, 72, 84, 96, 108, 120, 132, 144, 156, 168, 180,
  192, 216, 240, 264, 288, 312, 336, 360, 384, 408, 432, 456, 480, 504, 528, 552, 576, 600, 624, 648, 672, 696, 720,
  744, 768,
];

/** The index of the bin nearest to `value`; the lower one of two that are equally near or equal. */
export function nearestBin(bins: readonly number[], value: number): number {
  const above = bisect(0, bins.length - 1, (bin) => bins[bin] >= value);
  if (above === 0 || bins[above] - value < value - bins[above - 1]) return above;
  return bins.indexOf(bins[above - 1]);
}

const families: readonly string[] = [
  "Acoustic Grand Piano|Bright Acoustic Piano|Electric Grand Piano|Honky-tonk Piano",
  "Electric Piano 1|Electric Piano 2|Harpsichord|Clavinet",
  "Celesta|Glockenspiel|Music Box|Vibraphone|Marimba|Xylophone|Tubular Bells|Dulcimer",
  "Drawbar Organ|Percussive Organ|Rock Organ|Church Organ|Reed Organ|Accordion|Harmonica|Tango Accordion",
  "Acoustic Guitar (nylon)|Acoustic Guitar (steel)|Electric Guitar (jazz)|Electric Guitar (clean)",
  "Electric Guitar (muted)|Overdriven Guitar|Distortion Guitar|Guitar Harmonics",
  "Acoustic Bass|Electric Bass (finger)|Electric Bass (pick)|Fretless Bass",
  "Slap Bass 1|Slap Bass 2|Synth Bass 1|Synth Bass 2",
  "Violin|Viola|Cello|Contrabass|Tremolo Strings|Pizzicato Strings|Orchestral Harp|Timpani",
  "String Ensemble 1|String Ensemble 2|Synth Strings 1|Synth Strings 2",
  "Choir Aahs|Voice Oohs|Synth Choir|Orchestra Hit",
  "Trumpet|Trombone|Tuba|Muted Trumpet|French Horn|Brass Section|Synth Brass 1|Synth Brass 2",
  "Soprano Sax|Alto Sax|Tenor Sax|Baritone Sax|Oboe|English Horn|Bassoon|Clarinet",
  "Piccolo|Flute|Recorder|Pan Flute|Blown bottle|Shakuhachi|Whistle|Ocarina",
  "Lead 1 (square)|Lead 2 (sawtooth)|Lead 3 (calliope)|Lead 4 (chiff)",
  "Lead 5 (charang)|Lead 6 (voice)|Lead 7 (fifths)|Lead 8 (bass + lead)",
  "Pad 1 (new age)|Pad 2 (warm)|Pad 3 (polysynth)|Pad 4 (choir)",
  "Pad 5 (bowed)|Pad 6 (metallic)|Pad 7 (halo)|Pad 8 (sweep)",
  "FX 1 (rain)|FX 2 (soundtrack)|FX 3 (crystal)|FX 4 (atmosphere)",
  "FX 5 (brightness)|FX 6 (goblins)|FX 7 (echoes)|FX 8 (sci-fi)",
  "Sitar|Banjo|Shamisen|Koto|Kalimba|Bagpipe|Fiddle|Shanai",
  "Tinkle Bell|Agogo|Steel Drums|Woodblock|Taiko Drum|Melodic Tom|Synth Drum|Reverse Cymbal",
  "Guitar Fret Noise|Breath Noise|Seashore|Bird Tweet|Telephone Ring|Helicopter|Applause|Gunshot",
];

/** General MIDI names of programs 0–127, then "Drum". */
export const instrumentNames: readonly string[] = [...families.flatMap((family) => family.split("|")), "Drum"];

const drumKit = "High Q|Slap|Scratch Push|Scratch Pull|Sticks|Square Click|Metronome Click|Metronome Bell|" +
  "Acoustic Bass Drum|Bass Drum 1|Side Stick|Acoustic Snare|Hand Clap|Electric Snare|Low Floor Tom|Closed Hi-Hat|" +
  "High Floor Tom|Pedal Hi-Hat|Low Tom|Open Hi-Hat|Low-Mid Tom|Hi-Mid Tom|Crash Cymbal 1|High Tom|Ride Cymbal 1|" +
  "Chinese Cymbal|Ride Bell|Tambourine|Splash Cymbal|Cowbell|Crash Cymbal 2|Vibraslap|Ride Cymbal 2|Hi Bongo|" +
  "Low Bongo|Mute Hi Conga|Open Hi Conga|Low Conga|High Timbale|Low Timbale|High Agogo|Low Agogo|Cabasa|Maracas|" +
  "Short Whistle|Long Whistle|Short Guiro|Long Guiro|Claves|Hi Wood Block|Low Wood Block|Mute Cuica|Open Cuica|" +
  "Mute Triangle|Open Triangle|Shaker|Jingle Bell|Bell Tree|Castanets|Mute Surdo|Open Surdo";
const drumsOfKit = drumKit.split("|");

/** General MIDI's name of a drum (35–81, with those that General MIDI 2 added, 27–87); of others `drum` and the number. */
export const drumName = (pitch: number): string => drumsOfKit[pitch - 27] ?? `drum ${pitch}`;

const kindNames = Object.keys(kinds) as TokenKind[];
const kindOfId = kindNames.flatMap((kind) => Array<TokenKind>(kinds[kind].count).fill(kind));
const names = kindOfId.map((kind, id) => {
  const i = id - kinds[kind].first;
  if (kind === "special") return ["<pad>", "<unk>", "<eob>", "<mask>"][i];
  return `${kind}_${kind === "Instrument" ? instrumentNames[i] : i}`;
});
const ids = new Map(names.map((name, id) => [name, id]));

const unknownId = (id: number): never => {
  throw new RangeError(`Token id: expected an integer 0…${names.length - 1}, found ${id}.`);
};
const unknownName = (name: string): never => {
  throw new RangeError(`Token name: expected one such as "Pitch_60" or "Instrument_Drum", found "${name}".`);
};

/**
 * Names, ids and kinds of the 560 tokens (STUDY §3.9); an unknown id or name throws a RangeError.
 *
 * @example
 * ```ts
 * import { vocabulary } from "@lib/tokens/vocabulary.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(vocabulary.size, 560);
 * assertEquals(vocabulary.name(70), "Instrument_Electric Bass (finger)");
 * assertEquals(vocabulary.id("<eob>"), 2);
 * assertEquals(vocabulary.kind(330), "Pitch_Drum");
 * ```
 */
export const vocabulary: {
  readonly size: number;
  name(id: number): string;
  id(name: string): number;
  kind(id: number): TokenKind;
} = {
  size: names.length,
  name: (id) => names[id] ?? unknownId(id),
  id: (name) => ids.get(name) ?? unknownName(name),
  kind: (id) => kindOfId[id] ?? unknownId(id),
};
