/**
 * Masked guesses of an encoder one of whose layers is changed on the way.
 * @module
 */
import { compiledOnce, hiddenStates, mlmLogits } from "../../bert/bert.ts";
import type { BertConfig } from "../../bert/config.ts";
import { type Model, unflatten } from "../../bert/parameters.ts";
import type { Corpus } from "../../corpus/store.ts";
import { compile, tf } from "../../engine/mod.ts";
import { crossEntropy } from "../../engine/ops.ts";
import type { Tensor, Tensor2D } from "../../engine/types.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { durationBins, kinds, tempoBins, type TokenKind, velocityBins, vocabulary } from "../../tokens/vocabulary.ts";
import { evaluationBatch, evaluationPlans, toTensors } from "../../training/batches.ts";
import type { Subspace } from "./nullspace.ts";

/**
 * What becomes of the states of a layer, 1 … depth − 1, before the next one reads them: a subspace is taken out, or they
 * are moved by a vector.
 */
export type Edit = { layer: number } & ({ subspace: Subspace } | { move: Float64Array });

/** Kinds of tokens that stand for numbers, with those: quarters a minute, MIDI velocities, the bins of lengths. */
const measured: Partial<Record<TokenKind, readonly number[]>> = {
  ...{ Tempo: tempoBins, Velocity: velocityBins, Duration: durationBins.map((_, bin) => bin) },
};

const measuredKinds = Object.keys(measured) as TokenKind[];

/**
 * A masked token: its bar in the corpus, its kind, the loss in nats of guessing it, whether the guess is right, and the
 * number that is guessed, the mean over the tokens of its kind by their probabilities; null of kinds without numbers.
 */
export type MaskedGuess = { bar: number; kind: TokenKind; loss: number; right: boolean; value: number | null };

/**
 * Losses, hits and, for each kind of {@link measured}, guessed numbers of chosen tokens, with states changed by
 * x + at·chosen·(x·matrix + shift): `matrix` is hidden × hidden, `shift` 1 × hidden, `at` (depth) 1 at the layer that is
 * changed, and `chosen` (N × 1) 1 for the tokens that are.
 */
const editedPass = (config: BertConfig) =>
  compile("edited guesses", (weights, ids, bias, positions, labels, matrix, shift, at, chosen) => {
    const p = unflatten(config, weights), { layers } = config;
    const edit = (x: Tensor, layer: number): Tensor => {
      if (layer === 0 || layer >= layers) return x;
      const change = tf.matMul(x as Tensor2D, matrix as Tensor2D).add(shift);
      return x.add(change.mul(chosen.mul(at.slice([layer], [1]))));
    };
    const states = hiddenStates(p, config, ids, bias, { only: positions, edit });
    const logits = mlmLogits(p, config, states.at(-1)!);
    const means = measuredKinds.map((kind) => {
      const { first, count } = kinds[kind], numbers = measured[kind]!;
      const own = logits.slice([0, first], [logits.shape[0], count]);
      return tf.matMul(own.softmax() as Tensor2D, tf.tensor2d([...numbers], [count, 1])).reshape([-1]);
    });
    return [crossEntropy(logits, labels), logits.argMax(1).equal(labels).cast("float32"), ...means];
  });

/** A move, or the change of a removal, −(x − mean)·UᵀU, as {@link editedPass} takes it: matrix, shift, and where. */
function changeOf({ layers, hidden }: BertConfig, edit?: Edit): Tensor[] {
  const matrix = new Float32Array(hidden * hidden), shift = new Float32Array(hidden), at = new Float32Array(layers);
  if (edit) at[edit.layer] = 1;
  if (edit && "move" in edit) shift.set(edit.move);
  else if (edit) {
    const { rank, basis, mean } = edit.subspace;
    for (let d = 0; d < rank; d++) {
      const u = basis.subarray(d * hidden, (d + 1) * hidden);
      const along = u.reduce((sum, value, c) => sum + value * mean[c], 0);
      for (let i = 0; i < hidden; i++) {
        shift[i] += along * u[i];
        for (let j = 0; j < hidden; j++) matrix[i * hidden + j] -= u[i] * u[j];
      }
    }
  }
  return [tf.tensor2d(matrix, [hidden, hidden]), tf.tensor2d(shift, [1, hidden]), tf.tensor1d(at)];
}

/**
 * Guesses the masked tokens of bars, as the recipe masks them for validation, each time with another change (or none:
 * undefined) of the states of the `Bar` tokens, or of all tokens, by `recipe.probing.removedFrom`.
 *
 * @param onDone is called after each batch, all changes of which are done; `signal` stops the work between batches
 * @returns for each change the guesses, of the same tokens in the same order
 */
export async function guessEdited(
  model: Model,
  corpus: Corpus,
  bars: readonly number[],
  recipe: Recipe,
  edits: readonly (Edit | undefined)[],
  { signal, onDone }: { signal?: AbortSignal; onDone?: (done: number, total: number) => void } = {},
): Promise<MaskedGuess[][]> {
  const { config, weights } = model, { layers } = config, all = recipe.probing.removedFrom !== "bar";
  const wrong = edits.find((edit) => edit && !(edit.layer >= 1 && edit.layer < layers));
  if (wrong) throw new RangeError(`Edit: expected a layer 1 … ${layers - 1}, found ${wrong.layer}.`);
  const pass = compiledOnce(["edited guesses", config], () => editedPass(config));
  const guesses = edits.map((): MaskedGuess[] => []);
  let done = 0;
  for (const plan of evaluationPlans(corpus, bars, recipe)) {
    signal?.throwIfAborted();
    const batch = evaluationBatch(corpus, plan, recipe, 0), { length, labels, weights: counts } = batch;
    const [ids, bias, positions, asked, ones] = toTensors(batch),
      rows = ids.shape[0],
      most = labels.length / batch.rows;
    const edited = Float32Array.from({ length: rows * length }, (_, i) => Number(all || i % length === 0));
    const chosen = tf.tensor2d(edited, [rows * length, 1]);
    try {
      for (const [e, edit] of edits.entries()) {
        const change = changeOf(config, edit);
        const outputs = await pass(weights, ids, bias, positions, asked, ...change, chosen);
        const [losses, right, ...means] = await Promise.all(outputs.map((output) => output.data<"float32">()));
        tf.dispose([...outputs, ...change]);
        for (let i = 0; i < labels.length; i++) {
          if (counts[i] === 0) continue;
          const bar = plan.bars[Math.floor(i / most)], kind = vocabulary.kind(labels[i]);
          const value = means[measuredKinds.indexOf(kind)]?.[i] ?? null;
          guesses[e].push({ bar, kind, loss: losses[i], right: right[i] === 1, value });
        }
      }
    } finally {
      tf.dispose([ids, bias, positions, asked, ones, chosen]);
    }
    onDone?.(done += plan.bars.length, bars.length);
  }
  return guesses;
}
