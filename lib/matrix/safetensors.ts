/**
 * The safetensors format: an 8-byte length, a JSON header, raw little-endian arrays.
 * @module
 */
import { UserError } from "../base/user_error.ts";

/** An array and the lengths of its axes, the last running fastest; 16-bit floats are read as equal float32. */
export type NamedArray = {
  shape: number[];
  data: Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;
};

/** Bytes of an element and the array of whole elements, by the format's names of the types read here. */
const TYPES: Record<string, { bytes: number; view: (buffer: ArrayBuffer) => NamedArray["data"] }> = {
  F32: { bytes: 4, view: (buffer) => new Float32Array(buffer) },
  F64: { bytes: 8, view: (buffer) => new Float64Array(buffer) },
  F16: { bytes: 2, view: (buffer) => Float32Array.from(new Float16Array(buffer)) },
  BF16: { bytes: 2, view: fromBfloat16 },
  I64: { bytes: 8, view: (buffer) => new BigInt64Array(buffer) },
  I32: { bytes: 4, view: (buffer) => new Int32Array(buffer) },
  BOOL: { bytes: 1, view: (buffer) => new Uint8Array(buffer) },
  U8: { bytes: 1, view: (buffer) => new Uint8Array(buffer) },
};

/** A bfloat16 is the upper half of a float32. */
function fromBfloat16(buffer: ArrayBuffer): Float32Array {
  const bits = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
  return new Float32Array(bits.buffer);
}

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

/** The header's JSON, and where the arrays begin. */
function readHeader(bytes: Uint8Array): { header: Record<string, Record<string, unknown>>; start: number } {
  if (bytes.length < 8) wrong(`expected at least 8 bytes, found ${bytes.length}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)), start = 8 + length;
  if (start > bytes.length) wrong(`its header of ${length} bytes ends beyond the file's ${bytes.length}`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start));
    const header = JSON.parse(text), twice = duplicateKey(text);
    if (header === null || typeof header !== "object" || Array.isArray(header)) wrong("its header is no JSON object");
    if (twice !== undefined) wrong(`its header names ${twice} twice`);
    return { header, start };
  } catch (error) {
    if (error instanceof SafetensorsError) throw error;
    return wrong(`its header is no JSON (${(error as Error).message})`);
  }
}

const areSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

/**
 * The arrays of a safetensors file, copied.
 *
 * @throws {SafetensorsError} if the bytes are cut short, the header is not valid or names a tensor twice, or an array's
 * type, shape and bytes do not fit, or the arrays overlap, leave a gap, or do not end with the file
 */
export function readSafetensors(bytes: Uint8Array): Map<string, NamedArray> {
  const { header, start } = readHeader(bytes), tensors = new Map<string, NamedArray>();
  const ranges: { name: string; from: number; to: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: range } = entry ?? {};
    const type = Object.hasOwn(TYPES, dtype as string) ? TYPES[dtype as string] : undefined;
    if (!type) return wrong(`${name} has the type ${dtype}, which is not read here`);
    if (!areSizes(shape)) return wrong(`${name} has the shape ${JSON.stringify(shape)}`);
    if (!areSizes(range) || range.length !== 2) return wrong(`${name} has the offsets ${JSON.stringify(range)}`);
    const [from, to] = range, size = shape.reduce((a, b) => a * b, type.bytes);
    if (to - from !== size) wrong(`${name} has ${to - from} bytes, expected ${size} for [${shape}] of ${dtype}`);
    if (start + to > bytes.length) wrong(`${name} ends beyond the file's ${bytes.length} bytes`);
    ranges.push({ name, from, to });
    tensors.set(name, { shape, data: type.view(bytes.slice(start + from, start + to).buffer) });
  }
  let end = 0;
  for (const { name, from, to } of ranges.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end) wrong(`${name} begins at byte ${from} of the arrays, expected ${end}, where the one before ends`);
    end = to;
  }
  if (start + end !== bytes.length) wrong(`${bytes.length - start - end} bytes of it belong to no tensor`);
  return tensors;
}
