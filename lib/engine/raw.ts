/**
 * TensorFlow's raw ops under short names, for blocks with gradients of their own. None reads a value, so all can be traced.
 * @module
 */
import { EngineError } from "./error.ts";
import { bfloat16Problem } from "./library.ts";
import { rawOp, tf } from "./mod.ts";
import type { Tensor } from "./types.ts";

/** Element type of products; everything else is float32. */
export type Precision = "float32" | "bfloat16";

interface Block {
  value: Tensor;
  /** Tensors that the gradient needs. */
  saved: Tensor[];
  /** From the gradient by the value, and the saved tensors: the gradients by the inputs. */
  gradient: (dy: Tensor, ...saved: Tensor[]) => Tensor[];
}

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
/** The products of two stacks of matrices, over their last two axes, with the matrices of either one transposed first. */
export const batchMatMul = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean, type: Precision): Tensor =>
  rawOp("BatchMatMulV2", { T: type, adj_x: transposeA, adj_y: transposeB }, [a, b]);
/** Σ over rows as a product with ones: N × width → width; half the time of BiasAddGrad at 5,376 × 1,024 on two cores. */
export function columnSum(x: Tensor): Tensor {
  const ones = rawOp("Fill", { T: "float32", index_type: "int32" }, [ints([1, x.shape[0]]), tf.scalar(1)]);
  return reshape(matMul(ones, x, false, false, "float32"), [x.shape[1]!]);
}
/** The axes in another order: axis i of the result is axis `order[i]` of x. */
export const transpose = (x: Tensor, order: number[], type: Precision = "float32"): Tensor =>
  rawOp("Transpose", { T: type, Tperm: "int32" }, [x, ints(order)]);
/** The same values in another shape, of which one length may be −1: whatever is left. */
export const reshape = (x: Tensor, shape: number[], type: Precision = "float32"): Tensor =>
  rawOp("Reshape", { T: type, Tshape: "int32" }, [x, ints(shape)]);
const problem = bfloat16Problem();

/**
 * A float32 tensor in the given precision.
 *
 * @throws {EngineError} if the environment leaves TensorFlow no bfloat16
 */
export function lower(x: Tensor, type: Precision): Tensor {
  if (type === "float32") return x;
  if (problem) throw new EngineError(problem);
  return rawOp("Cast", { SrcT: "float32", DstT: type, Truncate: false }, [x]);
}

/** A tensor of the given precision in float32. */
export const raise = (x: Tensor, type: Precision): Tensor =>
  type === "float32" ? x : rawOp("Cast", { SrcT: type, DstT: "float32", Truncate: false }, [x]);
