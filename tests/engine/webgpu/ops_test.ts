import { assert, assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import { rawOps, tf } from "@lib/engine/mod.ts";
import { type Tensor, TensorFlowError } from "@lib/engine/types.ts";
import { portableOp, portableOps } from "@lib/engine/webgpu/ops.ts";
import { stream } from "@lib/base/random.ts";
import { largestDifference } from "../../support/golden.ts";

const random = stream(1, "webgpu tests");
const draw = (...shape: number[]): Tensor =>
  tf.tensor(Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 4 * random.uniform() - 2), shape);
const ints = (...values: number[]): Tensor => tf.tensor1d(values, "int32");
const integer = (value: number): Tensor => tf.scalar(value, "int32");

/** Raw ops as ops.ts calls them: name, attributes, inputs, outputs. */
type Call = [string, Parameters<typeof rawOps>[1], Tensor[], number];
const float = { T: "float32" };
const calls = (): Call[] => [
  ["AddV2", float, [draw(2, 3), draw(3)], 1],
  ["BatchMatMulV2", { ...float, adj_x: false, adj_y: true }, [draw(2, 3, 4, 5), draw(2, 3, 6, 5)], 1],
  ["BatchMatMulV2", { ...float, adj_x: true, adj_y: false }, [draw(2, 5, 4), draw(2, 5, 6)], 1],
  ["BiasAdd", float, [draw(4, 3), draw(3)], 1],
  ["BiasAddGrad", float, [draw(2, 4, 3)], 1],
  ["Cast", { SrcT: "bool", DstT: "float32", Truncate: false }, [tf.tensor1d([true, false], "bool")], 1],
  ["ConcatV2", { N: 2, T: "float32", Tidx: "int32" }, [draw(2, 3), draw(2, 1), integer(1)], 1],
  ["Erf", float, [draw(9)], 1],
  ["Exp", float, [draw(9)], 1],
  ["Fill", { T: "float32", index_type: "int32" }, [ints(2, 3), tf.scalar(1.5)], 1],
  [
    "GatherV2",
    { batch_dims: 0, Tparams: "float32", Tindices: "int32", Taxis: "int32" },
    [draw(4, 3), ints(3, 0, 3), integer(0)],
    1,
  ],
  ["GreaterEqual", float, [draw(9), tf.scalar(0.5)], 1],
  ["L2Loss", float, [draw(7)], 1],
  ["MatMul", { ...float, transpose_a: true, transpose_b: true }, [draw(3, 4), draw(5, 3)], 1],
  ["Mean", { ...float, Tidx: "int32", keep_dims: true }, [draw(2, 3, 4), ints(-1)], 1],
  ["Mul", float, [draw(2, 3), draw(2, 1)], 1],
  ["Pack", { N: 3, T: "float32", axis: 0 }, [draw(2, 2), draw(2, 2), draw(2, 2)], 1],
  ["Reshape", { ...float, Tshape: "int32" }, [draw(2, 6), ints(3, 4)], 1],
  ["Rsqrt", float, [draw(5).abs().add(0.1)], 1],
  ["Softmax", float, [draw(2, 3, 4)], 1],
  ["SparseSoftmaxCrossEntropyWithLogits", { ...float, Tlabels: "int32" }, [draw(4, 5), ints(0, 4, 2, 2)], 2],
  [
    "SparseMatMul",
    { transpose_a: true, transpose_b: false, a_is_sparse: false, b_is_sparse: false, Ta: "float32", Tb: "float32" },
    [draw(3, 4), draw(3, 5)],
    1,
  ],
  ["SplitV", { num_split: 2, T: "float32", Tlen: "int32" }, [draw(7), ints(3, 4), integer(0)], 2],
  ["Square", float, [draw(5)], 1],
  ["Sub", float, [draw(2, 3), draw(3)], 1],
  ["Sum", { ...float, Tidx: "int32", keep_dims: false }, [draw(2, 3, 4), ints(0, 2)], 1],
  ["Transpose", { ...float, Tperm: "int32" }, [draw(2, 3, 4), ints(2, 0, 1)], 1],
  ["Unpack", { num: 2, T: "float32", axis: 0 }, [draw(2, 3)], 2],
];

const noPrograms = {
  segmentSum: () => assert(false) as never,
  uniform: () => assert(false) as never,
};

Deno.test("every raw op in the table computes what TensorFlow does, but for the two that are shaders", () => {
  const made = calls(), shaders = ["StatelessRandomUniform", "UnsortedSegmentSum"];
  assertEquals([...new Set([...made.map(([name]) => name), ...shaders])].sort(), [...portableOps].sort());
  for (const [name, attributes, inputs, outputs] of made) {
    const expected = rawOps(name, attributes, inputs, outputs);
    const found = portableOp(name, attributes, inputs, outputs, noPrograms);
    expected.forEach((tensor, i) => {
      assertEquals(found[i].shape, tensor.shape, name);
      assertEquals(found[i].dtype, tensor.dtype, name);
      assertLess(largestDifference(found[i].dataSync(), tensor.dataSync()), 2e-6, name);
    });
    tf.dispose([...inputs, ...expected, ...found]);
  }
});

Deno.test("an op that is not in the table, another element type and shapes that do not fit are named", () => {
  const x = tf.ones([2, 3]),
    refused = (name: string, attributes: Call[1], ...inputs: Tensor[]) =>
      assertThrows(() => portableOp(name, attributes, inputs, 1, noPrograms), TensorFlowError).message;
  assertStringIncludes(refused("Cholesky", float, x), "Cholesky([2,3]): WebGPU has no such op");
  assertStringIncludes(refused("Cast", { SrcT: "float32", DstT: "bfloat16" }, x), "found bfloat16");
  assertStringIncludes(refused("MatMul", float, x, x), "MatMul([2,3], [2,3])");
  x.dispose();
});
