import { assertEquals, assertLess } from "@std/assert";
import { onAdapter } from "../../support/adapter.ts";
import { inProcess } from "../../support/process.ts";
import { largestDifference } from "../../support/golden.ts";

/** What code prints as JSON, on an engine in a process of its own. */
async function printed<T>(engine: string, code: string): Promise<T> {
  const { out, err } = await inProcess(code, { ENGINE: engine });
  if (out === "") throw new Error(err);
  return JSON.parse(out);
}

onAdapter("random numbers on WebGPU are TensorFlow's to the bit", async () => {
  // 7 and 4096 numbers: the last four are not all used, and several workgroups run.
  const code = `import { rawOp, tf } from "@lib/engine/mod.ts";
    const draw = async (shape, seed) => [...await rawOp("StatelessRandomUniform", { dtype: "float32", T: "int32", Tseed: "int32" },
      [tf.tensor1d(shape, "int32"), tf.tensor1d(seed, "int32")]).data()];
    console.log(JSON.stringify([await draw([7], [1, 2]), await draw([2, 3], [-5, 2 ** 31 - 1]), await draw([64, 64], [7, -8])]));`;
  assertEquals(await printed("webgpu", code), await printed("libtensorflow", code));
});

onAdapter("sums by segments on WebGPU add each segment's rows in their order, and leave others at 0", async () => {
  const code = `import { rawOp, tf } from "@lib/engine/mod.ts";
    const x = Float32Array.from({ length: 90 * 3 }, (_, i) => Math.fround(Math.sin(i) * 10 ** (i % 7)));
    const ids = Int32Array.from({ length: 90 }, (_, r) => r * r % 5);
    const sums = rawOp("UnsortedSegmentSum", { T: "float32", Tindices: "int32", Tnumsegments: "int32" },
      [tf.tensor2d(x, [90, 3]), tf.tensor1d(ids, "int32"), tf.scalar(6, "int32")]);
    console.log(JSON.stringify({ shape: sums.shape, sums: [...await sums.data()], x: [...x], ids: [...ids] }));`;
  type Report = { shape: number[]; sums: number[]; x: number[]; ids: number[] };
  const { shape, sums, x, ids } = await printed<Report>("webgpu", code);
  const expected = new Float32Array(18);
  ids.forEach((segment, r) => {
    for (let c = 0; c < 3; c++) expected[3 * segment + c] = Math.fround(expected[3 * segment + c] + x[3 * r + c]);
  });
  assertEquals(shape, [6, 3]);
  assertLess(largestDifference(sums, expected), 1e-30); // the same float32 sums in the same order
});
