/**
 * Writes float32 matrices as NumPy's `.npy` files (format version 1.0), a piece at a time, and opens arrays of floats.
 * @module
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { openSink, readAt } from "../base/files.ts";
import { UserError } from "../base/user_error.ts";
import type { FloatType, RowSink, StoredArray, StoredRows } from "./rows.ts";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];

/** The header of a rows × columns matrix; its length is a multiple of 64 bytes, as the format asks. */
function header(rows: number, columns: number): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new TextEncoder().encode(`${"\0".repeat(10)}${text.padEnd(length - 11)}\n`);
  bytes.set(magic);
  new DataView(bytes.buffer).setUint16(8, length - 10, true);
  return bytes;
}

/**
 * Begins a `.npy` file of rows × columns float32; it has a temporary name until it is whole.
 *
 * @param options.pieceBytes most bytes that readers of the file read at a time
 * @throws {RangeError} at the end if other than `rows` rows were written
 */
export function createNpy(
  path: string,
  rows: number,
  columns: number,
  options: { pieceBytes?: number } = {},
): RowSink<StoredRows> {
  const sink = openSink(path), start = header(rows, columns);
  let written = 0;
  sink.write(start);
  const put = (first: number, x: Float32Array) => {
    sink.writeAt(start.length + 4 * first * columns, new Uint8Array(x.buffer, x.byteOffset, x.byteLength));
    written += x.length;
  };
  return {
    append: (x) => put(written / columns, x),
    put,
    finish() {
      if (written !== rows * columns) {
        sink.abandon();
        throw new RangeError(`${path}: expected ${rows} × ${columns} numbers, found ${written}.`);
      }
      sink.finish();
      return { path, offset: start.length, first: 0, rows, columns, ...options };
    },
    abandon: sink.abandon,
  };
}

/** NumPy's names of the element types that are read. */
const types: Record<string, { type: FloatType; bytes: number }> = {
  "<f2": { type: "F16", bytes: 2 },
  "<f4": { type: "F32", bytes: 4 },
  "<f8": { type: "F64", bytes: 8 },
};

/**
 * Where the numbers of a `.npy` file stand; they are not read.
 *
 * @throws {UserError} if it is no whole `.npy` file of little-endian floats in C order
 */
export function openNpy(path: string): StoredArray {
  const refuse = (found: string) =>
    new UserError(`${path}: expected a .npy file of little-endian floats in C order, found ${found}.`);
  const fd = openSync(path, "r");
  try {
    const size = fstatSync(fd).size, start = readAt(fd, new Uint8Array(Math.min(12, size)), 0);
    if (start.length < 12 || magic.slice(0, 6).some((byte, i) => start[i] !== byte)) throw refuse("another file");
    const wide = start[6] > 1, view = new DataView(start.buffer), from = wide ? 12 : 10;
    const length = wide ? view.getUint32(8, true) : view.getUint16(8, true), offset = from + length;
    if (offset > size) throw refuse("one that is cut short");
    const text = new TextDecoder("latin1").decode(readAt(fd, new Uint8Array(length), from));
    const descr = /'descr': *'([^']*)'/.exec(text)?.[1] ?? "records", found = types[descr];
    if (!found) throw refuse(`elements of type ${descr}`);
    const shape = /'shape': *\(([\d, ]*)\)/.exec(text)?.[1].split(",").filter((part) => part.trim()).map(Number);
    if (!shape || !/'fortran_order': *False/.test(text)) throw refuse("Fortran order");
    const expected = shape.reduce((product, axis) => product * axis, found.bytes);
    if (size - offset !== expected) throw refuse(`${size - offset} bytes for [${shape}] of ${descr}`);
    return { path, offset, shape, type: found.type };
  } finally {
    closeSync(fd);
  }
}
