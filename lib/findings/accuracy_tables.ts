/**
 * Accuracies of training: Table 1, and masked tokens by kind.
 * @module
 */
import type { Evaluation } from "../training/evaluation.ts";
import type { MlmAccuracy } from "../training/masked_evaluation.ts";
import { paperTables } from "./paper.ts";

/** The mean of numbers; undefined if one of them is. */
const mean = (values: readonly (number | undefined)[]): number | undefined =>
  values.reduce((sum, value) => sum === undefined || value === undefined ? undefined : sum + value / values.length, 0);

const byModel = (evaluations: readonly Evaluation[]) => [...Map.groupBy(evaluations, ({ model }) => model)];

/**
 * Table 1: accuracies (0 to 1) of masked tokens and of NT-Xent, means over a model's seeds, and the paper's as training /
 * validation. Undefined stands where a model has no such task.
 *
 * NT-Xent's validation batches are `Disjoint` (at most one bar of a song) or `Ordered` (in the songs' order, as the authors'
 * loader gives them: STUDY §9.6). `identical` is the share of negatives with the same tokens as the bar, `ntDropping` is
 * BERT-dropout's validation accuracy with dropout on.
 */
export function table1(evaluations: readonly Evaluation[]): Record<string, string | number | undefined>[] {
  const pair = (of: { train: number; validation: number }) => `${of.train.toFixed(3)} / ${of.validation.toFixed(3)}`;
  return byModel(evaluations).map(([model, own]) => {
    const paper = paperTables.table1[model];
    const average = (of: (evaluation: Evaluation) => number | undefined) => mean(own.map(of));
    const ordered = (order: string, field: "accuracy" | "chance" | "identical") =>
      average(({ contrast }) => {
        const scores = contrast ? [contrast.validation, contrast.otherOrder] : [];
        return scores.find((score) => score.order === order)?.[field];
      });
    return {
      model,
      mlmTrain: average(({ mlm }) => mlm.train.accuracy),
      mlmValidation: average(({ mlm }) => mlm.validation.accuracy),
      paperMlm: pair(paper.mlm),
      ntTrain: average(({ contrast }) => contrast?.train.accuracy),
      ntDisjoint: ordered("song-disjoint", "accuracy"),
      chanceDisjoint: ordered("song-disjoint", "chance"),
      identicalDisjoint: ordered("song-disjoint", "identical"),
      ntOrdered: ordered("song-order", "accuracy"),
      chanceOrdered: ordered("song-order", "chance"),
      identicalOrdered: ordered("song-order", "identical"),
      ntDropping: average(({ contrast }) => contrast?.dropping?.accuracy),
      paperNt: paper.ntXent ? pair(paper.ntXent) : undefined,
    };
  });
}

/** The headings of {@link table1}, in order. */
export const table1Headings: Record<string, string> = {
  model: "model",
  mlmTrain: "MLM train",
  mlmValidation: "MLM val.",
  paperMlm: "paper train / val.",
  ntTrain: "NT-Xent train",
  ntDisjoint: "val., other songs",
  chanceDisjoint: "chance",
  identicalDisjoint: "identical negatives",
  ntOrdered: "val., song order",
  chanceOrdered: "chance",
  identicalOrdered: "identical negatives",
  ntDropping: "val., dropout on",
  paperNt: "paper train / val.",
};

/** How many seeds speak in a table of evaluations: `of the one seed of each model`, `means over the 3 seeds of a model`. */
export function seedsText(evaluations: readonly Evaluation[]): string {
  const counts = byModel(evaluations).map(([, own]) => own.length), most = Math.max(0, ...counts);
  if (most <= 1) return "of the one seed of each model";
  return counts.every((count) => count === most)
    ? `means over the ${most} seeds of each model`
    : `means over the ${Math.min(...counts)} to ${most} seeds of a model`;
}

/** Each model's accuracies of masked tokens of validation songs, one for each seed; columns of {@link kindTable}. */
export const mlmColumns = (evaluations: readonly Evaluation[]): Record<string, MlmAccuracy[]> =>
  Object.fromEntries(byModel(evaluations).map(([model, own]) => [model, own.map(({ mlm }) => mlm.validation)]));

/**
 * Accuracy (0 to 1) by kind of masked token, a column for each name; of several accuracies their mean. The kinds and their
 * counts are the first column's, the most frequent kind first, all kinds together last.
 */
export function kindTable(
  columns: Record<string, MlmAccuracy | readonly MlmAccuracy[]>,
): { [name: string]: string | number | undefined; kind: string; tokens: number }[] {
  const named = Object.entries(columns).map(([name, of]) => [name, [of].flat()] as const);
  const kinds = named[0][1][0].kinds.toSorted((a, b) => b.count - a.count);
  const row = (kind: string, tokens: number, accuracy: (of: MlmAccuracy) => number | undefined) => ({
    ...{ kind, tokens },
    ...Object.fromEntries(named.map(([name, seeds]) => [name, mean(seeds.map(accuracy))])),
  });
  return [
    ...kinds.map(({ kind, count }) => row(kind, count, (of) => of.kinds.find((one) => one.kind === kind)?.accuracy)),
    row("all", kinds.reduce((sum, { count }) => sum + count, 0), ({ accuracy }) => accuracy),
  ];
}
