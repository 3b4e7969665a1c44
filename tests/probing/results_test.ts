import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { parquetReadObjects } from "hyparquet";
import { UserError } from "@lib/base/user_error.ts";
import { drawBars } from "@lib/probing/controls.ts";
import { probeLayer } from "@lib/probing/probe.ts";
import {
  fromSteps,
  loadReplicates,
  parseResults,
  storeReplicates,
  toCsv,
  toResults,
  toSteps,
  writeResults,
} from "@lib/probing/results.ts";
import type { ProbeRow } from "@lib/probing/rows.ts";
import { stream } from "@lib/base/random.ts";
import { features, meta, study, tables } from "../support/planted_tables.ts";

/** A line of results.jsonl as commit f137c84 wrote it: without the column `input`. */
const older = (model: string, changes: Record<string, unknown> = {}) => ({
  ...{ model, seed: 0, layers: "one", layer: 2, pooling: "bar", labels: "true", task: "MV", metric: "r2" },
  ...{ protocol: "sound", split: "test", draw: null, value: 0.25, low: 0.125, high: 0.5, std: null, n: 40, songs: 8 },
  ...{ alpha: 10, threshold: null, skippedClasses: null, k: null, ...changes },
});

Deno.test("older results tell what a model's probes read by its name alone", () => {
  const names = ["BERT", "untrained", "bag of tokens", "majority"];
  const lines = names.map((model) => older(model, model === "majority" ? { value: null } : {}));
  const rows = parseResults(lines.map((line) => JSON.stringify(line) + "\n").join(""));
  assertEquals(rows.map(({ input }) => input), ["trained", "untrained", "token counts", "none"]);
  assertEquals(rows.map(({ value, rows }) => [value, rows]), [[0.25, 40], [0.25, 40], [0.25, 40], [NaN, 40]]);
  assertEquals(toResults(rows).map(({ input: _, ...line }) => line), lines);
  // What a newer table says holds, whatever the name.
  const [own] = parseResults(JSON.stringify({ ...older("untrained"), input: "trained" }));
  assertEquals(own.input, "trained");
});

Deno.test("resamplings come back to older rows, whose input is filled in", async () => {
  const path = await Deno.makeTempFile();
  // Of a score of 0.25, in steps of 1/256: the farthest of them lies 64 of these away.
  const [row] = parseResults(JSON.stringify(older("untrained"))), replicates = Float64Array.of(0.125, 0.5, NaN);
  await storeReplicates(path, [{ ...row, replicates }, { ...row, metric: "mae" }]);
  const { input: _, ...bare } = row;
  const [back, other] = await loadReplicates(path, [bare as ProbeRow, { ...bare, metric: "mae" } as ProbeRow]);
  assertEquals(back, { ...row, replicates });
  assertEquals([other.input, other.replicates], ["untrained", undefined]);
  await Deno.remove(path);
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
    const read = (await parquetReadObjects({ file })).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? null]))
    );
    assertEquals(read, expected);
    const [head, , quoted] = (await Deno.readTextFile(`${dir}/results.csv`)).split("\r\n");
    assertEquals(head.split(",").length, Object.keys(expected[0]).length);
    assert(quoted.startsWith('"a ""model"", quoted",trained,0,one,1,bar,true,'));
    await storeReplicates(`${dir}/r.safetensors`, rows);
    const bare = rows.map(({ replicates: _, ...row }) => ({ ...row, value: JSON.parse(JSON.stringify(row.value)) }));
    const back = await loadReplicates(`${dir}/r.safetensors`, bare);
    assertEquals(back.map(({ replicates: _, ...row }) => row), rows.map(({ replicates: _, ...row }) => row));
    assert(rows.filter(({ replicates }) => replicates?.length === 200).length > 10);
    for (const [i, { value, replicates: before }] of rows.entries()) {
      const after = back[i].replicates, whole = before && Number.isFinite(value) ? [...before] : [];
      const far = Math.max(...whole.filter(Number.isFinite).map((score) => Math.abs(score - value)), 0);
      assertEquals(after?.length ?? 0, whole.length);
      // A step is at most far/63.75, as 127.5 of half of it do not reach; rounding is off by half a step.
      whole.forEach((score, b) => assertAlmostEquals(after![b], score, far / 127 + 1e-12));
    }
    await assertRejects(() => loadReplicates(`${dir}/none`, bare), UserError, "found no such file");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("fields with commas, quotes and line breaks are quoted, null is empty, lines end in CRLF", () => {
  const rows = [{ a: 'x,"y"', b: null, c: 1.5, d: 0 }, { a: "two\nlines", c: false }];
  assertEquals(toCsv(rows, ["a", "b", "c"]), 'a,b,c\r\n"x,""y""",,1.5\r\n"two\nlines",,false\r\n');
});

Deno.test("resamplings in steps are off by at most half a step, keep their spread, and are the same when rounded again", () => {
  const random = stream(4, "steps"), value = 0.73;
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const all = Float32Array.from({ length: 4000 }, (_, b) => b === 7 ? NaN : value + 0.01 * normal());
  const steps = toSteps(value, all)!, back = fromSteps(value, steps);
  assertEquals(steps.step, 2 ** Math.round(Math.log2(steps.step)));
  all.forEach((score, b) =>
    b === 7 ? assert(Number.isNaN(back[b])) : assertAlmostEquals(back[b], score, steps.step / 2)
  );
  const deviation = (scores: ArrayLike<number>) => {
    const known = Array.from(scores).filter(Number.isFinite);
    const centre = known.reduce((sum, score) => sum + score / known.length, 0);
    return Math.sqrt(known.reduce((sum, score) => sum + (score - centre) ** 2 / known.length, 0));
  };
  assertAlmostEquals(deviation(back) / deviation(all), 1, 1e-3);
  assertEquals(toSteps(value, back), steps);
  // Scores that do not differ, and one that is not defined.
  assertEquals([...fromSteps(2, toSteps(2, [2, 2])!)], [2, 2]);
  assertEquals(toSteps(NaN, [1, 2]), undefined);
});
