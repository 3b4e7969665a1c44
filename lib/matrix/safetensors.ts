/**
 * The safetensors format: an 8-byte length, a JSON header, raw little-endian arrays.
 * @module
 */

/** An array with its shape; 16-bit floats are read as float32, which holds each of them exactly. */
export interface NamedArray {
  /** Its axes; none for a single number. */
  shape: number[];
  /** Its values, the last axis running fastest. */
  data: Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;
}

/** Bytes of an element and the array of whole elements, by the format's names of those read here. */
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
  const halves = new Uint16Array(buffer), floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return floats;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Why bytes are not safetensors. */
export class SafetensorsError extends Error {
  /** Tells it from other errors. */
  override name = "SafetensorsError";
}

/**
 * Float32 arrays as the bytes of a safetensors file, sorted by name.
 *
 * @param metadata text that travels in the header's `__metadata__`
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from "@lib/matrix/safetensors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = writeSafetensors(new Map([["w", { shape: [1, 2], data: Float32Array.of(1, 2) }]]));
 * assertEquals(readSafetensors(bytes).get("w")!.data, Float32Array.of(1, 2));
 * ```
 */
export function writeSafetensors(
  tensors: Map<string, { shape: number[]; data: Float32Array }>,
  metadata: Record<string, string> = { format: "pt" },
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const names = [...tensors.keys()].sort();
  let end = 0;
  for (const name of names) {
    const { shape, data } = tensors.get(name)!;
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8; // the arrays begin on a multiple of 8, as the format asks
  const bytes = new Uint8Array(8 + padded + end).fill(0x20, 8, 8 + padded);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  let offset = 8 + padded;
  for (const name of names) {
    const { data } = tensors.get(name)!;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

/**
 * The arrays of a safetensors file, copied.
 *
 * @throws {SafetensorsError} if the bytes are cut short, the header is no JSON, or an array does not fit
 */
export function readSafetensors(bytes: Uint8Array): Map<string, NamedArray> {
  const wrong = (what: string): never => {
    throw new SafetensorsError(`Not a whole safetensors file: ${what}.`);
  };
  if (bytes.length < 8) wrong(`expected at least 8 bytes, found ${bytes.length}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8) wrong(`its header of ${length} bytes ends beyond the file's ${bytes.length}`);
  let header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  } catch (error) {
    throw new SafetensorsError(`Not a whole safetensors file: its header is no JSON (${(error as Error).message}).`);
  }
  const tensors = new Map<string, NamedArray>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: [from, to] = [NaN, NaN] } = entry ?? {};
    const type = TYPES[dtype] ?? wrong(`${name} has the type ${dtype}, which is not read here`);
    if (!Array.isArray(shape)) wrong(`${name} has no shape`);
    if (!(from >= 0 && to - from === product(shape) * type.bytes)) {
      wrong(`${name} has ${to - from} bytes for [${shape}] of ${dtype}`);
    }
    if (8 + length + to > bytes.length) wrong(`${name} ends beyond the file's ${bytes.length} bytes`);
    tensors.set(name, { shape, data: type.view(bytes.slice(8 + length + from, 8 + length + to).buffer) });
  }
  return tensors;
}
