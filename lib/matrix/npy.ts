/**
 * Writes float32 matrices as NumPy's `.npy` files (format version 1.0), a piece at a time.
 * @module
 */
import { openSink } from "../base/files.ts";
import type { RowSink, StoredRows } from "./rows.ts";

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
