import { assert, assertEquals, assertRejects } from "@std/assert";
import { parquetReadObjects } from "hyparquet";
import { UserError } from "@lib/base/user_error.ts";
import { drawBars } from "@lib/probing/controls.ts";
import { probeLayer } from "@lib/probing/probe.ts";
import { loadReplicates, parseResults, storeReplicates, toCsv, toResults, writeResults } from "@lib/probing/results.ts";
import type { ProbeRow } from "@lib/probing/rows.ts";
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
  const [row] = parseResults(JSON.stringify(older("untrained"))), replicates = Float32Array.of(0.125, 0.5, NaN);
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
    await assertRejects(() => loadReplicates(`${dir}/none`, bare), UserError, "found no such file");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("fields with commas, quotes and line breaks are quoted, null is empty, lines end in CRLF", () => {
  const rows = [{ a: 'x,"y"', b: null, c: 1.5, d: 0 }, { a: "two\nlines", c: false }];
  assertEquals(toCsv(rows, ["a", "b", "c"]), 'a,b,c\r\n"x,""y""",,1.5\r\n"two\nlines",,false\r\n');
});
