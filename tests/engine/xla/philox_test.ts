import { assertEquals } from "@std/assert";
import { ATTR, DType } from "@lib/engine/attributes.ts";
import { binding, executeEagerly } from "@lib/engine/libtensorflow/binding.ts";
import { philoxUniform } from "@lib/engine/xla/philox.ts";
import { pjrtClient } from "@lib/engine/xla/pjrt.ts";
import { cpuPlugin, onPlugin } from "../../support/plugin.ts";

/** libtensorflow's draws, as bits. */
function drawn(shape: number[], seed: number[]): Uint8Array {
  const ids = [binding.createTensor([shape.length], DType.int32, shape), binding.createTensor([2], DType.int32, seed)];
  const types = [["dtype", DType.float32], ["T", DType.int32], ["Tseed", DType.int32]] as const;
  const attributes = types.map(([name, value]) => ({ name, type: ATTR.type, value }));
  const [{ id }] = executeEagerly("StatelessRandomUniform", attributes, ids, 1);
  const { buffer } = binding.tensorDataSync(id);
  [...ids, id].forEach(binding.deleteTensor);
  return new Uint8Array(buffer as ArrayBuffer);
}

onPlugin("draws are libtensorflow's to the bit, for any seed and for shapes of 0 to 4 axes", () => {
  const client = pjrtClient(cpuPlugin, { cpu_device_count: 1 });
  for (const shape of [[], [1], [5], [3, 7], [2, 3, 4, 5], [70001]]) {
    const type = `tensor<${[...shape, "f32"].join("x")}>`;
    const main = `func.func public @main(%seed: tensor<2xi32>) -> ${type} {
      %0 = func.call @draw(%seed) : (tensor<2xi32>) -> ${type}
      return %0 : ${type}
    }`;
    const executable = client.compileSync(`${main}\n${philoxUniform("draw", shape, { replicas: 1, blocks: 1 })}`);
    for (const seed of [[0, 0], [123, -45], [-(2 ** 31), 2 ** 31 - 1], [-1, -1], [7, 1000000]]) {
      const input = client.put("i32", [2], new Uint8Array(Int32Array.from(seed).buffer));
      const [output] = executable.runSync([input]);
      assertEquals(output.readSync(), drawn(shape, seed), `[${shape}] by ${seed}`);
      [input, output].forEach((each) => each.free());
    }
    executable.free();
  }
  client.free();
});
