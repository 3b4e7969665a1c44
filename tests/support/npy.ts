/** Reads the .npy fixtures (format 1 and 2, little-endian f4, f8, i4, u1) and gzipped JSON. @module */

/** An array of a fixture, in row order whatever the file's order. */
export interface Npy {
  shape: number[];
  data: Float64Array;
}

/** Reads one .npy file. */
export async function readNpy(url: URL): Promise<Npy> {
  const bytes = await Deno.readFile(url);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] >= 2;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (wide ? 12 : 10) + length;
  const header = new TextDecoder("latin1").decode(bytes.subarray(start - length, start));
  const kind = /'descr': '([^']+)'/.exec(header)?.[1] ?? "";
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").split(",").filter((s) => s.trim()).map(Number);
  const readers: Record<string, [number, (at: number) => number]> = {
    "<f4": [4, (at) => view.getFloat32(at, true)],
    "<f8": [8, (at) => view.getFloat64(at, true)],
    "<i4": [4, (at) => view.getInt32(at, true)],
    "|u1": [1, (at) => view.getUint8(at)],
  };
  if (!(kind in readers)) throw new TypeError(`${url}: expected f4, f8, i4 or u1, found ${kind}.`);
  const [size, read] = readers[kind];
  const count = shape.reduce((a, b) => a * b, 1);
  const raw = Float64Array.from({ length: count }, (_, i) => read(start + i * size));
  if (!header.includes("'fortran_order': True") || shape.length < 2) return { shape, data: raw };
  return { shape, data: transpose(raw, shape[1], shape[0]) };
}

/** columns × rows of a rows × columns array. */
export function transpose(data: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c];
  return out;
}

/** Reads one gzipped JSON file. */
export async function readJsonGz<T>(url: URL): Promise<T> {
  const file = await Deno.open(url);
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();
}

/** Largest absolute difference of two arrays of one length; NaN equals NaN alone. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`Lengths differ: ${a.length} and ${b.length}.`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    const difference = Math.abs(a[i] - b[i]);
    largest = Number.isNaN(difference) ? Infinity : Math.max(largest, difference);
  }
  return largest;
}
