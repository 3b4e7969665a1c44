import { assertEquals, assertThrows } from "@std/assert";
import { createNpy } from "@lib/matrix/npy.ts";
import {
  arrayPieces,
  checkRows,
  columnMeans,
  firstRows,
  floatsOf,
  pickRows,
  pieceBytes,
  pieces,
  reading,
  readRows,
  rowCount,
  rowsInMemory,
  type RowSource,
  sliceRows,
} from "@lib/matrix/rows.ts";
import { withFolder } from "../support/folder.ts";

const rows = 11, columns = 3, x = Float32Array.from({ length: rows * columns }, (_, i) => i);

/** Row r holds 3r, 3r + 1, 3r + 2. */
const expected = (ids: number[]) => Float32Array.from(ids.flatMap((r) => [3 * r, 3 * r + 1, 3 * r + 2]));

/** Runs a check on the rows in memory and in a file that is read two rows at a time. */
const onBoth = (check: (source: RowSource) => void) =>
  withFolder((dir) => {
    const file = createNpy(`${dir}/x.npy`, rows, columns, { pieceBytes: 2 * 4 * columns });
    file.append(x);
    for (const source of [x, file.finish()]) check(source);
  });

Deno.test("rows are counted, sliced and read alike from memory and from a file", () =>
  onBoth((source) => {
    assertEquals(rowCount(source, columns), rows);
    assertEquals(readRows(source, columns), x);
    assertEquals(readRows(source, columns, Int32Array.of(0, 4, 5, 6, 10)), expected([0, 4, 5, 6, 10]));
    const middle = sliceRows(source, columns, 4, 5);
    assertEquals(rowCount(middle, columns), 5);
    assertEquals(readRows(middle, columns), expected([4, 5, 6, 7, 8]));
    assertEquals(readRows(sliceRows(middle, columns, 1, 2), columns, Int32Array.of(1)), expected([6]));
    assertEquals(readRows(firstRows(source, columns, 2), columns), expected([0, 1]));
    assertEquals(readRows(source, columns, new Int32Array(0)), new Float32Array(0));
  }));

Deno.test("picked rows are read, sliced and picked again as rows of their own", () =>
  onBoth((source) => {
    const picked = pickRows(source, columns, Int32Array.of(1, 2, 5, 6, 9));
    assertEquals(rowCount(picked, columns), 5);
    assertEquals(readRows(picked, columns), expected([1, 2, 5, 6, 9]));
    assertEquals(readRows(picked, columns, Int32Array.of(0, 3, 4)), expected([1, 6, 9]));
    assertEquals(readRows(firstRows(picked, columns, 2), columns), expected([1, 2]));
    assertEquals(readRows(sliceRows(picked, columns, 2, 2), columns, Int32Array.of(1)), expected([6]));
    assertEquals(readRows(pickRows(picked, columns, Int32Array.of(1, 4)), columns), expected([2, 9]));
    const late = sliceRows(source, columns, 4, 7); // rows count from its first one
    assertEquals(readRows(pickRows(late, columns, Int32Array.of(0, 6)), columns), expected([4, 10]));
  }));

Deno.test("pieces follow each other, no longer than asked, each with its place", () =>
  onBoth((source) => {
    const stored = !(source instanceof Float32Array), places: number[][] = [], ids = [1, 2, 4, 7, 10];
    for (const { first, rows, x } of pieces(source, columns, Int32Array.from(ids))) {
      places.push([first, rows]);
      assertEquals(x.slice(), expected(ids.slice(first, first + rows)));
    }
    assertEquals(places, stored ? [[0, 2], [2, 2], [4, 1]] : [[0, 5]]);
    assertEquals([...pieces(source, columns)].length, stored ? 6 : 1);
  }));

Deno.test("bytes in memory are counted while a file is read, and given back where a reader stops early", () =>
  onBoth((source) => {
    if (source instanceof Float32Array) return;
    reading.most = 0;
    for (const _ of pieces(source, columns)) {
      assertEquals(reading.now, 24);
      break;
    }
    assertEquals([reading.now, reading.most], [0, 24]);
    readRows(source, columns);
    assertEquals([reading.now, reading.most], [0, 24 + 4 * rows * columns]);
  }));

Deno.test("a file that ends too early is an error", () =>
  withFolder(async (dir) => {
    await Deno.writeFile(`${dir}/short`, new Uint8Array(11));
    const source = { path: `${dir}/short`, offset: 0, first: 0, rows: 1, columns };
    assertThrows(() => readRows(source, columns), Error, "12 bytes");
  }));

Deno.test("rows gather in memory, one after the other or by their place", () => {
  const sink = rowsInMemory(3, 2);
  sink.append(Float32Array.of(1, 2));
  sink.append(Float32Array.of(3, 4, 5, 6));
  assertEquals(sink.finish(), Float32Array.of(1, 2, 3, 4, 5, 6));
  const other = rowsInMemory(2, 2);
  other.put(1, Float32Array.of(7, 8));
  assertEquals(other.finish(), Float32Array.of(0, 0, 7, 8));
});

Deno.test("rows that are gathered in memory are cut without a copy, also for a worker", () => {
  const sink = rowsInMemory(4, 1);
  sink.append(Float32Array.of(1, 2, 3, 4));
  const all = sink.finish() as Float32Array, part = sliceRows(all, 1, 1, 2) as Float32Array;
  const sent = structuredClone(part);
  all[2] = 7;
  assertEquals([[...part], [...sent]], [[2, 7], [2, 7]]);
  const own = Float32Array.of(1, 2, 3), cut = sliceRows(own, 1, 1, 2) as Float32Array;
  own[1] = 7;
  assertEquals([...cut, cut.buffer.byteLength], [2, 3, 8]); // of memory of one thread a worker would get all
});

Deno.test("several readers share the memory, each at most 16 MiB", () => {
  assertEquals([pieceBytes(64, 8), pieceBytes(1000, 3)], [8 * 2 ** 20, 16 * 2 ** 20]);
});

Deno.test("means are columns' means, and other shapes are refused", () => {
  assertEquals(columnMeans(Float32Array.of(1, 10, 2, 20, 6, 60), 3, 2), Float64Array.of(3, 30));
  assertEquals(columnMeans(new Float32Array(0), 0, 2), new Float64Array(2));
  assertThrows(() => checkRows(x, 10, 3), RangeError, "10 × 3 = 30 numbers, found 33");
});

Deno.test("an array of any float type comes in pieces of whole rows, all axes but the last taken as one", () =>
  withFolder((dir) => {
    const width = 5000, count = 2 * 600, doubles = Float64Array.from({ length: count * width }, (_, i) => i / 4);
    Deno.writeFileSync(`${dir}/x`, new Uint8Array(doubles.buffer));
    const stored = { path: `${dir}/x`, offset: 8 * width, shape: [count - 1, 1, width], type: "F64" as const };
    let next = width;
    const sizes = Array.from(arrayPieces(stored), ({ first, rows, x }) => {
      assertEquals(first, (next - width) / width);
      assertEquals([x[0], x.at(-1), x.length], [next / 4, (next + rows * width - 1) / 4, rows * width]);
      next += rows * width;
      return rows;
    });
    assertEquals([sizes.length > 1, next], [true, count * width]);
    assertEquals([...floatsOf("BF16", Uint16Array.of(0x3f80, 0xc000).buffer)], [1, -2]);
    assertEquals([...floatsOf("F16", Uint16Array.of(0x3c00, 0xc000).buffer)], [1, -2]);
  }));
