import { assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { tensorCount } from "@lib/engine/mod.ts";
import { fitLarge, joinTargets, predictRows, sumLayer, takeTargetRows } from "@lib/matrix/gram.ts";
import { createNpy, openNpy } from "@lib/matrix/npy.ts";
import type { BarTable } from "@lib/metrics/tasks.ts";
import { probeLayers } from "@lib/probing/probe_layers.ts";
import type { LayerFeatures } from "@lib/probing/probe.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import {
  classTargets,
  columnMeans,
  crossProducts,
  fitRidge,
  gram,
  predictRidge,
  type Rows,
  valueTargets,
} from "@lib/matrix/ridge.ts";
import { pieces, reading, readRows, sliceRows } from "@lib/matrix/rows.ts";
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
function relative(found: Rows, expected: Float64Array): number {
  return largestDifference(found, expected) / expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

for (const where of ["plain", "engine"] as const) {
  Deno.test(`sums in pieces (${where}) give scikit-learn's ridge to 1e-9`, async () => {
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
    }, { where });
    const [all] = await fitLarge(sums.all, [100], { where }), [chord] = await fitLarge(sums.ofSome, [100], { where });
    assertLess(largestDifference(all.weights, (await fixture("coef_mean_velocity")).data), 1e-9);
    assertLess(largestDifference(chord.weights, (await fixture("coef_chord")).data), 1e-9);
    assertLess(largestDifference(chord.intercepts, (await fixture("intercept_chord")).data), 1e-9);
    const [predicted] = await predictRows([all], z, undefined, { where });
    assertLess(largestDifference(predicted, (await fixture("pred_mean_velocity")).data), 1e-9);
    const chordTest = await fixture("y_chord_test"), width = chordTest.shape[1];
    const rows = Int32Array.from([...Array(300).keys()])
      .filter((r) => chordTest.data.subarray(r * width, (r + 1) * width).includes(1));
    const scores = await fixture("score_chord"), shape = scores.shape as [number, number];
    const [decided] = await predictRows([chord], z, rows, { where });
    assertLess(largestDifference(decided, transpose(scores.data, ...shape)), 1e-9);
    assertEquals(tensorCount(), before);
  });
}

