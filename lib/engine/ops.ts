/**
 * The encoder's operations as blocks of raw ops with gradients of their own.
 *
 * TensorFlow.js' public functions could express each, but these use fewer and cheaper ops, read no value (so they can be
 * traced), and save only what the backward pass needs. Rows are tokens: N = batch × length.
 * @module
 */
import { fused, onGpu, rawOp, rawOps, tf } from "./mod.ts";
import {
  add,
  columnSum,
  int,
  ints,
  lower,
  matMul,
  mul,
  type Precision,
  raise,
  reduce,
  reshape,
  sub,
  transpose,
  unary,
  withGradient,
} from "./raw.ts";
import type { Tensor } from "./types.ts";

/**
 * Rows of a table by index, without reading the indices.
 *
 * @param table rows × width
 * @param indices N, int32, each in 0…rows−1
 * @returns N × width
 */
export function gatherRows(table: Tensor, indices: Tensor): Tensor {
  const gather = { batch_dims: 0, Tparams: "float32", Tindices: "int32", Taxis: "int32" };
  const scatter = { T: "float32", Tindices: "int32", Tnumsegments: "int32" };
  return withGradient([table, indices], (x, i) => ({
    value: rawOp("GatherV2", gather, [x, i, int(0)]),
    saved: [i],
    gradient: (dy, i) => [rawOp("UnsortedSegmentSum", scatter, [dy, i, int(table.shape[0])]), tf.zerosLike(i)],
  }));
}

/** Widths whose columns share cache sets: powers of two of at least a KiB of float32. */
const aliases = (n: number) => n >= 256 && (n & (n - 1)) === 0;

/**
 * dyᵀ·x, a weight's gradient.
 *
 * oneDNN reads both operands down their columns. If a width is a power of two, these lie in the same few cache sets and
 * the product runs at half its rate (256 × 2048 × 1024 on AVX2: 73 GFLOP/s; 116 by Eigen's product, which packs first; 150
 * at widths of 768 and 3072). SparseMatMul with no sparse operand is Eigen's dense product.
 */
function weightGradient(dy: Tensor, x: Tensor, type: Precision): Tensor {
  const [outer, inner] = [dy.shape[1]!, x.shape[1]!];
  const aliased = type === "float32" && !onGpu && (aliases(outer) || aliases(inner));
  if (!aliased) return raise(matMul(dy, x, true, false, type), type);
  const dense = { transpose_a: true, transpose_b: false, a_is_sparse: false, b_is_sparse: false };
  const product = (a: Tensor, b: Tensor) => rawOp("SparseMatMul", { ...dense, Ta: type, Tb: type }, [a, b]);
  return outer > inner ? transpose(product(x, dy), [1, 0]) : product(dy, x);
}

/**
 * x·Wᵀ, with the weight as PyTorch stores it.
 *
 * @param x N × in
 * @param weight out × in
 * @param type element type of the products; the sums over N stay float32
 * @returns N × out
 */
export function product(x: Tensor, weight: Tensor, type: Precision = "float32"): Tensor {
  return withGradient([x, weight], (x, w) => {
    const saved = [lower(x, type), lower(w, type)];
    return {
      value: raise(matMul(saved[0], saved[1], false, true, type), type),
      saved,
      gradient: (dy, x, w) => {
        const d = lower(dy, type);
        return [raise(matMul(d, w, false, false, type), type), weightGradient(d, x, type)];
      },
    };
  });
}

/** y + b, b along the last axis: N × width and width. */
export const addBias = (y: Tensor, bias: Tensor): Tensor =>
  withGradient([y, bias], (y, b) => ({
    value: rawOp("BiasAdd", { T: "float32" }, [y, b]),
    saved: [],
    gradient: (dy) => [dy, columnSum(dy)],
  }));

/** x·Wᵀ + b; see {@link product}. */
export const linear = (x: Tensor, weight: Tensor, bias: Tensor, type: Precision = "float32"): Tensor =>
  addBias(product(x, weight, type), bias);

/** A LayerNorm's output, and for its gradient x̂ and 1/√(var + ε). */
function normalise(x: Tensor, g: Tensor, b: Tensor, epsilon: number): Tensor[] {
  const centred = sub(x, reduce("Mean", x, [-1], true));
  const variance = reduce("Mean", unary("Square", centred), [-1], true);
  const inverse = unary("Rsqrt", add(variance, tf.scalar(epsilon)));
  const normal = mul(centred, inverse);
  return [add(mul(normal, g), b), normal, inverse];
}

