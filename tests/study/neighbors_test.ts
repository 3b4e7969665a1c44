import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { commonLabels, nearest } from "@lib/study/neighbors.ts";
import { stream } from "@lib/base/random.ts";

const labels = {
  chords: [0, 69],
  groove: [0, 12, 24],
  instruments: [30, 128],
  tempoBin: 16,
  meanVelocity: 70,
  meanDuration: 5,
  meanDurationQuarters: 0.5,
};

Deno.test("planted neighbors are found in their order, whatever the rows' lengths", () => {
  const random = stream(1, "planted"), columns = 16, rows = 40;
  const data = Float32Array.from({ length: rows * columns }, () => random.uniform() - 0.5);
  const planted = [[7, 0.01], [31, 0.1], [3, 0.4]]; // row, how far it is turned away from row 0
  for (const [row, away] of planted) {
    const length = 0.1 + 10 * random.uniform();
    for (let c = 0; c < columns; c++) {
      data[row * columns + c] = length * (data[c] + away * (random.uniform() - 0.5));
    }
  }
  const found = nearest({ rows, columns, data }, 0, { count: 3 });
  assertEquals(found.map(({ row }) => row), [7, 31, 3]);
  assert(found[0].similarity > 0.999 && found[0].similarity <= 1 + 1e-6);
  assertEquals(nearest({ rows, columns, data }, 0, { count: 2, among: (row) => row !== 7 }).map(({ row }) => row), [
    31,
    3,
  ]);
  const opposite = Float32Array.of(1, 2, -2, -4, 0, 0, 2, -1);
  const cosines = nearest({ rows: 4, columns: 2, data: opposite }, 0);
  assertEquals(cosines.map(({ row }) => row), [2, 3, 1]);
  [0, 0, -1].forEach((expected, i) => assertAlmostEquals(cosines[i].similarity, expected));
  assertThrows(() => nearest({ rows, columns, data }, 40), RangeError, "found 40");
});

Deno.test("what bars have in common is 1 for the same labels and 0 for others", () => {
  assertEquals(commonLabels(labels, labels), { groove: 1, instruments: 1, chords: 1, tempo: 1 });
  const other = { ...labels, chords: [0], groove: [0, 6], instruments: [0], tempoBin: 17 };
  assertEquals(commonLabels(labels, other), { groove: 0.25, instruments: 0, chords: 0.5, tempo: 0 });
  assertEquals(commonLabels({ ...labels, chords: [] }, { ...labels, chords: [] }).chords, null);
});
