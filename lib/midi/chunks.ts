/**
 * MIDI bytes → the events of its tracks, also from RMID and MacBinary wrappers, among other chunks and with wrong
 * lengths.
 * @module
 */
import { MidiError } from "./error.ts";
import { decodeTrack, type Events, noEvents, type Track } from "./events.ts";

/** The content of a file, before notes are paired. */
export interface Chunks {
  /** 0: one track; 1: tracks at once; 2: tracks one after another. */
  format: number;
  /** Ticks of a quarter, 1–32767. */
  ticksPerQuarter: number;
  /** The tracks in order of the file. */
  tracks: Track[];
  /** All tracks' events. */
  events: Events;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const isId = (bytes: Uint8Array, at: number, id: string) =>
  at + 4 <= bytes.length && [0, 1, 2, 3].every((i) => bytes[at + i] === id.charCodeAt(i));
const isTrack = (bytes: Uint8Array, at: number) =>
  bytes[at] === 0x4d && bytes[at + 1] === 0x54 && bytes[at + 2] === 0x72 && bytes[at + 3] === 0x6b;

/**
 * Where the MIDI data of a file begins and ends: all of it, the `data` of an RMID, or the data fork of a MacBinary.
 *
 * Lengths that lead beyond the end are cut to it.
 */
function unwrap(bytes: Uint8Array): { begin: number; end: number } {
  const view = viewOf(bytes), { length } = bytes;
  if (isId(bytes, 0, "RIFF") && isId(bytes, 8, "RMID")) {
    for (let at = 12; at + 8 <= length;) {
      const size = view.getUint32(at + 4, true);
      if (isId(bytes, at, "data")) return { begin: at + 8, end: Math.min(length, at + 8 + size) };
      at += 8 + size + (size & 1);
    }
  }
  if (!isId(bytes, 128, "MThd") || isId(bytes, 0, "MThd")) return { begin: 0, end: length };
  const fork = view.getUint32(83); // the resource fork that follows is no music
  return { begin: 128, end: fork >= 14 && 128 + fork <= length ? 128 + fork : length };
}

/** Where the next MTrk stands, or the end. */
function findTrack(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0x4d, from); at >= 0; at = bytes.indexOf(0x4d, at + 1)) {
    if (isTrack(bytes, at)) return at;
  }
  return bytes.length;
}

/** Whether a chunk begins at `at`, or the file ends there. */
function isChunk(bytes: Uint8Array, at: number): boolean {
  if (at === bytes.length || isTrack(bytes, at)) return true;
  if (at + 8 > bytes.length || bytes.subarray(at, at + 4).some((byte) => byte < 32 || byte > 126)) return false;
  const next = at + 8 + viewOf(bytes).getUint32(at + 4);
  return next === bytes.length || isTrack(bytes, next);
}

/** The format and division of the header at `begin`, the number of tracks it declares, and where it ends. */
function readHeader(bytes: Uint8Array, begin: number) {
  if (!isId(bytes, begin, "MThd")) {
    const found = bytes.length <= begin ? "an empty file" : "other bytes";
    throw new MidiError("not-midi", `Expected MThd, found ${found}`, begin);
  }
  if (bytes.length < begin + 14) {
    throw new MidiError("not-midi", "Expected a header of 14 bytes, found the end", bytes.length);
  }
  const view = viewOf(bytes);
  const length = view.getUint32(begin + 4);
  if (length < 6) throw new MidiError("not-midi", `Expected a header of 6 bytes, found ${length}`, begin + 4);
  const ticksPerQuarter = view.getInt16(begin + 12);
  if (ticksPerQuarter <= 0) {
    const found = ticksPerQuarter === 0 ? "0" : "SMPTE frames";
    throw new MidiError("division", `Expected ticks a quarter, found ${found}: without quarters no bars`, begin + 12);
  }
  const format = view.getUint16(begin + 8), declared = view.getInt16(begin + 10);
  return { format, declared, ticksPerQuarter, next: begin + 8 + length };
}

/** The tracks as the authors' reader takes them: as many as declared, end to end, nothing between (STUDY §1.2). */
function strictTracks(bytes: Uint8Array, from: number, count: number, events: Events): Track[] {
  const tracks: Track[] = [];
  for (let at = from; tracks.length < count;) {
    if (!isTrack(bytes, at)) {
      const found = at >= bytes.length ? "the end" : "other bytes";
      throw new MidiError("chunk", `Expected MTrk for track ${tracks.length}, found ${found}`, at);
    }
    if (at + 8 > bytes.length) throw new MidiError("truncated", "Expected a track, found the end", bytes.length);
    const start = at + 8, declared = start + viewOf(bytes).getUint32(at + 4);
    if (declared === start) throw new MidiError("chunk", "Expected events in a track, found none", at);
    const { track, next } = decodeTrack(bytes, { start, declared, limit: bytes.length, strict: true }, events);
    tracks.push(track);
    at = next;
  }
  return tracks;
}

/** All tracks; a length that leads to no chunk is not trusted. */
function allTracks(bytes: Uint8Array, from: number, events: Events): Track[] {
  const tracks: Track[] = [];
  const view = viewOf(bytes);
  let at = isChunk(bytes, from) ? from : findTrack(bytes, from);
  while (at + 8 <= bytes.length) {
    const start = at + 8, declared = start + view.getUint32(at + 4);
    const trusted = isChunk(bytes, declared);
    if (isTrack(bytes, at)) {
      const limit = trusted ? declared : findTrack(bytes, start);
      const { track, next } = decodeTrack(bytes, { start, declared, limit, strict: false }, events);
      tracks.push(track);
      at = trusted ? declared : findTrack(bytes, next);
    } else at = trusted ? declared : findTrack(bytes, at + 1);
  }
  return tracks;
}

/**
 * The events of a file; `strict` follows the authors' reader (STUDY §1.2), otherwise all that makes sense is read.
 *
 * @throws {MidiError} with the reasons `not-midi`, `division`, `chunk` and those of a track's events.
 */
export function readChunks(file: Uint8Array, strict: boolean): Chunks {
  const { begin, end } = strict ? { begin: 0, end: file.length } : unwrap(file);
  const bytes = file.subarray(0, end); // offsets stay those of the file
  const { format, declared, ticksPerQuarter, next } = readHeader(bytes, begin);
  const events = noEvents(bytes.length);
  const tracks = strict ? strictTracks(bytes, next, declared, events) : allTracks(bytes, next, events);
  if (tracks.length === 0) throw new MidiError("chunk", "Expected a track chunk (MTrk), found none", bytes.length);
  return { format, ticksPerQuarter, tracks, events };
}
