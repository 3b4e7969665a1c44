/**
 * Stores of a few embedded songs. Nothing here loads the engine.
 * @module
 */
import { buildCorpus } from "@lib/corpus/build.ts";
import { type Recipe, recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { withFolder } from "./folder.ts";

/** Builds a store of some embedded songs at `dir`. */
export async function buildSmall(dir: string, names: string[], recipe: Recipe): Promise<void> {
  const source = await Deno.makeTempDir();
  for (const name of names) {
    await Deno.copyFile(new URL(`../../data/freedoom/${name}.mid`, import.meta.url), `${source}/${name}.mid`);
  }
  await buildCorpus(source, dir, recipe);
  await Deno.remove(source, { recursive: true });
}

/**
 * Runs a test on a store of four songs whose bars are short, with its recipe beside it, as steps_child.ts takes them:
 * smoke scale with some changes.
 */
export const withStepsStore = (changes: RecipeChanges, test: (dir: string) => Promise<void>): Promise<void> =>
  withFolder(async (folder) => {
    const dir = `${folder}/store`, short = { split: { train: 0.5, validation: 0.25 }, tokens: { maxTokens: 64 } };
    const choices = recipe("sound", "smoke", { ...short, ...changes });
    await buildSmall(dir, ["d_adrian", "d_ampie", "d_betwee", "d_bunny"], choices);
    await Deno.writeTextFile(`${dir}.json`, JSON.stringify(choices));
    await test(dir);
  });
