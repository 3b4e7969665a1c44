/**
 * The engine: TensorFlow.js, ready on libtensorflow or WebGPU, and `compile` for functions that run often.
 *
 * Importing the module opens the engine that the environment variable `ENGINE` names (see choice.ts); what the two
 * have in common is {@link Engine}, and nothing above this folder knows which one runs.
 * @module
 */
import * as tfjs from "@tensorflow/tfjs";
import { chooseEngine, engineChoice } from "./choice.ts";
import { hasLibrary } from "./library.ts";

/** A tensor of TensorFlow.js; float32, int32 or bool. */
export type Tensor = tfjs.Tensor;

/** A tensor of no axis, such as a loss. */
export type Scalar = tfjs.Scalar;

/** A tensor of rows × columns. */
export type Tensor2D = tfjs.Tensor2D;

/** TensorFlow.js with the engine behind it. A value, so that `deno doc` stops at it; its types stand above. */
export const tf: typeof tfjs = tfjs;

/** Which engine runs, on what. */
export interface EngineInfo {
  /** What computes. */
  engine: "libtensorflow" | "WebGPU";
  /** TensorFlow's version, or under WebGPU that of TensorFlow.js. */
  version: string;
  /** `CPU` or `GPU`: where compiled functions run. WebGPU's software adapters are a CPU. */
  device: "CPU" | "GPU";
  /** Every device found; of WebGPU the one adapter it gave. */
  devices: string[];
  /** What a reader should know of the device: GPUs left idle, libraries missing, what WebGPU cannot do. */
  notes: string[];
}

/** An attribute of a raw op: integers, floats, booleans, and TensorFlow.js' names for element types. */
export type RawAttributes = Record<string, number | boolean | string | number[] | { float: number }>;

/** A compiled function: called like the original, but asynchronous. */
export interface Compiled {
  /** Runs it; the outputs belong to the caller. */
  (...inputs: Tensor[]): Promise<Tensor[]>;
  /** How many shapes it was traced for. */
  readonly traces: number;
}

/** What both engines give. */
export interface Engine {
  /** Which engine it is, on what. */
  info(): EngineInfo;
  /** Buffers it holds. */
  handles(): number;
  /** As {@link rawOps}. */
  rawOps(name: string, attributes: RawAttributes, inputs: Tensor[], outputs: number): Tensor[];
  /** As {@link fused}. */
  fused(name: string, fn: (...inputs: Tensor[]) => Tensor[], ...inputs: Tensor[]): Tensor[];
  /** As {@link compile}. */
  compile(name: string, fn: (...inputs: Tensor[]) => Tensor[], options: { islands?: boolean }): Compiled;
}

const { engine } = chooseEngine(engineChoice(Deno.env.get("ENGINE")), hasLibrary()) === "WebGPU"
  ? await import("./webgpu/backend.ts")
  : await import("./libtensorflow/backend.ts");

/** Which engine runs, on what. */
export const engineInfo = (): EngineInfo => engine.info();

/** Whether compiled functions run on a GPU. */
export const onGpu: boolean = engineInfo().device === "GPU";

/** {@link engineInfo} as a sentence, notes included. */
export function engineText({ engine, version, device, devices, notes }: EngineInfo = engineInfo()): string {
  const where = engine === "WebGPU" ? `${devices[0]} (a ${device})` : `the ${device}`;
  return [`${engine} ${version} on ${where}.`, ...notes].join(" ");
}

/** Live tensors: TensorFlow.js' own count, and the engine's buffers. Both return to where they began. */
export const tensorCount = (): { tensors: number; handles: number } => ({
  tensors: tf.memory().numTensors,
  handles: engine.handles(),
});

/**
 * Any op of TensorFlow by its name; no gradient is recorded (see `tf.customGrad`).
 *
 * WebGPU has the ops that webgpu_ops.ts lists, in float32, int32 and bool; any other throws with its name.
 *
 * @param attributes numbers are ints, `{ float }` floats, strings the names of element types ("float32")
 * @throws {TensorFlowError} naming the op and its inputs' shapes
 */
export function rawOp(name: string, attributes: RawAttributes, inputs: Tensor[]): Tensor {
  return rawOps(name, attributes, inputs, 1)[0];
}

/** As {@link rawOp}, for ops with several outputs. */
export function rawOps(name: string, attributes: RawAttributes, inputs: Tensor[], outputs: number): Tensor[] {
  return engine.rawOps(name, attributes, inputs, outputs);
}

/**
 * `fn` as one kernel compiled by XLA where a traced function allows it ({@link compile}'s `islands`); elsewhere just `fn`.
 *
 * For chains of elementwise ops and sums, which cost a pass over memory each otherwise; not for products.
 *
 * @param name what it is, with every constant that `fn` holds
 */
export function fused(name: string, fn: (...inputs: Tensor[]) => Tensor[], ...inputs: Tensor[]): Tensor[] {
  return engine.fused(name, fn, ...inputs);
}

/**
 * `fn` as one TensorFlow function for each combination of input shapes; the event loop goes on while it runs. WebGPU
 * has no such functions and calls `fn` each time; its shaders are kept for each shape.
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
  return engine.compile(name, fn, { islands });
}
