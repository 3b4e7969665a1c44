import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { headlines } from "@lib/metrics/task_scores.ts";
import { type BarTable, tasks } from "@lib/metrics/tasks.ts";
import { baselineRows } from "@lib/probing/baselines.ts";
import { isOf, majorityLine } from "@lib/probing/rows.ts";
import { recipe } from "@lib/recipe/recipe.ts";

/** Bars of songs of two bars: instrument 0 in all, 1 in some; tempo 3 in some, else 4. */
const bars = (second: boolean[], fast: boolean[], velocity: number[]): BarTable => ({
  labels: velocity.map((meanVelocity, r) => ({
    ...{ chords: [r % 2], groove: [0], instruments: second[r] ? [0, 1] : [0], tempoBin: fast[r] ? 3 : 4 },
    ...{ meanVelocity, meanDuration: 2, meanDurationQuarters: 0.5 },
  })),
  songs: Int32Array.from(velocity, (_, r) => 7 + (r >> 1)),
});
const [o, x] = [false, true];
const tables = {
  train: bars([x, x, x, o], [x, x, o, x], [50, 60, 70, 80]), // mean 65; instrument 1 in 3 of 4
  validation: bars([x, o], [x, x], [65, 65]),
  test: bars([x, o, o, o], [o, o, x, o], [65, 65, 75, 55]),
};
const study = recipe("sound", "smoke", { probing: { bootstraps: 50, clusters: 2, clusterShare: 0.5 } });
const rows = await baselineRows(tables, study);
const value = (task: string, metric: string, split = "test", protocol = "sound") => {
  const own = rows.filter((row) =>
    row.task === task && row.metric === metric && row.split === split && row.protocol === protocol && row.draw === null
  );
  assertEquals(own.length, 1, `${task} ${metric}: ${own.length} rows`);
  return own[0].value;
};

Deno.test("the most common class and the training mean are said of every bar", () => {
  assertEquals([value("T", "accuracy"), value("T", "accuracy", "validation")], [1 / 4, 1]); // always bin 3
  assertEquals(value("T", "accuracyMacro"), 1 / 2); // of bins 3 and 4
  assertAlmostEquals(value("MV", "rmse"), Math.sqrt((0 + 0 + 100 + 100) / 4), 1e-12);
  assertAlmostEquals(value("MV", "mae"), 5, 1e-12);
  assertEquals(value("MD", "rmseQuarters"), 0);
  // Above 0 are the instruments of more than half of the training bars, both: of eight decisions five are right.
  assertAlmostEquals(value("I", "f1Micro"), 2 * 5 / (2 * 5 + 3), 1e-12);
  assertEquals([value("I", "aucWeighted"), value("C", "aucMacro")], [0.5, 0.5]);
});

Deno.test("the authors' scores of the same guesses are of the drawn bars, and durations in quarters have none", async () => {
  assertEquals(value("T", "exactRow", "test", "authors"), 1 / 4);
  assertEquals(value("I", "aucHardWeighted", "test", "authors"), 0.5);
  assertAlmostEquals(value("MV", "rmse", "test", "authors"), Math.sqrt(50), 1e-12);
  assertEquals(rows.some(({ metric, protocol }) => metric === "rmseQuarters" && protocol === "authors"), false);
  const first = { train: Int32Array.of(0), test: Int32Array.of(0, 2) }; // velocity 50 for 65 and 75
  const drawn = (await baselineRows({ ...tables, draws: [first, first] }, study)).find((
    { task, metric, protocol, draw },
  ) => task === "MV" && metric === "rmse" && protocol === "authors" && draw === null)!;
  assertAlmostEquals(drawn.value, Math.sqrt((15 ** 2 + 25 ** 2) / 2), 1e-12);
  assertEquals([drawn.std, drawn.rows, drawn.songs], [0, 2, 2]);
});

Deno.test("clusters at random tell no songs, and every headline has a row of the majority line", async () => {
  const many = bars(Array(400).fill(x), Array(400).fill(x), Array(400).fill(60));
  const large = await baselineRows({ train: many, validation: many, test: many }, study);
  const sc = (metric: string) =>
    large.find((row) => row.task === "SC" && row.metric === metric && row.split === "test")!;
  // Two bars of a song are in one of two clusters half of the time: entropy 0, else 1.
  assertAlmostEquals(sc("entropy").value, 0.5, 0.1);
  assertAlmostEquals(sc("retrievalR1").value, 1 / 399, 0.02);
  assertEquals(sc("entropy").k, 2);
  const kept = rows.filter(({ replicates }) => replicates).map(({ task, metric, protocol }) =>
    `${protocol} ${task} ${metric}`
  );
  assert(kept.includes("sound T accuracy") && kept.includes("authors MV rmse"), kept.join());
  assert(rows.every((row) => isOf(row, majorityLine) && row.layer === null && row.alpha === null));
  for (const protocol of ["authors", "sound"] as const) {
    for (const task of tasks) value(task, headlines[protocol][task], "test", protocol);
  }
});
