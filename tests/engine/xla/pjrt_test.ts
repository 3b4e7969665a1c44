import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import type { ElementType } from "@lib/engine/xla/element_types.ts";
import {
  type Buffer,
  type Client,
  compileOptions,
  fromBfloat16,
  pjrtClient,
  PjrtError,
  toBfloat16,
} from "@lib/engine/xla/pjrt.ts";
import { cpuPlugin, onPlugin } from "../../support/plugin.ts";

const client = (devices = 1): Client => pjrtClient(cpuPlugin, { cpu_device_count: devices });

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>) =>
  new Uint8Array(buffer, byteOffset, byteLength);
const floats = async (buffer: Buffer) => [...new Float32Array((await buffer.read()).buffer)];
const free = (...all: { free(): void }[]) => all.forEach((each) => each.free());

/** Runs a module with `main` on values, and reads its outputs; frees all. */
async function once(of: Client, module: string, inputs: [ElementType, number[], ArrayBufferView<ArrayBuffer>][]) {
  const executable = await of.compile(module);
  const buffers = inputs.map(([type, shape, values]) => of.put(type, shape, bytesOf(values)));
  const [outputs] = await executable.run([buffers]);
  const values = await Promise.all(outputs.map((output) => output.read()));
  assertEquals(values, outputs.map((output) => output.readSync()));
  free(...buffers, ...outputs, executable);
  return values;
}

const DOUBLE = `func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = stablehlo.add %x, %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}`;

onPlugin("x·w + b in float32, bfloat16, int32 and float64 is exact, and nothing stays alive", async () => {
  const module = (t: string) =>
    `func.func public @main(%x: tensor<2x3x${t}>, %w: tensor<3x2x${t}>, %b: tensor<2x${t}>) -> tensor<2x2x${t}> {
      %0 = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] : (tensor<2x3x${t}>, tensor<3x2x${t}>) -> tensor<2x2x${t}>
      %1 = stablehlo.broadcast_in_dim %b, dims = [1] : (tensor<2x${t}>) -> tensor<2x2x${t}>
      %2 = stablehlo.add %0, %1 : tensor<2x2x${t}>
      return %2 : tensor<2x2x${t}>
    }`;
  const x = [1, 2, 3, 4, 5, 6], w = [1, 0, 0, 1, 2, -1], b = [4, -2], expected = [11, -3, 20, -3];
  const own = client(), before = own.live();
  const run = async (type: ElementType, to: (values: number[]) => ArrayBufferView<ArrayBuffer>) =>
    (await once(own, module(type), [[type, [2, 3], to(x)], [type, [3, 2], to(w)], [type, [2], to(b)]]))[0].buffer;
  assertEquals([...new Float32Array(await run("f32", (v) => Float32Array.from(v)))], expected);
  assertEquals([...new Float64Array(await run("f64", (v) => Float64Array.from(v)))], expected);
  assertEquals([...new Int32Array(await run("i32", (v) => Int32Array.from(v)))], expected);
  const halves = await run("bf16", (v) => toBfloat16(Float32Array.from(v)));
  assertEquals([...fromBfloat16(new Uint16Array(halves))], expected);
  assertEquals(own.live(), before);
  own.free();
});

onPlugin("values come back row by row: transposed, of no axis, of no element", async () => {
  const own = client();
  const [t, s, e] = await once(
    own,
    `func.func public @main(%x: tensor<2x3xf32>, %s: tensor<f32>, %e: tensor<0x3xf32>) -> (tensor<3x2xf32>, tensor<f32>, tensor<0x3xf32>) {
      %0 = stablehlo.transpose %x, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
      return %0, %s, %e : tensor<3x2xf32>, tensor<f32>, tensor<0x3xf32>
    }`,
    [["f32", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)], ["f32", [], Float32Array.of(7)], [
      "f32",
      [0, 3],
      new Float32Array(0),
    ]],
  );
  assertEquals([...new Float32Array(t.buffer)], [1, 4, 2, 5, 3, 6]);
  assertEquals([...new Float32Array(s.buffer)], [7]);
  assertEquals(e.length, 0);
  own.free();
});

onPlugin("a donated input is gone, unless it is kept", async () => {
  const own = client(), donating = DOUBLE.replace("tensor<2xf32>)", "tensor<2xf32> {tf.aliasing_output = 0 : i32})");
  const executable = await own.compile(donating), x = own.put("f32", [2], bytesOf(Float32Array.of(1, 2)));
  const [[kept]] = await executable.run([[x]], [0]);
  assert(!x.donated());
  const [[given]] = await executable.run([[x]]);
  assert(x.donated());
  assertEquals([await floats(kept), await floats(given)], [[2, 4], [2, 4]]);
  await assertRejects(() => executable.run([[x]]), PjrtError);
  await assertRejects(() => x.read(), PjrtError);
  free(x, kept, given, executable);
  own.free();
});

