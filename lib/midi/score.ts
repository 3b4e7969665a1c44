/**
 * A song as notes, tempi, signatures and controls, in ticks.
 * @module
 */

/** A tempo of so many microseconds a quarter, in force from a tick on. */
export type Tempo = { tick: number; microseconds: number };

/** A time signature, in force from a tick on; the denominator is the beat's note value, 4 for quarters. */
export type Meter = { tick: number; numerator: number; denominator: number };

/**
 * A note from one tick to another, before any pedal; MIDI pitch 0–127, for drums the key of the drum; MIDI velocity 1–127;
 * General MIDI program 0–127; and whether it is a drum stroke.
 */
export type Note = { start: number; end: number; pitch: number; velocity: number; program: number; drum: boolean };

/** A pedal value 0–127 or a bend −8192…8191, in force from a tick on. */
export type Control = { tick: number; value: number };

/** The sustain pedal and pitch bends that act on a part, in order of time; and the tick of its last controller or bend. */
export type Controls = { pedals: Control[]; bends: Control[]; lastTick: number };

/** The notes of one program (0–127) or drum kit under one set of controls, sorted by (start, pitch). */
export type Part = { program: number; drum: boolean; notes: Note[]; controls: Controls };

/**
 * A song in ticks. The notes of all parts are sorted by (start, pitch), then in order of the parts; tempi and signatures
 * are in order of time. Before the first tempo it is 120 quarters a minute. `endTick` is that of the last note end,
 * control, tempo, signature, key or lyric (STUDY §1.8). Errors about the score name its `file`, where it is known.
 */
export type Score = {
  ticksPerQuarter: number;
  notes: Note[];
  parts: Part[];
  tempi: Tempo[];
  meters: Meter[];
  endTick: number;
  file?: string;
};

/** Tick of the last note end, controller or bend of a part. */
export const lastTickOf = (part: Part): number =>
  part.notes.reduce((last, note) => Math.max(last, note.end), part.controls.lastTick);
