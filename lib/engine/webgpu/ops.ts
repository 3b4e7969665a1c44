/**
 * The raw ops of ops.ts and attention.ts in terms of TensorFlow.js' own, for WebGPU: in float32, int32 and bool alone.
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import { type RawAttributes, type Tensor, TensorFlowError } from "../types.ts";
import type { shaders } from "./programs.ts";

type Op = (inputs: Tensor[], attributes: RawAttributes, programs: typeof shaders) => Tensor | Tensor[];

/** The values of a small tensor of shapes, axes or orders, which is still in JavaScript's memory. */
const values = (x: Tensor): number[] => Array.from(x.dataSync());

const product = ([a, b]: Tensor[], transposeA: unknown, transposeB: unknown): Tensor =>
  tf.matMul(a, b, transposeA === true, transposeB === true);

/** Each row's loss, and its gradient softmax − one-hot. */
function crossEntropy([logits, labels]: Tensor[]): Tensor[] {
  const shifted = logits.sub(logits.max(-1, true)), exps = shifted.exp(), sum = exps.sum(-1, true);
  const right = tf.oneHot(labels as tf.Tensor1D, logits.shape[1]!).cast("float32");
  return [sum.log().squeeze([-1]).sub(shifted.mul(right).sum(-1)), exps.div(sum).sub(right)];
}

const ops: Record<string, Op> = {
  AddV2: ([a, b]) => tf.add(a, b),
  BatchMatMulV2: (inputs, { adj_x, adj_y }) => product(inputs, adj_x, adj_y),
  BiasAdd: ([x, bias]) => tf.add(x, bias),
  BiasAddGrad: ([x]) => x.reshape([-1, x.shape.at(-1)!]).sum(0),
  Cast: ([x], { DstT }) => x.cast(DstT as tf.DataType),
  ConcatV2: (inputs) => tf.concat(inputs.slice(0, -1), values(inputs.at(-1)!)[0]),
  Erf: ([x]) => tf.erf(x),
  Exp: ([x]) => tf.exp(x),
  Fill: ([shape, value]) => tf.fill(values(shape), values(value)[0]),
  GatherV2: ([x, indices, axis]) => tf.gather(x, indices as tf.Tensor1D, values(axis)[0]),
  GreaterEqual: ([a, b]) => tf.greaterEqual(a, b),
  L2Loss: ([x]) => x.square().sum().div(2),
  MatMul: (inputs, { transpose_a, transpose_b }) => product(inputs, transpose_a, transpose_b),
  Mean: ([x, axes], { keep_dims }) => tf.mean(x, values(axes), keep_dims === true),
  Mul: ([a, b]) => tf.mul(a, b),
  Pack: (inputs, { axis }) => tf.stack(inputs, axis as number),
  Reshape: ([x, shape]) => tf.reshape(x, values(shape)),
  Rsqrt: ([x]) => tf.rsqrt(x),
  Softmax: ([x]) => tf.softmax(x),
  SparseSoftmaxCrossEntropyWithLogits: crossEntropy,
  SparseMatMul: (inputs, { transpose_a, transpose_b }) => product(inputs, transpose_a, transpose_b),
  SplitV: ([x, sizes, axis]) => tf.split(x, values(sizes), values(axis)[0]),
  Square: ([x]) => tf.square(x),
  StatelessRandomUniform: ([shape, seed], _, { uniform }) => uniform(values(shape), seed),
  Sub: ([a, b]) => tf.sub(a, b),
  Sum: ([x, axes], { keep_dims }) => tf.sum(x, values(axes), keep_dims === true),
  Transpose: ([x, order]) => tf.transpose(x, values(order)),
  Unpack: ([x], { axis }) => tf.unstack(x, axis as number),
  UnsortedSegmentSum: ([x, segments, count], _, { segmentSum }) => segmentSum(x, segments, values(count)[0]),
};

/** Names of the raw ops in the table. */
export const portableOps: readonly string[] = Object.keys(ops);

const known = new Set(["float32", "int32", "bool"]);

/** Runs a raw op; a TensorFlowError with op and shapes if it or an element type is missing, or it fails. */
export function portableOp(
  name: string,
  attributes: RawAttributes,
  inputs: Tensor[],
  outputs: number,
  programs: typeof shaders,
): Tensor[] {
  const call = `${name}(${inputs.map(({ shape }) => `[${shape}]`).join(", ")})`;
  const op = Object.hasOwn(ops, name) ? ops[name] : undefined;
  if (!op) throw new TensorFlowError(`${call}: WebGPU has no such op here. It has ${portableOps.join(", ")}.`);
  const type = Object.values(attributes).find((value) => typeof value === "string" && !known.has(value));
  if (type !== undefined) {
    throw new TensorFlowError(
      `${call}: WebGPU computes in float32, found ${type}. Choose training.precision float32, or ENGINE=libtensorflow.`,
    );
  }
  try {
    return tf.tidy(() => {
      const made = op(inputs, attributes, programs), results = Array.isArray(made) ? made : [made];
      if (results.length !== outputs) {
        throw new TensorFlowError(`expected ${outputs} outputs, found ${results.length}`);
      }
      return results;
    });
  } catch (error) {
    throw new TensorFlowError(`${call}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
