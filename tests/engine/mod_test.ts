import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { compile, engineInfo, rawOp, tf } from "@lib/engine/mod.ts";
import type { Tensor, Tensor2D } from "@lib/engine/types.ts";
import { TensorFlowError } from "@lib/engine/error.ts";
import { joinFlat, splitFlat } from "@lib/engine/ops.ts";
import { findLibrary } from "@lib/engine/library.ts";
import { drawer, tidily } from "../support/tensors.ts";

const draw = drawer("engine tests");

Deno.test("the engine says what it runs on", () => {
  const info = engineInfo();
  assertEquals(info.engine, "libtensorflow");
  assert(/^2\.\d+\.\d+/.test(info.version), info.version);
  assert(info.devices.some((name) => name.includes("CPU")));
});

Deno.test(
  "a flat vector is cut into tensors and joined again",
  tidily(async () => {
    const flat = draw([11]);
    const round = (x: Tensor) => [joinFlat(splitFlat(x, [[2, 3], [5]]))];
    const [eager] = tf.tidy(() => round(flat)), [traced] = await compile("flat", round)(flat);
    assertEquals(eager.dataSync(), flat.dataSync());
    assertEquals(traced.dataSync(), flat.dataSync());
    tf.dispose([flat, eager, traced]);
  }),
);

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

Deno.test(
  "a trace that does not fit names the op and the shapes, and the next one works",
  tidily(async () => {
    const [a, b] = [tf.ones([2, 3]), tf.ones([4, 5])];
    const wrong = compile("wrong", (x, y) => [rawOp("MatMul", { T: "float32" }, [x, y])]);
    await assertRejects(() => wrong(a, b), TensorFlowError, "MatMul([2,3], [4,5])");
    const [sum] = await compile("sum", (x) => [x.sum()])(a);
    assertEquals(sum.dataSync()[0], 6);
    tf.dispose([a, b, sum]);
  }),
);

Deno.test(
  "a trace refuses to read a value or to freeze a large tensor",
  tidily(async () => {
    const x = tf.ones([2]), large = tf.ones([200, 200]);
    await assertRejects(() => compile("reads", (x) => [x.mul(x.dataSync()[0])])(x), TensorFlowError, "read inside");
    await assertRejects(
      () => compile("captures", (x) => [x.sum().mul(large)])(x),
      TensorFlowError,
      "Pass it as an input",
    );
    tf.dispose([x, large]);
  }),
);

Deno.test("a missing library is named with what to do", () => {
  const before = Deno.env.get("LIBTENSORFLOW_DIR");
  Deno.env.set("LIBTENSORFLOW_DIR", "/nowhere");
  try {
    assertThrows(() => findLibrary(), Error, "deno task setup");
  } finally {
    if (before === undefined) Deno.env.delete("LIBTENSORFLOW_DIR");
    else Deno.env.set("LIBTENSORFLOW_DIR", before);
  }
});

Deno.test("a process that used the engine ends with 0", async () => {
  const root = new URL("../..", import.meta.url);
  const code = `import { tf } from "@lib/engine/mod.ts"; console.log(tf.ones([3]).sum().dataSync()[0]);`;
  const { code: status, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", `--config=${new URL("deno.json", root).pathname}`, code],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "3");
  assertEquals(status, 0);
});
