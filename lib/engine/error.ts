/**
 * Errors of the engine.
 * @module
 */
import { UserError } from "../base/user_error.ts";

/** An op that TensorFlow or WebGPU refused: a fault of the calling code. Names the op and its inputs' shapes. */
export class TensorFlowError extends Error {
  /** Tells it from other errors. */
  override name = "TensorFlowError";
}

/** An engine that cannot run on this machine, such as a missing library: what to install or to choose instead. */
export class EngineError extends UserError {}
