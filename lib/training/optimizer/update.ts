/**
 * The optimizer that a recipe names.
 * @module
 */
import type { BertConfig } from "../../bert/config.ts";
import type { Tensor } from "../../engine/types.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { adamW, clipping, type OptimizerState } from "./adamw.ts";
import { muon } from "./muon.ts";

/**
 * One update by `training.optimizer`; pure, for use inside a trace.
 *
 * @param gradient flat, as long as the weights
 * @param scalars from `adamWScalars`
 * @param matrices 1 at matrices, 0 at biases and LayerNorms: where `training.decayed: matrices` decays weights
 * @returns the new state, and the gradient's norm before clipping
 */
export function optimizerUpdate(
  encoder: BertConfig,
  state: OptimizerState,
  gradient: Tensor,
  scalars: Tensor,
  training: Recipe["training"],
  matrices: Tensor,
): OptimizerState & { norm: Tensor } {
  const { norm, kept } = clipping(gradient, training.clipNorm);
  const decayed = training.decayed === "matrices" ? matrices : undefined;
  const next = training.optimizer === "muon"
    ? muon(encoder, state, gradient, scalars, training, decayed, kept)
    : adamW(state, gradient, scalars, training, decayed, kept);
  return { ...next, norm };
}
