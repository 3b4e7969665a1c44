/**
 * Nearest bars by the cosine of their embeddings, and what the labels of two bars share.
 * @module
 */
import type { FloatMatrix } from "../matrix/rows.ts";
import type { BarLabels } from "../tokens/labels.ts";

/** A bar near another. */
export interface Neighbor {
  /** Row of the embeddings. */
  row: number;
  /** Cosine of the angle between the two, −1 … 1; 0 where one of them is all zeros. */
  similarity: number;
}

/**
 * The `count` rows nearest to `row`, nearest first; the lower row first if two are equally near.
 *
 * @param options how many (3), and which rows may be neighbors (all); the row itself never is
 * @throws {RangeError} if there is no such row.
 *
 * @example
 * ```ts
 * import { nearest } from "@lib/study/neighbors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const data = Float32Array.of(1, 0, 0, 1, 3, 1);
 * assertEquals(nearest({ rows: 3, columns: 2, data }, 0, { count: 1 })[0].row, 2);
 * ```
 */
export function nearest({ rows, columns, data }: FloatMatrix, row: number, options: {
  count?: number;
  among?: (row: number) => boolean;
} = {}): Neighbor[] {
  const { count = 3, among = () => true } = options;
  if (!Number.isInteger(row) || row < 0 || row >= rows) {
    throw new RangeError(`Neighbors: expected a row 0…${rows - 1}, found ${row}.`);
  }
  const product = (a: number, b: number) => {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += data[a * columns + c] * data[b * columns + c];
    return sum;
  };
  const own = Math.sqrt(product(row, row)), others: Neighbor[] = [];
  for (let other = 0; other < rows; other++) {
    if (other === row || !among(other)) continue;
    const lengths = own * Math.sqrt(product(other, other));
    others.push({ row: other, similarity: lengths === 0 ? 0 : product(row, other) / lengths });
  }
  return others.sort((a, b) => b.similarity - a.similarity || a.row - b.row).slice(0, count);
}

/** What two bars share, from 0 (nothing) to 1 (the same). */
export interface Common {
  /** Positions with onsets in both, of those with onsets in either. */
  groove: number;
  /** Instruments of both, of those of either. */
  instruments: number;
  /** Chords of both, of those of either; null if neither has one. */
  chords: number | null;
  /** 1 if their tempo bin is the same, else 0. */
  tempo: number;
}

/** What the labels of two bars have in common. */
export function commonLabels(a: BarLabels, b: BarLabels): Common {
  const overlap = <T>(x: T[], y: T[]): number | null => {
    const all = new Set([...x, ...y]).size;
    return all === 0 ? null : new Set(x).intersection(new Set(y)).size / all;
  };
  return {
    groove: overlap(a.groove, b.groove) ?? 1,
    instruments: overlap(a.instruments, b.instruments) ?? 1,
    chords: overlap(a.chords, b.chords),
    tempo: Number(a.tempoBin === b.tempoBin),
  };
}
