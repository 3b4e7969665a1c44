/**
 * An event file that TensorBoard reads: records framed by CRC-32C, each a protobuf `Event` of a step's scalars.
 * @module
 */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1;
  return byte;
});

/** CRC-32C (Castagnoli, RFC 3720); `node:zlib` has only the other polynomial's. */
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

/** Numbers as bytes; typed arrays are little-endian on every machine that we run on, as records are. */
const bytesOf = ({ buffer }: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(buffer);

/** A record: length, its checksum, the data, its checksum. */
function record(data: Uint8Array): Uint8Array {
  const length = bytesOf(BigUint64Array.of(BigInt(data.length)));
  const sum = (bytes: Uint8Array) => bytesOf(Uint32Array.of(maskedCrc(bytes)));
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
const double = (number: number, value: number) => field(number, 1, bytesOf(Float64Array.of(value)));
const float = (number: number, value: number) => field(number, 5, bytesOf(Float32Array.of(value)));

/** The record that an event file begins with; `time` in seconds since 1970. */
export const eventHeader = (time: number): Uint8Array => record(join(double(1, time), text(3, "brain.Event:2")));

/** A step's scalars by tag as a record; `time` in seconds since 1970. Scalars that are undefined are left out. */
export function eventRecord(step: number, time: number, scalars: Record<string, number | undefined>): Uint8Array {
  const values = Object.entries(scalars).flatMap(([tag, value]) =>
    value === undefined ? [] : [message(1, join(text(1, tag), float(2, value)))]
  );
  return record(join(double(1, time), field(2, 0, varint(step)), message(5, join(...values))));
}
