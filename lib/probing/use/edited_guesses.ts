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
import { type TokenKind, vocabulary } from "../../tokens/vocabulary.ts";
import { evaluationBatch, evaluationPlans, toTensors } from "../../training/batches.ts";
import type { Subspace } from "./nullspace.ts";

/** What is taken out of the states of a layer, 1 … depth − 1, before the next one reads them. */
export type Removal = { layer: number; subspace: Subspace };

/** A masked token: its bar in the corpus, its kind, the loss in nats of guessing it, and whether the guess is right. */
export type MaskedGuess = { bar: number; kind: TokenKind; loss: number; right: boolean };

/**
 * Losses and hits of chosen tokens, with the states of each layer changed by x + chosen·(x·matrix + shift) where `chosen` is
 * 1 for the tokens that are changed: from matrices (depth × hidden × hidden) and shifts (depth × hidden), 0 for layers
 * that stay.
 */
const editedPass = (config: BertConfig) =>
  compile("edited guesses", (weights, ids, bias, positions, labels, matrices, shifts, chosen) => {
    const p = unflatten(config, weights), { hidden, layers } = config;
    const edit = (x: Tensor, layer: number): Tensor => {
      if (layer === 0 || layer >= layers) return x;
      const matrix = matrices.slice([layer, 0, 0], [1, hidden, hidden]).reshape([hidden, hidden]) as Tensor2D;
      const change = tf.matMul(x as Tensor2D, matrix).add(shifts.slice([layer, 0], [1, hidden]));
      return x.add(change.mul(chosen));
    };
    const states = hiddenStates(p, config, ids, bias, { only: positions, edit });
    const logits = mlmLogits(p, config, states.at(-1)!);
    return [crossEntropy(logits, labels), logits.argMax(1).equal(labels).cast("float32")];
  });

/** The change of a removal as matrix and shift: x − (x − mean)·UᵀU. */
function changeOf({ layers, hidden }: BertConfig, removal?: Removal): { matrices: Float32Array; shifts: Float32Array } {
  const matrices = new Float32Array(layers * hidden * hidden), shifts = new Float32Array(layers * hidden);
  if (!removal) return { matrices, shifts };
  const { layer, subspace: { rank, basis, mean } } = removal, at = layer * hidden * hidden;
  for (let d = 0; d < rank; d++) {
    const u = basis.subarray(d * hidden, (d + 1) * hidden);
    const along = u.reduce((sum, value, c) => sum + value * mean[c], 0);
    for (let i = 0; i < hidden; i++) {
      shifts[layer * hidden + i] += along * u[i];
      for (let j = 0; j < hidden; j++) matrices[at + i * hidden + j] -= u[i] * u[j];
    }
  }
  return { matrices, shifts };
}

/**
 * Guesses the masked tokens of bars, as the recipe masks them for validation, each time with something else removed (or
 * nothing: undefined) from the states of the `Bar` tokens, or of all tokens by `recipe.probing.removedFrom`.
 *
 * @param onDone is called after each batch, all removals of which are done; `signal` stops the work between batches
 * @returns for each removal the guesses, of the same tokens in the same order
 */
export async function guessWithout(
  model: Model,
  corpus: Corpus,
  bars: readonly number[],
  recipe: Recipe,
  removals: readonly (Removal | undefined)[],
  { signal, onDone }: { signal?: AbortSignal; onDone?: (done: number, total: number) => void } = {},
): Promise<MaskedGuess[][]> {
  const { config, weights } = model, { layers, hidden } = config, all = recipe.probing.removedFrom === "all";
  const wrong = removals.find((removal) => removal && !(removal.layer >= 1 && removal.layer < layers));
  if (wrong) throw new RangeError(`Removal: expected a layer 1 … ${layers - 1}, found ${wrong.layer}.`);
  const pass = compiledOnce(["edited guesses", config], () => editedPass(config));
  const guesses = removals.map((): MaskedGuess[] => []);
  let done = 0;
  for (const plan of evaluationPlans(corpus, bars, recipe)) {
    signal?.throwIfAborted();
    const batch = evaluationBatch(corpus, plan, recipe, 0), { length, labels, weights: counts } = batch;
    const [ids, bias, positions, asked, ones] = toTensors(batch),
      rows = ids.shape[0],
      most = labels.length / batch.rows;
    const chosen = tf.tensor2d(
      Float32Array.from({ length: rows * length }, (_, i) => Number(all || i % length === 0)),
      [
        ...[rows * length, 1],
      ] as [number, number],
    );
    try {
      for (const [r, removal] of removals.entries()) {
        const { matrices, shifts } = changeOf(config, removal);
        const change = [tf.tensor3d(matrices, [layers, hidden, hidden]), tf.tensor2d(shifts, [layers, hidden])];
        const outputs = await pass(weights, ids, bias, positions, asked, ...change, chosen);
        const [losses, right] = await Promise.all(outputs.map((output) => output.data<"float32">()));
        tf.dispose([...outputs, ...change]);
        for (let i = 0; i < labels.length; i++) {
          if (counts[i] === 0) continue;
          const bar = plan.bars[Math.floor(i / most)], kind = vocabulary.kind(labels[i]);
          guesses[r].push({ bar, kind, loss: losses[i], right: right[i] === 1 });
        }
      }
    } finally {
      tf.dispose([ids, bias, positions, asked, ones, chosen]);
    }
    onDone?.(done += plan.bars.length, bars.length);
  }
  return guesses;
}
