/**
 * MIDI bytes → tracks that a parser can read without surprise.
 *
 * The chunks are found (also inside RMID and MacBinary wrappers, among alien chunks, with wrong lengths), each track
 * is walked once, and what the parser would choke on is replaced by an event of no meaning at the same tick.
 * @module
 */

/**
 * Why a file gave no bars:
 * `not-midi` no header; `chunk` a track chunk is missing or empty; `truncated` the bytes end inside an event;
 * `division` SMPTE or zero ticks a quarter, so no quarters; `event` an undefined or missing status byte;
 * `data-byte` a data byte above 127; `meta` a meta event that cannot be decoded; `tempo` a tempo of zero;
 * `tick-limit` longer than can be held; `parser` anything else the parser threw;
 * `no-time-signature`, `not-4/4`, `no-notes`: readable, but not for this study (study §2.1).
 */
export type MidiReason =
  | "not-midi"
  | "chunk"
  | "truncated"
  | "division"
  | "event"
  | "data-byte"
  | "meta"
  | "tempo"
  | "tick-limit"
  | "parser"
  | "no-time-signature"
  | "not-4/4"
  | "no-notes";

/** A file that cannot be read or used, with a stable reason and, where it makes sense, the byte offset. */
export class MidiError extends Error {
  override name = "MidiError";
  /** Path of the file, where the caller knows it. */
  file?: string;
  constructor(readonly reason: MidiReason, message: string, readonly offset?: number) {
    super(offset === undefined ? message : `${message} (byte ${offset})`);
  }
}

/** The division of a file and the bytes of its tracks, fit for the parser. */
export interface Chunks {
  /** 0: one track; 1: tracks at once; 2: tracks one after another. */
  format: number;
  /** Ticks of a quarter, 1–32767. */
  ticksPerQuarter: number;
  /** One event stream a track, without chunk header. */
  tracks: Uint8Array[];
}

/** Channel events' data bytes by status ≫ 4; system events' by status − 0xF0 (−1: undefined, −2: has a length). */
const channelLength = [0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 1, 1, 2];
const systemLength = [-2, 1, 2, 1, -1, -1, 0, -2, 0, -1, 0, 0, 0, -1, 0, -2];
const nothing = [0xff, 0x7f, 0]; // a sequencer-specific meta event of length 0
const longText = 4096;

const isId = (bytes: Uint8Array, at: number, id: string) =>
  at + 4 <= bytes.length && [0, 1, 2, 3].every((i) => bytes[at + i] === id.charCodeAt(i));
const u32 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);

/** The part of `bytes` that starts with MThd: all of it, the `data` of an RMID, or what follows a MacBinary header. */
function unwrap(bytes: Uint8Array): Uint8Array {
  if (isId(bytes, 0, "RIFF") && isId(bytes, 8, "RMID")) {
    for (let at = 12; at + 8 <= bytes.length;) {
      const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 4, true);
      if (isId(bytes, at, "data")) return bytes.subarray(at + 8, at + 8 + size);
      at += 8 + size + (size & 1);
    }
  }
  return isId(bytes, 128, "MThd") && !isId(bytes, 0, "MThd") ? bytes.subarray(128) : bytes;
}

/** What is wrong with a meta event by the rules of the authors' reader (study §1.2), or nothing. */
function metaFault(type: number, data: Uint8Array): string | undefined {
  const least: Record<number, number> = { 0x20: 1, 0x51: 3, 0x54: 5, 0x58: 4, 0x59: 2 };
  if (data.length < (least[type] ?? 0)) return `expected ${least[type]} bytes, found ${data.length}`;
  if (type === 0 && data.length !== 0 && data.length !== 2) return `sequence number of ${data.length} bytes`;
  if (type === 0x54 && (data[0] >> 5 > 3 || data[1] > 59 || data[2] > 59 || data[4] > 99)) return "SMPTE offset";
  if (type === 0x58) {
    const exponent = Math.log(2 ** data[1]) / Math.log(2);
    if (exponent !== Math.trunc(exponent)) return `denominator 2^${data[1]}`; // their own rounding, 2^29 for one
  }
  if (type === 0x59 && ((((data[0] + 7) & 255) > 14) || data[1] > 1)) return `key ${data[0]}, mode ${data[1]}`;
}

