/**
 * The results table: one row for each number, and how a score becomes one.
 * @module
 */
import { bootstrap, type EntropyOptions, type Interval, shuffledEntropy, songEntropy } from "./metrics.ts";
import type { Task } from "./paper.ts";
import type { BarTable } from "./probe_labels.ts";
import type { Protocol, TaskScores } from "./probe_scores.ts";
import type { Recipe } from "./recipe.ts";
import { songMean } from "./scores.ts";

/** The bars of the three splits; no song may be in two of them. */
export interface ProbeTables {
  train: BarTable;
  validation: BarTable;
  test: BarTable;
}

/** Where features come from. */
export interface ProbeMeta {
  /** Name of the model. */
  model: string;
  /** Seed of the model's training. */
  seed: number;
  /** Layer, 0 being the embedding output; null for guesses that need none. */
  layer: number | null;
  /** How a bar's states became one embedding. */
  pooling: string;
}

/** One number: a line of the results table. */
export interface ProbeRow extends ProbeMeta {
  /** What was asked. */
  task: Task;
  /** How it was scored; `headlines` in `probe_scores.ts` names each task's first. */
  metric: string;
  /** The authors' procedure, or the sound one. */
  protocol: Protocol;
  /** Bars it was scored on. */
  split: "validation" | "test";
  /** The score; NaN where it is not defined, as for chords in a split without any. */
  value: number;
  /** Lower bound of the 95% interval over test songs; null on validation songs, where none is made. */
  low: number | null;
  /** Upper bound. */
  high: number | null;
  /** Bars scored. */
  rows: number;
  /** Songs scored. */
  songs: number;
  /** Ridge penalty; null for clusters and guesses. */
  alpha: number | null;
  /** Decision value above which a class counts as found; null where none does. */
  threshold: number | null;
  /** Classes of C, GP, I without a positive or without a negative bar, left out; null for other tasks. */
  skippedClasses: number | null;
  /** Clusters; null but for SC. */
  k: number | null;
}

/** Splits that are scored. */
export const splits = ["validation", "test"] as const;

/** Splits that are scored. */
export type Split = typeof splits[number];

/** Both protocols. */
export const protocols: readonly Protocol[] = ["authors", "sound"];

/** What a row says beside its score. */
export interface Place {
  task: Task;
  protocol: Protocol;
  split: Split;
  rows: number;
  songs: number;
}

/** A table being filled. */
export interface Collector {
  /** What was collected so far. */
  rows: ProbeRow[];
  /** Adds scores, with 95% intervals over songs on the test split where they can be resampled. */
  collect(place: Place, scores: TaskScores, extras?: Extras): void;
  /** Adds the entropy of songs over cluster labels in both readings, and on test what shuffled bars give (study §11.8). */
  collectEntropy(split: Split, labels: Int32Array, songs: Int32Array, k: number): void;
}

type Extras = Partial<Pick<ProbeRow, "alpha" | "threshold" | "skippedClasses" | "k">>;

/** An empty table for one model and layer. */
export function collector(meta: ProbeMeta, recipe: Recipe): Collector {
  const rows: ProbeRow[] = [];
  const add = (place: Place, metric: string, interval: Interval, extras: Extras = {}): void => {
    const none = { alpha: null, threshold: null, skippedClasses: null, k: null };
    rows.push({ ...meta, metric, ...place, ...interval, ...none, ...extras });
  };
  const collect = (place: Place, { resampled, fixed }: TaskScores, extras: Extras = {}, songs = place.songs): void => {
    const resamplings = place.split === "test" ? recipe.probing.bootstraps : 0;
    const scores = bootstrap(resampled, songs, { resamplings, seed: recipe.seed });
    for (const [metric, interval] of Object.entries(scores)) add(place, metric, interval, extras);
    for (const [metric, value] of Object.entries(fixed)) add(place, metric, { value, low: null, high: null }, extras);
  };
  const collectEntropy = (split: Split, labels: Int32Array, songs: Int32Array, k: number): void => {
    const bars = new Map<number, number>();
    for (const song of songs) bars.set(song, (bars.get(song) ?? 0) + 1);
    for (const reading of protocols) {
      const options: EntropyOptions = { clusters: k, reading };
      const { perSong } = songEntropy(labels, songs, options);
      const counted = [...bars.values()].filter((n) => reading === "authors" || n > 1);
      const held = counted.reduce((sum, n) => sum + n, 0);
      const place: Place = { task: "SC", protocol: reading, split, rows: held, songs: counted.length };
      // Songs that the reading drops are NaN, and do not count in a resampling.
      collect(place, { resampled: songMean("entropy", perSong), fixed: {} }, { k }, perSong.length);
      if (reading === "sound" && split === "test") {
        add(place, "entropyNull", shuffledEntropy(labels, songs, options, { seed: recipe.seed }), { k });
      }
    }
  };
  return { rows, collect, collectEntropy };
}

/** Clusters of a study: the recipe's, but at least five training bars for each (study §11.8). */
export function clusterCount(recipe: Recipe, trainRows: number): number {
  return Math.max(1, Math.min(recipe.probing.clusters, Math.floor(trainRows / 5)));
}
