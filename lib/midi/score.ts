/**
 * A song as notes, tempi, signatures and controls, in ticks.
 * @module
 */

/** A tempo, in force from a tick on. */
export interface Tempo {
  /** Its first tick. */
  tick: number;
  /** Microseconds a quarter. */
  microseconds: number;
}

/** A time signature, in force from a tick on. */
export interface Meter {
  /** Its first tick. */
  tick: number;
  /** Beats of a bar. */
  numerator: number;
  /** The beat's note value: 4 for quarters. */
  denominator: number;
}

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
export interface Control {
  /** Its first tick. */
  tick: number;
  /** The value. */
  value: number;
}

/** The sustain pedal and pitch bends that act on a part, in order of time. */
export interface Controls {
  /** Values of the sustain pedal, 0–127. */
  pedals: Control[];
  /** Pitch bends, −8192…8191. */
  bends: Control[];
  /** Tick of the last controller or bend of any number; 0 if there is none. */
  lastTick: number;
}

/** The notes of one program under one set of controls. */
export interface Part {
  /** General MIDI program, 0–127. */
  program: number;
  /** Whether its notes are drum strokes. */
  drum: boolean;
  /** Its notes, sorted by (start, pitch). */
  notes: Note[];
  /** The pedal and bends that act on them. */
  controls: Controls;
}

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
