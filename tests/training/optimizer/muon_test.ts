import { assertEquals, assertLess } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { parameterCount, parametersOf } from "@lib/bert/parameters.ts";
import { tf } from "@lib/engine/mod.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { adamWScalars } from "@lib/training/optimizer/adamw.ts";
import { isHidden, orthogonalized, quintic } from "@lib/training/optimizer/muon.ts";
import { optimizerUpdate } from "@lib/training/optimizer/update.ts";
import { largestDifference } from "../../support/golden.ts";
import { drawer, tidily } from "../../support/tensors.ts";

/** Rows that are orthogonal and of length 1, by Gram and Schmidt in float64. */
function orthonormal(rows: number[][]): number[][] {
  const done: number[][] = [];
  for (const row of rows) {
    const rest = [...row];
    for (const other of [...done, ...done]) { // twice, for what rounding leaves
      const along = rest.reduce((sum, value, i) => sum + value * other[i], 0);
      rest.forEach((_, i) => rest[i] -= along * other[i]);
    }
    done.push(rest.map((value) => value / Math.hypot(...rest)));
  }
  return done;
}

/** Σ uᵢ·vᵢᵀ·values[i]. */
const composed = (values: number[], u: number[][], v: number[][]) =>
  u[0].map((_, r) => v[0].map((_, c) => values.reduce((sum, value, i) => sum + value * u[i][r] * v[i][c], 0)));

Deno.test(
  "iterations act on singular values alone, as the polynomial on numbers; all of a stack, each by its own norm",
  tidily(() => {
    const draw = drawer("muon"), rows = 6, columns = 10;
    const drawn = (count: number, length: number) => {
      const tensor = draw([count, length]), values = tensor.arraySync() as number[][];
      tensor.dispose();
      return orthonormal(values);
    };
    const planted = [[3, 2, 1, 0.5, 0.1, 0.01], [40, 40, 1, 1, 1, 1]].map((values) => {
      const u = drawn(rows, rows), v = drawn(rows, columns), length = Math.hypot(...values), [a, b, c] = quintic;
      const after = values.map((value) => {
        let x = value / length;
        for (let step = 0; step < 5; step++) x = a * x + b * x ** 3 + c * x ** 5;
        return x;
      });
      return { given: composed(values, u, v), wanted: composed(after, u, v), after };
    });
    // most lie near 1 afterwards, which is what the method is for
    assertLess(Math.max(...planted[1].after.map((x) => Math.abs(x - 1))), 0.35);
    const stack = tf.tensor3d(planted.map(({ given }) => given)), found = tf.tidy(() => orthogonalized(stack, 5));
    const wanted = planted.flatMap(({ wanted }) => wanted.flat());
    // five iterations enlarge a small value, and its rounding error, by 3.4445 each
    assertLess(largestDifference(found.dataSync(), wanted), 2 ** -24 * 3.4445 ** 5 * 4);
    tf.dispose([stack, found]);
  }),
);

Deno.test("Muon moves the matrices of layers; embeddings, head, biases and LayerNorms are AdamW's", () => {
  const { model } = recipe("sound", "smoke"), { layers } = model;
  const names = (encoder: "bert" | "authors") =>
    parametersOf({ ...bertConfig(recipe("sound", "smoke")), encoder }).filter(isHidden).map(({ name }) => name);
  assertEquals([names("bert").length, names("authors").length], [6 * layers, 4 * layers]);
  assertEquals(names("bert").filter((name) => /embed|cls|bias|Norm/.test(name)), []);
});

Deno.test(
  "query, key and value in one matrix move as three",
  tidily(() => {
    const encoder = { ...bertConfig(recipe("sound", "smoke")), encoder: "authors" as const, layers: 1, hidden: 8 };
    const { training } = recipe("sound", "smoke", { training: { optimizer: "muon", weightDecay: 0, clipNorm: 0 } });
    const part = parametersOf(encoder).find(({ name }) => name.endsWith("to_qkv.weight"))!, size = part.size / 3;
    const moved = tf.tidy(() => {
      const draw = drawer("qkv"), gradient = draw([parameterCount(encoder)]), zero = tf.zerosLike(gradient);
      const state = { weights: zero, first: zero, second: zero }, scalars = adamWScalars(training, 1, 1);
      const { weights } = optimizerUpdate(encoder, state, gradient, scalars, training, zero);
      const alone = [0, 1, 2].map((i) =>
        orthogonalized(gradient.slice([part.offset + i * size], [size]).reshape([1, 8, 8]), 5)
      );
      return [
        weights.slice([part.offset], [part.size]),
        tf.concat(alone).reshape([part.size]).mul(-0.2 * Math.sqrt(8)),
      ];
    });
    assertLess(largestDifference(moved[0].dataSync(), moved[1].dataSync()), 1e-5);
    tf.dispose(moved);
  }),
);
