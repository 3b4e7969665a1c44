/**
 * MIDI files written by hand, for tests that must know every byte.
 * @module
 */

/** An event of a track: its absolute tick and its bytes, status first. */
export type RawEvent = [tick: number, ...bytes: number[]];

/** A number as MIDI files write lengths and delta times, seven bits a byte. */
export const quantity = (value: number): number[] => {
  const bytes = [value & 127];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 127) | 128);
  return bytes;
};

const word = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const ascii = (text: string) => [...text].map((c) => c.charCodeAt(0));

/** A chunk of a MIDI file. */
export const chunk = (id: string, body: number[], length = body.length): number[] =>
  ascii(id).concat(word(length), body);

/** A track's events with delta times, sorted by tick (stable), ended by end-of-track unless `end` is false. */
export function body(events: RawEvent[], end = true): number[] {
  const out: number[] = [];
  let now = 0;
  for (const [tick, ...bytes] of [...events].sort((a, b) => a[0] - b[0])) {
    for (const byte of quantity(tick - now)) out.push(byte);
    for (const byte of bytes) out.push(byte);
    now = tick;
  }
  if (end) out.push(0, 0xff, 0x2f, 0);
  return out;
}

/** A header chunk. */
export const header = (tracks: number, division = 480, format = 1): number[] =>
  chunk("MThd", [0, format, tracks >> 8, tracks & 255, (division >> 8) & 255, division & 255]);

/** A whole file. */
export const file = (tracks: RawEvent[][], division = 480, format = 1): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(header(tracks.length, division, format).concat(...tracks.map((track) => chunk("MTrk", body(track)))));

/** A note as two events; velocity 64 and channel 0 by default. */
export const note = (start: number, end: number, pitch: number, velocity = 64, channel = 0): RawEvent[] => [
  [start, 0x90 | channel, pitch, velocity],
  [end, 0x80 | channel, pitch, 0],
];

/** A time signature with a denominator of 2^`power`. */
export const meter = (
  tick: number,
  numerator = 4,
  power = 2,
): RawEvent => [tick, 0xff, 0x58, 4, numerator, power, 24, 8];

/** A tempo in microseconds a quarter. */
export const tempo = (tick: number, us: number): RawEvent => [tick, 0xff, 0x51, 3, us >> 16, (us >> 8) & 255, us & 255];

/** A program change. */
export const program = (tick: number, number: number, channel = 0): RawEvent => [tick, 0xc0 | channel, number];
