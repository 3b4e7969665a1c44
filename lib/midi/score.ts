/**
 * A song as notes, tempi, signatures and controls, in ticks.
 * @module
 */

/** A tempo of so many microseconds a quarter, in force from a tick on. */
export type Tempo = { tick: number; microseconds: number };

/** A time signature, in force from a tick on; the denominator is the beat's note value, 4 for quarters. */
export type Meter = { tick: number; numerator: number; denominator: number };

/** A note. */
export interface Note {
  /** Tick it starts at. */
  start: number;
  /** Tick it ends at, before any pedal. */
  end: number;
  /** MIDI pitch 0–127; for drums the key of the drum. */
  pitch: number;
  /** MIDI velocity 1–127. */
  velocity: number;
  /** General MIDI program 0–127. */
  program: number;
  /** Whether it is a drum stroke. */
  drum: boolean;
}

/** A pedal value 0–127 or a bend −8192…8191, in force from a tick on. */
export type Control = { tick: number; value: number };

/** The sustain pedal and pitch bends that act on a part, in order of time; and the tick of its last controller or bend. */
export type Controls = { pedals: Control[]; bends: Control[]; lastTick: number };

/** The notes of one program (0–127) or drum kit under one set of controls, sorted by (start, pitch). */
export type Part = { program: number; drum: boolean; notes: Note[]; controls: Controls };

/** A song in ticks. */
export interface Score {
  /** Ticks of a quarter note. */
  ticksPerQuarter: number;
  /** All notes, sorted by (start, pitch), then in order of the parts. */
  notes: Note[];
  /** The notes by part. */
  parts: Part[];
  /** Tempi in order of time; before the first, 120 quarters a minute. */
  tempi: Tempo[];
  /** Signatures in order of time; empty if the file has none. */
  meters: Meter[];
  /** Tick of the last note end, control, tempo, signature, key or lyric (STUDY §1.8). */
  endTick: number;
  /** The file it was read from, where known; errors about the score name it. */
  file?: string;
}

/** Tick of the last note end, controller or bend of a part. */
export const lastTickOf = (part: Part): number =>
  part.notes.reduce((last, note) => Math.max(last, note.end), part.controls.lastTick);
