/**
 * The bytes of a track → its events, in one walk.
 *
 * What matters here is kept in a few typed arrays for the whole file, so that a million notes stay small.
 * @module
 */
import { MidiError } from "./error.ts";

/** What a channel event does: the upper half of its status byte. */
export const off = 8, on = 9, controller = 11, program = 12, bend = 14;

/** The channel events of a file, track after track, each in order of time; the arrays may be longer than `count`. */
export interface Events {
  /** Number of events. */
  count: number;
  /** Absolute tick of each. */
  ticks: Float64Array<ArrayBuffer>;
  /** {@link off}, {@link on}, {@link controller}, {@link program} or {@link bend}. */
  kinds: Uint8Array<ArrayBuffer>;
  /** Channel 0–15, plus 16 times the port. */
  channels: Uint16Array<ArrayBuffer>;
  /** Pitch, program or controller number; 0 for bends. */
  numbers: Uint8Array<ArrayBuffer>;
  /** Velocity, controller value 0–127 or bend −8192…8191. */
  values: Int16Array<ArrayBuffer>;
}

/** A tempo from a tick on. */
export interface Tempo {
  /** From when. */
  tick: number;
  /** Microseconds a quarter. */
  microseconds: number;
}

/** A time signature from a tick on. */
export interface Meter {
  /** From when. */
  tick: number;
  /** Beats of a bar. */
  numerator: number;
  /** The beat's note value: 4 for quarters. */
  denominator: number;
}

/** What a track says, beside the channel events that lie at `from` … `to` − 1 of the file's {@link Events}. */
export interface Track {
  /** First event. */
  from: number;
  /** Event after the last. */
  to: number;
  /** Its tempi, in order of time. */
  tempi: Tempo[];
  /** Its time signatures, in order of time. */
  meters: Meter[];
  /** Tick of the last key signature or lyric, and of the last event of any kind. */
  lastText: number;
  /** Tick of its last event. */
  lastTick: number;
}

/** Most channel events of a file: a million notes with something to spare. */
const maxEvents = 2 ** 21;

/** An empty list of events. */
export const noEvents = (): Events => ({
  count: 0,
  ticks: new Float64Array(1024),
  kinds: new Uint8Array(1024),
  channels: new Uint16Array(1024),
  numbers: new Uint8Array(1024),
  values: new Int16Array(1024),
});

function grow(events: Events): void {
  const wider = <T extends { set(from: T): void; length: number }>(from: T, make: (length: number) => T): T => {
    const to = make(2 * from.length);
    to.set(from);
    return to;
  };
  events.ticks = wider(events.ticks, (length) => new Float64Array(length));
  events.kinds = wider(events.kinds, (length) => new Uint8Array(length));
  events.channels = wider(events.channels, (length) => new Uint16Array(length));
  events.numbers = wider(events.numbers, (length) => new Uint8Array(length));
  events.values = wider(events.values, (length) => new Int16Array(length));
}

/** Data bytes of system events by status − 0xF0; −1: undefined, −2: has a length. */
const systemLength = [-2, 1, 2, 1, -1, -1, 0, -2, 0, -1, 0, 0, 0, -1, 0, -2];
/** Least bytes that the authors' reader needs in a meta event. */
const least: Readonly<Record<number, number>> = { 0x20: 1, 0x51: 3, 0x54: 5, 0x58: 4, 0x59: 2 };

/** What is wrong with a meta event by the rules of the authors' reader (study §1.2), or nothing. */
function metaFault(type: number, data: Uint8Array): string | undefined {
  if (data.length < (least[type] ?? 0)) return `expected ${least[type]} bytes, found ${data.length}`;
  if (type === 0 && data.length !== 0 && data.length !== 2) return `expected 0 or 2 bytes, found ${data.length}`;
  if (type === 0x54 && (data[0] >> 5 > 3 || data[1] > 59 || data[2] > 59 || data[4] > 99)) {
    return `expected a time of day, found ${data.subarray(0, 5).join(" ")}`;
  }
  if (type === 0x58) {
    const exponent = Math.log(2 ** data[1]) / Math.log(2);
    // their own rounding: 2^29 is one that it does not take for a power of 2
    if (exponent !== Math.trunc(exponent)) return `expected a power of 2, found the denominator 2^${data[1]}`;
  }
  if (type === 0x59 && ((((data[0] + 7) & 255) > 14) || data[1] > 1)) {
    return `expected −7…7 accidentals and mode 0 or 1, found ${data[0]} and ${data[1]}`;
  }
}

/**
 * Decodes the events from byte `start`, adds the channel events to `events`, and says where the track ended.
 *
 * `strict` follows the authors' reader: any fault throws, and the track ends exactly at `declared`. Otherwise it ends
 * at its end-of-track event, or at `limit`; an event that does not fit in is left out, and so is all from a fault on
 * that lies at or beyond `declared`, where nobody promised events.
 *
 * @throws {MidiError} with the reasons `truncated`, `event`, `data-byte`, `meta`, `tick-limit`, `event-limit`.
 */
