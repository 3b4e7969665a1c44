/**
 * Bounds on rounding, which follow from the arithmetic and hold on every processor.
 *
 * One rounding changes a number by at most the unit roundoff u, as a share. A result that n roundings in a chain lead to, such
 * as a sum of n products, is off by at most n·u of the largest number on the way. As the errors have either sign, they grow
 * like √n·u (Higham and Mary, A new approach to probabilistic rounding error analysis, 2019). Eight times that leaves room
 * for any order of adding and for fused multiply-adds, and is far below what a wrong formula changes.
 * @module
 */

/** Unit roundoffs: 2 to the minus number of significant bits. */
const roundoff = { float64: 2 ** -53, float32: 2 ** -24, bfloat16: 2 ** -8 } as const;

/**
 * How far two results may lie apart that are equal but for rounding.
 *
 * @param lengths lengths of the sums that follow each other; 1 for an elementwise op
 * @param scale largest magnitude on the way
 */
export const roundingBound = (lengths: number[], scale = 1, type: keyof typeof roundoff = "float32"): number =>
  8 * roundoff[type] * scale * Math.sqrt(lengths.reduce((sum, length) => sum + length, 0));

/** {@link roundingBound} of an encoder's states after all layers, for rows of `length` tokens. */
export function encoderBound(
  { hidden, intermediate, layers, heads }: { hidden: number; intermediate: number; layers: number; heads: number },
  length: number,
  scale = 1,
): number {
  // Products for queries and values, scores, softmax, mix, output, feed-forward, and mean and variance of two LayerNorms.
  const layer = [hidden, hidden / heads, length, length, hidden, hidden, intermediate, 4 * hidden];
  return roundingBound(Array(layers).fill(layer).flat(), scale);
}
