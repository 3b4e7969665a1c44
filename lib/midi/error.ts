/**
 * Why a MIDI file could not be read or used.
 * @module
 */
import { UserError } from "../base/user_error.ts";

/**
 * Why a file gave no bars:
 * `not-midi` no header; `chunk` a track chunk is missing or empty; `truncated` the bytes end inside an event;
 * `division` SMPTE or zero ticks a quarter, so no quarters; `event` an undefined or missing status byte;
 * `data-byte` a data byte above 127; `meta` a meta event that cannot be decoded; `tempo` a tempo of zero;
 * `tick-limit` too long, and `event-limit` too many events;
 * `no-time-signature`, `not-4/4`, `no-notes`: readable, but not for this study (STUDY §2.1).
 */
export type MidiReason =
  | ("not-midi" | "chunk" | "truncated" | "division" | "event" | "data-byte" | "meta" | "tempo")
  | ("tick-limit" | "event-limit" | "no-time-signature" | "not-4/4" | "no-notes");

/** A file that cannot be read or used, with a stable reason and, where it makes sense, the byte offset. */
export class MidiError extends UserError {
  /** Path of the file, where the caller knows it. */
  file?: string;
  /** An error of a reason; `offset` is the byte of the file at which the fault stands, wrappers included. */
  constructor(readonly reason: MidiReason, message: string, readonly offset?: number) {
    super(offset === undefined ? message : `${message} (byte ${offset})`);
  }
}