export function decodeTrack(
  bytes: Uint8Array,
  { start, declared, limit, strict }: { start: number; declared: number; limit: number; strict: boolean },
  events: Events,
): { track: Track; next: number } {
  const track: Track = { from: events.count, to: 0, tempi: [], meters: [], lastText: 0, lastTick: 0 };
  let at = start, last = 0, tick = 0, port = 0;

  const cut = () => new MidiError("truncated", "Expected more bytes of an event, found the end", at);
  const number = (): number => {
    for (let value = 0;;) {
      if (at >= limit) throw cut();
      const byte = bytes[at++];
      value = value * 128 + (byte & 127);
      if (value > 0x0fffffff) throw new MidiError("tick-limit", "Expected a number below 2^28, found more", at - 1);
      if (byte < 128) return value;
    }
  };
  const skip = (length: number): Uint8Array => {
    if (at + length > limit) throw cut();
    if (strict && length > 1_000_000) {
      throw new MidiError("event", `Expected an event of at most 1,000,000 bytes, found ${length}`, at);
    }
    return bytes.subarray(at, at += length);
  };
  const data = (): number => {
    while (at < limit) {
      const byte = bytes[at++];
      if (byte < 128) return byte;
      if (strict || byte < 0xf8) throw new MidiError("data-byte", `Expected data 0…127, found ${byte}`, at - 1);
    } // realtime bytes may stand anywhere
    throw cut();
  };
  const push = (kind: number, channel: number, number: number, value: number) => {
    const i = events.count;
    if (i === maxEvents) {
      throw new MidiError("event-limit", `Expected at most ${maxEvents} notes, programs and controls, found more`, at);
    }
    if (i === events.ticks.length) grow(events);
    events.ticks[i] = tick;
    events.kinds[i] = kind;
    events.channels[i] = channel + 16 * port;
    events.numbers[i] = number;
    events.values[i] = value;
    events.count++;
  };
  /** Reads the meta event whose status stood at `from`; true at the end of the track. */
  const meta = (from: number, now: number): boolean => {
    const type = skip(1)[0];
    const content = skip(number());
    const fault = strict ? metaFault(type, content) : undefined;
    if (fault) throw new MidiError("meta", `Meta event 0x${type.toString(16)}: ${fault}`, from);
    const { length } = content;
    if (type === 0x21 && length === 1) port = content[0];
    else if (type === 0x2f) return !strict;
    else if (type === 0x51 && length >= 3) {
      track.tempi.push({ tick: now, microseconds: (content[0] << 16) | (content[1] << 8) | content[2] });
    } else if (type === 0x58 && length >= 2) {
      track.meters.push({ tick: now, numerator: content[0], denominator: 2 ** content[1] });
    } else if (type === 0x05 || (type === 0x59 && length >= 2)) track.lastText = now;
    return false;
  };
  /** Reads the system event of that status. */
  const system = (from: number, status: number, running: boolean): void => {
    const length = systemLength[status - 0xf0];
    if (length === -2) {
      if (running) at++; // the authors' reader takes a data byte after a SysEx for one more SysEx
      let content = skip(number());
      if (!strict) return;
      if (content[0] === 0xf0) content = content.subarray(1);
      if (content.at(-1) === 0xf7) content = content.subarray(0, -1);
      const wrong = content.find((byte) => byte > 127);
      if (wrong !== undefined) {
        throw new MidiError("data-byte", `Expected data 0…127 in a SysEx, found ${wrong}`, from);
      }
      return;
    }
    if (strict && (length === -1 || (running && length === 0))) {
      throw new MidiError("event", `Expected an event, found the byte ${status}`, from);
    }
    const wrong = skip(Math.max(0, length)).find((byte) => byte > 127);
    if (strict && wrong !== undefined) throw new MidiError("data-byte", `Expected data 0…127, found ${wrong}`, from);
  };
  /** Reads one event with its delta time; true at the end of the track. */
  const event = (): boolean => {
    const now = tick + number(), from = at;
    if (at >= limit) throw cut();
    let status = bytes[at];
    const running = status < 128;
    if (!running) at++;
    else if (last === 0) throw new MidiError("event", `Expected a status byte, found ${status}`, at);
    else status = last;
    if (status !== 0xff && (strict || status < 0xf0)) last = status;
    if (status >= 0xf0) {
      const ended = status === 0xff ? meta(from, now) : (system(from, status, running), false);
      tick = now;
      return ended;
    }
    const kind = status >> 4, channel = status & 15, first = data();
    const second = kind === program || kind === 13 ? 0 : data();
    tick = now;
    if (kind === on) push(second > 0 ? on : off, channel, first, second);
    else if (kind === off) push(off, channel, first, 0);
    else if (kind === bend) push(bend, channel, 0, first + 128 * second - 8192);
    else if (kind === program || kind === controller) push(kind, channel, first, second);
    return false;
  };

  while (strict ? at !== declared : at < limit) {
    const from = at;
    try {
      if (event()) break;
    } catch (error) {
      if (strict || !(error instanceof MidiError) || error.reason === "event-limit") throw error;
      if (error.reason !== "truncated" && from < declared) throw error;
      at = Math.min(from, Math.max(declared, start));
      break;
    }
  }
  track.to = events.count;
  track.lastTick = tick;
  return { track, next: at };
}
