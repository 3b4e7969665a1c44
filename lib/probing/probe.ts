/**
 * Probes of one layer: seven tasks, in the authors' protocol and in a sound one, as rows of one tidy table.
 *
 * Nothing here knows of the encoder: bar embeddings come as arrays, so that layers can be probed in workers
 * (`probe_layers.ts`). The authors' protocol is in `probe_draws.ts`.
 * @module
 */
import { predictRows } from "../matrix/layer_ridge.ts";
import { type RidgeFit, standardise } from "../matrix/ridge.ts";
import { readRows, rowCount, type RowSource } from "../matrix/rows.ts";
import {
  askClasses,
  askValues,
  type ClassTask,
  type Task,
  tasks as allTasks,
  type ValueQuestion,
} from "../metrics/tasks.ts";
import { authorsRows } from "./authors_protocol.ts";
import { fitLayer, type FittedTasks } from "./ridge_fits.ts";
import {
  type BarTables,
  type Collector,
  collector,
  type Labels,
  type ProbeMeta,
  type ProbeRow,
  type ProbeTables,
  protocols as allProtocols,
  type ScoredSplit,
  scoredSplits,
} from "./rows.ts";
import {
  choiceScore,
  classAnswers,
  classExtras,
  classScores,
  type Protocol,
  spreadDecisions,
  threshold,
  valueScores,
} from "../metrics/task_scores.ts";
import { addShuffled, addSongRows, clusterBars, clusterLabels } from "./song_clustering.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** Bar embeddings of one layer, rows × columns for each split, in memory or in files; rows as in the tables. */
export interface LayerFeatures {
  /** Width of an embedding. */
  columns: number;
  /** Bars to fit on. */
  train: RowSource;
  /** Bars to choose penalties and layers on. */
  validation: RowSource;
  /** Bars to report on. */
  test: RowSource;
}

/** How much of a layer's probing is done; all of it by default. */
export interface Asked {
  /** Tasks. */
  tasks?: readonly Task[];
  /** Protocols. */
  protocols?: readonly Protocol[];
  /** Labels to fit on, of those that the tables have. */
  labels?: readonly Labels[];
  /** Keep the headline scores of each resampling of the test songs, for paired comparisons. */
  replicates?: boolean;
}

/** What the sound probes of a layer share. */
interface Probing {
  features: LayerFeatures;
  tables: BarTables;
  labels: Labels;
  recipe: Recipe;
  collect: Collector["collect"];
}

/** Lets timers and messages through. */
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function checkTables(features: LayerFeatures, tables: BarTables): void {
  for (const split of ["train", ...scoredSplits] as const) {
    const { labels, songs } = tables[split], rows = labels.length;
    const found = rowCount(features[split], features.columns);
    if (found !== rows || songs.length !== rows) {
      throw new RangeError(
        `${split}: expected ${rows} bars × ${features.columns} numbers and ${rows} songs, ` +
          `found ${found * features.columns} numbers and ${songs.length} songs.`,
      );
    }
  }
  if (tables.train.labels.length === 0) throw new RangeError("train: expected at least one bar to fit on, found none.");
}

/** Fits from the largest penalty on; among equals the first then wins. */
const largestFirst = (fits: readonly RidgeFit[]): RidgeFit[] => fits.toSorted((a, b) => b.alpha - a.alpha);

/** Which score is highest; the first of equals. */
const highest = (scores: readonly number[]): number =>
  scores.reduce((best, value, i) => value > scores[best] || Number.isNaN(scores[best]) ? i : best, 0);

/** A class task, its penalty chosen on validation songs; fits are of the classes in `live`. */
async function probeClasses(task: ClassTask, fits: RidgeFit[], live: number[], probing: Probing): Promise<void> {
  const { features, tables, labels, recipe, collect } = probing;
  const ask = (split: ScoredSplit) => {
    const question = askClasses(tables[split], task), answers = classAnswers(task, question, live);
    const decide = async (fits: readonly RidgeFit[]) =>
      (await predictRows(fits, features[split], question.rows)).map((found) => spreadDecisions(found, live, answers));
    return { answers, decide };
  };
  const asked = { validation: ask("validation"), test: ask("test") }, offered = largestFirst(fits);
  const tried = await asked.validation.decide(offered), { answers } = asked.validation;
  const best = highest(tried.map((decisions) => choiceScore(task, decisions, answers))), fit = offered[best];
  const cut = threshold(task, recipe.probing.chordThreshold);
  for (const split of scoredSplits) {
    const { answers, decide } = asked[split];
    const decisions = split === "validation" ? tried[best] : (await decide([fit]))[0];
    collect(
      { task, labels, protocol: "sound", split, rows: answers.rows, songs: answers.songCount },
      classScores(task, "sound", decisions, answers, cut),
      { alpha: fit.alpha, ...classExtras(task, "sound", answers, cut) },
    );
  }
}

/** A value, its penalty chosen on validation songs; fits are of that value alone. */
async function probeValue({ task, name, metric }: ValueQuestion, fits: RidgeFit[], probing: Probing): Promise<void> {
  const { features, tables, labels, collect } = probing;
  const ask = (split: ScoredSplit) => {
    const question = askValues(tables[split], name);
    return { question, predict: (fits: readonly RidgeFit[]) => predictRows(fits, features[split], question.rows) };
  };
  const asked = { validation: ask("validation"), test: ask("test") }, offered = largestFirst(fits);
  const tried = await asked.validation.predict(offered), { question } = asked.validation;
  const once = new Float64Array(question.songCount).fill(1);
  const best = highest(tried.map((found) => -valueScores("authors", "rmse", found, question).resampled(once).rmse));
  const fit = offered[best];
  for (const split of scoredSplits) {
    const { question, predict } = asked[split];
    const predicted = split === "validation" ? tried[best] : (await predict([fit]))[0];
    collect(
      { task, labels, protocol: "sound", split, rows: question.rows.length, songs: question.songCount },
      valueScores("sound", metric, predicted, question),
      { alpha: fit.alpha },
    );
  }
}

