import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { hiddenStates, padBias } from "@lib/bert/bert.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { type Dropout, dropoutMasks } from "@lib/bert/dropout.ts";
import { createBert, namedParameters, unflatten } from "@lib/bert/parameters.ts";
import { tf } from "@lib/engine/mod.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { largestDifference } from "../support/golden.ts";
import { tidily } from "../support/tensors.ts";

const dropout = (rate: number, place: Dropout["place"], seed = 7): Dropout => ({
  rate,
  place,
  seed: tf.tensor1d([seed, 1], "int32"),
});

Deno.test(
  "a mask zeroes the share `rate` and divides the others by 1 − rate; a pass draws a new one each time",
  tidily(() => {
    tf.tidy(() => {
      const draw = (seed: number) => {
        const { mask } = dropoutMasks(dropout(0.25, "block-outputs", seed));
        return [mask([100, 100]).dataSync(), mask([100, 100]).dataSync()];
      };
      const [first, second] = draw(7);
      const zeros = first.filter((value) => value === 0).length;
      assertLess(Math.abs(zeros / 10_000 - 0.25), 5 * Math.sqrt(0.25 * 0.75 / 10_000));
      assert(first.every((value) => value === 0 || Math.abs(value - 4 / 3) < 1e-6));
      assertNotEquals(first, second);
      assertEquals(draw(7), [first, second]);
      assertNotEquals(draw(8)[0], first);
    });
  }),
);

Deno.test("a pass without dropout, or with rate 0, drops nowhere", () => {
  tf.tidy(() => {
    for (const none of [undefined, dropout(0, "block-outputs"), dropout(0, "attention-and-feed-forward")]) {
      const { inside, outside } = dropoutMasks(none);
      assertEquals([inside, outside], [false, false]);
    }
  });
});

/** LayerNorm of rows of `width` numbers, plus what is added to each. */
function normalised(rows: Float32Array, width: number, added?: Float32Array): Float32Array {
  const out = new Float32Array(rows.length);
  for (let at = 0; at < rows.length; at += width) {
    const row = Array.from({ length: width }, (_, i) => rows[at + i] + (added?.[i] ?? 0));
    const mean = row.reduce((a, b) => a + b, 0) / width;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / width;
    row.forEach((value, i) => out[at + i] = (value - mean) / Math.sqrt(variance + 1e-12));
  }
  return out;
}

for (const place of ["block-outputs", "attention-and-feed-forward"] as const) {
  Deno.test(
    `where everything is dropped, a stock layer leaves only residuals, biases and LayerNorms: ${place}`,
    tidily(() => {
      const config = bertConfig(recipe("sound", "smoke", { model: { layers: 2, hidden: 8, heads: 2 } }));
      tf.tidy(() => {
        const { weights } = createBert(config, 1), values = weights.dataSync<"float32">();
        const bias = namedParameters(config, values).get("bert.encoder.layer.1.attention.output.dense.bias")!.data;
        bias.set([1, -2, 3, 0, 0.5, -1, 2, -3]);
        const p = unflatten(config, tf.tensor1d(values)), ids = tf.tensor2d([[4, 9, 30], [4, 7, 2]], [2, 3], "int32");
        const all = dropout(1 - 2 ** -24, place);
        const [, before, after] = hiddenStates(p, config, ids, padBias([3, 2], 3), { dropout: all })
          .map((state) => state.dataSync<"float32">());
        // dropped attention maps leave the output's bias, dropped outputs leave nothing
        const attended = normalised(before, 8, place === "block-outputs" ? undefined : bias);
        assertLess(largestDifference(after, normalised(attended, 8)), 1e-5);
      });
    }),
  );

  Deno.test(
    `where everything is dropped, the authors' layer leaves only residuals and LayerNorms: ${place}`,
    tidily(() => {
      const config = bertConfig(recipe("authors", "smoke", { model: { layers: 1, hidden: 8, heads: 2 } }));
      tf.tidy(() => {
        const p = unflatten(config, createBert(config, 1).weights), ids = tf.tensor2d([[4, 9, 30]], [1, 3], "int32");
        const all = dropout(1 - 2 ** -24, place);
        const [before, after] = hiddenStates(p, config, ids, padBias([3], 3), { dropout: all })
          .map((state) => state.dataSync<"float32">());
        assertLess(largestDifference(after, normalised(normalised(before, 8), 8)), 1e-4); // ε is 1e-5 here
      });
    }),
  );
}
