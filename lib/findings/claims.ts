/**
 * The paper's directional claims as data: which score is said to beat which.
 *
 * "Best" and "worst" are those of Table 3 (best layers), unless a claim names the last layer. Middle and early layers are
 * the recipe's shares of the depth.
 * @module
 */
import { type PaperModel, paperModels, paperTables } from "./paper.ts";
import { type Task, tasks } from "../metrics/tasks.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { better } from "./best_layer.ts";

type LayerRange = "last" | "best" | "middle" | "not middle" | "early" | "not early" | "1–2" | "after 2";

/** One side of a comparison: the best of these layers of these models. */
export type Side = { models: readonly PaperModel[]; layers: LayerRange };

/** One comparison; of probes, `better` is said to be better at the task than `worse`. */
export type Comparison =
  | { kind: "probe"; task: Task; better: Side; worse: Side }
  | { kind: "equal MLM"; models: readonly [PaperModel, PaperModel] }
  | { kind: "NT-Xent near chance"; model: PaperModel };

/** A claim in words near the paper's own; it holds if all its comparisons do. */
export type Claim = { text: string; comparisons: Comparison[] };

const others = (model: PaperModel): PaperModel[] => paperModels.filter((other) => other !== model);

const probe = (task: Task, better: Side, worse: Side): Comparison => ({ kind: "probe", task, better, worse });

const beats = (models: readonly PaperModel[], model: PaperModel, task: Task) =>
  probe(task, { models, layers: "best" }, { models: [model], layers: "best" });

const best = (model: PaperModel, task: Task, layers: LayerRange = "best") =>
  others(model).map((other) => probe(task, { models: [model], layers }, { models: [other], layers }));

const worst = (model: PaperModel, task: Task) => others(model).map((other) => beats([other], model, task));

const peak = (models: readonly PaperModel[], task: Task, at: LayerRange, than: LayerRange) =>
  models.map((model) => probe(task, { models: [model], layers: at }, { models: [model], layers: than }));

/** The fourteen claims, in the order of the paper's text. */
export const claims: readonly Claim[] = [
  { text: "BERT is best at chords (last layer)", comparisons: best("BERT", "C", "last") },
  { text: "BERT-aug is worst at chords", comparisons: worst("BERT-aug", "C") },
  { text: "BERT-aug is worst at mean velocity", comparisons: worst("BERT-aug", "MV") },
  { text: "BERT-aug is best at instruments (last layer)", comparisons: best("BERT-aug", "I", "last") },
  { text: "BERT-aug is best at mean duration", comparisons: best("BERT-aug", "MD") },
  { text: "BERT-neighbor is best at tempo", comparisons: best("BERT-neighbor", "T") },
  { text: "BERT-neighbor is best at mean velocity (last layer)", comparisons: best("BERT-neighbor", "MV", "last") },
  { text: "BERT-neighbor is best at song clustering", comparisons: best("BERT-neighbor", "SC") },
  {
    text: "BERT-dropout is below the best everywhere",
    comparisons: tasks.map((task) => beats(others("BERT-dropout"), "BERT-dropout", task)),
  },
  {
    text: "groove and instruments peak in middle layers",
    comparisons: (["GP", "I"] as const).flatMap((task) => peak(paperModels, task, "middle", "not middle")),
  },
  {
    text: "tempo peaks in layers 1–2 and fades, except in BERT-neighbor",
    comparisons: [
      ...peak(others("BERT-neighbor"), "T", "1–2", "after 2"),
      ...peak(["BERT-neighbor"], "T", "after 2", "1–2"),
    ],
  },
  { text: "mean velocity peaks early", comparisons: peak(paperModels, "MV", "early", "not early") },
  {
    text: "MLM accuracy is equal over the four",
    comparisons: paperModels.flatMap((a, i) =>
      paperModels.slice(i + 1).map((b): Comparison => ({ kind: "equal MLM", models: [a, b] }))
    ),
  },
  {
    text: "BERT-neighbor's validation NT-Xent is near chance",
    comparisons: [{ kind: "NT-Xent near chance", model: "BERT-neighbor" }],
  },
];

/** The layers 1…depth of a range. */
export function layersOf(
  range: LayerRange,
  depth: number,
  { middle: [from, to], early }: Pick<Recipe["probing"], "middle" | "early">,
): number[] {
  const isMiddle = (layer: number) => layer >= from * depth && layer <= to * depth;
  const isEarly = (layer: number) => layer <= Math.max(1, Math.floor(early * depth + 1e-9));
  const among: Record<LayerRange, (layer: number) => boolean> = {
    last: (layer) => layer === depth,
    best: () => true,
    middle: isMiddle,
    "not middle": (layer) => !isMiddle(layer),
    early: isEarly,
    "not early": (layer) => !isEarly(layer),
    "1–2": (layer) => layer <= 2,
    "after 2": (layer) => layer > 2,
  };
  return Array.from({ length: depth }, (_, i) => i + 1).filter(among[range]);
}

/** The paper's layers, and its chance of NT-Xent with 24 bars a batch (STUDY §9.2). */
const paperDepth = 12, paperChance = 1 / 47;

/**
 * Whether the paper's own numbers agree with a comparison. Its tables give the best and the last layer only, so a range of
 * layers is judged by whether the best one lies in it.
 */
export function paperAgrees(comparison: Comparison, probing: Recipe["probing"]): boolean {
  const { table1, table2, table3 } = paperTables;
  if (comparison.kind === "equal MLM") {
    const [a, b] = comparison.models.map((model) => table1[model].mlm.validation);
    return Math.abs(a - b) <= probing.equalMlm + 1e-12;
  }
  if (comparison.kind === "NT-Xent near chance") {
    return table1[comparison.model].ntXent!.validation - paperChance <= probing.nearChance;
  }
  const { task, better: a, worse: b } = comparison;
  if (String(a.models) === String(b.models)) {
    return layersOf(a.layers, paperDepth, probing).includes(table3[a.models[0]][task].layer);
  }
  const score = ({ models, layers }: Side) => {
    const table = layers === "last" ? table2 : table3;
    return Math.max(...models.map((model) => better(task, "authors") * table[model][task].value));
  };
  return score(a) > score(b);
}
