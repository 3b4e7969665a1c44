import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { CheckpointError, configText, flatten, readConfig } from "@lib/bert/hugging_face.ts";
import { createBert, namedParameters } from "@lib/bert/parameters.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import type { NamedArray } from "@lib/matrix/safetensors.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { goldenPath, goldenTensors } from "../support/golden.ts";

/** What Hugging Face wrote: its tensors and its config. */
const golden = await goldenTensors("bert/model.safetensors") as Map<string, { shape: number[]; data: Float32Array }>;
const stored = JSON.parse(await Deno.readTextFile(goldenPath("bert/config.json"))) as Record<string, unknown>;
const config = readConfig("config.json", JSON.stringify(stored));
const words = "bert.embeddings.word_embeddings.weight", types = "bert.embeddings.token_type_embeddings.weight";

type Tensors = Map<string, NamedArray>;
const renamed = (rename: (name: string) => string | undefined): Tensors =>
  new Map([...golden].flatMap(([name, array]) => {
    const other = rename(name);
    return other === undefined ? [] : [[other, array]];
  }));
const zeros = (...shape: number[]): NamedArray => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b)) });
const read = (tensors: Tensors) => flatten("model.safetensors", config, tensors);
const refused = (tensors: Tensors, ...parts: string[]) => {
  const error = assertThrows(() => read(tensors), CheckpointError);
  for (const part of ["model.safetensors", ...parts]) assertStringIncludes(error.message, part);
};

/** Each of the encoder's parameters as Hugging Face has it. */
function assertEncoder({ weights }: { weights: Float32Array }, but: string[] = []) {
  for (const [name, { data }] of namedParameters(config, weights)) {
    if (name.startsWith("bert.") && !but.includes(name)) assertEquals(data, golden.get(name)!.data, name);
  }
}

Deno.test("what Hugging Face wrote is read whole, and our config has its fields and values", () => {
  const { weights, hasHead, leftOut } = read(golden);
  for (const [name, { data }] of namedParameters(config, weights)) assertEquals(data, golden.get(name)!.data, name);
  assertEquals([hasHead, leftOut], [true, []]);
  const ours = JSON.parse(configText(config)), shared = Object.keys(ours).filter((key) => key in stored);
  assert(shared.length >= 14, `${shared}`);
  assertEquals(shared.map((key) => [key, ours[key]]), shared.map((key) => [key, stored[key]]));
});

Deno.test("fields that a config lacks have the values of Hugging Face's BertConfig", () => {
  const { encoder, init: _, positions: __, ...sizes } = readConfig("config.json", "{}");
  assertEquals(sizes, { // as its documentation lists them
    ...{ layers: 12, hidden: 768, heads: 12, intermediate: 3072, maxPositions: 512, vocabularySize: 30_522 },
    ...{ layerNormEps: 1e-12, initStd: 0.02, dropout: 0.1 },
  });
  assertEquals(encoder, "bert");
});

Deno.test("a config that no encoder can have, or that computes otherwise, is refused by the field's name", () => {
  for (
    const [changes, message] of [
      [{ num_attention_heads: 5 }, "expected num_attention_heads that divides hidden_size (48), found 5"],
      [{ num_attention_heads: 0 }, "for num_attention_heads, found 0"],
      [{ num_hidden_layers: 2.5 }, "for num_hidden_layers, found 2.5"],
      [{ num_hidden_layers: 1e9 }, "expected a whole number from 1 to 1000 for num_hidden_layers"],
      [{ hidden_size: "48" }, "for hidden_size, found 48"],
      [{ layer_norm_eps: -1e-5 }, "expected a number above 0 for layer_norm_eps"],
      [{ layer_norm_eps: 0 }, "for layer_norm_eps, found 0"],
      [{ hidden_dropout_prob: 1 }, "for hidden_dropout_prob, found 1"],
      [{ model_type: "roberta" }, "expected model_type bert, found roberta"],
      [{ hidden_act: "gelu_new" }, "expected hidden_act gelu"],
      [{ hidden_act: "relu" }, "expected hidden_act gelu"],
      [{ is_decoder: true }, "expected is_decoder false, found true"],
      [{ position_embedding_type: "relative_key" }, "expected position_embedding_type absolute"],
    ] as const
  ) {
    const text = JSON.stringify({ ...stored, ...changes });
    const error = assertThrows(() => readConfig("dir/config.json", text), CheckpointError);
    assertStringIncludes(error.message, message);
    assertStringIncludes(error.message, "dir/config.json");
  }
  for (const text of ["", "[]", "null", "{"]) assertThrows(() => readConfig("config.json", text), CheckpointError);
  assertEquals(readConfig("config.json", JSON.stringify({ ...stored, hidden_act: "gelu_python" })), config);
});

