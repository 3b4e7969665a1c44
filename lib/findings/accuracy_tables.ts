/**
 * Accuracies of training: Table 1, and masked tokens by kind.
 * @module
 */
import type { Evaluation } from "../training/evaluation.ts";
import type { MlmAccuracy } from "../training/masked_evaluation.ts";
import { paperTables } from "./paper.ts";

/**
 * A model's row of Table 1; accuracies from 0 to 1, undefined where the model has no such task.
 *
 * Validation batches are `Disjoint` (at most one bar of a song) or `Ordered` (in the songs' order, as the authors' loader
 * gives them); `identical` is the share of negatives with the same tokens as the bar, `ntDropping` is BERT-dropout's
 * validation accuracy with dropout on, and the paper's pairs are training / validation.
 */
interface Table1Row {
  model: string;
  mlmTrain: number;
  mlmValidation: number;
  paperMlm: string;
  ntTrain?: number;
  ntDisjoint?: number;
  chanceDisjoint?: number;
  identicalDisjoint?: number;
  ntOrdered?: number;
  chanceOrdered?: number;
  identicalOrdered?: number;
  ntDropping?: number;
  paperNt?: string;
}

/** Table 1: accuracies of masked tokens and of NT-Xent, ours beside the paper's (both orders of batches: STUDY §9.6). */
export function table1(evaluations: readonly Evaluation[]): Table1Row[] {
  const pair = (of: { train: number; validation: number }) => `${of.train.toFixed(3)} / ${of.validation.toFixed(3)}`;
  return evaluations.map(({ model, mlm, contrast }) => {
    const paper = paperTables.table1[model], scores = contrast ? [contrast.validation, contrast.otherOrder] : [];
    const [disjoint, ordered] = ["song-disjoint", "song-order"].map((order) =>
      scores.find((score) => score.order === order)
    );
    return {
      model,
      mlmTrain: mlm.train.accuracy,
      mlmValidation: mlm.validation.accuracy,
      paperMlm: pair(paper.mlm),
      ntTrain: contrast?.train.accuracy,
      ntDisjoint: disjoint?.accuracy,
      chanceDisjoint: disjoint?.chance,
      identicalDisjoint: disjoint?.identical,
      ntOrdered: ordered?.accuracy,
      chanceOrdered: ordered?.chance,
      identicalOrdered: ordered?.identical,
      ntDropping: contrast?.dropping?.accuracy,
      paperNt: paper.ntXent ? pair(paper.ntXent) : undefined,
    };
  });
}

/**
 * Accuracy (0 to 1) by kind of masked token, a column for each name. The kinds and their counts are the first column's,
 * the most frequent kind first, all kinds together last.
 */
export function kindTable(
  columns: Record<string, MlmAccuracy>,
): { [name: string]: string | number | undefined; kind: string; tokens: number }[] {
  const named = Object.entries(columns), kinds = named[0][1].kinds.toSorted((a, b) => b.count - a.count);
  const row = (kind: string, tokens: number, accuracy: (of: MlmAccuracy) => number | undefined) => ({
    ...{ kind, tokens },
    ...Object.fromEntries(named.map(([name, of]) => [name, accuracy(of)])),
  });
  return [
    ...kinds.map(({ kind, count }) => row(kind, count, (of) => of.kinds.find((one) => one.kind === kind)?.accuracy)),
    row("all", kinds.reduce((sum, { count }) => sum + count, 0), ({ accuracy }) => accuracy),
  ];
}
