/**
 * Rows of numbers, in memory or in a file, a piece at a time.
 * @module
 */
import { closeSync, openSync } from "node:fs";
import type { StoredRows } from "./npy.ts";
import { readAt } from "../base/files.ts";

/** Rows × columns: in memory, row by row, or in a file. Plain data, so that a worker can be given it. */
export type RowSource = Float32Array | StoredRows;

/** Rows that are being gathered, in memory or in a file. */
export interface RowSink {
  /** Appends whole rows. */
  append(x: Float32Array): void;
  /** Sets whole rows from row `first` on; each row once, in any order. */
  put(first: number, x: Float32Array): void;
  /** What was gathered. */
  finish(): RowSource;
  /** Gives back what is held, where `finish` was not called. */
  abandon(): void;
}

/** Gathers rows × columns in memory; `createNpy` does in a file. */
export function rowsInMemory(rows: number, columns: number): RowSink {
  const held = new Float32Array(rows * columns);
  let at = 0;
  return {
    append(x) {
      held.set(x, at);
      at += x.length;
    },
    put: (first, x) => held.set(x, first * columns),
    finish: () => held,
    abandon: () => {},
  };
}

/** Some rows of a source. */
export interface Piece {
  /** Which of the rows asked for is this piece's first. */
  first: number;
  /** How many rows it has. */
  rows: number;
  /** rows × columns; valid until the next piece. */
  x: Float32Array;
}

/**
 * Bytes of a piece: large enough for matrix products at full speed (half of it costs a tenth more at width 768), small
 * beside any matrix that needs pieces.
 */
const PIECE_BYTES = 2 ** 24;

/** Bytes of pieces for a reader of several sources at once, which together may take so many MiB. */
export const pieceBytes = (mebibytes: number, sources: number): number =>
  Math.min(PIECE_BYTES, mebibytes * 2 ** 20 / sources);

/** Bytes that this thread's readers of files hold now, and the most they held: pieces, and rows while they are drawn. */
export const reading: { now: number; most: number } = { now: 0, most: 0 };

const hold = (bytes: number): void => {
  reading.now += bytes;
  reading.most = Math.max(reading.most, reading.now);
};

/** How many rows a source has. */
export const rowCount = (source: RowSource, columns: number): number =>
  source instanceof Float32Array ? source.length / columns : source.rows;

/** Rows first … first + rows − 1 of a source. */
export function sliceRows(source: RowSource, columns: number, first: number, rows: number): RowSource {
  if (source instanceof Float32Array) return source.slice(first * columns, (first + rows) * columns);
  return { ...source, first: source.first + first, rows };
}

/** The first rows of a source, those in memory not copied. */
export const firstRows = (source: RowSource, columns: number, rows: number): RowSource =>
  source instanceof Float32Array ? source.subarray(0, rows * columns) : { ...source, rows };

/**
 * The rows of a source, in order, a few megabytes at a time.
 *
 * @param wanted only these rows, ascending
 */
export function* pieces(source: RowSource, columns: number, wanted?: Int32Array): Generator<Piece> {
  const bytes = source instanceof Float32Array ? PIECE_BYTES : source.pieceBytes ?? PIECE_BYTES;
  const most = Math.max(1, Math.floor(bytes / (4 * columns)));
  const total = wanted?.length ?? rowCount(source, columns);
  const fd = source instanceof Float32Array ? null : openSync(source.path, "r");
  const buffer = fd === null && !wanted ? null : new Float32Array(Math.min(most, total) * columns);
  if (fd !== null) hold(buffer!.byteLength);
  const fetch = (row: number, rows: number, into: Float32Array) => {
    if (source instanceof Float32Array) into.set(source.subarray(row * columns, (row + rows) * columns));
    else {
      const bytes = new Uint8Array(into.buffer, into.byteOffset, 4 * rows * columns);
      readAt(fd!, bytes, source.offset + 4 * (source.first + row) * columns);
    }
  };
  try {
    for (let first = 0; first < total; first += most) {
      const rows = Math.min(most, total - first), end = first + rows;
      if (!buffer) yield { first, rows, x: (source as Float32Array).subarray(first * columns, end * columns) };
      else {
        // Rows that follow each other are fetched together.
        for (let at = first; at < end;) {
          let run = 1;
          while (at + run < end && (!wanted || wanted[at + run] === wanted[at] + run)) run++;
          const start = (at - first) * columns;
          fetch(wanted ? wanted[at] : at, run, buffer.subarray(start, start + run * columns));
          at += run;
        }
        yield { first, rows, x: buffer.subarray(0, rows * columns) };
      }
    }
  } finally {
    if (fd !== null) {
      hold(-buffer!.byteLength);
      closeSync(fd);
    }
  }
}

/** Those rows of a source, ascending, in memory. */
export function readRows(source: RowSource, columns: number, wanted?: Int32Array): Float32Array {
  const out = new Float32Array((wanted?.length ?? rowCount(source, columns)) * columns);
  const bytes = source instanceof Float32Array ? 0 : out.byteLength;
  hold(bytes);
  for (const { first, x } of pieces(source, columns, wanted)) out.set(x, first * columns);
  hold(-bytes);
  return out;
}

/** Rows of embeddings, rows × columns. */
export interface Embedded {
  /** Number of bars. */
  rows: number;
  /** Width of an embedding. */
  columns: number;
  /** Row after row. */
  data: Float32Array;
}
