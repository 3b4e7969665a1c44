/**
 * AdamW on a flat vector of weights, and its learning-rate schedules.
 * @module
 */
import { fused, rawOp, tf } from "../../engine/mod.ts";
import type { Tensor } from "../../engine/types.ts";
import type { Recipe } from "../../recipe/recipe.ts";

type AdamWConfig = Pick<Recipe["training"], "beta1" | "beta2" | "epsilon" | "weightDecay" | "clipNorm">;

/** Weights and both moments; each a flat float32 vector. Muon's parts keep their mean gradient as first, second at 0. */
export type OptimizerState = Record<"weights" | "first" | "second", Tensor>;

/** A flat gradient's norm, and what it is multiplied by so that its norm is at most `clipNorm`; 1 if that is 0. */
export function clipping(gradient: Tensor, clipNorm: number): { norm: Tensor; kept: Tensor } {
  const norm = rawOp("L2Loss", { T: "float32" }, [gradient]).mul(2).sqrt(); // half the sum of squares in one pass
  return { norm, kept: clipNorm > 0 ? tf.minimum(1, tf.div(clipNorm, norm.add(1e-6))) : tf.scalar(1) };
}

/** What changes from step to step (the first is 1), float32: learning rate, 1/(1−β₁ᵗ), 1/(1−β₂ᵗ), and `more`. */
export function adamWScalars(
  { beta1, beta2 }: AdamWConfig,
  step: number,
  learningRate: number,
  ...more: number[]
): Tensor {
  return tf.tensor1d([learningRate, 1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step), ...more]);
}

/**
 * One AdamW update (Loshchilov & Hutter 2019, as PyTorch computes it); pure, for use inside a trace.
 *
 * @param gradient flat, as long as the weights
 * @param scalars from {@link adamWScalars}
 * @param decayed 1 where weight decay applies, 0 elsewhere; everywhere if undefined
 * @param kept what the gradient is multiplied by, from {@link clipping}
 */
export function adamW(
  state: OptimizerState,
  gradient: Tensor,
  scalars: Tensor,
  config: AdamWConfig,
  decayed: Tensor | undefined,
  kept: Tensor,
): OptimizerState {
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = config;
  const update = (weights: Tensor, m: Tensor, v: Tensor, gradient: Tensor, scalars: Tensor, ...rest: Tensor[]) => {
    const [rate, correction1, correction2] = [0, 1, 2].map((i) => scalars.slice([i], [1]));
    const [kept, decayed] = rest, clipped = clipNorm > 0 ? gradient.mul(kept) : gradient;
    const first = m.mul(beta1).add(clipped.mul(1 - beta1));
    const second = v.mul(beta2).add(clipped.square().mul(1 - beta2));
    const move = first.mul(correction1).div(second.mul(correction2).sqrt().add(epsilon));
    const decay = decayed ? weights.mul(decayed).mul(weightDecay) : weights.mul(weightDecay);
    return [weights.sub(move.add(decay).mul(rate)), first, second];
  };
  const name = `adamw ${[beta1, beta2, epsilon, weightDecay, clipNorm]}`;
  const inputs = [state.weights, state.first, state.second, gradient, scalars, kept, ...(decayed ? [decayed] : [])];
  const [weights, first, second] = fused(name, update, ...inputs);
  return { weights, first, second };
}

/**
 * The learning rate of a step (STUDY §10): linear warm-up to the peak, then the recipe's decay.
 *
 * @param step 1 for the first update
 */
export function learningRate(training: Recipe["training"], step: number): number {
  const { learningRate: peak, warmupSteps, decay, steps } = training;
  if (step < warmupSteps) return peak * step / warmupSteps;
  if (decay === "inverse-sqrt") return peak * Math.sqrt(warmupSteps / step);
  if (decay === "linear") return peak * Math.max(0, steps + 1 - step) / Math.max(1, steps + 1 - warmupSteps);
  return peak;
}
