/**
 * An event file that TensorBoard reads: records framed by CRC-32C, each a protobuf `Event` with a step's numbers as
 * scalars. Only the few fields that this takes are written; the format is TensorFlow's.
 * @module
 */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1;
  return byte;
});

/**
 * CRC-32C (Castagnoli, RFC 3720); `node:zlib` has only the other polynomial's.
 *
 * @example
 * ```ts
 * import { crc32c } from "@lib/training/tensorboard.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
 * ```
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The checksum as records store it: rotated and shifted, so that a checksum of checksums is of some use. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

function little(length: number, write: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(length));
  write(view);
  return new Uint8Array(view.buffer);
}

/** A record: length, its checksum, the data, its checksum. */
function record(data: Uint8Array): Uint8Array {
  const length = little(8, (view) => view.setBigUint64(0, BigInt(data.length), true));
  const sum = (bytes: Uint8Array) => little(4, (view) => view.setUint32(0, maskedCrc(bytes), true));
  return join(length, sum(length), data, sum(data));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return Uint8Array.from([...bytes, value]);
}

/** A protobuf field: its number, its wire type, its payload. */
const field = (number: number, type: number, payload: Uint8Array) => join(varint(number << 3 | type), payload);
const message = (number: number, payload: Uint8Array) => field(number, 2, join(varint(payload.length), payload));
const text = (number: number, value: string) => message(number, new TextEncoder().encode(value));
const double = (number: number, value: number) =>
  field(number, 1, little(8, (view) => view.setFloat64(0, value, true)));
const float = (number: number, value: number) => field(number, 5, little(4, (view) => view.setFloat32(0, value, true)));

/** The record that an event file begins with; `time` in seconds since 1970. */
export const eventHeader = (time: number): Uint8Array => record(join(double(1, time), text(3, "brain.Event:2")));

/** A step's scalars by tag as a record; `time` in seconds since 1970. Scalars that are undefined are left out. */
export function eventRecord(step: number, time: number, scalars: Record<string, number | undefined>): Uint8Array {
  const values = Object.entries(scalars).flatMap(([tag, value]) =>
    value === undefined ? [] : [message(1, join(text(1, tag), float(2, value)))]
  );
  return record(join(double(1, time), field(2, 0, varint(step)), message(5, join(...values))));
}
