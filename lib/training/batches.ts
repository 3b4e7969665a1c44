/**
 * Bars → batches of near-equal token counts: bucketed by length, masked, paired with a second view.
 *
 * Every draw comes from a stream named by what it is for (epoch and bar, never the order of work), so that a run
 * resumed at any step, or prepared elsewhere, draws the same.
 * @module
 */
import { roundHalfEven } from "../tokens/beats.ts";
import { padBias } from "../bert/bert.ts";
import type { Corpus } from "../corpus/store.ts";
import { tf } from "../engine/mod.ts";
import type { BatchTensors } from "./objectives.ts";
import { type ModelName, variants } from "../bert/variants.ts";
import { type Random, shuffle, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { eob, kinds, mask, pad, vocabulary } from "../tokens/vocabulary.ts";

/** A bar with chosen tokens hidden. */
export interface MaskedBar {
  /** The tokens as the encoder sees them. */
  ids: Uint16Array;
  /** Where tokens were chosen, ascending. */
  positions: number[];
  /** What stood there. */
  labels: number[];
}

/**
 * Chooses tokens of a bar for MLM and hides most of them (study §8.1–8.2; P: 15%, of which 80/10/10).
 *
 * `Bar_0` and `<eob>` are never chosen, but count in the share.
 */
export function maskTokens(tokens: Uint16Array, { masking }: Recipe, random: Random): MaskedBar {
  const bar = kinds.Bar.first;
  const candidates = Array.from(tokens.keys()).filter((i) => tokens[i] !== bar && tokens[i] !== eob);
  const wanted = Math.min(candidates.length, roundHalfEven(masking.rate * tokens.length));
  for (let i = 0; i < wanted; i++) { // the first steps of Fisher–Yates: a sample without replacement
    const j = i + random.integer(candidates.length - i);
    [candidates[i], candidates[j]] = [candidates[j], candidates[i]];
  }
  const positions = candidates.slice(0, wanted).sort((a, b) => a - b);
  const ids = tokens.slice();
  const first = masking.replacements === "events" ? kinds.Bar.first : 0;
  for (const position of positions) {
    const draw = random.uniform();
    if (draw < masking.mask) ids[position] = mask;
    else if (draw < masking.mask + masking.random) ids[position] = first + random.integer(vocabulary.size - first);
  }
  return { ids, positions, labels: positions.map((position) => tokens[position]) };
}

/** A shift in −largest…largest that keeps `values` in 0…count−1; redrawn until it does, never clamped. */
function drawShift(values: number[], largest: number, count: number, random: Random): number {
  const low = Math.min(...values), high = Math.max(...values);
  for (;;) {
    const shift = random.integer(2 * largest + 1) - largest;
    if (values.length === 0 || (low + shift >= 0 && high + shift < count)) return shift;
  }
}

/**
 * BERT-aug's second view (study §9.3): one shift of all non-drum pitches, one of all velocities, drums' pitch kept.
 *
 * Shifts are redrawn until every value stays within the vocabulary; 0 is allowed.
 */
export function augment(tokens: Uint16Array, { views }: Recipe, random: Random): Uint16Array {
  const { Pitch, Velocity } = kinds;
  const of = ({ first, count }: { first: number; count: number }) =>
    Array.from(tokens).filter((id) => id >= first && id < first + count).map((id) => id - first);
  const pitch = drawShift(of(Pitch), views.pitchShift, Pitch.count, random);
  const velocity = drawShift(of(Velocity), views.velocityShift, Velocity.count, random);
  return tokens.map((id) => {
    if (id >= Pitch.first && id < Pitch.first + Pitch.count) return id + pitch;
    if (id >= Velocity.first && id < Velocity.first + Velocity.count) return id + velocity;
    return id;
  });
}

/**
 * BERT-neighbor's second view (study §9.4): a kept bar of the same song, uniformly; not the bar itself unless the
 * recipe allows it. The only bar of its song is its own neighbor.
 */
export function neighborOf(corpus: Corpus, bar: number, { views }: Recipe, random: Random): number {
  const { firstBar, bars } = corpus.songs[corpus.song(bar)];
  if (bars === 1) return bar;
  if (views.neighborSelf) return firstBar + random.integer(bars);
  const drawn = firstBar + random.integer(bars - 1);
  return drawn < bar ? drawn : drawn + 1;
}

/** Which bars a batch holds. */
export interface BatchPlan {
  /** The bucket: tokens of a row, pads included. */
  length: number;
  /** Passes over the training songs so far, from 0. */
  epoch: number;
  /** The bars, N. */
  bars: number[];
  /** Their second views' bars, where those are others' (BERT-neighbor); else the bars themselves. */
  partners: number[];
}

/** The smallest bucket that holds `length` tokens. */
export const bucketOf = (length: number, buckets: readonly number[]): number =>
  buckets.find((bucket) => bucket >= length) ?? buckets.at(-1)!;

/** Rows of a batch of a bucket, the first views only. */
export const rowsOf = (length: number, { batchRows, batchTokens }: Recipe["training"]): number =>
  Math.max(2, Math.min(batchRows, Math.floor(batchTokens / length)));

/**
 * The batches of a training run, in order, without end: each epoch visits every training bar once.
 *
 * Bars that do not fill a batch at an epoch's end wait for the next, so that every batch is full.
 */
export function* trainingPlans(corpus: Corpus, recipe: Recipe, model: ModelName): Generator<BatchPlan, never> {
  const bars = corpus.barsOf("train");
  if (bars.length < 2) throw new RangeError(`Training needs at least 2 bars, found ${bars.length}: add songs.`);
  const neighbors = variants[model].view === "neighbor";
  const waiting = new Map<number, { bars: number[]; partners: number[] }>();
  for (let epoch = 0;; epoch++) {
    for (const bar of shuffle(bars, stream(recipe.seed, "order", epoch))) {
      const partner = neighbors ? neighborOf(corpus, bar, recipe, stream(recipe.seed, "neighbor", epoch, bar)) : bar;
      const longest = Math.max(corpus.tokens(bar).length, corpus.tokens(partner).length);
      const length = bucketOf(longest, recipe.training.buckets);
      const rows = waiting.get(length) ?? { bars: [], partners: [] };
      rows.bars.push(bar), rows.partners.push(partner);
      waiting.set(length, rows);
      if (rows.bars.length < rowsOf(length, recipe.training)) continue;
      waiting.delete(length);
      yield { length, epoch, ...rows };
    }
  }
}

/** Bars in batches of like lengths for evaluation, each bar once; the last of a bucket may have fewer rows. */
export function evaluationPlans(corpus: Corpus, bars: readonly number[], { training }: Recipe): BatchPlan[] {
  const buckets = new Map<number, number[]>();
  for (const bar of bars) {
    const length = bucketOf(corpus.tokens(bar).length, training.buckets);
    buckets.set(length, [...buckets.get(length) ?? [], bar]);
  }
  return [...buckets].sort(([a], [b]) => a - b).flatMap(([length, held]) => {
    const rows = rowsOf(length, training);
    return Array.from({ length: Math.ceil(held.length / rows) }, (_, i) => {
      const part = held.slice(i * rows, (i + 1) * rows);
      return { length, epoch: 0, bars: part, partners: part };
    });
  });
}

/** A batch as plain arrays. */
export interface Batch {
  /** N: first views. */
  rows: number;
  /** Tokens of a row, pads included; one of the recipe's buckets. */
  length: number;
  /** rows × length, padded with `<pad>`; a variant's second views follow the first. */
  ids: Int32Array;
  /** Tokens of each row. */
  lengths: number[];
  /** Flat positions of the first views' chosen tokens, N × K; each row filled up with 0. */
  positions: Int32Array;
  /** Ids that stood there before masking, N × K; each row filled up with 0. */
  labels: Int32Array;
  /** 1 for a chosen token and 0 for what fills up, N × K. */
  weights: Float32Array;
}

/** Rows of tokens beside each other, padded on the right. */
export function padRows(rows: readonly Uint16Array[], length: number): Int32Array {
  const ids = new Int32Array(rows.length * length).fill(pad);
  rows.forEach((tokens, row) => ids.set(tokens, row * length));
  return ids;
}

/**
 * Chosen tokens of rows in a grid of rows × K, as the training step asks for them.
 *
 * @param most K: most chosen tokens of a row; places left over hold the row's first token at weight 0
 */
export function chosenTokens(
  rows: readonly { positions: readonly number[]; labels: readonly number[] }[],
  length: number,
  most: number,
): Pick<Batch, "positions" | "labels" | "weights"> {
  const size = rows.length * most;
  const positions = new Int32Array(size), labels = new Int32Array(size), weights = new Float32Array(size);
  rows.forEach((chosen, row) => {
    positions.fill(row * length, row * most, (row + 1) * most);
    chosen.positions.forEach((position, i) => {
      positions[row * most + i] = row * length + position;
      labels[row * most + i] = chosen.labels[i];
      weights[row * most + i] = 1;
    });
  });
  return { positions, labels, weights };
}

/** First views masked, and second views that follow them; missing rows repeat the first without choosing a token. */
function assemble(masked: MaskedBar[], seconds: Uint16Array[], length: number, rows: number, recipe: Recipe): Batch {
  const none = { positions: [], labels: [] };
  const chosen = Array.from({ length: rows }, (_, row) => masked[row] ?? none);
  const views = [...masked.map(({ ids }) => ids), ...seconds];
  while (views.length < rows) views.push(views[0]); // a bucket's last batch has its shape, not its count
  return {
    rows,
    length,
    ids: padRows(views, length),
    lengths: views.map((v) => v.length),
    ...chosenTokens(chosen, length, roundHalfEven(recipe.masking.rate * length)),
  };
}

/** The batch of a plan for a training step: masks and views drawn for this epoch. */
export function trainingBatch(corpus: Corpus, plan: BatchPlan, recipe: Recipe, model: ModelName): Batch {
  const { view } = variants[model];
  const draw = (what: string, bar: number) => stream(recipe.seed, what, plan.epoch, bar);
  const masked = plan.bars.map((bar) => maskTokens(corpus.tokens(bar), recipe, draw("mask", bar)));
  const seconds = plan.bars.map((bar, row) => {
    if (view === "augmented") return augment(corpus.tokens(bar), recipe, draw("augment", bar));
    return view === "neighbor" ? corpus.tokens(plan.partners[row]) : masked[row].ids;
  });
  return assemble(masked, view === "none" ? [] : seconds, plan.length, plan.bars.length, recipe);
}

/**
 * The batch of a plan for an evaluation of masked tokens, as many rows as its bucket has.
 *
 * @param visit tells one evaluation's masks from another's where the recipe redraws them
 */
export function evaluationBatch(corpus: Corpus, plan: BatchPlan, recipe: Recipe, visit: number): Batch {
  const names = recipe.masking.validation === "fixed" ? ["validation"] : ["validation", visit];
  const masked = plan.bars.map((bar) =>
    maskTokens(corpus.tokens(bar), recipe, stream(recipe.seed, "mask", ...names, bar))
  );
  return assemble(masked, [], plan.length, rowsOf(plan.length, recipe.training), recipe);
}

/** A batch on the device; the tensors belong to the caller. */
export function toTensors({ ids, length, lengths, rows, positions, labels, weights }: Batch): BatchTensors {
  return {
    ids: tf.tensor2d(ids, [lengths.length, length], "int32"),
    bias: padBias(lengths, length),
    positions: tf.tensor2d(positions, [rows, positions.length / rows], "int32"),
    labels: tf.tensor1d(labels, "int32"),
    weights: tf.tensor1d(weights),
  };
}
