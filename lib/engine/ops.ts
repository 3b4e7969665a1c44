/**
 * TensorFlow's raw ops under short names, and the encoder's operations as blocks of them with gradients of their own.
 *
 * The blocks use fewer and cheaper ops than TensorFlow.js' functions, read no value (so they can be traced), and save
 * only what the backward pass needs. Rows are tokens: N = batch × length.
 * @module
 */
import { bfloat16Problem } from "./library.ts";
import { engineBranches, engineInfo, fused, onLibraryCpu, rawOp, rawOps, tf } from "./mod.ts";
import { EngineError, type Tensor } from "./types.ts";

/** Element type of products; everything else is float32. */
export type Precision = "float32" | "bfloat16";

/** A block's value, the tensors that its gradient needs, and how it makes the inputs' gradients of them and dy. */
type Block = { value: Tensor; saved: Tensor[]; gradient: (dy: Tensor, ...saved: Tensor[]) => Tensor[] };

/** The value of a block with a gradient of its own, in place of TensorFlow.js'. */
export function withGradient(inputs: Tensor[], block: (...inputs: Tensor[]) => Block): Tensor {
  const forward = (...args: unknown[]) => {
    const save = args.at(-1) as (tensors: Tensor[]) => void;
    const { value, saved, gradient } = block(...args.slice(0, -1) as Tensor[]);
    save(saved);
    return { value, gradFunc: (dy: Tensor, saved: Tensor[]) => gradient(dy, ...saved) };
  };
  return (tf.customGrad(forward as never) as (...inputs: Tensor[]) => Tensor)(...inputs);
}

/** A float32 op of one input. */
export const unary = (name: string, x: Tensor): Tensor => rawOp(name, { T: "float32" }, [x]);
const binary = (name: string, a: Tensor, b: Tensor): Tensor => rawOp(name, { T: "float32" }, [a, b]);
/** a · b, element by element, shapes broadcast. */
export const mul = (a: Tensor, b: Tensor): Tensor => binary("Mul", a, b);
/** a + b, shapes broadcast. */
export const add = (a: Tensor, b: Tensor): Tensor => binary("AddV2", a, b);
/** a − b, shapes broadcast. */
export const sub = (a: Tensor, b: Tensor): Tensor => binary("Sub", a, b);
/** An int32 vector, for axes and shapes. */
export const ints = (values: number[]): Tensor => tf.tensor1d(values, "int32");
/** An int32 scalar. */
export const int = (value: number): Tensor => tf.scalar(value, "int32");
/** Sum or mean over axes; `keep` leaves them in place with length 1. */
export const reduce = (name: "Sum" | "Mean", x: Tensor, axes: number[], keep: boolean): Tensor =>
  rawOp(name, { T: "float32", Tidx: "int32", keep_dims: keep }, [x, ints(axes)]);
/** The product of two matrices, with either one transposed first. */
export const matMul = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean, type: Precision): Tensor =>
  rawOp("MatMul", { T: type, transpose_a: transposeA, transpose_b: transposeB }, [a, b]);
/** The products of two stacks of matrices (their last two axes), with the matrices of either one transposed first. */
export const batchMatMul = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean, type: Precision): Tensor =>
  rawOp("BatchMatMulV2", { T: type, adj_x: transposeA, adj_y: transposeB }, [a, b]);
/**
 * Σ over rows: N × width → width. libtensorflow computes it as a product with ones, in half BiasAddGrad's time at
 * 5,376 × 1,024 on two cores.
 */
export function columnSum(x: Tensor): Tensor {
  if (engineInfo().engine === "XLA") return reduce("Sum", x, [0], false);
  const ones = rawOp("Fill", { T: "float32", index_type: "int32" }, [ints([1, x.shape[0]]), tf.scalar(1)]);
  return reshape(matMul(ones, x, false, false, "float32"), [x.shape[1]!]);
}
/** The axes in another order: axis i of the result is axis `order[i]` of x. */
export const transpose = (x: Tensor, order: number[], type: Precision = "float32"): Tensor =>
  rawOp("Transpose", { T: type, Tperm: "int32" }, [x, ints(order)]);
/** The same values in another shape, of which one length may be −1: whatever is left. */
export const reshape = (x: Tensor, shape: number[], type: Precision = "float32"): Tensor =>
  rawOp("Reshape", { T: type, Tshape: "int32" }, [x, ints(shape)]);

const problem = engineInfo().engine === "libtensorflow" ? bfloat16Problem() : undefined;

/** A float32 tensor in the given precision; an EngineError if the environment leaves TensorFlow no bfloat16. */
export function lower(x: Tensor, type: Precision): Tensor {
  if (type === "float32") return x;
  if (problem) throw new EngineError(problem);
  return rawOp("Cast", { SrcT: "float32", DstT: type, Truncate: false }, [x]);
}

