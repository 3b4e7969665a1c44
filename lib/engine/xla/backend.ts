/**
 * The engine on XLA: TensorFlow.js' node kernels on PJRT's plug-ins, for NVIDIA's GPUs and whatever else has one. A
 * compiled function is one executable; its outputs stay on the device, and who reads them waits.
 * @module
 */
import type * as tf from "@tensorflow/tfjs";
import { nodeKernels } from "../node_kernels.ts";
import {
  type Compiled,
  type CompileOptions,
  type Engine,
  EngineError,
  type Tensor,
  type TensorFunction,
} from "../types.ts";
import {
  adoptBuffers,
  binding,
  bufferOn,
  describe,
  executables,
  namingCall,
  readLater,
  trace,
  type Traced,
} from "./binding.ts";
import { client, flags, plugin } from "./client.ts";
import type { Executable } from "./pjrt.ts";

const { backend, rawOps, symbolically } = await nodeKernels(binding);
backend.read = async (dataId) => {
  const { values, id } = backend.tensorMap.get(dataId);
  return values ?? await readLater(id) as tf.BackendValues;
};

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
  rawOps,
  fused: (_name, fn, ...inputs) => fn(...inputs),
  compile,
};
