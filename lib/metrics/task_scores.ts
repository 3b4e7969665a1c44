/**
 * Each task's scores in both protocols, as functions of song weights or resampled (STUDY §11.7, §13.16–13.18).
 * @module
 */
import { areasOnce, classParts, classRows, largestClass, type Predicted, resampledAreas } from "./class_parts.ts";
import {
  accuracyScore,
  classCounter,
  type Counts,
  errorScore,
  f1Scores,
  hardAuc,
  macroMean,
  type SongScore,
  weightedMean,
} from "./class_scores.ts";
import { resample, type Resampled, type Resampling, weightings } from "./intervals.ts";
import { precisionByClass } from "./ranking.ts";
import {
  askValues,
  type BarTable,
  classCounts,
  classesOf,
  type ClassTask,
  type Question,
  rowsAsked,
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

/** As {@link TaskScores}, of songs that are resampled already. */
export type ResampledScores = { resampled: Resampled; fixed: Record<string, number> };

/**
 * The rows of a table that have an answer to a question, the song of each, 0…songCount − 1, and how predictions for them
 * are scored.
 */
export type Scorer = {
  rows: Int32Array;
  songs: Int32Array;
  songCount: number;
  /** The sound scores of predictions, at each weighting of the songs. */
  sound(predicted: Predicted, resampling: Omit<Resampling, "songs">): Promise<ResampledScores>;
  /** The authors' scores of predictions. */
  authors(predicted: Predicted): Promise<SongScore<string>>;
  /** The score by which a penalty is chosen, higher is better: the sound headline, of errors the negative. */
  choice(predicted: Predicted): Promise<number>;
  /** What a row of the results says beside its score. */
  extras(protocol: Protocol): { threshold?: number | null; skippedClasses?: number | null };
};

/**
 * The scorer of a question. Predictions are asked for some classes at a time.
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
  if (question.name === undefined) return classScorer(question.task, table, live, chordThreshold);
  const { rows, answers, songs, songCount } = askValues(table, question.name), { metric } = question;
  const score = async (predicted: Predicted) => errorScore(await predicted(0, 1), answers, { songs, songCount });
  const sound = async (predicted: Predicted): Promise<SongScore<string>> => {
    const errors = await score(predicted);
    if (metric === "rmse") return errors;
    return (weights): Record<string, number> => {
      const { rmse, r2 } = errors(weights);
      return metric === "rmseTempo" ? { [metric]: rmse, r2 } : { [metric]: rmse };
    };
  };
  return {
    ...{ rows, songs, songCount },
    async sound(predicted, drawn) {
      return { resampled: resample(await sound(predicted), { songs: songCount, ...drawn }), fixed: {} };
    },
    async authors(predicted) {
      if (metric !== "rmse") return () => ({});
      const errors = await score(predicted);
      return (weights) => ({ rmse: errors(weights).rmse });
    },
    choice: async (predicted) => -(await sound(predicted))(new Float64Array(songCount).fill(1))[metric],
    extras: () => ({}),
  };
}

/** Bars of each class. */
const supportOf = ({ truePositives, falseNegatives }: Counts): Float64Array =>
  truePositives.map((hits, k) => hits + falseNegatives[k]);

function classScorer(task: ClassTask, table: BarTable, live: readonly number[], chordThreshold: number): Scorer {
  const rows = rowsAsked(table, task), n = rows.length;
  const classesAt = (place: number) => classesOf(table.labels, rows[place], task);
  const of = classRows(classesAt, rows.map((row) => table.songs[row]), live), { ids, places, songs, songCount } = of;
  const classes = ids.length, threshold = task === "C" ? chordThreshold : 0;
  const support = Float64Array.from(places, ({ length }) => length);
  const defined = support.filter((positives) => positives > 0 && positives < n).length;
  const once = new Float64Array(songCount).fill(1);
  const isAbove = (decision: number) => decision > threshold ? 1 : 0;
  /** Accuracies of the largest decision, for tempo. */
  const accuracies = async (predicted: Predicted) => {
    const truth = new Int32Array(n);
    places.forEach((own, k) => own.forEach((row) => truth[row] = k));
    return accuracyScore(await largestClass(of, predicted), truth, classes, of);
  };
  /** Counts of the decisions, and for the sound protocol also areas at each weighting and precisions. */
  const counted = async (predicted: Predicted, resampling?: Resampling) => {
    const counter = classCounter({ classes, songs, songCount }), precision = new Float64Array(classes);
    const areas = new Float64Array(resampling ? classes * weightings(resampling) : 0);
    for await (const part of classParts(of, predicted)) {
      const { first, decisions, table: { labels, classes: some } } = part;
      for (let k = 0; k < some; k++) {
        const [from, to] = [k * n, (k + 1) * n];
        counter.add(first + k, Uint8Array.from(decisions.subarray(from, to), isAbove), labels.subarray(from, to));
      }
      if (resampling) precision.set(precisionByClass(resampledAreas(areas, part, resampling)), first);
    }
    return { count: counter.finish(), areas, precision };
  };
  return {
    ...{ rows, songs, songCount },
    async sound(predicted, drawn) {
      const resampling = { songs: songCount, ...drawn };
      if (task === "T") return { resampled: resample(await accuracies(predicted), resampling), fixed: {} };
      const { count, areas, precision } = await counted(predicted, resampling);
      const score = (weights: Float64Array, place: number) => {
        const counts = count(weights), auc = areas.subarray(classes * place, classes * (place + 1));
        const { perClass, micro } = f1Scores(counts), weighted = weightedMean(auc, supportOf(counts));
        return { aucWeighted: weighted, aucMacro: macroMean(auc), f1Macro: macroMean(perClass), f1Micro: micro };
      };
      const fixed = { apWeighted: weightedMean(precision, support), apMacro: macroMean(precision) };
      return { resampled: resample(score, resampling), fixed };
    },
    async authors(predicted) {
      if (task !== "T") {
        const { count } = await counted(predicted);
        return (weights) => {
          const counts = count(weights);
          return { aucHardWeighted: weightedMean(hardAuc(counts), supportOf(counts)) };
        };
      }
      const right = new Uint8Array(n).fill(1);
      for await (const { decisions, table: { labels } } of classParts(of, predicted)) {
        decisions.forEach((decision, i) => isAbove(decision) !== labels[i] && (right[i % n] = 0));
      }
      const score = accuracyScore(right, new Uint8Array(n).fill(1), 2, of);
      return (weights) => ({ exactRow: score(weights).accuracy });
    },
    choice: async (predicted) =>
      task === "T"
        ? (await accuracies(predicted))(once).accuracy
        : weightedMean(await areasOnce(of, predicted), support),
    extras: (protocol) => ({
      threshold: task === "T" && protocol === "sound" ? null : threshold,
      skippedClasses: task === "T" ? null : classCounts[task] - defined,
    }),
  };
}
