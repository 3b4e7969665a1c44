import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import type { BarLabels } from "@lib/tokens/labels.ts";
import type { BarTable, Task } from "@lib/metrics/tasks.ts";
import { drawBars } from "@lib/probing/controls.ts";
import { type BarTables, type LayerFeatures, type ProbeRow, takeBars } from "@lib/probing/rows.ts";
import type { Protocol } from "@lib/metrics/task_scores.ts";
import { probeLayer } from "@lib/probing/probe.ts";
import { stream } from "@lib/base/random.ts";
import { UserError } from "@lib/base/user_error.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { reading, type RowSource } from "@lib/matrix/rows.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { withFolder } from "../support/folder.ts";
import * as planted from "../support/planted_tables.ts";
import { expected, goldenFeatures, goldenTable } from "../support/probe_fixtures.ts";

const meta = { model: "test", input: "trained", seed: 0, layer: 1, layers: "one", pooling: "bar" } as const;
const quick = { bootstraps: 100, clusters: 20, clusterIterations: 5 };
const columns = 24;

function value(rows: ProbeRow[], task: Task, metric: string, protocol: Protocol = "sound"): number {
  const found = rows.filter((row) =>
    row.task === task && row.metric === metric && row.protocol === protocol && row.split === "test" &&
    row.labels === "true" && row.draw === null
  );
  assertEquals(found.length, 1, `expected one row of ${task} ${metric} ${protocol}, found ${found.length}`);
  return found[0].value;
}

/** Bars of `songs` songs, each song in a key and tempo of its own, the rest of each bar at random. */
function compose(name: string, songs: number, bars: number): BarTable<BarLabels[]> {
  const random = stream(11, "compose", name);
  const some = (n: number, of: number) => [...new Set(Array.from({ length: n }, () => random.integer(of)))];
  const labels: BarLabels[] = Array.from({ length: songs * bars }, (_, r) => ({
    chords: random.uniform() < 0.1 ? [] : [7 * random.integer(4) + random.integer(2)],
    groove: some(3, 6).map((i) => 8 * i),
    instruments: some(2, 5),
    tempoBin: 10 + Math.floor(r / bars) % 3,
    meanVelocity: 50 + random.integer(50),
    meanDuration: 20 * random.uniform(),
    meanDurationQuarters: random.uniform(),
  }));
  return { labels, songs: Int32Array.from(labels, (_, r) => 100 + Math.floor(r / bars)) };
}

/** Features that hold a bar's labels, mixed, with a little noise; or noise alone. */
function embed(table: BarTable<BarLabels[]>, planted: boolean): Float32Array {
  const random = stream(12, "embed", table.labels.length), width = 24;
  return Float32Array.from(table.labels.flatMap((bar) => {
    const row = Array.from({ length: width }, () => 0.05 * (random.uniform() - 0.5));
    if (!planted) return row;
    for (const chord of bar.chords) row[Math.floor(chord / 7)]++;
    for (const chord of bar.chords) row[4 + chord % 7]++;
    for (const position of bar.groove) row[6 + position / 8]++;
    for (const instrument of bar.instruments) row[12 + instrument]++;
    row[17 + bar.tempoBin - 10]++;
    row[20] += bar.meanVelocity! / 10;
    row[21] += bar.meanDuration! / 2;
    row[22] += bar.meanDurationQuarters!;
    return row;
  }));
}

const tables: BarTables<BarLabels[]> = {
  train: compose("train", 30, 20),
  validation: compose("validation", 10, 20),
  test: compose("test", 12, 20),
};
const features = (planted: boolean): LayerFeatures => ({
  columns,
  train: embed(tables.train, planted),
  validation: embed(tables.validation, planted),
  test: embed(tables.test, planted),
});
const study = recipe("sound", "smoke", { probing: quick });

