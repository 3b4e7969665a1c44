import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import {
  createBert,
  isMatrix,
  namedParameters,
  parameterCount,
  parametersOf,
  unflatten,
} from "@lib/bert/parameters.ts";
import { tf } from "@lib/engine/mod.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { goldenTensors } from "../support/golden.ts";
import { tidily } from "../support/tensors.ts";

const small = bertConfig(
  recipe("sound", "smoke", { model: { layers: 3, hidden: 48, heads: 4, intermediate: 192, maxPositions: 512 } }),
);
const base = bertConfig(recipe("sound", "base"));

Deno.test("names and shapes are those of Hugging Face's BertForMaskedLM", async () => {
  const golden = await goldenTensors("bert/model.safetensors");
  const text = (list: Iterable<[string, readonly number[]]>) => Array.from(list, ([name, shape]) => `${name} ${shape}`);
  assertEquals(
    text(parametersOf(small).map(({ name, shape }) => [name, shape])).sort(),
    text(Array.from(golden, ([name, { shape }]) => [name, shape])).sort(),
  );
});

Deno.test("the paper's size has as many parameters as BERT_base, but for the vocabulary", () => {
  const published = 109_514_298; // bert-base-uncased as a BertForMaskedLM, over 30,522 tokens
  assertEquals(parameterCount(base), published - (30_522 - 560) * (768 + 1)); // an embedding and a bias for each
});

Deno.test("parameters follow one another in the flat vector without a gap", () => {
  let end = 0;
  for (const { name, shape, offset, size } of parametersOf(small)) {
    assertEquals([offset, size], [end, shape.length === 1 ? shape[0] : shape[0] * shape[1]], name);
    end += size;
  }
  assertEquals(end, parameterCount(small));
});

Deno.test("biases and LayerNorms are no matrices, everything else is", () => {
  for (const parameter of parametersOf(small)) {
    assertEquals(isMatrix(parameter), !/bias$|LayerNorm/.test(parameter.name), parameter.name);
  }
});

Deno.test("fresh weights are BERT's: truncated normals, biases of 0, LayerNorms of 1 and 0", () => {
  const { weights } = createBert(small, 1), values = namedParameters(small, weights.dataSync<"float32">());
  for (const [name, { data, shape }] of values) {
    if (name.endsWith("bias")) assert(data.every((value) => value === 0), name);
    else if (shape.length === 1) assert(data.every((value) => value === 1), name);
    else {
      // a standard normal cut at ±2 has the standard deviation 0.8796 (its density there: 0.05399, its mass: 0.9545)
      const deviation = Math.sqrt(1 - 4 * 0.05399 / 0.9545) * 0.02, count = data.length;
      const mean = data.reduce((a, b) => a + b, 0) / count, power = data.reduce((a, b) => a + b * b, 0) / count;
      assert(data.every((value) => Math.abs(value) <= 0.04), name);
      assertLess(Math.abs(mean), 5 * deviation / Math.sqrt(count), name);
      assertLess(Math.abs(Math.sqrt(power) / deviation - 1), 5 / Math.sqrt(count), name);
    }
  }
  weights.dispose();
});

Deno.test("a seed fixes every weight, another seed gives others", () => {
  const draw = (seed: number) => {
    const { weights } = createBert(small, seed), values = weights.dataSync<"float32">();
    weights.dispose();
    return values;
  };
  assertEquals(draw(3), draw(3));
  assertNotEquals(draw(3), draw(4));
});

Deno.test(
  "a parameter's tensor has the values of its place in the flat vector",
  tidily(() => {
    const flat = Float32Array.from({ length: parameterCount(small) }, (_, i) => i % 16_777_216);
    tf.tidy(() => {
      const tensors = unflatten(small, tf.tensor1d(flat)), named = namedParameters(small, flat);
      assertEquals([...tensors.keys()], [...named.keys()]);
      assertEquals(named.get("bert.embeddings.position_embeddings.weight")!.data[0], 560 * 48); // after the words
      for (const [name, tensor] of tensors) {
        assertEquals(tensor.shape, named.get(name)!.shape);
        assertEquals(tensor.dataSync(), named.get(name)!.data.slice());
      }
    });
  }),
);

Deno.test("positions that start as sinusoids have the variance of other weights, and products that depend on distance", () => {
  const sized = recipe("sound", "smoke", { model: { hidden: 64, positions: "sinusoids", initStd: 0.1 } });
  const config = bertConfig(sized), { weights } = createBert(config, 1), values = weights.dataSync<"float32">();
  weights.dispose();
  const name = "bert.embeddings.position_embeddings.weight", { data } = namedParameters(config, values).get(name)!;
  const row = (position: number) => data.subarray(64 * position, 64 * (position + 1));
  const product = (a: number, b: number) => row(a).reduce((sum, value, i) => sum + value * row(b)[i], 0);
  for (const distance of [0, 1, 5, 100]) {
    const expected = Array.from({ length: 32 }, (_, i) => Math.cos(distance * 10000 ** (-i / 32)))
      .reduce((sum, cosine) => sum + 2 * 0.1 ** 2 * cosine, 0); // sin a·sin b + cos a·cos b = cos(a − b)
    for (const from of [0, 17, 400]) assertLess(Math.abs(product(from, from + distance) - expected), 1e-5);
  }
  const mean = data.reduce((sum, value) => sum + value ** 2, 0) / data.length;
  assertLess(Math.abs(mean - 0.1 ** 2), 1e-8);
});

Deno.test("positions alone differ between the two ways to start them", () => {
  const start = (positions: "random" | "sinusoids") => {
    const config = bertConfig(recipe("sound", "smoke", { model: { positions } })), { weights } = createBert(config, 1);
    const named = namedParameters(config, weights.dataSync<"float32">());
    weights.dispose();
    return named;
  };
  const random = start("random"), sinusoids = start("sinusoids");
  const differ = [...random].filter(([name, { data }]) =>
    data.some((value, i) => value !== sinusoids.get(name)!.data[i])
  );
  assertEquals(differ.map(([name]) => name), ["bert.embeddings.position_embeddings.weight"]);
});
