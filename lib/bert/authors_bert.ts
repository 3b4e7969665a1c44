/**
 * The authors' own encoder, which is not stock BERT (STUDY §7): LayerNorms shared by all layers, fixed sinusoids and
 * partial rotary positions, attention without biases, pads that take part with a logit near 0, an untied decoder.
 * @module
 */
import type { BertConfig } from "./config.ts";
import { type Cut, times } from "../engine/workers.ts";
import { type Dropout, dropoutMasks } from "./dropout.ts";
import { frequencyOf, norm, type Parameters, weightAndBias } from "./parameters.ts";
import { tf } from "../engine/mod.ts";
import type { Tensor, Tensor2D } from "../engine/types.ts";
import { denseGelu, gatherRows, linear } from "../engine/ops.ts";

/** Dimensions of a head that are rotated (STUDY §7.3), and the logits of pads in place of −∞ (STUDY §7.4, §16.4). */
const ROTARY = 32, PAD_LOGIT = 1e-9;

const withoutBias = (p: Parameters, name: string, x: Tensor): Tensor =>
  tf.matMul(x as Tensor2D, p.get(`${name}.weight`)! as Tensor2D, false, true);

/** position · frequency for each position and dimension, the same for both dimensions of a pair; length × width. */
function angles(length: number, width: number, rotated: number): Tensor {
  const frequency = Float32Array.from({ length: width }, (_, i) => i < rotated ? frequencyOf(i, rotated) : 0);
  return tf.range(0, length).reshape([length, 1]).mul(tf.tensor2d(frequency, [1, width]));
}

/** The fixed position table: sine at even dimensions, cosine at odd ones; length × width. */
function sinusoid(length: number, width: number): Tensor {
  const angle = angles(length, width, width), even = tf.tensor1d(Array.from({ length: width }, (_, i) => (i + 1) % 2));
  return angle.sin().mul(even).add(angle.cos().mul(tf.sub(1, even)));
}

/** Rotary positions on the first dimensions of each head; x is batch × heads × length × size. */
function rotate(x: Tensor): Tensor {
  const [length, size] = x.shape.slice(2) as [number, number], rotated = Math.min(ROTARY, size);
  const swap = new Float32Array(size * size); // x·swap puts −x₂ᵢ₊₁ at 2i and x₂ᵢ at 2i + 1
  for (let i = 0; i < rotated; i += 2) {
    swap[(i + 1) * size + i] = -1;
    swap[i * size + i + 1] = 1;
  }
  const swapped = tf.matMul(x.reshape([-1, size]), tf.tensor2d(swap, [size, size])).reshape(x.shape);
  const angle = angles(length, size, rotated);
  return x.mul(angle.cos()).add(swapped.mul(angle.sin()));
}

/**
 * All hidden states of a batch, as `hiddenStates` in bert.ts, with its `edit`; `bias` only says which keys are pads,
 * `cut` which rows a worker has.
 */
export function authorsStates(
  p: Parameters,
  config: BertConfig,
  ids: Tensor,
  bias: Tensor,
  drops?: Dropout,
  edit: (states: Tensor, layer: number) => Tensor = (states) => states,
  cut?: Cut,
): Tensor[] {
  const [batch, length] = ids.shape as [number, number];
  const { heads, hidden } = config, rows = batch * length, size = hidden / heads;
  const { inside, outside, mask } = dropoutMasks(drops);
  const drop = (x: Tensor, here: boolean): Tensor =>
    here ? x.mul(mask(x.shape, cut && times(cut, x.shape[0] / batch))) : x;
  const real = bias.greater(-1).cast("float32"); // batch × 1 × 1 × length
  const pads = tf.sub(1, real).mul(PAD_LOGIT);
  const words = gatherRows(p.get("embedding.token_embed.weight")!, ids.reshape([rows]));
  const placed = words.reshape([batch, length, hidden]).add(sinusoid(length, hidden)).reshape([rows, hidden]);
  let x = edit(norm(p, "embedding.norm", placed, config), 0);
  const states = [x];
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `transformer.layers.${layer}`, forward = `${name}.1.mlp`;
    const qkv = withoutBias(p, `${name}.0.to_qkv`, x) // rows × 3·hidden
      .reshape([batch, length, 3, heads, size]).transpose([2, 0, 3, 1, 4]);
    const [q, k, v] = tf.unstack(qkv); // each batch × heads × length × size
    const logits = tf.matMul(rotate(q), rotate(k), false, true).mul(1 / Math.sqrt(size));
    const map = drop(tf.softmax(logits.mul(real).add(pads)), inside); // batch × heads × length × length
    const mixed = tf.matMul(map, v).transpose([0, 2, 1, 3]).reshape([rows, hidden]);
    x = norm(p, "transformer.norm1", drop(withoutBias(p, `${name}.0.to_out`, mixed), outside).add(x), config);
    const inner = denseGelu(norm(p, `${forward}.0`, x, config), ...weightAndBias(p, `${forward}.1`));
    const fed = linear(inner, ...weightAndBias(p, `${forward}.3`)); // rows × hidden
    x = edit(norm(p, "transformer.norm2", drop(fed, inside || outside).add(x), config), layer + 1);
    states.push(x);
  }
  return states;
}

/** The authors' MLM head: dense, GELU, LayerNorm and a decoder of its own; rows × hidden → rows × vocabulary. */
export function authorsLogits(p: Parameters, config: BertConfig, states: Tensor): Tensor {
  const inner = denseGelu(states, ...weightAndBias(p, "linear_head.0"));
  return linear(norm(p, "linear_head.2", inner, config), ...weightAndBias(p, "linear_head.3"));
}
