/**
 * Gradients of the encoder's operations on the engine of the process, compiled; run as a script, it prints those of all
 * {@link gradientCases} and their central differences as one line of JSON.
 * @module
 */
import { stream } from "@lib/base/random.ts";
import { attention, dropoutMask, spreadMarks } from "@lib/engine/attention.ts";
import { compile, tf } from "@lib/engine/mod.ts";
import { addNorm, biasGelu, crossEntropy, gatherRows, layerNorm, linear } from "@lib/engine/ops.ts";
import type { Scalar, Tensor } from "@lib/engine/types.ts";
import { ntXent } from "@lib/training/objectives.ts";

type Case = {
  name: string;
  shapes: number[][];
  /** What the operation takes besides; it gets no gradient. */
  more?: () => Tensor[];
  f: (inputs: Tensor[], more: Tensor[]) => Tensor;
};

const heads = 2;
const bias = () => tf.tensor3d([0, 0, 0, 0, 0, -1e9], [2, 3, 1]);
/** Two rows of three keys, the last one a pad, and some queries each. */
const rowsOf = (key: Tensor, queries: number, dropout?: Tensor) => [{
  ...{ rows: 2, queries, keys: 3, dropout },
  marks: spreadMarks({ query: tf.ones([2, queries, 1]), key }, { heads }),
}];
const indices = (...values: number[]) => tf.tensor1d(values, "int32");

/** Operations, and the shapes of inputs to try them on. */
export const gradientCases: Case[] = [
  { name: "linear", shapes: [[4, 3], [5, 3], [5]], f: ([x, w, b]) => linear(x, w, b) },
  { name: "layerNorm", shapes: [[3, 6], [6], [6]], f: ([x, g, b]) => layerNorm(x, g, b, 1e-5) },
  { name: "addNorm", shapes: [[3, 6], [6], [3, 6], [6], [6]], f: ([y, b, x, g, c]) => addNorm(y, b, x, g, c, 1e-5) },
  { name: "biasGelu", shapes: [[3, 7], [7]], f: ([y, b]) => biasGelu(y, b) },
  { name: "crossEntropy", shapes: [[3, 5]], more: () => [indices(1, 4, 0)], f: ([x], [i]) => crossEntropy(x, i) },
  {
    name: "attention",
    shapes: [[6, 12]],
    more: () => [bias()],
    f: ([x], [b]) => attention([x], rowsOf(b, 3), { heads }),
  },
  {
    name: "attention with dropout",
    shapes: [[6, 12]],
    more: () => [bias(), tf.tidy(() => dropoutMask([2, 2, 3, 3], 0.3, indices(3, 4)))],
    f: ([x], [b, mask]) => attention([x], rowsOf(b, 3, mask), { heads }),
  },
  {
    name: "attention of some queries",
    shapes: [[4, 4], [6, 8]],
    more: () => [bias()],
    f: ([q, kv], [b]) => attention([q, kv], rowsOf(b, 2), { heads }),
  },
  { name: "gatherRows", shapes: [[6, 3]], more: () => [indices(2, 0, 2, 5)], f: ([x], [i]) => gatherRows(x, i) },
  {
    name: "gatherRows by group",
    shapes: [[6, 3]],
    more: () => [indices(2, 0, 2, 3, 5, 5)],
    f: ([x], [i]) => gatherRows(x, i, 2),
  },
  { name: "ntXent", shapes: [[4, 3], [4, 3]], f: ([a, b]) => ntXent(a, b, 0.5).loss },
];

/** A case's gradients of Σ f·w at drawn inputs, and, if `step` is given, their central differences. */
export async function gradientsOf(
  { name, shapes, more, f }: Case,
  step?: number,
): Promise<Record<"by" | "near", number[][]>> {
  const random = stream(1, "gradients", name);
  const draw = (shape: readonly number[]) => tf.tensor(values(shape.reduce((a, b) => a * b, 1)), shape as number[]);
  const values = (size: number) => Float32Array.from({ length: size }, () => 2 * random.uniform() - 1);
  const inputs = shapes.map(draw), rest = more?.() ?? [], weights = tf.tidy(() => draw(f(inputs, rest).shape));
  const scalar = (weights: Tensor, ...xs: Tensor[]) => f(xs, rest).mul(weights).sum() as Scalar;
  const differentiate = compile(
    `gradient of ${name}`,
    (weights, ...xs) => tf.grads((...xs: Tensor[]) => scalar(weights, ...xs))(xs),
  );
  const forward = compile(`value of ${name}`, (...all) => [scalar(...all as [Tensor])]);
  const gradients = await differentiate(weights, ...inputs);
  const by = gradients.map((gradient) => [...gradient.dataSync()]), near: number[][] = [];
  for (const [which, input] of step === undefined ? [] : inputs.entries()) {
    const own = input.dataSync<"float32">(), differences: number[] = [];
    for (const [i, value] of own.entries()) {
      const at = async (moved: number) => {
        const shifted = tf.tensor(own.with(i, moved), input.shape);
        const [y] = await forward(weights, ...inputs.map((x, j) => j === which ? shifted : x));
        const [result] = await y.data();
        tf.dispose([shifted, y]);
        return result;
      };
      differences.push((await at(value + step!) - await at(value - step!)) / (2 * step!));
    }
    near.push(differences);
  }
  tf.dispose([...inputs, ...rest, ...gradients, weights]);
  return { by, near };
}

if (import.meta.main) {
  const all = [];
  for (const each of gradientCases) all.push(await gradientsOf(each, 1e-2));
  console.log(JSON.stringify(all));
}
