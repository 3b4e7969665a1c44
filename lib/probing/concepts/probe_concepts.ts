/**
 * Which concepts are linearly there in a layer: probes fitted on some combinations and scored on others.
 * @module
 */
import { type Split, splits } from "../../corpus/split.ts";
import { fitSums, predictRows, sumLayer } from "../../matrix/layer_ridge.ts";
import { readRows, type RowSource } from "../../matrix/rows.ts";
import { classTargets, joinTargets } from "../../matrix/targets.ts";
import { accuracyScore, argMax, indexSongs } from "../../metrics/class_scores.ts";
import { bootstrap } from "../../metrics/intervals.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import type { ProbeMeta } from "../rows.ts";
import { type ConceptBars, type ConceptQuestion, conceptQuestions } from "./compose.ts";

/**
 * How well a concept is read from a layer: the share of bars whose class the largest decision gives, on bars of unseen
 * combinations (`value`, with its 95% interval over scenes) and on those by which the penalty was chosen; the chance level;
 * bars and scenes that were scored; and how many bars of each class (a row) were taken for which (a column).
 */
export type ConceptRow = ProbeMeta & Pick<ConceptQuestion, "concept" | "other" | "unseen"> & {
  classes: string[];
  value: number;
  low: number | null;
  high: number | null;
  validation: number;
  chance: number;
  rows: number;
  scenes: number;
  alpha: number;
  confusion: number[][];
};

/** A layer of some composed bars: `rowOf` gives a bar's row among its vectors, −1 if it has none. */
export type ConceptFeatures = { source: RowSource; columns: number; rowOf(bar: number): number };

/** A layer with all bars of the designs, in order. */
export const allBars = (source: RowSource, columns: number): ConceptFeatures => ({
  source,
  columns,
  rowOf: (bar) => bar,
});

/** The vectors of a question's bars of a split that a layer has, with their classes and scenes. */
function gather(
  { source, columns, rowOf }: ConceptFeatures,
  { corpus }: ConceptBars,
  question: ConceptQuestion,
  split: Split,
) {
  const bars = Array.from(question.bars[split]).filter((bar) => rowOf(bar) >= 0).sort((a, b) => rowOf(a) - rowOf(b));
  return {
    x: readRows(source, columns, Int32Array.from(bars, rowOf)),
    truth: bars.map(question.truth),
    ...indexSongs(bars.map(corpus.song)),
  };
}

/**
 * Probes a layer for one concept: ridge regression on each class (α of `recipe.probing.alphas`, by the accuracy on
 * validation bars, the largest among equals), and the largest decision.
 *
 * @returns undefined if a split lacks bars, as in a file of embeddings that has few of them
 */
export async function probeConcept(
  features: ConceptFeatures,
  composed: ConceptBars,
  question: ConceptQuestion,
  recipe: Recipe,
  meta: ProbeMeta,
): Promise<ConceptRow | undefined> {
  const { concept, other, unseen, classes } = question, { columns } = features, count = classes.length;
  const [train, validation, test] = splits.map((split) => gather(features, composed, question, split));
  if ([train, validation, test].some(({ truth }) => truth.length === 0)) return undefined;
  const { all } = await sumLayer(train.x, columns, {
    all: classTargets(train.truth.map((answer) => [answer]), count),
    ...{ some: new Int32Array(0), ofSome: joinTargets([], 0) },
  });
  const fits = await fitSums(all, recipe.probing.alphas.toSorted((a, b) => b - a));
  const decide = async (fit: typeof fits, x: Float32Array) =>
    (await predictRows(fit, x)).map((decisions) => argMax(decisions, count));
  const right = (found: ArrayLike<number>, truth: readonly number[]) =>
    truth.filter((answer, r) => answer === found[r]).length / truth.length;
  const tried = (await decide(fits, validation.x)).map((found) => right(found, validation.truth));
  const best = tried.indexOf(Math.max(...tried)), [found] = await decide([fits[best]], test.x);
  const { songs, songCount: scenes, truth } = test, { seed, probing: { bootstraps: resamplings } } = recipe;
  const { accuracy } = bootstrap(accuracyScore(found, truth, count, { songs, songCount: scenes }), scenes, {
    resamplings,
    seed,
  });
  const confusion = classes.map(() => new Array<number>(count).fill(0));
  truth.forEach((answer, r) => confusion[answer][found[r]]++);
  return {
    ...meta,
    ...{ concept, other, unseen, classes: [...classes], value: accuracy.value, low: accuracy.low, high: accuracy.high },
    ...{ validation: tried[best], chance: 1 / count, rows: truth.length, scenes, alpha: fits[best].alpha, confusion },
  };
}

/** A layer to probe for concepts. */
export type ConceptLayer = { meta: ProbeMeta; features: () => ConceptFeatures };

/**
 * Probes layers for every concept; a question of which a layer lacks bars has no row.
 *
 * @param onDone is called after each layer; `signal` stops the work between layers
 */
export async function probeConcepts(
  layers: readonly ConceptLayer[],
  composed: ConceptBars,
  recipe: Recipe,
  { signal, onDone }: { signal?: AbortSignal; onDone?: (done: number, total: number) => void } = {},
): Promise<ConceptRow[]> {
  const questions = conceptQuestions(composed, recipe), rows: ConceptRow[] = [];
  for (const [done, { meta, features }] of layers.entries()) {
    const own = features();
    for (const question of questions) {
      signal?.throwIfAborted();
      const row = await probeConcept(own, composed, question, recipe, meta);
      if (row) rows.push(row);
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets timers and messages through
    }
    onDone?.(done + 1, layers.length);
  }
  return rows;
}
