/**
 * Labels of many bars: as a list, or in columns of bytes, which take some fifty bytes a bar and which threads share.
 * @module
 */
import { inSharedMemory } from "../base/worker_pool.ts";
import type { BarLabels } from "../tokens/labels.ts";

/** Lists of small numbers end to end; that of row r is `ids` from starts[r] to starts[r + 1]. */
type Lists = { starts: Uint32Array; ids: Uint8Array };

const listed = ["chords", "groove", "instruments"] as const;
const means = ["meanVelocity", "meanDuration", "meanDurationQuarters"] as const;

/**
 * Labels of bars in columns; a mean is NaN where there is none. A bar has the labels of row `rows[i]` of the columns, by
 * default of row i, and the chords of row `chordRows[i]`, by default of its own, none if that is −1.
 */
export type LabelColumns =
  & { length: number; tempoBin: Uint8Array; rows?: Int32Array; chordRows?: Int32Array }
  & Record<typeof listed[number], Lists>
  & Record<typeof means[number], Float64Array>;

/** Labels of bars, by row. */
export type LabelTable = readonly BarLabels[] | LabelColumns;

const isColumns = (labels: LabelTable): labels is LabelColumns => !Array.isArray(labels);

/** Gathers lists of small numbers. */
function listsOf(rows: number): { add(list: readonly number[]): void; finish(): Lists } {
  const starts = new Uint32Array(rows + 1);
  let ids = new Uint8Array(1024), row = 0, end = 0;
  return {
    add(list) {
      if (end + list.length > ids.length) {
        const longer = new Uint8Array(2 * ids.length + list.length);
        longer.set(ids);
        ids = longer;
      }
      ids.set(list, end);
      starts[++row] = end += list.length;
    },
    finish: () => ({ starts: inSharedMemory(starts), ids: inSharedMemory(ids.subarray(0, end)) }),
  };
}

/** Puts labels of bars into columns; each is asked for once, in order. */
export function packLabels(length: number, labelsOf: (row: number) => BarLabels): LabelColumns {
  const lists = listed.map(() => listsOf(length)), values = means.map(() => new Float64Array(length));
  const tempoBin = new Uint8Array(length);
  for (let row = 0; row < length; row++) {
    const bar = labelsOf(row);
    listed.forEach((name, i) => lists[i].add(bar[name]));
    means.forEach((name, i) => values[i][row] = bar[name] ?? NaN);
    tempoBin[row] = bar.tempoBin;
  }
  const [chords, groove, instruments] = lists.map((list) => list.finish());
  const [meanVelocity, meanDuration, meanDurationQuarters] = values.map(inSharedMemory);
  return {
    ...{ length, tempoBin: inSharedMemory(tempoBin), chords, groove, instruments },
    ...{ meanVelocity, meanDuration, meanDurationQuarters },
  };
}

/** A list of a bar. */
export function listAt(labels: LabelTable, row: number, name: typeof listed[number]): readonly number[] {
  if (!isColumns(labels)) return labels[row][name];
  const { rows, chordRows } = labels, { starts, ids } = labels[name], found: number[] = [];
  const at = name === "chords" && chordRows ? chordRows[row] : rows ? rows[row] : row;
  if (at >= 0) { for (let i = starts[at]; i < starts[at + 1]; i++) found.push(ids[i]); }
  return found;
}

/** A mean of a bar's notes; null where there are none. */
export function meanAt(labels: LabelTable, row: number, name: typeof means[number]): number | null {
  if (!isColumns(labels)) return labels[row][name];
  const value = labels[name][labels.rows ? labels.rows[row] : row];
  return Number.isNaN(value) ? null : value;
}

/** The tempo bin of a bar. */
export const tempoAt = (labels: LabelTable, row: number): number =>
  isColumns(labels) ? labels.tempoBin[labels.rows ? labels.rows[row] : row] : labels[row].tempoBin;

/** Labels of some rows, in the order given, with the chords of others if told so: −1 for none. */
export function takeLabels<L extends LabelTable>(labels: L, rows: Int32Array, chordRows?: Int32Array): L;
export function takeLabels(labels: LabelTable, rows: Int32Array, chordRows?: Int32Array): LabelTable {
  if (!isColumns(labels)) {
    const chordsOf = (row: number) => row < 0 ? [] : labels[row].chords;
    return Array.from(rows, (row, i) => chordRows ? { ...labels[row], chords: chordsOf(chordRows[i]) } : labels[row]);
  }
  const placed = (of: Int32Array | undefined, wanted: Int32Array) =>
    inSharedMemory(of ? wanted.map((row) => row < 0 ? row : of[row]) : wanted);
  const whose = chordRows ?? (labels.chordRows && rows);
  return {
    ...labels,
    length: rows.length,
    rows: placed(labels.rows, rows),
    chordRows: whose && placed(labels.chordRows ?? labels.rows, whose),
  };
}
