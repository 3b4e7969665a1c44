import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { checkBars } from "@lib/training/preflight.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { plantedBar, plantedCorpus } from "../support/planted_corpus.ts";

const choices = recipe("sound", "smoke");
const bar = (notes: number) => plantedBar(Array.from({ length: notes }, (_, i) => 30 + i));

Deno.test("bars of both splits are needed; validation only where the best weights are kept or a run stops early", () => {
  const corpus = plantedCorpus(["train", bar(1), bar(2)], ["test", bar(3)]);
  assertThrows(() => checkBars(corpus, choices), UserError, "bars of validation songs, as the recipe keeps the best");
  const last = recipe("sound", "smoke", { training: { keep: "last" } });
  assertEquals(checkBars(corpus, last), []);
  const patient = recipe("sound", "smoke", { training: { keep: "last", patience: 2 } });
  assertThrows(() => checkBars(corpus, patient), UserError, "as the recipe stops early");
  assertThrows(
    () => checkBars(plantedCorpus(["test", bar(3)]), last),
    UserError,
    "Expected bars of training songs, found",
  );
  const both = plantedCorpus(["train", bar(1)], ["validation", bar(2), bar(3)], ["test", bar(3)]);
  assertEquals(checkBars(both, choices).sort(), [1, 2]);
});

Deno.test("a bar that is longer than the batches or the encoder's positions is refused by name", () => {
  const corpus = plantedCorpus(["train", bar(10)], ["validation", bar(8), bar(12)], ["test", bar(40)]); // 54, 44, 64
  const within = (buckets: number[], maxPositions: number) =>
    recipe("sound", "smoke", {
      tokens: { maxTokens: 16 },
      model: { maxPositions },
      training: { buckets },
    });
  assertEquals(checkBars(corpus, within([32, 64], 64)).length, 2);
  for (const choices of [within([32, 63], 64), within([32, 64], 63)]) {
    const error = assertThrows(() => checkBars(corpus, choices), UserError);
    assertStringIncludes(error.message, "1.mid, bar 1: expected at most 63 tokens");
    assertStringIncludes(error.message, "found 64");
  }
  const packed = { ...within([64], 64), training: { ...choices.training, packing: "rows" as const, rowLengths: [60] } };
  assertThrows(() => checkBars(corpus, packed), UserError, "1.mid, bar 1: expected at most 60 tokens");
  assertThrows(() => checkBars(corpus, within([53], 64)), UserError, "0.mid, bar 0: expected at most 53");
});
