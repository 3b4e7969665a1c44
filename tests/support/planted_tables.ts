/** Bars of songs with drawn labels, and features that hold some of them. @module */
import { assertEquals } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import type { Split } from "@lib/corpus/split.ts";
import { type LabelTable, listAt, meanAt, tempoAt } from "@lib/metrics/label_columns.ts";
import type { BarTable } from "@lib/metrics/tasks.ts";
import type { BarTables, ProbeRow } from "@lib/probing/rows.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import type { BarLabels } from "@lib/tokens/labels.ts";

/** Where rows are said to come from. */
export const meta = { model: "test", input: "trained", seed: 0, layer: 1, layers: "one", pooling: "bar" } as const;

/** A small study with three drawings. */
export const study = recipe("sound", "smoke", {
  probing: { bootstraps: 200, clusters: 10, draws: 3, drawnTrainBars: 4, drawnTestBars: 3 },
});

/** Width of the features. */
export const columns = 12;

/** Songs of bars whose tempo and instruments are drawn for each bar, and whose other labels say nothing. */
function compose(name: string, songs: number, bars: number): BarTable<BarLabels[]> {
  const random = stream(5, "compose", name);
  const labels = Array.from({ length: songs * bars }, (): BarLabels => ({
    chords: random.uniform() < 0.2 ? [] : [7 * random.integer(3)],
    groove: [0, 4 * random.integer(4)],
    instruments: [random.integer(3)],
    tempoBin: 10 + random.integer(3),
    meanVelocity: 60 + random.integer(40),
    meanDuration: 10 * random.uniform(),
    meanDurationQuarters: random.uniform(),
  }));
  return { labels, songs: Int32Array.from(labels, (_, r) => 50 + Math.floor(r / bars)) };
}

/** 25 training, 8 validation and 10 test songs of 12 bars. */
export const tables: BarTables<BarLabels[]> = {
  train: compose("train", 25, 12),
  validation: compose("v", 8, 12),
  test: compose("t", 10, 12),
};

/** Features that hold tempo, instruments and velocity, with noise in the rest. */
export function features(seed = 0) {
  const of = (split: Split) => {
    const random = stream(seed, "features", split);
    return Float32Array.from(tables[split].labels.flatMap((bar) => {
      const row = Array.from({ length: columns }, () => 0.1 * (random.uniform() - 0.5));
      row[bar.tempoBin - 10]++;
      row[3 + bar.instruments[0]]++;
      row[6] += bar.meanVelocity! / 20;
      return row;
    }));
  };
  return { columns, train: of("train"), validation: of("validation"), test: of("test") };
}

/** All labels of a bar. */
export const labelsAt = (labels: LabelTable, row: number): BarLabels => ({
  chords: [...listAt(labels, row, "chords")],
  groove: [...listAt(labels, row, "groove")],
  instruments: [...listAt(labels, row, "instruments")],
  tempoBin: tempoAt(labels, row),
  meanVelocity: meanAt(labels, row, "meanVelocity"),
  meanDuration: meanAt(labels, row, "meanDuration"),
  meanDurationQuarters: meanAt(labels, row, "meanDurationQuarters"),
});

/** The one test row with these fields. */
export const find = (rows: ProbeRow[], task: string, metric: string, labels = "true", draw: number | null = null) => {
  const found = rows.filter((row) =>
    row.task === task && row.metric === metric && row.labels === labels && row.split === "test" && row.draw === draw
  );
  assertEquals(found.length, 1, `${task} ${metric} ${labels} ${draw}: ${found.length} rows`);
  return found[0];
};
