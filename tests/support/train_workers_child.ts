/**
 * Trainings by one worker of several, or alone: `corpus folder, folder for models, cases`, the cases as JSON of
 * {@link TrainingCase}. The recipe stands beside the corpus folder, under its name and `.json`. Prints a line of JSON for
 * each step, and one with `failed` if a training ends by an error.
 * @module
 */
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { type RecipeChanges, validateRecipe } from "@lib/recipe/recipe.ts";
import { stopSignal } from "@lib/notebook/notebook.ts";
import { pretrain } from "@lib/training/pretrain.ts";
import type { ModelName } from "@lib/bert/variants.ts";
import { tensorCount } from "@lib/engine/mod.ts";

/** A training: its folder's name, its model, and what its recipe's training changes. */
export interface TrainingCase {
  name: string;
  model: ModelName;
  training?: RecipeChanges["training"];
  seed?: number;
}

/** What a worker tells of a step. */
export interface WorkerStep {
  name: string;
  step: number;
  loss: number;
  gradientNorm: number;
  accuracy: number;
  contrast: number;
  validation?: { loss: number; accuracy: number };
  /** Milliseconds since the last step of the training. */
  milliseconds: number;
}

if (import.meta.main) {
  const [corpusDir, dir, cases] = Deno.args, corpus = await openCorpus(corpusDir);
  const stored = validateRecipe(JSON.parse(await Deno.readTextFile(`${corpusDir}.json`)));
  const before = tensorCount();
  try {
    for (const { name, model, training, seed } of JSON.parse(cases) as TrainingCase[]) {
      const recipe = validateRecipe({ ...stored, training: { ...stored.training, ...training } });
      let last = performance.now();
      for await (const log of pretrain({ corpus, recipe, model, seed, dir: `${dir}/${name}`, signal: stopSignal() })) {
        const { step, loss, gradientNorm, accuracy, contrast, validation } = log, now = performance.now();
        const told = { name, step, loss, gradientNorm, accuracy, contrast, validation, milliseconds: now - last };
        console.log(JSON.stringify(told));
        last = now;
      }
    }
    const { tensors, handles } = tensorCount();
    console.log(JSON.stringify({ left: { tensors: tensors - before.tensors, handles: handles - before.handles } }));
  } catch (error) {
    console.log(JSON.stringify({ failed: (error as Error).message, name: (error as Error).constructor.name }));
    Deno.exitCode = 1;
  }
}
