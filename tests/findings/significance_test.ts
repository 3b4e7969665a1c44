import { assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { holm, judge, noDifference, pairedDifference } from "@lib/findings/significance.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { plantedRows } from "../support/planted_rows.ts";

Deno.test("Holm's correction is that of R's p.adjust", () => {
  const adjusted = holm([0.01, 0.02, 0.03, 0.04, 0.05]);
  [0.05, 0.08, 0.09, 0.09, 0.09].forEach((p, i) => assertAlmostEquals(adjusted[i], p, 1e-12));
  assertEquals([holm([0.5, 0.001, 0.9]), holm([0.6, 0.9])], [[1, 0.003, 1], [1, 1]]);
});

const tableOf = (seeds: number) => {
  const rows = tableRows(plantedRows({ seeds, poolings: ["bar"] }), "bar");
  return (model: string, task: string) =>
    rows.find((row) =>
      row.model === model && row.task === task && row.layer === 3 && row.split === "test" && row.protocol === "sound" &&
      row.labels === "true" && row.metric !== "f1Macro"
    )!;
};

Deno.test("rows of one seed are compared on the same resampled songs, above 0 where the first is better", () => {
  const row = tableOf(1);
  for (const [task, unit] of [["C", 1000], ["MV", 100], ["SC", 1000]] as const) {
    const { difference, low, high, p, training } = pairedDifference(row("BERT-aug", task), row("BERT", task));
    assertAlmostEquals(difference, 100 / unit, 1e-9, task); // 230 and 130 points, spreads 40 and 20
    assertAlmostEquals(low!, (100 - 19) / unit, 1e-5, task);
    assertAlmostEquals(high!, (100 + 19) / unit, 1e-5, task);
    assertAlmostEquals(p, 2 / 2002, 1e-12);
    assertEquals(training, false);
    assertAlmostEquals(pairedDifference(row("BERT", task), row("BERT-aug", task)).difference, -100 / unit, 1e-9);
  }
});

Deno.test("rows of three seeds are compared over songs and seeds", () => {
  const row = tableOf(3), [aug, bert] = [row("BERT-aug", "C"), row("BERT", "C")];
  const { difference, low, high, training } = pairedDifference(aug, bert);
  // Each seed adds the same to both, so only songs vary: a spread of 20 has variance 400/3, of means of 9 songs; t 2.306.
  const half = 2.306 * Math.sqrt(400 / 3 * 9 / 8) / 1000;
  assertAlmostEquals(difference, 0.1, 1e-9);
  assertAlmostEquals(low!, 0.1 - half, 1e-4);
  assertAlmostEquals(high!, 0.1 + half, 1e-4);
  assertEquals(training, true);
  const lucky = new Map([...aug.bySeed].map(([seed, { value, replicates }]) => {
    const more = seed === 2 ? 0.3 : 0;
    return [seed, { value: value + more, replicates: Array.from(replicates, (score) => score + more) }];
  }));
  const { low: least, p } = pairedDifference({ ...aug, bySeed: lucky }, bert);
  // Differences of 0.1, 0.1 and 0.4: 0.2 less 4.303 · 0.1, and more for the songs.
  assertLess(least!, 0.2 - 0.43);
  assertGreater(p, 0.1);
});

Deno.test("rows of other songs or of other resamplings are not paired", () => {
  const row = tableOf(1), [a, b] = [row("BERT-aug", "C"), row("BERT", "C")];
  const cut = (to: number) =>
    new Map(
      [...b.bySeed].map((
        [seed, { value, replicates }],
      ) => [seed, { value, replicates: Array.from(replicates).slice(0, to) }]),
    );
  for (const other of [{ ...b, songs: 8 }, { ...b, bySeed: cut(2000) }, { ...b, bySeed: cut(0) }]) {
    const { difference, low, p } = pairedDifference(a, other);
    assertEquals([difference.toFixed(3), low, p], ["0.100", null, 1]);
  }
  for (const [one, other] of [[a, undefined], [undefined, b]]) assertEquals(pairedDifference(one, other), noDifference);
  assertEquals(noDifference, { difference: NaN, low: null, high: null, p: 1, training: false });
});

Deno.test("comparisons are judged together: by their sign, if the corrected p is below the level", () => {
  const verdicts = (...comparisons: [difference: number, p: number][]) =>
    judge(comparisons.map(([difference, p]) => ({ ...noDifference, difference, p })), 0.05).map((one) =>
      `${one.verdict} ${one.adjusted}`
    );
  assertEquals(verdicts([1, 0.02], [-1, 0.03]), ["held 0.04", "not 0.04"]);
  assertEquals(verdicts([1, 0.03], [-1, 0.03]), ["undecided 0.06", "undecided 0.06"]);
  assertEquals(verdicts([1, 0.05]), ["undecided 0.05"]);
});
