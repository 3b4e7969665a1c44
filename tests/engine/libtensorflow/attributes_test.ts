import { assertEquals, assertThrows } from "@std/assert";
import { TensorFlowError } from "@lib/engine/types.ts";
import { ATTR, type Attribute, DType } from "@lib/engine/attributes.ts";
import { binding, executeEagerly } from "@lib/engine/libtensorflow/binding.ts";
import { trace } from "@lib/engine/libtensorflow/trace.ts";

const T: Attribute = { name: "T", type: ATTR.type, value: DType.float32 };

/** The values of an op's only output: eagerly, and as a node of a traced function. */
async function both(op: string, attributes: Attribute[], shape: number[], values: number[]): Promise<number[][]> {
  const x = binding.createTensor(shape, DType.float32, values);
  const [eager] = executeEagerly(op, attributes, [x], 1);
  const run = trace(
    op,
    [{ shape, dtype: DType.float32 }],
    ([{ id }]) => binding.executeOp(op, attributes, [id], 1).map((y) => y.id),
  );
  const [traced] = await run([x]);
  const read = [eager, traced].map(({ id }) => [...binding.tensorDataSync(id)]);
  [x, eager.id, traced.id].forEach(binding.deleteTensor);
  return read;
}

Deno.test("each kind of attribute reaches TensorFlow, eagerly and in a graph", async () => {
  const expected = async (op: string, attributes: Attribute[], shape: number[], values: number[], out: number[]) =>
    assertEquals(await both(op, [T, ...attributes], shape, values), [out, out]);
  const alpha = { name: "alpha", type: ATTR.float, value: 0.25 };
  await expected("LeakyRelu", [alpha], [2], [8, -8], [8, -2]);
  const axes = { name: "squeeze_dims", type: ATTR.int, value: [1] };
  await expected("Squeeze", [axes], [2, 1], [1, 2], [1, 2]);
  const shape = { name: "shape", type: ATTR.shape, value: [2, 1] };
  await expected("EnsureShape", [shape], [2, 1], [5, 6], [5, 6]);
  // A window of two over 1, 2, 4: with padding the last element stands alone.
  const window = (padding: string): Attribute[] => [
    { name: "ksize", type: ATTR.int, value: [1, 1, 2, 1] },
    { name: "strides", type: ATTR.int, value: [1, 1, 2, 1] },
    { name: "padding", type: ATTR.string, value: padding },
  ];
  await expected("AvgPool", window("SAME"), [1, 1, 3, 1], [1, 2, 4], [1.5, 4]);
  await expected("AvgPool", window("VALID"), [1, 1, 3, 1], [1, 2, 4], [1.5]);
  const cast = { name: "DstT", type: ATTR.type, value: DType.int32 }, from = { ...T, name: "SrcT" };
  for (const [value, out] of [[true, [1, -1]], [false, [1, -1]]] as const) {
    const truncate = { name: "Truncate", type: ATTR.bool, value };
    assertEquals(await both("Cast", [from, cast, truncate], [2], [1.9, -1.9]), [[...out], [...out]]);
  }
});

Deno.test("flags and whole numbers change the result", () => {
  const [x, y] = [[1, 2, 3, 4], [1, 0, 0, 0]].map((values) => binding.createTensor([2, 2], DType.float32, values));
  const run = (op: string, attributes: Attribute[], inputs: number[], outputs: number) => {
    const made = executeEagerly(op, [T, ...attributes], inputs, outputs);
    const values = made.map(({ id }) => [...binding.tensorDataSync(id)]);
    made.forEach(({ id }) => binding.deleteTensor(id));
    return values;
  };
  const flags = (value: boolean) => [{ name: "transpose_a", type: ATTR.bool, value }];
  assertEquals([run("MatMul", flags(false), [x, y], 1), run("MatMul", flags(true), [x, y], 1)], [[[1, 0, 3, 0]], [[
    1,
    0,
    2,
    0,
  ]]]);
  const axis = (
    value: number,
  ) => [{ name: "axis", type: ATTR.int, value }, { name: "num", type: ATTR.int, value: 2.9 }];
  assertEquals(run("Unpack", axis(0), [x], 2), [[1, 2], [3, 4]]);
  assertEquals(run("Unpack", axis(1), [x], 2), [[1, 3], [2, 4]]);
  [x, y].forEach(binding.deleteTensor);
});

Deno.test("a wrong kind, and a value that an op does not take, name the op", () => {
  const x = binding.createTensor([2], DType.float32, [1, 2]);
  const run = (attribute: Attribute) => executeEagerly("Softplus", [T, attribute], [x], 1);
  assertThrows(() => run({ name: "T", type: 9, value: 1 }), TensorFlowError, "Softplus: attribute T has the kind 9");
  const window = { name: "padding", type: ATTR.string, value: "SIDEWAYS" };
  assertThrows(() => executeEagerly("AvgPool", [T, window], [x], 1), TensorFlowError, "AvgPool([2])");
  binding.deleteTensor(x);
});
