import { assert, assertAlmostEquals, assertEquals, assertLess, assertNotEquals, assertRejects } from "@std/assert";
import { parquetReadObjects } from "hyparquet";
import { baselineRows } from "@lib/probing/baselines.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { readRows } from "@lib/matrix/rows.ts";
import { barType, controlTask, drawBars, permuteLabels, tokenCounts, withControls } from "@lib/probing/controls.ts";
import type { BarLabels } from "@lib/tokens/labels.ts";
import { mixesOf, mixLayers } from "@lib/probing/layer_mix.ts";
import type { BarTable } from "@lib/metrics/tasks.ts";
import { type BarTables, type ProbeRow, takeBars } from "@lib/probing/rows.ts";
import { probeLayer } from "@lib/probing/probe.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { loadReplicates, storeReplicates, toResults, writeResults } from "@lib/probing/results.ts";
import { vocabulary } from "@lib/tokens/vocabulary.ts";

const meta = { model: "test", input: "trained", seed: 0, layer: 1, layers: "one", pooling: "bar" } as const;
const study = recipe("sound", "smoke", {
  probing: { bootstraps: 200, clusters: 10, draws: 3, drawnTrainBars: 4, drawnTestBars: 3 },
});
const columns = 12;

/** Songs of bars whose tempo and instruments are drawn for each bar, and whose other labels say nothing. */
function compose(name: string, songs: number, bars: number): BarTable {
  const random = stream(5, "compose", name);
  const labels = Array.from({ length: songs * bars }, (): BarLabels => ({
    chords: random.uniform() < 0.2 ? [] : [7 * random.integer(3)],
    groove: [0, 4 * random.integer(4)],
    instruments: [random.integer(3)],
    tempoBin: 10 + random.integer(3),
    meanVelocity: 60 + random.integer(40),
    meanDuration: 10 * random.uniform(),
    meanDurationQuarters: random.uniform(),
  }));
  return { labels, songs: Int32Array.from(labels, (_, r) => 50 + Math.floor(r / bars)) };
}

const tables: BarTables = {
  train: compose("train", 25, 12),
  validation: compose("v", 8, 12),
  test: compose("t", 10, 12),
};
const splits = ["train", "validation", "test"] as const;

/** Features that hold tempo, instruments and velocity, with noise in the rest. */
function features(seed = 0) {
  const of = (split: typeof splits[number]) => {
    const random = stream(seed, "features", split);
    return Float32Array.from(tables[split].labels.flatMap((bar) => {
      const row = Array.from({ length: columns }, () => 0.1 * (random.uniform() - 0.5));
      row[bar.tempoBin - 10]++;
      row[3 + bar.instruments[0]]++;
      row[6] += bar.meanVelocity! / 20;
      return row;
    }));
  };
  return { columns, train: of("train"), validation: of("validation"), test: of("test") };
}

const find = (rows: ProbeRow[], task: string, metric: string, labels = "true", draw: number | null = null) => {
  const found = rows.filter((row) =>
    row.task === task && row.metric === metric && row.labels === labels && row.split === "test" && row.draw === draw
  );
  assertEquals(found.length, 1, `${task} ${metric} ${labels} ${draw}: ${found.length} rows`);
  return found[0];
};

const multiset = (labels: BarLabels[], of: (bar: BarLabels) => unknown) => labels.map((bar) => String(of(bar))).sort();

Deno.test("a drawing takes each song's bars at most once and no more than told, another each time", () => {
  const draws = drawBars(tables, study);
  assertEquals(draws.length, 3);
  for (const { train, test } of draws) {
    assertEquals([train.length, test.length], [25 * 4, 10 * 3]);
    for (const [rows, songs, most] of [[train, tables.train.songs, 4], [test, tables.test.songs, 3]] as const) {
      assertEquals(new Set(rows).size, rows.length);
      const counts = Map.groupBy(rows, (row) => songs[row]);
      assert([...counts.values()].every((held) => held.length === most));
    }
  }
  assertNotEquals([...draws[0].train], [...draws[1].train]);
  assertEquals(drawBars(tables, study), draws);
});

