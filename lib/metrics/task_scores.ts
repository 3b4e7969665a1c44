/**
 * Each task's scores in both protocols, as functions of song weights (STUDY §11.7, §13.16–13.18).
 * @module
 */
import { classCounts, type ClassTask, occurring, type Question, type Task, type ValueQuestion } from "./tasks.ts";
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

/** The authors' procedure to the digit, or the sound one. */
export type Protocol = "authors" | "sound";

/** The score by which each protocol compares layers and models. */
export const headlines: Record<Protocol, Record<Task, string>> = {
  authors: {
    C: "aucHardWeighted",
    GP: "aucHardWeighted",
    I: "aucHardWeighted",
    T: "exactRow",
    MV: "rmse",
    MD: "rmse",
    SC: "entropy",
  },
  sound: {
    C: "aucWeighted",
    GP: "aucWeighted",
    I: "aucWeighted",
    T: "accuracy",
    MV: "rmse",
    MD: "rmse",
    SC: "entropy",
  },
};

/** Whether less is better. */
export function lowerIsBetter(metric: string): boolean {
  return ["rmse", "rmseQuarters", "mae", "entropy"].includes(metric);
}

/** True classes of some bars, for the classes that occur in them or were seen in training. */
export interface ClassAnswers extends ClassTable {
  /** Class id of each class of the table. */
  ids: number[];
  /** The first class of each bar, as a place in `ids`. */
  first: Int32Array;
  /** Classes of the task without a positive or without a negative bar. */
  skipped: number;
}

/** Answers of a question over the classes that occur in it and those in `live`. */
export function classAnswers(
  task: ClassTask,
  { answers, songs, songCount }: Question<number[]>,
  live: number[],
): ClassAnswers {
  const ids = occurring([live, ...answers]);
  const place = new Map(ids.map((id, k) => [id, k]));
  const rows = answers.length, labels = new Uint8Array(ids.length * rows), positives = new Int32Array(ids.length);
  answers.forEach((set, r) => {
    for (const id of set) {
      labels[place.get(id)! * rows + r] = 1;
      positives[place.get(id)!]++;
    }
  });
  const defined = positives.filter((n) => n > 0 && n < rows).length;
  return {
    classes: ids.length,
    rows,
    labels,
    songs,
    songCount,
    ids,
    first: Int32Array.from(answers, (set) => place.get(set[0]) ?? -1),
    skipped: classCounts[task] - defined,
  };
}

/**
 * Decision values for all classes of the answers (classes × rows), from those of the classes seen in training
 * (`live` × rows). The others get −1, which is what a ridge on a target that is always −1 predicts.
 */
export function spreadDecisions(decisions: Float64Array, live: number[], { ids, rows }: ClassAnswers): Float64Array {
  const spread = new Float64Array(ids.length * rows).fill(-1);
  const place = new Map(ids.map((id, k) => [id, k]));
  live.forEach((id, i) => spread.set(decisions.subarray(i * rows, (i + 1) * rows), place.get(id)! * rows));
  return spread;
}

/** Decision value above which a class counts as found: hand-set for chords by the authors, 0 otherwise (STUDY §11.7). */
export function threshold(task: ClassTask, chordThreshold: number): number {
  return task === "C" ? chordThreshold : 0;
}

/** Scores that songs are resampled for, and scores that have no interval. */
export interface TaskScores {
  /** Scores by metric, given how often each song counts. */
  resampled: SongScore<string>;
  /** Scores by metric that stand as they are. */
  fixed: Record<string, number>;
}

/** 1 where a decision is above the cut. */
function harden(decisions: Float64Array, cut: number): Uint8Array {
  const hard = new Uint8Array(decisions.length);
  for (let i = 0; i < hard.length; i++) hard[i] = decisions[i] > cut ? 1 : 0;
  return hard;
}

/**
 * Scores of a class task from decision values (classes × rows).
 *
 * `authors`: `aucHardWeighted`, the ROC area of hard decisions weighted by support; tempo `exactRow`.
 * `sound`: `aucWeighted` and `aucMacro` on decision values, `f1Macro` and `f1Micro` at the cut, and, without intervals
 * (see `precisionByClass`), `apWeighted` and `apMacro`; tempo `accuracy` and `accuracyMacro` of the largest decision.
 */
export function classScores(
  task: ClassTask,
  protocol: Protocol,
  decisions: Float64Array,
  answers: ClassAnswers,
  cut: number,
): TaskScores {
  const { classes, rows, labels, first } = answers;
  if (task === "T" && protocol === "sound") {
    return { resampled: accuracyScore(argMax(decisions, classes), first, classes, answers), fixed: {} };
  }
  const hard = harden(decisions, cut);
  if (task === "T") {
    const right = new Uint8Array(rows).fill(1);
    for (let k = 0, i = 0; k < classes; k++) {
      for (let r = 0; r < rows; r++, i++) if (hard[i] !== labels[i]) right[r] = 0;
    }
    const score = accuracyScore(right, new Uint8Array(rows).fill(1), 2, answers);
    return { resampled: (weights) => ({ exactRow: score(weights).accuracy }), fixed: {} };
  }
  const count = countByClass(hard, answers), support = positivesByClass(answers);
  if (protocol === "authors") {
    return {
      resampled: (weights) => ({ aucHardWeighted: weightedMean(hardAuc(count(weights)), support(weights)) }),
      fixed: {},
    };
  }
  const sorted = rankByClass(decisions, answers);
  const area = aucByClass(sorted, answers), precision = precisionByClass(sorted);
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
    fixed: {
      apWeighted: weightedMean(precision, support(new Float64Array(answers.songCount).fill(1))),
      apMacro: macroMean(precision),
    },
  };
}

/** The score of a class task by which a penalty is chosen: the sound headline alone. */
export function choiceScore(task: ClassTask, decisions: Float64Array, answers: ClassAnswers): number {
  const once = new Float64Array(answers.songCount).fill(1);
  if (task === "T") return classScores(task, "sound", decisions, answers, 0).resampled(once).accuracy;
  return weightedMean(aucOnce(decisions, answers), positivesByClass(answers)(once));
}

/** What a class task's rows say beside the scores. */
export function classExtras(
  task: ClassTask,
  protocol: Protocol,
  { skipped }: ClassAnswers,
  cut: number,
): { threshold: number | null; skippedClasses: number | null } {
  return {
    threshold: task === "T" && protocol === "sound" ? null : cut,
    skippedClasses: task === "T" ? null : skipped,
  };
}

/**
 * Scores of a value: its root mean square error, called `metric`, and under `sound` also `mae` and `r2`; of durations
 * in quarters that error alone, and only under `sound` (STUDY §11.7, §13.15, §13.18).
 */
export function valueScores(
  protocol: Protocol,
  metric: ValueQuestion["metric"],
  predicted: ArrayLike<number>,
  { answers, songs, songCount }: Question<number>,
): TaskScores {
  const score = errorScore(predicted, answers, { songs, songCount });
  if (metric === "rmse") {
    return { resampled: protocol === "sound" ? score : (weights) => ({ rmse: score(weights).rmse }), fixed: {} };
  }
  return { resampled: protocol === "sound" ? (weights) => ({ [metric]: score(weights).rmse }) : () => ({}), fixed: {} };
}
