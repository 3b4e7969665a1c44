/**
 * The paper's claims against the results: each comparison's difference, corrected for their number, and each claim's
 * verdict.
 * @module
 */
import { type Claim, type Comparison, layersOf, paperAgrees, type Side } from "./claims.ts";
import { isBaseline, type ProbeRow } from "../probing/rows.ts";
import type { Protocol } from "../metrics/task_scores.ts";
import { bestLayer, headlineRows } from "./best_layer.ts";
import {
  type Difference,
  judge,
  noDifference,
  pairedDifference,
  resampledDifference,
  type Verdict,
} from "./significance.ts";
import { type TableRow, tableRows } from "./table_rows.ts";
import { stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Evaluation } from "../training/evaluation.ts";

/** One comparison's outcome; `difference` is above 0 where it is as claimed. */
export interface Evidence extends Difference {
  /** What was compared: `C: BERT (4) − BERT-aug (2)`. */
  what: string;
  /** The p after Holm's correction. */
  adjusted: number;
  /** The verdict on this comparison. */
  verdict: Verdict;
  /** Whether the paper's own numbers agree. */
  paper: boolean;
}

/** A claim's outcome under a protocol. */
export interface ClaimResult {
  /** The claim in words. */
  claim: string;
  /** `held` if all comparisons held, `not` if one of them is the other way round, else `undecided`. */
  verdict: Verdict;
  /** Each comparison's outcome. */
  evidence: Evidence[];
  /** The comparison that speaks most against the claim. */
  weakest: Evidence;
}

/** The test row that stands for a side: the best of its models' layers, chosen as the protocol chooses. */
function sideRow(
  rows: readonly TableRow[],
  { models, layers }: Side,
  task: ProbeRow["task"],
  protocol: Protocol,
  recipe: Recipe,
): TableRow | undefined {
  const range = layersOf(layers, Math.max(...rows.map(({ layer }) => layer ?? 0)), recipe.probing);
  const own = rows.filter(({ model, layer }) => models.some((name) => name === model) && range.includes(layer ?? -1));
  const best = bestLayer(own, task, protocol);
  return best &&
    headlineRows(own, task, protocol).find(({ model, layer, split, draw }) =>
      model === best.model && layer === best.layer && split === "test" && draw === null
    );
}

type Compared = Difference & { what: string };

function probeDifference(
  rows: readonly TableRow[],
  { task, better, worse }: Extract<Comparison, { kind: "probe" }>,
  protocol: Protocol,
  recipe: Recipe,
): Compared {
  const [a, b] = [better, worse].map((side) => sideRow(rows, side, task, protocol, recipe));
  const name = (row: ProbeRow | undefined, { models, layers }: Side) =>
    row ? `${row.model} (${row.layer})` : `${models.join(", ")} (${layers}: none)`;
  return { what: `${task}: ${name(a, better)} − ${name(b, worse)}`, ...pairedDifference(a, b) };
}

/** A score of weighted units, such as songs, with its resamplings; at least two units are needed for those. */
function resampledScore(score: (weights: ArrayLike<number>) => number, units: number, recipe: Recipe): Difference {
  const random = stream(recipe.seed, "bootstrap", units), weights = new Float64Array(units).fill(1);
  const value = score(weights);
  if (units < 2) return resampledDifference(value, null);
  return resampledDifference(
    value,
    Float64Array.from({ length: recipe.probing.bootstraps }, () => {
      weights.fill(0);
      for (let i = 0; i < units; i++) weights[random.integer(units)]++;
      return score(weights);
    }),
  );
}

/** How much closer two models' MLM accuracies are than the recipe's margin, resampled over validation songs. */
function equalMlm(evaluations: readonly Evaluation[], models: readonly string[], recipe: Recipe): Compared {
  const margin = recipe.probing.equalMlm, what = `MLM: ${models.join(" = ")} ± ${margin}`;
  const [a, b] = models.map((name) => evaluations.find(({ model }) => model === name)?.mlm.validation.songs);
  if (!a || !b || a.length !== b.length) return { what, ...noDifference };
  const accuracy = (songs: typeof a, weights: ArrayLike<number>) => {
    const sum = (of: "correct" | "count") => songs.reduce((sum, song, i) => sum + weights[i] * song[of], 0);
    return sum("correct") / sum("count");
  };
  const closer = (weights: ArrayLike<number>) => margin - Math.abs(accuracy(a, weights) - accuracy(b, weights));
  return { what, ...resampledScore(closer, a.length, recipe) };
}

/** How far a validation accuracy of NT-Xent lies below "near chance", resampled over batches. */
function nearChance(evaluations: readonly Evaluation[], model: string, recipe: Recipe): Compared {
  const margin = recipe.probing.nearChance, what = `NT-Xent of ${model} ≤ chance + ${margin}`;
  const score = evaluations.find((evaluation) => evaluation.model === model)?.contrast?.validation;
  if (!score?.perBatch) return { what, ...noDifference };
  const { perBatch, chance } = score;
  const below = (weights: ArrayLike<number>) => {
    let sum = 0, count = 0;
    perBatch.forEach((accuracy, i) => {
      sum += weights[i] * accuracy;
      count += weights[i];
    });
    return chance + margin - sum / count;
  };
  return { what, ...resampledScore(below, perBatch.length, recipe) };
}

const verdictOf = (evidence: readonly Evidence[]): Verdict =>
  evidence.some(({ verdict }) => verdict === "not")
    ? "not"
    : evidence.every(({ verdict }) => verdict === "held")
    ? "held"
    : "undecided";

/** How clearly a comparison is as claimed: its difference in widths of its interval, since tasks have different units. */
const clarity = ({ difference, low, high }: Evidence): number =>
  low === null || high === null ? 0 : difference / Math.max(high - low, Number.MIN_VALUE);

/**
 * The verdict on each claim under a protocol.
 *
 * A comparison is the difference of two layers' headline scores on the same resampled test songs; under `authors` scores
 * are means over the draws of bars. The protocol chooses each layer once, not in each resampling. Comparisons of MLM
 * accuracies are resampled over validation songs, of NT-Xent over batches. Holm's correction runs over all comparisons of
 * all claims; intervals are of each comparison alone.
 *
 * @param rows all rows of the study with their resamplings
 */
export function judgeClaims(
  claims: readonly Claim[],
  rows: readonly ProbeRow[],
  evaluations: readonly Evaluation[],
  protocol: Protocol,
  recipe: Recipe,
): ClaimResult[] {
  const models = tableRows(
    rows.filter((row) => !isBaseline(row) && row.layers === "one" && row.protocol === protocol),
    recipe.probing.poolings[0],
  );
  const compared = claims.flatMap(({ comparisons }) =>
    comparisons.map((comparison) => {
      const difference = comparison.kind === "probe"
        ? probeDifference(models, comparison, protocol, recipe)
        : comparison.kind === "equal MLM"
        ? equalMlm(evaluations, comparison.models, recipe)
        : nearChance(evaluations, comparison.model, recipe);
      return { ...difference, paper: paperAgrees(comparison, recipe.probing) };
    })
  );
  const judged = judge(compared, recipe.probing.level);
  let first = 0;
  return claims.map(({ text, comparisons }) => {
    const evidence = judged.slice(first, first += comparisons.length);
    const weakest = evidence.reduce((a, b) => clarity(b) < clarity(a) ? b : a);
    return { claim: text, verdict: verdictOf(evidence), evidence, weakest };
  });
}
