/**
 * Modules of StableHLO from TensorFlow's ops: the trace of a function calls {@link ModuleBuilder.op} for each op, and XLA
 * compiles the text.
 * @module
 */
import { type Attribute, callText } from "../attributes.ts";
import { TensorFlowError } from "../types.ts";
import type { ElementType } from "./element_types.ts";
import { writeOp } from "./ops.ts";
import { same, type Value, writer } from "./writer.ts";

/** A module that is being built: inputs, ops on them, and then its text. */
export type ModuleBuilder = {
  /** The next argument of the module's `main`. */
  input(shape: readonly number[], type: ElementType): Value;
  /** A tensor whose bytes (little-endian, row by row) are part of the module; shapes, axes and orders must be such. */
  constant(bytes: Uint8Array, shape: readonly number[], type: ElementType): Value;
  /**
   * One of TensorFlow's ops by its name.
   *
   * @param attributes as TensorFlow.js' node kernels pass them; those that name the inputs' types are not needed
   * @throws {TensorFlowError} naming the op and its inputs' shapes, if they do not fit
   */
  op(name: string, attributes: readonly Attribute[], inputs: readonly Value[], outputs: number): Value[];
  /**
   * The module as MLIR.
   *
   * @param options.donated numbers of inputs whose memory outputs take: each that of the first output of its shape and
   * type that has none yet
   */
  text(outputs: readonly Value[], options?: { donated?: readonly number[] }): string;
};

/** For each donated input, the attribute that names its output. */
function aliases(inputs: readonly Value[], outputs: readonly Value[], donated: readonly number[]): Map<number, string> {
  const free = new Set(outputs.keys()), found = new Map<number, string>();
  for (const input of donated) {
    const { shape, type } = inputs[input];
    const output = [...free].find((i) => same(outputs[i].shape, shape) && outputs[i].type === type);
    if (output === undefined) continue;
    free.delete(output);
    found.set(input, ` {tf.aliasing_output = ${output} : i32}`);
  }
  return found;
}

/**
 * A builder of an empty module.
 *
 * @param name the module's in messages and profiles
 * @param replicas on how many devices it runs at once
 */
export function moduleBuilder(name: string, replicas = 1): ModuleBuilder {
  const h = writer(replicas), inputs: Value[] = [];
  return {
    input(shape, type) {
      const value = { name: `%arg${inputs.length}`, shape: [...shape], type };
      inputs.push(value);
      return value;
    },
    constant: h.constant,
    op(op, attributes, values, outputs) {
      const given = new Map(attributes.map(({ name, value }) => [name, value]));
      try {
        const made = writeOp(h, op, (name) => given.get(name), [...values]);
        if (made.length !== outputs) throw new TensorFlowError(`expected ${outputs} outputs, found ${made.length}`);
        return made;
      } catch (cause) {
        if (!(cause instanceof TensorFlowError)) throw cause;
        throw new TensorFlowError(`${callText(op, values.map(({ shape }) => shape))}: ${cause.message}`, { cause });
      }
    },
    text(outputs, { donated = [] } = {}) {
      const aliased = aliases(inputs, outputs, donated);
      return h.text(name, inputs.map((input, i) => [input, aliased.get(i) ?? ""]), outputs);
    },
  };
}
