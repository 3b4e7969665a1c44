/**
 * Attributes of ops, from the kernels' form to TensorFlow's setters.
 * @module
 */
import { TensorFlowError } from "../error.ts";
import { cString, utf8 } from "./capi.ts";

/** An attribute as the kernels pass it: its name, one of TF_ATTR_*, and its value. */
export interface Attribute {
  /** The attribute's name in TensorFlow's op. */
  name: string;
  /** One of TF_ATTR_*. */
  type: number;
  /** The value; of an element type, TensorFlow's number. */
  value: unknown;
}

/** The kernels' numbers for kinds of attributes. */
export const ATTR = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5, resource: 6 } as const;

type Bytes = Uint8Array<ArrayBuffer>;
type Ints = BigInt64Array<ArrayBuffer>;

/** Functions that set an attribute of an eager op or a graph node. Names are zero-terminated, string values are not. */
interface AttributeSetters {
  string(name: Bytes, value: Bytes): void;
  int(name: Bytes, value: bigint): void;
  ints(name: Bytes, value: Ints): void;
  float(name: Bytes, value: number): void;
  bool(name: Bytes, value: number): void;
  type(name: Bytes, value: number): void;
  shape(name: Bytes, value: Ints): void;
}

const bigints = (value: unknown): Ints => BigInt64Array.from((value as number[]).map((v) => BigInt(Math.trunc(v))));

/** Sets an op's attributes through `set`. */
export function setAttributes(op: string, attributes: readonly Attribute[], set: AttributeSetters): void {
  for (const { name, type, value } of attributes) {
    const key = cString(name);
    if (type === ATTR.string) set.string(key, utf8(String(value)));
    else if (type === ATTR.int && Array.isArray(value)) set.ints(key, bigints(value));
    else if (type === ATTR.int) set.int(key, BigInt(Math.trunc(value as number)));
    else if (type === ATTR.float) set.float(key, value as number);
    else if (type === ATTR.bool) set.bool(key, value ? 1 : 0);
    else if (type === ATTR.type) set.type(key, value as number);
    else if (type === ATTR.shape) set.shape(key, bigints(value));
    else throw new TensorFlowError(`${op}: attribute ${name} has the kind ${type}, which the binding does not know.`);
  }
}
