/**
 * The paper's own numbers, which stand beside ours (STUDY §11.9).
 *
 * C, GP, I: support-weighted ROC area of hard decisions (chance 0.5); T: exact-row match; MV, MD: root mean square
 * error in velocity units and duration-bin indices; SC: entropy over ln 1000, lower is better.
 * @module
 */
import { type Task, tasks } from "../metrics/tasks.ts";

/** The paper's models, in its order. */
export const paperModels = ["BERT", "BERT-aug", "BERT-neighbor", "BERT-dropout"] as const;

/** One of the paper's models. */
export type PaperModel = typeof paperModels[number];

/** Scores as printed, with the layer; `std` is the population standard deviation over five draws of bars (Table 2). */
type PaperScores = Record<Task, { value: number; layer: number; std?: number }>;

type Accuracies = Record<"train" | "validation", number>;

const byTask = (score: (i: number) => PaperScores[Task]) =>
  Object.fromEntries(tasks.map((task, i) => [task, score(i)])) as PaperScores;

const last = (values: number[], stds: number[]) => byTask((i) => ({ value: values[i], std: stds[i], layer: 12 }));

const best = (...scores: [number, number][]) => byTask((i) => ({ value: scores[i][0], layer: scores[i][1] }));

/** Tables 1 (accuracies; BERT has no NT-Xent), 2 (last layer) and 3 (best layer, chosen on the test songs). */
export const paperTables: {
  table1: Record<PaperModel, { mlm: Accuracies; ntXent: Accuracies | null }>;
  table2: Record<PaperModel, PaperScores>;
  table3: Record<PaperModel, PaperScores>;
} = {
  table1: {
    "BERT": { mlm: { train: 0.889, validation: 0.869 }, ntXent: null },
    "BERT-aug": { mlm: { train: 0.892, validation: 0.869 }, ntXent: { train: 1, validation: 0.918 } },
    "BERT-neighbor": { mlm: { train: 0.9, validation: 0.868 }, ntXent: { train: 1, validation: 0.059 } },
    "BERT-dropout": { mlm: { train: 0.89, validation: 0.868 }, ntXent: { train: 1, validation: 1 } },
  },
  table2: {
    "BERT": last(
      [0.861, 0.808, 0.764, 0.083, 9.169, 1.904, 0.252],
      [1.933e-4, 4.430e-4, 1.674e-4, 1.593e-4, 1.482e-2, 1.728e-2, 4.154e-4],
    ),
    "BERT-aug": last(
      [0.532, 0.805, 0.855, 0.027, 13.093, 1.804, 0.217],
      [4.058e-4, 4.098e-4, 2.186e-4, 3.661e-4, 1.432e-2, 1.401e-2, 1.442e-3],
    ),
    "BERT-neighbor": last(
      [0.671, 0.768, 0.823, 0.946, 7.107, 2.371, 0.072],
      [5.486e-4, 4.142e-4, 1.951e-4, 2.277e-4, 1.393e-2, 1.790e-2, 4.454e-4],
    ),
    "BERT-dropout": last(
      [0.797, 0.776, 0.750, 0.042, 8.943, 1.937, 0.226],
      [3.031e-4, 4.789e-4, 2.566e-4, 2.967e-4, 1.052e-2, 1.702e-2, 8.667e-4],
    ),
  },
  table3: {
    "BERT": best([0.861, 12], [0.863, 5], [0.882, 4], [0.933, 1], [4.905, 2], [1.571, 1], [0.169, 3]),
    "BERT-aug": best([0.566, 1], [0.839, 4], [0.855, 12], [0.337, 2], [9.823, 2], [1.453, 6], [0.219, 12]),
    "BERT-neighbor": best([0.716, 8], [0.852, 2], [0.941, 4], [0.990, 4], [5.159, 2], [1.584, 2], [0.062, 6]),
    "BERT-dropout": best([0.797, 12], [0.804, 7], [0.807, 5], [0.664, 2], [5.985, 5], [1.664, 5], [0.226, 12]),
  },
};
