import { assertEquals, assertThrows } from "@std/assert";
import { TensorFlowError } from "@lib/engine/types.ts";
import {
  dtypeOf,
  elementBytes,
  type ElementType,
  elementType,
  ofPjrt,
  pjrtNumber,
} from "@lib/engine/xla/element_types.ts";

Deno.test("element types have TensorFlow's numbers (types.proto), PJRT's (pjrt_c_api.h) and their sizes", () => {
  const known: [ElementType, number, number, number][] = [
    ["f32", 1, 11, 4],
    ["f64", 2, 12, 8],
    ["i32", 3, 4, 4],
    ["ui8", 4, 6, 1],
    ["i64", 9, 5, 8],
    ["i1", 10, 1, 1],
    ["bf16", 14, 13, 2],
  ];
  for (const [type, dtype, pjrt, bytes] of known) {
    assertEquals([dtypeOf(type), pjrtNumber(type), elementBytes(type)], [dtype, pjrt, bytes]);
    assertEquals([elementType(dtype), ofPjrt(pjrt)], [type, type]);
  }
  assertThrows(() => elementType(7), TensorFlowError, "element type 7");
  assertEquals(ofPjrt(2), undefined);
});
