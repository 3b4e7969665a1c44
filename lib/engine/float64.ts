/**
 * Float64 matrices on the engine, which TensorFlow.js lacks. Needs the binding alone, so a worker loads it quickly.
 * @module
 */
import { ATTR, type Attribute, DType, type TensorMetadata } from "./attributes.ts";
import type * as library from "./libtensorflow/binding.ts";
import { loadChosen } from "./loading.ts";

const module = await loadChosen<Pick<typeof library, "binding" | "executeEagerly">>({
  XLA: () => import("./xla/binding.ts"),
  libtensorflow: () => import("./libtensorflow/binding.ts"),
});
const { binding, executeEagerly } = module;

/** Whether each new shape costs a compilation, so that callers pad to few. */
export const shapesCost: boolean = "executables" in module;

/** A matrix in the engine's memory, or a stack of them along a first axis; whoever made it must {@link free} it. */
export type DeviceMatrix = Pick<TensorMetadata, "id" | "shape">;

const type = (name: string, value: number): Attribute => ({ name, type: ATTR.type, value });
const flag = (name: string, value: boolean): Attribute => ({ name, type: ATTR.bool, value });
const float64 = type("T", DType.float64), float32 = type("T", DType.float32);

const run = (op: string, attributes: Attribute[], ...inputs: DeviceMatrix[]): DeviceMatrix =>
  executeEagerly(op, attributes, inputs.map(({ id }) => id), 1)[0];

/** Copies values to the engine. Float32 becomes float64 there, unless `widen` is false. */
export function upload(values: Float32Array | Float64Array, shape: number[], { widen = true } = {}): DeviceMatrix {
  const wide = values instanceof Float64Array;
  const matrix = { id: binding.createTensor(shape, wide ? DType.float64 : DType.float32, values), shape };
  if (wide || !widen) return matrix;
  try {
    return run("Cast", [type("SrcT", DType.float32), type("DstT", DType.float64), flag("Truncate", false)], matrix);
  } finally {
    free(matrix);
  }
}

/** Frees matrices. */
export function free(...matrices: DeviceMatrix[]): void {
  for (const { id } of matrices) binding.deleteTensor(id);
}

/** The values of a matrix, row by row. */
export const download = ({ id }: DeviceMatrix): Float64Array => binding.tensorDataSync(id) as Float64Array;

/** a·b, with `left` aᵀ, with `right` bᵀ in their place. */
export function multiply(a: DeviceMatrix, b: DeviceMatrix, { left = false, right = false } = {}): DeviceMatrix {
  return run("MatMul", [float64, flag("transpose_a", left), flag("transpose_b", right)], a, b);
}

/** The values of a·bᵀ, for matrices that were uploaded without widening. */
export function multiplyFloat32(a: DeviceMatrix, b: DeviceMatrix): Float32Array {
  const product = run("MatMul", [float32, flag("transpose_a", false), flag("transpose_b", true)], a, b);
  try {
    return binding.tensorDataSync(product.id) as Float32Array;
  } finally {
    free(product);
  }
}

/** a − b; b is broadcast over a's rows. */
export const subtract = (a: DeviceMatrix, b: DeviceMatrix): DeviceMatrix => run("Sub", [float64], a, b);

/** a + b; frees both. */
export function addAndFree(a: DeviceMatrix, b: DeviceMatrix): DeviceMatrix {
  try {
    return run("AddV2", [float64], a, b);
  } finally {
    free(a, b);
  }
}

/**
 * Solves A·X = B (n × t) by Cholesky for each positive definite A of a stack (g × n × n), in parallel: g × n × t. For
 * another A TensorFlow does not fail: the result is NaN.
 */
export function solvePositive(matrices: DeviceMatrix, right: DeviceMatrix): DeviceMatrix {
  const factors = run("Cholesky", [float64], matrices);
  const solve = (b: DeviceMatrix, adjoint: boolean) =>
    run("MatrixTriangularSolve", [float64, flag("lower", true), flag("adjoint", adjoint)], factors, b);
  let half: DeviceMatrix | undefined;
  try {
    half = solve(right, false);
    return solve(half, true);
  } finally {
    free(factors, ...half ? [half] : []);
  }
}

/** Columns of a matrix in equal parts. */
export function splitColumns(a: DeviceMatrix, parts: number): DeviceMatrix[] {
  const axis = binding.createTensor([], DType.int32, [1]);
  try {
    const attributes = [float64, { name: "num_split", type: ATTR.int, value: parts }];
    return executeEagerly("Split", attributes, [axis, a.id], parts);
  } finally {
    binding.deleteTensor(axis);
  }
}
