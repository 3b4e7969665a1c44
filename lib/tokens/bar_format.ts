/**
 * The form of a bar: `Bar Position Tempo (Position Instrument Pitch Velocity Duration)×n <eob>` (STUDY §4.1–4.4).
 * @module
 */
import { drums, eob, kinds, nearestBin, velocityBins } from "./vocabulary.ts";

/**
 * A note of a bar: position 0–47, program 0–127 or 128 for drums, MIDI pitch or a drum's key, MIDI velocity 1–127, and
 * index 0–57 of the duration bin.
 */
export type BarNote = Record<"position" | "instrument" | "pitch" | "velocity" | "duration", number>;

/** Tokens before the first note: Bar, Position and Tempo. */
export const headTokens = 3;

/** Tokens of a note: Position, Instrument, Pitch, Velocity and Duration. */
export const noteTokens = 5;

/** Tokens of a bar with so many notes, `<eob>` included. */
export const barTokens = (notes: number): number => headTokens + noteTokens * notes + 1;

/** How many whole notes a bar of so many tokens has room for, `<eob>` included. */
export const wholeNotes = (tokens: number): number => Math.floor((tokens - barTokens(0)) / noteTokens);

/** The places in a bar of so many tokens at which a whole note begins. */
export const noteStarts = (tokens: number): number[] =>
  Array.from({ length: wholeNotes(tokens) }, (_, note) => headTokens + noteTokens * note);

const binOfVelocity = Uint8Array.from({ length: 128 }, (_, velocity) => nearestBin(velocityBins, velocity));

/** The tokens of a bar, `<eob>` last; those beyond `most` are left out, if need be inside a note. */
export function encodeBar(notes: BarNote[], tempoBin: number, most: number): Uint16Array<ArrayBuffer> {
  const ids = new Uint16Array(barTokens(notes.length));
  ids.set([kinds.Bar.first, kinds.Position.first, kinds.Tempo.first + tempoBin]);
  let at = headTokens;
  for (const { position, instrument, pitch, velocity, duration } of notes) {
    ids[at++] = kinds.Position.first + position;
    ids[at++] = kinds.Instrument.first + instrument;
    ids[at++] = (instrument === drums ? kinds.Pitch_Drum.first : kinds.Pitch.first) + pitch;
    ids[at++] = kinds.Velocity.first + binOfVelocity[velocity];
    ids[at++] = kinds.Duration.first + duration;
  }
  const tokens = ids.length > most ? ids.slice(0, most) : ids;
  tokens[tokens.length - 1] = eob;
  return tokens;
}

/** Index 0–31 of a bar's tempo in `tempoBins`. */
export const tempoBinOf = (tokens: ArrayLike<number>): number => tokens[headTokens - 1] - kinds.Tempo.first;

/** The whole notes of a bar, velocities being those of their bins. */
export const notesOf = (tokens: ArrayLike<number>): BarNote[] =>
  noteStarts(tokens.length).map((at) => {
    const instrument = tokens[at + 1] - kinds.Instrument.first;
    return {
      position: tokens[at] - kinds.Position.first,
      instrument,
      pitch: tokens[at + 2] - kinds[instrument === drums ? "Pitch_Drum" : "Pitch"].first,
      velocity: velocityBins[tokens[at + 3] - kinds.Velocity.first],
      duration: tokens[at + 4] - kinds.Duration.first,
    };
  });
