/**
 * Claims against results: paired differences over songs, corrected for their number.
 * @module
 */
import { type Claim, type Comparison, layersOf, paperAgrees, type Side } from "./claims.ts";
import { central } from "../metrics/intervals.ts";
import { isBaseline, type ProbeRow } from "../probing/rows.ts";
import { headlines, lowerIsBetter, type Protocol } from "../metrics/task_scores.ts";
import { bestLayer, lastDraw, meanOverSeeds } from "./best_layer.ts";
import { stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Evaluation } from "../training/evaluation.ts";

/** What became of a claim or of one of its comparisons. */
export type Verdict = "held" | "not" | "undecided";

/** One comparison's outcome. */
export interface Evidence {
  /** What was compared: `BERT (4) − BERT-aug (2), C`. */
  what: string;
  /** By how much it is as claimed, in the score's own unit; below 0: it is the other way round. NaN: no such score. */
  difference: number;
  /** Lower end of the difference's 95% interval, of this comparison alone; null: without resamplings there is none. */
  low: number | null;
  /** Upper end of that interval. */
  high: number | null;
  /** Two-sided p by the resamplings; 1 where there are none. */
  p: number;
  /** The p that Holm's correction makes of it. */
  adjusted: number;
  /** What {@link judge} makes of the sign of the difference and the adjusted p. */
  verdict: Verdict;
  /** Whether the paper's own numbers agree. */
  paper: boolean;
}

/** A claim's outcome in one reading. */
export interface ClaimResult {
  /** The claim in words, as `claims.ts` has it. */
  claim: string;
  /** The protocol whose scores were compared: the authors' procedure, or the sound one. */
  reading: Protocol;
  /** Held if all its comparisons held, not if one did not; else undecided. */
  verdict: Verdict;
  /** Each comparison's outcome. */
  evidence: Evidence[];
  /** The comparison that speaks most against the claim. */
  weakest: Evidence;
}

/**
 * Holm's step-down adjustment of p values: the chance of any false verdict among all is at most the level that the
 * adjusted ones are compared with.
 *
 * @example
 * ```ts
 * import { holm } from "@lib/findings/verdicts.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
 * ```
 */
export function holm(p: readonly number[]): number[] {
  const order = [...p.keys()].sort((a, b) => p[a] - p[b]), adjusted = new Array<number>(p.length);
  let most = 0;
  order.forEach((at, i) => adjusted[at] = most = Math.max(most, Math.min(1, (p.length - i) * p[at])));
  return adjusted;
}

/** Two-sided p that a difference is on one side of 0 by chance: twice the lesser share of resamplings, 0 on both. */
export function twoSided(differences: ArrayLike<number>): number {
  let below = 0, above = 0, known = 0;
  for (let i = 0; i < differences.length; i++) {
    if (Number.isNaN(differences[i])) continue;
    known++;
    if (differences[i] <= 0) below++;
    if (differences[i] >= 0) above++;
  }
  return known === 0 ? 1 : Math.min(1, 2 * (Math.min(below, above) + 1) / (known + 1));
}

type Difference = Pick<Evidence, "what" | "difference"> & { resampled: Float64Array | null };

const nothing = (what: string): Difference => ({ what, difference: NaN, resampled: null });

/**
 * a − b of two test rows on the same resampled songs, signed so that above 0 means that a is better; `resampled` has
 * one difference for each resampling, null where the rows were not scored with the same resamplings.
 */
export function pairedDifference(
  a: ProbeRow,
  b: ProbeRow,
): { difference: number; resampled: Float64Array | null } {
  const sign = lowerIsBetter(a.metric) ? -1 : 1, [x, y] = [a.replicates, b.replicates];
  const paired = x && y && x.length === y.length && a.songs === b.songs;
  return {
    difference: sign * (a.value - b.value),
    resampled: paired ? Float64Array.from(x, (value, i) => sign * (value - y[i])) : null,
  };
}

/** The row that stands for a side: of its models' layers the best, chosen as the reading chooses (study §11.4). */
function rowOf(
  rows: readonly ProbeRow[],
  { models, layers }: Side,
  task: ProbeRow["task"],
  protocol: Protocol,
  recipe: Recipe,
): ProbeRow | undefined {
  const depth = Math.max(...rows.map(({ layer }) => layer ?? 0));
  const range = layersOf(layers, depth, recipe.probing);
  const asked = rows.filter(({ model, layer }) => models.some((name) => name === model) && range.includes(layer ?? -1));
  const chosen = bestLayer(asked, task, { protocol, by: protocol === "sound" ? "validation" : "test" });
  return chosen &&
    asked.find((row) =>
      row.model === chosen.model && row.layer === chosen.layer && row.task === task && row.protocol === protocol &&
      row.metric === headlines[protocol][task] && row.split === "test" && row.draw === null
    );
}

function probeDifference(
  rows: readonly ProbeRow[],
  { task, better, worse }: Extract<Comparison, { kind: "probe" }>,
  protocol: Protocol,
  recipe: Recipe,
): Difference {
  const [a, b] = [better, worse].map((side) => rowOf(rows, side, task, protocol, recipe));
  const told = (row: ProbeRow | undefined, { models, layers }: Side) =>
    row ? `${row.model} (${row.layer})` : `${models.join(", ")} (${layers}: none)`;
  const what = `${task}: ${told(a, better)} − ${told(b, worse)}`;
  return a && b ? { what, ...pairedDifference(a, b) } : nothing(what);
}

