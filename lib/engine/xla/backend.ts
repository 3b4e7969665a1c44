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
import type { Compiled, CompileOptions, Engine, RawAttributes, Tensor, TensorFunction } from "../types.ts";
import { EngineError, TensorFlowError } from "../types.ts";
import {
  adoptBuffers,
  binding,
  bufferOn,
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

/** Each device's buffers of some tensors. */
const rows = (ids: readonly number[], replicas: number) =>
  Array.from({ length: replicas }, (_, device) => ids.map((id) => bufferOn(id, device)));

function compile(name: string, fn: TensorFunction, { donated = [], replicas = 1 }: CompileOptions): Compiled {
  const made = new Map<string, Promise<Traced & { executable: Executable }>>();
  const make = async (ids: readonly number[]) => {
    const traced = trace(name, ids.map(describe), (symbols) => symbolically(fn, symbols), { donated, replicas });
    const compiled = () => executables.get(traced.module, { flags, replicas });
    return { ...traced, executable: await namingCall(name, ids, compiled) };
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
    const run = () => executable.run(rows(ids, replicas), spared(inputs, ids, donated));
    const buffers = await namingCall(name, ids, run);
    return outputs.map((output, i) => backend.createOutputTensor(adoptBuffers(buffers.map((row) => row[i]), output)));
  };
  return Object.defineProperty(call, "traces", { get: () => made.size }) as unknown as Compiled;
}

const visible = client.devices.length;

/** On how many devices training steps run: `XLA_DEVICES`, one if it is not set. */
const replicas = ((text) => {
  const number = Number(text ?? 1);
  if (Number.isInteger(number) && number >= 1 && number <= visible) return number;
  throw new EngineError(`XLA_DEVICES: expected a number of devices from 1 to ${visible}, found ${text}.`);
})(Deno.env.get("XLA_DEVICES") || undefined);

/** XLA's engine. */
export const engine: Engine = {
  info: {
    engine: "XLA",
    version: client.platform,
    device: plugin.platform === "cpu" ? "CPU" : "GPU",
    devices: [...client.devices],
    notes: visible > replicas
      ? [`${visible} devices are visible, ${replicas} of them used; XLA_DEVICES says of how many.`]
      : [],
  },
  handles: binding.getNumOfTensors,
  replicas,
  rawOps: (name, attributes, inputs, outputs) =>
    backend.executeMultipleOutputs(name, Object.entries(attributes).map(toAttribute), inputs, outputs),
  fused: (_name, fn, ...inputs) => fn(...inputs),
  compile,
};
