/**
 * The rows that tables and plots are drawn from: the results table with one pooling and the mean over seeds.
 * @module
 */
import { seedInterval, type SeedScore } from "../metrics/seed_intervals.ts";
import { modelNames } from "../bert/variants.ts";
import {
  handFeatureLine,
  isOf,
  type Line,
  lineOf,
  majorityLine,
  type ProbeRow,
  tokenCountLine,
  untrainedLine,
} from "../probing/rows.ts";

/** A row of the results table, or the mean of rows that differ in their seed alone, with the scores of each seed. */
export type TableRow = ProbeRow & { bySeed: ReadonlyMap<number, SeedScore> };

/** The models of a study. */
export const modelLines: readonly Line[] = modelNames.map((model) => lineOf(model));

/** What a study's tables and Figure 2 compare: its models, encoders before training, and what reads no encoder. */
export const comparedLines: readonly Line[] = [
  ...modelLines,
  ...[untrainedLine, handFeatureLine, tokenCountLine, majorityLine],
];

/** The mean of numbers. */
export const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x / values.length, 0);

/**
 * The rows of one pooling, and those of lines without one. Rows that differ in their seed alone become one row, of the
 * first seed, with their mean score; of authors' draws with the mean of the population stds. Where every seed has
 * resamplings of the songs, the interval counts songs and seeds.
 */
export function tableRows(rows: readonly ProbeRow[], pooling: string): TableRow[] {
  const own = rows.filter((row) => row.pooling === pooling || row.pooling === "none");
  const alike = Map.groupBy(
    own,
    ({ model, input, layer, layers, pooling, labels, task, metric, protocol, split, draw }) =>
      JSON.stringify([model, input, layer, layers, pooling, labels, task, metric, protocol, split, draw]),
  );
  return [...alike.values()].map((same) => {
    const [first] = same;
    const bySeed = new Map(same.map(({ seed, value, replicates = [] }) => [seed, { value, replicates }]));
    if (same.length === 1) return { ...first, bySeed };
    const { value, low, high } = seedInterval([[...bySeed.values()]], first.songs);
    const std = first.std === null ? null : mean(same.map(({ std }) => std!));
    return { ...first, value, low, high, std, replicates: undefined, bySeed };
  });
}

/** With how many seeds a line was trained, or drawn if it is untrained; 0 if the rows lack it. */
export const seedsOf = (rows: readonly TableRow[], line: Line): number =>
  rows.find((row) => isOf(row, line))?.bySeed.size ?? 0;

/** The chance that intervals and p values of these lines count: songs, and the luck of training or of fresh weights. */
export function chanceNote(rows: readonly TableRow[], lines: readonly Line[]): string {
  const ofLines = (input: string) => lines.filter((line) => line.input === input && line.labels === "true");
  const counts = [...new Set(ofLines("trained").map((line) => seedsOf(rows, line)))].sort((a, b) => a - b);
  const untrained = Math.max(0, ...ofLines("untrained").map((line) => seedsOf(rows, line)));
  const least = counts[0] ?? 0, most = counts.at(-1) ?? 0, counted = ["songs"];
  if (most > 1) counted.push(least === most ? `the ${most} seeds of each model` : `the up to ${most} seeds of a model`);
  if (untrained > 1) counted.push(`the ${untrained} seeds of the untrained encoder`);
  const list = new Intl.ListFormat("en-GB").format(counted);
  if (least !== 1) return list;
  const once = most > 1 ? "some models were" : "each model was";
  return `${list}; ${once} trained with one seed, so the luck of training is left out`;
}

/** What the 95% intervals of these lines count, for captions. */
export const intervalNote = (rows: readonly TableRow[], lines: readonly Line[]): string =>
  `95% intervals over ${chanceNote(rows, lines)}`;
