/**
 * The engine on WebGPU: TensorFlow.js' own back end on Deno's `navigator.gpu`, for GPUs of any maker and systems
 * without libtensorflow. Losses equal libtensorflow's float32 to 1e-4 (webgpu/backend_test.ts). Its limits:
 * - element types: float32, int32 and bool only, no bfloat16;
 * - no tracing and no XLA: a step takes some thousand calls, and recipe.training.islands has no effect;
 * - no tensor larger than the adapter's largest storage buffer, as the weights of `base` may be;
 * - one GPU, chosen by WebGPU;
 * - values are read with `await tensor.data()`, except for the small tensors that a compiled function returns;
 * - a process of its own: Mesa's software adapter and XLA each bring an LLVM, and together they crash.
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import {
  type Compiled,
  type Engine,
  EngineError,
  type Tensor,
  TensorFlowError,
  type TensorFunction,
} from "../types.ts";
import { portableOp } from "./ops.ts";
import { shaders } from "./programs.ts";

/** Compiled functions read back outputs of up to so many elements, so that `dataSync` works on them. */
const SMALL = 64 * 1024;

const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
if (!adapter) {
  throw new EngineError(
    "ENGINE=webgpu: expected a GPU that WebGPU can use, found no adapter. Install the GPU's driver with Vulkan " +
      "(Linux), or try Mesa's software one, which is slow: `apt install mesa-vulkan-drivers`. " +
      "ENGINE=libtensorflow needs none.",
  );
}
await tf.setBackend("webgpu");
await tf.ready();
const backend = tf.backend() as WebGPUBackend;

/** The device's first error since the last {@link settle}; WebGPU reports errors at any time after the call. */
let failure: string | undefined;
backend.device.addEventListener("uncapturederror", (event) => {
  event.preventDefault();
  failure ??= (event as GPUUncapturedErrorEvent).error.message;
});
backend.device.lost.then(({ message }) => failure ??= `the device was lost: ${message}`);

const { description, vendor, isFallbackAdapter } = adapter.info;
const software = isFallbackAdapter || /llvmpipe|swiftshader|software/i.test(description);

/** Waits until the device has done all its work; throws if there was an error. */
async function settle(name: string): Promise<void> {
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
  if (failure === undefined) return;
  const message = failure;
  failure = undefined;
  throw new TensorFlowError(`${name}: WebGPU refused: ${message}`);
}

function compile(name: string, fn: TensorFunction): Compiled {
  const shapes = new Set<string>(), largest = backend.device.limits.maxStorageBufferBindingSize;
  const call = async (...inputs: Tensor[]): Promise<Tensor[]> => {
    const large = inputs.find(({ size }) => 4 * size > largest);
    if (large) {
      throw new EngineError(
        `${name}: expected tensors of at most ${largest} bytes, the adapter's largest storage buffer, found ` +
          `[${large.shape}] of ${4 * large.size}. Choose a smaller scale, or ENGINE=libtensorflow.`,
      );
    }
    shapes.add(inputs.map(({ shape, dtype }) => `${dtype}[${shape}]`).join());
    const outputs = tf.tidy(() => fn(...inputs).map((output) => inputs.includes(output) ? output.clone() : output));
    try {
      await settle(name);
      await Promise.all(outputs.filter(({ size }) => size <= SMALL).map((output) => output.data()));
    } catch (error) {
      tf.dispose(outputs);
      throw error;
    }
    return outputs;
  };
  return Object.defineProperty(call, "traces", { get: () => shapes.size }) as unknown as Compiled;
}

/** WebGPU's engine. */
export const engine: Engine = {
  info: {
    engine: "WebGPU",
    version: tf.version_core,
    device: software ? "CPU" : "GPU",
    devices: [description || vendor || "an adapter without a name"],
    notes: software ? ["The adapter computes on the processor; libtensorflow is many times faster there."] : [],
  },
  handles: () => backend.numDataIds(),
  rawOps: (name, attributes, inputs, outputs) => portableOp(name, attributes, inputs, outputs, shaders),
  fused: (_name, fn, ...inputs) => fn(...inputs),
  compile,
};
