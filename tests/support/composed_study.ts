/**
 * A study of composed songs in a folder of its own, for the tests of the study's steps.
 * @module
 */
import { bertConfig } from "@lib/bert/config.ts";
import { saveCheckpoint } from "@lib/bert/checkpoint.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { modelNames } from "@lib/bert/variants.ts";
import type { Corpus } from "@lib/corpus/store.ts";
import { recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { corpusOf, modelFolder } from "@lib/study/training_steps.ts";
import { compose } from "./composer.ts";

/** Runs a test on a study of twelve songs of eight bars, at smoke scale. */
export async function withStudy(
  changes: RecipeChanges,
  test: (study: Study, corpus: Corpus) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir(), songs = `${dir}/songs`;
  await Deno.mkdir(songs);
  for (let song = 0; song < 12; song++) await Deno.writeFile(`${songs}/${song}.mid`, compose(9, song, 8).bytes);
  const study = openStudy({
    recipe: recipe("sound", "smoke", changes),
    name: "composed",
    data: songs,
    runs: `${dir}/runs`,
  });
  const corpus = await corpusOf(study);
  try {
    await test(study, corpus);
  } finally {
    corpus.close();
    await Deno.remove(dir, { recursive: true });
  }
}

/** Puts encoders with fresh weights, each of another seed, where the study's trained models are looked for. */
export async function plantModels(study: Study): Promise<void> {
  const config = bertConfig(study.recipe);
  for (const [seed, name] of modelNames.entries()) {
    const { weights } = createBert(config, seed);
    await saveCheckpoint(modelFolder(study, name), config, await weights.data<"float32">());
    weights.dispose();
  }
}