/** A tensor of the given precision in float32. */
export const raise = (x: Tensor, type: Precision): Tensor =>
  type === "float32" ? x : rawOp("Cast", { SrcT: type, DstT: "float32", Truncate: false }, [x]);

/** Sums of rows by their index in each of some groups, as products with ones and zeros; see {@link gatherRows}. */
function sumsInGroups(dy: Tensor, indices: Tensor, rows: number, groups: number): Tensor {
  const [size, width] = [rows / groups, dy.shape[1]!];
  const firsts = tf.range(0, rows, size, "int32").reshape([groups, 1]), own = indices.reshape([groups, -1]).sub(firsts);
  const oneHot = { T: "float32", TI: "int32", axis: -1 };
  const ones = rawOp("OneHot", oneHot, [own, int(size), tf.scalar(1), tf.scalar(0)]); // groups × N/groups × size
  return reshape(batchMatMul(ones, reshape(dy, [groups, -1, width]), true, false, "float32"), [rows, width]);
}

/**
 * Rows of a table (rows × width) by index (N, int32, in 0…rows−1), without reading the indices: N × width.
 *
 * @param groups equal parts of the indices, of which each points into its own part of the table. XLA adds up gradients
 * by group without a scatter, which on a GPU is slow or adds in any order
 */
export function gatherRows(table: Tensor, indices: Tensor, groups = 1): Tensor {
  const gather = { batch_dims: 0, Tparams: "float32", Tindices: "int32", Taxis: "int32" }, rows = table.shape[0];
  const scatter = { T: "float32", Tindices: "int32", Tnumsegments: "int32" };
  const grouped = groups > 1 && engineInfo().engine === "XLA";
  return withGradient([table, indices], (x, i) => ({
    value: rawOp("GatherV2", gather, [x, i, int(0)]),
    saved: [i],
    gradient: (dy, i) => {
      const sums = grouped
        ? sumsInGroups(dy, i, rows, groups)
        : rawOp("UnsortedSegmentSum", scatter, [dy, i, int(rows)]);
      return [sums, tf.zerosLike(i)];
    },
  }));
}

/** Widths whose columns share so few cache sets that it tells: powers of two of at least 4 KiB of float32. */
const aliases = (n: number) => n >= 1024 && (n & (n - 1)) === 0;

/**
 * dyᵀ·x, a weight's gradient.
 *
 * oneDNN reads both operands down their columns. If a width is a large power of two, these lie in the same few cache
 * sets, and with AVX2 and two threads the product runs at half its rate (256 × 2688 × 1024: 88 GFLOP/s; 152 by Eigen's,
 * which packs first). On one thread, with AVX-512, and at widths of 256 and 512 it is as fast as Eigen's or up to 1.4
 * times as fast. SparseMatMul with no sparse operand is Eigen's dense product.
 */
function weightGradient(dy: Tensor, x: Tensor, type: Precision): Tensor {
  const [outer, inner] = [dy.shape[1]!, x.shape[1]!];
  const aliased = type === "float32" && onLibraryCpu && engineBranches === 1 && (aliases(outer) || aliases(inner));
  if (!aliased) return raise(matMul(dy, x, true, false, type), type);
  const dense = { transpose_a: true, transpose_b: false, a_is_sparse: false, b_is_sparse: false };
  const product = (a: Tensor, b: Tensor) => rawOp("SparseMatMul", { ...dense, Ta: type, Tb: type }, [a, b]);
  return outer > inner ? transpose(product(x, dy), [1, 0]) : product(dy, x);
}

/** The gradients of {@link product} by x and W, which are given in the products' type. */
function productGradients(dy: Tensor, x: Tensor, w: Tensor, type: Precision): Tensor[] {
  const d = lower(dy, type);
  return [raise(matMul(d, w, false, false, type), type), weightGradient(d, x, type)];
}

/**
 * x·Wᵀ (N × out), with the weight as PyTorch stores it: out × in.
 *
 * @param type element type of the products; the sums over N stay float32
 */
