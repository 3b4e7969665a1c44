import { assertEquals } from "@std/assert";
import { claims, type Comparison, layersOf, paperAgrees } from "@lib/findings/claims.ts";
import { recipe } from "@lib/recipe/recipe.ts";

const { probing } = recipe("sound", "demo");
const words = (comparison: Comparison) =>
  comparison.kind === "probe"
    ? [comparison.better, comparison.worse].map(({ models, layers }) => `${models.join("|")} ${layers}`).join(" > ")
    : comparison.kind;

Deno.test("each claim is the comparisons that its words say", () => {
  const of = (start: string) => claims.find(({ text }) => text.startsWith(start))!.comparisons;
  assertEquals(of("BERT is best at chords").map(words), [
    ...["BERT last > BERT-aug last", "BERT last > BERT-neighbor last", "BERT last > BERT-dropout last"],
  ]);
  assertEquals(of("BERT-aug is worst at mean velocity").map(words), [
    ...["BERT best > BERT-aug best", "BERT-neighbor best > BERT-aug best", "BERT-dropout best > BERT-aug best"],
  ]);
  assertEquals(
    of("BERT-dropout is below").map(words),
    Array(7).fill("BERT|BERT-aug|BERT-neighbor best > BERT-dropout best"),
  );
  assertEquals(of("tempo peaks").map(words), [
    ...["BERT 1–2 > BERT after 2", "BERT-aug 1–2 > BERT-aug after 2", "BERT-dropout 1–2 > BERT-dropout after 2"],
    "BERT-neighbor after 2 > BERT-neighbor 1–2",
  ]);
  assertEquals(of("mean velocity peaks").map(words)[0], "BERT early > BERT not early");
  assertEquals(of("groove and").map(words).slice(3, 5), [
    ...["BERT-dropout middle > BERT-dropout not middle", "BERT middle > BERT not middle"],
  ]);
  assertEquals(claims.map(({ comparisons }) => comparisons.length), [3, 3, 3, 3, 3, 3, 3, 3, 7, 8, 4, 4, 6, 1]);
});

Deno.test("ranges of layers count from 1 and divide the depth between them", () => {
  const of = (depth: number) =>
    Object.fromEntries((["last", "best", "middle", "not middle", "early", "not early", "1–2", "after 2"] as const).map(
      (range) => [range, layersOf(range, depth, { middle: [0.3, 0.7], early: 0.2 })],
    ));
  assertEquals(of(10), {
    ...{ last: [10], best: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], middle: [3, 4, 5, 6, 7], "not middle": [1, 2, 8, 9, 10] },
    ...{ early: [1, 2], "not early": [3, 4, 5, 6, 7, 8, 9, 10], "1–2": [1, 2], "after 2": [3, 4, 5, 6, 7, 8, 9, 10] },
  });
  assertEquals(of(4).early, [1]); // at least layer 1
});

Deno.test("the paper's own tables agree with what it says of models", () => {
  for (const { text, comparisons } of claims) {
    const agreed = comparisons.filter((comparison) => paperAgrees(comparison, probing)).length;
    // Its layers peak where it says but for BERT-aug's instruments (12), BERT-neighbor's groove (2), BERT-dropout's
    // velocity (5).
    const but = text.startsWith("groove") ? 2 : text.startsWith("mean velocity") ? 1 : 0;
    assertEquals(agreed, comparisons.length - but, text);
  }
});

Deno.test("the paper disagrees with turned claims and with narrower margins", () => {
  for (const comparison of claims.flatMap(({ comparisons }) => comparisons)) {
    if (comparison.kind !== "probe") continue;
    const { better, worse } = comparison;
    assertEquals(
      paperAgrees({ ...comparison, better: worse, worse: better }, probing),
      !paperAgrees(comparison, probing),
    );
  }
  const [mlm, nt] = claims.slice(-2).map(({ comparisons }) => comparisons);
  const agreed = (comparisons: Comparison[], changes: Partial<typeof probing>) =>
    comparisons.filter((comparison) => paperAgrees(comparison, { ...probing, ...changes })).length;
  assertEquals(agreed(mlm, { equalMlm: 0.0005 }), 2); // .869 twice, .868 twice
  assertEquals([agreed(nt, { nearChance: 0.037 }), agreed(nt, { nearChance: 0.038 })], [0, 1]); // .059 − 1/47
});
