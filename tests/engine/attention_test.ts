import { assert, assertEquals, assertLess } from "@std/assert";
import { attention, type AttentionRows, dropoutMask, spreadMarks } from "@lib/engine/attention.ts";
import { compile, tf } from "@lib/engine/mod.ts";
import { bfloat16Problem } from "@lib/engine/library.ts";
import { gatherRows, linear } from "@lib/engine/ops.ts";
import type { Scalar, Tensor } from "@lib/engine/types.ts";
import { checkGradients } from "../support/gradients.ts";
import { largestDifference } from "../support/golden.ts";
import { roundingBound } from "../support/rounding.ts";
import { drawer, tidily } from "../support/tensors.ts";

const draw = drawer("attention tests");

type Type = "float32" | "bfloat16";

/** Two rows of three tokens, of which the last is a pad, over two heads. */
const attentionCase = () => ({
  shape: { batch: 2, length: 3, heads: 2 },
  bias: tf.tensor3d([0, 0, 0, 0, 0, -1e9], [2, 3, 1]),
});

/** Rows of one length with marks that hide what `bias` (rows × keys × 1) says from `queries` tokens each. */
function rowsOf(bias: Tensor, queries: number, { dropout, type }: { dropout?: Tensor; type?: Type } = {}) {
  const [rows, keys] = bias.shape as [number, number], marks = { query: tf.ones([rows, queries, 1]), key: bias };
  return [{ rows, queries, keys, marks: spreadMarks(marks, { heads: 2, type }), dropout }] as AttentionRows[];
}

Deno.test(
  "attention equals the formula written out, pads left out",
  tidily(() => {
    const { shape: { batch, length, heads }, bias } = attentionCase();
    const qkv = draw([batch * length, 3 * 4]), q = qkv.dataSync(), size = 2, pads = bias.dataSync();
    const expected = new Float64Array(batch * length * 4);
    const at = (b: number, i: number, part: number, h: number, d: number) =>
      q[(b * length + i) * 12 + part * 4 + h * size + d];
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < length; i++) {
          const logits = Array.from(
            { length },
            (_, j) =>
              (at(b, i, 0, h, 0) * at(b, j, 1, h, 0) + at(b, i, 0, h, 1) * at(b, j, 1, h, 1)) +
              pads[b * length + j],
          );
          const exps = logits.map((l) => Math.exp(l)),
            sum = exps.reduce((a, b) => a + b);
          for (let d = 0; d < size; d++) {
            expected[(b * length + i) * 4 + h * size + d] = exps.reduce(
              (s, e, j) => s + e / sum * at(b, j, 2, h, d),
              0,
            );
          }
        }
      }
    }
    const y = tf.tidy(() => attention([qkv], rowsOf(bias, length), { heads }));
    assertLess(largestDifference(y.dataSync(), expected), roundingBound([2, 1, 3, 1, 3]));
    tf.dispose([qkv, bias, y]);
  }),
);

Deno.test(
  "attention's gradient equals finite differences",
  tidily(async () => {
    const { shape: { heads }, bias } = attentionCase();
    await checkGradients((x) => attention([x], rowsOf(bias, 3), { heads }), [draw([6, 12])]);
    bias.dispose();
  }),
);

Deno.test(
  "attention's gradient equals finite differences with dropped maps",
  tidily(async () => {
    const { shape: { heads }, bias } = attentionCase();
    const seed = tf.tensor1d([3, 4], "int32"), mask = dropoutMask([2, 2, 3, 3], 0.3, seed);
    await checkGradients((x) => attention([x], rowsOf(bias, 3, { dropout: mask }), { heads }), [draw([6, 12])]);
    tf.dispose([bias, seed, mask]);
  }),
);

Deno.test(
  "attention for some queries of each row gives the same rows, and the same gradients",
  tidily(async () => {
    const { shape: { heads }, bias } = attentionCase();
    const qkv = draw([6, 12]), chosen = tf.tensor1d([2, 0, 4, 4], "int32"); // rows of the first and of the second bar
    const some = (qkv: Tensor) => {
      const [query, keyValue] = [qkv.slice([0, 0], [6, 4]), qkv.slice([0, 4], [6, 8])];
      return attention([gatherRows(query, chosen), keyValue], rowsOf(bias, 2), { heads });
    };
    const all = (qkv: Tensor) => gatherRows(attention([qkv], rowsOf(bias, 3), { heads }), chosen);
    const values = [some, all].map((f) => tf.tidy(() => f(qkv).dataSync()));
    assertLess(largestDifference(values[0], values[1]), roundingBound([2, 1, 3, 1, 3]));
    const gradients = [some, all].map((f) => tf.tidy(() => tf.grad((x) => f(x).square().sum())(qkv).dataSync()));
    // Forward and back, of a sum of squares; its gradients are below 4.
    assertLess(largestDifference(gradients[0], gradients[1]), roundingBound([2, 1, 3, 1, 3, 2, 3, 3, 2], 4));
    await checkGradients(some, [qkv]);
    tf.dispose([bias, chosen]);
  }),
);

Deno.test(
  "a dropout mask keeps its rate and its mean, and is fixed by its seed",
  tidily(() => {
    const seeds = [tf.tensor1d([1, 2], "int32"), tf.tensor1d([1, 3], "int32")];
    const masks = [seeds[0], seeds[0], seeds[1]].map((seed) => dropoutMask([200, 200], 0.25, seed));
    const [a, b, c] = masks.map((mask) => mask.dataSync());
    assertEquals(a, b);
    assert(largestDifference(a, c) > 0);
    const dropped = a.filter((v) => v === 0).length / a.length;
    assertLess(Math.abs(dropped - 0.25), 0.011); // five standard deviations of 40,000 draws
    assert(a.every((v) => v === 0 || Math.abs(v - 4 / 3) < roundingBound([1], 4 / 3)));
    tf.dispose([...seeds, ...masks]);
  }),
);

Deno.test(
  "products in bfloat16 are those in float32 to its eight bits",
  { ignore: bfloat16Problem() !== undefined },
  tidily(async () => {
    const inputs = [draw([16, 32]), draw([24, 32]), draw([24])], rows = draw([6, 12]), none = tf.zeros([2, 3, 1]);
    for (const islands of [false, true]) {
      const run = (type: Type) =>
        compile("precision", (x, w, b, rows, none) => {
          const { value, grads } = tf.valueAndGrads((x: Tensor, w: Tensor, b: Tensor, rows: Tensor) => {
            const mixed = attention([rows], rowsOf(none, 3, { type }), { heads: 2, type });
            return linear(x, w, b, type).square().sum().add(mixed.square().sum()) as Scalar;
          })([x, w, b, rows]);
          return [value, ...grads];
        }, { islands })(...inputs, rows, none);
      const [full, half] = [await run("float32"), await run("bfloat16")];
      full.forEach((want, i) => {
        const a = want.dataSync(), b = half[i].dataSync();
        const [apart, size] = [a.map((v, j) => v - b[j]), a].map((v) => Math.hypot(...v));
        // Operands, scores, map, mix and gradient are rounded; signs differ, so the norms differ by less.
        assertLess(apart / size, roundingBound([5], 1, "bfloat16") / 2);
        assert(apart > 0, "nothing was rounded");
      });
      tf.dispose([...full, ...half]);
    }
    tf.dispose([...inputs, rows, none]);
  }),
);
