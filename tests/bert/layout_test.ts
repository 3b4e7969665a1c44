import { assertEquals, assertLess } from "@std/assert";
import { encode, hiddenStates, layoutStates, padBias } from "@lib/bert/bert.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { askedStates, attentionRows, plainLayout } from "@lib/bert/layout.ts";
import { createBert, unflatten } from "@lib/bert/parameters.ts";
import { tf } from "@lib/engine/mod.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { largestDifference } from "../support/golden.ts";
import { encoderBound } from "../support/rounding.ts";
import { tidily } from "../support/tensors.ts";

const config = bertConfig(recipe("sound", "smoke", { model: { init: "torch" } }));
const ids = () => tf.tensor2d([[4, 9, 30, 0], [4, 7, 2, 100], [4, 8, 0, 0]], [3, 4], "int32");
const asked = (...positions: number[][]) => tf.tensor2d(positions, undefined, "int32");

Deno.test(
  "states that are asked for in two parts, or in two blocks, are those of all states",
  tidily(() =>
    tf.tidy(() => {
      const p = unflatten(config, createBert(config, 1).weights), bias = padBias([3, 4, 2], 4);
      const all = hiddenStates(p, config, ids(), bias).at(-1)!, wanted = [2, 0, 5, 5, 9, 8];
      const expected = all.gather(tf.tensor1d(wanted, "int32")).dataSync();
      const bound = encoderBound(config, 4, 4);
      const parts = [asked([2, 0], [5, 5]), asked([9, 8])];
      const inParts = layoutStates(p, config, plainLayout(ids(), bias, parts)).at(-1)!;
      assertLess(largestDifference(inParts.dataSync(), expected), bound);
      const { blocks: [{ marks }] } = plainLayout(ids(), bias);
      const cut = (x: Tensor, from: number, rows: number) => x.slice([from, 0, 0], [rows, -1, -1]);
      const blocks = [{ from: 0, rows: 2, asked: [parts[0]] }, { from: 2, rows: 1, asked: [parts[1]] }].map(
        ({ from, rows, asked }) => {
          const own = { query: cut(marks.query, from, rows), key: cut(marks.key, from, rows) };
          return { rows, length: 4, marks: own, asked };
        },
      );
      const places = tf.tensor1d([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3], "int32");
      const inBlocks = layoutStates(p, config, { ids: ids().flatten(), places, blocks }).at(-1)!;
      assertLess(largestDifference(inBlocks.dataSync(), expected), bound);
    })
  ),
);

Deno.test(
  "asked states are rows of the states, and attention rows count queries and keys of each part",
  tidily(() =>
    tf.tidy(() => {
      const x = tf.range(0, 24).reshape([12, 2]), parts = [asked([2, 0], [5, 5]), asked([9, 8])];
      const { blocks } = plainLayout(ids(), padBias([3, 4, 2], 4), parts);
      assertEquals(Array.from(askedStates(x, blocks).dataSync()), [4, 5, 0, 1, 10, 11, 10, 11, 18, 19, 16, 17]);
      const rows = attentionRows(blocks, 2, undefined, { inside: false, mask: (shape) => tf.zeros(shape), skip() {} });
      const counts = (all: ReturnType<typeof rows.whole>) =>
        all.map(({ rows, queries, keys }) => [rows, queries, keys]);
      assertEquals(counts(rows.whole()), [[3, 4, 4]]);
      assertEquals(counts(rows.asked()), [[2, 2, 4], [1, 2, 4]]);
    })
  ),
);

Deno.test("a compiled pass over many rows captures nothing", async () => {
  const { config, weights } = createBert(bertConfig(recipe("sound", "smoke")), 1), rows = 40, length = 500;
  const lengths = Array.from({ length: rows }, (_, row) => length - row);
  const states = await encode({ config, weights }, new Int32Array(rows * length).fill(4), lengths);
  assertEquals(states.map((state) => state.length), Array(config.layers + 1).fill(rows * length * config.hidden));
  weights.dispose();
});
