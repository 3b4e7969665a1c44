/**
 * Rows of numbers, in memory or in a file, a piece at a time.
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { readAt } from "../base/files.ts";

/** Numbers in rows × columns, row by row. */
export type Floats = Float32Array | Float64Array;

/** A matrix of float32 in memory, row by row. */
export type FloatMatrix = { rows: number; columns: number; data: Float32Array };

/**
 * Rows of a file of little-endian float32, whose numbers begin at byte `offset`; `first` is the number of the first
 * row. Readers take at most `pieceBytes` at a time, 16 MiB by default. Where there are `picked`, ascending and counted
 * from `first`, the rows are these alone.
 */
export type StoredRows = {
  path: string;
  offset: number;
  first: number;
  rows: number;
  columns: number;
  pieceBytes?: number;
  picked?: Int32Array;
};

/** Element types of floats, by the names that safetensors has for them. */
export type FloatType = "F16" | "BF16" | "F32" | "F64";

/** An array of a file: its first number's byte, the lengths of its axes, the last running fastest, and its type. */
export type StoredArray = { path: string; offset: number; shape: number[]; type: FloatType };

/** Rows × columns: in memory, row by row, or in a file. Plain data, so a worker can receive it. */
export type RowSource = Float32Array | StoredRows;

/** Gathers rows, in memory or in a file. */
export type RowSink<T extends RowSource = RowSource> = {
  append(x: Float32Array): void;
  /** Writes whole rows from row `first` on; each row once, in any order. */
  put(first: number, x: Float32Array): void;
  /** The rows; from now on they can be read. */
  finish(): T;
  /** Discards the rows, if `finish` was not called. */
  abandon(): void;
};

/** Gathers rows × columns in memory that threads share; `createNpy` does so in a file. */
export function rowsInMemory(rows: number, columns: number): RowSink {
  const all = new Float32Array(new SharedArrayBuffer(4 * rows * columns));
  let at = 0;
  return {
    append(x) {
      all.set(x, at);
      at += x.length;
    },
    put: (first, x) => all.set(x, first * columns),
    finish: () => all,
    abandon() {},
  };
}

/** Throws a RangeError if x is not rows × columns. */
export function checkRows(x: Floats, rows: number, columns: number): void {
  if (x.length !== rows * columns) {
    throw new RangeError(`x: expected ${rows} × ${columns} = ${rows * columns} numbers, found ${x.length}.`);
  }
}

/** Column means of x (rows × columns). */
export function columnMeans(x: Floats, rows: number, columns: number): Float64Array {
  const mean = new Float64Array(columns);
  for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < columns; c++, i++) mean[c] += x[i];
  return mean.map((sum) => sum / Math.max(rows, 1));
}

/** Rows of x, valid until the next piece; `first` is the place of the first among the rows asked for. */
type Piece = { first: number; rows: number; x: Float32Array };

/** Bytes of a piece: large enough for matrix products at full speed, small beside any matrix that needs pieces. */
const PIECE_BYTES = 2 ** 24;

/** Bytes of a piece, for readers of several sources at once that together may take so many MiB. */
export const pieceBytes = (mebibytes: number, sources: number): number =>
  Math.min(PIECE_BYTES, mebibytes * 2 ** 20 / sources);

/** Bytes that this thread's readers of files have in memory now, and the most they ever had. */
export const reading: { now: number; most: number } = { now: 0, most: 0 };

const countBytes = (bytes: number): void => {
  reading.now += bytes;
  reading.most = Math.max(reading.most, reading.now);
};

/** How many rows a source has. */
export const rowCount = (source: RowSource, columns: number): number =>
  source instanceof Float32Array ? source.length / columns : source.rows;

/**
 * Rows first … first + rows − 1 of a source, copied if they are in memory that threads do not share: a worker that is
 * sent part of such memory gets a copy of all of it.
 */
export function sliceRows(source: RowSource, columns: number, first: number, rows: number): RowSource {
  if (source instanceof Float32Array) {
    const own = source.subarray(first * columns, (first + rows) * columns);
    return own.buffer instanceof SharedArrayBuffer ? own : own.slice();
  }
  if (source.picked) return { ...source, picked: source.picked.subarray(first, first + rows), rows };
  return { ...source, first: source.first + first, rows };
}

/** Some rows of a source, ascending: copied if they are in memory, else read with each pass. */
export function pickRows(source: RowSource, columns: number, wanted: Int32Array): RowSource {
  if (source instanceof Float32Array) return readRows(source, columns, wanted);
  const { picked } = source;
  return { ...source, rows: wanted.length, picked: picked ? wanted.map((row) => picked[row]) : wanted };
}

