/**
 * The paper's claims against the results: each comparison's difference, and each claim's verdict.
 * @module
 */
import { type Claim, type Comparison, layersOf, paperAgrees, type Side } from "./claims.ts";
import { isBaseline, type ProbeRow } from "../probing/rows.ts";
import { bootstrap } from "../metrics/intervals.ts";
import { seedDifference, seedInterval, type SeedScore } from "../metrics/seed_intervals.ts";
import type { Protocol } from "../metrics/task_scores.ts";
import { bestLayer, headlineRows } from "./best_layer.ts";
import { type Difference, judge, noDifference, pairedDifference, type Verdict } from "./significance.ts";
import { type TableRow, tableRows } from "./table_rows.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Evaluation } from "../training/evaluation.ts";

/** A comparison (`C: BERT (4) − BERT-aug (2)`) with its difference, above 0 where it is as claimed. */
type Compared = Difference & { what: string };

/** A comparison's outcome: p after Holm's correction, its verdict, and whether the paper's own numbers agree. */
export type Evidence = Compared & { adjusted: number; verdict: Verdict; paper: boolean };

/**
 * A claim's outcome under a protocol: `held` if all comparisons held, `not` if one of them is the other way round, else
 * `undecided`; `weakest` is the comparison that speaks most against it.
 */
export type ClaimResult = { claim: string; verdict: Verdict; evidence: Evidence[]; weakest: Evidence };

/** Each side's test row is that of the best of its models' layers, chosen as the protocol chooses. */
function probeDifference(
  rows: readonly TableRow[],
  { task, better, worse }: Extract<Comparison, { kind: "probe" }>,
  protocol: Protocol,
  { probing }: Recipe,
): Compared {
  const depth = Math.max(...rows.map(({ layer }) => layer ?? 0));
  const [a, b] = [better, worse].map(({ models, layers }) => {
    const range = layersOf(layers, depth, probing);
    const own = rows.filter(({ model, layer }) => models.some((name) => name === model) && range.includes(layer ?? -1));
    const best = bestLayer(own, task, protocol);
    return headlineRows(own, task, protocol).find(({ model, layer, split, draw }) =>
      model === best?.model && layer === best.layer && split === "test" && draw === null
    );
  });
  const name = (row: ProbeRow | undefined, { models, layers }: Side) =>
    row ? `${row.model} (${row.layer})` : `${models.join(", ")} (${layers}: none)`;
  return { what: `${task}: ${name(a, better)} − ${name(b, worse)}`, ...pairedDifference(a, b) };
}

/** A model's accuracies by seed, resampled over units such as songs; none if an evaluation lacks them. */
function accuracies(
  evaluations: readonly Evaluation[],
  model: string,
  unitsOf: (evaluation: Evaluation) => readonly { correct: number; count: number }[] | undefined,
  { seed, probing: { bootstraps } }: Recipe,
): { units: number; bySeed: Map<number, SeedScore> } {
  const bySeed = new Map<number, SeedScore>();
  let size = 0;
  for (const evaluation of evaluations.filter((evaluation) => evaluation.model === model)) {
    const units = unitsOf(evaluation);
    if (!units) return { units: 0, bySeed: new Map() };
    const sum = (weights: ArrayLike<number>, of: "correct" | "count") =>
      units.reduce((sum, unit, i) => sum + weights[i] * unit[of], 0);
    const share = (weights: ArrayLike<number>) => ({ share: sum(weights, "correct") / sum(weights, "count") });
    const drawn = bootstrap(share, size = units.length, { resamplings: bootstraps, seed, keep: ["share"] }).share;
    bySeed.set(evaluation.seed ?? seed, { value: drawn.value, replicates: drawn.replicates ?? [] });
  }
  return { units: size, bySeed };
}

const mapScores = (scores: ReadonlyMap<number, SeedScore>, change: (score: number) => number) => {
  const changed = ({ value, replicates }: SeedScore): SeedScore => (
    { value: change(value), replicates: Array.from(replicates, change) }
  );
  return new Map([...scores].map(([seed, score]) => [seed, changed(score)]));
};

/** How much closer two models' MLM accuracies are than the recipe's margin, by two one-sided tests over validation songs. */
function equalMlm(evaluations: readonly Evaluation[], models: readonly string[], recipe: Recipe): Compared {
  const margin = recipe.probing.equalMlm, what = `MLM: ${models.join(" = ")} ± ${margin}`;
  const [a, b] = models.map((model) => accuracies(evaluations, model, ({ mlm }) => mlm.validation.songs, recipe));
  if (a.bySeed.size === 0 || a.units !== b.units) return { what, ...noDifference };
  const [above, below] = [margin, -margin].map((by) =>
    seedDifference(a.bySeed, mapScores(b.bySeed, (score) => score + by), a.units)
  );
  const difference = above.value + margin, { training } = above, isEqual = Math.abs(difference) < margin;
  const p = isEqual ? Math.max(above.p, below.p) : difference > 0 ? above.p : below.p;
  const found = { what, difference: margin - Math.abs(difference), p, training };
  if (above.low === null || above.high === null) return { ...found, low: null, high: null };
  const ends = [above.low + margin, above.high + margin].map(Math.abs);
  const spansZero = above.low < -margin && above.high > -margin;
  return { ...found, low: margin - Math.max(...ends), high: margin - (spansZero ? 0 : Math.min(...ends)) };
}

/** How far a validation accuracy of NT-Xent lies below "near chance", resampled over batches. */
function nearChance(evaluations: readonly Evaluation[], model: string, recipe: Recipe): Compared {
  const margin = recipe.probing.nearChance, what = `NT-Xent of ${model} ≤ chance + ${margin}`;
  const unitsOf = ({ contrast }: Evaluation) =>
    contrast?.validation.perBatch?.map((accuracy) => ({ correct: accuracy, count: 1 }));
  const { units, bySeed } = accuracies(evaluations, model, unitsOf, recipe);
  const chance = evaluations.find((evaluation) => evaluation.model === model)?.contrast?.validation.chance;
  if (chance === undefined || bySeed.size === 0) return { what, ...noDifference };
  const below = mapScores(bySeed, (accuracy) => chance + margin - accuracy);
  const { value, ...interval } = seedInterval([[...below.values()]], units);
  return { what, difference: value, ...interval };
}

/** How clearly a comparison is as claimed: its difference in widths of its interval, since tasks have different units. */
const clarity = ({ difference, low, high }: Evidence): number =>
  low === null || high === null ? 0 : difference / Math.max(high - low, Number.MIN_VALUE);

/**
 * The verdict on each claim under a protocol.
 *
 * Layers' headline scores are compared on the same resampled test songs (under `authors` means over the draws of bars);
 * the protocol chooses each layer once, not in each resampling. MLM accuracies are resampled over validation songs, of
 * NT-Xent over batches. Holm's correction runs over all comparisons of all claims; intervals are of each alone. With
 * several seeds of training, p and intervals count its luck.
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
    const verdicts = new Set(evidence.map(({ verdict }) => verdict)), [only] = verdicts;
    const verdict = verdicts.has("not") ? "not" : verdicts.size === 1 ? only : "undecided";
    return { claim: text, verdict, evidence, weakest };
  });
}
