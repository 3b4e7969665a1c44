/**
 * The safetensors format: an 8-byte length, a JSON header, raw little-endian arrays.
 * @module
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { readAt } from "../base/files.ts";
import { UserError } from "../base/user_error.ts";
import { floatsOf, type FloatType, type StoredArray } from "./rows.ts";

/** An array and the lengths of its axes, the last running fastest; 16-bit floats are read as equal float32. */
export type NamedArray = {
  shape: number[];
  data: Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;
};

/** Bytes of an element and the array of whole elements, by the format's names of the types read here. */
const TYPES: Record<string, { bytes: number; view: (buffer: ArrayBuffer) => NamedArray["data"] }> = {
  F32: { bytes: 4, view: (buffer) => new Float32Array(buffer) },
  F64: { bytes: 8, view: (buffer) => new Float64Array(buffer) },
  F16: { bytes: 2, view: (buffer) => floatsOf("F16", buffer) },
  BF16: { bytes: 2, view: (buffer) => floatsOf("BF16", buffer) },
  I64: { bytes: 8, view: (buffer) => new BigInt64Array(buffer) },
  I32: { bytes: 4, view: (buffer) => new Int32Array(buffer) },
  BOOL: { bytes: 1, view: (buffer) => new Uint8Array(buffer) },
  U8: { bytes: 1, view: (buffer) => new Uint8Array(buffer) },
};

/** Why bytes are not a safetensors file. */
export class SafetensorsError extends UserError {}

/** Float32 arrays as the bytes of a safetensors file, sorted by name; `metadata` becomes `__metadata__`. */
export function writeSafetensors(
  tensors: Map<string, { shape: number[]; data: Float32Array }>,
  metadata: Record<string, string> = { format: "pt" },
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const sorted = [...tensors].sort(([a], [b]) => a < b ? -1 : 1);
  let end = 0;
  for (const [name, { shape, data }] of sorted) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end += data.byteLength] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  let offset = 8 + Math.ceil(json.length / 8) * 8; // the arrays begin on a multiple of 8, as the format asks
  const bytes = new Uint8Array(offset + end).fill(0x20, 8, offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(offset - 8), true);
  bytes.set(json, 8);
  for (const [, { data }] of sorted) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

const wrong = (what: string): never => {
  throw new SafetensorsError(`Not a whole safetensors file: ${what}.`);
};

/** A key that occurs twice in one object of a JSON text, with its path; `JSON.parse` would keep the last one only. */
function duplicateKey(json: string): string | undefined {
  const open: { keys: Set<string>; last: string }[] = [];
  for (const [token, colon] of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)) {
    if (token === "{") open.push({ keys: new Set(), last: "" });
    else if (token === "}") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(token.slice(0, -colon.length)) as string, { keys } = open.at(-1)!;
      open.at(-1)!.last = key;
      if (keys.has(key)) return open.map(({ last }) => last).join(": ");
      keys.add(key);
    }
  }
  return undefined;
}

type Header = Record<string, Record<string, unknown>>;

/** The length of the header, from the first eight of a file's bytes. */
function headerLength(start: Uint8Array, size: number): number {
  if (start.length < 8) wrong(`expected at least 8 bytes, found ${size}`);
  const length = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  if (8 + length > size) wrong(`its header of ${length} bytes ends beyond the file's ${size}`);
  return length;
}

/** The header's JSON. */
function parseHeader(bytes: Uint8Array): Header {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const header = JSON.parse(text), twice = duplicateKey(text);
    if (header === null || typeof header !== "object" || Array.isArray(header)) wrong("its header is no JSON object");
    if (twice !== undefined) wrong(`its header names ${twice} twice`);
    return header;
  } catch (error) {
    if (error instanceof SafetensorsError) throw error;
    return wrong(`its header is no JSON (${(error as Error).message})`);
  }
}

const areSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

/** An array's type, the lengths of its axes, and where its bytes begin and end in the file. */
type Place = { dtype: string; shape: number[]; from: number; to: number };

/** Where the arrays of a file of `size` bytes stand, the first of which is at byte `start`. */
function placesOf(header: Header, start: number, size: number): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: range } = entry ?? {};
    const type = Object.hasOwn(TYPES, dtype as string) ? TYPES[dtype as string] : undefined;
    if (!type) return wrong(`${name} has the type ${dtype}, which is not read here`);
    if (!areSizes(shape)) return wrong(`${name} has the shape ${JSON.stringify(shape)}`);
    if (!areSizes(range) || range.length !== 2) return wrong(`${name} has the offsets ${JSON.stringify(range)}`);
    const [from, to] = range, bytes = shape.reduce((a, b) => a * b, type.bytes);
    if (to - from !== bytes) wrong(`${name} has ${to - from} bytes, expected ${bytes} for [${shape}] of ${dtype}`);
    if (start + to > size) wrong(`${name} ends beyond the file's ${size} bytes`);
    places.set(name, { dtype: dtype as string, shape, from: start + from, to: start + to });
  }
  let end = start;
  for (const [name, { from, to }] of [...places].toSorted(([, a], [, b]) => a.from - b.from || a.to - b.to)) {
    if (from !== end) {
      const [begins, before] = [from - start, end - start];
      wrong(`${name} begins at byte ${begins} of the arrays, expected ${before}, where the one before ends`);
    }
    end = to;
  }
  if (end !== size) wrong(`${size - end} bytes of it belong to no tensor`);
  return places;
}

/**
 * The arrays of a safetensors file, copied.
 *
 * @throws {SafetensorsError} if the bytes are cut short, the header is not valid or names a tensor twice, or an array's
 * type, shape and bytes do not fit, or the arrays overlap, leave a gap, or do not end with the file
 */
export function readSafetensors(bytes: Uint8Array): Map<string, NamedArray> {
  const start = 8 + headerLength(bytes.subarray(0, 8), bytes.length), header = parseHeader(bytes.subarray(8, start));
  const arrays = Array.from(placesOf(header, start, bytes.length), ([name, { dtype, shape, from, to }]) => {
    const data = TYPES[dtype].view(bytes.slice(from, to).buffer);
    return [name, { shape, data }] as const;
  });
  return new Map(arrays);
}

/**
 * Where the arrays of floats of a safetensors file stand, by name; they are not read, and others are left out.
 *
 * @throws {SafetensorsError} as {@link readSafetensors}, naming the file
 */
export function openSafetensors(path: string): Map<string, StoredArray> {
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd), first = readAt(fd, new Uint8Array(Math.min(8, size)), 0);
    const length = headerLength(first, size), header = parseHeader(readAt(fd, new Uint8Array(length), 8));
    const floats = [...placesOf(header, 8 + length, size)].filter(([, { dtype }]) => /F\d+$/.test(dtype));
    return new Map(
      floats.map(([name, { dtype, shape, from }]) => [name, { path, offset: from, shape, type: dtype as FloatType }]),
    );
  } catch (error) {
    if (error instanceof SafetensorsError) throw new SafetensorsError(`${path}: ${error.message}`);
    throw error;
  } finally {
    closeSync(fd);
  }
}
