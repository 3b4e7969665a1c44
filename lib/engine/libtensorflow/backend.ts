/**
 * The engine on libtensorflow: TensorFlow.js' node kernels on TensorFlow's C API, eager or traced. Importing the module
 * loads the library and makes it TensorFlow.js' back end.
 * @module
 */
import "./shim.ts";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js";
import kernels from "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js";
import { ATTR, type Attribute } from "../attributes.ts";
import { engineChoice, idleNotes } from "../choice.ts";
import { nvidiaDriver } from "../library.ts";
import { findPlugin } from "../xla/plugin.ts";
import type { Compiled, Engine, EngineInfo, RawAttributes, Tensor, TensorFunction } from "../types.ts";
import { binding, listDevices, type TensorMetadata, version } from "./binding.ts";
import { dtypeNumber, inIslands, island, trace } from "./trace.ts";

interface Backend extends tf.KernelBackend {
  getInputTensorIds(tensors: Tensor[]): number[];
  createOutputTensor(metadata: TensorMetadata): Tensor;
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[];
}

const backend = new (kernels as unknown as { NodeJSKernelBackend: new (b: unknown, name: string) => Backend })
  .NodeJSKernelBackend(binding, "@tensorflow/tfjs-node-gpu");
tf.registerBackend("tensorflow", () => backend, 3);
await tf.setBackend("tensorflow");
await tf.ready();

function toAttribute([name, value]: [string, RawAttributes[string]]): Attribute {
  if (typeof value === "boolean") return { name, type: ATTR.bool, value };
  if (typeof value === "string") return { name, type: ATTR.type, value: dtypeNumber(value) };
  if (typeof value === "object" && "float" in value) return { name, type: ATTR.float, value: value.float };
  return { name, type: ATTR.int, value };
}

/** Runs `fn` on symbols; returns its outputs' ids. */
function symbolically(fn: TensorFunction, symbols: TensorMetadata[]): number[] {
  let ids: number[] = [];
  tf.tidy(() => {
    ids = backend.getInputTensorIds(fn(...symbols.map((symbol) => backend.createOutputTensor(symbol))));
  });
  return ids;
}

function fused(name: string, fn: TensorFunction, ...inputs: Tensor[]): Tensor[] {
  if (!inIslands()) return fn(...inputs);
  return island(name, backend.getInputTensorIds(inputs), (symbols) => symbolically(fn, symbols))
    .map((output) => backend.createOutputTensor(output));
}

function compile(name: string, fn: TensorFunction, { islands }: { islands?: boolean }): Compiled {
  const traced = new Map<string, ReturnType<typeof trace>>();
  const call = async (...inputs: Tensor[]): Promise<Tensor[]> => {
    const key = inputs.map(({ shape, dtype }) => `${dtype}[${shape}]`).join();
    let run = traced.get(key);
    if (!run) {
      const types = inputs.map(({ shape, dtype }) => ({ shape, dtype: dtypeNumber(dtype) }));
      traced.set(key, run = trace(name, types, (symbols) => symbolically(fn, symbols), islands));
    }
    const outputs = await run(backend.getInputTensorIds(inputs));
    return outputs.map((output) => backend.createOutputTensor(output));
  };
  return Object.defineProperty(call, "traces", { get: () => traced.size }) as unknown as Compiled;
}

/** What runs, and why no GPU does. */
function describe(): EngineInfo {
  const choice = engineChoice(Deno.env.get("ENGINE")), driver = nvidiaDriver();
  const plugin = driver !== undefined && findPlugin(true) !== undefined;
  const notes = idleNotes({ choice, driver, plugin });
  return { engine: "libtensorflow", version, device: "CPU", devices: listDevices(), notes };
}

/** libtensorflow's engine. */
export const engine: Engine = {
  info: describe(),
  handles: binding.getNumOfTensors,
  rawOps: (name, attributes, inputs, outputs) =>
    backend.executeMultipleOutputs(name, Object.entries(attributes).map(toAttribute), inputs, outputs),
  fused,
  compile,
};