Deno.test("a layer in a file gives what it gives in memory, on the engine and off it", async () => {
  const rows = 4200, columns = 512, dir = await Deno.makeTempDir(); // a piece holds 4096 such rows
  const x = features(rows, columns), file = createNpy(`${dir}/layer.npy`, rows, columns);
  file.append(x.subarray(0, 7 * columns));
  file.append(x.subarray(7 * columns));
  const stored = file.finish();
  assertEquals(openNpy(stored.path), stored);
  assertEquals(readRows(stored, columns), x);
  assertEquals((await readNpy(new URL(`file://${stored.path}`))).shape, [rows, columns]);
  const some = Int32Array.from({ length: 700 }, (_, i) => 2 * i + 3);
  assertEquals(
    readRows(sliceRows(stored, columns, 3000, 1000), columns, some.subarray(0, 9)),
    readRows(x, columns, some.subarray(0, 9).map((row) => row + 3000)),
  );

  // Few features, so that plain code can be the judge.
  const narrow = 40, y = features(rows, narrow), shift = columnMeans(y, rows, narrow);
  const sets = Array.from({ length: rows }, (_, r) => [r % 5, 5 + r % 3]),
    ofSome = takeTargetRows(classTargets(sets, 8), some);
  const all = joinTargets([classTargets(sets, 8), valueTargets(Float64Array.from({ length: rows }, (_, r) => r % 11))]);
  const judge = gram(y, rows, narrow, shift), judges = fitRidge(judge, crossProducts(y, judge, all), [1, 10]);
  const chosen = readRows(y, narrow, some), judgeOfSome = gram(chosen, some.length, narrow, shift);
  const [other] = fitRidge(judgeOfSome, crossProducts(chosen, judgeOfSome, ofSome), [10]);
  for (const where of ["plain", "engine"] as const) {
    const sums = await sumLayer(y, narrow, { all, some, ofSome }, { where });
    const fits = await fitLarge(sums.all, [1, 10], { where });
    fits.forEach((fit, i) => assertLess(relative(fit.weights, judges[i].weights), 1e-9));
    assertEquals(fits.map(({ alpha }) => alpha), [1, 10]);
    assertLess(relative((await fitLarge(sums.ofSome, [10], { where }))[0].weights, other.weights), 1e-9);
    const predicted = await predictRows(fits, y, some, { where });
    predicted.forEach((values, i) => assertLess(relative(values, predictRidge(judges[i], chosen, some.length)), 1e-9));
  }
  // Many features in several pieces: the engine from the file beside the engine from memory.
  const targets = { all: valueTargets(Float64Array.from({ length: rows }, (_, r) => r % 11)), some, ofSome };
  const engine = { where: "engine" } as const;
  const [fromFile, fromMemory] = [
    await sumLayer(stored, columns, targets, engine),
    await sumLayer(x, columns, targets, engine),
  ];
  assertEquals(fromFile, fromMemory);
  const few = { all: valueTargets(new Float64Array(50)), some: new Int32Array(0), ofSome: takeTargetRows(ofSome, []) };
  const found = await sumLayer(sliceRows(stored, columns, 0, 50), columns, few, engine);
  const { products, shift: own } = found.all.gram;
  assertLess(relative(products, gram(x.subarray(0, 50 * columns), 50, columns, own).products), 1e-12);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("sums and files say what does not fit, and nothing half written stays", async () => {
  const targets = { all: valueTargets([1, 2]), some: new Int32Array(0), ofSome: takeTargetRows(valueTargets([1]), []) };
  await assertRejects(() => sumLayer(new Float32Array(3), 1, targets), RangeError, "targets of 3 rows, found 2");
  const none = { ...targets, all: valueTargets([]) };
  await assertRejects(() => sumLayer(new Float32Array(0), 1, none), RangeError, "at least one row");
  const dir = await Deno.makeTempDir(), file = createNpy(`${dir}/x.npy`, 3, 2);
  file.append(new Float32Array(4));
  assertThrows(() => file.finish(), RangeError, "expected 3 × 2 numbers, found 4");
  createNpy(`${dir}/y.npy`, 3, 2).abandon();
  assertEquals([...Deno.readDirSync(dir)], []);
  await Deno.writeTextFile(`${dir}/z.npy`, "not one of NumPy's files");
  assertThrows(() => openNpy(`${dir}/z.npy`), TypeError, "found another format");
  const whole = createNpy(`${dir}/w.npy`, 1, 2);
  whole.append(Float32Array.of(1, 2));
  whole.finish();
  await Deno.writeFile(`${dir}/w.npy`, (await Deno.readFile(`${dir}/w.npy`)).slice(0, -1));
  assertThrows(() => openNpy(`${dir}/w.npy`), TypeError, "135 bytes for 1 × 2");
  assertThrows(() => [...pieces({ path: `${dir}/w.npy`, offset: 128, first: 0, rows: 1, columns: 2 }, 2)]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a layer's probes from files are those from memory, here and in a worker; clusters may take a share of rows", async () => {
  const dir = await Deno.makeTempDir(), columns = 24, rows = 240;
  const random = stream(6, "from-files");
  const table: BarTable = {
    labels: Array.from({ length: rows }, (_, r) => ({
      chords: r % 4 ? [[0, 49, 63][r % 3]] : [],
      groove: [0, 12 * (1 + r % 3)],
      instruments: [r % 5],
      tempoBin: 12 + r % 2,
      meanVelocity: 60 + r % 40,
      meanDuration: r % 7,
      meanDurationQuarters: (r % 7) / 12,
    })),
    songs: Int32Array.from({ length: rows }, (_, r) => Math.floor(r / 12)),
  };
  const x = Float32Array.from(
    { length: rows * columns },
    (_, i) => random.uniform() + (Math.floor(i / columns) % 12) / 4,
  );
  const file = createNpy(`${dir}/layer.npy`, 3 * rows, columns);
  for (let i = 0; i < 3; i++) file.append(x);
  const stored = file.finish();
  const at = (split: number) => sliceRows(stored, columns, split * rows, rows);
  const tables = { train: table, validation: table, test: table };
  const study = recipe("sound", "smoke", { probing: { bootstraps: 20, clusters: 9, clusterRows: 100 } });
  const job = (features: LayerFeatures) => ({
    meta: { model: "test", input: "trained" as const, seed: 0, layer: 1, layers: "one" as const, pooling: "bar" },
    features,
  });
  const memory = await probeLayers([job({ columns, train: x, validation: x, test: x })], tables, study, { workers: 0 });
  const files = job({ columns, train: at(0), validation: at(1), test: at(2) });
  for (const workers of [0, 1]) assertEquals(await probeLayers([files], tables, study, { workers }), memory);
  assertEquals(memory.find(({ task, protocol }) => task === "SC" && protocol === "sound")?.k, 9);
  const all = recipe("sound", "smoke", { probing: { bootstraps: 20, clusters: 1000 } });
  const k = (rows: typeof memory) => rows.find(({ task, protocol }) => task === "SC" && protocol === "sound")?.k;
  assertEquals(k(await probeLayers([files], tables, all, { workers: 0 })), 48); // a fifth of 240
  const share = { ...all, probing: { ...all.probing, clusterRows: 100 } };
  assertEquals(k(await probeLayers([files], tables, share, { workers: 0 })), 20); // a fifth of 100

  // Twenty rows at a time; clusters, drawings and searches take at most forty, so that no 240 are ever held.
  const drawn = Int32Array.from({ length: 40 }, (_, i) => 6 * i), draws = [{ train: drawn, test: drawn }];
  const few = { ...study, probing: { ...study.probing, clusterRows: 40, retrievalBars: 40 } };
  const part = (split: number) => ({ ...at(split), pieceBytes: 20 * 4 * columns });
  const ask = (features: LayerFeatures) => probeLayers([job(features)], { ...tables, draws }, few, { workers: 0 });
  const held = await ask({ columns, train: x, validation: x, test: x });
  reading.most = 0;
  const read = await ask({ columns, train: part(0), validation: part(1), test: part(2) });
  assertEquals([reading.now, reading.most], [0, (40 + 20) * 4 * columns]);
  assertEquals(read.length, held.length);
  for (const [i, { task, metric, value }] of read.entries()) {
    assertEquals([task, metric], [held[i].task, held[i].metric]);
    if (Number.isFinite(value)) assertLess(Math.abs(value - held[i].value), 1e-9 * Math.max(1, Math.abs(value)));
  }
  await Deno.remove(dir, { recursive: true });
});
