/**
 * The encoder, whole: stock BERT (Devlin et al. 2019; the paper's BERT_base at scale `base`), with Hugging Face's
 * parameter names, shapes and arithmetic. The authors' own encoder, where the recipe asks for it, is in authors_bert.ts.
 *
 * The weights are one flat vector, so that a training step has three tensors of state however deep the encoder.
 * @module
 */
import type { BertConfig } from "./config.ts";
import { authorsLogits, authorsParameters, authorsStates } from "./authors_bert.ts";
import { compile, tf } from "../engine/mod.ts";
import type { Compiled, Tensor } from "../engine/types.ts";
import { attention, attentionTo, dropoutMask } from "../engine/attention.ts";
import { addBias, addNorm, denseGelu, gatherRows, layerNorm, linear, product, splitFlat } from "../engine/ops.ts";
import type { Precision } from "../engine/raw.ts";
import { stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** One parameter: Hugging Face's name, shape, and where its values begin in the flat vector. */
export interface Parameter {
  /** Hugging Face's name; of the authors' encoder, their own. */
  name: string;
  /** Axes as PyTorch stores them: a dense layer's weight is outputs × inputs. */
  shape: number[];
  /** Where it begins in the flat vector, in values. */
  offset: number;
  /** How many values it has. */
  size: number;
}

/** An encoder with its MLM head. Its weights belong to the caller: `model.weights.dispose()`. */
export interface Model {
  /** Sizes of the encoder. */
  config: BertConfig;
  /** All parameters, in the order of {@link parametersOf}; float32. */
  weights: Tensor;
}

/** Names and shapes of stock BERT's parameters, in order. */
function bertParameters(config: BertConfig): [string, number[]][] {
  const { hidden: H, intermediate: I, vocabularySize: V } = config;
  const list: [string, number[]][] = [];
  const norm = (name: string) => list.push([`${name}.weight`, [H]], [`${name}.bias`, [H]]);
  const dense = (name: string, out: number, inner: number) =>
    list.push([`${name}.weight`, [out, inner]], [`${name}.bias`, [out]]);
  list.push(["bert.embeddings.word_embeddings.weight", [V, H]]);
  list.push(["bert.embeddings.position_embeddings.weight", [config.maxPositions, H]]);
  list.push(["bert.embeddings.token_type_embeddings.weight", [2, H]]);
  norm("bert.embeddings.LayerNorm");
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `bert.encoder.layer.${layer}`;
    for (const part of ["query", "key", "value"]) dense(`${name}.attention.self.${part}`, H, H);
    dense(`${name}.attention.output.dense`, H, H);
    norm(`${name}.attention.output.LayerNorm`);
    dense(`${name}.intermediate.dense`, I, H);
    dense(`${name}.output.dense`, H, I);
    norm(`${name}.output.LayerNorm`);
  }
  dense("cls.predictions.transform.dense", H, H);
  norm("cls.predictions.transform.LayerNorm");
  list.push(["cls.predictions.bias", [V]]);
  return list;
}

/** The parameters of an encoder, in order. */
export function parametersOf(config: BertConfig): Parameter[] {
  const list = config.encoder === "authors" ? authorsParameters(config) : bertParameters(config);
  let offset = 0;
  return list.map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    offset += size;
    return { name, shape, offset: offset - size, size };
  });
}

/** How many parameters an encoder has, MLM head included. */
export const parameterCount = (config: BertConfig): number =>
  parametersOf(config).reduce((total, { size }) => total + size, 0);

/** Whether a parameter is a matrix or an embedding, rather than a bias or a LayerNorm. */
export const isMatrix = ({ shape }: Parameter): boolean => shape.length > 1;

/**
 * An encoder with fresh weights; LayerNorms begin at 1 and 0.
 *
 * `bert`: normal with std `initStd` truncated at two, biases 0. `torch`: PyTorch's defaults, normal with std 1 for
 * embeddings and uniform within ±1/√inputs for dense layers and their biases (study §7.7).
 *
 * @param seed fixes every weight
 */
