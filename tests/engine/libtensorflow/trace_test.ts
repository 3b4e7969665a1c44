import { assertEquals, assertRejects } from "@std/assert";
import { compile, fused, rawOp, tf } from "@lib/engine/mod.ts";
import { trace } from "@lib/engine/libtensorflow/trace.ts";
import { type Tensor, TensorFlowError } from "@lib/engine/types.ts";
import { tidily } from "../../support/tensors.ts";

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

Deno.test(
  "traces do not nest, and the one around goes on",
  tidily(async () => {
    const x = tf.ones([2]);
    const nested = compile("outer", (x) => {
      trace("inner", [], () => []);
      return [x];
    });
    await assertRejects(() => nested(x), TensorFlowError, "do not nest");
    const [y] = await compile("after", (x) => [x.add(1)])(x);
    assertEquals([...y.dataSync()], [2, 2]);
    tf.dispose([x, y]);
  }),
);

Deno.test(
  "islands compute what they compute outside, at two shapes and twice in one trace, with several outputs in order",
  tidily(async () => {
    const fn = (x: Tensor) => {
      const part = (x: Tensor) => fused("halves", (x) => [x.div(2), x.mul(x)], x);
      const [half, square] = part(x), [quarter, small] = part(half);
      return [half, square, quarter, small];
    };
    const run = compile("islands", fn, { islands: true });
    for (const values of [[4, -8], [4, -8, 1]]) {
      const x = tf.tensor1d(values), found = await run(x);
      const expected = [2, 1, 4, 2].map((by, i) => values.map((v) => i % 2 ? (v / by) ** 2 : v / by));
      assertEquals(found.map((tensor) => [...tensor.dataSync()]), expected);
      tf.dispose([x, ...found]);
    }
    assertEquals(run.traces, 2);
  }),
);

Deno.test(
  "what is prepared for a shape is not traced again",
  tidily(async () => {
    let traced = 0;
    const x = tf.ones([2]), run = compile("prepared", (x) => (traced++, [x.mul(2)]));
    run.prepare!(x);
    assertEquals([traced, run.traces], [1, 1]);
    const [y] = await run(x);
    assertEquals([traced, ...y.dataSync()], [1, 2, 2]);
    tf.dispose([x, y]);
  }),
);

Deno.test(
  "ops of a trace that differ in an attribute, an input or a constant alone are not taken for each other",
  tidily(async () => {
    const a = tf.tensor2d([[1, 2], [3, 4]]), b = tf.tensor2d([[0, 1], [1, 1]]);
    const fn = (a: Tensor, b: Tensor) => {
      const product = (a: Tensor, b: Tensor, turned: boolean) =>
        rawOp("MatMul", { T: "float32", transpose_a: turned, transpose_b: false }, [a, b]);
      const products = [product(a, b, false), product(a, b, true), product(b, a, false), product(a, b, false)];
      const constants = [tf.scalar(0), tf.scalar(-0), tf.scalar(2 ** -149), tf.tensor1d([0]), tf.scalar(0)];
      const zeros = constants.map((zero) => tf.concat([a.mul(0).add(1).div(zero).flatten(), zero.flatten()]));
      return [...products, ...zeros, a.cast("int32").add(tf.scalar(0, "int32")), a.sum(0), a.sum(1), ...tf.split(a, 2)];
    };
    const found = await compile("alike", fn)(a, b), expected = tf.tidy(() => fn(a, b));
    assertEquals(found.map((x) => [x.dtype, ...x.dataSync()]), expected.map((x) => [x.dtype, ...x.dataSync()]));
    tf.dispose([a, b, ...found, ...expected]);
  }),
);

Deno.test(
  "an island may use its inputs only, and constants",
  tidily(async () => {
    const x = tf.ones([2]);
    const fn = (x: Tensor) => fused("leaks", (y) => [y.add(x)], x.mul(2));
    await assertRejects(() => compile("leaky", fn, { islands: true })(x), TensorFlowError, "not among its inputs");
    const constant = (x: Tensor) => fused("adds 3", (y) => [y.add(tf.scalar(3))], x);
    const [y] = await compile("sound", constant, { islands: true })(x);
    assertEquals([...y.dataSync()], [4, 4]);
    tf.dispose([x, y]);
  }),
);

Deno.test(
  "lists of inputs, and bfloat16 between ops that name it, can be traced",
  tidily(async () => {
    const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 1.00390625])];
    const [joined, stacked, rounded] = await compile("lists", (a, b) => {
      const half = rawOp("Cast", { SrcT: "float32", DstT: "bfloat16", Truncate: false }, [b]);
      return [
        tf.concat([a, b, a]),
        tf.stack([a, b], 1),
        rawOp("Cast", { SrcT: "bfloat16", DstT: "float32", Truncate: false }, [half]),
      ];
    })(a, b);
    assertEquals([...joined.dataSync()], [1, 2, 3, 1.00390625, 1, 2]);
    assertEquals([stacked.shape, [...stacked.dataSync()]], [[2, 2], [1, 3, 2, 1.00390625]]);
    assertEquals([...rounded.dataSync()], [3, 1]); // 1 + 2⁻⁸ is halfway and rounds to even
    tf.dispose([a, b, joined, stacked, rounded]);
  }),
);
