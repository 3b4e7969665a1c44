import { assert, assertEquals } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { describeRecipe, recipe } from "@lib/recipe/recipe.ts";
import { recipeGroups } from "@lib/recipe/schema.ts";

const fields = describeRecipe(recipe("authors", "base"));

Deno.test("every field has a meaning that a reader can follow: a sentence, with sections of a document that is there", async () => {
  const sections = await Deno.readTextFile(`${projectRoot}/lib/STUDY.md`);
  assert(fields.length > 90, `${fields.length} fields`);
  for (const { field, meaning } of fields) {
    assert(/^[A-ZÄ∆].*\.$/s.test(meaning) && !meaning.includes("§"), `${field}: ${meaning}`);
    for (const [, chapter, section] of meaning.matchAll(/STUDY (\d+)(?:\.(\d+))?/g)) {
      const there = section === undefined
        ? new RegExp(`^## ${chapter}\\.`, "m").test(sections)
        : new RegExp(`\\b${chapter}\\.${section}\\b`).test(sections);
      assert(there, `${field}: STUDY ${chapter}.${section}`);
    }
  }
});

Deno.test("ranges of the fields end where their meaning does", () => {
  const accepts = (group: keyof typeof recipeGroups, field: string, value: unknown) => {
    const { shape } = recipeGroups[group] as unknown as {
      shape: Record<string, { safeParse(v: unknown): { success: boolean } }>;
    };
    return shape[field].safeParse(value).success;
  };
  const bounds: [keyof typeof recipeGroups, string, unknown[], unknown[]][] = [
    ["tokens", "maxTokens", [16, 512], [15, 513, 100.5]],
    ["masking", "rate", [0, 1], [-0.01, 1.01]],
    ["views", "pitchShift", [0, 64], [-1, 65]],
    ["views", "velocityShift", [0, 31], [-1, 32]],
    ["contrast", "temperature", [0.01], [0, -1]],
    ["contrast", "validationRows", [2], [1]],
    ["contrast", "every", [1, 3], [0, 1.5]],
    ["training", "steps", [1], [0, 1.5]],
    ["training", "clipNorm", [0, 1], [-1]],
    ["probing", "alphas", [[1], [1, 2]], [[], [0]]],
    ["probing", "middle", [[0, 1]], [[0], [0, 1.1]]],
  ];
  for (const [group, field, right, wrong] of bounds) {
    assertEquals(right.map((value) => accepts(group, field, value)), right.map(() => true), field);
    assertEquals(wrong.map((value) => accepts(group, field, value)), wrong.map(() => false), field);
  }
});
