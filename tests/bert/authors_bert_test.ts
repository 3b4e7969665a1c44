import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { chosenTokens, toTensors } from "@lib/training/batches.ts";
import type { BertConfig } from "@lib/bert/config.ts";
import { encode } from "@lib/bert/bert.ts";
import { createBert, type Model, parametersOf } from "@lib/bert/parameters.ts";
import { loadCheckpoint, saveCheckpoint } from "@lib/bert/checkpoint.ts";
import { tf } from "@lib/engine/mod.ts";
import { maskedEvaluation } from "@lib/training/masked_evaluation.ts";
import { trainingStep } from "@lib/training/training_step.ts";
import { adamWScalars } from "@lib/training/optimizer/adamw.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { goldenJson, goldenTensors, largestDifference } from "../support/golden.ts";
import { encoderBound } from "../support/rounding.ts";

interface Expected {
  f64: Record<"batch" | "padded+60", { loss: number; gradNorms: Record<string, number> }> & { adamwLosses: number[] };
  padEffect: { index0LastLayerMaxAbs_pad60: number[] };
}

const expected = await goldenTensors("encoder/expected.safetensors");
const { f64, padEffect } = await goldenJson<Expected>("encoder/expected.json.gz");
const weights = await goldenTensors("encoder/model.safetensors");
const lengths = [119, 34, 64];

const config: BertConfig = {
  encoder: "authors",
  layers: 3,
  hidden: 80,
  heads: 2,
  intermediate: 320,
  maxPositions: 512,
  layerNormEps: 1e-5,
  init: "torch",
  initStd: 0.02,
  positions: "random",
  dropout: 0,
  vocabularySize: 560,
};

function goldenModel(): Model {
  const flat = parametersOf(config).flatMap(({ name, shape }) => {
    assertEquals(weights.get(name)?.shape, shape, name);
    return Array.from(weights.get(name)!.data as Float32Array);
  });
  return { config, weights: tf.tensor1d(flat) };
}

/** The golden batch, padded as the fixture's name says. */
function goldenBatch(padding: "" | "_pad60") {
  const ids = expected.get(`input_ids${padding}`)!, labels = expected.get(`targets${padding}`)!.data as Int32Array;
  const [rows, length] = ids.shape;
  const chosen = Array.from({ length: rows }, (_, row) => {
    const own = labels.subarray(row * length, (row + 1) * length);
    const positions = Array.from(own.keys()).filter((i) => own[i] > 0);
    return { positions, labels: positions.map((i) => own[i]) };
  });
  const grid = chosenTokens(chosen, length, Math.max(...chosen.map(({ positions }) => positions.length)));
  return toTensors({ rows, length, lengths, ids: ids.data as Int32Array, ...grid });
}

/** The first states of every layer, layers × rows × hidden. */
async function firstStates(model: Model, padding: "" | "_pad60"): Promise<Float32Array[]> {
  const ids = expected.get(`input_ids${padding}`)!, length = ids.shape[1];
  const states = await encode(model, ids.data as Int32Array, lengths);
  return states.map((state) =>
    Float32Array.from(
      lengths.flatMap((_, row) => Array.from(state.subarray(row * length * 80, row * length * 80 + 80))),
    )
  );
}

Deno.test("the authors' parameters are ours, besides the fixed rotary frequencies", () => {
  const ours = new Set(parametersOf(config).map(({ name }) => name));
  const others = [...weights.keys()].filter((name) => !ours.has(name));
  assert(others.every((name) => name.endsWith("rotary_emb.freqs")), others.join());
});

Deno.test("hidden states of every layer equal the authors' encoder's", async () => {
  const model = goldenModel(), golden = expected.get("hidden_states_f64")!;
  const states = await encode(model, expected.get("input_ids")!.data as Int32Array, lengths);
  const size = 3 * 119 * 80;
  assertEquals(states.length, 4);
  states.forEach((state, layer) =>
    lengths.forEach((length, row) => {
      const from = row * 119 * 80, to = from + length * 80;
      const want = (golden.data as Float64Array).subarray(layer * size + from, layer * size + to);
      assertLess(largestDifference(state.subarray(from, to), want), encoderBound(model.config, 119, 4));
    })
  );
  model.weights.dispose();
});

Deno.test("pads take part as in the authors' encoder: 60 more of them move the bar states as theirs", async () => {
  const model = goldenModel();
  const [short, long] = [await firstStates(model, ""), await firstStates(model, "_pad60")];
  const golden = expected.get("index0_f64_pad60")!.data as Float64Array;
  long.forEach((state, layer) =>
    assertLess(
      largestDifference(state, golden.subarray(layer * 240, layer * 240 + 240)),
      encoderBound(model.config, 179, 4),
    )
  );
  padEffect.index0LastLayerMaxAbs_pad60.forEach((effect, row) => {
    const part = (states: Float32Array[]) => states.at(-1)!.subarray(row * 80, row * 80 + 80);
    assertLess(Math.abs(largestDifference(part(short), part(long)) - effect), 1e-4);
    assertGreater(effect, 0.5);
  });
  model.weights.dispose();
});

