/**
 * The encoder's operations as blocks of raw ops with gradients of their own.
 *
 * Each could be written with TensorFlow.js' public functions; these use fewer and cheaper ops, read no value (so
 * they can be traced), and keep for the backward pass only what it needs. Rows are tokens: N = batch × length.
 * @module
 */
import { fused, onGpu, rawOp, rawOps, tf } from "./mod.ts";
import type { Tensor } from "./types.ts";
import {
  add,
  columnSum,
  ints,
  lower,
  matMul,
  mul,
  type Precision,
  raise,
  reduce,
  reshape,
  type Save,
  sub,
  transpose,
  unary,
  withGradient,
} from "./raw.ts";

/**
 * Rows of a table by index, without reading the indices.
 *
 * @param table rows × width
 * @param indices N, int32, each in 0…rows−1
 * @returns N × width
 */
export function gatherRows(table: Tensor, indices: Tensor): Tensor {
  return withGradient(
    (x: Tensor, i: Tensor, save: Save) => {
      save([i]);
      const value = rawOp(
        "GatherV2",
        { batch_dims: 0, Tparams: "float32", Tindices: "int32", Taxis: "int32" },
        [x, i, tf.scalar(0, "int32")],
      );
      const gradFunc = (dy: Tensor, [i]: Tensor[]) => [
        rawOp(
          "UnsortedSegmentSum",
          { T: "float32", Tindices: "int32", Tnumsegments: "int32" },
          [dy, i, tf.scalar(table.shape[0], "int32")],
        ),
        tf.zerosLike(i),
      ];
      return { value, gradFunc };
    },
    table,
    indices,
  );
}

/** Widths whose columns share cache sets: powers of two of at least a KiB of float32. */
const aliases = (n: number) => n >= 256 && (n & (n - 1)) === 0;

/**
 * dyᵀ·x, a weight's gradient.
 *
 * oneDNN reads both operands down their columns; where a width is a power of two these lie in the same few cache
 * sets, and the product runs at half its rate (256 × 2048 × 1024 on AVX2: 73 GFLOP/s, against 116 of Eigen's product,
 * which packs first, and 150 at widths of 768 and 3072). SparseMatMul with no sparse operand is Eigen's dense product.
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
 * x·Wᵀ, with the weight as PyTorch keeps it.
 *
 * @param x N × in
 * @param weight out × in
 * @param type element type of the products; the sums over N stay float32
 * @returns N × out
 */
export function product(x: Tensor, weight: Tensor, type: Precision = "float32"): Tensor {
  return withGradient(
    (x: Tensor, w: Tensor, save: Save) => {
      const operands = [lower(x, type), lower(w, type)];
      save(operands);
      const value = raise(matMul(operands[0], operands[1], false, true, type), type);
      const gradFunc = (dy: Tensor, [x, w]: Tensor[]) => {
        const d = lower(dy, type);
        return [raise(matMul(d, w, false, false, type), type), weightGradient(d, x, type)];
      };
      return { value, gradFunc };
    },
    x,
    weight,
  );
}

/** y + b, b along the last axis: N × width and width. */
export function addBias(y: Tensor, bias: Tensor): Tensor {
  return withGradient(
    (y: Tensor, b: Tensor) => {
      return { value: rawOp("BiasAdd", { T: "float32" }, [y, b]), gradFunc: (dy: Tensor) => [dy, columnSum(dy)] };
    },
    y,
    bias,
  );
}

/** x·Wᵀ + b; see {@link product}. */
export const linear = (x: Tensor, weight: Tensor, bias: Tensor, type: Precision = "float32"): Tensor =>
  addBias(product(x, weight, type), bias);

/** What a LayerNorm computes, and keeps for its gradient: the output, x̂ and 1/√(var + ε). */
function normalise(x: Tensor, g: Tensor, b: Tensor, epsilon: number): Tensor[] {
  const centred = sub(x, reduce("Mean", x, [-1], true));
  const variance = reduce("Mean", unary("Square", centred), [-1], true);
  const inverse = unary("Rsqrt", add(variance, tf.scalar(epsilon)));
  const normal = mul(centred, inverse);
  return [add(mul(normal, g), b), normal, inverse];
}

