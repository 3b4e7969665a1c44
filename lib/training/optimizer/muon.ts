/**
 * Muon (Jordan et al. 2024) for the matrices of an encoder's layers, AdamW for all else.
 *
 * Its move is the mean gradient with all singular values brought near 1, by five Newton–Schulz iterations, so that rare
 * directions learn as fast as frequent ones. The length is that of AdamW's moves (Liu et al. 2025, arXiv 2502.16982,
 * eq. 4): one learning rate and one weight decay serve both.
 * @module
 */
import type { BertConfig } from "../../bert/config.ts";
import { isMatrix, type Parameter, parametersOf } from "../../bert/parameters.ts";
import { fused, tf } from "../../engine/mod.ts";
import { batchMatMul, joinFlat, splitFlat, transpose } from "../../engine/ops.ts";
import type { Tensor } from "../../engine/types.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { adamW, type OptimizerState } from "./adamw.ts";

type MuonConfig = Pick<Recipe["training"], "muonMomentum" | "muonSteps" | "muonScale" | "weightDecay" | "clipNorm">;

/** The polynomial ax + bx³ + cx⁵ of an iteration, which brings values in 0…1 near 1 (Jordan et al. 2024). */
export const quintic = [3.4445, -4.775, 2.0315] as const;

/** Whether Muon moves a parameter: a matrix inside a layer; embeddings and the MLM head are AdamW's. */
export const isHidden = (parameter: Parameter): boolean =>
  isMatrix(parameter) && /\.layers?\.\d+\./.test(parameter.name);

/**
 * Matrices with their singular values brought near 1; the directions stay.
 *
 * @param matrices count × rows × columns, rows at most columns
 * @param steps Newton–Schulz iterations
 */
export function orthogonalized(matrices: Tensor, steps: number): Tensor {
  const [a, b, c] = quintic,
    product = (x: Tensor, y: Tensor, transposed = false) => batchMatMul(x, y, false, transposed, "float32");
  let x = matrices.div(matrices.square().sum([1, 2], true).sqrt().maximum(1e-7));
  for (let step = 0; step < steps; step++) {
    const gram = product(x, x, true);
    x = x.mul(a).add(product(gram.mul(b).add(product(gram, gram).mul(c)), x));
  }
  return x;
}

/** Turns the matrices of a stack on their side. */
const turned = (stack: Tensor): Tensor => transpose(stack, [0, 2, 1]);

/** The moves of matrices, in their own shapes: those of one size are a stack, upright ones lie on their side. */
function moves(ahead: Tensor[], { muonSteps, muonScale }: MuonConfig): Tensor[] {
  const lying = ahead.map((matrix) => {
    const [rows, columns] = matrix.shape as [number, number];
    const count = rows === 3 * columns ? 3 : 1; // the authors' query, key and value are one matrix
    const stack = matrix.reshape([count, rows / count, columns]), isUpright = rows / count > columns;
    return { stack: isUpright ? turned(stack) : stack, isUpright };
  });
  const made: Tensor[] = [];
  for (const group of Map.groupBy(lying.keys(), (i) => lying[i].stack.shape.slice(1).join()).values()) {
    const shapes = group.map((i) => lying[i].stack.shape), [, rows, columns] = shapes[0] as number[];
    const stack = joinFlat(group.map((i) => lying[i].stack)).reshape([-1, rows, columns]);
    const moved = orthogonalized(stack, muonSteps).mul(muonScale * Math.sqrt(columns));
    splitFlat(moved.flatten(), shapes as number[][]).forEach((move, k) => {
      const { isUpright } = lying[group[k]];
      made[group[k]] = (isUpright ? turned(move) : move).reshape(ahead[group[k]].shape);
    });
  }
  return made;
}

/**
 * One Muon update, as PyTorch's `Muon` with `match_rms_adamw` and Nesterov's look ahead; pure, for use inside a trace.
 *
 * @param gradient flat, as long as the weights
 * @param scalars from `adamWScalars`
 * @param decayed 1 where weight decay applies, 0 elsewhere; everywhere if undefined
 * @param kept what the gradient is multiplied by, from `clipping`
 */
export function muon(
  encoder: BertConfig,
  state: OptimizerState,
  gradient: Tensor,
  scalars: Tensor,
  config: Recipe["training"],
  decayed: Tensor | undefined,
  kept: Tensor,
): OptimizerState {
  const parameters = parametersOf(encoder), sizes = parameters.map(({ size }) => [size]);
  const hidden = parameters.map(isHidden), { muonMomentum: decay, weightDecay, clipNorm } = config;
  const pick = (flat: Tensor) => {
    const parts = splitFlat(flat, sizes);
    const of = (own: boolean) => joinFlat(parts.filter((_, i) => hidden[i] === own));
    return [of(true), of(false)];
  };
  const whole = (own: Tensor, rest: Tensor) => {
    const of = (flat: Tensor, own: boolean) => splitFlat(flat, sizes.filter((_, i) => hidden[i] === own)).values();
    const [first, second] = [of(own, true), of(rest, false)];
    return joinFlat(hidden.map((own) => (own ? first : second).next().value!));
  };
  const [weights, others] = pick(state.weights), [mean, first] = pick(state.first), [, second] = pick(state.second);
  const [slope, rest] = pick(gradient);
  const [next, ahead] = fused(
    `muon mean ${[decay, clipNorm]}`,
    (mean, slope, kept) => {
      const share = (clipNorm > 0 ? slope.mul(kept) : slope).mul(1 - decay), next = mean.mul(decay).add(share);
      return [next, next.mul(decay).add(share)];
    },
    ...[mean, slope, kept],
  );
  const shapes = parameters.filter(isHidden).map(({ shape }) => shape);
  const move = joinFlat(moves(splitFlat(ahead, shapes), config));
  const [moved] = fused(
    `muon move ${weightDecay}`,
    (weights, move, rate) => [weights.sub(move.add(weights.mul(weightDecay)).mul(rate))],
    ...[weights, move, scalars.slice([0], [1])],
  );
  const spared = decayed && pick(decayed)[1];
  const adam = adamW({ weights: others, first, second }, rest, scalars, config, spared, kept);
  return {
    weights: whole(moved, adam.weights),
    first: whole(next, adam.first),
    second: whole(tf.zerosLike(weights), adam.second),
  };
}