/** The sound probes of a layer for one set of labels. */
async function soundRows({ classes, values }: FittedTasks, probing: Probing): Promise<void> {
  for (const { task, fits, live } of classes) {
    await probeClasses(task, fits, live, probing);
    await breathe();
  }
  for (const { question, fits } of values) await probeValue(question, fits, probing);
}

/**
 * Probes one layer for all seven tasks in both protocols, with 95% intervals over test songs (STUDY §11).
 *
 * Authors, on test songs alone: ridge α = `recipe.probing.drawnAlpha` on standardised features, hard decisions, entropy over ln K; scores are
 * means over the tables' draws, with their population std, and each draw's stands beside. Sound: α of
 * `recipe.probing.alphas` chosen for each task on validation songs, scores without thresholds, entropy over
 * ln min(n, K), which clusters share with songs, and how bars find their song's. K is `clusterCount` in both. MD has
 * `rmseQuarters` beside bin indices. The same for the tables' controls; a permuted SC is bars dealt to songs at random,
 * with the central 95% of those deals in place of the interval.
 *
 * Without a chord in the training bars there are no rows of C. Works for about a second at 2400 bars × 128; other work
 * is let through between tasks.
 *
 * @throws {RangeError} if features and tables disagree, labels are of no class, or a training bar has no notes.
 *
 * @example Features that hold the velocity itself
 * ```ts
 * import { probeLayer } from "@lib/probing/probe.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assert } from "@std/assert";
 *
 * const bar = (velocity: number) => ({
 *   chords: [0], groove: [0], instruments: [0], tempoBin: 16,
 *   meanVelocity: velocity, meanDuration: 3, meanDurationQuarters: 0.25,
 * });
 * const velocities = Array.from({ length: 60 }, (_, r) => 40 + r);
 * const table = { labels: velocities.map(bar), songs: Int32Array.from(velocities, (_, r) => r % 6) };
 * const x = Float32Array.from(velocities);
 * const rows = await probeLayer(
 *   { columns: 1, train: x, validation: x, test: x },
 *   { train: table, validation: table, test: table },
 *   recipe("sound", "smoke"),
 *   { model: "planted", input: "trained", seed: 0, layer: 1, layers: "one", pooling: "bar" },
 * );
 * const r2 = rows.find((row) => row.task === "MV" && row.metric === "r2" && row.split === "test")!;
 * assert(r2.value > 0.99 && r2.alpha === 1);
 * ```
 */
export async function probeLayer(
  features: LayerFeatures,
  tables: ProbeTables,
  recipe: Recipe,
  meta: ProbeMeta,
  { tasks = allTasks, protocols = allProtocols, labels, replicates = false }: Asked = {},
): Promise<ProbeRow[]> {
  checkTables(features, tables);
  const { columns, train } = features;
  const written = collector(meta, recipe, { replicates });
  const readings: (BarTables & { labels: Labels })[] = [{ ...tables, labels: "true" }, ...tables.controls ?? []];
  const wanted = readings.filter((reading) => labels?.includes(reading.labels) ?? true);
  const sound = protocols.includes("sound") && wanted.length > 0
    ? await fitLayer(train, columns, wanted.map((reading) => reading.train), tasks, recipe.probing.alphas)
    : null;
  for (const [i, reading] of wanted.entries()) {
    if (sound) {
      const probing = { features, tables: reading, labels: reading.labels, recipe, collect: written.collect };
      await soundRows(sound.fitted[i], probing);
      await breathe();
    }
    if (protocols.includes("authors")) {
      await authorsRows(features, reading, reading.labels, tables.draws, recipe, tasks, written);
    }
  }
  const asks = (labels: Labels) => wanted.some((reading) => reading.labels === labels);
  if (sound && tasks.includes("SC") && (asks("true") || asks("permuted"))) {
    const { scale } = sound, clusters = await clusterBars(scale, train, recipe), { k } = clusters;
    for (const split of scoredSplits) {
      const { songs } = tables[split], found = await clusterLabels(clusters, scale, features[split]);
      const rowsOf = (rows: Int32Array) => standardise(scale, readRows(features[split], columns, rows));
      if (asks("true")) addSongRows(written, split, { labels: found, rowsOf, songs, k }, recipe);
      if (split === "test" && asks("permuted")) addShuffled(written, "sound", found, songs, k, recipe);
    }
  }
  return written.rows;
}

/** A layer to probe, as {@link probeLayer} takes it. */
export interface ProbeJob {
  /** The layer's features. */
  features: LayerFeatures;
  /** Model, seed, layer and pooling, which its rows carry. */
  meta: ProbeMeta;
  /** How much of it is done. */
  asked?: Asked;
}

/** Probes layers of one study's bars, for a pool of workers. */
export const layerProber =
  ({ tables, recipe }: { tables: ProbeTables; recipe: Recipe }) =>
  ({ features, meta, asked }: ProbeJob): Promise<ProbeRow[]> => probeLayer(features, tables, recipe, meta, asked);
