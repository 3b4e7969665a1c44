/**
 * The bytes of a track → its events, in typed arrays for the whole file, so that a million notes stay small.
 * @module
 */
import { MidiError } from "./error.ts";
import type { Meter, Tempo } from "./score.ts";

/** The kinds of channel events: the upper half of their status bytes; and SysEx that decides what is a drum. */
export const off = 8, on = 9, controller = 11, program = 12, bend = 14, drumSetup = 15;

/** The `numbers` of a {@link drumSetup}: a channel is made drums (value 1) or melodic (0); the file is for GS, or XG. */
export const drumPart = 0, gsReset = 1, xgOn = 2;

/**
 * The channel events of a file, track after track, each in order of time; the arrays may be longer than `count`.
 *
 * Ticks are absolute; a channel is 0–15, plus 16 times the port; numbers are pitches, programs or controllers, 0 for
 * bends; values are velocities, controller values 0–127 or bends −8192…8191.
 */
export type Events = {
  count: number;
  ticks: Float64Array;
  kinds: Uint8Array;
  channels: Uint16Array;
  numbers: Uint8Array;
  values: Int16Array;
};

/**
 * A track: its channel events are `from` … `to` − 1 of the file's {@link Events}; its tempi and signatures are in order
 * of time; and the ticks of its last key signature or lyric, and of its last event of any kind.
 */
export type Track = { from: number; to: number; tempi: Tempo[]; meters: Meter[]; lastText: number; lastTick: number };

/** Most channel events of a file: a million notes with something to spare. */
const maxEvents = 2 ** 21;

/** No events, with room for those of a file of so many bytes: each takes at least two. */
export function noEvents(bytes: number): Events {
  const room = Math.min(maxEvents, bytes >> 1);
  return {
    count: 0,
    ticks: new Float64Array(room),
    kinds: new Uint8Array(room),
    channels: new Uint16Array(room),
    numbers: new Uint8Array(room),
    values: new Int16Array(room),
  };
}

/** Data bytes of system events by status − 0xF0; −1: undefined, −2: has a length. */
const systemLength = [-2, 1, 2, 1, -1, -1, 0, -2, 0, -1, 0, 0, 0, -1, 0, -2];
/** Least bytes that the authors' reader needs in a meta event. */
const least: Readonly<Record<number, number>> = { 0x20: 1, 0x51: 3, 0x54: 5, 0x58: 4, 0x59: 2 };

/** What is wrong with a meta event by the rules of the authors' reader (STUDY §1.2), or nothing. */
function metaFault(type: number, data: Uint8Array): string | undefined {
  if (data.length < (least[type] ?? 0)) return `expected ${least[type]} bytes, found ${data.length}`;
  if (type === 0 && data.length !== 0 && data.length !== 2) return `expected 0 or 2 bytes, found ${data.length}`;
  if (type === 0x54 && (data[0] >> 5 > 3 || data[1] > 59 || data[2] > 59 || data[4] > 99)) {
    return `expected a time of day, found ${data.subarray(0, 5).join(" ")}`;
  }
  if (type === 0x58) {
    const exponent = Math.log(2 ** data[1]) / Math.log(2); // by their rounding 2^29 is no power of 2
    if (exponent !== Math.trunc(exponent)) return `expected a power of 2, found the denominator 2^${data[1]}`;
  }
  if (type === 0x59 && ((((data[0] + 7) & 255) > 14) || data[1] > 1)) {
    return `expected −7…7 accidentals and mode 0 or 1, found ${data[0]} and ${data[1]}`;
  }
}

/** Whether a SysEx is of these bytes, where null stands for any. */
const isLike = (data: Uint8Array, pattern: (number | null)[]) =>
  data.length > pattern.length && pattern.every((byte, i) => byte === null || byte === data[i]);

/** A SysEx (the bytes after F0) that concerns drums: its number, channel and value as in {@link Events}. */
function drumSysEx(data: Uint8Array): [number: number, channel: number, value: number] | undefined {
  const [, , , , fifth, sixth, seventh, eighth] = data;
  if (isLike(data, [0x41, null, 0x42, 0x12, 0x40, null, 0x15, null]) && sixth >> 4 === 1) {
    const part = sixth & 15; // GS counts the tenth channel as part 0
    return [drumPart, part === 0 ? 9 : part < 10 ? part - 1 : part, Number(eighth > 0)];
  }
  if (isLike(data, [0x43, null, 0x4c, 0x08, null, 0x07, null]) && fifth < 16) {
    return [drumPart, fifth, Number(seventh > 0)];
  }
  if (isLike(data, [0x41, null, 0x42, 0x12, 0x40, 0x00, 0x7f, 0x00])) return [gsReset, 0, 0];
  if (isLike(data, [0x43, null, 0x4c, 0x00, 0x00, 0x7e, 0x00])) return [xgOn, 0, 0];
}

