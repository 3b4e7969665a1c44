/**
 * An encoder's parameters: names, shapes, fresh values, and the flat vector of all, which keeps a step's state at three
 * tensors however deep the encoder is.
 * @module
 */
import type { BertConfig } from "./config.ts";
import { tf } from "../engine/mod.ts";
import type { Tensor } from "../engine/types.ts";
import { layerNorm, splitFlat } from "../engine/ops.ts";
import { type Random, stream } from "../base/random.ts";

/**
 * Hugging Face's or the authors' name, the axes as PyTorch stores them (a dense layer's weight is outputs × inputs),
 * and the first index and the number of values in the flat vector.
 */
export type Parameter = { name: string; shape: number[]; offset: number; size: number };

/** An encoder with its MLM head; `weights` are flat, by {@link parametersOf}, and the caller disposes of them. */
export type Model = { config: BertConfig; weights: Tensor };

type NamedValues = Map<string, { shape: number[]; data: Float32Array }>;
type Shape = [name: string, shape: number[]];

/** A weight and its bias: of a dense layer, outputs × inputs, or of a LayerNorm, its width. */
const biased = (name: string, ...shape: number[]): Shape[] => [[`${name}.weight`, shape], [`${name}.bias`, [shape[0]]]];

function* bertShapes(config: BertConfig): Generator<Shape> {
  const { hidden: H, intermediate: I, vocabularySize: V } = config;
  yield ["bert.embeddings.word_embeddings.weight", [V, H]];
  yield ["bert.embeddings.position_embeddings.weight", [config.maxPositions, H]];
  yield ["bert.embeddings.token_type_embeddings.weight", [2, H]];
  yield* biased("bert.embeddings.LayerNorm", H);
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `bert.encoder.layer.${layer}`;
    for (const part of ["query", "key", "value"]) yield* biased(`${name}.attention.self.${part}`, H, H);
    yield* biased(`${name}.attention.output.dense`, H, H);
    yield* biased(`${name}.attention.output.LayerNorm`, H);
    yield* biased(`${name}.intermediate.dense`, I, H);
    yield* biased(`${name}.output.dense`, H, I);
    yield* biased(`${name}.output.LayerNorm`, H);
  }
  yield* biased("cls.predictions.transform.dense", H, H);
  yield* biased("cls.predictions.transform.LayerNorm", H);
  yield ["cls.predictions.bias", [V]];
}

function* authorsShapes({ hidden: H, intermediate: I, vocabularySize: V, layers }: BertConfig): Generator<Shape> {
  yield ["embedding.token_embed.weight", [V, H]];
  for (const name of ["embedding.norm", "transformer.norm1", "transformer.norm2"]) yield* biased(name, H);
  for (let layer = 0; layer < layers; layer++) {
    const name = `transformer.layers.${layer}`;
    yield [`${name}.0.to_qkv.weight`, [3 * H, H]];
    yield [`${name}.0.to_out.weight`, [H, H]];
    yield* biased(`${name}.1.mlp.0`, H);
    yield* biased(`${name}.1.mlp.1`, I, H);
    yield* biased(`${name}.1.mlp.3`, H, I);
  }
  yield* biased("linear_head.0", H, H);
  yield* biased("linear_head.2", H);
  yield* biased("linear_head.3", V, H);
}

