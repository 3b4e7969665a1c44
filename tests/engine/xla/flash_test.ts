import { assertThrows } from "@std/assert";
import { ATTR } from "@lib/engine/attributes.ts";
import { TensorFlowError } from "@lib/engine/types.ts";
import { pjrtClient, PjrtError } from "@lib/engine/xla/pjrt.ts";
import { moduleBuilder, type Value } from "@lib/engine/xla/stablehlo.ts";
import { cpuPlugin, onPlugin } from "../../support/plugin.ts";

const scale = [{ name: "scale", type: ATTR.float, value: 0.125 }];

/** A module of cuDNN's attention, and of its gradient. */
function modules(): string[] {
  return [false, true].map((backward) => {
    const module = moduleBuilder("flash"), bias = module.input([2, 1, 1, 16], "f32");
    const [q, k, v, dy] = [1, 2, 3, 4].map(() => module.input([2, 16, 4, 64], "bf16"));
    const [mixed, statistics] = backward
      ? [module.input([2, 16, 4, 64], "bf16"), module.input([2, 4, 16], "f32")]
      : module.op("CudnnAttention", scale, [q, k, v, bias], 2);
    const inputs = [q, k, v, bias, mixed, statistics, dy];
    return module.text(backward ? module.op("CudnnAttentionGradient", scale, inputs, 3) : [mixed]);
  });
}

onPlugin("cuDNN's attention and its gradient are modules that XLA reads, up to the call that a CPU has not", () => {
  const client = pjrtClient(cpuPlugin, { cpu_device_count: 1 });
  ["__cudnn$fmhaSoftmax ", "__cudnn$fmhaSoftmaxBackward "].forEach((target, i) =>
    assertThrows(() => client.compileSync(modules()[i]), PjrtError, `untyped custom call to ${target}`)
  );
  client.free();
});

Deno.test("what cuDNN does not take is told with its shapes", () => {
  const module = moduleBuilder("wrong"), bias = module.input([2, 1, 1, 16], "f32");
  const of = (shape: number[], type: "f32" | "bf16"): Value[] => [1, 2, 3].map(() => module.input(shape, type));
  const refuse = (inputs: Value[]) =>
    assertThrows(
      () => module.op("CudnnAttention", scale, [...inputs, bias], 2),
      TensorFlowError,
      "expected bfloat16 of",
    );
  refuse(of([2, 16, 4, 64], "f32"));
  refuse(of([2, 16, 4, 12], "bf16"));
  refuse(of([2, 16, 256], "bf16"));
});
