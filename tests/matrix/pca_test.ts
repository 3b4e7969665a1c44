import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { principalComponents } from "@lib/matrix/pca.ts";
import { stream } from "@lib/base/random.ts";

Deno.test("planted directions and variances are the principal components", () => {
  const random = stream(2, "planted"), rows = 4000, columns = 6;
  const angle = 0.7, axes = [[Math.cos(angle), Math.sin(angle)], [-Math.sin(angle), Math.cos(angle)]];
  const along = [0, 1].map((k) =>
    Float64Array.from({ length: rows }, () => (k === 0 ? 6 : 2) * (random.uniform() - 0.5))
  );
  const data = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    data[row * columns + 1] = 5 + along[0][row] * axes[0][0] + along[1][row] * axes[1][0];
    data[row * columns + 4] = -3 + along[0][row] * axes[0][1] + along[1][row] * axes[1][1];
  }
  const { coordinates, shares } = principalComponents({ rows, columns, data }, 2);
  assertAlmostEquals(shares[0], 0.9, 0.01); // 36 : 4
  assertAlmostEquals(shares[0] + shares[1], 1, 1e-6);
  for (const k of [0, 1]) {
    const correlation = coordinates[k].reduce((sum, x, row) => sum + x * along[k][row], 0) /
      Math.sqrt(coordinates[k].reduce((sum, x) => sum + x * x, 0) * along[k].reduce((sum, x) => sum + x * x, 0));
    assert(correlation > 0.99, `component ${k}: ${correlation}`); // both axes' largest entry is positive
    assertAlmostEquals(coordinates[k].reduce((sum, x) => sum + x, 0) / rows, 0, 1e-6);
  }
  assertThrows(() => principalComponents({ rows: 1, columns, data }), RangeError, "found 1 × 6");
});

Deno.test("coordinates keep their scale, and point where a direction's largest entry is positive", () => {
  const { coordinates } = principalComponents({ rows: 3, columns: 2, data: Float32Array.of(0, 6, 3, 2, 6, -2) }, 1);
  // The rows lie along (3, −4): its larger entry decides, so the axis is (−0.6, 0.8).
  [5, 0, -5].forEach((value, row) => assertAlmostEquals(coordinates[0][row], value, 1e-6));
  const { shares } = principalComponents({ rows: 2, columns: 2, data: new Float32Array(4) }, 2);
  assertEquals(shares, [0, 0]);
});