/** The gradients of {@link normalise}: by x, γ and β. Sums over rows are products outside the kernel, see `columnSum`. */
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
  return withGradient(
    (x: Tensor, g: Tensor, b: Tensor, save: Save) => {
      const [value, normal, inverse] = fused(
        `layer_norm ${epsilon}`,
        (x, g, b) => normalise(x, g, b, epsilon),
        x,
        g,
        b,
      );
      save([normal, inverse, g]);
      const gradFunc = (dy: Tensor, [normal, inverse, g]: Tensor[]) => normaliseGradient(dy, normal, inverse, g);
      return { value, gradFunc };
    },
    x,
    gamma,
    beta,
  );
}

/**
 * LayerNorm of y + bias + x, as a block's end: the product's bias and the residual in the same pass.
 *
 * @param y N × width, a product without its bias
 * @param bias width
 * @param x N × width, what went into the block
 */
export function addNorm(y: Tensor, bias: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  return withGradient(
    (y: Tensor, bias: Tensor, x: Tensor, g: Tensor, b: Tensor, save: Save) => {
      const forward = (y: Tensor, bias: Tensor, x: Tensor, g: Tensor, b: Tensor) =>
        normalise(add(add(y, bias), x), g, b, epsilon);
      const [value, normal, inverse] = fused(`add_norm ${epsilon}`, forward, y, bias, x, g, b);
      save([normal, inverse, g]);
      const gradFunc = (dy: Tensor, [normal, inverse, g]: Tensor[]) => {
        const [d, dGamma, dBeta] = normaliseGradient(dy, normal, inverse, g);
        return [d, columnSum(d), d, dGamma, dBeta];
      };
      return { value, gradFunc };
    },
    y,
    bias,
    x,
    gamma,
    beta,
  );
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
  return withGradient(
    (y: Tensor, b: Tensor, save: Save) => {
      save([y, b]);
      const [value] = fused("gelu", (y, b) => [geluOf(add(y, b))], y, b);
      const gradFunc = (dy: Tensor, [y, b]: Tensor[]) => {
        const [d] = fused("gelu_gradient", (dy, y, b) => [geluGradient(dy, add(y, b))], dy, y, b);
        return [d, columnSum(d)];
      };
      return { value, gradFunc };
    },
    y,
    bias,
  );
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
  return withGradient(
    (x: Tensor, labels: Tensor, save: Save) => {
      const [value, gradient] = rawOps(
        "SparseSoftmaxCrossEntropyWithLogits",
        { T: "float32", Tlabels: "int32" },
        [x, labels],
        2,
      );
      save([gradient, labels]);
      const gradFunc = (dy: Tensor, [gradient, labels]: Tensor[]) => [
        mul(gradient, reshape(dy, [labels.shape[0], 1])),
        tf.zerosLike(labels),
      ];
      return { value, gradFunc };
    },
    logits,
    labels,
  );
}

/**
 * A flat vector cut into tensors.
 *
 * @param flat all elements
 * @param shapes of the parts, in order; their sizes add up to the vector's
 */
export function splitFlat(flat: Tensor, shapes: number[][]): Tensor[] {
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const parts = rawOps("SplitV", { num_split: sizes.length, T: "float32", Tlen: "int32" }, [
    flat,
    ints(sizes),
    tf.scalar(0, "int32"),
  ], sizes.length);
  return parts.map((part, i) => reshape(part, shapes[i]));
}

/** Tensors one after another as a flat vector. */
export function joinFlat(tensors: Tensor[]): Tensor {
  const flat = tensors.map((tensor) => reshape(tensor, [tensor.size]));
  return rawOp("ConcatV2", { N: flat.length, T: "float32", Tidx: "int32" }, [...flat, tf.scalar(0, "int32")]);
}
