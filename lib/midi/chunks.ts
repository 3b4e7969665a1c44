/**
 * MIDI bytes → the events of their tracks; wrappers, other chunks and wrong lengths are passed over.
 * @module
 */
import { MidiError } from "./error.ts";
import { decodeTrack, type Events, noEvents, type Track } from "./events.ts";

/** The content of a file, before notes are paired; format 0: one track, 1: tracks at once, 2: one after another. */
export type Chunks = { format: number; ticksPerQuarter: number; tracks: Track[]; events: Events };

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const isId = (bytes: Uint8Array, at: number, id: string) =>
  at + 4 <= bytes.length && [0, 1, 2, 3].every((i) => bytes[at + i] === id.charCodeAt(i));

/** Where the next of some ids stands, or the end. */
function findId(bytes: Uint8Array, from: number, ids: string[]): number {
  for (let at = bytes.indexOf(0x4d, from); at >= 0; at = bytes.indexOf(0x4d, at + 1)) {
    if (ids.some((id) => isId(bytes, at, id))) return at;
  }
  return bytes.length;
}

/** Where the MIDI data of a file begins and ends: the `data` of an RMID, the data fork of a MacBinary, or all of it. */
function unwrap(bytes: Uint8Array): { begin: number; end: number } {
  const view = viewOf(bytes), { length } = bytes;
  if (isId(bytes, 0, "RIFF") && isId(bytes, 8, "RMID")) {
    const begin = findId(bytes, 12, ["MThd"]);
    return { begin: begin === length ? 0 : begin, end: Math.min(length, begin + view.getUint32(begin - 4, true)) };
  }
  if (!isId(bytes, 128, "MThd") || isId(bytes, 0, "MThd")) return { begin: 0, end: length };
  const fork = view.getUint32(83);
  return { begin: 128, end: fork >= 14 && 128 + fork <= length ? 128 + fork : length };
}

/** Whether a chunk begins at `at`, or the music or the file ends there. */
function isChunk(bytes: Uint8Array, at: number, end: number): boolean {
  const isSure = (at: number) => [end, bytes.length].includes(at) || ["MTrk", "MThd"].some((id) => isId(bytes, at, id));
  if (isSure(at) || at + 8 > bytes.length) return isSure(at);
  const isName = bytes.subarray(at, at + 4).every((byte) => byte >= 32 && byte <= 126);
  return isName && isSure(at + 8 + viewOf(bytes).getUint32(at + 4));
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
  const view = viewOf(bytes), length = view.getUint32(begin + 4);
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
    if (!isId(bytes, at, "MTrk")) {
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

/**
 * The tracks of the first file in the bytes; a length that leads to no chunk is not trusted.
 *
 * Once the `count` tracks that the header declares are read, only chunks that follow without a gap count, and none
 * beyond `end`: other bytes may be what a shorter save left of an older file.
 */
function allTracks(bytes: Uint8Array, from: number, count: number, end: number, events: Events): Track[] {
  const tracks: Track[] = [];
  const nextChunk = (from: number) => findId(bytes, from, ["MTrk", "MThd"]);
  for (let at = from; at + 8 <= bytes.length;) {
    const start = at + 8, declared = start + viewOf(bytes).getUint32(at + 4);
    const trusted = isChunk(bytes, declared, end), isTrack = isId(bytes, at, "MTrk");
    if (tracks.length > 0 && isId(bytes, at, "MThd")) break; // another file
    if (tracks.length >= count && (at >= end || !(isTrack || trusted))) break;
    let next = at + 1;
    if (isTrack) {
      const limit = trusted ? declared : nextChunk(start);
      const decoded = decodeTrack(bytes, { start, declared, limit, strict: false }, events);
      tracks.push(decoded.track);
      next = decoded.next;
    }
    at = trusted ? declared : isTrack && tracks.length >= count ? next : nextChunk(next);
  }
  return tracks;
}

/**
 * The events of a file; `strict` follows the authors' reader (STUDY §1.2), otherwise all that makes sense is read.
 *
 * @throws {MidiError} with the reasons `not-midi`, `division`, `chunk` and those of a track's events.
 */
export function readChunks(bytes: Uint8Array, strict: boolean): Chunks {
  const { begin, end } = strict ? { begin: 0, end: bytes.length } : unwrap(bytes);
  const { format, declared, ticksPerQuarter, next } = readHeader(bytes, begin);
  const events = noEvents(bytes.length);
  const count = declared > 0 ? declared : Infinity; // no number at all says nothing
  const tracks = strict ? strictTracks(bytes, next, declared, events) : allTracks(bytes, next, count, end, events);
  if (tracks.length === 0) throw new MidiError("chunk", "Expected a track chunk (MTrk), found none", bytes.length);
  return { format, ticksPerQuarter, tracks, events };
}
