import { assertEquals } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { recipe } from "@lib/recipe/recipe.ts";

Deno.test("the paper's size is that of BERT_base, over 560 tokens", () => {
  const { layers, hidden, heads, intermediate, vocabularySize } = bertConfig(recipe("sound", "base"));
  assertEquals([layers, hidden, heads, intermediate, vocabularySize], [12, 768, 12, 3072, 560]);
});

Deno.test("every field of the recipe's model is in the config", () => {
  const choices = recipe("authors", "smoke", { model: { hidden: 24, heads: 3 } }),
    { vocabularySize: _, ...rest } = bertConfig(choices);
  assertEquals(rest, choices.model);
});
