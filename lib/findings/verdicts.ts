/**
 * The paper's claims against the results: each comparison's difference, and each claim's verdict.
 * @module
 */
import { type Claim, type Comparison, layersOf, paperAgrees, type Side } from "./claims.ts";
import { isBaseline, type ProbeRow } from "../probing/rows.ts";
import { bootstrap } from "../metrics/intervals.ts";
import {
  pooledSpread,
  seedDifference,
  seedInterval,
  type SeedScore,
  type SeedSpread,
} from "../metrics/seed_intervals.ts";
import type { Protocol } from "../metrics/task_scores.ts";
import { bestLayer, headlineRows } from "./best_layer.ts";
import { paperModels } from "./paper.ts";
import { type Difference, judge, judgeSets, noDifference, pairedDifference, type Verdict } from "./significance.ts";
import { type TableRow, tableRows } from "./table_rows.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Evaluation } from "../training/evaluation.ts";
import type { Task } from "../metrics/tasks.ts";

/** A comparison (`C: BERT (4) − BERT-aug (2)`) with its difference, above 0 where it is as claimed. */
type Compared = Difference & { what: string };

/** A comparison's outcome: p after Holm's correction, its verdict, and whether the paper's own numbers agree. */
export type Evidence = Compared & { adjusted: number; verdict: Verdict; paper: boolean };

/**
 * A claim's outcome under a protocol: `held` if all comparisons held, `not` if one of them is the other way round, else
 * `undecided`; `weakest` is the comparison that speaks most against it.
 */
export type ClaimResult = { claim: string; verdict: Verdict; evidence: Evidence[]; weakest: Evidence };

/** The test row of the best of a side's layers, chosen as the protocol chooses; undefined if there is none. */
function sideRow(
  rows: readonly TableRow[],
  { models, layers }: Side,
  task: Task,
  protocol: Protocol,
  { probing }: Recipe,
): TableRow | undefined {
  const depth = Math.max(...rows.map(({ layer }) => layer ?? 0)), range = layersOf(layers, depth, probing);
  const own = rows.filter(({ model, layer }) => models.some((name) => name === model) && range.includes(layer ?? -1));
  const best = bestLayer(own, task, protocol);
  return headlineRows(own, task, protocol).find(({ model, layer, split, draw }) =>
    model === best?.model && layer === best.layer && split === "test" && draw === null
  );
}

/** Scores by seed of several models as models × seeds, of those models that have the same seeds as the first. */
function bySameSeeds(scores: readonly ReadonlyMap<number, number>[]): number[][] {
  const seeds = [...scores[0]?.keys() ?? []];
  const same = scores.filter((own) => own.size === seeds.length && seeds.every((seed) => own.has(seed)));
  return same.map((own) => seeds.map((seed) => own.get(seed)!));
}

const valuesOf = (scores: ReadonlyMap<number, SeedScore>): Map<number, number> =>
  new Map([...scores].map(([seed, { value }]) => [seed, value]));

/**
 * What seeds do to a comparison's difference, from all the paper's models: from their scores of the same task and layers
 * where two models are compared, from their differences between the same layers where those of one model are.
 */
function probeSpread(
  rows: readonly TableRow[],
  { task, better, worse }: Extract<Comparison, { kind: "probe" }>,
  protocol: Protocol,
  recipe: Recipe,
): SeedSpread | undefined {
  const [first] = better.models, ofOne = String(better.models) === String(worse.models);
  const scores = [first, ...paperModels.filter((model) => model !== first)].flatMap((model) => {
    const [a, b] = [better, worse].map(({ layers }) => {
      const row = sideRow(rows, { models: [model], layers }, task, protocol, recipe);
      return row && valuesOf(row.bySeed);
    });
    if (!a || !b) return [];
    return [ofOne ? new Map([...a].map(([seed, value]) => [seed, value - (b.get(seed) ?? NaN)])) : a];
  });
  return pooledSpread(bySameSeeds(scores))?.[ofOne ? "alone" : "difference"];
}

function probeDifference(
  rows: readonly TableRow[],
  comparison: Extract<Comparison, { kind: "probe" }>,
  protocol: Protocol,
  recipe: Recipe,
): Compared {
  const { task, better, worse } = comparison;
  const [a, b] = [better, worse].map((side) => sideRow(rows, side, task, protocol, recipe));
  const name = (row: ProbeRow | undefined, { models, layers }: Side) =>
    row ? `${row.model} (${row.layer})` : `${models.join(", ")} (${layers}: none)`;
  const pooled = recipe.probing.seedSpread === "pooled" ? probeSpread(rows, comparison, protocol, recipe) : undefined;
  return { what: `${task}: ${name(a, better)} − ${name(b, worse)}`, ...pairedDifference(a, b, { difference: pooled }) };
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
  const scores = [models[0], ...paperModels.filter((model) => model !== models[0])].map((model) => {
    const own = evaluations.filter((evaluation) => evaluation.model === model);
    return new Map(own.map(({ seed = recipe.seed, mlm: { validation: { songs = [] } } }) => {
      const sum = (of: "correct" | "count") => songs.reduce((sum, song) => sum + song[of], 0);
      return [seed, sum("correct") / sum("count")];
    }));
  });
  const pooled = recipe.probing.seedSpread === "pooled" ? pooledSpread(bySameSeeds(scores))?.difference : undefined;
  const [above, below] = [margin, -margin].map((by) =>
    seedDifference(a.bySeed, mapScores(b.bySeed, (score) => score + by), a.units, { difference: pooled })
  );
  const difference = above.value + margin, { training, parts } = above, isEqual = Math.abs(difference) < margin;
  const p = isEqual ? Math.max(above.p, below.p) : difference > 0 ? above.p : below.p;
  const found = { what, difference: margin - Math.abs(difference), p, training, ...(parts && { parts }) };
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
 * The verdict on each claim under a protocol, by the rules of STUDY §17.
 *
 * Layers' headline scores are compared on the same resampled test songs (under `authors` means over the draws of bars);
 * the protocol chooses each layer once, not in each resampling. MLM accuracies are resampled over validation songs, of
 * NT-Xent over batches. Holm's correction runs over the claims or over all their comparisons (`probing.holmOver`);
 * intervals are of each comparison alone. With several seeds of training, p and intervals count its luck
 * (`probing.seedSpread`).
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
  const compared = claims.map(({ comparisons }) =>
    comparisons.map((comparison) => {
      const difference = comparison.kind === "probe"
        ? probeDifference(models, comparison, protocol, recipe)
        : comparison.kind === "equal MLM"
        ? equalMlm(evaluations, comparison.models, recipe)
        : nearChance(evaluations, comparison.model, recipe);
      return { ...difference, paper: paperAgrees(comparison, recipe.probing) };
    })
  );
  const { level, holmOver } = recipe.probing, together = holmOver === "claims" ? [] : judge(compared.flat(), level);
  const judged = holmOver === "claims"
    ? judgeSets(compared, level)
    : compared.map((set) => together.splice(0, set.length));
  return claims.map(({ text }, i) => {
    const evidence = judged[i], weakest = evidence.reduce((a, b) => clarity(b) < clarity(a) ? b : a);
    const verdicts = new Set(evidence.map(({ verdict }) => verdict)), [only] = verdicts;
    const verdict = verdicts.has("not") ? "not" : verdicts.size === 1 ? only : "undecided";
    return { claim: text, verdict, evidence, weakest };
  });
}