for (const [padding, name] of [["", "batch"], ["_pad60", "padded+60"]] as const) {
  Deno.test(`loss and gradient norms equal the authors', ${name}`, async () => {
    const model = goldenModel(), batch = goldenBatch(padding);
    const [loss, guesses] = await maskedEvaluation(config)(model.weights, ...batch);
    assertLess(Math.abs(loss.dataSync()[0] - f64[name].loss), 2e-5);
    const choices = recipe("authors", "smoke", { training: { learningRate: 1e-3, weightDecay: 0 } });
    const step = trainingStep("BERT", config, choices), seed = tf.tensor1d([0, 0], "int32");
    const zeros = [tf.zerosLike(model.weights), tf.zerosLike(model.weights)];
    const scalars = adamWScalars(choices.training, 1, 1e-3);
    const outputs = await step(model.weights, ...zeros, scalars, seed, seed, ...batch);
    const moment = outputs[1].dataSync(); // (1 − β₁) times the gradient
    for (const { name: parameter, offset, size } of parametersOf(config)) {
      const norm = 10 * Math.hypot(...moment.subarray(offset, offset + size)), want = f64[name].gradNorms[parameter];
      assertLess(Math.abs(norm - want) / want, 1e-4, `${parameter}: ${norm}, expected ${want}`);
    }
    tf.dispose([loss, guesses, ...outputs, ...zeros, scalars, seed, ...batch, model.weights]);
  });
}

Deno.test("five AdamW steps lose what the authors' encoder loses", async () => {
  const choices = recipe("authors", "smoke", { training: { learningRate: 1e-3 } }), batch = goldenBatch("");
  const step = trainingStep("BERT", config, choices), seed = tf.tensor1d([0, 0], "int32"), model = goldenModel();
  let state = [model.weights, tf.zerosLike(model.weights), tf.zerosLike(model.weights)];
  for (let i = 1; i <= 6; i++) {
    const scalars = adamWScalars(choices.training, i, 1e-3);
    const [weights, first, second, out, correct] = await step(...state, scalars, seed, seed, ...batch);
    assertLess(Math.abs(out.dataSync()[0] - f64.adamwLosses[i - 1]) / f64.adamwLosses[i - 1], 1e-4);
    tf.dispose([...state, scalars, out, correct]);
    state = [weights, first, second];
  }
  tf.dispose([...state, seed, ...batch]);
});

Deno.test("the preset asks for the authors' encoder, with 86,456,624 parameters at the paper's size", () => {
  const { model } = recipe("authors", "base");
  assertEquals(model.encoder, "authors");
  const parameters = parametersOf({ ...model, vocabularySize: 560 });
  assertEquals(parameters.reduce((sum, { size }) => sum + size, 0), 86_456_624);
});

Deno.test("fresh weights follow PyTorch's defaults", () => {
  const model = createBert(config, 1), values = model.weights.dataSync<"float32">();
  for (const { name, offset, size, shape } of parametersOf(config)) {
    const part = values.subarray(offset, offset + size);
    const mean = part.reduce((a, b) => a + b, 0) / size, square = part.reduce((a, b) => a + b * b, 0) / size;
    if (name.endsWith("token_embed.weight")) assertLess(Math.abs(square - 1), 5 * Math.sqrt(2 / size));
    else if (/norm\d?\.weight|mlp\.0\.weight|head\.2\.weight/.test(name)) assert(part.every((v) => v === 1));
    else if (/norm\d?\.bias|mlp\.0\.bias|head\.2\.bias/.test(name)) assert(part.every((v) => v === 0));
    else {
      const inputs = shape[1] ?? (name.endsWith("mlp.3.bias") ? 320 : 80), bound = 1 / Math.sqrt(inputs);
      assert(part.every((v) => Math.abs(v) <= bound), name);
      assertLess(Math.abs(mean), 5 * bound / Math.sqrt(3 * size));
    }
  }
  model.weights.dispose();
});

Deno.test("a checkpoint of the authors' encoder opens again", async () => {
  const dir = await Deno.makeTempDir(), model = goldenModel(), values = model.weights.dataSync<"float32">();
  await saveCheckpoint(dir, config, values);
  const opened = await loadCheckpoint(dir);
  assertEquals(opened.config, config);
  assertEquals(opened.weights.dataSync(), values);
  tf.dispose([model.weights, opened.weights]);
  await Deno.remove(dir, { recursive: true });
});