Deno.test("the config of the authors' encoder is read back, and checked as the other is", () => {
  const authors = bertConfig(recipe("authors", "smoke"));
  assertEquals(readConfig("config.json", configText(authors)), authors);
  const odd = (changes: object) => JSON.stringify({ ...JSON.parse(configText(authors)), ...changes });
  assertThrows(
    () => readConfig("config.json", odd({ heads: 5 })),
    CheckpointError,
    "expected heads that divides hidden",
  );
  assertThrows(() => readConfig("config.json", odd({ layers: undefined })), CheckpointError, "for layers, found none");
});

Deno.test("an encoder is read under any prefix, and its head with it", () => {
  for (const prefix of ["module.", "model.", "_orig_mod.", "module._orig_mod.", "net.encoder."]) {
    const { hasHead, leftOut, ...all } = read(renamed((name) => prefix + name));
    assertEquals([hasHead, leftOut], [true, []], prefix);
    assertEquals(all.weights, read(golden).weights);
    const bare = read(renamed((name) => name.startsWith("bert.") ? prefix + name.slice(5) : undefined));
    assertEncoder(bare);
    assertEquals(bare.hasHead, false);
  }
});

Deno.test("a BertModel has no head: a fresh one of seed 0 takes its place, and leaves no tensor", () => {
  const before = tensorCount(), bare = read(renamed((name) => name.startsWith("bert.") ? name.slice(5) : undefined));
  assertEquals(tensorCount(), before);
  assertEncoder(bare);
  assertEquals([bare.hasHead, bare.leftOut], [false, []]);
  const fresh = createBert(config, 0), values = namedParameters(config, fresh.weights.dataSync<"float32">());
  fresh.weights.dispose();
  const head = [...namedParameters(config, bare.weights)].filter(([name]) => name.startsWith("cls."));
  assert(head.length === 5);
  for (const [name, { data }] of head) assertEquals(data, values.get(name)!.data, name);
});

Deno.test("of a fine-tuned model the encoder is read, and the rest is listed as left out", () => {
  const tuned = renamed((name) => name.startsWith("bert.") ? name : undefined);
  for (const name of ["bert.pooler.dense.weight", "classifier.weight", "classifier.bias", "crf.transitions"]) {
    tuned.set(name, zeros(48, 48));
  }
  tuned.set("bert.embeddings.position_ids", { shape: [1, 512], data: new BigInt64Array(512) }); // a buffer
  const { hasHead, leftOut, ...rest } = read(tuned);
  assertEncoder(rest);
  assertEquals(hasHead, false);
  assertEquals(leftOut, ["bert.pooler.dense.weight", "classifier.weight", "classifier.bias", "crf.transitions"]);
});

Deno.test("a decoder of its own leaves the head out; a tied copy, or its bias alone, does not", () => {
  const own = golden.get(words)!, other = own.data.slice();
  other[7] += 1;
  const untied = new Map<string, NamedArray>(golden).set("cls.predictions.decoder.weight", { ...own, data: other });
  const { hasHead, leftOut, ...rest } = read(untied);
  assertEncoder(rest);
  assertEquals(hasHead, false);
  assertEquals(leftOut.sort(), [...untied.keys()].filter((name) => name.startsWith("cls.")).sort());
  const bias = golden.get("cls.predictions.bias")!;
  const tied = new Map<string, NamedArray>(golden).set("cls.predictions.decoder.weight", own)
    .set("cls.predictions.decoder.bias", bias);
  assertEquals(read(tied), read(golden));
  tied.delete("cls.predictions.bias");
  assertEquals(read(tied), read(golden));
  tied.delete("cls.predictions.transform.dense.bias");
  assertEquals([read(tied).hasHead, read(tied).leftOut.length], [false, 5]);
});