export function product(x: Tensor, weight: Tensor, type: Precision = "float32"): Tensor {
  return withGradient([x, weight], (x, w) => {
    const saved = [lower(x, type), lower(w, type)];
    return {
      value: raise(matMul(saved[0], saved[1], false, true, type), type),
      saved,
      gradient: (dy, x, w) => productGradients(dy, x, w, type),
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

/** x·Wᵀ + b; see {@link product}. The bias is added in the products' type, before the result is float32 again. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor, type: Precision = "float32"): Tensor {
  return withGradient([x, weight, bias], (x, w, b) => {
    const saved = [lower(x, type), lower(w, type)];
    return {
      value: raise(
        rawOp("BiasAdd", { T: type }, [matMul(saved[0], saved[1], false, true, type), lower(b, type)]),
        type,
      ),
      saved,
      gradient: (dy, x, w) => [...productGradients(dy, x, w, type), columnSum(dy)],
    };
  });
}

/** LayerNorm of the sum of terms; `spread` makes their gradients of the sum's. Sums over rows are not in the kernel. */
function normBlock(
  name: string,
  [terms, gamma, beta]: [Tensor[], Tensor, Tensor],
  epsilon: number,
  sum: (...terms: Tensor[]) => Tensor,
  spread: (d: Tensor) => Tensor[],
): Tensor {
  const forward = (...inputs: Tensor[]) => {
    const [g, b] = inputs.slice(-2), x = sum(...inputs.slice(0, -2));
    const centred = sub(x, reduce("Mean", x, [-1], true));
    const variance = reduce("Mean", unary("Square", centred), [-1], true);
    const inverse = unary("Rsqrt", add(variance, tf.scalar(epsilon)));
    const normal = mul(centred, inverse);
    return [add(mul(normal, g), b), normal, inverse];
  };
  const backward = (dy: Tensor, normal: Tensor, inverse: Tensor, g: Tensor) => {
    const scaled = mul(dy, g), along = reduce("Mean", mul(scaled, normal), [-1], true);
    const dx = mul(sub(sub(scaled, reduce("Mean", scaled, [-1], true)), mul(normal, along)), inverse);
    return [dx, mul(dy, normal)];
  };
  return withGradient([...terms, gamma, beta], (...inputs) => {
    const [value, normal, inverse] = fused(`${name} ${epsilon}`, forward, ...inputs);
    return {
      value,
      saved: [normal, inverse, inputs.at(-2)!],
      gradient: (dy, normal, inverse, g) => {
        const [d, dGamma] = fused("layer_norm_gradient", backward, dy, normal, inverse, g);
        return [...spread(d), columnSum(dGamma), columnSum(dy)];
      },
    };
  });
}

/** LayerNorm over the last axis of x (N × width): (x − mean)/√(var + ε)·γ + β, population variance. */
export const layerNorm = (x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor =>
  normBlock("layer_norm", [[x], gamma, beta], epsilon, (x) => x, (d) => [d]);

/** LayerNorm of y + bias + x at a block's end: y a product without its bias and x the block's input, both N × width. */
export function addNorm(y: Tensor, bias: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  const sum = (y: Tensor, bias: Tensor, x: Tensor) => add(add(y, bias), x);
  return normBlock("add_norm", [[y, bias, x], gamma, beta], epsilon, sum, (d) => [d, columnSum(d), d]);
}

/** Φ, the normal distribution function. */
const phi = (x: Tensor) => mul(add(unary("Erf", mul(x, tf.scalar(Math.SQRT1_2))), tf.scalar(1)), tf.scalar(0.5));

const gelu = (x: Tensor) => mul(x, phi(x));

function geluGradient(dy: Tensor, x: Tensor): Tensor {
  const density = mul(unary("Exp", mul(unary("Square", x), tf.scalar(-0.5))), tf.scalar(1 / Math.sqrt(2 * Math.PI)));
  return mul(dy, add(phi(x), mul(x, density)));
}

/** GELU with the error function, x·Φ(x), of x = y + bias; N × width. */
export function biasGelu(y: Tensor, bias: Tensor): Tensor {
  return withGradient([y, bias], (y, b) => ({
    value: fused("gelu", (y, b) => [gelu(add(y, b))], y, b)[0],
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

/** Cross-entropy, in nats, of each row's logits (N × classes) with its label (N, int32). */
export function crossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const types = { T: "float32", Tlabels: "int32" };
  return withGradient([logits, labels], (x, labels) => {
    const [value, gradient] = rawOps("SparseSoftmaxCrossEntropyWithLogits", types, [x, labels], 2);
    return {
      value,
      saved: [gradient, labels],
      gradient: (dy, gradient, labels) => [mul(gradient, reshape(dy, [labels.shape[0], 1])), tf.zerosLike(labels)],
    };
  });
}

/** A flat vector cut into tensors of `shapes`, in order; their sizes add up to the vector's. */
export function splitFlat(flat: Tensor, shapes: number[][]): Tensor[] {
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1)), { length } = sizes;
  const types = { num_split: length, T: "float32", Tlen: "int32" };
  const parts = rawOps("SplitV", types, [flat, ints(sizes), int(0)], length);
  return parts.map((part, i) => shapes[i].length === 1 ? part : reshape(part, shapes[i]));
}

/** Tensors one after another as a flat vector. */
export function joinFlat(tensors: readonly Tensor[]): Tensor {
  const flat = tensors.map((tensor) => tensor.rank === 1 ? tensor : reshape(tensor, [tensor.size]));
  return rawOp("ConcatV2", { N: flat.length, T: "float32", Tidx: "int32" }, [...flat, int(0)]);
}
