/**
 * How well masked tokens are guessed by a model, or by the most common token of each kind; by kind and by song.
 * @module
 */
import { compiledOnce, layoutStates, mlmLogits } from "../bert/bert.ts";
import type { Checkpoint } from "../bert/checkpoint.ts";
import type { BertConfig } from "../bert/config.ts";
import { CheckpointError } from "../bert/hugging_face.ts";
import { type Model, unflatten } from "../bert/parameters.ts";
import { type Batch, type BatchPlan, evaluationBatch, evaluationPlans, toTensors } from "./batches.ts";
import type { Corpus } from "../corpus/store.ts";
import type { Split } from "../corpus/split.ts";
import { compile, tf } from "../engine/mod.ts";
import type { Compiled } from "../engine/types.ts";
import { maskedLoss, readBatch } from "./objectives.ts";
import { sample, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { type TokenKind, vocabulary } from "../tokens/vocabulary.ts";

/**
 * How well masked tokens are guessed: mean cross-entropy in nats, and the share whose arg-max is right, of all, by kind
 * of token, and (as counts, for intervals over songs) by song in order.
 */
export type MlmAccuracy = Record<"loss" | "accuracy", number> & {
  kinds: { kind: TokenKind; count: number; accuracy: number }[];
  songs: { song: number; correct: number; count: number }[];
};

/** At most the recipe's number of bars of a split, drawn once by the seed. */
export function barsToEvaluate(corpus: Corpus, split: Split, recipe: Recipe): number[] {
  return sample(corpus.barsOf(split), recipe.training.validationBars, stream(recipe.seed, "evaluate", split));
}

/** Counts right and wrong guesses by kind of token and by song. */
function tally(corpus: Corpus) {
  type Score = { correct: number; count: number };
  const kinds = new Map<TokenKind, Score>(), songs = new Map<number, Score>();
  const add = <K>(scores: Map<K, Score>, key: K, right: boolean) => {
    const score = scores.get(key) ?? { correct: 0, count: 0 };
    score.count++;
    if (right) score.correct++;
    scores.set(key, score);
  };
  return {
    count({ bars, length }: BatchPlan, { weights, labels, positions }: Batch, guess: (place: number) => number) {
      weights.forEach((weight, i) => {
        if (weight === 0) return;
        const right = guess(i) === labels[i];
        add(kinds, vocabulary.kind(labels[i]), right);
        add(songs, corpus.song(bars[Math.floor(positions[i] / length)]), right);
      });
    },
    result(lossSum: number): MlmAccuracy {
      const total = (field: "count" | "correct") => [...kinds.values()].reduce((sum, score) => sum + score[field], 0);
      return {
        loss: lossSum / total("count"),
        accuracy: total("correct") / total("count"),
        kinds: [...kinds].map(([kind, { correct, count }]) => ({ kind, count, accuracy: correct / count })),
        songs: [...songs].map(([song, score]) => ({ song, ...score })).sort((a, b) => a.song - b.song),
      };
    },
  };
}

/** A compiled evaluation of masked tokens: (weights, ...batch) → [mean loss, arg-max ids]; no dropout. */
export function maskedEvaluation(config: BertConfig): Compiled {
  return compile("evaluate_masked", (weights, ...batch) => {
    const { layout, labels, weights: counted } = readBatch(batch, false), parameters = unflatten(config, weights);
    const last = layoutStates(parameters, config, layout).at(-1)!;
    const { loss, guesses } = maskedLoss(mlmLogits(parameters, config, last), labels, counted);
    return [loss, guesses];
  });
}

type MaskedModel = Model & Partial<Pick<Checkpoint, "hasHead">>;

/** A model's guesses of bars' masked tokens, batch by batch. */
async function* guessBatches(
  { config, weights, hasHead = true }: MaskedModel,
  corpus: Corpus,
  bars: readonly number[],
  recipe: Recipe,
  visit: number,
): AsyncGenerator<{ plan: BatchPlan; batch: Batch; loss: number; guesses: ArrayLike<number> }> {
  if (!hasHead) throw new CheckpointError("Masked tokens: expected a model with an MLM head, found one without.");
  const evaluate = compiledOnce(["masked", config], () => maskedEvaluation(config));
  for (const plan of evaluationPlans(corpus, bars, recipe)) {
    const batch = evaluationBatch(corpus, plan, recipe, visit), inputs = toTensors(batch);
    const outputs = await evaluate(weights, ...inputs);
    const [[loss], guesses] = await Promise.all(outputs.map((output) => output.data()));
    tf.dispose([...outputs, ...inputs]);
    yield { plan, batch, loss, guesses };
  }
}

/**
 * Guesses masked tokens of bars, in evaluation mode (STUDY §8.3).
 *
 * @param visit number of the drawing of masks, where the recipe redraws them
 * @throws {CheckpointError} if the model was opened from a file without an MLM head
 */
export async function evaluateMasked(
  model: MaskedModel,
  corpus: Corpus,
  bars: readonly number[],
  recipe: Recipe,
  visit = 0,
): Promise<MlmAccuracy> {
  const scores = tally(corpus);
  let lossSum = 0; // over all masked tokens
  for await (const { plan, batch, loss, guesses } of guessBatches(model, corpus, bars, recipe, visit)) {
    lossSum += loss * batch.weights.reduce((a, b) => a + b, 0);
    scores.count(plan, batch, (i) => guesses[i]);
  }
  return scores.result(lossSum);
}

/** A bar of the corpus with its chosen tokens and a model's arg-max at each of their places. */
export type GuessedBar = { bar: number; positions: number[]; labels: number[]; guesses: number[] };

/** A model's guesses of the chosen tokens of bars, with the masks of {@link evaluateMasked}; in order of `bars`. */
export async function guessMasked(
  model: MaskedModel,
  corpus: Corpus,
  bars: readonly number[],
  recipe: Recipe,
): Promise<GuessedBar[]> {
  const guessed = new Map<number, GuessedBar>();
  for await (const { plan, batch, guesses } of guessBatches(model, corpus, bars, recipe, 0)) {
    const K = batch.positions.length / batch.rows;
    plan.bars.forEach((bar, row) => {
      const chosen = Array.from({ length: K }, (_, i) => row * K + i).filter((i) => batch.weights[i] > 0);
      guessed.set(bar, {
        bar,
        positions: chosen.map((i) => batch.positions[i] - row * plan.length),
        labels: chosen.map((i) => batch.labels[i]),
        guesses: chosen.map((i) => guesses[i]),
      });
    });
  }
  return bars.map((bar) => guessed.get(bar)!);
}

/**
 * The baseline without a model: each masked token is taken for the most common training token of its kind, which its
 * place in the bar tells (STUDY §8.4). Its loss is NaN.
 */
export function guessMostCommon(corpus: Corpus, bars: readonly number[], recipe: Recipe): MlmAccuracy {
  const counts = new Float64Array(vocabulary.size), mostCommon = new Map<TokenKind, number>();
  for (const bar of corpus.barsOf("train")) for (const id of corpus.tokens(bar)) counts[id]++;
  counts.forEach((n, id) => {
    const kind = vocabulary.kind(id), best = mostCommon.get(kind);
    if (best === undefined || n > counts[best]) mostCommon.set(kind, id);
  });
  const scores = tally(corpus);
  for (const plan of evaluationPlans(corpus, bars, recipe)) {
    const batch = evaluationBatch(corpus, plan, recipe, 0);
    scores.count(plan, batch, (i) => mostCommon.get(vocabulary.kind(batch.labels[i]))!);
  }
  return scores.result(NaN);
}
