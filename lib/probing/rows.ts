/**
 * The results table: one row for each number, and how scores become rows.
 * @module
 */
import type { Split } from "../corpus/split.ts";
import type { RowSource } from "../matrix/rows.ts";
import { macroMean } from "../metrics/class_scores.ts";
import { type LabelTable, takeLabels } from "../metrics/label_columns.ts";
import type { Predicted } from "../metrics/class_parts.ts";
import { type Interval, intervals, resample, type Resampling } from "../metrics/intervals.ts";
import {
  headlines,
  type Protocol,
  type ResampledScores,
  type Scorer,
  type TaskScores,
} from "../metrics/task_scores.ts";
import type { BarTable, Task } from "../metrics/tasks.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** Bars of the three splits; no song may be in two of them. */
export type BarTables<L extends LabelTable = LabelTable> = Record<Split, BarTable<L>>;

/** Embeddings of those bars at one layer, rows × columns, in memory or in files. */
export type LayerFeatures = Record<Split, RowSource> & { columns: number };

/** What a probe was fitted on: true labels, permuted ones, or a control task's (see `controls.ts`). */
export type Labels = "true" | "permuted" | "control";

/** One drawing of bars for the authors' protocol: rows of the training and test tables, ascending (STUDY §11.2). */
export type Draw = Record<"train" | "test", Int32Array>;

/**
 * The bars of a study, drawings of the authors' protocol (without any it takes all bars, once), and the same bars with
 * other labels, to probe as well.
 */
export type ProbeTables = BarTables & {
  draws?: Draw[];
  controls?: (BarTables & { labels: Exclude<Labels, "true"> })[];
};

/**
 * What a probe reads: a trained or an untrained encoder's states, how often each token stands in the bar, what a
 * musicologist would compute of it, or nothing.
 */
export type ProbeInput = "trained" | "untrained" | "token counts" | "hand-made features" | "none";

/**
 * Where features come from. Layer 0 is the embedding output; it is null where not one layer is read but all of them,
 * weighted, or none (guesses, token counts, hand-made features).
 */
export type ProbeMeta = {
  model: string;
  input: ProbeInput;
  seed: number;
  layer: number | null;
  layers: "one" | "weighted" | "none";
  pooling: string;
};

/**
 * One number: a line of the results table. `labels` are those that the probe was fitted on, `split`, `rows` (bars) and
 * `songs` what it was scored on; `headlines` in `task_scores.ts` names the first metric of each task. The value is NaN
 * where it is not defined, as for chords in a split without any; its interval is over test songs, null on validation.
 */
export type ProbeRow<T extends string = Task> = ProbeMeta & Interval & {
  labels: Labels;
  task: T;
  metric: string;
  protocol: Protocol;
  split: ScoredSplit;
  rows: number;
  songs: number;
  /** Which drawing of bars, from 0; null: the mean over the drawings, or bars that were not drawn. */
  draw: number | null;
  /** Population standard deviation over the drawings; null where there were none. */
  std: number | null;
  /** Ridge penalty; null for clusters and guesses. */
  alpha: number | null;
  /** Decision value above which a class counts as found; null where none does. */
  threshold: number | null;
  /** Classes of C, GP, I without a positive or without a negative bar, left out; null for other tasks. */
  skippedClasses: number | null;
  /** Clusters; null but for SC. */
  k: number | null;
  /** The score of each resampling of the test songs that was kept; they are stored apart from the row. */
  replicates?: Float32Array | Float64Array;
};

/** What one line of a table or plot is about; its rows differ in layer, pooling, seed, task, metric and so on. */
export type Line = Pick<ProbeRow, "model" | "input" | "layers" | "labels">;

/** The line of a trained model's probes layer by layer, or of what else `changes` says. */
export const lineOf = (model: string, changes: Partial<Line> = {}): Line => ({
  ...{ model, input: "trained", layers: "one", labels: "true" },
  ...changes,
});

