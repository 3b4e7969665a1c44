/**
 * A score → bars of REMI+ tokens with their labels, and back.
 * @module
 */
export { type Bar, detokenize, tokenize } from "./remi.ts";
export { type TokenKind, vocabulary } from "./vocabulary.ts";
export type { BarLabels } from "./labels.ts";
export { chordNames, type ChordSegment, recognizeChords } from "./chords.ts";
