/**
 * What an engine is: the types that the engines and their callers share, and their errors.
 * @module
 */
import type * as tfjs from "@tensorflow/tfjs";
import { UserError } from "../base/user_error.ts";

/** An op that TensorFlow or WebGPU refused: a fault of the calling code. Names the op and its inputs' shapes. */
export class TensorFlowError extends Error {
  /** Its class. */
  override name = "TensorFlowError";
}

/** An engine that cannot run on this machine, such as a missing library: what to install or to choose instead. */
export class EngineError extends UserError {}

/** A tensor of TensorFlow.js; float32, int32 or bool. */
export type Tensor = tfjs.Tensor;

/** A tensor without axes, such as a loss. */
export type Scalar = tfjs.Scalar;

/** A tensor of rows × columns. */
export type Tensor2D = tfjs.Tensor2D;

/** Tensors in, tensors out. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor[];

/** The engines. */
export type EngineName = "libtensorflow" | "XLA" | "WebGPU";

/**
 * Which engine runs, on what: its version (under WebGPU TensorFlow.js'), where compiled functions run (WebGPU's
 * software adapters count as a CPU), every device of the process, and what a reader should know: idle GPUs, missing
 * libraries.
 */
export type EngineInfo = {
  engine: EngineName;
  version: string;
  device: "CPU" | "GPU";
  devices: string[];
  notes: string[];
};

/** Attributes of a raw op: integers, floats, booleans, texts, and TensorFlow.js' names of element types. */
export type RawAttributes = Record<string, number | boolean | string | number[] | { float: number } | { text: string }>;

/**
 * A compiled function: like the original, but asynchronous; counts the input shapes that it was traced for. Where
 * JavaScript traces for long, `prepare` does so for the shapes of such inputs ahead of their call.
 */
export type Compiled = {
  (...inputs: Tensor[]): Promise<Tensor[]>;
  readonly traces: number;
  prepare?(...inputs: Tensor[]): void;
};

/**
 * How a function is compiled: whether libtensorflow makes its fused parts XLA kernels (`islands`), those alone whose
 * largest input has so many elements (`leastIsland`, by default 0); and the numbers of inputs that the caller gives up
 * (`donated`), whose memory XLA may use for the outputs. The caller still disposes of them.
 * On several devices at once (`replicas`) each has all inputs, and must come to the same outputs: see replicas.ts.
 */
export type CompileOptions = {
  islands?: boolean;
  leastIsland?: number;
  donated?: readonly number[];
  replicas?: number;
};

/**
 * This process among the `workers` that train one model: its number, from 0, and the addresses (`host:port`) of all, in
 * order. `sum` is that of a float32 tensor over all workers, inside a compiled function, which every worker must call
 * in the same order as the others; `missing` asks the others whether they answer within so many seconds, and gives the
 * numbers of those that do not; `abort` makes every sum that waits, and all later ones, fail with the reason.
 */
export type Group = { worker: number; hosts: readonly string[]; sum(x: Tensor): Tensor } & {
  missing(seconds: number): Promise<number[]>;
  abort(reason: string): void;
};

/**
 * What each engine provides; `mod.ts` documents the functions. `handles` counts the buffers that are alive, and `replicas`
 * says on how many devices it can run at once; `group` is there where several workers train one model.
 */
export type Engine = {
  info: EngineInfo;
  handles(): number;
  replicas?: number;
  group?: Group;
  rawOps(name: string, attributes: RawAttributes, inputs: Tensor[], outputs: number): Tensor[];
  fused(name: string, fn: TensorFunction, ...inputs: Tensor[]): Tensor[];
  compile(name: string, fn: TensorFunction, options: CompileOptions): Compiled;
};