/** The encoder before any training. */
export const untrainedLine: Line = lineOf("untrained", { input: "untrained" });

/** Probes on how often each token stands in the bar. */
export const tokenCountLine: Line = lineOf("bag of tokens", { input: "token counts", layers: "none" });

/** Probes on what a musicologist would compute of the bar; runs of earlier versions have no rows of it. */
export const handFeatureLine: Line = lineOf("hand-made features", { input: "hand-made features", layers: "none" });

/** Answers that need no features: the most common class, the training mean, clusters at random. */
export const majorityLine: Line = lineOf("majority", { input: "none", layers: "none" });

/** Whether a row belongs to a line. */
export const isOf = (row: Line, { model, input, layers, labels }: Line): boolean =>
  row.model === model && row.input === input && row.layers === layers && row.labels === labels;

/** Those of some lines that rows are of. */
export const linesIn = (rows: readonly Line[], lines: readonly Line[]): Line[] =>
  lines.filter((line) => rows.some((row) => isOf(row, line)));

/** Whether a line is something to compare models with: a baseline or a control. */
export const isBaseline = ({ input, labels }: Line): boolean => input !== "trained" || labels !== "true";

/** A split that is scored. */
export type ScoredSplit = Exclude<Split, "train">;

/** Splits that are scored. */
export const scoredSplits = ["validation", "test"] as const;

/** Both protocols. */
export const protocols: readonly Protocol[] = ["authors", "sound"];

/** What a row says beside its metric and score. */
type Place<T extends string = Task> = Pick<ProbeRow<T>, "labels" | "task" | "protocol" | "split" | "rows" | "songs">;

const noExtras = { draw: null, std: null, alpha: null, threshold: null, skippedClasses: null, k: null };

/** Columns of a row that only some scores have; those left out become null. */
export type Extras = Partial<Pick<ProbeRow, keyof typeof noExtras | "replicates">>;

/** The scores of one drawing of bars: how many, and their songs' numbers in the table, as the scores' weights are. */
export type Drawn = { rows: number; songs: number[]; scores: TaskScores };

/** All bars of the tables as the one drawing, where there are no drawings. */
export function drawsOf({ train, test, draws }: ProbeTables): Draw[] {
  const all = ({ labels }: BarTable) => Int32Array.from({ length: labels.length }, (_, row) => row);
  return draws ?? [{ train: all(train), test: all(test) }];
}

/** Those bars of a table. */
export const takeBars = <L extends LabelTable>({ labels, songs }: BarTable<L>, rows: Int32Array): BarTable<L> => ({
  labels: takeLabels(labels, rows),
  songs: rows.map((row) => songs[row]),
});

/** The authors' scores of one drawing, `of` being its bars. */
export async function drawnScores(
  { rows, songs, songCount, authors }: Scorer,
  of: BarTable,
  predicted: Predicted,
): Promise<Drawn> {
  const ids = new Array<number>(songCount);
  rows.forEach((row, i) => ids[songs[i]] = of.songs[row]);
  return { rows: rows.length, songs: ids, scores: { resampled: await authors(predicted), fixed: {} } };
}

/** A table being filled; its tasks are the paper's, or have a user's name. */
export type Collector<T extends string = Task> = {
  rows: ProbeRow<T>[];
  /** Adds scores; on the test split those that can be resampled have 95% intervals over `weights` songs. */
  collect(place: Place<T>, scores: TaskScores, extras?: Extras, weights?: number): void;
  /** How songs are resampled for a row: not at all where it has no interval. */
  resampling(place: Place<T>, weights?: number): Resampling;
  /** Adds scores that are resampled already, as `resampling` says. */
  collectResampled(place: Place<T>, scores: ResampledScores, extras?: Extras): void;
  /** Adds a score's mean and population std over drawings of test bars, its interval, and each drawing's (STUDY §11.3). */
  collectDrawn(place: Pick<Place<T>, "task" | "labels">, draws: Drawn[], extras?: Extras): void;
  /** Adds a number as it is. */
  add(place: Place<T>, metric: string, interval: Interval, extras?: Extras): void;
};

