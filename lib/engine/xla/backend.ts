/**
 * The engine on XLA: TensorFlow.js' node kernels on PJRT's plug-ins, for NVIDIA's GPUs and whatever else has one. A
 * compiled function is one executable; its outputs stay on the device, and who reads them waits.
 * @module
 */
import "../libtensorflow/shim.ts";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js";
import kernels from "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js";
import type { Attribute } from "../attributes.ts";
import { ATTR, DType } from "../attributes.ts";
import type { Compiled, Engine, RawAttributes, Tensor, TensorFunction } from "../types.ts";
import { TensorFlowError } from "../types.ts";
import {
  adoptBuffer,
  binding,
  bufferOf,
  describe,
  executables,
  namingCall,
  readLater,
  type TensorMetadata,
  trace,
  type Traced,
} from "./binding.ts";
import { client, flags, plugin } from "./client.ts";
import type { Executable } from "./pjrt.ts";

interface Backend extends tf.KernelBackend {
  tensorMap: { get(dataId: tf.DataId): { values: tf.BackendValues | null; id: number; refCount: number } };
  getInputTensorIds(tensors: Tensor[]): number[];
  createOutputTensor(metadata: TensorMetadata): Tensor;
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[];
}

const backend = new (kernels as unknown as { NodeJSKernelBackend: new (b: unknown, name: string) => Backend })
  .NodeJSKernelBackend(binding, "@tensorflow/tfjs-node-gpu");
backend.read = async (dataId) => {
  const { values, id } = backend.tensorMap.get(dataId);
  return values ?? await readLater(id) as tf.BackendValues;
};
tf.registerBackend("tensorflow", () => backend, 3);
await tf.setBackend("tensorflow");
await tf.ready();

function dtypeNumber(dtype: string): number {
  const number = (DType as Record<string, number>)[dtype];
  if (number === undefined) throw new TensorFlowError(`Tensors of type ${dtype} cannot enter a trace.`);
  return number;
}

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

/** Inputs that are to be donated but have other owners: clones, or another place among the inputs. */
function spared(inputs: Tensor[], ids: readonly number[], donated: readonly number[]): number[] {
  const shared = (i: number) => backend.tensorMap.get(inputs[i].dataId).refCount > 1;
  return donated.filter((i) => shared(i) || ids.some((id, j) => j !== i && id === ids[i]));
}

function compile(name: string, fn: TensorFunction, { donated = [] }: { donated?: readonly number[] }): Compiled {
  const made = new Map<string, Promise<Traced & { executable: Executable }>>();
  const make = async (ids: readonly number[]) => {
    const traced = trace(name, ids.map(describe), (symbols) => symbolically(fn, symbols), donated);
    return { ...traced, executable: await namingCall(name, ids, () => executables.get(traced.module, { flags })) };
  };
  const call = async (...inputs: Tensor[]): Promise<Tensor[]> => {
    const ids = backend.getInputTensorIds(inputs);
    const key = ids.map(describe).map(({ shape, type }) => `${type}[${shape}]`).join();
    if (!made.has(key)) {
      const making = make(ids);
      made.set(key, making);
      making.catch(() => made.delete(key)); // the caller throws it
    }
    const { executable, outputs } = await made.get(key)!;
    const run = () => executable.run([ids.map(bufferOf)], spared(inputs, ids, donated));
    const [buffers] = await namingCall(name, ids, run);
    return buffers.map((buffer, i) => backend.createOutputTensor(adoptBuffer(buffer, outputs[i])));
  };
  return Object.defineProperty(call, "traces", { get: () => made.size }) as unknown as Compiled;
}

/** XLA's engine. */
export const engine: Engine = {
  info: {
    engine: "XLA",
    version: client.platform,
    device: plugin.platform === "cpu" ? "CPU" : "GPU",
    devices: [...client.devices],
    notes: client.devices.length > 1 ? [`${client.devices.length} devices are visible, one is used.`] : [],
  },
  handles: binding.getNumOfTensors,
  cudnnAttention: plugin.platform === "cuda" && Deno.env.get("XLA_ATTENTION") === "cudnn",
  rawOps: (name, attributes, inputs, outputs) =>
    backend.executeMultipleOutputs(name, Object.entries(attributes).map(toAttribute), inputs, outputs),
  fused: (_name, fn, ...inputs) => fn(...inputs),
  compile,
};
