/**
 * Each task's scores in both protocols, as functions of song weights (STUDY §11.7, §13.16–13.18).
 * @module
 */
import {
  accuracyScore,
  argMax,
  type ClassTable,
  countByClass,
  errorScore,
  f1Scores,
  hardAuc,
  macroMean,
  positivesByClass,
  type SongScore,
  weightedMean,
} from "./class_scores.ts";
import { aucByClass, aucOnce, precisionByClass, rankByClass } from "./ranking.ts";
import {
  type Answers,
  askClasses,
  askValues,
  type BarTable,
  classCounts,
  type ClassTask,
  occurring,
  type Question,
  type Task,
} from "./tasks.ts";

/** The authors' procedure to the digit, or the sound one. */
export type Protocol = "authors" | "sound";

const sameHeadlines = { MV: "rmse", MD: "rmse", SC: "entropy" } as const;

/** The score by which each protocol compares layers and models. */
export const headlines: Record<Protocol, Record<Task, string>> = {
  authors: { C: "aucHardWeighted", GP: "aucHardWeighted", I: "aucHardWeighted", T: "exactRow", ...sameHeadlines },
  sound: { C: "aucWeighted", GP: "aucWeighted", I: "aucWeighted", T: "accuracy", ...sameHeadlines },
};

/** Whether less is better. */
export function lowerIsBetter(metric: string): boolean {
  return ["rmse", "rmseQuarters", "rmseTempo", "mae", "entropy"].includes(metric);
}

/** The least and the largest value that a score can have; null where there is none. */
export function scoreRange(metric: string): [number | null, number | null] {
  if (metric === "entropy") return [0, 1]; // a share of the largest
  if (lowerIsBetter(metric)) return [0, null];
  return metric === "r2" ? [null, 1] : [0, 1];
}

/** Scores of some predictions by metric: those of resampled songs, and those that have no interval. */
export type TaskScores = { resampled: SongScore<string>; fixed: Record<string, number> };

/** The bars of a table that have an answer to a question, and how predictions for them are scored. */
export type Scorer = Omit<Answers<never>, "answers"> & {
  /** Scores of predictions: decision values of the classes seen in training (classes × rows), or values (rows). */
  scores(predicted: Float64Array, protocol: Protocol): TaskScores;
  /** The score by which a penalty is chosen, higher is better: the sound headline, of errors the negative. */
  choice(predicted: Float64Array): number;
  /** What a row of the results says beside its score. */
  extras(protocol: Protocol): { threshold?: number | null; skippedClasses?: number | null };
};

/**
 * The scorer of a question.
 *
 * Classes under `authors`: `aucHardWeighted`, the ROC area of hard decisions weighted by support; tempo `exactRow`.
 * Under `sound`: `aucWeighted` and `aucMacro` on decision values, `f1Macro` and `f1Micro` at the threshold, and, without
 * intervals (see `precisionByClass`), `apWeighted` and `apMacro`; tempo `accuracy` and `accuracyMacro` of the largest
 * decision. Values: `rmse`, and under `sound` `mae` and `r2`; under `sound` alone durations in quarters have
 * `rmseQuarters` (STUDY §13.15, §13.18), and tempo as a number `rmseTempo` and `r2`.
 *
 * @param live the classes seen in training, ascending; none for values
 * @param chordThreshold decision value above which a chord counts as found, by hand as the authors; other classes have 0
 */
export function scorer(table: BarTable, question: Question, live: readonly number[], chordThreshold: number): Scorer {
  if (question.name === undefined) {
    return classScorer(question.task, askClasses(table, question.task), live, chordThreshold);
  }
  const { rows, answers, songs, songCount } = askValues(table, question.name), { metric } = question;
  const resampled = (predicted: Float64Array, protocol: Protocol): SongScore<string> => {
    const score = errorScore(predicted, answers, { songs, songCount });
    if (protocol === "authors") return metric === "rmse" ? (weights) => ({ rmse: score(weights).rmse }) : () => ({});
    if (metric === "rmse") return score;
    return (weights): Record<string, number> => {
      const { rmse, r2 } = score(weights);
      return metric === "rmseTempo" ? { [metric]: rmse, r2 } : { [metric]: rmse };
    };
  };
  return {
    ...{ rows, songs, songCount },
    scores: (predicted, protocol) => ({ resampled: resampled(predicted, protocol), fixed: {} }),
    choice: (predicted) => -resampled(predicted, "sound")(new Float64Array(songCount).fill(1))[metric],
    extras: () => ({}),
  };
}

function classScorer(
  task: ClassTask,
  { rows, answers, songs, songCount }: Answers<number[]>,
  live: readonly number[],
  chordThreshold: number,
): Scorer {
  const ids = occurring([[...live], ...answers]), place = new Map(ids.map((id, k) => [id, k])), n = answers.length;
  const labels = new Uint8Array(ids.length * n), first = Int32Array.from(answers, (set) => place.get(set[0])!);
  answers.forEach((set, r) => set.forEach((id) => labels[place.get(id)! * n + r] = 1));
  const table: ClassTable = { classes: ids.length, rows: n, labels, songs, songCount };
  const once = new Float64Array(songCount).fill(1), support = positivesByClass(table);
  const defined = support(once).filter((positives) => positives > 0 && positives < n).length;
  const threshold = task === "C" ? chordThreshold : 0;
  /** Classes not seen in training get −1, which is what a ridge on a target that is always −1 predicts. */
  const spread = (predicted: Float64Array) => {
    const all = new Float64Array(ids.length * n).fill(-1);
    live.forEach((id, i) => all.set(predicted.subarray(i * n, (i + 1) * n), place.get(id)! * n));
    return all;
  };
  const scores = (predicted: Float64Array, protocol: Protocol): TaskScores => {
    const decisions = spread(predicted);
    if (task === "T" && protocol === "sound") {
      return { resampled: accuracyScore(argMax(decisions, ids.length), first, ids.length, table), fixed: {} };
    }
    const hard = Uint8Array.from(decisions, (decision) => decision > threshold ? 1 : 0);
    if (task === "T") {
      const right = new Uint8Array(n).fill(1);
      hard.forEach((decision, i) => decision !== labels[i] && (right[i % n] = 0));
      const score = accuracyScore(right, new Uint8Array(n).fill(1), 2, table);
      return { resampled: (weights) => ({ exactRow: score(weights).accuracy }), fixed: {} };
    }
    const count = countByClass(hard, table);
    if (protocol === "authors") {
      const resampled: SongScore<string> = (weights) => ({
        aucHardWeighted: weightedMean(hardAuc(count(weights)), support(weights)),
      });
      return { resampled, fixed: {} };
    }
    const sorted = rankByClass(decisions, table),
      area = aucByClass(sorted, table),
      precision = precisionByClass(sorted);
    return {
      resampled: (weights) => {
        const auc = area(weights), { perClass, micro } = f1Scores(count(weights));
        return {
          aucWeighted: weightedMean(auc, support(weights)),
          aucMacro: macroMean(auc),
          f1Macro: macroMean(perClass),
          f1Micro: micro,
        };
      },
      fixed: { apWeighted: weightedMean(precision, support(once)), apMacro: macroMean(precision) },
    };
  };
  return {
    ...{ rows, songs, songCount, scores },
    choice: (predicted) =>
      task === "T"
        ? scores(predicted, "sound").resampled(once).accuracy
        : weightedMean(aucOnce(spread(predicted), table), support(once)),
    extras: (protocol) => ({
      threshold: task === "T" && protocol === "sound" ? null : threshold,
      skippedClasses: task === "T" ? null : classCounts[task] - defined,
    }),
  };
}