Deno.test("the authors' scores are the mean and population std of probes on each drawing alone", async () => {
  const draws = drawBars(tables, study), x = features();
  const rows = await probeLayer(x, { ...tables, draws }, study, meta, { protocols: ["authors"] });
  const take = (data: Float32Array, at: Int32Array) =>
    Float32Array.from([...at].flatMap((row) => [...data.subarray(row * columns, (row + 1) * columns)]));
  const alone = await Promise.all(draws.map(({ train, test }) =>
    probeLayer(
      { columns, train: take(x.train, train), validation: x.validation, test: take(x.test, test) },
      { train: takeBars(tables.train, train), validation: tables.validation, test: takeBars(tables.test, test) },
      study,
      meta,
      { protocols: ["authors"] },
    )
  ));
  for (const [task, metric] of [["C", "aucHardWeighted"], ["T", "exactRow"], ["MV", "rmse"], ["SC", "entropy"]]) {
    const scores = alone.map((found) => find(found, task, metric).value);
    const mean = (scores[0] + scores[1] + scores[2]) / 3;
    const row = find(rows, task, metric);
    assertAlmostEquals(row.value, mean, 1e-12);
    assertAlmostEquals(row.std!, Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / 3), 1e-12);
    scores.forEach((score, draw) => assertEquals(find(rows, task, metric, "true", draw).value, score));
    assert(row.low! <= row.value && row.value <= row.high!);
    assertEquals(find(alone[0], task, metric).std, null);
  }
});

Deno.test("permuted labels are the same labels on other bars, song after song", () => {
  for (const by of ["songs", "bars"] as const) {
    const { labels, songs } = permuteLabels(tables.train, by, 0), own = tables.train.labels;
    assertEquals(songs, tables.train.songs);
    const asked = [
      (bar: BarLabels) => bar.tempoBin,
      (bar: BarLabels) => bar.chords,
      (bar: BarLabels) => bar.meanVelocity,
    ];
    for (const answer of asked) assertEquals(multiset(labels, answer), multiset(own, answer));
    assertEquals(labels.map(({ chords }) => chords.length), own.map(({ chords }) => chords.length));
    const kept = labels.filter((bar, r) => bar.meanDuration === own[r].meanDuration).length;
    assertLess(kept, own.length / 5);
    const place = new Map(own.map(({ meanDuration }, r) => [meanDuration, r]));
    const runs = labels.slice(1).filter((bar, r) =>
      place.get(bar.meanDuration) === place.get(labels[r].meanDuration)! + 1
    );
    if (by === "songs") assert(runs.length > 0.85 * own.length, `${runs.length} bars follow the one before`);
    else assertLess(runs.length, 0.1 * own.length);
  }
});

Deno.test("a control task gives a type one answer wherever it stands, spread as the true ones are", () => {
  const types = (table: BarTable) => table.labels.map((_, r) => (7 * r) % 40);
  const of = { train: types(tables.train), validation: types(tables.validation), test: types(tables.test) };
  const control = controlTask(tables, of, 0), answers = new Map<number, unknown>();
  for (const split of splits) {
    control[split].labels.forEach(({ chords, ...rest }, r) => {
      assertEquals(chords.length > 0, tables[split].labels[r].chords.length > 0);
      const known = answers.get(of[split][r]) ?? rest;
      assertEquals(rest, known);
      answers.set(of[split][r], known);
    });
  }
  assert(new Set([...answers.values()].map((held) => JSON.stringify(held))).size > 20);
  const id = vocabulary.id;
  const bar = ["Bar_0", "Position_0", "Tempo_3", "Pitch_Drum_36", "Pitch_60", "Pitch_48", "<eob>"].map(id);
  assertEquals([barType(bar, "lowest-pitch"), barType(bar, "first-note")], [id("Pitch_48"), id("Pitch_Drum_36")]);
  assertEquals(barType([id("Pitch_Drum_40"), id("Pitch_Drum_36")], "lowest-pitch"), id("Pitch_Drum_40"));
});

