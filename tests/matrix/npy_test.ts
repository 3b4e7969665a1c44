import { assertEquals, assertThrows } from "@std/assert";
import { createNpy, openNpy } from "@lib/matrix/npy.ts";
import { UserError } from "@lib/base/user_error.ts";
import { arrayPieces, readRows } from "@lib/matrix/rows.ts";
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

Deno.test("an array's numbers are found where NumPy put them, and other files are refused", () =>
  withFolder(async (dir) => {
    const file = createNpy(`${dir}/x.npy`, 2, 3);
    file.append(Float32Array.of(1, 2, 3, 4, 5, -0.5));
    file.finish();
    const stored = openNpy(`${dir}/x.npy`);
    assertEquals(stored, { path: `${dir}/x.npy`, offset: 128, shape: [2, 3], type: "F32" });
    assertEquals([...arrayPieces(stored)].map(({ rows, x }) => [rows, ...x]), [[2, 1, 2, 3, 4, 5, -0.5]]);
    const bytes = await Deno.readFile(`${dir}/x.npy`), text = String.fromCharCode(...bytes);
    const refused = (changed: string, message: string) => {
      Deno.writeFileSync(`${dir}/y.npy`, Uint8Array.from(changed, (sign) => sign.charCodeAt(0)));
      assertThrows(() => openNpy(`${dir}/y.npy`), UserError, message);
    };
    refused(text.replace("<f4", "<i4"), "found elements of type <i4");
    refused(text.replace("<f4", ">f4"), "found elements of type >f4");
    refused(text.replace("False", "True "), "found Fortran order");
    refused(text.slice(0, 100), "found one that is cut short");
    refused(`${text}x`, "found 25 bytes for [2,3] of <f4");
    refused("", "found another file");
  }));
