import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ckaMatrix } from "@lib/matrix/cka.ts";
import { readJsonGz, readNpy } from "../support/npy.ts";

Deno.test("linear CKA of all 28 golden pairs is right to 1e-10", async () => {
  const root = new URL("../golden/cka/", import.meta.url);
  const names = ["A", "B", "C", "D", "E", "F", "G"];
  const matrices = await Promise.all(names.map(async (name) => (await readNpy(new URL(`${name}.npy`, root))).data));
  const { n, pairs } = await readJsonGz<{ n: number; pairs: { a: string; b: string; linearCka: number }[] }>(
    new URL("expected.json.gz", root),
  );
  const found = ckaMatrix(matrices, n);
  assertEquals(pairs.length, 28);
  for (const { a, b, linearCka } of pairs) {
    assertAlmostEquals(found[names.indexOf(a)][names.indexOf(b)], linearCka, 1e-10);
    assertAlmostEquals(found[names.indexOf(b)][names.indexOf(a)], linearCka, 1e-10);
    // Two narrow ones are multiplied column by column, all seven together row by row.
    assertAlmostEquals(ckaMatrix([a, b].map((name) => matrices[names.indexOf(name)]), n)[0][1], linearCka, 1e-10);
  }
});

Deno.test("CKA by hand: shifted and scaled is 1, uncorrelated is 0, a constant has none", () => {
  const x = Float32Array.of(1, 2, 3, 4), bowl = Float32Array.of(1, -1, -1, 1);
  const found = ckaMatrix([x, x.map((value) => 5 - 2 * value), bowl, Float32Array.of(7, 7, 7, 7)], 4);
  assertAlmostEquals(found[0][1], 1, 1e-12);
  assertAlmostEquals(found[0][2], 0, 1e-12);
  assertEquals([found[0][0], found[2][2], found[3][3], found[3][0]], [1, 1, NaN, NaN]);
  assertThrows(() => ckaMatrix([x], 3), RangeError, "4 numbers do not make 3 rows");
});
