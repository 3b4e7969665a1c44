/**
 * Matrices in float64 on the engine: products, Cholesky factors, triangular systems.
 *
 * TensorFlow.js has no float64; libtensorflow's ops have. This module needs the binding alone, not TensorFlow.js, so
 * that a worker has it in a moment.
 * @module
 */
import { binding, executeEagerly } from "./binding.ts";
import { DType } from "./capi.ts";

/** A float64 matrix (or a stack of them) on the engine; it belongs to who made it, see {@link free}. */
export interface Held {
  /** The binding's number of its handle. */
  id: number;
  /** Axes; of a stack, the matrices' place first. */
  shape: number[];
}

const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
const flag = (name: string, value: boolean) => ({ name, type: binding.TF_ATTR_BOOL, value });
const float64 = type("T", DType.float64);

function run(op: string, attributes: Parameters<typeof executeEagerly>[1], ...inputs: Held[]): Held {
  const [{ id, shape }] = executeEagerly(op, attributes, inputs.map((input) => input.id), 1);
  return { id, shape };
}

/** Values as a matrix on the engine; float32 is widened there, unless it shall stay `narrow`. */
export function hold(values: Float32Array | Float64Array, shape: number[], { narrow: stay = false } = {}): Held {
  const wide = values instanceof Float64Array;
  const id = binding.createTensor(shape, wide ? DType.float64 : DType.float32, values);
  if (wide || stay) return { id, shape };
  const narrow = { id, shape };
  try {
    return run("Cast", [type("SrcT", DType.float32), type("DstT", DType.float64), flag("Truncate", false)], narrow);
  } finally {
    free(narrow);
  }
}

/** Gives matrices back. */
export function free(...matrices: Held[]): void {
  for (const { id } of matrices) binding.deleteTensor(id);
}

/** The values of a matrix, row by row. */
export const read = ({ id }: Held): Float64Array => binding.tensorDataSync(id) as Float64Array;

/** a·b, either one transposed first if asked for. */
export function multiply(a: Held, b: Held, { left = false, right = false } = {}): Held {
  return run("MatMul", [float64, flag("transpose_a", left), flag("transpose_b", right)], a, b);
}

/** a·bᵀ of matrices held `narrow`, in float32. */
export function multiplyNarrow(a: Held, b: Held): Float32Array {
  const float32 = type("T", DType.float32);
  const product = run("MatMul", [float32, flag("transpose_a", false), flag("transpose_b", true)], a, b);
  try {
    return binding.tensorDataSync(product.id) as Float32Array;
  } finally {
    free(product);
  }
}

/** a − b, b's shape broadcast over a's rows. */
export const subtract = (a: Held, b: Held): Held => run("Sub", [float64], a, b);

/**
 * Solves A·X = B for each symmetric positive definite A of a stack, by Cholesky; the stack is factored in parallel.
 *
 * @param matrices g × n × n
 * @param right n × t
 * @returns g × n × t
 * @throws {TensorFlowError} if a matrix is not positive definite
 */
export function solvePositive(matrices: Held, right: Held): Held {
  const factors = run("Cholesky", [float64], matrices);
  const solve = (b: Held, adjoint: boolean) =>
    run("MatrixTriangularSolve", [float64, flag("lower", true), flag("adjoint", adjoint)], factors, b);
  let half: Held | undefined;
  try {
    half = solve(right, false);
    return solve(half, true);
  } finally {
    free(factors, ...half ? [half] : []);
  }
}

/** Columns of a matrix in equal parts. */
export function splitColumns(a: Held, parts: number): Held[] {
  const axis = binding.createTensor([], DType.int32, [1]);
  try {
    const attributes = [float64, { name: "num_split", type: binding.TF_ATTR_INT, value: parts }];
    return executeEagerly("Split", attributes, [axis, a.id], parts).map(({ id, shape }) => ({ id, shape }));
  } finally {
    binding.deleteTensor(axis);
  }
}

/** a + b; both are given back. */
export function addUp(a: Held, b: Held): Held {
  try {
    return run("AddV2", [float64], a, b);
  } finally {
    free(a, b);
  }
}
