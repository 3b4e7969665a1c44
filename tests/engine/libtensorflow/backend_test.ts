import { assertEquals } from "@std/assert";
import { tf } from "@lib/engine/mod.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { tidily } from "../../support/tensors.ts";

const { engine } = await import("@lib/engine/libtensorflow/backend.ts"); // after mod.ts, which is to load it

Deno.test(
  "attributes are told apart by their kind: numbers, floats, flags, names of types, lists",
  tidily(() => {
    const x = tf.tensor2d([[1, -2], [3, -4]]),
      run = (name: string, attributes: Parameters<typeof engine.rawOps>[1]) => {
        const [y] = engine.rawOps(name, { T: "float32", ...attributes }, [x], 1);
        const found = [...y.dataSync()];
        y.dispose();
        return found;
      };
    assertEquals(run("LeakyRelu", { alpha: { float: 0.5 } }), [1, -1, 3, -2]);
    assertEquals(run("Squeeze", { squeeze_dims: [] as number[] }), [1, -2, 3, -4]);
    const [sum] = engine.rawOps("MatMul", { T: "float32", transpose_a: true, transpose_b: false }, [x, x], 1);
    assertEquals([...sum.dataSync()], [10, -14, -14, 20]);
    tf.dispose([x, sum]);
  }),
);

Deno.test(
  "a compiled function takes and gives several tensors, and is traced anew for another type or shape",
  tidily(async () => {
    const swap = engine.compile("swap", (a, b) => [b.add(1), a, a.cast("float32").sum().add(b)], {});
    const run = async (a: Tensor, b: Tensor) => {
      const out = await swap(a, b), found = out.map((y) => [y.dtype, ...y.dataSync()]);
      tf.dispose([a, b, ...out]);
      return found;
    };
    assertEquals(await run(tf.tensor1d([1, 2]), tf.scalar(5)), [["float32", 6], ["float32", 1, 2], ["float32", 8]]);
    const ints = tf.tensor1d([7, 8], "int32");
    assertEquals(await run(ints, tf.scalar(0.5)), [["float32", 1.5], ["int32", 7, 8], ["float32", 15.5]]);
    await run(tf.tensor1d([1, 2]), tf.scalar(6));
    assertEquals(swap.traces, 2);
    await run(tf.tensor2d([[1, 2]]), tf.scalar(6));
    assertEquals(swap.traces, 3);
  }),
);
