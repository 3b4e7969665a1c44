import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { compile, engineInfo, rawOp, type Tensor, tensorCount, TensorFlowError, tf } from "@lib/engine/mod.ts";
import {
  attention,
  crossEntropy,
  dropoutMask,
  gatherRows,
  gelu,
  joinFlat,
  layerNorm,
  linear,
  splitFlat,
} from "@lib/engine/ops.ts";
import { findLibrary } from "@lib/engine/library.ts";
import { stream } from "@lib/random.ts";
import { largestDifference } from "./golden.ts";

const random = stream(1, "engine tests");
const draw = (shape: number[]): Tensor =>
  tf.tensor(Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random.uniform() - 1), shape);

/** Runs a test and asserts that no tensor is left over. */
function tidily(test: () => void | Promise<void>): () => Promise<void> {
  return async () => {
    const before = tensorCount();
    await test();
    assertEquals(tensorCount(), before);
  };
}

/** Asserts that the gradients of Σ f(x)·w equal central differences, eager and traced. */
async function checkGradients(f: (...inputs: Tensor[]) => Tensor, inputs: Tensor[], tolerance = 5e-3): Promise<void> {
  const weights = tf.tidy(() => draw(f(...inputs).shape));
  const scalar = (...xs: Tensor[]) => f(...xs).mul(weights).sum() as tf.Scalar;
  const gradients = tf.grads(scalar)(inputs);
  const traced = await compile("gradients", (...xs) => tf.grads(scalar)(xs))(...inputs);
  const step = 1e-2;
  inputs.forEach((input, which) => {
    const values = input.dataSync(), numeric = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const at = (delta: number) =>
        tf.tidy(() => {
          const moved = Float32Array.from(values);
          moved[i] += delta;
          const shifted = inputs.map((x, j) => j === which ? tf.tensor(moved, input.shape) : x);
          return scalar(...shifted).dataSync()[0];
        });
      numeric[i] = (at(step) - at(-step)) / (2 * step);
    }
    const eager = gradients[which].dataSync();
    assertLess(largestDifference(eager, numeric), tolerance, `input ${which}: ${eager} is not ${numeric}`);
    assertLess(largestDifference(traced[which].dataSync(), eager), 1e-5, `input ${which}: traced is not eager`);
  });
  tf.dispose([...gradients, ...traced, weights, ...inputs]);
}

Deno.test("the engine says what it runs on", () => {
  const info = engineInfo();
  assertEquals(info.engine, "libtensorflow");
  assert(/^2\.\d+\.\d+/.test(info.version), info.version);
  assert(info.devices.some((name) => name.includes("CPU")));
});

Deno.test(
  "linear gives x·Wᵀ + b",
  tidily(() => {
    const [x, w, b] = [tf.tensor2d([[1, 2]]), tf.tensor2d([[3, 4], [5, 6], [7, 8]]), tf.tensor1d([0.5, 0, -1])];
    const y = linear(x, w, b);
    assertEquals(Array.from(y.dataSync()), [11.5, 17, 22]);
    tf.dispose([x, w, b, y]);
  }),
);

Deno.test(
  "linear's gradients equal finite differences",
  tidily(() => checkGradients(linear, [draw([3, 4]), draw([5, 4]), draw([5])])),
);

Deno.test(
  "rows are gathered by index, and repeated indices add up their gradients",
  tidily(async () => {
    const table = draw([4, 3]), indices = tf.tensor1d([2, 0, 2], "int32");
    const rows = gatherRows(table, indices), values = table.dataSync();
    assertEquals(Array.from(rows.dataSync()), [2, 0, 2].flatMap((i) => Array.from(values.slice(3 * i, 3 * i + 3))));
    const gradient = tf.grad((x: Tensor) => gatherRows(x, indices).sum())(table);
    assertEquals(Array.from(gradient.dataSync()), [1, 1, 1, 0, 0, 0, 2, 2, 2, 0, 0, 0]);
    const [traced] = await compile("gather", (x, i) => [gatherRows(x, i)])(table, indices);
    assertEquals(traced.dataSync(), rows.dataSync());
    tf.dispose([table, indices, rows, gradient, traced]);
  }),
);

Deno.test(
  "LayerNorm gives mean 0 and variance 1 before scale and shift",
  tidily(() => {
    const [x, one, zero] = [tf.tensor2d([[1, 2, 3, 6]]), tf.ones([4]), tf.zeros([4])];
    const y = layerNorm(x, one, zero, 0);
    const expected = [-2, -1, 0, 3].map((d) => d / Math.sqrt(3.5));
    assertLess(largestDifference(y.dataSync(), expected), 1e-6);
    tf.dispose([x, one, zero, y]);
  }),
);

Deno.test(
  "LayerNorm's gradients equal finite differences",
  tidily(() => checkGradients((x, g, b) => layerNorm(x, g, b, 1e-5), [draw([3, 6]), draw([6]), draw([6])])),
);