Deno.test("old LayerNorms have gamma and beta; both names at once are refused", () => {
  const old = renamed((name) =>
    name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
  );
  assert([...old.keys()].some((name) => name.endsWith("gamma")));
  assertEquals(read(old), read(golden));
  const name = "bert.embeddings.LayerNorm.weight";
  refused(old.set(name, golden.get(name)!), "expected one of bert.embeddings.LayerNorm.gamma and", "found both");
});

Deno.test("any number of token types will do, as only the first is used", () => {
  const [first, second] = [0, 1].map((row) => golden.get(types)!.data.slice(row * 48, (row + 1) * 48));
  const withTypes = (...rows: Float32Array[]) =>
    new Map<string, NamedArray>(golden).set(types, {
      shape: [rows.length, 48],
      data: Float32Array.from(rows.flatMap((row) => [...row])),
    });
  for (const tensors of [withTypes(first), withTypes(first, second, second)]) {
    assertEncoder(read(tensors), [types]);
    assertEquals(namedParameters(config, read(tensors).weights).get(types)!.data.slice(0, 48), first);
  }
  refused(withTypes(), `expected ${types} of shape [2,48], found [0,48]`);
});

Deno.test("float64 weights are rounded; those beyond float32, NaN, infinities and integers are refused by name", () => {
  const doubles = new Map<string, NamedArray>(
    Array.from(
      golden,
      ([name, { shape, data }]) => [name, { shape, data: Float64Array.from(data, (x) => x * (1 + 1e-12)) }],
    ),
  );
  assertEquals(read(doubles), read(golden));
  const query = "bert.encoder.layer.1.attention.self.query.weight";
  for (
    const [value, text] of [[NaN, "NaN"], [Infinity, "Infinity"], [-Infinity, "-Infinity"], [1e39, "1e+39"]] as const
  ) {
    for (const name of [query, "cls.predictions.bias", words]) {
      const data = Float64Array.from(golden.get(name)!.data);
      data[5] = value;
      const odd = new Map<string, NamedArray>(golden).set(name, { ...golden.get(name)!, data });
      refused(odd, `expected finite numbers in ${name}, found ${text} at place 5`);
    }
  }
  refused(
    new Map<string, NamedArray>(golden).set(query, { shape: [48, 48], data: new Int32Array(48 * 48) }),
    `expected floats in ${query}`,
  );
  const unused = new Map<string, NamedArray>(golden).set("classifier.weight", {
    shape: [1],
    data: Float32Array.of(NaN),
  });
  assertEquals(read(unused).weights, read(golden).weights);
});

Deno.test("what is missing or mis-shaped is listed, and a file without an encoder with the names it has", () => {
  const query = "bert.encoder.layer.1.attention.self.query.weight", bias = "cls.predictions.bias";
  const wrong = new Map<string, NamedArray>(golden).set(bias, zeros(559));
  wrong.delete(query);
  refused(wrong, `expected ${query} of shape [48,48], found none`, `expected ${bias} of shape [560], found [559]`);
  refused(
    renamed((name) => name.replace("query.weight", "query.base_layer.weight")),
    "The file also has bert.encoder.layer.0.attention.self.query.base_layer.weight; ",
  );
  const deeper = readConfig("config.json", JSON.stringify({ ...stored, num_hidden_layers: 4 }));
  const error = assertThrows(() => flatten("m", deeper, golden), CheckpointError);
  assertStringIncludes(
    error.message,
    "bert.encoder.layer.3.attention.self.query.weight of shape [48,48], found none; ",
  );
  assertStringIncludes(error.message, "and 8 more");
  refused(
    new Map([["a.weight", zeros(2)], ["b.weight", zeros(3)]]),
    "embeddings.word_embeddings.weight, found only a.weight; b.weight.",
  );
  const two = new Map([...golden, ...renamed((name) => `ema.${name}`)]);
  refused(two, `expected one tensor …embeddings.word_embeddings.weight, found ${words}; ema.${words}`);
});