/**
 * Decodes the events from byte `start`, adds the channel events to `events`, and says where the track ended.
 *
 * `strict` follows the authors' reader: any fault throws, and the track ends exactly at `declared`. Otherwise it ends
 * at its end-of-track event or at `limit`. Then an event that `limit` cuts is left out, and so is everything from a
 * fault on that lies at or beyond `declared`, where no events were promised.
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
  const take = (length: number): Uint8Array => {
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
    const i = events.count++;
    if (i === maxEvents) {
      throw new MidiError("event-limit", `Expected at most ${maxEvents} notes, programs and controls, found more`, at);
    }
    events.ticks[i] = tick;
    events.kinds[i] = kind;
    events.channels[i] = channel + 16 * port;
    events.numbers[i] = number;
    events.values[i] = value;
  };
  /** Reads the meta event whose status stood at `from`; true at the end of the track. */
  const meta = (from: number): boolean => {
    const type = take(1)[0], content = take(number()), { length } = content;
    const fault = strict ? metaFault(type, content) : undefined;
    if (fault) throw new MidiError("meta", `Meta event 0x${type.toString(16)}: ${fault}`, from);
    if (type === 0x21 && length === 1) port = content[0];
    else if (type === 0x2f) return !strict;
    else if (type === 0x51 && length >= 3) {
      track.tempi.push({ tick, microseconds: (content[0] << 16) | (content[1] << 8) | content[2] });
    } else if (type === 0x58 && length >= 2) {
      track.meters.push({ tick, numerator: content[0], denominator: 2 ** content[1] });
    } else if (type === 0x05 || (type === 0x59 && length >= 2)) track.lastText = tick;
    return false;
  };
  /** Reads the system event of a status that stood at `from`, or that goes on running. */
  const system = (from: number, status: number, running: boolean): void => {
    const length = systemLength[status - 0xf0];
    if (length === -2 && running) at++; // the authors' reader takes a data byte after a SysEx for one more SysEx
    if (strict && (length === -1 || (running && length === 0))) {
      throw new MidiError("event", `Expected an event, found the byte ${status}`, from);
    }
    let content = take(length === -2 ? number() : Math.max(0, length));
    const setup = !strict && status === 0xf0 ? drumSysEx(content) : undefined;
    if (setup) push(drumSetup, setup[1], setup[0], setup[2]);
    if (!strict) return;
    if (length === -2 && content[0] === 0xf0) content = content.subarray(1);
    if (length === -2 && content.at(-1) === 0xf7) content = content.subarray(0, -1);
    const wrong = content.find((byte) => byte > 127), where = length === -2 ? " in a SysEx" : "";
    if (wrong !== undefined) throw new MidiError("data-byte", `Expected data 0…127${where}, found ${wrong}`, from);
  };
  /** Reads one event with its delta time; true at the end of the track. */
  const event = (): boolean => {
    const now = tick + number(), from = at; // the time counts once the event is whole
    if (at >= limit) throw cut();
    const running = bytes[at] < 128, status = running ? last : bytes[at++];
    if (status === 0) throw new MidiError("event", `Expected a status byte, found ${bytes[at]}`, at);
    if (status !== 0xff && (strict || status < 0xf0)) last = status;
    tick = now;
    if (status === 0xff) return meta(from);
    if (status >= 0xf0) return system(from, status, running), false;
    const kind = status >> 4, channel = status & 15, first = data();
    const second = kind === program || kind === 13 ? 0 : data();
    if (kind === on) push(second > 0 ? on : off, channel, first, second);
    else if (kind === off) push(off, channel, first, 0);
    else if (kind === bend) push(bend, channel, 0, first + 128 * second - 8192);
    else if (kind === program || kind === controller) push(kind, channel, first, second);
    return false;
  };

  while (strict ? at !== declared : at < limit) {
    const from = at, before = tick;
    try {
      if (event()) break;
    } catch (error) {
      if (strict || !(error instanceof MidiError) || error.reason === "event-limit") throw error;
      if (error.reason !== "truncated" && from < declared) throw error;
      [at, tick] = [Math.min(from, Math.max(declared, start)), before];
      break;
    }
  }
  track.to = events.count;
  track.lastTick = tick;
  return { track, next: at };
}
