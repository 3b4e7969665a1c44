/**
 * Probes of one layer, as rows of one tidy table. Nothing here knows of the encoder, so that workers can probe layers.
 * @module
 */
import { UserError } from "../base/user_error.ts";
import { splits } from "../corpus/split.ts";
import { predictors } from "../matrix/layer_ridge.ts";
import { standardise } from "../matrix/ridge.ts";
import { pickRows, pieces, readRows, rowCount } from "../matrix/rows.ts";
import { type Protocol, scorer } from "../metrics/task_scores.ts";
import { isSoundAlone, type Task, tasks as allTasks } from "../metrics/tasks.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { fitLayer, type FittedQuestion } from "./ridge_fits.ts";
import {
  type BarTables,
  type Collector,
  collector,
  type Drawn,
  drawnScores,
  drawsOf,
  type Extras,
  type Labels,
  type LayerFeatures,
  type ProbeMeta,
  type ProbeRow,
  type ProbeTables,
  protocols as allProtocols,
  scoredSplits,
  takeBars,
} from "./rows.ts";
import { addShuffled, addSongRows, clusterBars, clusterLabels, drawnEntropy } from "./song_clustering.ts";

/**
 * How much of a layer's probing is done, by default all; `labels` are of those that the tables have. With `replicates`
 * the headline scores of each resampling of the test songs are kept, for paired comparisons.
 */
export type Asked = {
  tasks?: readonly Task[];
  protocols?: readonly Protocol[];
  labels?: readonly Labels[];
  replicates?: boolean;
};

/** Refuses features that do not fit the tables, or are not finite: they would be probed to wrong numbers. */
function checkTables(features: LayerFeatures, tables: BarTables): void {
  const { columns } = features;
  for (const split of splits) {
    const { labels, songs } = tables[split], rows = labels.length, given = rowCount(features[split], columns);
    if (given !== rows || songs.length !== rows) {
      const expected = `${rows} bars × ${columns} numbers and ${rows} songs`;
      throw new RangeError(
        `${split}: expected ${expected}, found ${given * columns} numbers and ${songs.length} songs.`,
      );
    }
    for (const { first, x } of pieces(features[split], columns)) {
      const at = x.findIndex((value) => !Number.isFinite(value)), row = first + Math.floor(at / columns);
      if (at < 0) continue;
      throw new UserError(
        `${split}: expected finite features, found ${x[at]} in row ${row}, a bar of song ${songs[row]}.`,
      );
    }
  }
  if (tables.train.labels.length === 0) throw new RangeError("train: expected at least one bar to fit on, found none.");
}

/** Bars of the splits with labels of one kind, and the drawings of all kinds. */
type Labelled = ProbeTables & { labels: Labels };

/** The sound scores of a question: the penalty is chosen on validation songs, the largest among equals. */
async function soundScores(
  { question, live, fits }: FittedQuestion,
  features: LayerFeatures,
  tables: Labelled,
  { probing }: Recipe,
  { collectResampled, resampling }: Collector,
): Promise<void> {
  const scorers = scoredSplits.map((split) => scorer(tables[split], question, live, probing.chordThreshold));
  const [validation, test] = scorers;
  const offered = fits.toSorted((a, b) => b.alpha - a.alpha);
  const tried = predictors(offered, features.validation, validation.rows);
  const choices = await Array.fromAsync(tried, validation.choice); // one after another; the first of equals is taken
  const best = choices.reduce((top, choice, i) => choice > choices[top] || Number.isNaN(choices[top]) ? i : top, 0);
  const [onTest] = predictors([offered[best]], features.test, test.rows), { labels } = tables;
  for (const [i, split] of scoredSplits.entries()) {
    const { rows, songCount: songs, sound, extras } = scorers[i];
    const place = { task: question.task, labels, protocol: "sound", split, rows: rows.length, songs } as const;
    const scores = await sound([tried[best], onTest][i], resampling(place));
    collectResampled(place, scores, { alpha: offered[best].alpha, ...extras("sound") });
  }
}

/**
 * Adds the authors' rows of a layer (STUDY §11.2–11.8): means over the draws, and each draw's. Songs are clustered
 * where the labels are true; a permuted SC is the last draw's bars dealt to songs at random.
 */
