import { assert, assertEquals, assertLess } from "@std/assert";
import { encode } from "@lib/bert/bert.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { encodePooled, type Pooling, poolingWeights } from "@lib/bert/pooling.ts";
import { bfloat16Problem } from "@lib/engine/library.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { largestDifference } from "../support/golden.ts";

Deno.test("notes weigh alike from behind the tempo to before <eob>; a bar without notes has its first token", () => {
  assertEquals(poolingWeights("notes", 9, 10), [0, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0, 0]);
  assertEquals(poolingWeights("notes", 5, 5), [0, 0, 0, 1, 0]);
  assertEquals(poolingWeights("notes", 4, 5), [1, 0, 0, 0, 0]);
  assertEquals(poolingWeights("eob", 4, 5), [0, 0, 0, 1, 0]);
  assertEquals(poolingWeights("bar", 9, 10), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

/** Rows of 14 tokens: two notes, one note, none; the rest is filled with any ids. */
const lengths = [14, 9, 4], length = 14;
const ids = Int32Array.from({ length: 3 * length }, (_, i) => 4 + i * 37 % 550);

for (const preset of ["sound", "authors"] as const) {
  Deno.test(`pooled states are the means of the encoder's states: ${preset}`, async () => {
    const config = bertConfig(recipe(preset, "smoke")), model = createBert(config, 5), { hidden } = config;
    const states = await encode(model, ids, lengths);
    const orders: Pooling[][] = [["bar"], ["eob", "notes", "bar"], ["notes", "eob"]];
    for (const poolings of orders) {
      const pooled = await encodePooled(model, ids, lengths, poolings);
      assertEquals(pooled.length, poolings.length);
      pooled.forEach((values, i) => {
        assertEquals(values.length, (config.layers + 1) * 3 * hidden);
        states.forEach((state, layer) =>
          lengths.forEach((own, row) => {
            const token = (at: number) =>
              state.subarray((row * length + at) * hidden, (row * length + at + 1) * hidden);
            const notes = Array.from({ length: Math.max(0, own - 4) }, (_, note) => token(3 + note));
            const mean = token(0).map((_, k) => notes.reduce((sum, note) => sum + note[k], 0) / notes.length);
            const want = poolings[i] === "eob" ? token(own - 1) : poolings[i] === "bar" || own === 4 ? token(0) : mean;
            const from = (layer * 3 + row) * hidden;
            assertLess(largestDifference(values.subarray(from, from + hidden), want), 1e-5);
          })
        );
      });
    }
    model.weights.dispose();
  });
}

Deno.test("bfloat16 embeddings are float32's but for the rounding of each layer's products", {
  ignore: bfloat16Problem() !== undefined,
}, async () => {
  const config = bertConfig(recipe("sound", "smoke")), model = createBert(config, 5);
  for (const poolings of [["bar"], ["eob", "notes"]] as Pooling[][]) {
    const exact = await encodePooled(model, ids, lengths, poolings);
    const short = await encodePooled(model, ids, lengths, poolings, "bfloat16");
    exact.forEach((states, pooling) => {
      const size = states.length / (config.layers + 1), norm = (x: Float32Array) => Math.hypot(...x);
      for (let layer = 0; layer <= config.layers; layer++) {
        const [a, b] = [states, short[pooling]].map((all) => all.subarray(layer * size, (layer + 1) * size));
        const share = norm(a.map((value, i) => value - b[i])) / norm(a);
        // Eight bits are kept: a layer rounds what enters and leaves its six products, by 2⁻⁹ at most each.
        assertLess(share, layer * 12 * 2 ** -9 + 1e-6, `layer ${layer}`);
        if (layer > 0) assert(share > 2 ** -18, `layer ${layer}: as exact as float32`);
      }
    });
  }
  model.weights.dispose();
});