/** The gradients of {@link normalise} by x, γ and β. Sums over rows are products outside the kernel, see `columnSum`. */
function normaliseGradient(dy: Tensor, normal: Tensor, inverse: Tensor, g: Tensor): Tensor[] {
  const gradient = (dy: Tensor, normal: Tensor, inverse: Tensor, g: Tensor) => {
    const scaled = mul(dy, g), along = reduce("Mean", mul(scaled, normal), [-1], true);
    const dx = mul(sub(sub(scaled, reduce("Mean", scaled, [-1], true)), mul(normal, along)), inverse);
    return [dx, mul(dy, normal)];
  };
  const [dx, dGamma] = fused("layer_norm_gradient", gradient, dy, normal, inverse, g);
  return [dx, columnSum(dGamma), columnSum(dy)];
}

/**
 * LayerNorm over the last axis: (x − mean)/√(var + ε)·γ + β, population variance.
 *
 * @param x N × width
 * @param gamma width
 * @param beta width
 */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  return withGradient([x, gamma, beta], (...inputs) => {
    const forward = (x: Tensor, g: Tensor, b: Tensor) => normalise(x, g, b, epsilon);
    const [value, normal, inverse] = fused(`layer_norm ${epsilon}`, forward, ...inputs);
    return { value, saved: [normal, inverse, inputs[1]], gradient: normaliseGradient };
  });
}

/**
 * LayerNorm of y + bias + x at a block's end: the product's bias and the residual in one pass.
 *
 * @param y N × width, a product without its bias
 * @param bias width
 * @param x N × width, the block's input
 */
export function addNorm(y: Tensor, bias: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  return withGradient([y, bias, x, gamma, beta], (...inputs) => {
    const forward = (y: Tensor, bias: Tensor, x: Tensor, g: Tensor, b: Tensor) =>
      normalise(add(add(y, bias), x), g, b, epsilon);
    const [value, normal, inverse] = fused(`add_norm ${epsilon}`, forward, ...inputs);
    return {
      value,
      saved: [normal, inverse, inputs[3]],
      gradient: (dy, normal, inverse, g) => {
        const [d, dGamma, dBeta] = normaliseGradient(dy, normal, inverse, g);
        return [d, columnSum(d), d, dGamma, dBeta];
      },
    };
  });
}

/** Φ, the normal distribution function. */
const phi = (x: Tensor) => mul(add(unary("Erf", mul(x, tf.scalar(Math.SQRT1_2))), tf.scalar(1)), tf.scalar(0.5));

const geluOf = (x: Tensor) => mul(x, phi(x));

function geluGradient(dy: Tensor, x: Tensor): Tensor {
  const density = mul(unary("Exp", mul(unary("Square", x), tf.scalar(-0.5))), tf.scalar(1 / Math.sqrt(2 * Math.PI)));
  return mul(dy, add(phi(x), mul(x, density)));
}

/** GELU with the error function, x·Φ(x), of x = y + bias; N × width. */
export function biasGelu(y: Tensor, bias: Tensor): Tensor {
  return withGradient([y, bias], (y, b) => ({
    value: fused("gelu", (y, b) => [geluOf(add(y, b))], y, b)[0],
    saved: [y, b],
    gradient: (dy, y, b) => {
      const [d] = fused("gelu_gradient", (dy, y, b) => [geluGradient(dy, add(y, b))], dy, y, b);
      return [d, columnSum(d)];
    },
  }));
}

/** GELU(x·Wᵀ + b); see {@link product}. */
export const denseGelu = (x: Tensor, weight: Tensor, bias: Tensor, type: Precision = "float32"): Tensor =>
  biasGelu(product(x, weight, type), bias);

/**
 * Cross-entropy of each row's logits with its label.
 *
 * @param logits N × classes
 * @param labels N, int32
 * @returns N, in nats
 */
export function crossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const types = { T: "float32", Tlabels: "int32" };
  return withGradient([logits, labels], (x, labels) => {
    const [value, gradient] = rawOps("SparseSoftmaxCrossEntropyWithLogits", types, [x, labels], 2);
    return {
      value,
      saved: [gradient, labels],
      gradient: (dy, gradient, labels) => [
        mul(gradient, reshape(dy, [labels.shape[0], 1])),
        tf.zerosLike(labels),
      ],
    };
  });
}

/**
 * A flat vector cut into tensors.
 *
 * @param flat all elements
 * @param shapes of the parts, in order; their sizes add up to the vector's
 */
export function splitFlat(flat: Tensor, shapes: number[][]): Tensor[] {
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1)), { length } = sizes;
  const types = { num_split: length, T: "float32", Tlen: "int32" };
  return rawOps("SplitV", types, [flat, ints(sizes), int(0)], length).map((part, i) => reshape(part, shapes[i]));
}

/** Tensors one after another as a flat vector. */
export function joinFlat(tensors: Tensor[]): Tensor {
  const flat = tensors.map((tensor) => reshape(tensor, [tensor.size]));
  return rawOp("ConcatV2", { N: flat.length, T: "float32", Tidx: "int32" }, [...flat, int(0)]);
}