export function createBert(config: BertConfig, seed: number): Model {
  const parameters = parametersOf(config);
  const weights = new Float32Array(parameterCount(config));
  let inputs = 1; // of the dense layer whose weight came last
  for (const parameter of parameters) {
    const { name, offset, size, shape } = parameter;
    const { uniform } = stream(seed, "weights", name), end = offset + size;
    const isNorm = parameters.some((other) => other.name === name.replace(/bias$/, "weight") && !isMatrix(other));
    if (isMatrix(parameter)) inputs = shape[1];
    if (isNorm) weights.fill(name.endsWith("weight") ? 1 : 0, offset, end);
    else if (config.init === "bert") {
      if (isMatrix(parameter)) {
        for (let i = offset; i < end; i++) weights[i] = config.initStd * truncatedNormal(uniform);
      }
    } else if (/embed/.test(name)) { for (let i = offset; i < end; i++) weights[i] = normal(uniform); }
    else for (let i = offset; i < end; i++) weights[i] = (2 * uniform() - 1) / Math.sqrt(inputs);
  }
  return { config, weights: tf.tensor1d(weights) };
}

/** A standard normal number (Box–Muller). */
const normal = (uniform: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

/** A standard normal number in −2…2, redrawn outside. */
function truncatedNormal(uniform: () => number): number {
  for (;;) {
    const value = normal(uniform);
    if (Math.abs(value) <= 2) return value;
  }
}

/** A model's parameters by name, inside a trace or a tidy. */
export type Parameters = Map<string, Tensor>;

/** The flat vector cut into named parameters. */
export function unflatten(config: BertConfig, weights: Tensor): Parameters {
  const parameters = parametersOf(config);
  const tensors = splitFlat(weights, parameters.map(({ shape }) => shape));
  return new Map(parameters.map(({ name }, i) => [name, tensors[i]]));
}

/** Dropout of one pass through the encoder. */
export interface Dropout {
  /** Share of values set to 0; the others are divided by 1 − rate. */
  rate: number;
  /** Where in each layer it acts (§7.6). */
  place: Recipe["views"]["dropoutPlace"];
  /** Two int32 that fix every draw of the pass. */
  seed: Tensor;
}

/** The sum of a token's, its position's and its type's embedding, normalised; layer 0. Returns N × hidden. */
function embeddings(p: Parameters, config: BertConfig, ids: Tensor): Tensor {
  const [batch, length] = ids.shape;
  const words = gatherRows(p.get("bert.embeddings.word_embeddings.weight")!, ids.reshape([batch * length!]));
  const positions = p.get("bert.embeddings.position_embeddings.weight")!.slice([0, 0], [length!, config.hidden]);
  const type = p.get("bert.embeddings.token_type_embeddings.weight")!.slice([0, 0], [1, config.hidden]);
  const sum = words.reshape([batch, length!, config.hidden]).add(positions.add(type)); // batch × length × hidden
  const flat = sum.reshape([batch * length!, config.hidden]); // N × hidden
  return norm(p, "bert.embeddings.LayerNorm", flat, config);
}

const norm = (p: Parameters, name: string, x: Tensor, { layerNormEps }: BertConfig): Tensor =>
  layerNorm(x, p.get(`${name}.weight`)!, p.get(`${name}.bias`)!, layerNormEps);

/** How a pass through the encoder goes. */
export interface Pass {
  /** Dropout, in training. */
  dropout?: Dropout;
  /**
   * batch × K, int32: flat positions (row·length + column), K of each row in its own line, whose last states are
   * wanted; the last layer computes no other. A loss of these alone has the same gradient as with all of them.
   */
  only?: Tensor;
  /** Element type of the products; float32 by default. */
  precision?: Precision;
}

/**
 * All hidden states of a batch; pure, for use inside a trace.
 *
 * @param ids batch × length, int32
 * @param bias batch × 1 × 1 × length: 0 at tokens, very negative at pads ({@link padBias})
 * @returns layers 0…L, each (batch·length) × hidden; the last one (batch·K) × hidden under `only`
 */
export function hiddenStates(p: Parameters, config: BertConfig, ids: Tensor, bias: Tensor, pass: Pass = {}): Tensor[] {
  const { dropout, only, precision: type } = pass;
  const chosen = only?.reshape([only.size]);
  if (config.encoder === "authors") {
    const states = authorsStates(p, config, ids, bias, dropout);
    return chosen ? [...states.slice(0, -1), gatherRows(states.at(-1)!, chosen)] : states;
  }
  const [batch, length] = ids.shape as [number, number], { heads, layers, layerNormEps } = config;
  let draws = 0;
  const mask = (shape: number[]) =>
    dropoutMask(shape, dropout!.rate, dropout!.seed.add(tf.tensor1d([draws++, 0], "int32")));
  const inside = dropout?.place === "attention-and-feed-forward" && dropout.rate > 0;
  const outside = dropout?.place === "block-outputs" && dropout.rate > 0;
  const get = (name: string) => p.get(name)!;
  const shape = { batch, length, heads, type };
  let x = embeddings(p, config, ids);
  const states = [x];
  for (let layer = 0; layer < layers; layer++) {
    const name = `bert.encoder.layer.${layer}`;
    const parts = ["query", "key", "value"].map((part) => `${name}.attention.self.${part}`);
    const project = (x: Tensor, parts: string[]) =>
      // the parts' outputs beside each other
      linear(
        x,
        tf.concat(parts.map((part) => get(`${part}.weight`)), 0),
        tf.concat(parts.map((part) => get(`${part}.bias`)), 0),
        type,
      );
    const end = (inner: Tensor, x: Tensor, dense: string, norm: string, drops: boolean) => {
      const y = product(inner, get(`${dense}.weight`), type);
      const [bias, gamma, beta] = [`${dense}.bias`, `${norm}.weight`, `${norm}.bias`].map(get);
      if (!drops) return addNorm(y, bias, x, gamma, beta, layerNormEps);
      return layerNorm(addBias(y, bias).mul(mask(y.shape)).add(x), gamma, beta, layerNormEps);
    };
    let mixed: Tensor; // tokens × hidden
    if (chosen && layer === layers - 1) {
      const keyValue = project(x, parts.slice(1)); // N × 2·hidden
      x = gatherRows(x, chosen); // (batch·K) × hidden
      const drops = inside ? mask([batch, heads, chosen.size / batch, length]) : undefined;
      mixed = attentionTo(project(x, parts.slice(0, 1)), keyValue, bias, shape, drops);
    } else {
      mixed = attention(project(x, parts), bias, shape, inside ? mask([batch, heads, length, length]) : undefined);
    }
    x = end(mixed, x, `${name}.attention.output.dense`, `${name}.attention.output.LayerNorm`, outside);
    const inner = denseGelu(
      x,
      get(`${name}.intermediate.dense.weight`),
      get(`${name}.intermediate.dense.bias`),
      type,
    ); // tokens × intermediate
    x = end(inner, x, `${name}.output.dense`, `${name}.output.LayerNorm`, inside || outside);
    states.push(x);
  }
  return states;
}

/**
 * The MLM head on chosen rows: dense, GELU, LayerNorm, and the word embeddings as decoder.
 *
 * @param states rows × hidden
 * @returns rows × vocabulary
 */
export function mlmLogits(p: Parameters, config: BertConfig, states: Tensor, precision?: Precision): Tensor {
  if (config.encoder === "authors") return authorsLogits(p, config, states);
  const dense = "cls.predictions.transform.dense";
  const hidden = denseGelu(states, p.get(`${dense}.weight`)!, p.get(`${dense}.bias`)!, precision);
  const normal = norm(p, "cls.predictions.transform.LayerNorm", hidden, config);
  const words = p.get("bert.embeddings.word_embeddings.weight")!;
  return linear(normal, words, p.get("cls.predictions.bias")!, precision);
}

/** What is added to the logits of pads: far below any score, and finite so that a row of pads stays a number. */
const PAD_LOGIT = -1e9;

/** The attention bias of rows by their lengths: batch × 1 × 1 × length. */
export function padBias(lengths: readonly number[], length: number): Tensor {
  const bias = new Float32Array(lengths.length * length);
  lengths.forEach((filled, row) => bias.fill(PAD_LOGIT, row * length + filled, (row + 1) * length));
  return tf.tensor4d(bias, [lengths.length, 1, 1, length]);
}

const encoders = new Map<string, { all: Compiled; first: Compiled }>();

/** The compiled passes of a config, traced once for each (rows, length). */
function encoderOf(config: BertConfig): { all: Compiled; first: Compiled } {
  const key = JSON.stringify(config);
  let found = encoders.get(key);
  if (!found) {
    found = {
      all: compile("encode", (weights, ids, bias) => hiddenStates(unflatten(config, weights), config, ids, bias)),
      first: compile("embed", (weights, ids, bias) => {
        const [batch, length] = ids.shape as [number, number];
        const rows = tf.range(0, batch * length, length, "int32");
        const only = rows.reshape([batch, 1]);
        const states = hiddenStates(unflatten(config, weights), config, ids, bias, { only });
        const below = states.slice(0, -1).map((state) => gatherRows(state, rows));
        return [tf.stack([...below, states.at(-1)!])];
      }),
    };
    encoders.set(key, found);
  }
  return found;
}

function checkBatch(config: BertConfig, ids: Int32Array, lengths: readonly number[]): number {
  const length = ids.length / lengths.length;
  if (lengths.length === 0 || !Number.isInteger(length) || length < 1 || length > config.maxPositions) {
    throw new RangeError(
      `encode: expected ids of rows × length with length ≤ ${config.maxPositions}, found ${ids.length} ids ` +
        `for ${lengths.length} lengths.`,
    );
  }
  const wrong = lengths.findIndex((n) => !Number.isInteger(n) || n < 1 || n > length);
  if (wrong >= 0) throw new RangeError(`encode: lengths[${wrong}] is ${lengths[wrong]}, expected 1…${length}.`);
  const bad = ids.findIndex((id) => id < 0 || id >= config.vocabularySize);
  if (bad >= 0) throw new RangeError(`encode: ids[${bad}] is ${ids[bad]}, expected 0…${config.vocabularySize - 1}.`);
  return length;
}

async function run(
  weights: Tensor,
  pass: Compiled,
  ids: Int32Array,
  lengths: readonly number[],
  length: number,
) {
  const inputs = [tf.tensor2d(ids, [lengths.length, length], "int32"), padBias(lengths, length)];
  try {
    return await pass(weights, ...inputs);
  } finally {
    tf.dispose(inputs);
  }
}

/**
 * All hidden states of rows of tokens, in evaluation mode.
 *
 * @param ids rows × length token ids, each row padded on the right with anything
 * @param lengths tokens of each row that count
 * @returns layers 0 (embeddings) … L, each rows × length × hidden; states at pads mean nothing
 * @throws {RangeError} if ids and lengths do not fit together or the model
 */
export async function encode(model: Model, ids: Int32Array, lengths: number[]): Promise<Float32Array[]> {
  const length = checkBatch(model.config, ids, lengths);
  const states = await run(model.weights, encoderOf(model.config).all, ids, lengths, length);
  const values = await Promise.all(states.map((state) => state.data<"float32">()));
  tf.dispose(states);
  return values;
}

/**
 * The bar embeddings of rows of tokens (study §7.8): the raw state of the first token at every layer.
 *
 * @returns (L + 1) × rows × hidden, layer by layer
 * @throws {RangeError} as {@link encode}
 */
export async function encodeBars(model: Model, ids: Int32Array, lengths: number[]): Promise<Float32Array> {
  const length = checkBatch(model.config, ids, lengths);
  const [states] = await run(model.weights, encoderOf(model.config).first, ids, lengths, length);
  const values = await states.data<"float32">();
  states.dispose();
  return values;
}