/** How much closer than the recipe's margin two models' MLM accuracies are, resampled over validation songs. */
function equalMlm(evaluations: readonly Evaluation[], models: readonly string[], recipe: Recipe): Difference {
  const what = `MLM: ${models.join(" = ")} ± ${recipe.probing.equalMlm}`;
  const [a, b] = models.map((name) => evaluations.find(({ model }) => model === name)?.mlm.validation.songs);
  if (!a || !b || a.length !== b.length) return nothing(what);
  const accuracy = (songs: typeof a, weights: ArrayLike<number>) => {
    let correct = 0, count = 0;
    songs.forEach((song, i) => {
      correct += weights[i] * song.correct;
      count += weights[i] * song.count;
    });
    return correct / count;
  };
  const margin = (weights: ArrayLike<number>) =>
    recipe.probing.equalMlm - Math.abs(accuracy(a, weights) - accuracy(b, weights));
  return { what, difference: margin(a.map(() => 1)), resampled: resample(margin, a.length, recipe) };
}

/** How far below "near chance" a validation accuracy of NT-Xent is, resampled over batches. */
function nearChance(evaluations: readonly Evaluation[], model: string, recipe: Recipe): Difference {
  const what = `NT-Xent of ${model} ≤ chance + ${recipe.probing.nearChance}`;
  const found = evaluations.find((evaluation) => evaluation.model === model)?.contrast?.validation;
  if (!found?.perBatch) return nothing(what);
  const { perBatch, chance } = found;
  const margin = (weights: ArrayLike<number>) => {
    let sum = 0, count = 0;
    perBatch.forEach((accuracy, i) => {
      sum += weights[i] * accuracy;
      count += weights[i];
    });
    return chance + recipe.probing.nearChance - sum / count;
  };
  return { what, difference: margin(perBatch.map(() => 1)), resampled: resample(margin, perBatch.length, recipe) };
}

function resample(score: (weights: ArrayLike<number>) => number, units: number, recipe: Recipe): Float64Array | null {
  if (units < 2) return null;
  const random = stream(recipe.seed, "bootstrap", units), weights = new Float64Array(units);
  return Float64Array.from({ length: recipe.probing.bootstraps }, () => {
    weights.fill(0);
    for (let i = 0; i < units; i++) weights[random.integer(units)]++;
    return score(weights);
  });
}

function evidenceOf({ what, difference, resampled }: Difference, paper: boolean): Evidence {
  if (!resampled || Number.isNaN(difference)) {
    return { what, difference, low: null, high: null, p: 1, adjusted: 1, verdict: "undecided", paper };
  }
  return {
    what,
    difference,
    ...central(resampled),
    p: twoSided(resampled),
    adjusted: NaN,
    verdict: "undecided",
    paper,
  };
}

/** Adjusts the p values of evidence together and judges each. */
export function judge(evidence: readonly Evidence[], level: number): Evidence[] {
  const adjusted = holm(evidence.map(({ p }) => p));
  return evidence.map((found, i) => ({
    ...found,
    adjusted: adjusted[i],
    verdict: !(adjusted[i] < level) ? "undecided" : found.difference > 0 ? "held" : "not",
  }));
}

/** Held if all comparisons held, not if any is the other way round, else undecided. */
export const verdictOf = (evidence: readonly Evidence[]): Verdict =>
  evidence.some(({ verdict }) => verdict === "not")
    ? "not"
    : evidence.every(({ verdict }) => verdict === "held")
    ? "held"
    : "undecided";

/**
 * Marks each claim held, not or undecided in a reading.
 *
 * Each comparison is of two layers, chosen as the reading chooses them (on validation songs, or as the authors on the
 * test songs), by their headline scores on the same resampled test songs; under `authors` scores are means over the
 * drawings of bars. Its p value is corrected by Holm's procedure over all comparisons of all claims, which run over
 * models, layers and tasks; intervals are of each comparison alone. MLM accuracies are resampled over validation songs,
 * NT-Xent over batches. The layer is chosen once, not in each resampling.
 *
 * @param rows all rows of the study with their resamplings, of one pooling; seeds are averaged
 */
export function judgeClaims(
  claims: readonly Claim[],
  rows: readonly ProbeRow[],
  evaluations: readonly Evaluation[],
  reading: Protocol,
  recipe: Recipe,
): ClaimResult[] {
  const plain = meanOverSeeds(
    rows.filter((row) =>
      !isBaseline(row) && row.layers === "one" && row.pooling === recipe.probing.poolings[0] &&
      row.metric === headlines[reading][row.task] && row.protocol === reading &&
      (row.draw === null || row.draw === lastDraw(rows, reading))
    ),
  );
  const found = claims.flatMap(({ comparisons }) =>
    comparisons.map((comparison) => {
      const difference = comparison.kind === "probe"
        ? probeDifference(plain, comparison, reading, recipe)
        : comparison.kind === "equal MLM"
        ? equalMlm(evaluations, comparison.models, recipe)
        : nearChance(evaluations, comparison.model, recipe);
      return evidenceOf(difference, paperAgrees(comparison, recipe.probing));
    })
  );
  const judged = judge(found, recipe.probing.level);
  let first = 0;
  return claims.map(({ text, comparisons }) => {
    const evidence = judged.slice(first, first += comparisons.length);
    // In units of the interval's width, since tasks differ in theirs.
    const strength = ({ difference, low, high }: Evidence) =>
      low === null || high === null ? 0 : difference / Math.max(high - low, Number.MIN_VALUE);
    const weakest = evidence.reduce((a, b) => strength(b) < strength(a) ? b : a);
    return { claim: text, reading, verdict: verdictOf(evidence), evidence, weakest };
  });
}