Deno.test("sound scores of the golden features are scikit-learn's to 1e-9", async () => {
  const [train, test] = [await goldenTable("train"), await goldenTable("test")];
  const [x, z] = [await goldenFeatures("train"), await goldenFeatures("test")], { probes } = expected;
  const rows = await probeLayer(
    { columns: 40, train: x, validation: z, test: z },
    { train, validation: test, test },
    recipe("authors", "smoke", { probing: { ...quick, alphas: [100] } }),
    meta,
    { protocols: ["sound"] },
  );
  // Instruments are not compared: the fixture leaves out bars whose instruments it removed.
  const want: [Task, string, number][] = [
    ["C", "aucWeighted", probes.chord.aucWeighted],
    ["C", "apMacro", probes.chord.apMacro],
    ["C", "f1Macro", probes.chord.f1_atThreshold.macro],
    ["GP", "aucMacro", probes.groove_pattern.aucMacro],
    ["GP", "apWeighted", probes.groove_pattern.apWeighted],
    ["GP", "f1Micro", probes.groove_pattern.f1_atThreshold.micro],
    ["T", "accuracy", probes.tempo.argmaxAccuracy],
    ["T", "accuracyMacro", probes.tempo.balancedAccuracy],
    ["MV", "mae", probes.mean_velocity.mae],
    ["MD", "r2", probes.mean_duration.r2],
  ];
  for (const [task, metric, score] of want) {
    assertAlmostEquals(value(rows, task, metric), score, 1e-9, `${task} ${metric}`);
  }
  const chords = rows.find((row) => row.task === "C" && row.split === "test")!;
  assertEquals([chords.rows, chords.skippedClasses], [235, 84 - expected.columns.chord.length]);
});

Deno.test("what features hold is found, in both protocols, with intervals around it", async () => {
  const rows = await probeLayer(features(true), tables, study, meta);
  for (const task of ["C", "GP", "I"] as const) {
    assertGreater(value(rows, task, "aucWeighted"), 0.97);
    assertGreater(value(rows, task, "aucHardWeighted", "authors"), 0.75);
  }
  assertGreater(value(rows, "T", "accuracy"), 0.99);
  assertGreater(value(rows, "MV", "r2"), 0.99);
  assertGreater(value(rows, "MD", "r2"), 0.99);
  assertLess(value(rows, "MD", "rmseQuarters"), 0.1);
  for (const row of rows.filter((row) => row.split === "test" && row.low !== null)) {
    assert(row.low! <= row.value && row.value <= row.high!, `${row.task} ${row.metric}`);
    assertEquals(row.songs, 12);
  }
  assert(rows.every((row) => row.split === "test" || row.low === null));
});

Deno.test("features without the labels find nothing", async () => {
  const rows = await probeLayer(features(false), tables, study, meta);
  for (const task of ["C", "GP", "I"] as const) {
    assertAlmostEquals(value(rows, task, "aucWeighted"), 0.5, 0.06);
    assertAlmostEquals(value(rows, task, "aucHardWeighted", "authors"), 0.5, 0.06);
  }
  assertAlmostEquals(value(rows, "T", "accuracy"), 1 / 3, 0.12);
  assertAlmostEquals(value(rows, "MV", "r2"), 0, 0.06);
  const { songs } = tables.test, chance = 19 / (songs.length - 1); // companions among the other bars
  assertAlmostEquals(value(rows, "SC", "retrievalMap"), chance, 0.04);
});

Deno.test("a class that training never saw counts as not found", async () => {
  const labels = tables.test.labels.map((bar, r) => r % 2 ? bar : { ...bar, instruments: [77], tempoBin: 31 });
  const rows = await probeLayer(features(true), { ...tables, test: { ...tables.test, labels } }, study, meta);
  const plain = await probeLayer(features(true), tables, study, meta);
  assertLess(value(rows, "I", "aucWeighted"), 0.9);
  assertAlmostEquals(value(rows, "T", "accuracy"), value(plain, "T", "accuracy") / 2, 0.02);
  assertLess(value(rows, "T", "exactRow", "authors"), 0.51);
});

