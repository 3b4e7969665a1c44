import { assertEquals, assertThrows } from "@std/assert";
import { createNpy } from "@lib/matrix/npy.ts";
import { readRows } from "@lib/matrix/rows.ts";
import { pathToFileURL } from "node:url";
import { withFolder } from "../support/folder.ts";
import { readNpy } from "../support/npy.ts";

Deno.test("a file has the bytes that numpy.save writes", () =>
  withFolder(async (dir) => {
    const file = createNpy(`${dir}/x.npy`, 2, 3);
    file.append(Float32Array.of(1, 2, 3, 4, 5, -0.5));
    file.finish();
    const bytes = await Deno.readFile(`${dir}/x.npy`);
    // np.save of np.array([[1, 2, 3], [4, 5, -.5]], np.float32): 128 bytes of header, then the numbers.
    const header = "\u0093NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    assertEquals(String.fromCharCode(...bytes.subarray(0, 128)), `${header.padEnd(127)}\n`);
    assertEquals([...new Float32Array(bytes.slice(128).buffer)], [1, 2, 3, 4, 5, -0.5]);
  }));

Deno.test("rows come in pieces, or by their place in any order", () =>
  withFolder(async (dir) => {
    const file = createNpy(`${dir}/x.npy`, 5, 2, { pieceBytes: 16 });
    file.append(Float32Array.of(0, 1));
    file.put(3, Float32Array.of(6, 7, 8, 9));
    file.put(1, Float32Array.of(2, 3, 4, 5));
    const stored = file.finish();
    assertEquals([stored.rows, stored.columns, stored.first, stored.pieceBytes], [5, 2, 0, 16]);
    assertEquals(readRows(stored, 2), Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    assertEquals(await readNpy(pathToFileURL(stored.path)), {
      shape: [5, 2],
      data: Float64Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    });
  }));

Deno.test("a file with too few rows, or abandoned, leaves nothing", () =>
  withFolder((dir) => {
    const file = createNpy(`${dir}/x.npy`, 3, 2);
    file.append(new Float32Array(4));
    assertThrows(() => file.finish(), RangeError, "expected 3 × 2 numbers, found 4");
    createNpy(`${dir}/y.npy`, 3, 2).abandon();
    assertEquals([...Deno.readDirSync(dir)], []);
  }));