/**
 * An empty table for one model and layer; with `replicates`, test rows of headlines and R² keep the first
 * `probing.keptResamplings` of their resamplings.
 */
export function collector<T extends string = Task>(
  meta: ProbeMeta,
  recipe: Recipe,
  { replicates = false } = {},
): Collector<T> {
  const rows: ProbeRow<T>[] = [], { seed, probing: { bootstraps, keptResamplings } } = recipe;
  const add: Collector<T>["add"] = (place, metric, { value, low, high }, extras = {}) => {
    rows.push({ ...meta, metric, ...place, value, low, high, ...noExtras, ...extras });
  };
  const resampling: Collector<T>["resampling"] = (place, weights = place.songs) => {
    // The authors' controls have no interval but their std: scoring all drawings at each resampling costs the most.
    const resampledToo = place.split === "test" && (place.protocol === "sound" || place.labels === "true");
    return { songs: weights, resamplings: resampledToo ? bootstraps : 0, seed };
  };
  const collectResampled: Collector<T>["collectResampled"] = (place, { resampled, fixed }, extras = {}) => {
    const keep = replicates ? [headlines[place.protocol][place.task as Task], "r2"] : [];
    for (const [metric, { replicates, ...interval }] of Object.entries(intervals(resampled, keep))) {
      add(
        place,
        metric,
        interval,
        replicates ? { ...extras, replicates: replicates.slice(0, keptResamplings) } : extras,
      );
    }
    for (const [metric, value] of Object.entries(fixed)) add(place, metric, { value, low: null, high: null }, extras);
  };
  const collect: Collector<T>["collect"] = (place, { resampled, fixed }, extras, weights) =>
    collectResampled(place, { resampled: resample(resampled, resampling(place, weights)), fixed }, extras);
  const collectDrawn: Collector<T>["collectDrawn"] = ({ task, labels }, draws, extras = {}) => {
    const ids = [...new Set(draws.flatMap(({ songs }) => songs))].sort((a, b) => a - b);
    const places = new Map(ids.map((id, i) => [id, i]));
    const scoreDraws = draws.map(({ scores, songs }) => {
      const at = songs.map((song) => places.get(song)!), own = new Float64Array(at.length);
      return (weights: Float64Array) => {
        for (let i = 0; i < at.length; i++) own[i] = weights[at[i]];
        return scores.resampled(own);
      };
    });
    const once = scoreDraws.map((score) => score(new Float64Array(ids.length).fill(1)));
    const metrics = Object.keys(once[0]);
    const resampled: TaskScores["resampled"] = (weights) => {
      const scores = scoreDraws.map((score) => score(weights)), means: Record<string, number> = {};
      for (const metric of metrics) means[metric] = macroMean(scores.map((of) => of[metric]));
      return means;
    };
    const place: Place<T> = {
      ...{ task, labels, protocol: "authors", split: "test", songs: ids.length },
      rows: Math.round(macroMean(draws.map((draw) => draw.rows))),
    };
    const before = rows.length;
    collect(place, { resampled, fixed: {} }, extras);
    if (draws.length === 1) return;
    for (const row of rows.slice(before)) {
      const values = once.map((scores) => scores[row.metric]);
      row.std = Math.sqrt(macroMean(values.map((value) => (value - row.value) ** 2)));
      values.forEach((value, draw) => {
        const own = { ...place, rows: draws[draw].rows, songs: draws[draw].songs.length };
        add(own, row.metric, { value, low: null, high: null }, { ...extras, draw });
      });
    }
  };
  return { rows, add, resampling, collect, collectResampled, collectDrawn };
}

/** Clusters of a study: the recipe's, but at most its share of the training bars (STUDY §11.8). */
export const clusterCount = ({ probing }: Recipe, trainRows: number): number =>
  Math.max(1, Math.min(probing.clusters, Math.floor(trainRows * probing.clusterShare)));
