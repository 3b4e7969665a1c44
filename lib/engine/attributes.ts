/**
 * How TensorFlow.js' node kernels name what they pass to an engine: attributes of ops, and element types.
 * @module
 */

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

/** `MatMul([2,3], [4,5])`, for messages. */
export const callText = (name: string, shapes: readonly (readonly number[])[]): string =>
  `${name}(${shapes.map((shape) => `[${shape}]`).join(", ")})`;
