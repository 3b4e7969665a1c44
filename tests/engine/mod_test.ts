import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { compile, engineInfo, engineText, fused, onGpu, rawOp, rawOps, tensorCount, tf } from "@lib/engine/mod.ts";
import { type EngineInfo, type Tensor2D, TensorFlowError } from "@lib/engine/types.ts";
import { inProcess } from "../support/process.ts";
import { tidily } from "../support/tensors.ts";

Deno.test("the engine says what it runs on", () => {
  const info = engineInfo();
  assertEquals(info.engine, "libtensorflow");
  assert(/^2\.\d+\.\d+/.test(info.version), info.version);
  assert(info.devices.some((name) => name.includes("CPU")));
  assertEquals(onGpu, info.device === "GPU");
});

Deno.test("the engine in a sentence, with what a reader should know", () => {
  const info: EngineInfo = {
    engine: "libtensorflow",
    version: "2.21.0",
    device: "CPU",
    devices: ["a", "b"],
    notes: [],
  };
  assertEquals(engineText(info), "libtensorflow 2.21.0 on the CPU.");
  const gpu = { ...info, engine: "WebGPU", device: "GPU", version: "4.22.0", notes: ["It is slow.", "Wait."] } as const;
  assertEquals(engineText({ ...gpu, notes: [...gpu.notes] }), "WebGPU 4.22.0 on a (a GPU). It is slow. Wait.");
});

Deno.test("a raw op gives its outputs in order, and what is fused outside a trace is just called", () => {
  const before = tensorCount(), x = tf.tensor2d([[1, 2, 3], [4, 5, 6]]);
  const rows = rawOps("Unpack", { num: 2, T: "float32", axis: 0 }, [x], 2);
  assertEquals(rows.map((row) => [...row.dataSync()]), [[1, 2, 3], [4, 5, 6]]);
  assertEquals(tensorCount(), { tensors: before.tensors + 3, handles: before.handles + 3 });
  const both = fused("sum and difference", (a, b) => [a.add(b), a.sub(b)], rows[0], rows[1]);
  assertEquals(both.map((tensor) => [...tensor.dataSync()]), [[5, 7, 9], [-3, -3, -3]]);
  tf.dispose([x, ...rows, ...both]);
  assertEquals(tensorCount(), before);
});

Deno.test(
  "a compiled function is traced once for each shape",
  tidily(async () => {
    const double = compile("double", (x) => [x.mul(2)]);
    for (const length of [3, 3, 5]) {
      const x = tf.ones([length]), [y] = await double(x);
      assertEquals(Array.from(y.dataSync()), Array(length).fill(2));
      tf.dispose([x, y]);
    }
    assertEquals(double.traces, 2);
  }),
);

Deno.test(
  "the event loop goes on while a compiled function runs",
  tidily(async () => {
    const x = tf.ones([1500, 1500]) as Tensor2D;
    const powers = compile("powers", (x) => {
      let y = x as Tensor2D;
      for (let i = 0; i < 12; i++) y = tf.matMul(y, x as Tensor2D).div(1500);
      return [y];
    });
    (await powers(x))[0].dispose();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const [y] = await powers(x);
    clearInterval(timer);
    assert(ticks >= 3, `${ticks} ticks`);
    tf.dispose([x, y]);
  }),
);

Deno.test(
  "an error of TensorFlow names the op and the shapes",
  tidily(() => {
    const [a, b] = [tf.ones([2, 3]), tf.ones([4, 5])];
    const error = assertThrows(() => rawOp("MatMul", { T: "float32" }, [a, b]), TensorFlowError);
    assertStringIncludes(error.message, "MatMul([2,3], [4,5])");
    assertThrows(() => rawOp("NoSuchOp", {}, [a]), TensorFlowError, "NoSuchOp");
    tf.dispose([a, b]);
  }),
);

Deno.test("ENGINE=cpu runs libtensorflow, a wrong ENGINE stops with the list", async () => {
  const code = `import { engineInfo, engineText, tf } from "@lib/engine/mod.ts";
    console.log(JSON.stringify([engineInfo(), engineText(), tf.ones([3]).sum().dataSync()[0]]));`;
  const { out } = await inProcess(code, { ENGINE: "cpu" });
  const [info, text, sum] = JSON.parse(out);
  assertEquals([info.engine, info.device, sum], ["libtensorflow", "CPU", 3]);
  assertStringIncludes(text, `libtensorflow ${info.version} on the CPU.`);
  const wrong = await inProcess(code, { ENGINE: "gpu" });
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.err, 'expected one of these, found "gpu"');
});
