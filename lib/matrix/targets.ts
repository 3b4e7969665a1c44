/**
 * Targets of a ridge regression: classes or numbers of rows, kept sparse.
 * @module
 */

/**
 * Targets as a constant (`base`) for each of `count` columns plus few values for each row: row r's entries, each a
 * column and what it adds to that column's constant, are start[r]…start[r + 1].
 */
export type Targets = {
  rows: number;
  count: number;
  base: Float64Array;
  start: Int32Array;
  column: Int32Array;
  value: Float64Array;
};

/** Targets that are made where they are needed, of some rows at a time, so that none are kept of all rows. */
export type RowTargets = Pick<Targets, "rows" | "count" | "base"> & {
  /** The targets of some rows, in the order given. */
  take(rows: ArrayLike<number>): Targets;
};

/** Targets of ±1: +1 for the classes in a row's set (STUDY §11.6). */
export function classTargets(sets: readonly (readonly number[])[], classes: number): Targets {
  const start = new Int32Array(sets.length + 1);
  sets.forEach((set, r) => start[r + 1] = start[r] + set.length);
  const column = Int32Array.from(sets.flat()), wrong = column.find((id) => id < 0 || id >= classes);
  if (wrong !== undefined) throw new RangeError(`Class ids: expected 0…${classes - 1}, found ${wrong}.`);
  const base = new Float64Array(classes).fill(-1);
  return { rows: sets.length, count: classes, base, start, column, value: new Float64Array(column.length).fill(2) };
}

/** One target column of real values. */
export function valueTargets(values: ArrayLike<number>): Targets {
  const rows = values.length, start = Int32Array.from({ length: rows + 1 }, (_, r) => r);
  const [base, column, value] = [new Float64Array(1), new Int32Array(rows), Float64Array.from(values)];
  return { rows, count: 1, base, start, column, value };
}

/** The targets of some rows, in the order given. */
export function takeTargetRows(targets: Targets | RowTargets, rows: ArrayLike<number>): Targets {
  if ("take" in targets) return targets.take(rows);
  const { count, base, ...all } = targets;
  const start = new Int32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) start[i + 1] = start[i] + all.start[rows[i] + 1] - all.start[rows[i]];
  const column = new Int32Array(start[rows.length]), value = new Float64Array(column.length);
  for (let i = 0; i < rows.length; i++) {
    const from = all.start[rows[i]], to = all.start[rows[i] + 1];
    column.set(all.column.subarray(from, to), start[i]);
    value.set(all.value.subarray(from, to), start[i]);
  }
  return { rows: rows.length, count, base, start, column, value };
}

/** Several targets of the same rows as one, side by side; `rows` is needed if there are none. */
export function joinTargets(parts: readonly Targets[], rows: number = parts[0].rows): Targets {
  const first = [0], start = new Int32Array(rows + 1);
  parts.forEach((part, p) => first.push(first[p] + part.count));
  const size = parts.reduce((sum, part) => sum + part.start[rows], 0);
  const column = new Int32Array(size), value = new Float64Array(size);
  for (let r = 0, at = 0; r < rows; r++) {
    parts.forEach((part, p) => {
      for (let e = part.start[r]; e < part.start[r + 1]; e++, at++) {
        column[at] = first[p] + part.column[e];
        value[at] = part.value[e];
      }
    });
    start[r + 1] = at;
  }
  const base = Float64Array.from(parts.flatMap((part) => [...part.base]));
  return { rows, count: first[parts.length], base, start, column, value };
}

/** As {@link joinTargets}, of targets that are made when their rows are taken. */
export const joinRowTargets = (parts: readonly RowTargets[], rows: number): RowTargets => ({
  rows,
  count: parts.reduce((sum, part) => sum + part.count, 0),
  base: Float64Array.from(parts.flatMap((part) => [...part.base])),
  take: (ids) => joinTargets(parts.map((part) => part.take(ids)), ids.length),
});
