import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { TensorFlowError } from "@lib/engine/types.ts";
import { binding, context, executeEagerly } from "@lib/engine/libtensorflow/binding.ts";
import { C, check, cString, DType, readString, status, utf8 } from "@lib/engine/libtensorflow/capi.ts";

Deno.test("texts go to C with a zero at their end, and come back", () => {
  assertEquals([...cString("Ü1")], [0xc3, 0x9c, 0x31, 0]);
  assertStrictEquals(cString("Ü1"), cString("Ü1")); // names of ops are made once
  assertEquals([...utf8("Ü1")], [0xc3, 0x9c, 0x31]);
  assertEquals(readString(Deno.UnsafePointer.of(cString("back"))), "back");
  assertEquals(readString(null), "");
});

Deno.test("a status that is an error throws with what was attempted, one that is none does not", () => {
  const own = C.TF_NewStatus();
  check(() => "nothing", own);
  C.TFE_NewOp(context, cString("NoSuchOp"), own);
  assertThrows(() => check(() => "Making an op", own), TensorFlowError, "Making an op: ");
  C.TF_DeleteStatus(own);
  assertEquals(C.TF_GetCode(status), 0); // the thread's own status is another
});

Deno.test("the numbers of element types are TensorFlow's: a cast to each gives a tensor of that type", () => {
  const x = binding.createTensor([1], DType.float32, [1]);
  const size = { float32: 4, float64: 8, int32: 4, uint8: 1, int64: 8, bool: 1, bfloat16: 2, complex64: 8 };
  for (const [name, bytes] of Object.entries(size)) {
    const dtype = DType[name as keyof typeof size];
    const types = [["SrcT", 1], ["DstT", dtype]].map(([name, value]) => ({ name: name as string, type: 4, value }));
    const [y] = executeEagerly("Cast", types, [x], 1);
    assertEquals([name, y.dtype], [name, dtype]);
    const bits = [["T", dtype], ["type", DType.uint8]].map(([name, value]) => ({
      name: name as string,
      type: 4,
      value,
    }));
    const [raw] = name === "bool" || bytes === 1 ? [y] : executeEagerly("Bitcast", bits, [y.id], 1);
    assertEquals(raw.shape.at(-1), bytes, name);
    for (const id of new Set([y.id, raw.id])) binding.deleteTensor(id);
  }
  binding.deleteTensor(x);
});
