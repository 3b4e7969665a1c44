import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ATTR } from "@lib/engine/attributes.ts";
import { pjrtClient } from "@lib/engine/xla/pjrt.ts";
import { moduleBuilder } from "@lib/engine/xla/stablehlo.ts";
import type { Value } from "@lib/engine/xla/writer.ts";
import { cpuPlugin, onPlugin } from "../../support/plugin.ts";

const T = [{ name: "T", type: ATTR.type, value: 1 }];
const bytes = (...values: number[]) => new Uint8Array(Int32Array.from(values).buffer);

Deno.test("a module names itself, its inputs and outputs, and writes only constants that are used", () => {
  const module = moduleBuilder("a step/2", 2), x = module.input([2, 3], "f32");
  const [y] = module.op("Reshape", T, [x, module.constant(bytes(3, 2), [2], "i32")], 1);
  const text = module.text([y, x]);
  assertStringIncludes(text, "module @a_step_2 attributes {mhlo.num_replicas = 2 : i32}");
  assertStringIncludes(text, "@main(%arg0: tensor<2x3xf32>) -> (tensor<3x2xf32>, tensor<2x3xf32>)");
  assert(!text.includes("stablehlo.constant"), text);
});

Deno.test("a donated input names the first free output of its shape and type", () => {
  const module = moduleBuilder("donation");
  const [a, b, c, d] = [[2], [3], [2], [4]].map((shape) => module.input(shape, "f32"));
  const text = module.text([b, a, c, module.op("Cast", [{ name: "DstT", type: ATTR.type, value: 3 }], [d], 1)[0]], {
    donated: [0, 2, 3],
  });
  const found = [...text.matchAll(/%arg(\d): tensor<\w+>(?: \{tf.aliasing_output = (\d) : i32\})?/g)];
  assertEquals(found.map(([, input, output]) => [input, output]), [["0", "1"], ["1", undefined], ["2", "2"], [
    "3",
    undefined, // the output of its shape is int32
  ]]);
});

onPlugin("numbers of every kind are constants to the last bit, and an input may be an output", () => {
  const numbers = [0, -0, 1, -1, 1 / 3, 1e-40, 3.4028234663852886e38, Infinity, -Infinity, NaN, 1e21, 123456789];
  const module = moduleBuilder("constants"), given = Float32Array.from(numbers);
  const all = module.constant(new Uint8Array(given.buffer), [numbers.length], "f32");
  const each = numbers.map((value) => module.constant(new Uint8Array(Float32Array.of(value).buffer), [1], "f32"));
  const axis = module.constant(bytes(0), [], "i32");
  const [joined] = module.op("ConcatV2", T, [...each, axis], 1),
    truth = module.constant(Uint8Array.of(1, 0, 1), [3], "i1");
  const empty = module.constant(new Uint8Array(), [0, 2], "f32"), x = module.input([], "f64");
  const client = pjrtClient(cpuPlugin, { cpu_device_count: 1 });
  const executable = client.compileSync(module.text([all, joined, truth, empty, x, x]));
  const input = client.put("f64", [], new Uint8Array(Float64Array.of(Math.PI).buffer));
  const outputs = executable.runSync([input]), read = outputs.map((output) => output.readSync());
  const bits = [...new Uint8Array(given.buffer)];
  assertEquals([[...read[0]], [...read[1]]], [bits, bits]);
  assertEquals([[...read[2]], [...read[3]]], [[1, 0, 1], []]);
  assertEquals(read.slice(4).map((raw) => new Float64Array(raw.buffer)[0]), [Math.PI, Math.PI]);
  [input, ...outputs, executable].forEach((each) => each.free());
  client.free();
});

Deno.test("float32 products name the highest precision, bfloat16's do not", () => {
  const module = moduleBuilder("precision"), flags: never[] = [];
  const [a, b] = [module.input([2, 2], "f32"), module.input([2, 2], "bf16")];
  const text = module.text([...module.op("MatMul", flags, [a, a], 1), ...module.op("MatMul", flags, [b, b], 1)]);
  const products = text.split("\n").filter((line) => line.includes("dot_general"));
  assertMatch(products[0], /precision = \[HIGHEST, HIGHEST\]/);
  assert(!products[1].includes("precision"));
});

onPlugin(
  "on 1, 2 and 4 replicas, sums and lists are of all, and each draws its part of what one would draw",
  async () => {
    const client = pjrtClient(cpuPlugin, { cpu_device_count: 4 }), rows = 8, blocks = 2;
    const draws: number[][] = [];
    for (const replicas of [1, 2, 4]) {
      const module = moduleBuilder("replicas", replicas), own = rows / replicas;
      const [x, seed] = [module.input([own, 2], "f32"), module.input([2], "i32")];
      const shape = module.constant(bytes(own, 3, 5), [3], "i32");
      const parts = [...T, { name: "blocks", type: ATTR.int, value: blocks }];
      const one = (op: string, ...inputs: Value[]) => module.op(op, parts, inputs, 1)[0];
      const outputs = [
        one("CrossReplicaSum", x),
        one("AllGather", x),
        one("XlaReplicaId"),
        one("StatelessRandomUniform", shape, seed),
        one("ReplicaShare", module.op("AllGather", T, [x], 1)[0]),
      ];
      const executable = client.compileSync(module.text(outputs), { replicas });
      const put = (
        type: "f32" | "i32",
        shape: number[],
        values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
        device: number,
      ) => client.put(type, shape, new Uint8Array(values.buffer), device);
      const inputs = Array.from({ length: replicas }, (_, replica) => [
        put("f32", [own, 2], Float32Array.from({ length: 2 * own }, (_, i) => 100 * replica + i), replica),
        put("i32", [2], Int32Array.of(5, -6), replica),
      ]);
      const made = await executable.run(inputs);
      const read = made.map((row) => row.map((buffer) => buffer.readSync().buffer));
      [...inputs.flat(), ...made.flat(), executable].forEach((each) => each.free());
      const all = Array.from(
        { length: replicas },
        (_, replica) => Array.from({ length: 2 * own }, (_, i) => 100 * replica + i),
      );
      read.forEach(([sum, list, number, , share], replica) => {
        const sums = all[0].map((_, i) => all.reduce((total, row) => total + row[i], 0));
        assertEquals([...new Float32Array(sum)], sums);
        assertEquals([...new Float32Array(list)], all.flat());
        assertEquals([...new Int32Array(number)], [replica]);
        const rowsOf = (block: number) =>
          all.flat().slice((block * rows) + replica * own, (block * rows) + (replica + 1) * own);
        assertEquals([...new Float32Array(share)], [...rowsOf(0), ...rowsOf(1)]);
      });
      const half = (own / blocks) * 15, drawn = read.map((outputs) => [...new Float32Array(outputs[3])]);
      draws.push(
        [...drawn.map((values) => values.slice(0, half)), ...drawn.map((values) => values.slice(half))].flat(),
      );
    }
    assertEquals(draws[1], draws[0]);
    assertEquals(draws[2], draws[0]);
    client.free();
  },
);
