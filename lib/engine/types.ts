/**
 * What an engine is: the types that both engines and their callers share.
 * @module
 */
import type * as tfjs from "@tensorflow/tfjs";

/** A tensor of TensorFlow.js; float32, int32 or bool. */
export type Tensor = tfjs.Tensor;

/** A tensor without axes, such as a loss. */
export type Scalar = tfjs.Scalar;

/** A tensor of rows × columns. */
export type Tensor2D = tfjs.Tensor2D;

/** Tensors in, tensors out. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor[];

/** Which engine runs, on what. */
export interface EngineInfo {
  /** What computes. */
  engine: "libtensorflow" | "WebGPU";
  /** TensorFlow's version, or under WebGPU that of TensorFlow.js. */
  version: string;
  /** Where compiled functions run. WebGPU's software adapters count as a CPU. */
  device: "CPU" | "GPU";
  /** Every device of the process; under WebGPU its one adapter. */
  devices: string[];
  /** What a reader should know of the device: idle GPUs, missing libraries, limits of WebGPU. */
  notes: string[];
}

/** Attributes of a raw op: integers, floats, booleans, and TensorFlow.js' names of element types. */
export type RawAttributes = Record<string, number | boolean | string | number[] | { float: number }>;

/** A compiled function: called like the original, but asynchronous. */
export interface Compiled {
  /** Runs it; the outputs belong to the caller. */
  (...inputs: Tensor[]): Promise<Tensor[]>;
  /** How many input shapes it was traced for. */
  readonly traces: number;
}

/** What each engine provides; `mod.ts` documents the functions. */
export interface Engine {
  /** Which engine it is, on what. */
  info: EngineInfo;
  /** How many buffers are alive. */
  handles(): number;
  /** Runs a raw op. */
  rawOps(name: string, attributes: RawAttributes, inputs: Tensor[], outputs: number): Tensor[];
  /** Runs `fn` as one XLA kernel inside a trace with islands, else as it is. */
  fused(name: string, fn: TensorFunction, ...inputs: Tensor[]): Tensor[];
  /** Makes `fn` one function for each combination of input shapes. */
  compile(name: string, fn: TensorFunction, options: { islands?: boolean }): Compiled;
}