Deno.test("the sound penalty is chosen on validation songs, never on test songs", async () => {
  const spoiled = { ...features(true), test: features(false).test };
  const alphas = (rows: ProbeRow[]) =>
    rows.filter((row) => row.protocol === "sound" && row.split === "test").map((row) => row.alpha);
  assertEquals(
    alphas(await probeLayer(spoiled, tables, study, meta)),
    alphas(await probeLayer(features(true), tables, study, meta)),
  );
});

Deno.test("a feature that is not finite is refused by split, row and song, and nothing is probed", async () => {
  for (const [split, value] of [["train", NaN], ["validation", Infinity], ["test", -Infinity]] as const) {
    const x = features(true), bad = (x[split] as Float32Array).slice();
    bad[columns * 47 + 3] = value;
    await assertRejects(
      () => probeLayer({ ...x, [split]: bad }, tables, study, meta),
      UserError,
      `${split}: expected finite features, found ${value} in row 47, a bar of song 102`, // the third song of 20 bars
    );
  }
});

Deno.test("the penalty is the one that scores best on validation songs, the largest of equals", async () => {
  const alphas = [0.1, 10, 1000, 1e5], asked = { protocols: ["sound"], tasks: ["GP", "MV"] } as const;
  const noisy = (x: RowSource, seed: number) => {
    const random = stream(seed, "noise");
    return (x as Float32Array).map((value) => value + 2 * random.uniform());
  };
  const { train, validation, test } = features(true);
  const x = { columns, train: noisy(train, 1), validation: noisy(validation, 2), test: noisy(test, 3) };
  const probe = (alphas: number[]) =>
    probeLayer(x, tables, recipe("sound", "smoke", { probing: { ...quick, alphas } }), meta, asked);
  const alone = await Promise.all(alphas.map((alpha) => probe([alpha]))), chosen = await probe(alphas);
  for (const [metric, sign] of [["aucWeighted", 1], ["rmse", -1]] as const) {
    const scoreOf = (rows: ProbeRow[]) => rows.find((row) => row.metric === metric && row.split === "validation")!;
    const scores = alone.map((rows) => sign * scoreOf(rows).value), best = Math.max(...scores);
    assertEquals([scoreOf(chosen).alpha, sign * scoreOf(chosen).value], [alphas[scores.lastIndexOf(best)], best]);
    assert(scores.lastIndexOf(best) < 3, `${scores}`); // the largest would win if nothing chose
  }
  // Features that say nothing predict the same with any penalty.
  const flat = { columns, train: train as Float32Array, validation: new Float32Array(columns * 200), test };
  const rows = await probeLayer(flat, tables, recipe("sound", "smoke", { probing: { ...quick, alphas } }), meta, asked);
  assertEquals(rows.find(({ metric }) => metric === "aucWeighted")!.alpha, 1e5);
  assert(rows.every(({ replicates }) => replicates === undefined)); // unless they are asked for
});

Deno.test("scores of the golden features are the authors' to 1e-9", async () => {
  const [train, test] = [await goldenTable("train"), await goldenTable("test")];
  const [x, z] = [await goldenFeatures("train"), await goldenFeatures("test")];
  const rows = await probeLayer(
    { columns: 40, train: x, validation: z, test: z },
    { train, validation: test, test },
    recipe("authors", "smoke", { probing: { bootstraps: 20, clusters: 20 } }),
    meta,
    { protocols: ["authors"] },
  );
  // Instruments are not compared: the fixture leaves out bars whose instruments it removed.
  for (
    const [task, metric, of] of [
      ["C", "aucHardWeighted", "chord"],
      ["GP", "aucHardWeighted", "groove_pattern"],
      ["T", "exactRow", "tempo"],
      ["MV", "rmse", "mean_velocity"],
      ["MD", "rmse", "mean_duration"],
    ]
  ) {
    const row = planted.find(rows, task, metric);
    assertAlmostEquals(row.value, expected.authors_f64[of], 1e-9, task);
    assertEquals([row.protocol, row.alpha, row.rows], ["authors", 100, task === "C" ? 235 : 300]);
  }
  assertEquals(rows.some(({ metric }) => metric === "rmseQuarters"), false);
  assertEquals(planted.find(rows, "C", "aucHardWeighted").threshold, -0.8);
});

