import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { gainsAgainst, knownSpread } from "@lib/findings/gains.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { lineOf, tokenCountLine, untrainedLine } from "@lib/probing/rows.ts";
import { plantedRows } from "../support/planted_rows.ts";

const models = [lineOf("BERT"), lineOf("BERT-aug")];
const table = (seeds: number) => tableRows(plantedRows({ seeds, poolings: ["bar"] }), "bar");
const choices = { level: 0.05, seedSpread: "pooled" } as const;

Deno.test("gains are judged over all models and tasks, by the sign that is better for each", () => {
  const gains = gainsAgainst(table(1), models, untrainedLine, choices);
  assertEquals(gains.length, 14);
  const of = (model: string, task: string) => gains.find((one) => one.model === model && one.task === task)!;
  // Best layers have 120 and 210 points, the untrained encoder's 30, but 130 at T and 330 at SC (planted_rows.ts).
  assertAlmostEquals(of("BERT", "C").difference, 0.09, 1e-9);
  assertAlmostEquals(of("BERT-aug", "MV").difference, 1.8, 1e-9);
  assertEquals([of("BERT", "MV").verdict, of("BERT", "T").verdict, of("BERT-aug", "SC").verdict], [
    ...["held", "undecided", "not"],
  ]);
  assertEquals(of("BERT", "C").adjusted, 14 * 2 / 2002);
});

Deno.test("the luck of training is that of all models' seeds, of a baseline that is no training none", () => {
  const rows = table(3), known = knownSpread(rows, models, untrainedLine, "C", "pooled");
  // Seeds lie 6 points apart in both models: a variance of 36, in scores a thousandth, with 1 · 2 degrees of freedom.
  assertAlmostEquals(known.first!.variance, 36e-6, 1e-12);
  assertEquals(known.first!.freedom, 2);
  for (
    const none of [
      knownSpread(rows, models, untrainedLine, "C", "own"),
      knownSpread(rows, models, models[1], "C", "pooled"),
      knownSpread(table(1), models, untrainedLine, "C", "pooled"),
      knownSpread(rows, models.slice(0, 1), untrainedLine, "C", "pooled"),
    ]
  ) assertEquals(none, {});
});

Deno.test("with several seeds an interval counts the models' luck, and that of fresh weights apart", () => {
  const [one] = gainsAgainst(table(3), models, tokenCountLine, choices);
  assertEquals([one.model, one.task, one.training], ["BERT", "C", true]);
  const [own] = gainsAgainst(table(3), models, tokenCountLine, { ...choices, seedSpread: "own" });
  assertAlmostEquals(one.difference, own.difference, 1e-12);
  assert(one.low! < one.difference && one.difference < one.high!);
  // Against the untrained encoder seeds are no longer paired, so its luck, as large as the models', is counted too.
  const [pooled, paired] = (["pooled", "own"] as const).map((seedSpread) =>
    gainsAgainst(table(3), models, untrainedLine, { ...choices, seedSpread })[0]
  );
  assertLess(paired.high! - paired.low!, pooled.high! - pooled.low!);
});
