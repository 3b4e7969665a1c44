/**
 * Matrices of float32 as NumPy's `.npy` files, written and read a piece at a time.
 *
 * The format (version 1.0: magic, header of a Python dict, numbers row by row) is what numpy.load opens, also with
 * `mmap_mode`.
 * @module
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { openSink, readAt } from "../base/files.ts";

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

/** Rows of a matrix in a file. */
export interface StoredRows {
  /** An `.npy` file of float32. */
  path: string;
  /** Where the file's numbers begin, in bytes. */
  offset: number;
  /** First row meant. */
  first: number;
  /** Rows meant. */
  rows: number;
  /** Width of a row. */
  columns: number;
  /** Most bytes that are read at a time; 16 MiB unless told. */
  pieceBytes?: number;
}

/** A matrix that is being written. */
export interface NpyWriter {
  /** Appends whole rows. */
  append(x: Float32Array): void;
  /** Writes whole rows from row `first` on; each row once, in any order. */
  put(first: number, x: Float32Array): void;
  /** Gives the file its name; from now on it can be read. */
  finish(): StoredRows;
  /** Removes what was written, if it is not finished. */
  abandon(): void;
}

/**
 * Begins a `.npy` file of rows × columns float32; under a temporary name until it is whole.
 *
 * @param options.pieceBytes most bytes that the file's rows are read by
 * @throws {RangeError} at the end if other than `rows` rows were written.
 */
export function createNpy(
  path: string,
  rows: number,
  columns: number,
  options: Pick<StoredRows, "pieceBytes"> = {},
): NpyWriter {
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

/**
 * The rows of an `.npy` file of two-dimensional little-endian float32, such as {@link createNpy} writes.
 *
 * @throws {TypeError} naming the file, if it is none or of another type, shape or length.
 */
export function openNpy(path: string): StoredRows {
  const fd = openSync(path, "r");
  try {
    const fixed = new Uint8Array(10), { size } = fstatSync(fd);
    const wrong = (found: string) =>
      new TypeError(`${path}: expected an .npy file of rows × columns <f4, found ${found}.`);
    if (size < fixed.length) throw wrong(`${size} bytes`);
    readAt(fd, fixed, 0);
    if (magic.some((byte, i) => i < 7 && fixed[i] !== byte)) throw wrong("another format");
    const text = new Uint8Array(new DataView(fixed.buffer).getUint16(8, true));
    readAt(fd, text, fixed.length);
    const held = new TextDecoder("latin1").decode(text).trim();
    const shape = /'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\)/.exec(held);
    if (!shape) throw wrong(held);
    const [rows, columns] = [Number(shape[1]), Number(shape[2])], offset = fixed.length + text.length;
    if (size !== offset + 4 * rows * columns) throw wrong(`${size} bytes for ${rows} × ${columns}`);
    return { path, offset, first: 0, rows, columns };
  } finally {
    closeSync(fd);
  }
}