/** What stands for a meta event the parser would refuse or misread; nothing if it can stay as it is. */
function metaRepair(type: number, data: Uint8Array): number[] | undefined {
  const { length } = data;
  if (type >= 1 && type <= 7) return length > longText ? [0xff, type, 0] : undefined;
  switch (type) {
    case 0x00:
      return length === 2 ? undefined : nothing;
    case 0x20:
    case 0x21:
      return length === 1 ? undefined : nothing;
    case 0x2f:
      return length === 0 ? undefined : [0xff, 0x2f, 0];
    case 0x51:
      return length === 3 ? undefined : length < 3 ? nothing : [0xff, 0x51, 3, ...data.subarray(0, 3)];
    case 0x54:
      return length === 5 ? undefined : nothing;
    case 0x58: // a denominator of 2^31 and more would wrap round in the parser
      if ((length === 2 || length === 4) && data[1] <= 30) return undefined;
      return length < 2 ? nothing : [0xff, 0x58, 2, data[0], Math.min(data[1], 30)];
    case 0x59:
      return length === 2 ? undefined : length < 2 ? nothing : [0xff, 0x59, 2, data[0], data[1]];
    default:
      return undefined;
  }
}

/**
 * Walks the events from `start` and returns the track's clean bytes and where it ended.
 *
 * `strict` follows the authors' reader: any fault throws, and the track ends where its length says. Otherwise the
 * track ends at its end-of-track event, and a track cut short keeps its whole events.
 */
function cleanTrack(bytes: Uint8Array, start: number, end: number, strict: boolean) {
  const pieces: Uint8Array[] = [];
  let copied = start, at = start, last = 0, limit = strict ? bytes.length : end;
  const cut = new MidiError("truncated", "Expected more bytes of an event, found the end of the file", bytes.length);

  const number = (): number => {
    for (let value = 0;;) {
      if (at >= limit) throw cut;
      const byte = bytes[at++];
      value = value * 128 + (byte & 127);
      if (value > 0x0fffffff) throw new MidiError("tick-limit", "Expected a number below 2^28, found more", at - 1);
      if (byte < 128) return value;
    }
  };
  const skip = (length: number): Uint8Array => {
    if (at + length > limit) throw cut;
    if (strict && length > 1_000_000) throw new MidiError("event", `An event of ${length} bytes`, at);
    return bytes.subarray(at, at += length);
  };
  const replace = (from: number, by: number[]) => {
    pieces.push(bytes.subarray(copied, from), Uint8Array.from(by));
    copied = at;
  };
  /** Reads one event after its delta time; true at the end of the track. */
  const event = (): boolean => {
    const from = at;
    if (at >= limit) throw cut;
    let status = bytes[at];
    if (status >= 128) at++;
    else if (last === 0) throw new MidiError("event", `Expected a status byte, found ${status}`, at);
    else status = last;
    const running = status !== bytes[from];
    if (status !== 0xff && (strict || status < 0xf0)) last = status;
    if (status === 0xff) {
      const type = skip(1)[0];
      const data = skip(number());
      const fault = strict ? metaFault(type, data) : undefined;
      if (fault) throw new MidiError("meta", `A meta event 0x${type.toString(16)} cannot be decoded: ${fault}`, from);
      const repair = metaRepair(type, data);
      if (repair) replace(from, repair);
      return type === 0x2f && !strict;
    }
    if (status < 0xf0) {
      let left = channelLength[status >> 4];
      const realtime: number[] = [];
      while (left > 0) {
        if (at >= limit) throw cut;
        const byte = bytes[at++];
        if (byte < 128) left--;
        else if (strict || byte < 0xf8) throw new MidiError("data-byte", `Expected data 0…127, found ${byte}`, at - 1);
        else realtime.push(at - 1);
      }
      if (realtime.length > 0) {
        replace(from, [...bytes.subarray(from, at)].filter((_, i) => !realtime.includes(from + i)));
      }
      return false;
    }
    const length = systemLength[status - 0xf0];
    if (length === -2) {
      if (running) at++; // the authors' reader takes a data byte after a SysEx for one more SysEx
      let data = skip(number());
      if (data[0] === 0xf0) data = data.subarray(1);
      if (data.at(-1) === 0xf7) data = data.subarray(0, -1);
      const wrong = strict && data.some((byte) => byte > 127);
      if (wrong) throw new MidiError("data-byte", "Expected data 0…127 in a SysEx, found more", from);
    } else {
      if (strict && (length === -1 || (running && length === 0))) {
        throw new MidiError("event", `Expected an event, found the byte ${status}`, from);
      }
      const wrong = skip(Math.max(0, length)).some((byte) => byte > 127);
      if (strict && wrong) throw new MidiError("data-byte", "Expected data 0…127, found more", from);
    }
    replace(from, nothing);
    return false;
  };

  while (at !== end && (strict || at < limit)) {
    const from = at;
    try {
      number();
      if (event()) break;
    } catch (error) {
      if (strict || error !== cut) throw error;
      at = from;
      if (limit === bytes.length || isId(bytes, limit, "MTrk")) break; // what came before the cut stands
      limit = bytes.length; // the chunk's length is too short: go on to the end-of-track event
      end = limit;
    }
  }
  pieces.push(bytes.subarray(copied, Math.max(at, copied)));
  return { track: pieces.length === 1 ? pieces[0] : concat(pieces), next: at };
}

