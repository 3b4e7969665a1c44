/**
 * TensorFlow.js' node kernels on a binding of ours: what the engines share that run TensorFlow's ops.
 * @module
 */
import "./shim.ts";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js";
import kernels from "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js";
import { type Attribute, type TensorMetadata, toAttribute } from "./attributes.ts";
import type { Engine, Tensor, TensorFunction } from "./types.ts";

/** The package's back end, as far as engines call it. */
interface Kernels extends tf.KernelBackend {
  tensorMap: { get(dataId: tf.DataId): { values: tf.BackendValues | null; id: number; refCount: number } };
  getInputTensorIds(tensors: Tensor[]): number[];
  createOutputTensor(metadata: TensorMetadata): Tensor;
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[];
}

/** The back end, ops by name on it, and functions run on symbols of a trace: the ids of their outputs. */
export type NodeKernels = {
  backend: Kernels;
  rawOps: Engine["rawOps"];
  symbolically(fn: TensorFunction, symbols: TensorMetadata[]): number[];
};

/** Makes the kernels on a binding (`tfjs_binding.d.ts`) TensorFlow.js' back end. */
export async function nodeKernels(binding: object): Promise<NodeKernels> {
  const { NodeJSKernelBackend } = kernels as unknown as {
    NodeJSKernelBackend: new (binding: object, name: string) => Kernels;
  };
  const backend = new NodeJSKernelBackend(binding, "@tensorflow/tfjs-node-gpu");
  tf.registerBackend("tensorflow", () => backend, 3);
  await tf.setBackend("tensorflow");
  await tf.ready();
  return {
    backend,
    rawOps: (name, attributes, inputs, outputs) =>
      backend.executeMultipleOutputs(name, Object.entries(attributes).map(toAttribute), inputs, outputs),
    symbolically(fn, symbols) {
      let ids: number[] = [];
      tf.tidy(() => {
        ids = backend.getInputTensorIds(fn(...symbols.map((symbol) => backend.createOutputTensor(symbol))));
      });
      return ids;
    },
  };
}