Deno.test("probes on permuted labels find nothing; control tasks are learned where the type is in the features alone", async () => {
  const types = (table: BarTable) => table.labels.map(({ instruments }) => instruments[0]);
  const all = withControls(
    tables,
    { train: types(tables.train), validation: types(tables.validation), test: types(tables.test) },
    study,
  );
  const rows = await probeLayer(features(), all, study, meta, { protocols: ["sound"] });
  assert(find(rows, "T", "accuracy").value > 0.95 && find(rows, "I", "aucWeighted").value > 0.95);
  // One permutation may rank a class high or low as a whole, so that the area is 1/2 on average only.
  const areas = await Promise.all(Array.from({ length: 16 }, async (_, seed) => {
    const control = { ...tables, labels: "permuted", train: permuteLabels(tables.train, "songs", seed) } as const;
    const asked = { protocols: ["sound"], labels: ["permuted"], tasks: ["I"] } as const;
    return find(
      await probeLayer(features(), { ...tables, controls: [control] }, study, meta, asked),
      "I",
      "aucWeighted",
      "permuted",
    ).value;
  }));
  assertAlmostEquals(areas.reduce((sum, area) => sum + area / 16, 0), 0.5, 0.1);
  assertAlmostEquals(find(rows, "T", "accuracy", "permuted").value, 1 / 3, 0.15);
  assertLess(find(rows, "MV", "r2", "permuted").value, 0.1);
  // The type is the instrument, which the features hold: the list of three is learned by heart.
  assert(find(rows, "MV", "r2", "control").value > 0.95);
  const other = withControls(
    tables,
    { train: types(tables.train), validation: types(tables.validation), test: types(tables.test).map((_, r) => r % 3) },
    study,
  );
  const unlearned = await probeLayer(features(), other, study, meta, { protocols: ["sound"], labels: ["control"] });
  assertLess(find(unlearned, "MV", "r2", "control").value, 0.1);
  assert(unlearned.every(({ labels }) => labels === "control"));
});

Deno.test("token counts leave out what does not vary in training", () => {
  const found = tokenCounts({ train: [[4, 7, 7], [4, 9]], validation: [[4, 9, 9]], test: [[5]] });
  assertEquals(found.columns, 2); // 7 and 9
  assertEquals([found.train, found.validation, found.test].map((rows) => [...rows]), [[2, 0, 0, 1], [0, 2], [0, 0]]);
});

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
  const mixes = mixesOf(rows, baselineRows(tables, study), "gain");
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

Deno.test("the results table says the same in JSON lines, CSV and Parquet, and resamplings come back", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const rows = await probeLayer(features(), { ...tables, draws: drawBars(tables, study) }, study, meta, {
      replicates: true,
    });
    rows[0].value = NaN;
    rows[1].model = 'a "model", quoted';
    await writeResults(`${dir}/results`, rows);
    const expected = toResults(rows);
    assertEquals(expected[0].value, null);
    const lines = (await Deno.readTextFile(`${dir}/results.jsonl`)).trimEnd().split("\n");
    assertEquals(lines.map((line) => JSON.parse(line)), expected);
    const file = (await Deno.readFile(`${dir}/results.parquet`)).buffer;
    const back = (await parquetReadObjects({ file })).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? null]))
    );
    assertEquals(back, expected);
    const [head, , quoted] = (await Deno.readTextFile(`${dir}/results.csv`)).split("\r\n");
    assertEquals(head.split(",").length, Object.keys(expected[0]).length);
    assert(quoted.startsWith('"a ""model"", quoted",trained,0,one,1,bar,true,'));
    await storeReplicates(`${dir}/r.safetensors`, rows);
    const bare = rows.map(({ replicates: _, ...row }) => ({ ...row, value: JSON.parse(JSON.stringify(row.value)) }));
    assertEquals(await loadReplicates(`${dir}/r.safetensors`, bare), rows);
    assert(rows.some(({ replicates }) => replicates?.length === 200));
    await assertRejects(() => loadReplicates(`${dir}/none`, bare), Error, "probe again");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
