/**
 * Element types, and what TensorFlow, PJRT and JavaScript have for them.
 * @module
 */
import { DType } from "../attributes.ts";
import { TensorFlowError } from "../types.ts";

/** By StableHLO's names: TensorFlow's number, PJRT's, and the array that holds their values (bfloat16 as its bits). */
const types = {
  i1: { dtype: DType.bool, pjrt: 1, array: Uint8Array },
  i32: { dtype: DType.int32, pjrt: 4, array: Int32Array },
  i64: { dtype: DType.int64, pjrt: 5, array: BigInt64Array },
  ui8: { dtype: DType.uint8, pjrt: 6, array: Uint8Array },
  f32: { dtype: DType.float32, pjrt: 11, array: Float32Array },
  f64: { dtype: DType.float64, pjrt: 12, array: Float64Array },
  bf16: { dtype: DType.bfloat16, pjrt: 13, array: Uint16Array },
} as const;

/** An element type, named as in MLIR. */
export type ElementType = keyof typeof types;

const find = (is: (type: ElementType) => boolean) => (Object.keys(types) as ElementType[]).find(is);

/** Bytes of one element. */
export const elementBytes = (type: ElementType): number => types[type].array.BYTES_PER_ELEMENT;

/** TensorFlow's number of an element type. */
export const dtypeOf = (type: ElementType): number => types[type].dtype;

/** The element type of a number of TensorFlow's; a {@link TensorFlowError} if there is none. */
export function elementType(dtype: number): ElementType {
  const type = find((name) => types[name].dtype === dtype);
  if (type === undefined) throw new TensorFlowError(`TensorFlow's element type ${dtype} has no counterpart here`);
  return type;
}

/** PJRT's number of an element type. */
export const pjrtNumber = (type: ElementType): number => types[type].pjrt;

/** The element type of a number of PJRT's; undefined if it is not known here. */
export const ofPjrt = (number: number): ElementType | undefined => find((name) => types[name].pjrt === number);
