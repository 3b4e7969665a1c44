import { assertEquals } from "@std/assert";
import { loadReplicates, parseResults, storeReplicates, toResults } from "@lib/probing/results.ts";
import {
  isBaseline,
  isOf,
  lineOf,
  majorityLine,
  type ProbeRow,
  tokenCountLine,
  untrainedLine,
} from "@lib/probing/rows.ts";

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

Deno.test("a row belongs to the line that it agrees with in model, input, layers and labels", () => {
  const [row] = parseResults(JSON.stringify(older("BERT", { labels: "permuted" })));
  const lines = [
    lineOf("BERT", { labels: "permuted" }),
    lineOf("BERT"),
    lineOf("BERT-aug", { labels: "permuted" }),
    lineOf("BERT", { labels: "permuted", layers: "weighted" }),
    lineOf("BERT", { labels: "permuted", input: "untrained" }),
  ];
  assertEquals(lines.map((line) => isOf(row, line)), [true, false, false, false, false]);
  const all = [lineOf("BERT"), lineOf("BERT", { layers: "weighted" }), lines[0], lineOf("BERT", { labels: "control" })];
  assertEquals(all.map(isBaseline), [false, false, true, true]);
  assertEquals([untrainedLine, tokenCountLine, majorityLine].map(isBaseline), [true, true, true]);
});
