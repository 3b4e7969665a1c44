import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { layoutStates } from "@lib/bert/bert.ts";
import { createBert, parametersOf, unflatten } from "@lib/bert/parameters.ts";
import { type ModelName, modelNames, variants } from "@lib/bert/variants.ts";
import { tensorCount, tf } from "@lib/engine/mod.ts";
import { joinFlat, splitFlat } from "@lib/engine/ops.ts";
import type { Scalar, Tensor } from "@lib/engine/types.ts";
import { bucketBatch, toTensors } from "@lib/training/batches.ts";
import { losses } from "@lib/training/objectives.ts";
import { type PackedBatch, packedBatch, packedTensors, readPacked } from "@lib/training/packing/batch.ts";
import { type PackedPlan, packedPlans } from "@lib/training/packing/plans.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { encoderBound } from "../../support/rounding.ts";
import { smallCorpus } from "../../support/small_run.ts";

const corpus = await smallCorpus();
const choices = recipe("sound", "smoke", {
  model: { init: "torch", layers: 3 },
  contrast: { weight: 0.7 },
  training: { packing: "rows", batchTokens: 2048, rowLengths: [256, 512] },
});
const config = bertConfig(choices), sizeOf = (bar: number) => corpus.tokens(bar).length;

/** The first batch that has a row with several bars in each block. */
function planOf(model: ModelName): PackedPlan {
  for (const plan of packedPlans(corpus, choices, model)) {
    if (
      plan.shape.blocks.every((_, block) => plan.places.some(({ first }) => first.block === block && first.slot > 0))
    ) {
      return plan;
    }
  }
  throw new Error("no such batch");
}

/** Numbers, and the gradient by all weights, of a batch's losses without dropout. */
function numbersOf(weights: Tensor, batch: Tensor[], paired: boolean) {
  return tf.tidy(() => {
    let parts: Record<string, Tensor> = {};
    const parameters = parametersOf(config);
    const { grads } = tf.valueAndGrads((...tensors: Tensor[]) => {
      const named = new Map(parameters.map(({ name }, i) => [name, tensors[i]]));
      parts = losses(named, config, choices, batch, paired);
      Object.values(parts).forEach((tensor) => tf.keep(tensor));
      return parts.total as Scalar;
    })(splitFlat(weights, parameters.map(({ shape }) => shape)));
    const { masked, contrast, accuracy } = parts;
    const read = { gradient: joinFlat(grads).dataSync<"float32">() };
    const [m, c, a] = [masked, contrast, accuracy].map((tensor) => tensor.dataSync()[0]);
    tf.dispose(Object.values(parts));
    return { ...read, masked: m, contrast: c, accuracy: a };
  });
}

for (const model of modelNames) {
  Deno.test(`${model}: losses and gradients of packed rows are those of rows of one bar each, to rounding`, () => {
    const before = tensorCount(), plan = planOf(model), paired = variants[model].view !== "none";
    const { weights } = createBert(config, 3);
    const alone = { length: 512, epoch: plan.epochs[0], bars: plan.bars, partners: plan.partners };
    assert(plan.epochs.every((epoch) => epoch === alone.epoch)); // else their masks differ
    const batches = [
      toTensors(packedBatch(corpus, plan, choices, model)),
      toTensors(bucketBatch(corpus, alone, choices, model)),
    ];
    const [packed, single] = batches.map((batch) => numbersOf(weights, batch, paired));
    tf.dispose([weights, ...batches.flat()]);
    assertEquals(tensorCount(), before);
    const bound = encoderBound(config, 512, 4);
    assertLess(Math.abs(packed.masked - single.masked), bound);
    assertLess(Math.abs(packed.contrast - single.contrast), 10 * bound); // the temperature is 0.1
    assertEquals(packed.accuracy, single.accuracy);
    if (paired) assert(packed.contrast > 0);
    const apart = packed.gradient.map((v, i) => v - single.gradient[i]);
    assertLess(Math.hypot(...apart), 20 * bound * Math.hypot(...single.gradient));
  });
}

