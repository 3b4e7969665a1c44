import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import type { ProbeRow } from "@lib/probing/rows.ts";
import { decodeRows, encodeRows } from "@lib/study/results/rows_file.ts";
import { storedRows } from "../../support/planted_results.ts";

/** Rows in an order of their own, with what JSON has no word for. */
const sorted = (rows: readonly ProbeRow[]) => {
  const key = ({ replicates: _, value, ...row }: ProbeRow) => JSON.stringify(Object.entries({ ...row, value }).sort());
  return rows.map((row) => ({ key: key(row), value: row.value, replicates: row.replicates && [...row.replicates] }))
    .sort((a, b) => a.key < b.key ? -1 : 1);
};

Deno.test("rows come back as they were, to the bit, with their resamplings", () => {
  const rows = storedRows({ seeds: 2 });
  rows[3] = { ...rows[3], value: NaN, replicates: undefined };
  rows[5] = { ...rows[5], value: 1 / 3, replicates: Float64Array.of(...Array(199).fill(1 / 3), NaN) };
  const files = encodeRows(rows), back = decodeRows(files, "there");
  assertEquals(sorted(back), sorted(rows));
  assert(rows.filter(({ replicates }) => replicates).length > 100);
  // Once more, from what came back: the same files.
  assertEquals(encodeRows(back), files);
});

Deno.test("a row takes few bytes: less than a hundred, and one for each resampling", () => {
  const rows = storedRows({ seeds: 2 }), { rows: text, resamplings } = encodeRows(rows);
  const kept = rows.filter(({ replicates }) => replicates).length;
  assert(text.length < 100 * rows.length, `${text.length} bytes of ${rows.length} rows`);
  assertEquals(resamplings.length, 128 + 200 * kept);
  // The header is NumPy's: magic, version 1.0, and an array of int8.
  assertEquals([...resamplings.subarray(0, 8)], [0x93, 78, 85, 77, 80, 89, 1, 0]);
});

Deno.test("resamplings that are cut, missing or of another number are refused", () => {
  const rows = storedRows(), files = encodeRows(rows);
  const refused = (changes: Partial<typeof files>) =>
    assertThrows(() => decodeRows({ ...files, ...changes }, "there"), UserError).message;
  assert(
    refused({ resamplings: files.resamplings.subarray(0, -1) }).includes("there/resamplings.npy: expected a matrix"),
  );
  assert(refused({ resamplings: new Uint8Array(3) }).includes("found another file"));
  const fewer = encodeRows(rows.map((row, i) => i % 5 === 0 ? { ...row, replicates: undefined } : row));
  assert(refused({ resamplings: fewer.resamplings }).includes("lines of resamplings, as rows.jsonl names them"));
  assertThrows(
    () => encodeRows([...rows, { ...rows[0], replicates: Float64Array.of(1, 2) }]),
    RangeError,
    "other numbers",
  );
});
