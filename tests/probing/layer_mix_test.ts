import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { readRows } from "@lib/matrix/rows.ts";
import { baselineRows } from "@lib/probing/baselines.ts";
import { mixesOf, mixLayers, mixWeights } from "@lib/probing/layer_mix.ts";
import { probeLayer } from "@lib/probing/probe.ts";
import type { ProbeRow } from "@lib/probing/rows.ts";
import { columns, features, find, meta, study, tables } from "../support/planted_tables.ts";

Deno.test("layers weigh by what they hold, and their sum holds what several hold", async () => {
  // Tempo stands in layer 1, velocity in layer 2, nothing in layer 0.
  const whole = features(), silent = stream(9, "noise");
  const keep = (x: Float32Array, from: number, to: number) =>
    x.map((value, i) => i % columns >= from && i % columns < to ? value : silent.uniform());
  const layer = (from: number, to: number) => ({
    columns,
    train: keep(whole.train, from, to),
    validation: keep(whole.validation, from, to),
    test: keep(whole.test, from, to),
  });
  const layers = [layer(0, 0), layer(0, 3), layer(6, 7)], rows: ProbeRow[] = [];
  for (const [at, x] of layers.entries()) {
    rows.push(...await probeLayer(x, tables, study, { ...meta, layer: at }, { protocols: ["sound"] }));
  }
  const mixes = mixesOf(rows, await baselineRows(tables, study), "gain");
  const weights = (task: "T" | "MV") => mixes.find(({ tasks }) => tasks.includes(task))!.weights;
  assert(weights("T")[1] > 0.5 && weights("MV")[2] > 0.9, JSON.stringify(mixes));
  for (const { weights } of mixes) assertAlmostEquals(weights.reduce((sum, weight) => sum + weight, 0), 1, 1e-12);
  const [even, ...more] = mixesOf(rows, [], "uniform");
  assertEquals([even.weights, even.tasks.length, more.length], [[1 / 3, 1 / 3, 1 / 3], 7, 0]);
  const rowsOf = { train: tables.train.labels.length, validation: 96, test: 120 };
  const join = (x: typeof whole) => Float32Array.from([...x.train, ...x.validation, ...x.test]);
  const joined = [layers[1], layers[2]].map(join);
  const mixed = mixLayers(joined, [0.5, 0.5], rowsOf.train, columns) as Float32Array;
  const dir = await Deno.makeTempDir(), rowCount = mixed.length / columns;
  const stored = joined.map((x, i) => {
    const file = createNpy(`${dir}/${i}.npy`, rowCount, columns);
    file.append(x);
    return file.finish();
  });
  const inFile = mixLayers(stored, [0.5, 0.5], rowsOf.train, columns, createNpy(`${dir}/mix.npy`, rowCount, columns));
  assertEquals(readRows(inFile, columns), mixed);
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), ["0.npy", "1.npy", "mix.npy"]);
  await Deno.remove(dir, { recursive: true });
  const cut = rowsOf.train * columns, end = cut + rowsOf.validation * columns;
  const together = { columns, train: mixed.slice(0, cut), validation: mixed.slice(cut, end), test: mixed.slice(end) };
  const found = await probeLayer(together, tables, study, { ...meta, layers: "weighted", layer: null }, {
    protocols: ["sound"],
    tasks: ["T", "MV"],
  });
  assert(find(found, "T", "accuracy").value > 0.6);
  // The velocity's column is summed with one of noise as large: half of the variance is left.
  assertAlmostEquals(find(found, "MV", "r2").value, 0.5, 0.12);
  assertEquals(new Set(found.map(({ task }) => task)), new Set(["T", "MV"]));
});

/** A sound validation row of a layer. */
const row = (layer: number | null, task: "GP" | "MV", value: number, changes: Partial<ProbeRow> = {}): ProbeRow => ({
  ...meta,
  ...{ layer, task, metric: task === "MV" ? "rmse" : "aucWeighted", protocol: "sound", split: "validation", value },
  ...{ labels: "true", low: null, high: null, draw: null, std: null, rows: 9, songs: 3, alpha: 1, threshold: 0 },
  ...{ skippedClasses: null, k: null },
  ...changes,
});

Deno.test("a layer weighs by how far it beats the guess on validation songs, nothing where it does not", () => {
  const guesses = [row(null, "GP", 0.5), row(null, "MV", 10)];
  const rows = [
    ...[0.4, 0.6, 0.8].map((value, layer) => row(layer, "GP", value)),
    ...[8, 4, 12].map((value, layer) => row(layer, "MV", value)),
    // Neither test songs, nor controls, nor the authors' scores count.
    row(0, "GP", 9, { split: "test" }),
    row(0, "GP", 9, { labels: "permuted" }),
    row(0, "GP", 9, { protocol: "authors", metric: "aucHardWeighted" }),
  ];
  const close = (a: number[], b: number[]) => a.forEach((weight, i) => assertAlmostEquals(weight, b[i], 1e-12));
  close(mixWeights(rows, guesses, "GP", "gain"), [0, 1 / 4, 3 / 4]);
  close(mixWeights(rows, guesses, "MV", "gain"), [1 / 4, 3 / 4, 0]); // errors are better when lower
  close(mixWeights(rows, guesses, "GP", "uniform"), [1 / 3, 1 / 3, 1 / 3]);
  close(mixWeights(rows, [row(null, "GP", 0.9)], "GP", "gain"), [1 / 3, 1 / 3, 1 / 3]);
  close(mixWeights(rows, [], "GP", "gain"), [1 / 3, 1 / 3, 1 / 3]);
  const mixes = mixesOf(rows, guesses, "gain");
  assertEquals(mixes.map(({ tasks }) => tasks), [["C", "I", "T", "MD", "SC"], ["GP"], ["MV"]]);
});

Deno.test("columns are standardised by the fitted rows; those that do not vary there count as 0", () => {
  // Of the fitted rows 1, 3 the mean is 2 and the deviation 1; the second layer's first column is constant there.
  const a = Float32Array.of(1, 5, 3, 5, 7, 9), b = Float32Array.of(4, 0, 4, 4, 9, 8);
  const mixed = mixLayers([a, b], [0.25, 0.5], 2, 2) as Float32Array;
  assertEquals([...mixed], [-0.25, -0.5, 0.25, 0.5, 1.25, 1.5]);
  assertEquals([...mixLayers([a, b], [1, 0], 2, 2) as Float32Array], [-1, 0, 1, 0, 5, 0]);
});
