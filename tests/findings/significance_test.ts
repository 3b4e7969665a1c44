import { assertAlmostEquals, assertEquals } from "@std/assert";
import { holm, judge, pairedDifference, withInterval } from "@lib/findings/significance.ts";
import { plantedRows } from "../support/planted_rows.ts";

Deno.test("Holm's correction is that of R's p.adjust", () => {
  const adjusted = holm([0.01, 0.02, 0.03, 0.04, 0.05]);
  [0.05, 0.08, 0.09, 0.09, 0.09].forEach((p, i) => assertAlmostEquals(adjusted[i], p, 1e-12));
  assertEquals(holm([0.5, 0.001, 0.9]), [1, 0.003, 1]);
});

Deno.test("a difference without resamplings, or without a score, has no interval and no evidence", () => {
  const nothing = { low: null, high: null, p: 1 };
  assertEquals(withInterval(0.5, null), { difference: 0.5, ...nothing });
  assertEquals(withInterval(NaN, Float64Array.of(1, 2)), { difference: NaN, ...nothing });
  assertEquals(withInterval(2, Float64Array.of(1, 3)), { difference: 2, low: 1.05, high: 2.95, p: 2 / 3 });
});

const rows = plantedRows({ poolings: ["bar"] });
const row = (model: string, task: string) =>
  rows.find((row) =>
    row.model === model && row.task === task && row.layer === 3 && row.split === "test" && row.protocol === "sound" &&
    row.labels === "true" && row.metric !== "f1Macro"
  )!;

Deno.test("pairs of rows are compared on the same resampled songs, above 0 where the first is better", () => {
  for (const [task, unit] of [["C", 1000], ["MV", 100], ["SC", 1000]] as const) {
    const { difference, low, high, p } = pairedDifference(row("BERT-aug", task), row("BERT", task)); // 230 and 130 points
    assertAlmostEquals(difference, 100 / unit, 1e-9, task);
    assertAlmostEquals(low!, (100 - 19) / unit, 1e-5, task);
    assertAlmostEquals(high!, (100 + 19) / unit, 1e-5, task);
    assertAlmostEquals(p, 2 / 2002, 1e-12);
    assertAlmostEquals(pairedDifference(row("BERT", task), row("BERT-aug", task)).difference, -100 / unit, 1e-9);
  }
});

Deno.test("rows of other songs or of other resamplings are not paired", () => {
  const [a, b] = [row("BERT-aug", "C"), row("BERT", "C")];
  const others = [{ ...b, songs: 8 }, { ...b, replicates: b.replicates!.slice(1) }, { ...b, replicates: undefined }];
  for (const other of others) assertEquals([pairedDifference(a, other).low, pairedDifference(a, other).p], [null, 1]);
  assertEquals(pairedDifference(a, undefined).difference, NaN);
});

Deno.test("comparisons are judged together: by their sign, if the corrected p is below the level", () => {
  const verdicts = (...comparisons: [difference: number, p: number][]) =>
    judge(comparisons.map(([difference, p]) => ({ difference, p, low: null, high: null })), 0.05).map((one) =>
      `${one.verdict} ${one.adjusted}`
    );
  assertEquals(verdicts([1, 0.02], [-1, 0.03]), ["held 0.04", "not 0.04"]);
  assertEquals(verdicts([1, 0.03], [-1, 0.03]), ["undecided 0.06", "undecided 0.06"]);
  assertEquals(verdicts([1, 0.05]), ["undecided 0.05"]);
});
