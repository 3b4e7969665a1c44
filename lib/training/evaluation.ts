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

/** What a trained model can do. */
export interface Evaluation {
  /** The model. */
  model: ModelName;
  /** Seed of its training; evaluations of earlier versions have none, as they had one seed. */
  seed?: number;
  /** Masked tokens: of bars that it was trained on, and of bars of songs that it has not seen. */
  mlm: { train: MlmAccuracy; validation: MlmAccuracy };
  /**
   * NT-Xent, the contrastive task; null for plain BERT, which has none. `validation` has batches as the recipe makes
   * them, `otherOrder` as the other reading does; `dropping` is BERT-dropout with dropout on, as in training.
   */
  contrast:
    | { train: ContrastScore; validation: ContrastScore; otherOrder: ContrastScore; dropping: ContrastScore | null }
    | null;
  /** Seconds that its training took. */
  seconds: number;
}

/**
 * Evaluates a trained model on bars of training and validation songs.
 *
 * @param seconds the time of its training, which the evaluation records
 */
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