/** The parameters of an encoder and its MLM head, in order. */
export function parametersOf(config: BertConfig): Parameter[] {
  const shapes = config.encoder === "authors" ? authorsShapes(config) : bertShapes(config);
  let offset = 0;
  return Array.from(shapes, ([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    offset += size;
    return { name, shape, offset: offset - size, size };
  });
}

/** How many values an encoder has, MLM head included. */
export const parameterCount = (config: BertConfig): number =>
  parametersOf(config).reduce((total, { size }) => total + size, 0);

/** Whether a parameter is a matrix or an embedding, not a bias or a LayerNorm. */
export const isMatrix = ({ shape }: Parameter): boolean => shape.length > 1;

/**
 * An encoder with fresh weights, all fixed by the seed; LayerNorms start at 1 and 0 (STUDY §7.7).
 *
 * `init: bert`: matrices are normal with standard deviation `initStd`, truncated at two of it; biases are 0.
 * `init: torch`: embeddings are normal with standard deviation 1, dense layers and biases uniform within ±1/√inputs.
 * `positions: sinusoids`: the table of learned positions starts as {@link sinusoids} of that standard deviation.
 */
export function createBert(config: BertConfig, seed: number): Model {
  const parameters = parametersOf(config), vectors = new Set(parameters.filter((p) => !isMatrix(p)).map((p) => p.name));
  const weights = new Float32Array(parameterCount(config));
  let inputs = 1; // of the latest dense layer, whose bias follows its weight
  for (const parameter of parameters) {
    const { name, offset, size, shape } = parameter, random = stream(seed, "weights", name);
    const values = weights.subarray(offset, offset + size);
    const fill = (draw: () => number) => values.forEach((_, i) => values[i] = draw());
    if (isMatrix(parameter)) inputs = shape[1];
    const isNorm = vectors.has(name.replace(/bias$/, "weight"));
    if (config.positions === "sinusoids" && /position_embeddings/.test(name)) {
      const amplitude = Math.SQRT2 * (config.init === "bert" ? config.initStd : 1);
      values.set(sinusoids(shape[0], shape[1]).map((value) => amplitude * value));
    } else if (isNorm) values.fill(name.endsWith("weight") ? 1 : 0);
    else if (config.init === "bert") {
      if (isMatrix(parameter)) fill(() => config.initStd * truncatedNormal(random));
    } else if (/embed/.test(name)) fill(() => normal(random));
    else fill(() => (2 * random.uniform() - 1) / Math.sqrt(inputs));
  }
  return { config, weights: tf.tensor1d(weights) };
}

/** The frequency of a dimension of sinusoids: from 1 down to 1/10,000, one for a pair (Vaswani et al. 2017, section 3.5). */
export const frequencyOf = (dimension: number, width: number): number => 10000 ** (-2 * (dimension >> 1) / width);

/**
 * Sine at even and cosine at odd dimensions of each position, length × width, row by row. The product of two rows depends
 * on their distance alone.
 */
function sinusoids(length: number, width: number): Float32Array {
  return Float32Array.from({ length: length * width }, (_, i) => {
    const [position, dimension] = [Math.floor(i / width), i % width];
    const angle = position * frequencyOf(dimension, width);
    return dimension % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}

/** A standard normal number (Box–Muller). */
const normal = ({ uniform }: Random): number =>
  Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

/** A standard normal number within −2…2, redrawn outside. */
function truncatedNormal(random: Random): number {
  const value = normal(random);
  return Math.abs(value) <= 2 ? value : truncatedNormal(random);
}

/** The named parts of a flat array of values; views, nothing is copied. */
export function namedParameters(config: BertConfig, weights: Float32Array): NamedValues {
  const part = ({ shape, offset, size }: Parameter) => ({ shape, data: weights.subarray(offset, offset + size) });
  return new Map(parametersOf(config).map((parameter) => [parameter.name, part(parameter)]));
}

/** A model's parameters by name, inside a trace or a tidy. */
export type Parameters = Map<string, Tensor>;

/** The flat vector cut into named tensors. */
export function unflatten(config: BertConfig, weights: Tensor): Parameters {
  const parameters = parametersOf(config);
  const tensors = splitFlat(weights, parameters.map(({ shape }) => shape));
  return new Map(parameters.map(({ name }, i) => [name, tensors[i]]));
}

/** The weight and the bias of a dense layer or a LayerNorm. */
export const weightAndBias = (p: Parameters, name: string): [weight: Tensor, bias: Tensor] => [
  p.get(`${name}.weight`)!,
  p.get(`${name}.bias`)!,
];

/** Applies a LayerNorm by name; x is rows × hidden. */
export const norm = (p: Parameters, name: string, x: Tensor, { layerNormEps }: BertConfig): Tensor =>
  layerNorm(x, ...weightAndBias(p, name), layerNormEps);
