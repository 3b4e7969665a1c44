/**
 * The engine: TensorFlow.js on libtensorflow, XLA or WebGPU, and `compile` for functions that run often. Importing the
 * module starts what `ENGINE` names (see choice.ts); code outside this folder does not know which one runs.
 * @module
 */
import * as tfjs from "@tensorflow/tfjs";
import { branches } from "../base/machine.ts";
import { loadChosen, placeHere } from "./loading.ts";
import type {
  Compiled,
  CompileOptions,
  Engine,
  EngineInfo,
  Group,
  RawAttributes,
  Tensor,
  TensorFunction,
} from "./types.ts";

/** TensorFlow.js on the chosen engine. A value, so that `deno doc` stops here. */
export const tf: typeof tfjs = tfjs;

placeHere(); // throws where the engine has no workers
const { engine } = await loadChosen<{ engine: Engine }>({
  XLA: () => import("./xla/backend.ts"),
  libtensorflow: () => import("./libtensorflow/backend.ts"),
  WebGPU: () => import("./webgpu/backend.ts"),
});

/** Which engine runs, on what. */
export const engineInfo = (): EngineInfo => engine.info;

/** Whether compiled functions run on a GPU. */
export const onGpu: boolean = engine.info.device === "GPU";

/** Whether libtensorflow's kernels for the CPU compute, whose quickest op is not always the plain one. */
export const onLibraryCpu: boolean = engine.info.engine === "libtensorflow" && !onGpu;

/**
 * Branches that a batch is computed in side by side: as many as ops run at once, where each has one thread
 * (`trainingVariables` of base/machine.ts); else 1, as on GPUs.
 */
export const engineBranches: number = onLibraryCpu ? branches() : 1;

/** Devices that a function can be compiled for to run on all at once; see replicas.ts. */
export const engineReplicas: number = engine.replicas ?? 1;

/** The workers that train one model, of which this process is one; undefined where it trains alone. See workers.ts. */
export const engineGroup: Group | undefined = engine.group;

/**
 * The least step of lengths that rows are padded to where nothing is trained: XLA compiles for seconds for each length,
 * and computes the padding in far less.
 */
export const lengthStep: number = engine.info.engine === "XLA" ? 128 : 1;

/** {@link engineInfo} as a sentence, notes included. */
export function engineText({ engine, version, device, devices, notes }: EngineInfo = engineInfo()): string {
  const where = engine !== "libtensorflow" ? `${devices[0]} (a ${device})` : `the ${device}`;
  return [`${engine} ${version} on ${where}.`, ...notes].join(" ");
}

/** Live tensors by TensorFlow.js' count, and the engine's buffers; tests check that both return to where they began. */
export const tensorCount = (): { tensors: number; handles: number } => ({
  tensors: tf.memory().numTensors,
  handles: engine.handles(),
});

/**
 * Runs any op of TensorFlow by its name; WebGPU has those in webgpu/ops.ts. No gradient is recorded (see
 * `tf.customGrad`).
 *
 * @param attributes numbers are ints, `{ float }` floats, strings the names of element types ("float32")
 * @throws {TensorFlowError} naming the op and its inputs' shapes
 */
export const rawOp = (name: string, attributes: RawAttributes, inputs: Tensor[]): Tensor =>
  rawOps(name, attributes, inputs, 1)[0];

/** As {@link rawOp}, for ops with several outputs. */
export const rawOps: Engine["rawOps"] = engine.rawOps;

/**
 * Runs `fn` as one XLA kernel inside a function compiled with `islands` (see {@link compile}), else as it is. For
 * chains of elementwise ops and sums, each of which would cost a pass over memory; `name` names it and every constant
 * in it.
 */
export const fused: Engine["fused"] = engine.fused;

/**
 * Makes `fn` one TensorFlow function, or one executable of XLA, for each combination of input shapes. The event loop goes
 * on while it runs; XLA's promise is kept when it is queued, and who reads an output with `data()` waits. WebGPU has no
 * such functions and calls `fn` each time; it caches shaders by shape.
 *
 * @param fn pure: reads no value and draws no random number in JavaScript
 * @param options.islands compile {@link fused} parts with XLA on libtensorflow: costs seconds at the first call for a
 * shape, and pays off over hundreds of calls
 * @param options.leastIsland least elements of the largest input of such a part
 * @param options.donated numbers of inputs that no one reads after the call: XLA takes their memory for outputs
 */
export const compile = (name: string, fn: TensorFunction, options: CompileOptions = {}): Compiled =>
  engine.compile(name, fn, options);
