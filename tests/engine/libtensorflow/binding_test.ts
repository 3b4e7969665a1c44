import { assert, assertEquals, assertThrows } from "@std/assert";
import { TensorFlowError } from "@lib/engine/types.ts";
import { ATTR, DType } from "@lib/engine/attributes.ts";
import { binding, executeEagerly, listDevices, version } from "@lib/engine/libtensorflow/binding.ts";
import { inProcess } from "../../support/process.ts";

const type = (name: string, value: number) => ({ name, type: ATTR.type, value });

Deno.test("values go in and come back in each element type, and a handle is gone once deleted", () => {
  const before = binding.getNumOfTensors();
  for (
    const [dtype, values, expected] of [
      [DType.float32, [1.5, -2], Float32Array.of(1.5, -2)],
      [DType.float64, Float64Array.of(0.1, 2), Float64Array.of(0.1, 2)],
      [DType.int32, [3, -4], Int32Array.of(3, -4)],
      [DType.bool, Uint8Array.of(1, 0), Uint8Array.of(1, 0)],
      [DType.uint8, [200, 7], Uint8Array.of(200, 7)],
    ] as const
  ) {
    const id = binding.createTensor([2, 1], dtype, values as ArrayLike<number>);
    const [copy] = executeEagerly("Identity", [type("T", dtype)], [id], 1);
    assertEquals([copy.shape, copy.dtype, binding.tensorDataSync(copy.id)], [[2, 1], dtype, expected]);
    binding.deleteTensor(id);
    binding.deleteTensor(copy.id);
    binding.deleteTensor(copy.id); // a second time does nothing
    assertThrows(() => binding.tensorDataSync(id), TensorFlowError, "does not exist");
  }
  const empty = binding.createTensor([0, 3], DType.float32, []);
  assertEquals(binding.tensorDataSync(empty), new Float32Array(0));
  binding.deleteTensor(empty);
  assertEquals(binding.getNumOfTensors(), before);
  assertThrows(() => binding.createTensor([1], DType.string, [1]), TensorFlowError, "type 7 cannot be made");
});

Deno.test("the values in TensorFlow are a copy", () => {
  const values = Float32Array.of(1, 2), id = binding.createTensor([2], DType.float32, values);
  values[0] = 9;
  const read = binding.tensorDataSync(id);
  read[1] = 9;
  assertEquals(binding.tensorDataSync(id), Float32Array.of(1, 2));
  binding.deleteTensor(id);
});

Deno.test("an int64 is a pair of int32 or a whole number cut from any", () => {
  for (const values of [Int32Array.of(-7, -1), [-7.9]]) {
    const id = binding.createTensor([], DType.int64, values);
    const cast = [type("SrcT", DType.int64), type("DstT", DType.int32)];
    const [{ id: narrow }] = executeEagerly("Cast", cast, [id], 1);
    assertEquals(binding.tensorDataSync(narrow), Int32Array.of(-7));
    [id, narrow].forEach(binding.deleteTensor);
  }
});

Deno.test("an op that fails names itself and its inputs' shapes, and holds nothing back", () => {
  const before = binding.getNumOfTensors();
  const ids = [[2, 3], [4, 5]].map((shape) =>
    binding.createTensor(shape, DType.float32, Array(shape[0] * shape[1]).fill(1))
  );
  const product = [type("T", DType.float32)];
  assertThrows(() => executeEagerly("MatMul", product, ids, 1), TensorFlowError, "MatMul([2,3], [4,5]): ");
  assertThrows(() => executeEagerly("NoSuchOp", [], ids, 1), TensorFlowError, "NoSuchOp([2,3], [4,5]): ");
  ids.forEach(binding.deleteTensor);
  assertEquals(binding.getNumOfTensors(), before);
});

Deno.test("the processor is among the devices, and the version is TensorFlow's", () => {
  assert(listDevices().some((name) => name.endsWith("CPU:0")));
  assert(/^2\.\d+\.\d+/.test(version), version);
});

Deno.test("the configuration that leaves GPUs alone is one that TensorFlow obeys", async () => {
  // there may be no GPU here, but the same bytes with another name and number make two devices of one processor
  const code = `import { C, check, readString, status } from "@lib/engine/libtensorflow/capi.ts";
    import { deviceCount } from "@lib/engine/libtensorflow/binding.ts";
    const options = C.TFE_NewContextOptions(), config = deviceCount("CPU", 2);
    C.TFE_ContextOptionsSetConfig(options, config, BigInt(config.length), status);
    check(() => "set");
    const context = C.TFE_NewContext(options, status);
    check(() => "new");
    const list = C.TFE_ContextListDevices(context, status);
    const names = Array.from({ length: C.TF_DeviceListCount(list) }, (_, i) => readString(C.TF_DeviceListName(list, i, status)));
    console.log(names.filter((name) => /:CPU:\\d+$/.test(name)).length);`;
  assertEquals((await inProcess(code)).out, "2");
});
