/**
 * Trains a small model in a process of its own, to be killed, stopped or short of room:
 * `corpus folder, model folder`; the recipe stands beside the corpus folder, under its name and `.json`.
 * @module
 */
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { validateRecipe } from "@lib/recipe/recipe.ts";
import { stopSignal } from "@lib/notebook/notebook.ts";
import { pretrain } from "@lib/training/pretrain.ts";

if (import.meta.main) {
  const [corpusDir, dir] = Deno.args, corpus = await openCorpus(corpusDir);
  const recipe = validateRecipe(JSON.parse(await Deno.readTextFile(`${corpusDir}.json`)));
  try {
    for await (
      const log of pretrain({ corpus, recipe, model: "BERT-dropout", dir, signal: stopSignal() })
    ) {
      console.log(log.step);
    }
  } catch (error) {
    console.error((error as Error).message);
    Deno.exitCode = 1;
  }
}
