/**
 * What a trained model can do: a line of Table 1.
 * @module
 */
import type { Model } from "../bert/parameters.ts";
import { type ModelName, variants } from "../bert/variants.ts";
import { type ContrastScore, evaluateContrast } from "./contrast_evaluation.ts";
import type { Corpus } from "../corpus/store.ts";
import { barsToEvaluate, evaluateMasked, type MlmAccuracy } from "./masked_evaluation.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * What a trained model can do with bars of training songs and of songs that it has not seen.
 *
 * `seed` and `seconds` are its training's; evaluations of earlier versions have no seed, as they had one. `contrast` is
 * null for plain BERT. Its `validation` has batches as the recipe makes them, `otherOrder` as the other reading does;
 * `dropping` is BERT-dropout with dropout on, as in training.
 */
export type Evaluation = { model: ModelName; seed?: number; seconds: number } & {
  mlm: Record<"train" | "validation", MlmAccuracy>;
  contrast: Record<"train" | "validation" | "otherOrder", ContrastScore> & { dropping: ContrastScore | null } | null;
};

/** Evaluates a trained model on bars of training and validation songs; `seconds` is the time of its training. */
export async function evaluate(
  model: Model,
  name: ModelName,
  corpus: Corpus,
  recipe: Recipe,
  seconds: number,
): Promise<Evaluation> {
  const masked = (split: "train" | "validation") =>
    evaluateMasked(model, corpus, barsToEvaluate(corpus, split, recipe), recipe);
  const contrast = (split: "train" | "validation", options: Parameters<typeof evaluateContrast>[5] = {}) =>
    evaluateContrast(model, name, corpus, split, recipe, options);
  const { view, dropout } = variants[name];
  const order = recipe.contrast.batches === "song-order" ? "song-disjoint" : "song-order";
  return {
    model: name,
    mlm: { train: await masked("train"), validation: await masked("validation") },
    contrast: view === "none" ? null : {
      train: await contrast("train"),
      validation: await contrast("validation"),
      otherOrder: await contrast("validation", { order }),
      dropping: dropout ? await contrast("validation", { dropout: true }) : null,
    },
    seconds,
  };
}
