import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { completed } from "@lib/recipe/older.ts";
import { corpusRecipe, recipe, RecipeError, validateRecipe } from "@lib/recipe/recipe.ts";

/** A recipe without some of its fields. */
function without(fields: string[]): Record<string, Record<string, unknown>> {
  const stored = structuredClone(recipe("sound", "demo")) as unknown as Record<string, Record<string, unknown>>;
  for (const [group, name] of fields.map((field) => field.split("."))) delete stored[group][name];
  return stored;
}

Deno.test("a recipe of commit f137c84 is completed by what was done then", () => {
  const stored = without(["duplicates.compared", "probing.drawnAlpha", "probing.shuffles", "probing.clusterShare"]);
  const { duplicates, probing } = validateRecipe(stored);
  // The constants of that commit's duplicates.ts, authors_protocol.ts, intervals.ts and rows.ts.
  assertEquals(duplicates.compared, 100);
  assertEquals([probing.drawnAlpha, probing.shuffles, probing.clusterShare], [100, 100, 1 / 5]);
  for (let rows = 0; rows <= 10_000; rows++) {
    assert(Math.floor(rows * probing.clusterShare) === Math.floor(rows / 5), `${rows} rows`);
  }
  assertEquals(corpusRecipe(stored).duplicates.compared, 100);
});

Deno.test("songs of a recipe of commit f137c84 are read as they were then", () => {
  const midi = ["midi.meters", "midi.zeroLength", "midi.controllers", "midi.drums"];
  const { midi: { reading, ...read }, tokens } = corpusRecipe(without([...midi, "tokens.tempoBin"]));
  assertEquals([reading, read.meters, read.zeroLength], ["standard", "all", "drop"]);
  assertEquals([read.controllers, read.drums, tokens.tempoBin], ["pedal", "channel-10", "truncated"]);
});

Deno.test("models of earlier recipes dropped in all steps, and their positions started as other weights", () => {
  const { views, model } = validateRecipe(without(["views.dropoutSteps", "model.positions"]));
  assertEquals([views.dropoutSteps, model.positions], ["all", "random"]);
});

Deno.test("what a recipe says is kept, whatever was done before its field came", () => {
  const mine = recipe("authors", "smoke", { probing: { shuffles: 7 }, duplicates: { compared: 3 } });
  assertEquals(validateRecipe(mine), mine);
});

Deno.test("a group that came later is completed whole; one that was always there is not made up", () => {
  const { duplicates: _, ...stored } = recipe("sound", "demo");
  const { exact, near } = validateRecipe(stored).duplicates;
  assertEquals([exact, near], ["keep", "ignore"]); // copies stayed, and were split as strangers
  const { masking: __, ...broken } = recipe("sound", "demo");
  assertStringIncludes(assertThrows(() => validateRecipe(broken), RecipeError).message, "masking: expected object");
});

Deno.test("a field of a later version is refused by its name", () => {
  const stored = { ...recipe("sound", "demo"), probing: { ...recipe("sound", "demo").probing, pooling: "bar" } };
  assertStringIncludes(assertThrows(() => validateRecipe(stored), RecipeError).message, "probing.pooling: expected no");
});

Deno.test("what is no recipe stays what it is", () => {
  assertEquals([completed(null), completed(3), completed("x")], [null, 3, "x"]);
});
