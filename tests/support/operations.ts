/** What a training step costs in theory. @module */
import type { BertConfig } from "@lib/bert/config.ts";

/**
 * Floating-point operations of the products of one plain training step on `rows` bars of `length` tokens; the last
 * layer's left-out tokens are not counted; a product's gradient is two products.
 */
export function productOperations(c: BertConfig, rows: number, length: number): number {
  const { hidden: H, intermediate: I, layers, vocabularySize: V } = c;
  const tokens = rows * length, asked = rows * Math.round(0.15 * length);
  const attention = (queries: number) => 4 * queries * length * H;
  const whole = tokens * 2 * (4 * H * H + 2 * H * I) + attention(tokens);
  const last = tokens * 4 * H * H + asked * 2 * (2 * H * H + 2 * H * I) + attention(asked);
  return 3 * ((layers - 1) * whole + last + asked * 2 * (H * H + H * V));
}
