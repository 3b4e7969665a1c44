import { assertEquals, assertThrows } from "@std/assert";
import {
  classTargets,
  joinRowTargets,
  joinTargets,
  type RowTargets,
  takeTargetRows,
  type Targets,
  valueTargets,
} from "@lib/matrix/targets.ts";

/** Targets written out, a row at a time. */
const dense = ({ rows, base, start, column, value }: Targets): number[][] =>
  Array.from({ length: rows }, (_, r) => {
    const row = [...base];
    for (let e = start[r]; e < start[r + 1]; e++) row[column[e]] += value[e];
    return row;
  });

const classes = classTargets([[0, 2], [], [1]], 3), values = valueTargets([5, -1, 0.5]);

Deno.test("classes are +1 where a row has them and −1 elsewhere; values stand as they are", () => {
  assertEquals(dense(classes), [[1, -1, 1], [-1, -1, -1], [-1, 1, -1]]);
  assertEquals(dense(values), [[5], [-1], [0.5]]);
  assertThrows(() => classTargets([[3]], 3), RangeError, "expected 0…2, found 3");
  assertThrows(() => classTargets([[0], [-1]], 3), RangeError, "found -1");
});

Deno.test("targets of some rows, and side by side, are those rows and columns", () => {
  assertEquals(dense(takeTargetRows(classes, [2, 0])), [[-1, 1, -1], [1, -1, 1]]);
  assertEquals(takeTargetRows(classes, []).rows, 0);
  const joined = joinTargets([values, classes, values]);
  assertEquals([joined.rows, joined.count], [3, 5]);
  assertEquals(dense(joined), [[5, 1, -1, 1, 5], [-1, -1, -1, -1, -1], [0.5, -1, 1, -1, 0.5]]);
  assertEquals(dense(joinTargets([], 2)), [[], []]);
});

Deno.test("targets made when they are taken are those rows of the whole", () => {
  const made = ({ rows, count, base, ...all }: Targets): RowTargets => ({
    ...{ rows, count, base },
    take: (ids) => takeTargetRows({ rows, count, base, ...all }, ids),
  });
  const joined = joinRowTargets([made(values), made(classes)], 3), whole = joinTargets([values, classes]);
  assertEquals([joined.rows, joined.count, joined.base], [3, whole.count, whole.base]);
  assertEquals(takeTargetRows(joined, [2, 0]), takeTargetRows(whole, [2, 0]));
  assertEquals(takeTargetRows(joinRowTargets([], 3), [1, 2]).rows, 2);
});
