/**
 * How well a model does what it was trained for: masked tokens, also by kind, and telling a bar's other view.
 * @module
 */
import { padBias } from "../bert/bert.ts";
import type { Model } from "../bert/parameters.ts";
import {
  augment,
  bucketOf,
  evaluationBatch,
  evaluationPlans,
  maskTokens,
  neighborOf,
  padRows,
  toTensors,
} from "./batches.ts";
import type { Corpus } from "../corpus/store.ts";
import { tf } from "../engine/mod.ts";
import type { Compiled } from "../engine/types.ts";
import { batchInputs, contrastEvaluation, maskedEvaluation } from "./objectives.ts";
import { type ModelName, variants } from "../bert/variants.ts";
import { sample, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { type TokenKind, vocabulary } from "../tokens/vocabulary.ts";

/** Correct guesses of masked tokens of a kind. */
export interface KindScore {
  /** Tokens guessed right. */
  correct: number;
  /** Tokens asked for. */
  count: number;
}

/** How well masked tokens were guessed. */
export interface MaskedScore {
  /** Mean cross-entropy in nats. */
  loss: number;
  /** Share of chosen tokens whose arg-max was right. */
  accuracy: number;
  /** Chosen tokens. */
  count: number;
  /** The same by kind of token. */
  byKind: Map<TokenKind, KindScore>;
  /** The same tokens by song, for intervals over songs. */
  bySong: Map<number, KindScore>;
}

const emptyKinds = (): Map<TokenKind, KindScore> => new Map();

function countGuess<K>(scores: Map<K, KindScore>, of: K, correct: boolean): void {
  const score = scores.get(of) ?? { correct: 0, count: 0 };
  score.count++;
  if (correct) score.correct++;
  scores.set(of, score);
}

const total = (byKind: Map<TokenKind, KindScore>, field: keyof KindScore): number =>
  [...byKind.values()].reduce((sum, score) => sum + score[field], 0);

/** Compiled evaluations of one training, traced once for each bucket. */
const compiled = new Map<string, Compiled>();
function once(key: unknown[], make: () => Compiled): Compiled {
  const name = JSON.stringify(key);
  let found = compiled.get(name);
  if (!found) compiled.set(name, found = make());
  return found;
}

/** At most the recipe's number of bars of a split, drawn once by the seed. */
export function barsToEvaluate(corpus: Corpus, split: "train" | "validation" | "test", recipe: Recipe): number[] {
  return sample(corpus.barsOf(split), recipe.training.validationBars, stream(recipe.seed, "evaluate", split));
}

/**
 * Guesses masked tokens of bars, in evaluation mode (study §8.3).
 *
 * @param visit which drawing of masks, where the recipe redraws them
 */
export async function evaluateMasked(
  { config, weights }: Model,
  corpus: Corpus,
  bars: readonly number[],
  recipe: Recipe,
  { visit = 0, signal }: { visit?: number; signal?: AbortSignal } = {},
): Promise<MaskedScore> {
  const evaluate = once(["masked", config], () => maskedEvaluation(config));
  const byKind = emptyKinds(), bySong = new Map<number, KindScore>();
  let loss = 0;
  for (const plan of evaluationPlans(corpus, bars, recipe)) {
    signal?.throwIfAborted();
    const batch = evaluationBatch(corpus, plan, recipe, visit);
    const inputs = batchInputs(toTensors(batch));
    const [mean, correct, guesses] = await evaluate(weights, ...inputs);
    const right = await correct.data(), counted = batch.weights.reduce((a, b) => a + b, 0);
    loss += (await mean.data())[0] * counted;
    batch.weights.forEach((weight, i) => {
      if (weight === 0) return;
      countGuess(byKind, vocabulary.kind(batch.labels[i]), right[i] > 0);
      countGuess(bySong, corpus.song(plan.bars[Math.floor(batch.positions[i] / plan.length)]), right[i] > 0);
    });
    tf.dispose([mean, correct, guesses, ...inputs]);
  }
  const count = total(byKind, "count");
  return { loss: loss / count, accuracy: total(byKind, "correct") / count, count, byKind, bySong };
}

/** A bar with what a model takes its chosen tokens for. */
export interface GuessedBar {
  /** Its index in the corpus. */
  bar: number;
  /** Where tokens were chosen, ascending. */
  positions: number[];
  /** What stood there. */
  labels: number[];
  /** What the model's arg-max is there. */
  guesses: number[];
}

/** What a model takes the chosen tokens of some bars for, with the masks of {@link evaluateMasked}; in order of `bars`. */
export async function guessMasked(
  { config, weights }: Model,
  corpus: Corpus,
  bars: readonly number[],
  recipe: Recipe,
): Promise<GuessedBar[]> {
  const evaluate = once(["masked", config], () => maskedEvaluation(config));
  const found = new Map<number, GuessedBar>();
  for (const plan of evaluationPlans(corpus, bars, recipe)) {
    const batch = evaluationBatch(corpus, plan, recipe, 0), K = batch.positions.length / batch.rows;
    const inputs = batchInputs(toTensors(batch));
    const outputs = await evaluate(weights, ...inputs), guesses = await outputs[2].data();
    tf.dispose([...outputs, ...inputs]);
    plan.bars.forEach((bar, row) => {
      const chosen = Array.from({ length: K }, (_, i) => row * K + i).filter((i) => batch.weights[i] > 0);
      found.set(bar, {
        bar,
        positions: chosen.map((i) => batch.positions[i] - row * plan.length),
        labels: chosen.map((i) => batch.labels[i]),
        guesses: chosen.map((i) => guesses[i]),
      });
    });
  }
  return bars.map((bar) => found.get(bar)!);
}

/**
 * The guess without a model: each masked token is taken for the most common one of its kind in training.
 *
 * The kind is given away for free, as its place in the bar gives it (study §8.4).
 */
export function guessMostCommon(corpus: Corpus, bars: readonly number[], recipe: Recipe): MaskedScore {
  const counts = new Float64Array(vocabulary.size);
  for (const bar of corpus.barsOf("train")) for (const id of corpus.tokens(bar)) counts[id]++;
  const best = new Map<TokenKind, number>();
  counts.forEach((n, id) => {
    const kind = vocabulary.kind(id), held = best.get(kind);
    if (held === undefined || n > counts[held]) best.set(kind, id);
  });
  const byKind = emptyKinds(), bySong = new Map<number, KindScore>();
  for (const plan of evaluationPlans(corpus, bars, recipe)) {
    const batch = evaluationBatch(corpus, plan, recipe, 0);
    batch.weights.forEach((weight, i) => {
      if (weight === 0) return;
      const label = batch.labels[i], kind = vocabulary.kind(label), correct = best.get(kind) === label;
      countGuess(byKind, kind, correct);
      countGuess(bySong, corpus.song(plan.bars[Math.floor(batch.positions[i] / plan.length)]), correct);
    });
  }
  const count = total(byKind, "count");
  return { loss: NaN, accuracy: total(byKind, "correct") / count, count, byKind, bySong };
}

/** How well a bar's other view was told from other bars. */
export interface ContrastScore {
  /** Mean NT-Xent in nats. */
  loss: number;
  /** Share of anchors whose positive was the most similar. */
  accuracy: number;
  /** 1/(2N − 1): what chance gives. */
  chance: number;
  /** N: bars of a batch. */
  rows: number;
  /** Batches scored. */
  batches: number;
  /** Songs that their bars are of. */
  songs: number;
  /** Accuracy of each batch. */
  perBatch: number[];
  /** How the batches were made. */
  order: Recipe["contrast"]["batches"];
  /** Share of an anchor's 2N − 2 negatives that are views of a bar with the same tokens, and cannot be told from its own. */
  identical: number;
}

/** Share of the pairs of different rows of batches that have the same tokens. */
export function identicalShare(corpus: Corpus, plans: readonly number[][]): number {
  let [same, all] = [0, 0];
  for (const bars of plans) {
    const groups = Map.groupBy(bars, (bar) => corpus.tokens(bar).join()).values();
    for (const { length } of groups) same += length * (length - 1);
    all += bars.length * (bars.length - 1);
  }
  return all === 0 ? 0 : same / all;
}

/** Batches of bars for {@link evaluateContrast}, each of N rows. */
export function contrastPlans(corpus: Corpus, split: "train" | "validation", recipe: Recipe, rows: number): number[][] {
  const { batches, validationBatches } = recipe.contrast;
  if (batches === "song-order") {
    const bars = Array.from(corpus.barsOf(split));
    const count = Math.min(validationBatches, Math.floor(bars.length / rows));
    return Array.from({ length: count }, (_, i) => bars.slice(i * rows, (i + 1) * rows));
  }
  const songs = corpus.songs.filter((song) => song.split === split);
  return Array.from({ length: validationBatches }, (_, batch) => {
    const random = stream(recipe.seed, "contrast batch", split, batch);
    return sample(songs, rows, random).map(({ firstBar, bars }) => firstBar + random.integer(bars));
  });
}

/** N of validation batches: the recipe's, or fewer where fewer songs are to tell apart. */
export function contrastRows(corpus: Corpus, recipe: Recipe): number {
  const wanted = recipe.contrast.validationRows;
  if (recipe.contrast.batches === "song-order") return wanted;
  const songs = ["train", "validation"].map((split) => corpus.songs.filter((song) => song.split === split).length);
  return Math.max(2, Math.min(wanted, ...songs));
}

/**
 * NT-Xent of a variant on bars of a split: the first view masked as in training, the second by the variant (§9.1).
 *
 * @param dropout whether the encoder drops as in training; without it the views of BERT-dropout are the same
 * @param order how batches are made, if not as the recipe says: both readings of Table 1
 */
export async function evaluateContrast(
  { config, weights }: Model,
  name: ModelName,
  corpus: Corpus,
  split: "train" | "validation",
  recipe: Recipe,
  { dropout = false, order, signal }: {
    dropout?: boolean;
    order?: Recipe["contrast"]["batches"];
    signal?: AbortSignal;
  } = {},
): Promise<ContrastScore> {
  const batches = order ?? recipe.contrast.batches, choices = { ...recipe, contrast: { ...recipe.contrast, batches } };
  const rate = dropout ? recipe.views.dropout : 0;
  const evaluate = once(
    ["contrast", config, recipe.contrast, recipe.views, rate],
    () => contrastEvaluation(config, recipe, rate),
  );
  const rows = contrastRows(corpus, choices);
  const plans = contrastPlans(corpus, split, choices, rows);
  const perBatch: number[] = [];
  let loss = 0;
  for (const [i, bars] of plans.entries()) {
    signal?.throwIfAborted();
    const [ids, lengths, length] = pairRows(corpus, bars, name, recipe);
    const inputs = [
      tf.tensor1d([recipe.seed, i], "int32"),
      tf.tensor2d(ids, [lengths.length, length], "int32"),
      padBias(lengths, length),
    ];
    const outputs = await evaluate(weights, ...inputs);
    loss += (await outputs[0].data())[0] / plans.length;
    perBatch.push((await outputs[1].data())[0]);
    tf.dispose([...inputs, ...outputs]);
  }
  const songs = new Set(plans.flat().map((bar) => corpus.song(bar))).size;
  const accuracy = perBatch.reduce((sum, share) => sum + share / plans.length, 0);
  const identical = identicalShare(corpus, plans), chance = 1 / (2 * rows - 1);
  return { loss, accuracy, chance, rows, batches: plans.length, songs, perBatch, order: batches, identical };
}

function pairRows(corpus: Corpus, bars: number[], name: ModelName, recipe: Recipe): [Int32Array, number[], number] {
  const draw = (what: string, bar: number) => stream(recipe.seed, what, "validation", bar);
  const firsts = bars.map((bar) => maskTokens(corpus.tokens(bar), recipe, draw("mask", bar)).ids);
  const seconds = bars.map((bar, row) => {
    const { view } = variants[name];
    if (view === "augmented") return augment(corpus.tokens(bar), recipe, draw("augment", bar));
    return view === "neighbor" ? corpus.tokens(neighborOf(corpus, bar, recipe, draw("neighbor", bar))) : firsts[row];
  });
  const views = [...firsts, ...seconds], lengths = views.map((tokens) => tokens.length);
  const length = bucketOf(Math.max(...lengths), recipe.training.buckets);
  return [padRows(views, length), lengths, length];
}

/** Accuracy of one kind of token. */
export interface KindAccuracy {
  /** What the tokens speak of. */
  kind: TokenKind;
  /** Masked tokens of the kind. */
  count: number;
  /** Share of them that was guessed right, 0 to 1. */
  accuracy: number;
}

/** How well one split's masked tokens are guessed. */
export interface MlmAccuracy {
  /** Mean cross-entropy of the masked tokens, nats. */
  loss: number;
  /** Share of the masked tokens that was guessed right (arg-max), 0 to 1. */
  accuracy: number;
  /** The same by kind of token. */
  kinds: KindAccuracy[];
  /** The same tokens by song, in order of song. */
  songs: { song: number; correct: number; count: number }[];
}

/** What a trained model can do; a line of Table 1. */
export interface Evaluation {
  /** The model. */
  model: ModelName;
  /** Masked language modelling: bars it was trained on beside bars of songs it has not seen. */
  mlm: { train: MlmAccuracy; validation: MlmAccuracy };
  /**
   * NT-Xent, the contrastive task; null for plain BERT, which has none. `validation` has the recipe's batches, `otherOrder` those of the other reading; `dropping` is
   * BERT-dropout with dropout on, as in training.
   */
  contrast:
    | { train: ContrastScore; validation: ContrastScore; otherOrder: ContrastScore; dropping: ContrastScore | null }
    | null;
  /** Time that its training took. */
  seconds: number;
}