async function authorsRows(
  { columns, train, test }: Omit<LayerFeatures, "validation">,
  tables: Labelled,
  recipe: Recipe,
  tasks: readonly Task[],
  collector: Collector,
): Promise<void> {
  const { drawnAlpha: alpha, chordThreshold } = recipe.probing, all = drawsOf(tables), { labels } = tables;
  const scored = new Map<Task, { drawn: Drawn[]; extras: Extras }>();
  const keep = (task: Task, drawn: Drawn, extras: Extras) =>
    scored.set(task, { drawn: [...scored.get(task)?.drawn ?? [], drawn], extras });
  for (const draw of all) {
    const fitOn = takeBars(tables.train, draw.train), scoreOn = takeBars(tables.test, draw.test);
    const x = pickRows(train, columns, draw.train), z = pickRows(test, columns, draw.test);
    const { scale, fitted: [fitted] } = await fitLayer(x, columns, [fitOn], tasks, [alpha]);
    for (const { question, live, fits } of fitted) {
      if (isSoundAlone(question)) continue;
      const score = scorer(scoreOn, question, live, chordThreshold);
      const [predicted] = predictors(fits, z, score.rows);
      keep(question.task, await drawnScores(score, scoreOn, predicted), { alpha, ...score.extras("authors") });
    }
    if (tasks.includes("SC") && (labels === "true" || (labels === "permuted" && draw === all.at(-1)))) {
      const clusters = await clusterBars(scale, x, recipe), { k } = clusters;
      const groups = await clusterLabels(clusters, scale, z);
      if (labels === "true") keep("SC", drawnEntropy(groups, scoreOn.songs, k), { k });
      else addShuffled(collector, "authors", groups, scoreOn.songs, k, recipe);
    }
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets timers and messages through
  }
  for (const [task, { drawn, extras }] of scored) collector.collectDrawn({ task, labels }, drawn, extras);
}

/**
 * Probes one layer for all seven tasks in both protocols, with 95% intervals over test songs (STUDY §11).
 *
 * Authors, on test songs alone: ridge with α = `recipe.probing.drawnAlpha` on standardised features, hard decisions,
 * entropy over ln K; means over the tables' draws, and each draw's. Sound: α of `recipe.probing.alphas`, chosen for each
 * task on validation songs; scores without thresholds; entropy over ln min(n, K), and how well bars find their song's.
 * K is `clusterCount`. Controls are probed alike; a permuted SC is bars dealt to songs at random, with the central 95%
 * of those deals in place of the interval. Without a chord in the training bars there are no rows of C.
 *
 * @throws {UserError} naming split, row and song if a feature is not finite
 * @throws {RangeError} if features and tables disagree, labels are of no class, or a training bar has no notes
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
  const { draws, controls = [] } = tables;
  const all: Labelled[] = [{ ...tables, labels: "true" }, ...controls.map((one) => ({ ...one, draws }))];
  const wanted = all.filter((one) => labels?.includes(one.labels) ?? true);
  const sound = protocols.includes("sound") && wanted.length > 0
    ? await fitLayer(train, columns, wanted.map((one) => one.train), tasks, recipe.probing.alphas)
    : null;
  for (const [i, labelled] of wanted.entries()) {
    for (const fitted of sound?.fitted[i] ?? []) {
      await soundScores(fitted, features, labelled, recipe, written);
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets timers and messages through
    }
    if (protocols.includes("authors")) await authorsRows(features, labelled, recipe, tasks, written);
  }
  const has = (labels: Labels) => wanted.some((one) => one.labels === labels);
  if (sound && tasks.includes("SC") && (has("true") || has("permuted"))) {
    const { scale } = sound, clusters = await clusterBars(scale, train, recipe), { k } = clusters;
    for (const split of scoredSplits) {
      const { songs } = tables[split], groups = await clusterLabels(clusters, scale, features[split]);
      const rowsOf = (rows: Int32Array) => standardise(scale, readRows(features[split], columns, rows));
      if (has("true")) addSongRows(written, split, { labels: groups, rowsOf, songs, k }, recipe);
      if (split === "test" && has("permuted")) addShuffled(written, "sound", groups, songs, k, recipe);
    }
  }
  return written.rows;
}

/** A layer to probe, as {@link probeLayer} takes it. */
export type ProbeJob = { features: LayerFeatures; meta: ProbeMeta; asked?: Asked };

/** Probes layers of one study's bars, for a pool of workers. */
export const layerProber =
  ({ tables, recipe }: { tables: ProbeTables; recipe: Recipe }): (job: ProbeJob) => Promise<ProbeRow[]> =>
  ({ features, meta, asked }) => probeLayer(features, tables, recipe, meta, asked);
