/**
 * Nearest bars by the cosine of their embeddings, and what the labels of two bars share.
 * @module
 */
import type { FloatMatrix } from "../matrix/rows.ts";
import type { BarLabels } from "../tokens/labels.ts";

/** A row near another; the cosine of the angle between them is −1 … 1, and 0 where one of them is all zeros. */
export type Neighbor = { row: number; similarity: number };

/**
 * The `count` rows nearest to `row` among those allowed, nearest first; the lower row first if two are equally near.
 *
 * @throws {RangeError} if there is no such row.
 */
export function nearest(
  { rows, columns, data }: FloatMatrix,
  row: number,
  { count = 3, among = () => true }: { count?: number; among?: (row: number) => boolean } = {},
): Neighbor[] {
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

/**
 * What two bars share, from 0 (nothing) to 1 (the same): positions with onsets, instruments and chords of both among
 * those of either (chords: null if neither has one), and whether the tempo bin is the same.
 */
export type Common = { groove: number; instruments: number; chords: number | null; tempo: number };

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
