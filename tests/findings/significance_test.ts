import { assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { holm, judge, judgeSets, noDifference, pairedDifference } from "@lib/findings/significance.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { stream } from "@lib/base/random.ts";
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

/** Each set's outcome with its comparisons' corrected p. */
const outcomes = (...sets: [difference: number, p: number][][]) =>
  judgeSets(sets.map((set) => set.map(([difference, p]) => ({ ...noDifference, difference, p }))), 0.05).map((set) =>
    set.map(({ verdict, adjusted }) => `${verdict} ${Number(adjusted.toFixed(6))}`).join(", ")
  );

Deno.test("a set holds by its largest p, and does not by its smallest times their number, after Holm over the sets", () => {
  assertEquals(outcomes([[1, 0.01], [2, 0.04]]), ["held 0.01, held 0.04"]);
  assertEquals(outcomes([[1, 0.01], [2, 0.06]]), ["held 0.01, undecided 0.06"]);
  assertEquals(outcomes([[1, 0.001], [-1, 0.02], [1, 0.9]]), ["held 0.001, undecided 0.06, undecided 0.9"]);
  assertEquals(outcomes([[1, 0.001], [-1, 0.016], [1, 0.9]]), ["held 0.001, not 0.048, undecided 0.9"]);
  // Three sets: the first counts three times, the second twice, the third once; an undecided one stops this.
  assertEquals(outcomes([[1, 0.04]], [[1, 0.01]], [[-1, 0.02]]), ["held 0.04", "held 0.03", "not 0.04"]);
  assertEquals(outcomes([[1, 0.04]], [[1, 0.02]], [[-1, 0.03]]), [
    "undecided 0.12",
    "undecided 0.06",
    "undecided 0.09",
  ]);
  assertEquals(outcomes([[1, 0.04]], [[1, 0.01]], [[NaN, 1]]), ["undecided 0.08", "held 0.03", "undecided 1"]);
});

Deno.test("the verdicts of a set's comparisons agree with the set's own, as Holm gives it", () => {
  const random = stream(2, "sets");
  for (let t = 0; t < 300; t++) {
    const sets = Array.from({ length: 6 }, () =>
      Array.from({ length: 1 + random.integer(4) }, () => ({
        ...noDifference,
        difference: random.uniform() < 0.8 ? 1 : -1,
        p: random.uniform() ** 6,
      })));
    const p = sets.map((set) => {
      const against = set.filter(({ difference }) => difference < 0).map((one) => Math.min(1, one.p * set.length));
      return against.length > 0 ? Math.min(...against) : Math.max(...set.map((one) => one.p));
    });
    const adjusted = holm(p);
    judgeSets(sets, 0.05).forEach((set, i) => {
      const verdicts = set.map(({ verdict }) => verdict);
      const found = verdicts.includes("not") ? "not" : verdicts.every((one) => one === "held") ? "held" : "undecided";
      const against = sets[i].some(({ difference }) => difference < 0);
      assertEquals(found, adjusted[i] < 0.05 ? against ? "not" : "held" : "undecided");
    });
  }
});
