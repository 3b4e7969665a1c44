/**
 * What a study's jobs take of a machine, reckoned from the recipe before they start: memory, and cores.
 * @module
 */
import { compares, type ModelName } from "../../bert/variants.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { vocabulary } from "../../tokens/vocabulary.ts";

const MiB = 2 ** 20;

/** A process with the engine loaded and some functions traced: measured 600 to 750 MiB at the widths 32 to 128. */
const ENGINE = 700 * MiB;

/** What each of several workers takes besides its rows: the whole batch's tokens, and what it sends and receives. */
const TOGETHER = 100 * MiB;

/**
 * What a layer takes in the step of each bucket's length, once XLA compiled its islands: what `small` with one head
 * and half its batch took above the rest, by 15 lengths and 12 layers.
 */
const TRACED = 3.6 * MiB;

/** How much more of that each further branch of a batch takes, which has its own ops. */
const BRANCHED = 0.5;

/** The encoder's weights, but for biases and LayerNorms. */
export const weightsAbout = ({ layers, hidden, intermediate, maxPositions }: Recipe["model"]): number =>
  hidden * (layers * (4 * hidden + 2 * intermediate) + vocabulary.size + maxPositions);

/** Numbers that the encoder keeps for a token of a layer until the gradient is there; attention maps at full length. */
const numbersOfToken = ({ model: { hidden, intermediate, heads }, training }: Recipe): number =>
  12 * hidden + 3 * intermediate + 1.5 * heads * training.buckets.at(-1)!;

/**
 * Bytes that a training in so many branches takes at most, or each of so many workers of it. Beside measured peaks on
 * libtensorflow's CPU: smoke 0.59 GiB (reckoned 0.72), demo's BERT-aug 0.81 (0.89), small's in two branches 2.2 (2.6),
 * with half the batch in one 1.7 (1.8), that of two heads and 5,376 tokens 1.9 (2.6), the first of two workers of it 1.4
 * (2.1), 6 layers of 256 with 2,048 tokens 1.2 (1.7), 12 of 768 with 1,536 tokens 5.9 (7.1).
 */
export function trainingBytes(recipe: Recipe, name: ModelName, workers = 1, branches = 1): number {
  const { model, training } = recipe, views = compares(name) ? 2 : 1;
  const tokens = Math.ceil(views * training.batchTokens / workers);
  const traces = training.islands && training.packing === "none"
    ? training.buckets.length * model.layers * TRACED * (1 + BRANCHED * (branches - 1))
    : 0;
  const engine = ENGINE + traces + (workers > 1 ? TOGETHER : 0);
  // Weights, moments, gradients, and the copies of a step: twelve.
  return engine + 4 * (12 * weightsAbout(model) + tokens * model.layers * numbersOfToken(recipe));
}

/**
 * Bytes that tokenizing a shard of songs takes at most, with so many workers. Beside measured peaks of 470 real songs:
 * one worker 285 MiB (reckoned 320), four 490 (680).
 */
export const tokenizingBytes = (workers: number): number => (200 + 120 * workers) * MiB;

/**
 * Bytes that merging shards takes at most: 2·10⁶ bars took 0.4 GiB (measured), which grows as the bars do, and 10⁷ are as
 * many as Lakh has. How many there are is not known before.
 */
export const MERGING: number = 2048 * MiB;

/** Bytes that embedding so many bars by an encoder and probing it takes at most, with so many workers. */
export function probingBytes(recipe: Recipe, bars: number, workers: number): number {
  const { model: { hidden, layers }, probing: { poolings, memory }, training } = recipe;
  const layer = 4 * bars * hidden, all = layer * (layers + 1) * poolings.length;
  const batch = 4 * training.batchTokens * (numbersOfToken(recipe) + hidden * layers);
  return ENGINE + batch + 2 * Math.min(all, memory * MiB) + workers * (100 * MiB + 3 * layer);
}