/** The bytes of all parts, one after another. */
export function concat(parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * The tracks of a file; `strict` follows the authors' reader (study §1.2), otherwise as much is read as has meaning.
 *
 * @throws {MidiError} with the reasons `not-midi`, `division`, `chunk`, `truncated`, `event`, `data-byte`, `meta`.
 */
export function readChunks(file: Uint8Array, strict: boolean): Chunks {
  const bytes = strict ? file : unwrap(file);
  if (!isId(bytes, 0, "MThd")) throw new MidiError("not-midi", "Expected MThd, found other bytes", 0);
  if (bytes.length < 14) throw new MidiError("not-midi", "Expected a header of 14 bytes, found the end", bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const headerEnd = 8 + view.getUint32(4);
  if (headerEnd < 14) throw new MidiError("not-midi", `Expected a header of 6 bytes, found ${headerEnd - 8}`, 4);
  const format = view.getUint16(8), declared = view.getInt16(10), ticksPerQuarter = view.getInt16(12);
  if (ticksPerQuarter <= 0) {
    const found = ticksPerQuarter === 0 ? "0" : "SMPTE frames";
    throw new MidiError("division", `Expected ticks a quarter, found ${found}: without quarters no bars`, 12);
  }
  const tracks: Uint8Array[] = [];
  let at = headerEnd;
  while (strict ? tracks.length < declared : at + 8 <= bytes.length) {
    if (!isId(bytes, at, "MTrk")) {
      if (strict) throw new MidiError("chunk", `Expected MTrk for track ${tracks.length}, found other bytes`, at);
      const known = bytes.subarray(at, at + 4).every((byte) => byte >= 32 && byte < 127);
      const next = known ? at + 8 + u32(bytes, at + 4) : -1;
      at = next > 0 && (next >= bytes.length - 8 || isId(bytes, next, "MTrk")) ? next : findTrack(bytes, at + 1);
      continue;
    }
    if (at + 8 > bytes.length) throw new MidiError("truncated", "Expected a track, found the end", bytes.length);
    const size = u32(bytes, at + 4), start = at + 8;
    const end = strict ? start + size : Math.min(start + size, bytes.length);
    const { track, next } = cleanTrack(bytes, start, end, strict);
    if (strict && track.length === 0) throw new MidiError("chunk", "Expected events in a track, found none", at);
    tracks.push(track);
    at = strict || next === end || end === bytes.length || isId(bytes, end, "MTrk") ? Math.max(end, next) : next;
    if (!strict && end === bytes.length && next < end) at = findTrack(bytes, next);
  }
  if (tracks.length === 0) throw new MidiError("chunk", "Expected a track chunk (MTrk), found none", bytes.length);
  return { format, ticksPerQuarter, tracks };
}

/** Where the next MTrk stands, or the end. */
function findTrack(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0x4d, from); at >= 0; at = bytes.indexOf(0x4d, at + 1)) {
    if (isId(bytes, at, "MTrk")) return at;
  }
  return bytes.length;
}
