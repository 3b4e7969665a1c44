/**
 * Dropout of one pass through an encoder.
 * @module
 */
import { tf } from "../engine/mod.ts";
import type { Tensor } from "../engine/types.ts";
import { dropoutMask } from "../engine/attention.ts";
import type { Cut } from "../engine/workers.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** How one pass drops the share `rate` of activations, at a place in each layer (STUDY §7.6); `seed` is two int32. */
export type Dropout = { rate: number; place: Recipe["views"]["dropoutPlace"]; seed: Tensor };

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
    mask: (shape: number[], cut?: Cut): Tensor =>
      dropoutMask(shape, dropout!.rate, dropout!.seed.add(tf.tensor1d([draws++, 0], "int32")), cut),
    skip: () => void draws++,
  };
}