/** The last states that a packed batch asks for. */
function statesOf(weights: Tensor, batch: PackedBatch): { states: Float32Array; tokens: number } {
  const tensors = packedTensors(batch), { layout, labels } = readPacked(tensors, batch.pairs !== undefined);
  const states = tf.tidy(() => layoutStates(unflatten(config, weights), config, layout).at(-1)!.dataSync<"float32">());
  const read = { states, tokens: labels.size };
  tf.dispose(tensors);
  return read;
}

Deno.test("another bar in a row changes no state of its neighbors there, to the bit", () => {
  const plan = planOf("BERT"), { weights } = createBert(config, 3), batch = packedBatch(corpus, plan, choices, "BERT");
  const { states } = statesOf(weights, batch), { hidden } = config;
  const at = plan.places.findIndex(({ first }) => first.slot > 0), { first: changed } = plan.places[at];
  const { rows: blockRows, length } = plan.shape.blocks[changed.block];
  const before = plan.shape.blocks.slice(0, changed.block).reduce((sum, { rows, length }) => sum + rows * length, 0);
  assert(changed.row < blockRows);
  const from = before + changed.row * length + changed.column, other = { ...batch, ids: batch.ids.slice() };
  for (let i = 0; i < sizeOf(plan.bars[at]); i++) other.ids[from + i] = 4 + (other.ids[from + i] + 77) % 556;
  const moved = statesOf(weights, other).states;
  weights.dispose();
  let label = 0, touched = 0, still = 0;
  plan.shape.blocks.forEach(({ rows, chosen }, block) => {
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < chosen; k++, label++) {
        if (batch.weights[label] === 0) continue;
        const [a, b] = [states, moved].map((all) => all.slice(label * hidden, (label + 1) * hidden));
        const own = Math.round(0.15 * sizeOf(plan.bars[at]));
        const inside = block === changed.block && row === changed.row && k >= changed.chosen &&
          k < changed.chosen + own;
        if (inside) touched++, assertNotEquals(a, b);
        else still++, assertEquals(a, b);
      }
    }
  });
  assert(touched > 0 && still > touched);
});

Deno.test("a batch has its bars' tokens at their places, positions that begin anew, and pads that nothing sees", () => {
  const plan = planOf("BERT-aug"), batch = packedBatch(corpus, plan, choices, "BERT-aug");
  const { blocks } = plan.shape;
  assertEquals(batch.ids.length, 2 * blocks.reduce((sum, { rows, length }) => sum + rows * length, 0));
  let label = 0, offset = 0;
  blocks.forEach(({ rows, length, slots, chosen }, block) => {
    const { query, key, width } = batch.blocks[block], owner = new Int32Array(2 * rows * length).fill(-1);
    plan.places.forEach(({ first, second }, i) => {
      for (const [half, place] of [first, second].entries()) {
        if (place.block !== block) continue;
        const from = (half * rows + place.row) * length + place.column;
        owner.fill(2 * i + half, from, from + sizeOf(plan.bars[i]));
        for (let k = 0; k < sizeOf(plan.bars[i]); k++) assertEquals(batch.places[offset + from + k], k);
      }
    });
    for (let row = 0; row < 2 * rows; row++) {
      for (let q = 0; q < length; q += 7) {
        for (let k = 0; k < length; k += 5) {
          const [a, b] = [row * length + q, row * length + k];
          let added = 0;
          for (let e = 0; e < width; e++) added += query[a * width + e] * key[b * width + e];
          if (owner[a] >= 0) assertEquals(added === 0, owner[a] === owner[b], `${block} ${row} ${q} ${k}: ${added}`);
          if (added !== 0) assertLess(added, -1e9);
        }
      }
    }
    assertEquals(width, slots);
    const { positions, count } = batch.blocks[block].asked[0];
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < chosen; k++, label++) {
        if (batch.weights[label] === 0) continue;
        const i = owner[positions[row * count + k] - offset] >> 1, tokens = corpus.tokens(plan.bars[i]);
        assertEquals(batch.labels[label], tokens[batch.places[positions[row * count + k]]]);
      }
    }
    offset += 2 * rows * length;
  });
  const chosen = plan.bars.reduce((sum, bar) => sum + Math.round(0.15 * sizeOf(bar)), 0);
  assert(Math.abs(batch.weights.reduce((a, b) => a + b) - chosen) <= 1);
  assertEquals(batch.pairs!.present.reduce((a, b) => a + b), plan.bars.length);
});
