import { assertAlmostEquals, assertEquals } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { type NearestSearch, plainSearch, squaredDistance } from "@lib/matrix/nearest.ts";
import { engineSearch } from "@lib/matrix/nearest_engine.ts";
import { tensorCount } from "@lib/engine/mod.ts";

Deno.test("squared distances by hand, at widths below, at and above eight", () => {
  const x = Float64Array.of(9, 9, 1, 2, 3), y = Float32Array.of(1, 0, 5);
  assertEquals(squaredDistance(x.subarray(2), 0, y, 0, 3), 0 + 4 + 4);
  assertEquals(squaredDistance(Float64Array.of(7, 0, 3), 2, Float64Array.of(1, 1, 1, 5), 3, 1), 4);
  for (const columns of [8, 11, 24]) {
    const [a, b] = [1, 3].map((d) => Float64Array.from({ length: 2 * columns }, (_, i) => d * (i % columns)));
    const sum = Array.from({ length: columns }, (_, i) => 4 * i * i).reduce((p, q) => p + q);
    assertEquals(squaredDistance(a, 1, b, 1, columns), sum);
    assertEquals(squaredDistance(a, 1, b, 0, columns, sum), sum); // the bound itself is not above the bound
  }
  const far = squaredDistance(new Float64Array(16), 0, new Float64Array(16).fill(1), 0, 16, 7);
  assertEquals(far, 8); // the first eight are above the bound already
});

const rows = 200, columns = 10, k = 24, random = stream(3, "nearest");
const x = Float64Array.from({ length: rows * columns }, () => random.uniform());
/** The nearest centre by sums written out; the first of equals. */
const byHand = (x: Float64Array, centers: Float64Array) =>
  Int32Array.from({ length: x.length / columns }, (_, r) => {
    let best = Infinity, label = -1;
    for (let c = 0; c < centers.length / columns; c++) {
      let sum = 0;
      for (let i = 0; i < columns; i++) sum += (x[r * columns + i] - centers[c * columns + i]) ** 2;
      if (sum < best - 1e-12) [best, label] = [sum, c];
    }
    return label;
  });

const searches: [string, (x: Float64Array) => NearestSearch][] = [
  ["plain", (x) => plainSearch(x, columns, k, false)],
  ["plain with bounds", (x) => plainSearch(x, columns, k, true)],
  ["on the engine", (x) => engineSearch(x, columns, k)],
];

for (const [name, make] of searches) {
  Deno.test(`the nearest centres are found while some of them move, whatever the guesses (${name})`, () => {
    const before = tensorCount(), search = make(x), labels = Int32Array.from({ length: rows }, (_, r) => r % k);
    let centers = x.slice(0, k * columns), moved = Int32Array.from({ length: k }, (_, c) => c);
    for (let round = 0; round < 6; round++) {
      search.find(centers, moved, labels);
      assertEquals(labels, byHand(x, centers));
      centers = centers.slice();
      moved = moved.filter((c) => c % 6 !== round);
      // In turn a little and far, so that old bounds are no use where they are not lowered.
      for (const c of moved) {
        for (let i = 0; i < columns; i++) centers[c * columns + i] += (round % 2 ? 0.5 : 0.01) * random.uniform();
      }
    }
    assertEquals(tensorCount(), before);
  });

  Deno.test(`of equally near centres the first is taken (${name})`, () => {
    const centers = new Float64Array(k * columns).fill(5), rows = new Float64Array(2 * columns);
    // Centres 4 and 9 mirror each other about row 0; centres 2 and 3 are equal and nearest to row 1.
    rows[columns] = 7;
    [[4, -1], [9, 1], [2, 8], [3, 8]].forEach(([c, value]) => {
      centers.fill(0, c * columns, (c + 1) * columns);
      centers[c * columns] = value;
    });
    for (const guess of [0, 2, 3, 4, 9]) {
      const labels = new Int32Array(2).fill(guess), search = make(rows);
      search.find(centers, Int32Array.from({ length: k }, (_, c) => c), labels);
      assertEquals([...labels], [4, 2]);
    }
  });
}

Deno.test("far from zero, where float32 cannot tell centres apart, the engine decides in float64", () => {
  const far = x.map((value) => 1e6 + value / 100), search = engineSearch(far, columns, k);
  const labels = new Int32Array(rows), centers = far.slice(0, k * columns);
  search.find(centers, Int32Array.from({ length: k }, (_, c) => c), labels);
  assertEquals(labels, byHand(far.map((value) => (value - 1e6) * 100), centers.map((value) => (value - 1e6) * 100)));
  assertAlmostEquals(squaredDistance(far, 0, far, 0, columns), 0);
});
