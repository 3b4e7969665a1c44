/**
 * A bar's states as one embedding: the state of its Bar token, the mean of its notes' states, or the state of `<eob>`.
 * @module
 */
import type { BertConfig } from "./config.ts";
import { compiledOnce, hiddenStates, runPass } from "./bert.ts";
import { type Model, unflatten } from "./parameters.ts";
import { compile, rawOp, tf } from "../engine/mod.ts";
import { gatherRows, type Precision } from "../engine/ops.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { headTokens } from "../tokens/bar_format.ts";

/** How a bar's states become one embedding; see the recipe. */
export type Pooling = Recipe["probing"]["poolings"][number];

/** The weight of each of a bar's `length` tokens: `notes` weighs those between tempo and `<eob>` alike. */
export function poolingWeights(pooling: Pooling, length: number, padded: number): number[] {
  const weights = new Array<number>(padded).fill(0), notes = length - headTokens - 1;
  if (pooling === "eob") weights[length - 1] = 1;
  else if (pooling === "notes" && notes > 0) weights.fill(1 / notes, headTokens, length - 1);
  else weights[0] = 1;
  return weights;
}

/** The first token's state at every layer: layers × batch × hidden. The last layer computes no other token. */
const firstStates = (config: BertConfig, precision: Precision) =>
  compile("embed", (weights, ids, bias) => {
    const [batch, length] = ids.shape as [number, number];
    const rows = tf.range(0, batch * length, length, "int32"), only = rows.reshape([batch, 1]);
    const states = hiddenStates(unflatten(config, weights), config, ids, bias, { only, precision }),
      last = states.pop()!;
    return [tf.stack([...states.map((state) => gatherRows(state, rows)), last])];
  });

/** All layers pooled: layers × batch × poolings × hidden, from pooling weights of batch × poolings × length. */
const pooledStates = (config: BertConfig, precision: Precision) =>
  compile("pool", (weights, ids, bias, pooling) => {
    const [batch, length] = ids.shape as [number, number], type = { T: "float32", adj_x: false, adj_y: false };
    const states = hiddenStates(unflatten(config, weights), config, ids, bias, { precision });
    const shaped = states.map((state) => state.reshape([batch, length, config.hidden]));
    return [tf.stack(shaped.map((state) => rawOp("BatchMatMulV2", type, [pooling, state])))];
  });

/**
 * The embeddings of rows of tokens, in evaluation mode, in each of some poolings.
 *
 * @param ids rows × length, each row padded on the right with any ids after its `lengths`
 * @param precision element type of the products
 * @returns for each pooling (L + 1) × rows × hidden, layer by layer
 * @throws {RangeError} if ids and lengths do not fit each other or the model
 */
export async function encodePooled(
  model: Model,
  ids: Int32Array,
  lengths: number[],
  poolings: readonly Pooling[],
  precision: Precision = "float32",
): Promise<Float32Array[]> {
  const { config } = model, rows = lengths.length, { hidden, layers } = config;
  if (poolings.every((pooling) => pooling === "bar")) {
    const pass = compiledOnce(["embed", config, precision], () => firstStates(config, precision));
    const [states] = await runPass(model, pass, ids, lengths);
    return poolings.map(() => states);
  }
  const pass = compiledOnce(["pool", config, precision], () => pooledStates(config, precision));
  const [values] = await runPass(model, pass, ids, lengths, (length) => {
    const weights = lengths.flatMap((own) => poolings.flatMap((pooling) => poolingWeights(pooling, own, length)));
    return [tf.tensor3d(weights, [rows, poolings.length, length])];
  });
  return poolings.map((_, pooling) => {
    const count = (layers + 1) * rows, pooled = new Float32Array(count * hidden);
    for (let i = 0; i < count; i++) {
      const from = (i * poolings.length + pooling) * hidden;
      pooled.set(values.subarray(from, from + hidden), i * hidden);
    }
    return pooled;
  });
}
