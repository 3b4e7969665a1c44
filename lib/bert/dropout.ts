/**
 * Dropout of one pass through an encoder.
 * @module
 */
import { tf } from "../engine/mod.ts";
import type { Tensor } from "../engine/types.ts";
import { dropoutMask } from "../engine/attention.ts";
import { type Cut, takeOwn } from "../engine/workers.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * How one pass drops the share `rate` of activations, at a place in each layer (STUDY §7.6); `seed` is two int32. Passes
 * of parts of one batch share `drawn`, the masks of all its rows by their number, so that each is drawn once.
 */
export type Dropout = { rate: number; place: Recipe["views"]["dropoutPlace"]; seed: Tensor } & {
  drawn?: Map<number, Tensor>;
};

/**
 * Where a pass drops, and its masks: each call of `mask` draws the next one, or a worker's rows of it, and `skip` leaves
 * one out, which other workers draw.
 */
type Masks = { inside: boolean; outside: boolean; mask(shape: number[], cut?: Cut): Tensor; skip(): void };

/** The masks of a pass. */
export function dropoutMasks(dropout?: Dropout): Masks {
  const place = dropout && dropout.rate > 0 ? dropout.place : undefined;
  let draws = 0;
  return {
    inside: place === "attention-and-feed-forward", // attention maps
    outside: place === "block-outputs", // outputs of attention; those of the feed-forward block drop at both places
    mask(shape: number[], cut?: Cut): Tensor {
      const { rate, seed, drawn } = dropout!, number = draws++;
      const draw = (shape: number[]) => dropoutMask(shape, rate, seed.add(tf.tensor1d([number, 0], "int32")));
      if (!cut) return draw(shape);
      const whole = drawn?.get(number) ?? draw([cut.whole, ...shape.slice(1)]);
      drawn?.set(number, whole);
      return takeOwn(whole, cut);
    },
    skip: () => void draws++,
  };
}
