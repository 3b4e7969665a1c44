import { assertEquals, assertThrows } from "@std/assert";
import { callText, DType, dtypeNumber, toBytes } from "@lib/engine/attributes.ts";
import { TensorFlowError } from "@lib/engine/types.ts";
import { binding, executeEagerly } from "@lib/engine/libtensorflow/binding.ts";

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

Deno.test("a call is told by its op and its inputs' shapes", () => {
  assertEquals(callText("Sum", [[2, 3], []]), "Sum([2,3], [])");
});

Deno.test("values become the bytes of their type; an int64 may come as two int32", () => {
  const small = toBytes([1, -2], DType.int32);
  assertEquals([...new Int32Array(small.buffer)], [1, -2]);
  const own = Float32Array.of(0, 1, 2).subarray(1);
  assertEquals([...toBytes(own, DType.float32)], [...new Uint8Array(Float32Array.of(1, 2).buffer)]);
  assertEquals(toBytes([3], DType.int64), toBytes(Int32Array.of(3, 0), DType.int64));
  assertThrows(() => toBytes([1], DType.bfloat16), TensorFlowError, "type 14");
  assertThrows(() => dtypeNumber("float16"), TensorFlowError, "float16");
});