/** The first rows of a source, not copied. */
export const firstRows = (source: RowSource, columns: number, rows: number): RowSource =>
  source instanceof Float32Array ? source.subarray(0, rows * columns) : sliceRows(source, columns, 0, rows);

/** Yields the rows of a file piece by piece; see {@link pieces}. */
function* storedPieces(source: StoredRows, columns: number, most: number, wanted?: Int32Array): Generator<Piece> {
  const { picked } = source, total = wanted?.length ?? source.rows, fd = openSync(source.path, "r");
  const rowAt = (place: number) => {
    const row = wanted ? wanted[place] : place;
    return picked ? picked[row] : row;
  };
  const buffer = new Float32Array(Math.min(most, total) * columns);
  countBytes(buffer.byteLength);
  try {
    for (let first = 0; first < total; first += most) {
      const rows = Math.min(most, total - first);
      for (let i = 0, run; i < rows; i += run) { // reads rows that follow each other at once
        const row = rowAt(first + i);
        for (run = 1; i + run < rows && rowAt(first + i + run) === row + run;) run++;
        const bytes = new Uint8Array(buffer.buffer, 4 * i * columns, 4 * run * columns);
        readAt(fd, bytes, source.offset + 4 * (source.first + row) * columns);
      }
      yield { first, rows, x: buffer.subarray(0, rows * columns) };
    }
  } finally {
    countBytes(-buffer.byteLength);
    closeSync(fd);
  }
}

/** The rows of a source, or those `wanted` (ascending), in order, a few megabytes at a time. */
export function* pieces(source: RowSource, columns: number, wanted?: Int32Array): Generator<Piece> {
  const stored = source instanceof Float32Array ? undefined : source;
  const most = Math.max(1, Math.floor((stored?.pieceBytes ?? PIECE_BYTES) / (4 * columns)));
  if (stored) return yield* storedPieces(stored, columns, most, wanted);
  const all = source as Float32Array, total = wanted?.length ?? rowCount(all, columns);
  const row = (r: number, rows = 1) => all.subarray(r * columns, (r + rows) * columns);
  const held = new Float32Array(wanted ? Math.min(most, total) * columns : 0); // used again for each piece
  for (let first = 0; first < total; first += most) {
    const rows = Math.min(most, total - first);
    const x = wanted ? held.subarray(0, rows * columns) : row(first, rows);
    if (wanted) { for (let i = 0; i < rows; i++) x.set(row(wanted[first + i]), i * columns); }
    yield { first, rows, x };
  }
}

/** Some rows of a source in memory: those `wanted`, ascending, or all. */
export function readRows(source: RowSource, columns: number, wanted?: Int32Array): Float32Array {
  const out = new Float32Array((wanted?.length ?? rowCount(source, columns)) * columns);
  const bytes = source instanceof Float32Array ? 0 : out.byteLength;
  countBytes(bytes);
  for (const { first, x } of pieces(source, columns, wanted)) out.set(x, first * columns);
  countBytes(-bytes);
  return out;
}

const bytesOf: Record<FloatType, number> = { F16: 2, BF16: 2, F32: 4, F64: 8 };

/** Float32 of the bytes of little-endian floats. */
export function floatsOf(type: FloatType, buffer: ArrayBuffer): Float32Array<ArrayBuffer> {
  if (type === "F32") return new Float32Array(buffer);
  if (type === "F64") return Float32Array.from(new Float64Array(buffer));
  if (type === "F16") return Float32Array.from(new Float16Array(buffer));
  const bits = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16); // the upper half of a float32
  return new Float32Array(bits.buffer);
}

/** The rows of an array of a file, all axes but the last taken as one, in order and as float32, 16 MiB at a time. */
export function* arrayPieces({ path, offset, shape, type }: StoredArray): Generator<Piece> {
  const columns = shape.at(-1)!, total = shape.slice(0, -1).reduce((product, axis) => product * axis, 1);
  const width = bytesOf[type] * columns, most = Math.max(1, Math.floor(PIECE_BYTES / width)), fd = openSync(path, "r");
  let bytes = new Uint8Array(0); // used again for each piece but the last
  try {
    for (let first = 0; first < total; first += most) {
      const rows = Math.min(most, total - first);
      if (bytes.length !== rows * width) bytes = new Uint8Array(rows * width);
      readAt(fd, bytes, offset + first * width);
      yield { first, rows, x: floatsOf(type, bytes.buffer) };
    }
  } finally {
    closeSync(fd);
  }
}
