/**
 * The bars that probes see: which ones, their labels, and their rows among embeddings.
 * @module
 */
import type { Corpus } from "../corpus/store.ts";
import { type Split, splits } from "../corpus/split.ts";
import { createNpy } from "../matrix/npy.ts";
import { packLabels } from "../metrics/label_columns.ts";
import { pieceBytes, rowsInMemory, type RowSource, sliceRows } from "../matrix/rows.ts";
import { barFeatures, barType, withControls } from "../probing/controls.ts";
import type { LayerJob } from "../probing/probe_layers.ts";
import type { BarTables, LayerFeatures, Line, ProbeTables } from "../probing/rows.ts";
import { type Random, sample, stream } from "../base/random.ts";
import { inSharedMemory } from "../base/worker_pool.ts";
import type { Recipe } from "../recipe/recipe.ts";

const perSplit = <T>(make: (split: Split) => T): Record<Split, T> =>
  Object.fromEntries(splits.map((split) => [split, make(split)])) as Record<Split, T>;

/** At most so many bars of each song of some splits, ascending, drawn by `random`. */
export function drawPerSong(corpus: Corpus, of: Split[], most: number, random: (song: number) => Random): number[] {
  return corpus.songs.flatMap(({ split, firstBar, bars }, song) => {
    if (!of.includes(split)) return [];
    const all = Array.from({ length: bars }, (_, i) => firstBar + i);
    return sample(all, most, random(song)).sort((a, b) => a - b);
  });
}

/** The first item of each song. */
export const firstOfEachSong = <T>(items: readonly T[], songOf: (item: T) => number): T[] =>
  Array.from(Map.groupBy(items, songOf).values(), ([first]) => first);

/** A split's bars to probe, ascending within each song: all, or as many of each song as the recipe draws. */
export function probeBars(corpus: Corpus, split: Split, { probing, seed }: Recipe): Int32Array {
  const most = split === "train" ? probing.trainBarsPerSong : probing.testBarsPerSong;
  if (most === 0) return corpus.barsOf(split);
  return Int32Array.from(drawPerSong(corpus, [split], most, (song) => stream(seed, "probe bars", song)));
}

/** Bars in one list and by split; `cut` splits rows of the list likewise. */
export type StackedBars = {
  all: Int32Array;
  of: Record<Split, Int32Array>;
  cut(rows: RowSource, columns: number): LayerFeatures;
};

/** The bars to probe of each split, as {@link probeBars} gives them. */
export const barsToProbe = (corpus: Corpus, recipe: Recipe): Record<Split, Int32Array> =>
  perSplit((split) => probeBars(corpus, split, recipe));

/** Training, validation and test bars, by default {@link barsToProbe}, in one list and by split; `cut` splits rows likewise. */
export function stackedBars(corpus: Corpus, recipe: Recipe, of = barsToProbe(corpus, recipe)): StackedBars {
  const starts = { train: 0, validation: of.train.length, test: of.train.length + of.validation.length };
  const all = new Int32Array(starts.test + of.test.length); // filled, as a call takes no million arguments
  for (const split of splits) all.set(of[split], starts[split]);
  return {
    all,
    of,
    cut: (rows, columns) => ({
      columns,
      ...perSplit((split) => sliceRows(rows, columns, starts[split], of[split].length)),
    }),
  };
}

/** Labels and songs of bars, by default {@link barsToProbe}, with the recipe's drawings as the authors' and its controls. */
export function probeTables(corpus: Corpus, recipe: Recipe, of = barsToProbe(corpus, recipe)): ProbeTables {
  const { controlType } = recipe.probing;
  const tables: BarTables = perSplit((split) => ({
    labels: packLabels(of[split].length, (row) => corpus.labels(of[split][row])),
    songs: inSharedMemory(of[split].map(corpus.song)),
  }));
  const types = perSplit((split) =>
    controlType === "none" ? [] : of[split].map((bar) => barType(corpus.tokens(bar), controlType))
  );
  return withControls(tables, types, recipe);
}

/**
 * A probe on features of each bar that need no encoder; they are in memory, or in a file at `path` if they do not fit
 * the recipe's memory.
 */
export function featureJob(
  corpus: Corpus,
  bars: StackedBars,
  line: Line,
  describe: (tokens: ArrayLike<number>) => Float32Array,
  recipe: Recipe,
  path: string,
): LayerJob {
  const { labels: _, ...named } = line, { memory } = recipe.probing, rows = bars.all.length;
  const sinkOf = (columns: number) =>
    4 * rows * columns / 2 ** 20 > memory
      ? createNpy(path, rows, columns, { pieceBytes: pieceBytes(memory, 2) })
      : rowsInMemory(rows, columns);
  return {
    meta: { ...named, seed: recipe.seed, layer: null, pooling: "none" },
    features: () => {
      const places = { rows, fitted: bars.of.train.length };
      const { columns, source } = barFeatures((row) => corpus.tokens(bars.all[row]), places, describe, sinkOf);
      return bars.cut(source, columns);
    },
    asked: { labels: ["true"], replicates: true },
  };
}
