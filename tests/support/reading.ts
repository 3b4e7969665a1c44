/**
 * Short words for tests of the MIDI reader: bytes in, notes or the error out, under either preset.
 * @module
 */
import { assertInstanceOf, assertThrows } from "@std/assert";
import { MidiError, type MidiReason } from "@lib/midi/error.ts";
import type { Note } from "@lib/midi/score.ts";
import { readScore } from "@lib/midi/read.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";

/** The presets' recipes. */
export const sound: Recipe = recipe("sound", "demo"), authors: Recipe = recipe("authors", "demo");

/** Both of them. */
export const both: Recipe[] = [sound, authors];

/** Parts of a file, one after another. */
export const bytesOf = (...parts: number[][]): Uint8Array<ArrayBuffer> => Uint8Array.from(parts.flat());

/** Start, end, pitch and program of notes. */
export const brief = (notes: Note[]): number[][] =>
  notes.map(({ start, end, pitch, program }) => [start, end, pitch, program]);

/** The notes of a file. */
export const notesOf = (bytes: Uint8Array, choices: Recipe = sound): number[][] =>
  brief(readScore(bytes, choices).notes);

/** Why a file is refused. */
export const errorOf = (bytes: Uint8Array, choices: Recipe = sound): MidiError =>
  assertThrows(() => readScore(bytes, choices), MidiError);

/** The reason for which a file is refused, or "read". */
export function reasonOf(bytes: Uint8Array, choices: Recipe = sound): MidiReason | "read" {
  try {
    readScore(bytes, choices);
    return "read";
  } catch (error) {
    assertInstanceOf(error, MidiError);
    return error.reason;
  }
}