Deno.test("the authors' scores are the mean and population std of probes on each drawing alone", async () => {
  const draws = drawBars(planted.tables, planted.study), x = planted.features();
  const rows = await probeLayer(x, { ...planted.tables, draws }, planted.study, meta, { protocols: ["authors"] });
  const take = (data: Float32Array, at: Int32Array) =>
    Float32Array.from([...at].flatMap((row) => [...data.subarray(row * planted.columns, (row + 1) * planted.columns)]));
  const alone = await Promise.all(draws.map(({ train, test }) =>
    probeLayer(
      { columns: planted.columns, train: take(x.train, train), validation: x.validation, test: take(x.test, test) },
      {
        train: takeBars(planted.tables.train, train),
        validation: planted.tables.validation,
        test: takeBars(planted.tables.test, test),
      },
      planted.study,
      meta,
      { protocols: ["authors"] },
    )
  ));
  for (const [task, metric] of [["C", "aucHardWeighted"], ["T", "exactRow"], ["MV", "rmse"], ["SC", "entropy"]]) {
    const scores = alone.map((found) => planted.find(found, task, metric).value);
    const mean = (scores[0] + scores[1] + scores[2]) / 3;
    const row = planted.find(rows, task, metric);
    assertAlmostEquals(row.value, mean, 1e-12);
    assertAlmostEquals(row.std!, Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / 3), 1e-12);
    scores.forEach((score, draw) => assertEquals(planted.find(rows, task, metric, "true", draw).value, score));
    assert(row.low! <= row.value && row.value <= row.high!);
    assertEquals(planted.find(alone[0], task, metric).std, null);
  }
});

Deno.test("drawn rows of a file are read a piece at a time, and score as rows in memory do", () =>
  withFolder(async (dir) => {
    const draws = drawBars(planted.tables, planted.study), x = planted.features(), width = 4 * planted.columns;
    const stored = (split: "train" | "validation" | "test") => {
      const file = createNpy(`${dir}/${split}.npy`, x[split].length / planted.columns, planted.columns, {
        pieceBytes: 8 * width,
      });
      file.append(x[split]);
      return file.finish();
    };
    const inFiles = { ...x, train: stored("train"), validation: stored("validation"), test: stored("test") };
    const asked = { protocols: ["authors"], tasks: ["C", "I", "T", "MV"] } as const;
    const probe = (features: LayerFeatures) =>
      probeLayer(features, { ...planted.tables, draws }, planted.study, meta, asked);
    reading.most = 0;
    const [found, expected] = [await probe(inFiles), await probe(x)];
    assertEquals(found.length, expected.length);
    found.forEach(({ value }, i) => assertAlmostEquals(value, expected[i].value, 1e-9));
    assertEquals(reading.most <= 2 * 8 * width, true, `${reading.most} bytes of ${draws[0].train.length} drawn rows`);
  }));

Deno.test("permuted song clustering is the last drawing's bars dealt to its songs at random", async () => {
  const draws = drawBars(planted.tables, planted.study), control = { ...planted.tables, labels: "permuted" } as const;
  const asked = { protocols: ["authors"], tasks: ["SC"] } as const;
  const rows = await probeLayer(
    planted.features(),
    { ...planted.tables, draws, controls: [control] },
    planted.study,
    meta,
    asked,
  );
  const dealt = planted.find(rows, "SC", "entropy", "permuted");
  assertEquals([dealt.rows, dealt.songs, dealt.std], [30, 10, null]);
  const [last] = await Promise.all([probeLayer(
    planted.features(),
    { ...planted.tables, draws: draws.slice(-1), controls: [control] },
    planted.study,
    meta,
    asked,
  )]);
  assertEquals(planted.find(last, "SC", "entropy", "permuted").value, dealt.value);
});
