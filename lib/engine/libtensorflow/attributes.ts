/**
 * Attributes of ops, from the kernels' form to TensorFlow's setters.
 * @module
 */
import { ATTR, type Attribute } from "../attributes.ts";
import { TensorFlowError } from "../types.ts";
import { C, cString, type Pointer, status, utf8 } from "./capi.ts";

const toInts = (value: unknown) => BigInt64Array.from((value as number[]).map((v) => BigInt(Math.trunc(v))));

/** Sets attributes of an op: of an eager op, or else of a graph node's description. */
export function setAttributes(op: string, target: Pointer, attributes: readonly Attribute[], eager: boolean): void {
  for (const { name, type, value } of attributes) {
    const key = cString(name);
    if (type === ATTR.string) {
      const text = utf8(String(value));
      (eager ? C.TFE_OpSetAttrString : C.TF_SetAttrString)(target, key, text, BigInt(text.length));
    } else if (type === ATTR.int && Array.isArray(value)) {
      (eager ? C.TFE_OpSetAttrIntList : C.TF_SetAttrIntList)(target, key, toInts(value), value.length);
    } else if (type === ATTR.int) {
      (eager ? C.TFE_OpSetAttrInt : C.TF_SetAttrInt)(target, key, BigInt(Math.trunc(value as number)));
    } else if (type === ATTR.float) {
      (eager ? C.TFE_OpSetAttrFloat : C.TF_SetAttrFloat)(target, key, value as number);
    } else if (type === ATTR.bool) {
      (eager ? C.TFE_OpSetAttrBool : C.TF_SetAttrBool)(target, key, value ? 1 : 0);
    } else if (type === ATTR.type) {
      (eager ? C.TFE_OpSetAttrType : C.TF_SetAttrType)(target, key, value as number);
    } else if (type === ATTR.shape) {
      const shape = toInts(value);
      if (eager) C.TFE_OpSetAttrShape(target, key, shape, shape.length, status);
      else C.TF_SetAttrShape(target, key, shape, shape.length);
    } else throw new TensorFlowError(`${op}: attribute ${name} has the kind ${type}, which the binding does not know.`);
  }
}
