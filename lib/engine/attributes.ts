/**
 * How TensorFlow.js' node kernels name what they pass to an engine: attributes of ops, element types, and values.
 * @module
 */
import { type RawAttributes, TensorFlowError } from "./types.ts";

/** An op's output as the kernels see it: its id in the binding, its shape, TensorFlow's number of its element type. */
export type TensorMetadata = { id: number; shape: number[]; dtype: number };

/** An attribute as the kernels pass it: its name in TensorFlow's op, one of {@link ATTR}, and its value. */
export type Attribute = { name: string; type: number; value: unknown };

/** The kernels' numbers for kinds of attributes. */
export const ATTR = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5, resource: 6 } as const;

/** TensorFlow's numbers of element types. */
export const DType = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
} as const;

/** TensorFlow's number of an element type, by its name in TensorFlow.js. */
export function dtypeNumber(dtype: string): number {
  const number = (DType as Record<string, number>)[dtype];
  if (number === undefined) throw new TensorFlowError(`Tensors of type ${dtype} cannot enter a trace.`);
  return number;
}

/** An attribute of a raw op, as the kernels pass it. */
export function toAttribute([name, value]: [string, RawAttributes[string]]): Attribute {
  if (typeof value === "boolean") return { name, type: ATTR.bool, value };
  if (typeof value === "string") return { name, type: ATTR.type, value: dtypeNumber(value) };
  if (typeof value === "object" && "float" in value) return { name, type: ATTR.float, value: value.float };
  if (typeof value === "object" && "text" in value) return { name, type: ATTR.string, value: value.text };
  return { name, type: ATTR.int, value };
}

/** Numbers under the package's names, such as `TF_ATTR_INT`. */
const prefixed = (prefix: string, numbers: Record<string, number>) =>
  Object.fromEntries(Object.entries(numbers).map(([name, number]) => [`${prefix}${name.toUpperCase()}`, number]));

/** The numbers that the kernels look for in a binding. */
export const bindingNumbers = {
  TF_FLOAT: DType.float32,
  TF_RESOURCE: 20,
  ...prefixed("TF_", DType),
  ...prefixed("TF_ATTR_", ATTR),
} as const;

/** What the kernels read from a binding. */
export type Values = Float32Array | Float64Array | Int32Array | Uint8Array;

type ValuesArray = typeof Float32Array | typeof Float64Array | typeof Int32Array | typeof Uint8Array;

/** JavaScript's arrays of element types. */
export const ARRAYS: ReadonlyMap<number, ValuesArray> = new Map<number, ValuesArray>([
  [DType.float32, Float32Array],
  [DType.float64, Float64Array],
  [DType.int32, Int32Array],
  [DType.bool, Uint8Array],
  [DType.uint8, Uint8Array],
]);

/** Values as the bytes of an element type, not copied where they have its array. */
export function toBytes(values: ArrayLike<number>, dtype: number): Uint8Array {
  const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  if (dtype === DType.int64) { // the package passes an int64 scalar as two int32
    if (values instanceof Int32Array) return bytesOf(values);
    return bytesOf(BigInt64Array.from(values, (v) => BigInt(Math.trunc(v))));
  }
  const type = ARRAYS.get(dtype);
  if (!type) throw new TensorFlowError(`Tensors of TensorFlow's type ${dtype} cannot be made from JavaScript.`);
  return bytesOf(values instanceof type ? values : type.from(values));
}

/** Most bytes of a captured tensor, which becomes a constant; a larger one was probably meant as an input. */
export const LARGEST_CONSTANT: number = 64 * 1024;

/** Why a tensor above {@link LARGEST_CONSTANT} is not frozen into a traced function. */
export const capturedError = (shape: readonly number[], bytes: number): TensorFlowError =>
  new TensorFlowError(
    `A traced function captured a tensor of shape [${shape}] (${bytes} bytes). Pass it as an input: ` +
      "what is captured is frozen into the function.",
  );

/** `MatMul([2,3], [4,5])`, for messages. */
export const callText = (name: string, shapes: readonly (readonly number[])[]): string =>
  `${name}(${shapes.map((shape) => `[${shape}]`).join(", ")})`;
