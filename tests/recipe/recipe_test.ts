import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { corpusRecipe, describeRecipe, recipe, type RecipeChanges, recipeDifferences } from "@lib/recipe/recipe.ts";
import { RecipeError, validateRecipe } from "@lib/recipe/recipe.ts";

const demo = recipe("sound", "demo");
const message = (work: () => unknown) => assertThrows(work, RecipeError).message;

Deno.test("changes replace single fields of a preset at a scale", () => {
  const mine = recipe("authors", "small", { seed: 7, views: { pitchShift: 5 }, probing: { alphas: [3] } });
  assertEquals([mine.preset, mine.scale, mine.seed, mine.views.pitchShift], ["authors", "small", 7, 5]);
  assertEquals([mine.views.velocityShift, mine.model.layers], [3, 12]); // the rest is as it was
  assertEquals(mine.probing.alphas, [3]); // lists are replaced whole
  assertEquals(recipe("sound", "demo"), demo); // and the preset itself is untouched
});

Deno.test("every wrong field is named with what was expected", () => {
  const text = message(() =>
    recipe("sound", "demo", {
      ...{
        sed: 1,
        tokens: { minNotes: 0, quantise: "up" },
        masking: { rat: 1 },
        seed: "x",
      } as unknown as RecipeChanges,
    })
  );
  for (
    const line of ["sed: expected no field", "masking.rat: expected no field", "tokens.minNotes: ", "seed: expected "]
  ) {
    assertStringIncludes(text, `\n  ${line}`);
  }
  assertStringIncludes(text, 'tokens.quantise: expected one of "nearest"|"floor"');
  assertEquals(text.split("\n").length, 6);
  assertStringIncludes(message(() => recipe("loud" as "sound", "demo")), "expected sound or authors, found loud");
  assertStringIncludes(message(() => recipe("sound", "huge" as "demo")), "smoke, demo, small, base, found huge");
  assertStringIncludes(message(() => recipe("toString" as "sound", "demo")), "found toString");
  for (const value of [null, [], 3, "x"]) {
    assertStringIncludes(message(() => validateRecipe(value)), "recipe: expected");
  }
  assert(assertThrows(() => validateRecipe({})) instanceof UserError);
});

Deno.test("fields that are valid alone but not together are refused, at the bound and not before", () => {
  const at = (changes: RecipeChanges) => recipe("sound", "demo", changes);
  const refused: [RecipeChanges, string][] = [
    [{ model: { hidden: 130, heads: 4 } }, "multiple of heads"],
    [{ model: { maxPositions: 511 } }, "model.maxPositions (511) must be at least tokens.maxTokens (512)"],
    [{ split: { train: 0.75, validation: 0.26 } }, "split.train + split.validation"],
    [{ masking: { mask: 0.5, random: 0.51 } }, "masking.mask + masking.random"],
    [{ training: { buckets: [512, 256] } }, "must ascend"],
    [{ training: { buckets: [256, 256, 512] } }, "must ascend"],
    [{ training: { buckets: [64, 511] } }, "the last of training.buckets (511)"],
    [{ training: { rowLengths: [512, 512] } }, "training.rowLengths must ascend"],
    [{ training: { packing: "rows", rowLengths: [64, 511] } }, "the last of training.rowLengths (511)"],
    [{ training: { batchTokens: 1023 } }, "must hold two rows"],
    [{ model: { encoder: "authors" }, training: { precision: "bfloat16" } }, "needs model.encoder bert, found authors"],
  ];
  for (const [changes, expected] of refused) assertStringIncludes(message(() => at(changes)), expected);
  at({
    split: { train: 0.75, validation: 0.25 },
    masking: { mask: 0.5, random: 0.5 },
    training: { batchTokens: 1024 },
  });
  at({ training: { packing: "none", rowLengths: [64] } });
  at({ tokens: { maxTokens: 256 }, model: { maxPositions: 256 }, training: { buckets: [256] } });
});

Deno.test("the recipe of a store keeps what a store depends on, and checks it", () => {
  const kept = corpusRecipe(demo);
  assertEquals(Object.keys(kept), ["preset", "seed", "midi", "tokens", "labels", "duplicates", "split"]);
  assertEquals(corpusRecipe(kept), kept);
  assertStringIncludes(message(() => corpusRecipe({ ...kept, split: { ...kept.split, by: "name" } })), "split.by: ");
});

Deno.test("differences name the field with both values, and nothing else", () => {
  const other = recipe("sound", "demo", { seed: 2, training: { buckets: [512] } });
  assertEquals(recipeDifferences(demo, demo), []);
  assertEquals(recipeDifferences(demo, other), [
    "seed: 0 there, 2 asked for",
    "training.buckets: [64,128,192,256,320,384,448,512] there, [512] asked for",
  ]);
});

Deno.test("a description has each field once, in order, with value and meaning", () => {
  const fields = describeRecipe({ seed: 3, split: demo.split });
  assertEquals(fields.map(({ field, value }) => `${field} ${value}`), [
    "seed 3",
    'split.by "hash"',
    "split.train 0.6",
    "split.validation 0.2",
  ]);
  assertStringIncludes(fields[2].meaning, "Share of songs to train on");
});
