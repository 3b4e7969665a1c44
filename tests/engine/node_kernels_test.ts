import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { bindingNumbers, DType, type TensorMetadata } from "@lib/engine/attributes.ts";
import { nodeKernels } from "@lib/engine/node_kernels.ts";

/** A binding that computes nothing: every op gives float32 of shape [2]. */
function recorder() {
  const calls: { op: string; attributes: unknown; ids: number[]; count: number }[] = [];
  let last = 0;
  const binding = {
    ...{ ...bindingNumbers, TF_Version: "0", isUsingGpuDevice: () => false },
    ...{ getNumOfTensors: () => 0, getNumOfSavedModels: () => 0 },
    createTensor: () => ++last,
    deleteTensor: () => {},
    tensorDataSync: () => Float32Array.of(3, 4),
    executeOp(op: string, attributes: unknown, ids: number[], count: number): TensorMetadata[] {
      calls.push({ op, attributes, ids, count });
      return Array.from({ length: count }, () => ({ id: ++last, shape: [2], dtype: DType.float32 }));
    },
  };
  return { binding, calls };
}

Deno.test("ops by name and TensorFlow.js' own reach the binding; functions run on symbols and give their ids", async () => {
  const { binding, calls } = recorder(), { rawOps, symbolically } = await nodeKernels(binding);
  assertEquals(tf.getBackend(), "tensorflow");
  const x = tf.tensor1d([1, 2]);
  const [y, z] = rawOps("Some", { T: "int32", axis: 1, keep: true, epsilon: { float: 0.5 } }, [x], 2);
  assertEquals([y.shape, z.dtype, [...y.dataSync()]], [[2], "float32", [3, 4]]);
  assertEquals(calls, [{
    op: "Some",
    attributes: [ // kinds as in the package's tfjs_binding.d.ts
      { name: "T", type: 4, value: 3 },
      { name: "axis", type: 1, value: 1 },
      { name: "keep", type: 3, value: true },
      { name: "epsilon", type: 2, value: 0.5 },
    ],
    ids: [1],
    count: 2,
  }]);
  assertEquals([tf.add(x, y).shape, calls[1].op, calls[1].ids], [[2], "Add", [1, 2]]);
  const symbols = [100, 101].map((id): TensorMetadata => ({ id, shape: [2], dtype: DType.float32 }));
  assertEquals(symbolically((a, b) => [b, a, tf.mul(a, b)], symbols).slice(0, 2), [101, 100]);
  assertEquals([calls[2].op, calls[2].ids], ["Mul", [100, 101]]);
});
