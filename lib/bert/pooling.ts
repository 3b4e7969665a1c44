/**
 * A bar's states as one embedding: its Bar token's, the mean of its notes' tokens, or `<eob>`'s.
 * @module
 */
import type { BertConfig } from "./config.ts";
import { encodeBars, hiddenStates, type Model, padBias, unflatten } from "./bert.ts";
import { compile, rawOp, tf } from "../engine/mod.ts";
import type { Compiled } from "../engine/types.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** How a bar's states become one embedding; see the recipe. */
export type Pooling = Recipe["probing"]["poolings"][number];

/** Tokens before a bar's first note: Bar, Position, Tempo (study §4.1). */
const HEAD = 3;

/**
 * What each token weighs in a pooling of a bar of `length` tokens, the last being `<eob>`. `notes` are the tokens
 * between the tempo and `<eob>`, all alike; a bar without notes has its Bar token instead.
 *
 * @example
 * ```ts
 * import { poolingWeights } from "@lib/bert/pooling.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(poolingWeights("notes", 6, 8), [0, 0, 0, 0.5, 0.5, 0, 0, 0]);
 * assertEquals(poolingWeights("eob", 6, 8), [0, 0, 0, 0, 0, 1, 0, 0]);
 * ```
 */
export function poolingWeights(pooling: Pooling, length: number, padded: number): number[] {
  const weights = new Array<number>(padded).fill(0), notes = length - HEAD - 1;
  if (pooling === "eob") weights[length - 1] = 1;
  else if (pooling === "notes" && notes > 0) weights.fill(1 / notes, HEAD, length - 1);
  else weights[0] = 1;
  return weights;
}

const encoders = new Map<string, Compiled>();

/** All layers pooled: layers × batch × poolings × hidden, from weights of batch × poolings × length. */
function encoderOf(config: BertConfig): Compiled {
  const key = JSON.stringify(config);
  let found = encoders.get(key);
  if (!found) {
    found = compile("pool", (weights, ids, bias, pooling) => {
      const [batch, length] = ids.shape as [number, number];
      const states = hiddenStates(unflatten(config, weights), config, ids, bias);
      return [
        tf.stack(states.map((state) =>
          // batch × poolings × hidden
          rawOp("BatchMatMulV2", { T: "float32", adj_x: false, adj_y: false }, [
            pooling,
            state.reshape([batch, length, config.hidden]),
          ])
        )),
      ];
    });
    encoders.set(key, found);
  }
  return found;
}

/**
 * The embeddings of rows of tokens, in evaluation mode, in every pooling asked for.
 *
 * @param ids rows × length token ids, each row padded on the right with anything
 * @param lengths tokens of each row that count
 * @returns for each pooling (L + 1) × rows × hidden, layer by layer
 * @throws {RangeError} as `encodeBars` does
 */
export async function encodePooled(
  model: Model,
  ids: Int32Array,
  lengths: number[],
  poolings: readonly Pooling[],
): Promise<Float32Array[]> {
  if (poolings.every((pooling) => pooling === "bar")) {
    const states = await encodeBars(model, ids, lengths);
    return poolings.map(() => states);
  }
  const rows = lengths.length, length = ids.length / rows, { hidden, layers } = model.config;
  const weights = lengths.flatMap((own) => poolings.flatMap((pooling) => poolingWeights(pooling, own, length)));
  const inputs = [
    tf.tensor2d(ids, [rows, length], "int32"),
    padBias(lengths, length),
    tf.tensor3d(weights, [rows, poolings.length, length]),
  ];
  const [states] = await encoderOf(model.config)(model.weights, ...inputs);
  const values = await states.data<"float32">();
  tf.dispose([states, ...inputs]);
  return poolings.map((_, pooling) => {
    const pooled = new Float32Array((layers + 1) * rows * hidden);
    for (let i = 0; i < (layers + 1) * rows; i++) {
      const from = (i * poolings.length + pooling) * hidden;
      pooled.set(values.subarray(from, from + hidden), i * hidden);
    }
    return pooled;
  });
}
