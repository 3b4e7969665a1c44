/**
 * MIDI bytes ↔ a score in ticks.
 * @module
 */
export { readScore } from "./read.ts";
export { writeScore } from "./write.ts";
export { MidiError, type MidiReason } from "./error.ts";
export type { Control, Controls, Meter, Note, Part, Score, Tempo } from "./score.ts";
