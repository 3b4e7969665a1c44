import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { assignLarge, cluster, kMeans } from "@lib/matrix/kmeans.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { stream } from "@lib/base/random.ts";
import { kmeans } from "ml-kmeans";
import { largestDifference, readJsonGz, readNpy } from "../support/npy.ts";

interface KMeansCase {
  name: string;
  tol: number;
  maxIter: number;
  labels: number[];
  inertia: number;
  iterations: number;
  predictTest: number[];
}

const fixture = (name: string) => readNpy(new URL(`../golden/probes/${name}`, import.meta.url));
const { kmeans: cases } = await readJsonGz<{ kmeans: KMeansCase[] }>(
  new URL("../golden/probes/expected.json.gz", import.meta.url),
);

for (const { name, tol, maxIter, labels, inertia, iterations } of cases) {
  for (const where of ["plain", "engine"] as const) {
    Deno.test(`Lloyd from given centres equals scikit-learn's (${name}, ${where})`, async () => {
      const x = (await fixture("kmeans_X.npy")).data, init = (await fixture("kmeans_init.npy")).data;
      const found = await cluster(x, 600, 40, 20, { init, iterations: maxIter, tolerance: tol, where });
      assertEquals(found.iterations, iterations);
      assertEquals([...found.labels], labels);
      assertLess(Math.abs(found.inertia / inertia - 1), 1e-9);
      assertLess(largestDifference(found.centers, (await fixture(`kmeans_centers_${name}.npy`)).data), 1e-9);
      assertEquals([...await assignLarge(found, x, 600, { where })], labels);
    });
  }
}

const random = stream(5, "clustering-test");
const heaps = Float32Array.from({ length: 300 * 7 }, (_, i) => (Math.floor(i / 7) % 12) * 2 + 3 * random.uniform());

Deno.test("distances that stop early change nothing: centres are those of plain ml-kmeans", () => {
  const points = Array.from({ length: 300 }, (_, r) => [...heaps.subarray(7 * r, 7 * r + 7)]);
  const initialization = points.slice(0, 30);
  const plain = kmeans(points, 30, { initialization, maxIterations: 100, tolerance: 0 });
  const ours = kMeans(heaps, 300, 7, 30, { init: Float32Array.from(initialization.flat()), tolerance: 0 });
  assertEquals(ours.iterations > 4, true);
  assertEquals([...ours.labels], plain.clusters);
  assertLess(largestDifference(ours.centers, plain.centroids.flat()), 1e-12);
});

Deno.test("the engine clusters as ml-kmeans does: the same draws, labels and centres, doubled rows and ties included", async () => {
  const before = tensorCount();
  for (
    const [x, rows] of [[heaps, 300], [Float32Array.of(...heaps, ...heaps, ...heaps.subarray(0, 70)), 610]] as const
  ) {
    for (const seed of [1, 2, 3]) {
      const plain = kMeans(x, rows, 7, 30, { seed, tolerance: 0 });
      const found = await cluster(x, rows, 7, 30, { seed, tolerance: 0, where: "engine" });
      assertEquals([found.labels, found.iterations], [plain.labels, plain.iterations]);
      assertLess(largestDifference(found.centers, plain.centers), 1e-12);
    }
  }
  // Rows in the middle of two centres go to the first; a centre without rows stays where it is.
  const init = Float32Array.of(0, 0, 2, 0, 9, 9), middle = Float32Array.of(1, 5, 1, -5);
  const found = await cluster(middle, 2, 2, 2, { init: init.subarray(0, 4), iterations: 1, where: "engine" });
  assertEquals([...found.centers], [1, 0, 2, 0]);
  const three = await cluster(Float32Array.of(1, 5, 1, -5, 1, 0), 3, 2, 3, { init, iterations: 1, where: "engine" });
  assertEquals([...three.centers], [1, 0, 2, 0, 9, 9]);
  assertEquals(tensorCount(), before);
});

Deno.test("heaps far apart are found, alike for one seed", () => {
  const apart = heaps.map((value, i) => value + 1e4 * (Math.floor(i / 7) % 12));
  const first = kMeans(apart, 300, 7, 12, { seed: 3 });
  const byHeap = Array.from({ length: 12 }, (_, h) => new Set(first.labels.filter((_, r) => r % 12 === h)).size);
  assertEquals(byHeap, new Array(12).fill(1));
  assertEquals(first.labels, kMeans(apart, 300, 7, 12, { seed: 3 }).labels);
});

Deno.test("as many clusters as rows, and fewer distinct rows than clusters, are no trouble", () => {
  assertAlmostEquals(kMeans(heaps.subarray(0, 70), 10, 7, 10).inertia, 0, 1e-12);
  assertEquals(kMeans(new Float32Array(12), 6, 2, 4).inertia, 0);
});

Deno.test("kMeans says what does not fit", () => {
  assertThrows(() => kMeans(heaps, 300, 7, 301), RangeError, "expected 1…300 (the rows), found 301");
  assertThrows(() => kMeans(heaps, 299, 7, 3), RangeError, "299 × 7");
  assertThrows(() => kMeans(Float32Array.of(1, NaN), 2, 1, 1), RangeError, "finite");
});
