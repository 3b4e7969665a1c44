import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { tensorCount } from "@lib/engine/mod.ts";
import { crossProducts, gram } from "@lib/matrix/gram.ts";
import { fitSums, predictors, predictRows, sumLayer } from "@lib/matrix/layer_ridge.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { fitRidge, predictRidge } from "@lib/matrix/ridge.ts";
import { columnMeans, type Floats, readRows, sliceRows } from "@lib/matrix/rows.ts";
import {
  classTargets,
  joinTargets,
  type RowTargets,
  takeTargetRows,
  type Targets,
  valueTargets,
} from "@lib/matrix/targets.ts";
import { stream } from "@lib/base/random.ts";
import { withFolder } from "../support/folder.ts";
import { largestDifference, readNpy, transpose } from "../support/npy.ts";

const fixture = (name: string) => readNpy(new URL(`../golden/probes/${name}.npy`, import.meta.url));

/** Rows of numbers about 3, features that go together, and a feature that stays. */
function features(rows: number, columns: number): Float32Array {
  const random = stream(4, "layer-sums"), x = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    const common = random.uniform();
    for (let c = 0; c < columns; c++) x[r * columns + c] = c === 5 ? 0.1 : 3 + common + random.uniform() * (c % 7);
  }
  return x;
}

