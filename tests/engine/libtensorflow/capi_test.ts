import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { TensorFlowError } from "@lib/engine/types.ts";
import { context } from "@lib/engine/libtensorflow/binding.ts";
import { C, check, cString, readString, status, utf8 } from "@lib/engine/libtensorflow/capi.ts";

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
