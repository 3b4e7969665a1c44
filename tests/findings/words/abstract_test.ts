import { assert, assertEquals } from "@std/assert";
import { claims } from "@lib/findings/claims.ts";
import { type AbstractFacts, abstractOf } from "@lib/findings/words/abstract.ts";
import type { ClaimResult } from "@lib/findings/verdicts.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { evaluationOf } from "../../support/planted_results.ts";
import { plantedRows } from "../../support/planted_rows.ts";

const results = (...verdicts: ClaimResult["verdict"][]): ClaimResult[] =>
  claims.map(({ text }, i) => ({
    claim: text,
    verdict: verdicts[i] ?? "undecided",
    evidence: [],
    weakest: undefined!,
  }));

/** Facts of a study of two models with planted rows. */
const facts = (changes: Partial<AbstractFacts> = {}): AbstractFacts => ({
  recipe: recipe("sound", "demo", { probing: { level: 0.05 } }),
  rows: plantedRows({ poolings: ["bar"] }),
  evaluations: [evaluationOf("BERT", 0), evaluationOf("BERT-aug", 0)],
  sound: results("held", "not", "held"),
  authors: results(),
  ...{ songs: { train: 30, validation: 11, test: 9 }, tokens: 2_345_678, guess: 0.25 },
  ...changes,
});
const found = (about: RegExp, changes: Partial<AbstractFacts> = {}) =>
  abstractOf(facts(changes)).filter((sentence) => about.test(sentence));

Deno.test("the abstract says what was asked, on what, and what became of the claims", () => {
  const [asked, on, masked, verdicts, held, not] = abstractOf(facts());
  assert(asked.includes("Fourteen directional claims"), asked);
  assertEquals(
    on,
    "Two encoders of 4 layers of width 128 were trained on 30 songs (validated on 11, tested on 9), on 2.35 million tokens " +
      "each, with 1 seed of training, whose luck is left out. Probes are scored on 90 bars of 9 test songs.",
  );
  assertEquals(
    masked,
    "They guess 0.500 to 0.520 of the masked tokens of validation songs; the most common token of each kind gets 0.250.",
  );
  assert(
    verdicts.startsWith("Of the 14 claims, two held, one did not, eleven are undecided under the sound protocol;"),
  );
  assert(verdicts.includes("as the authors did, none held, none did not, fourteen are undecided."), verdicts);
  assertEquals(held, `Held: ${claims[0].text}; ${claims[2].text}.`);
  assertEquals(not, `The other way round: ${claims[1].text}.`);
  assert(abstractOf(facts()).length <= 12);
});

Deno.test("what training gave is counted by verdicts over all cells, with the clearest of each side", () => {
  // By planted points BERT's best layer (2) has 120, BERT-aug's (1) 210 and the untrained encoder's (3) 30, but 130 at T
  // and 330 at SC: BERT is not surely worse at T (by 10, of a spread of 40); BERT-aug is the clearer one at SC (by 120 of
  // 20, not 210 of 40). The counts of tokens have 60, of a
  // spread of 80: at most 60 of which stand against BERT's 60.
  const [untrained] = found(/encoder before training/), [counts] = found(/count of the bar's tokens/);
  assert(untrained.includes("surely better in 11 of 14 cells of models and tasks (most clearly "), untrained);
  assert(untrained.includes("surely worse in 2 (most clearly BERT-aug at song clustering, −0.120"), untrained);
  assert(
    counts.includes("surely better in 14 of 14 cells") && counts.includes("worse in 0, and neither in 0."),
    counts,
  );
  assertEquals(found(/hand-made features/), []); // none were probed
});

Deno.test("seeds are spoken of where there are several, and an open claim by what leaves it open", () => {
  assertEquals(found(/differ in their seed/), []);
  const rows = plantedRows({ seeds: 3, poolings: ["bar"] });
  // Seeds lie 6 points apart: a deviation of 6, in spreads of 20 or 40 points evenly, whose deviations are 11.5 and 23.
  const [seeds] = found(/differ in their seed/, { rows });
  assert(/differ by 0\.[35] times/.test(seeds) && seeds.includes("14 cells"), seeds);
  assertEquals(found(/not refuted/, { rows }), [
    "An undecided claim is not refuted: 3 seeds and 9 test songs leave it open.",
  ]);
  assertEquals(found(/not refuted/, { sound: results(...Array(14).fill("held")) }), []);
});

Deno.test("a study that has trained nothing yet has no sentence about results", () => {
  const none = abstractOf(facts({ rows: [], evaluations: [] }));
  assertEquals(none.filter((sentence) => /Probes|guess|Against|best ones|seed alone/.test(sentence)), []);
  assert(none[1].startsWith("Four encoders of 4 layers of width 128 were trained on 30 songs"));
});

Deno.test("one encoder is spoken of as one", () => {
  const rows = plantedRows({ poolings: ["bar"] }).filter(({ model }) => model !== "BERT-aug");
  const sentences = abstractOf(facts({ rows, evaluations: [evaluationOf("BERT", 0)] })), [, on, guesses] = sentences;
  assert(on.startsWith("One encoder of 4 layers of width 128 was trained on 30 songs"), on);
  assert(on.includes("on 2.35 million tokens, with 1 seed of training"), on);
  assert(guesses.startsWith("It guesses 0.500 of the masked tokens"), guesses);
  assert(
    sentences.some((sentence) => /^Of 4 layers, .* \(layer 2\) and .* \(layer 2\)\.$/.test(sentence)),
    `${sentences}`,
  );
});

Deno.test("a study of the paper's size does not say that it is smaller", () => {
  assertEquals(found(/models are larger/, { recipe: recipe("sound", "base") }), []);
  assertEquals(found(/models are larger/).length, 1);
});
