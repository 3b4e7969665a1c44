/**
 * The size of an encoder.
 * @module
 */
import type { Recipe } from "../recipe/recipe.ts";
import { vocabulary } from "../tokens/vocabulary.ts";

/** An encoder's size: the recipe's group `model`, and the vocabulary's size. */
export type BertConfig = Recipe["model"] & { vocabularySize: number };

/** The config of a recipe. */
export const bertConfig = (recipe: Recipe): BertConfig => ({ ...recipe.model, vocabularySize: vocabulary.size });
