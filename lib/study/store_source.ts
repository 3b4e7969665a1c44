/**
 * A store of bars as a study's source, in place of songs: one that `deno task tokenize` built or merged.
 * @module
 */
import { readManifest } from "../corpus/store.ts";
import { exists, isTemporary, removeIfThere, writeFolder } from "../base/files.ts";
import { UserError } from "../base/user_error.ts";
import { type CorpusRecipe, corpusRecipe } from "../recipe/recipe.ts";
import { readJson } from "./step_records.ts";

/** The recipe of the store at a place, undefined if there is none; throws a {@link UserError} if it is not finished. */
export function storeRecipe(place: string): CorpusRecipe | undefined {
  const manifest = readJson(`${place}/manifest.json`) as { recipe: unknown } | undefined;
  if (manifest) return corpusRecipe(manifest.recipe);
  if (!exists(`${place}/build.json`)) return undefined;
  throw new UserError(
    `Study: expected a whole store at ${place}, found one that is still being built, or a part of one. ` +
      "Call deno task tokenize again to finish it, or with --merge to join the parts.",
  );
}

/**
 * Takes a store into a run's folder, as links to the same files, or copies where the disk has no links, so that the run
 * stays whole if the store is built anew or removed; throws a CorpusError if it is no whole store.
 */
export async function takeStore(place: string, dir: string): Promise<void> {
  await readManifest(place);
  await writeFolder(dir, async (temporary) => {
    await Deno.mkdir(temporary, { recursive: true });
    for await (const { name, isFile } of Deno.readDir(place)) {
      if (!isFile || name === "lock" || isTemporary(name)) continue;
      await Deno.link(`${place}/${name}`, `${temporary}/${name}`).catch(async () => {
        await removeIfThere(`${temporary}/${name}`);
        await Deno.copyFile(`${place}/${name}`, `${temporary}/${name}`);
      });
    }
  });
}