/** Largest difference, as a share of the largest of the expected numbers. */
function relative(found: Floats, expected: Float64Array): number {
  return largestDifference(found, expected) / expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

for (const placement of ["plain", "engine"] as const) {
  Deno.test(`sums in pieces (${placement}) give scikit-learn's ridge to 1e-9`, async () => {
    const x = Float32Array.from((await fixture("X_train")).data), z = Float32Array.from((await fixture("X_test")).data);
    const velocity = (await fixture("y_mean_velocity_train")).data, chords = await fixture("y_chord_train");
    const sets = Array.from(
      { length: 600 },
      (_, r) => [...Array(chords.shape[1]).keys()].filter((c) => chords.data[r * chords.shape[1] + c] === 1),
    );
    const some = Int32Array.from([...sets.keys()].filter((r) => sets[r].length > 0));
    const before = tensorCount();
    const sums = await sumLayer(x, 40, {
      all: valueTargets(velocity),
      some,
      ofSome: takeTargetRows(classTargets(sets, chords.shape[1]), some),
    }, { placement });
    const [all] = await fitSums(sums.all, [100], { placement });
    const [chord] = await fitSums(sums.ofSome, [100], { placement });
    assertLess(largestDifference(all.weights, (await fixture("coef_mean_velocity")).data), 1e-9);
    assertLess(largestDifference(chord.weights, (await fixture("coef_chord")).data), 1e-9);
    assertLess(largestDifference(chord.intercepts, (await fixture("intercept_chord")).data), 1e-9);
    const [predicted] = await predictRows([all], z, undefined, { placement });
    assertLess(largestDifference(predicted, (await fixture("pred_mean_velocity")).data), 1e-9);
    const chordTest = await fixture("y_chord_test"), width = chordTest.shape[1];
    const rows = Int32Array.from([...Array(300).keys()])
      .filter((r) => chordTest.data.subarray(r * width, (r + 1) * width).includes(1));
    const scores = await fixture("score_chord"), shape = scores.shape as [number, number];
    const [decided] = await predictRows([chord], z, rows, { placement });
    assertLess(largestDifference(decided, transpose(scores.data, ...shape)), 1e-9);
    assertEquals(tensorCount(), before);
  });
}

Deno.test("two pieces of all rows and of some are what plain sums of those rows are, on the engine and off it", async () => {
  const rows = 900, columns = 40, x = features(rows, columns), shift = columnMeans(x, rows, columns);
  const some = Int32Array.from({ length: 200 }, (_, i) => 2 * i + 3);
  const sets = Array.from({ length: rows }, (_, r) => [r % 5, 5 + r % 3]);
  const ofSome = takeTargetRows(classTargets(sets, 8), some);
  const all = joinTargets([classTargets(sets, 8), valueTargets(Float64Array.from({ length: rows }, (_, r) => r % 11))]);
  const judge = gram(x, rows, columns, shift);
  const judges = fitRidge({ gram: judge, cross: crossProducts(x, judge, all) }, [1, 10]);
  const chosen = readRows(x, columns, some), judgeOfSome = gram(chosen, some.length, columns, shift);
  const [other] = fitRidge({ gram: judgeOfSome, cross: crossProducts(chosen, judgeOfSome, ofSome) }, [10]);
  await withFolder(async (dir) => {
    const file = createNpy(`${dir}/x.npy`, rows, columns, { pieceBytes: 500 * 4 * columns });
    file.append(x);
    const stored = file.finish();
    for (const placement of ["plain", "engine"] as const) {
      const sums = await sumLayer(stored, columns, { all, some, ofSome }, { placement });
      const fits = await fitSums(sums.all, [1, 10], { placement });
      fits.forEach((fit, i) => assertLess(relative(fit.weights, judges[i].weights), 1e-9));
      assertEquals(fits.map(({ alpha }) => alpha), [1, 10]);
      assertLess(relative((await fitSums(sums.ofSome, [10], { placement }))[0].weights, other.weights), 1e-9);
      const predicted = await predictRows(fits, stored, some, { placement });
      predicted.forEach((found, i) => assertLess(relative(found, predictRidge(judges[i], chosen, some.length)), 1e-9));
      const parts = predictors(fits, stored, some, { placement }), from = 2 * some.length;
      for (const [i, predict] of parts.entries()) { // three targets of one fit alone
        assertLess(relative(await predict(2, 3), predicted[i].slice(from, from + 3 * some.length)), 1e-12);
      }
    }
  });
});

Deno.test("a wide layer in a file gives the engine the sums that it gives from memory", () =>
  withFolder(async (dir) => {
    const rows = 300, columns = 512, x = features(rows, columns); // two blocks of the Gram
    const file = createNpy(`${dir}/layer.npy`, rows, columns);
    file.append(x);
    const stored = file.finish(), some = Int32Array.of(0, 7, 299);
    const targets = { all: valueTargets(Float64Array.from({ length: rows }, (_, r) => r % 11)), some };
    const both = { ...targets, ofSome: valueTargets([3, 4, 5]) }, placement = "engine" as const;
    const [fromFile, fromMemory] = [
      await sumLayer(stored, columns, both, { placement }),
      await sumLayer(x, columns, both, { placement }),
    ];
    assertEquals(fromFile, fromMemory);
    const few = sliceRows(stored, columns, 10, 50), none = { some: new Int32Array(0), ofSome: valueTargets([]) };
    const found = await sumLayer(few, columns, { all: valueTargets(new Float64Array(50)), ...none }, { placement });
    const { products, shift } = found.all.gram;
    const expected = gram(x.subarray(10 * columns, 60 * columns), 50, columns, shift).products;
    assertLess(relative(products, expected), 1e-12);
  }));

Deno.test("targets are asked for a piece of rows at a time, and give the sums of those that are kept", () =>
  withFolder(async (dir) => {
    const rows = 900, columns = 40, x = features(rows, columns), most = 100; // rows a piece
    const file = createNpy(`${dir}/x.npy`, rows, columns, { pieceBytes: most * 4 * columns });
    file.append(x);
    const stored = file.finish(), some = Int32Array.from({ length: 300 }, (_, i) => 3 * i + 1), asked: number[] = [];
    const kept = { all: classTargets(Array.from({ length: rows }, (_, r) => [r % 5, 5 + r % 3]), 8), some };
    const both = { ...kept, ofSome: valueTargets(Float64Array.from({ length: 300 }, (_, r) => r % 11)) };
    const made = (targets: Targets): RowTargets => ({
      ...{ rows: targets.rows, count: targets.count, base: targets.base },
      take: (ids) => (asked.push(ids.length), takeTargetRows(targets, ids)),
    });
    for (const placement of ["plain", "engine"] as const) {
      const wanted = { all: made(both.all), some, ofSome: made(both.ofSome) };
      const found = await sumLayer(stored, columns, wanted, { placement });
      assertEquals(found, await sumLayer(stored, columns, both, { placement }));
    }
    assertEquals(Math.max(...asked) <= most, true, `${Math.max(...asked)} rows at once`);
  }));

Deno.test("many targets of narrow rows, which the engine takes in parts, give the sums of plain code", async () => {
  const rows = 2500, columns = 3, classes = 2000; // 5 million numbers, were they one part
  const x = features(rows, 6).filter((_, i) => i % 6 < columns), none = new Int32Array(0);
  const all = classTargets(Array.from({ length: rows }, (_, r) => [r % classes, (7 * r + 1) % classes]), classes);
  const [plain, engine] = await Promise.all(
    (["plain", "engine"] as const).map((placement) =>
      sumLayer(x, columns, { all, some: none, ofSome: valueTargets([]) }, { placement })
    ),
  );
  assertLess(relative(engine.all.cross.products, plain.all.cross.products), 1e-12);
  assertLess(relative(engine.all.gram.products, plain.all.gram.products), 1e-12);
  assertEquals([engine.all.gram.rows, engine.all.cross.sum], [rows, plain.all.cross.sum]);
});

Deno.test("sums say what does not fit, and nothing stays on the engine", async () => {
  const targets = { all: valueTargets([1, 2]), some: new Int32Array(0), ofSome: valueTargets([]) };
  await assertRejects(() => sumLayer(new Float32Array(3), 1, targets), RangeError, "targets of 3 rows, found 2");
  const none = { ...targets, all: valueTargets([]) };
  await assertRejects(() => sumLayer(new Float32Array(0), 1, none), RangeError, "at least one row");
  const before = tensorCount(), short = { path: Deno.execPath() + "/none", offset: 0, first: 0, rows: 2, columns: 1 };
  await assertRejects(() => sumLayer(short, 1, targets, { placement: "engine" }), Error);
  assertEquals(tensorCount(), before);
});
