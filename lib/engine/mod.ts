/**
 * The engine: TensorFlow.js, ready on libtensorflow, and `compile` for functions that run often.
 *
 * Importing the module loads the library and makes it TensorFlow.js' back end.
 * @module
 */
import "./shim.ts";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js";
import kernels from "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js";
import { type Attribute, binding, listDevices, type TensorMetadata, version } from "./binding.ts";
import { dtypeNumber, inIslands, island, trace, type TracedFunction } from "./trace.ts";
export { TensorFlowError } from "./capi.ts";

/** A tensor of TensorFlow.js; float32, int32 or bool. */
export type Tensor = tf.Tensor;

/** TensorFlow.js with libtensorflow behind it. */
export { tf };

/** What the engine needs of the package's back end; the rest of it is for the kernels. */
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

/** Which engine runs, on what. */
export interface EngineInfo {
  /** `libtensorflow`. */
  engine: string;
  /** TensorFlow's version. */
  version: string;
  /** `CPU` or `GPU`: where compiled functions run. */
  device: string;
  /** Every device found. */
  devices: string[];
}

/** Which engine runs, on what. */
export function engineInfo(): EngineInfo {
  const devices = listDevices().filter(({ type }) => type === "CPU" || type === "GPU");
  const device = devices.some(({ type }) => type === "GPU") ? "GPU" : "CPU";
  return { engine: "libtensorflow", version, device, devices: devices.map(({ name }) => name) };
}

/** Whether compiled functions run on a GPU. */
export const onGpu: boolean = engineInfo().device === "GPU";

/** Live tensors: TensorFlow.js' own count, and TensorFlow's handles. Both return to where they began. */
export const tensorCount = (): { tensors: number; handles: number } => ({
  tensors: tf.memory().numTensors,
  handles: binding.getNumOfTensors(),
});

/** An attribute of a raw op: integers, floats, booleans, and TensorFlow.js' names for element types. */
export type RawAttributes = Record<string, number | boolean | string | number[] | { float: number }>;

function toAttribute([name, value]: [string, RawAttributes[string]]): Attribute {
  if (typeof value === "boolean") return { name, type: binding.TF_ATTR_BOOL, value };
  if (typeof value === "string") return { name, type: binding.TF_ATTR_TYPE, value: dtypeNumber(value) };
  if (typeof value === "object" && "float" in value) return { name, type: binding.TF_ATTR_FLOAT, value: value.float };
  return { name, type: binding.TF_ATTR_INT, value };
}

/**
 * Any op of TensorFlow by its name; no gradient is recorded (see `tf.customGrad`).
 *
 * @param attributes numbers are ints, `{ float }` floats, strings the names of element types ("float32")
 * @throws {TensorFlowError} naming the op and its inputs' shapes
 */
export function rawOp(name: string, attributes: RawAttributes, inputs: Tensor[]): Tensor {
  return rawOps(name, attributes, inputs, 1)[0];
}

/** As {@link rawOp}, for ops with several outputs. */
export function rawOps(name: string, attributes: RawAttributes, inputs: Tensor[], outputs: number): Tensor[] {
  return backend.executeMultipleOutputs(name, Object.entries(attributes).map(toAttribute), inputs, outputs);
}

/**
 * `fn` as one kernel compiled by XLA where a traced function allows it ({@link compile}'s `islands`); elsewhere just `fn`.
 *
 * For chains of elementwise ops and sums, which cost a pass over memory each otherwise; not for products.
 *
 * @param name what it is, with every constant that `fn` holds
 */
export function fused(name: string, fn: (...inputs: Tensor[]) => Tensor[], ...inputs: Tensor[]): Tensor[] {
  if (!inIslands()) return fn(...inputs);
  const outputs = island(name, backend.getInputTensorIds(inputs), (symbols) => {
    let ids: number[] = [];
    tf.tidy(() => {
      ids = backend.getInputTensorIds(fn(...symbols.map((symbol) => backend.createOutputTensor(symbol))));
    });
    return ids;
  });
  return outputs.map((output) => backend.createOutputTensor(output));
}

/** A compiled function: called like the original, but asynchronous. */
export interface Compiled {
  /** Runs it; the outputs belong to the caller. */
  (...inputs: Tensor[]): Promise<Tensor[]>;
  /** How many shapes it was traced for. */
  readonly traces: number;
}

/**
 * `fn` as one TensorFlow function for each combination of input shapes; the event loop goes on while it runs.
 *
 * @param fn pure: tensors in, tensors out; reads no value, draws no random number in JavaScript
 * @param options.islands whether what is {@link fused} inside becomes kernels of XLA's: costs seconds at each first
 * call, and pays where a function runs hundreds of times
 */
export function compile(
  name: string,
  fn: (...inputs: Tensor[]) => Tensor[],
  { islands = false }: { islands?: boolean } = {},
): Compiled {
  const traced = new Map<string, TracedFunction>();
  const build = (inputs: Tensor[]): TracedFunction =>
    trace(name, inputs.map(({ shape, dtype }) => ({ shape, dtype: dtypeNumber(dtype) })), (symbols) => {
      let ids: number[] = [];
      tf.tidy(() => {
        ids = backend.getInputTensorIds(fn(...symbols.map((symbol) => backend.createOutputTensor(symbol))));
      });
      return ids;
    }, islands);
  const call = async (...inputs: Tensor[]): Promise<Tensor[]> => {
    const key = inputs.map(({ shape, dtype }) => `${dtype}[${shape}]`).join();
    let found = traced.get(key);
    if (!found) traced.set(key, found = build(inputs));
    const outputs = await found.run(backend.getInputTensorIds(inputs));
    return outputs.map((output) => backend.createOutputTensor(output));
  };
  return Object.defineProperty(call, "traces", { get: () => traced.size }) as unknown as Compiled;
}
