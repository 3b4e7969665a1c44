/**
 * What the engine refuses.
 * @module
 */

/** What TensorFlow or WebGPU refused, with the op and the shapes it was given. */
export class TensorFlowError extends Error {
  /** Tells it from other errors. */
  override name = "TensorFlowError";
}
