import { assert, assertEquals } from "@std/assert";
import { claimForest, claimTable, familyText, resolutionNote } from "@lib/findings/claim_table.ts";
import type { ClaimResult, Evidence } from "@lib/findings/verdicts.ts";
import { recipe } from "@lib/recipe/recipe.ts";

const evidence = (verdict: Evidence["verdict"], paper: boolean, difference = 0.0123): Evidence => ({
  ...{
    what: "C: BERT (4) − BERT-aug (2)",
    difference,
    low: -0.5,
    high: 0.25,
    p: 0.001,
    adjusted: 0.0312,
    verdict,
    paper,
    training: true,
  },
});
const result = (verdict: ClaimResult["verdict"], all: Evidence[], weakest: Evidence): ClaimResult => ({
  ...{ claim: "BERT is best at chords", verdict, evidence: all, weakest },
});

Deno.test("a claim's row has both verdicts with their counts, both weakest comparisons and the paper's agreement", () => {
  const sound = [evidence("held", true), evidence("held", false), evidence("not", true), evidence("undecided", false)];
  const authors = [evidence("held", true, -12), evidence("undecided", true)];
  const none = { ...evidence("undecided", true), low: null };
  assertEquals(claimTable([result("not", sound, sound[2])], [result("undecided", authors, authors[0])]), [{
    claim: "BERT is best at chords",
    sound: "not, 2 of 4 held, 1 of 4 not",
    weakest: "C: BERT (4) − BERT-aug (2): +0.012 [−0.50,\u00a0+0.25], p 0.031",
    authors: "undecided, 1 of 2 held",
    weakestAuthors: "C: BERT (4) − BERT-aug (2): −12 [−0.50,\u00a0+0.25], p 0.031",
    training: "counted",
    paper: "2 of 4",
  }]);
  const [row] = claimTable([result("undecided", [none], none)], [result("undecided", [none], none)]);
  assertEquals(row.weakest, "C: BERT (4) − BERT-aug (2): no interval");
  const once = { ...evidence("held", true), training: false };
  for (const [a, b] of [[[once, sound[0]], authors], [sound, [once]]]) {
    assertEquals(claimTable([result("held", a, a[0])], [result("held", b, b[0])])[0].training, "left out");
  }
});

Deno.test("the reader is warned if the resamplings are too few for any verdict", () => {
  const changes = { bootstraps: 1000, level: 0.05, holmOver: "comparisons" } as const;
  const { probing } = recipe("sound", "demo", { probing: changes });
  // The least p of 1000 is 2/1001: times 25 it is below 0.05, times 26 it is not.
  const once = { ...evidence("held", true), training: false };
  const some = (
    count: number,
    one = once,
  ) => [result("held", [one], one), result("held", Array(count - 1).fill(one), one)];
  assertEquals([resolutionNote(some(25), probing), resolutionNote(some(26, evidence("held", true)), probing)], [
    "",
    "",
  ]);
  const note = resolutionNote(some(26), probing);
  assert(note.includes("With 1000 resamplings the least p is 0.0020, and 26 comparisons at 0.05 need 1040"), note);
  // Over claims, which may hold by their largest p, the number of claims counts.
  const claims = { ...probing, holmOver: "claims", bootstraps: 79 } as const;
  assertEquals(resolutionNote(some(26), { ...claims, bootstraps: 80 }), "");
  assert(resolutionNote(some(26), claims).includes("2 claims at 0.05 need 80"));
  assertEquals(familyText(some(26), claims), "the 2 claims");
  assertEquals(familyText(some(26), probing), "the 26 comparisons of a protocol");
});

Deno.test("a forest has each comparison in half-widths of its interval, the weakest with its ends, and the verdicts", () => {
  const strong = { ...evidence("held", true, 0.75), low: 0.5, high: 1 }, weak = evidence("undecided", false, -0.125);
  const none = { ...evidence("undecided", true), low: null, high: null };
  const [row] = claimForest([result("not", [strong, weak], weak)], [result("held", [none], none)]);
  assertEquals(row.columns, { sound: "✗", authors: "✓", paper: "1/2" });
  const brief = row.marks.map(({ series, value, low, high, main }) => [series, value, low, high, main]);
  assertEquals(brief, [
    ["sound", 3, 2, 4, false], // 0.75 over half of 0.5
    ["sound", -1 / 3, -4 / 3, 2 / 3, true],
    ["authors", NaN, null, null, true],
  ]);
  assertEquals(row.marks[0].says, "sound, C: BERT (4) − BERT-aug (2): +0.75 [+0.50,\u00a0+1.0], p 0.031");
  const [whole] = claimForest([result("held", [strong], strong)], [result("undecided", [none], none)]);
  assertEquals(whole.columns, { sound: "✓", authors: "?", paper: "✓" });
});
