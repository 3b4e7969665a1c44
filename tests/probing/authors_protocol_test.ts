import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { drawBars } from "@lib/probing/controls.ts";
import { probeLayer } from "@lib/probing/probe.ts";
import { takeBars } from "@lib/probing/rows.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { columns, features, find, meta, study, tables } from "../support/planted_tables.ts";
import { expected, goldenFeatures, goldenTable } from "../support/probe_fixtures.ts";

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
    const row = find(rows, task, metric);
    assertAlmostEquals(row.value, expected.authors_f64[of], 1e-9, task);
    assertEquals([row.protocol, row.alpha, row.rows], ["authors", 100, task === "C" ? 235 : 300]);
  }
  assertEquals(rows.some(({ metric }) => metric === "rmseQuarters"), false);
  assertEquals(find(rows, "C", "aucHardWeighted").threshold, -0.8);
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

Deno.test("permuted song clustering is the last drawing's bars dealt to its songs at random", async () => {
  const draws = drawBars(tables, study), control = { ...tables, labels: "permuted" } as const;
  const asked = { protocols: ["authors"], tasks: ["SC"] } as const;
  const rows = await probeLayer(features(), { ...tables, draws, controls: [control] }, study, meta, asked);
  const dealt = find(rows, "SC", "entropy", "permuted");
  assertEquals([dealt.rows, dealt.songs, dealt.std], [30, 10, null]);
  const [last] = await Promise.all([probeLayer(
    features(),
    { ...tables, draws: draws.slice(-1), controls: [control] },
    study,
    meta,
    asked,
  )]);
  assertEquals(find(last, "SC", "entropy", "permuted").value, dealt.value);
});