onPlugin("executions queue up on each other, and one from this thread, too", async () => {
  const own = client(), executable = own.compileSync(DOUBLE);
  let x = own.put("f32", [2], bytesOf(Float32Array.of(1, -1)));
  for (let i = 0; i < 20; i++) {
    const [[next]] = i % 2 === 0 ? await executable.run([[x]]) : [executable.runSync([x])];
    x.free();
    x = next;
  }
  assertEquals([x.shape(), x.type(), await floats(x)], [[2], "f32", [2 ** 20, -(2 ** 20)]]);
  free(x, executable);
  own.free();
});

onPlugin("an executable's bytes make the same one again", async () => {
  const own = client(), first = await own.compile(DOUBLE), bytes = first.serialize();
  first.free();
  const again = own.load(bytes), x = own.put("f32", [2], bytesOf(Float32Array.of(3, 4)));
  const [y] = again.runSync([x]);
  assertEquals([again.outputs, again.replicas, await floats(y)], [1, 1, [6, 8]]);
  assertThrows(() => own.load(new Uint8Array(100)), PjrtError);
  free(x, y, again);
  own.free();
});

onPlugin("what is wrong comes as an error with message and code, and the process goes on", async () => {
  const own = client(), INVALID = 3;
  const code = (call: () => Promise<unknown>) =>
    call().then(() => 0, (error) => error instanceof PjrtError && error.message.length > 20 ? error.code : -1);
  assertLess(0, await code(() => own.compile("nonsense")));
  assertLess(0, await code(() => own.compile(DOUBLE.replace(") -> tensor<2xf32>", ") -> tensor<3xf32>"))));
  assertLess(0, await code(() => own.compile(DOUBLE, { flags: { xla_no_such_flag: true } })));
  assertLess(0, await code(() => own.compile(DOUBLE, { replicas: 7 })));
  const executable = await own.compile(DOUBLE, { flags: { xla_backend_optimization_level: 0 } });
  const wrong = own.put("f32", [3], bytesOf(Float32Array.of(1, 2, 3)));
  assertEquals(await code(() => executable.run([[wrong]])), INVALID);
  assertEquals(await code(() => executable.run([[]])), INVALID);
  assertEquals(await code(() => executable.run([])), INVALID);
  assertThrows(() => own.put("f32", [3], new Uint8Array(8)), PjrtError, "expected 12 bytes for f32[3], found 8");
  free(wrong, executable);
  own.free();
});

onPlugin("two devices sum over both", async () => {
  const own = client(2),
    executable = await own.compile(
      `func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %0 = "stablehlo.all_reduce"(%x) <{replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>}> ({
        ^bb0(%a: tensor<f32>, %b: tensor<f32>):
          %s = stablehlo.add %a, %b : tensor<f32>
          stablehlo.return %s : tensor<f32>
      }) : (tensor<2xf32>) -> tensor<2xf32>
      return %0 : tensor<2xf32>
    }`,
      { replicas: 2 },
    );
  assertEquals([own.devices.length, executable.replicas], [2, 2]);
  const inputs = [[1, 2], [10, 20]].map((v, i) => [own.put("f32", [2], bytesOf(Float32Array.from(v)), i)]);
  const outputs = await executable.run(inputs);
  assertEquals(await Promise.all(outputs.map(([sum]) => floats(sum))), [[11, 22], [11, 22]]);
  free(...inputs.flat(), ...outputs.flat(), executable);
  own.free();
});

Deno.test("bfloat16 is rounded to nearest, ties to even, and keeps what is not a number", () => {
  const values = Float32Array.of(1, -2.5, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, Infinity, NaN, 0);
  const expected = [1, -2.5, 1, 1 + 2 ** -6, 1 + 2 ** -7, Infinity, NaN, 0];
  assertEquals([...fromBfloat16(toBfloat16(values))], expected);
});

Deno.test("compile options are protobuf: replicas, partitions, and flags of three kinds", () => {
  // written by hand after xla/pjrt/proto/compile_options.proto
  assertEquals([...compileOptions(1, {})], [0x1a, 4, 0x20, 1, 0x28, 1]);
  const name = [0x61, 0x62];
  assertEquals([...compileOptions(300, { ab: true })], [
    ...[0x1a, 5, 0x20, 0xac, 2, 0x28, 1],
    ...[0x3a, 8, 0x0a, 2, ...name, 0x12, 2, 0x10, 1],
  ]);
  assertEquals([...compileOptions(1, { ab: 5 })].slice(6), [0x3a, 8, 0x0a, 2, ...name, 0x12, 2, 0x18, 5]);
  assertEquals([...compileOptions(1, { ab: "c" })].slice(6), [0x3a, 9, 0x0a, 2, ...name, 0x12, 3, 0x0a, 1, 0x63]);
});
