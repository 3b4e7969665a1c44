/**
 * The paper's claims against the results: each comparison's difference, corrected for their number, and each claim's
 * verdict.
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

/** A model's accuracies by seed, resampled over units such as songs; none if an evaluation lacks them. */
function accuracies(
  evaluations: readonly Evaluation[],
  model: string,
  unitsOf: (evaluation: Evaluation) => readonly { correct: number; count: number }[] | undefined,
  { seed, probing: { bootstraps } }: Recipe,
): { units: number; bySeed: Map<number, SeedScore> } {
  const own = evaluations.filter((evaluation) => evaluation.model === model), bySeed = new Map<number, SeedScore>();
  let size = 0;
  for (const evaluation of own) {
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

const mapScores = (scores: ReadonlyMap<number, SeedScore>, change: (score: number) => number) =>
  new Map([...scores].map(([seed, { value, replicates }]) => {
    return [seed, { value: change(value), replicates: Array.from(replicates, change) }];
  }));

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
 * all claims; intervals are of each comparison alone. Where models were trained with several seeds, p and intervals count
 * the luck of training.
 *
 * @param rows all rows of the study with their resamplings
 * @param evaluations of the models' trainings, one for each seed
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
