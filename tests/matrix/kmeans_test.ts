import { assertAlmostEquals, assertEquals, assertLess, assertRejects } from "@std/assert";
import { assign, kMeans } from "@lib/matrix/kmeans.ts";
import { gram } from "@lib/matrix/gram.ts";
import { standardisation, standardise } from "@lib/matrix/ridge.ts";
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
const placements = ["plain", "engine"] as const;

for (const { name, tol, maxIter, labels, inertia, iterations, predictTest } of cases) {
  for (const placement of placements) {
    Deno.test(`Lloyd from given centres equals scikit-learn's (${name}, ${placement})`, async () => {
      const x = (await fixture("kmeans_X.npy")).data, init = (await fixture("kmeans_init.npy")).data;
      const found = await kMeans(x, 600, 40, 20, { init, iterations: maxIter, tolerance: tol, placement });
      assertEquals(found.iterations, iterations);
      assertEquals([...found.labels], labels);
      assertLess(Math.abs(found.inertia / inertia - 1), 1e-9);
      assertLess(largestDifference(found.centers, (await fixture(`kmeans_centers_${name}.npy`)).data), 1e-9);
      assertEquals([...await assign(found, x, 600, { placement })], labels);
      const train = (await fixture("X_train.npy")).data, test = (await fixture("X_test.npy")).data;
      const scaled = standardise(standardisation(gram(train, 600, 40)), test);
      assertEquals([...await assign(found, scaled, 300, { placement })], predictTest);
    });
  }
}

const random = stream(5, "clustering-test");
const heaps = Float32Array.from({ length: 300 * 7 }, (_, i) => (Math.floor(i / 7) % 12) * 2 + 3 * random.uniform());
const points = Array.from({ length: 300 }, (_, r) => [...heaps.subarray(7 * r, 7 * r + 7)]);

for (const placement of placements) {
  Deno.test(`centres and labels are those of ml-kmeans (${placement})`, async () => {
    const initialization = points.slice(0, 30), init = Float32Array.from(initialization.flat());
    const plain = kmeans(points, 30, { initialization, maxIterations: 100, tolerance: 0 });
    const ours = await kMeans(heaps, 300, 7, 30, { init, tolerance: 0, placement });
    assertEquals([ours.iterations, ours.iterations > 4], [plain.iterations, true]);
    assertEquals([...ours.labels], plain.clusters);
    assertLess(largestDifference(ours.centers, plain.centroids.flat()), 1e-12);
  });

  Deno.test(`equal rows, ties and empty clusters, by hand (${placement})`, async () => {
    // A row in the middle of two centres goes to the first; a centre without rows stays where it is.
    const init = Float32Array.of(0, 0, 2, 0, 9, 9), one = { iterations: 1, placement };
    const two = await kMeans(Float32Array.of(1, 5, 1, -5), 2, 2, 2, { ...one, init: init.subarray(0, 4) });
    assertEquals([...two.centers], [1, 0, 2, 0]);
    const three = await kMeans(Float32Array.of(1, 5, 1, -5, 1, 0), 3, 2, 3, { ...one, init });
    assertEquals([...three.centers], [1, 0, 2, 0, 9, 9]);
    assertEquals([...three.labels], [0, 0, 0]);
    assertEquals(three.inertia, 50);
    assertEquals((await kMeans(new Float32Array(12), 6, 2, 4, { placement })).inertia, 0);
  });
}

Deno.test("both placements draw the same first centres and end alike, doubled rows included", async () => {
  const before = tensorCount();
  for (
    const [x, rows] of [[heaps, 300], [Float32Array.of(...heaps, ...heaps, ...heaps.subarray(0, 70)), 610]] as const
  ) {
    for (const seed of [1, 2, 3]) {
      const [plain, engine] = await Promise.all(
        placements.map((placement) => kMeans(x, rows, 7, 30, { seed, tolerance: 0, placement })),
      );
      assertEquals(engine, plain);
      // The draws follow k-means++: no two first centres are equal rows, so at most one heap in thirty is split badly.
      assertEquals(new Set(plain.labels).size, 30);
    }
  }
  assertEquals(tensorCount(), before);
});

Deno.test("heaps far apart are told apart, alike for one seed", async () => {
  const apart = heaps.map((value, i) => value + 1e4 * (Math.floor(i / 7) % 12));
  const first = await kMeans(apart, 300, 7, 12, { seed: 3 });
  const byHeap = Array.from({ length: 12 }, (_, h) => new Set(first.labels.filter((_, r) => r % 12 === h)).size);
  assertEquals(byHeap, new Array(12).fill(1));
  assertEquals(first.labels, (await kMeans(apart, 300, 7, 12, { seed: 3 })).labels);
});

Deno.test("as many clusters as rows, and one cluster, are no trouble", async () => {
  assertAlmostEquals((await kMeans(heaps.subarray(0, 70), 10, 7, 10)).inertia, 0, 1e-12);
  const one = await kMeans(Float32Array.of(0, 1, 5), 3, 1, 1);
  assertEquals([...one.centers, one.inertia], [2, 14]);
});

Deno.test("iterations stop where the centres' shifts are small beside the variance", async () => {
  // Variance 5.6; the second centre moves from 2 to 3 and rests; its squared shift is 1.
  const x = Float64Array.of(0, 2, 3, 4, 7), init = Float64Array.of(0, 2);
  const run = async (tolerance: number, iterations = 100) =>
    (await kMeans(x, 5, 1, 2, { init, tolerance, iterations, placement: "plain" })).iterations;
  assertEquals([await run(10), await run(0, 2), await run(0) > 2], [1, 2, true]);
});

Deno.test("kMeans says what does not fit", async () => {
  await assertRejects(() => kMeans(heaps, 300, 7, 301), RangeError, "expected 1…300 (the rows), found 301");
  await assertRejects(() => kMeans(heaps, 299, 7, 3), RangeError, "299 × 7");
  await assertRejects(() => kMeans(Float32Array.of(1, NaN), 2, 1, 1), RangeError, "finite");
  await assertRejects(() => kMeans(heaps, 300, 7, 3, { iterations: 0 }), RangeError, "found 0");
  await assertRejects(() => kMeans(heaps, 300, 7, 3, { init: heaps }), RangeError, "expected 3 × 7 numbers");
  const clusters = await kMeans(heaps, 300, 7, 3);
  await assertRejects(() => assign(clusters, heaps, 299), RangeError, "299 × 7");
});
