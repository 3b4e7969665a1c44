/**
 * The bars that probes see: which ones, their labels, and their rows among embeddings.
 * @module
 */
import type { Corpus } from "../corpus/store.ts";
import { type Split, splits } from "../corpus/split.ts";
import { type RowSource, sliceRows } from "../matrix/rows.ts";
import { barType, withControls } from "../probing/controls.ts";
import type { BarTables, LayerFeatures, ProbeTables } from "../probing/rows.ts";
import { type Random, sample, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** At most so many bars of each song of some splits, ascending, drawn by `random`. */
export function drawPerSong(
  corpus: Corpus,
  of: readonly Split[],
  most: number,
  random: (song: number) => Random,
): number[] {
  return corpus.songs.flatMap(({ split, firstBar, bars }, song) => {
    if (!of.includes(split)) return [];
    const all = Array.from({ length: bars }, (_, i) => firstBar + i);
    return sample(all, most, random(song)).sort((a, b) => a - b);
  });
}

/** The first item of each song. */
export function firstOfEachSong<T>(items: readonly T[], songOf: (item: T) => number): T[] {
  const firsts = new Map<number, T>();
  for (const item of items) if (!firsts.has(songOf(item))) firsts.set(songOf(item), item);
  return [...firsts.values()];
}

/**
 * A split's bars to probe, ascending within each song: all, or at most `probing.trainBarsPerSong` (train) or
 * `testBarsPerSong` (validation, test) of each song, drawn by the recipe's seed.
 */
export function probeBars(corpus: Corpus, split: Split, { probing, seed }: Recipe): Int32Array {
  const most = split === "train" ? probing.trainBarsPerSong : probing.testBarsPerSong;
  if (most === 0) return corpus.barsOf(split);
  return Int32Array.from(drawPerSong(corpus, [split], most, (song) => stream(seed, "probe bars", song)));
}

/**
 * The bars of {@link probeBars} in one list, those for training, then validation, then test; the same split by split; and
 * `cut`, which splits a matrix that has a row for each bar of the list.
 */
export function stackedBars(corpus: Corpus, recipe: Recipe): {
  all: Int32Array;
  of: Record<Split, Int32Array>;
  cut: (rows: RowSource, columns: number) => LayerFeatures;
} {
  const [train, validation, test] = splits.map((split) => probeBars(corpus, split, recipe));
  return {
    all: Int32Array.of(...train, ...validation, ...test),
    of: { train, validation, test },
    cut: (rows, columns) => ({
      columns,
      train: sliceRows(rows, columns, 0, train.length),
      validation: sliceRows(rows, columns, train.length, validation.length),
      test: sliceRows(rows, columns, train.length + validation.length, test.length),
    }),
  };
}

/** Labels and songs of the bars of {@link probeBars}, with the authors' drawings and the controls that the recipe has. */
export function probeTables(corpus: Corpus, recipe: Recipe): ProbeTables {
  const { of } = stackedBars(corpus, recipe), { controlType } = recipe.probing;
  const perSplit = <T>(make: (bars: number[]) => T) =>
    Object.fromEntries(splits.map((split) => [split, make(Array.from(of[split]))])) as Record<Split, T>;
  const tables: BarTables = perSplit((bars) => ({
    labels: bars.map(corpus.labels),
    songs: Int32Array.from(bars, (bar) => corpus.song(bar)),
  }));
  const types = perSplit((bars) =>
    controlType === "none" ? [] : bars.map((bar) => barType(corpus.tokens(bar), controlType))
  );
  return withControls(tables, types, recipe);
}