Deno.test(
  "GELU gives x·Φ(x)",
  tidily(() => {
    const x = tf.tensor1d([-2, -1, 0, 1, 2]), y = gelu(x);
    const phi = [0.022750131948, 0.158655253931, 0.5, 0.841344746069, 0.977249868052]; // normal table
    assertLess(largestDifference(y.dataSync(), phi.map((p, i) => p * (i - 2))), 1e-6);
    tf.dispose([x, y]);
  }),
);

Deno.test("GELU's gradient equals finite differences", tidily(() => checkGradients(gelu, [draw([7])])));

const attentionCase = () => ({
  shape: { batch: 2, length: 3, heads: 2 },
  bias: tf.tensor4d([0, 0, 0, 0, 0, -1e9], [2, 1, 1, 3]),
});

Deno.test(
  "attention equals the formula written out, pads left out",
  tidily(() => {
    const { shape: { batch, length, heads }, bias } = attentionCase();
    const qkv = draw([batch * length, 3 * 4]), q = qkv.dataSync(), size = 2, pads = bias.dataSync();
    const expected = new Float64Array(batch * length * 4);
    const at = (b: number, i: number, part: number, h: number, d: number) =>
      q[(b * length + i) * 12 + part * 4 + h * size + d];
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < length; i++) {
          const logits = Array.from(
            { length },
            (_, j) =>
              (at(b, i, 0, h, 0) * at(b, j, 1, h, 0) + at(b, i, 0, h, 1) * at(b, j, 1, h, 1)) / Math.sqrt(size) +
              pads[b * length + j],
          );
          const exps = logits.map((l) => Math.exp(l)),
            sum = exps.reduce((a, b) => a + b);
          for (let d = 0; d < size; d++) {
            expected[(b * length + i) * 4 + h * size + d] = exps.reduce(
              (s, e, j) => s + e / sum * at(b, j, 2, h, d),
              0,
            );
          }
        }
      }
    }
    const y = attention(qkv, bias, { batch, length, heads });
    assertLess(largestDifference(y.dataSync(), expected), 1e-6);
    tf.dispose([qkv, bias, y]);
  }),
);

Deno.test(
  "attention's gradient equals finite differences",
  tidily(async () => {
    const { shape, bias } = attentionCase();
    await checkGradients((x) => attention(x, bias, shape), [draw([6, 12])]);
    bias.dispose();
  }),
);

Deno.test(
  "attention's gradient equals finite differences with dropped maps",
  tidily(async () => {
    const { shape, bias } = attentionCase();
    const seed = tf.tensor1d([3, 4], "int32"), mask = dropoutMask([2, 2, 3, 3], 0.3, seed);
    await checkGradients((x) => attention(x, bias, shape, mask), [draw([6, 12])]);
    tf.dispose([bias, seed, mask]);
  }),
);

Deno.test(
  "a dropout mask keeps its rate and its mean, and is fixed by its seed",
  tidily(() => {
    const seeds = [tf.tensor1d([1, 2], "int32"), tf.tensor1d([1, 3], "int32")];
    const masks = [seeds[0], seeds[0], seeds[1]].map((seed) => dropoutMask([200, 200], 0.25, seed));
    const [a, b, c] = masks.map((mask) => mask.dataSync());
    assertEquals(a, b);
    assert(largestDifference(a, c) > 0);
    const dropped = a.filter((v) => v === 0).length / a.length;
    assertLess(Math.abs(dropped - 0.25), 0.011); // five standard deviations of 40,000 draws
    assert(a.every((v) => v === 0 || Math.abs(v - 4 / 3) < 1e-6));
    tf.dispose([...seeds, ...masks]);
  }),
);

Deno.test(
  "cross-entropy is −ln of the label's share",
  tidily(() => {
    const logits = tf.tensor2d([[Math.log(1), Math.log(3)], [0, 0]]), labels = tf.tensor1d([1, 0], "int32");
    const loss = crossEntropy(logits, labels);
    assertLess(largestDifference(loss.dataSync(), [-Math.log(0.75), Math.LN2]), 1e-6);
    tf.dispose([logits, labels, loss]);
  }),
);

Deno.test(
  "cross-entropy's gradient equals finite differences",
  tidily(async () => {
    const labels = tf.tensor1d([1, 4, 0], "int32");
    await checkGradients((x) => crossEntropy(x, labels), [draw([3, 5])]);
    labels.dispose();
  }),
);

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
    const x = tf.ones([1500, 1500]) as tf.Tensor2D;
    const powers = compile("powers", (x) => {
      let y = x as tf.Tensor2D;
      for (let i = 0; i < 12; i++) y = tf.matMul(y, x as tf.Tensor2D).div(1500);
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
  const root = new URL("..", import.meta.url);
  const code = `import { tf } from "@lib/engine/mod.ts"; console.log(tf.ones([3]).sum().dataSync()[0]);`;
  const { code: status, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", `--config=${new URL("deno.json", root).pathname}`, code],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "3");
  assertEquals(status, 0);
});
