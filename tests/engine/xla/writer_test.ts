import { assertEquals, assertThrows } from "@std/assert";
import { TensorFlowError } from "@lib/engine/types.ts";
import { axisOf, broadcastShape, tensorType, writer } from "@lib/engine/xla/writer.ts";

Deno.test("shapes broadcast from the last axis on, as NumPy's", () => {
  assertEquals(broadcastShape([2, 1, 3], [4, 1], []), [2, 4, 3]);
  assertEquals(broadcastShape([0, 3], [1, 3]), [0, 3]);
  assertThrows(() => broadcastShape([2], [3]), TensorFlowError, "shapes [2] and [3] do not broadcast");
});

Deno.test("axes count from either end, and are inside", () => {
  assertEquals([axisOf(-1, 3), axisOf(0, 3), axisOf(2, 3)], [2, 0, 2]);
  for (const axis of [-4, 3]) {
    assertThrows(() => axisOf(axis, 3), TensorFlowError, `expected an axis of 3, found ${axis}`);
  }
});

Deno.test("types are MLIR's", () => {
  assertEquals([tensorType([], "i1"), tensorType([2, 0], "bf16")], ["tensor<i1>", "tensor<2x0xbf16>"]);
});

Deno.test("what a constant is, is known by its repetitions and reshapes, and by nothing that is computed", () => {
  const h = writer(), one = h.splat(1, [], "f32"), many = h.reshape(h.broadcast(one, [2, 3]), [6]);
  assertEquals([h.number(many), h.number(h.binary("add", many, many))], [1, undefined]);
  const sizes = h.constant(new Uint8Array(Int32Array.of(2, -1).buffer), [2], "i32");
  assertEquals([h.ints(sizes), h.number(sizes)], [[2, -1], undefined]);
  assertThrows(() => h.ints(h.binary("add", sizes, sizes)), TensorFlowError, "must be constants");
});

Deno.test("equal constants are one, and steps that change nothing are none", () => {
  const h = writer(), x = { name: "%x", shape: [2, 3], type: "f32" as const };
  assertEquals(h.splat(2, [3], "f32").name, h.splat(2, [3], "f32").name);
  assertEquals([h.reshape(x, [2, 3]), h.transpose(x, [0, 1]), h.convert(x, "f32"), h.slice(x, [0, 0], [2, 3])], [
    x,
    x,
    x,
    x,
  ]);
  assertEquals([h.broadcast(x, [2, 3]), h.concatenate([x], 0), h.reduce("add", x, [], 0)], [x, x, x]);
});
