/**
 * Float64 matrices on the engine: products, Cholesky factors, triangular systems.
 *
 * TensorFlow.js has no float64, but libtensorflow's ops have. This module needs only the binding and not TensorFlow.js, so
 * a worker loads it quickly.
 * @module
 */
import type { Attribute } from "./attributes.ts";
import { binding, executeEagerly } from "./binding.ts";
import { DType } from "./capi.ts";

/** A matrix in the engine's memory, or a stack of them; whoever made it must {@link free} it. */
export interface DeviceMatrix {
  /** The binding's id. */
  id: number;
  /** Lengths of its axes; a stack's first axis counts matrices. */
  shape: number[];
}

const type = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_TYPE, value });
const flag = (name: string, value: boolean): Attribute => ({ name, type: binding.TF_ATTR_BOOL, value });
const float64 = type("T", DType.float64), float32 = type("T", DType.float32);

function run(op: string, attributes: Attribute[], ...inputs: DeviceMatrix[]): DeviceMatrix {
  const [{ id, shape }] = executeEagerly(op, attributes, inputs.map((input) => input.id), 1);
  return { id, shape };
}

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
 * Solves A·X = B by Cholesky for each symmetric positive definite A of a stack, in parallel. TensorFlow does not fail for
 * another A: the result is NaN.
 *
 * @param matrices g × n × n
 * @param right n × t
 * @returns g × n × t
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
    const attributes = [float64, { name: "num_split", type: binding.TF_ATTR_INT, value: parts }];
    return executeEagerly("Split", attributes, [axis, a.id], parts).map(({ id, shape }) => ({ id, shape }));
  } finally {
    binding.deleteTensor(axis);
  }
}
