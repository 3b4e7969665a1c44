/**
 * Probes of one layer: seven tasks, in the authors' protocol and in a sound one, as rows of one tidy table.
 *
 * Nothing here knows of the encoder: bar embeddings come as arrays, so that layers can be probed in workers
 * (`probe_pool.ts`).
 * @module
 */
import { assign, kMeans } from "./clustering.ts";
import {
  askClasses,
  askValues,
  type ClassTask,
  classTasks,
  occurring,
  type Question,
  takeRows,
  type ValueQuestion,
  valueQuestions,
} from "./probe_labels.ts";
import {
  clusterCount,
  type Collector,
  collector,
  type ProbeMeta,
  type ProbeRow,
  type ProbeTables,
  protocols,
  type Split,
  splits,
} from "./probe_rows.ts";
import {
  choiceScore,
  classAnswers,
  classExtras,
  classScores,
  spreadDecisions,
  threshold,
  valueScores,
} from "./probe_scores.ts";
import type { Recipe } from "./recipe.ts";
import {
  addGrams,
  classTargets,
  columnMeans,
  crossProducts,
  fitRidge,
  type Gram,
  gram,
  joinCrosses,
  predictRidge,
  type RidgeFit,
  standardise,
  takeTargets,
  valueTargets,
} from "./ridge.ts";

/** Bar embeddings of one layer, rows × columns for each split; rows as in the tables. */
export interface LayerFeatures {
  /** Width of an embedding. */
  columns: number;
  /** Bars to fit on. */
  train: Float32Array;
  /** Bars to choose penalties and layers on. */
  validation: Float32Array;
  /** Bars to report on. */
  test: Float32Array;
}

/** What all probes of a layer share. */
interface Probing {
  features: LayerFeatures;
  tables: ProbeTables;
  recipe: Recipe;
  collect: Collector["collect"];
}

/** The authors' ridge penalty (study §11.6). */
const authorsAlpha = 100;

/** Lets timers and messages through. */
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function checkTables(features: LayerFeatures, tables: ProbeTables): void {
  for (const split of ["train", ...splits] as const) {
    const { labels, songs } = tables[split], rows = labels.length;
    if (features[split].length !== rows * features.columns || songs.length !== rows) {
      throw new RangeError(
        `${split}: expected ${rows} bars × ${features.columns} numbers and ${rows} songs, ` +
          `found ${features[split].length} numbers and ${songs.length} songs.`,
      );
    }
  }
  if (tables.train.labels.length === 0) throw new RangeError("train: expected at least one bar to fit on, found none.");
}

/** The fit of each protocol: the authors' penalty, and the recipe's that scores highest (the largest among equals). */
function chooseFits(
  fits: RidgeFit[],
  recipe: Recipe,
  score: (fit: RidgeFit) => number,
): { authors: RidgeFit; sound: RidgeFit } {
  const offered = fits.filter((fit) => recipe.probing.alphas.includes(fit.alpha)).sort((a, b) => b.alpha - a.alpha);
  const scores = offered.map(score);
  const best = scores.reduce((best, value, i) => value > scores[best] || Number.isNaN(scores[best]) ? i : best, 0);
  return { authors: fits.find((fit) => fit.alpha === authorsAlpha)!, sound: offered[best] };
}

/** A class task in both protocols, penalties tried on validation songs; fits are of the classes in `live`. */
function probeClasses(task: ClassTask, fits: RidgeFit[], live: number[], probing: Probing): void {
  const { features, tables, recipe, collect } = probing;
  const ask = (split: Split) => {
    const question = askClasses(tables[split], task);
    const answers = classAnswers(task, question, live);
    const x = takeRows(features[split], features.columns, question.rows);
    const known = new Map<RidgeFit, Float64Array>();
    const decide = (fit: RidgeFit): Float64Array => {
      const decisions = known.get(fit) ?? spreadDecisions(predictRidge(fit, x, answers.rows), live, answers);
      known.set(fit, decisions);
      return decisions;
    };
    return { answers, decide };
  };
  const asked = { validation: ask("validation"), test: ask("test") };
  const chosen = chooseFits(
    fits,
    recipe,
    (fit) => choiceScore(task, asked.validation.decide(fit), asked.validation.answers),
  );
  const cut = threshold(task, recipe.probing.chordThreshold);
  for (const protocol of protocols) {
    for (const split of splits) {
      const { answers, decide } = asked[split], fit = chosen[protocol];
      collect(
        { task, protocol, split, rows: answers.rows, songs: answers.songCount },
        classScores(task, protocol, decide(fit), answers, cut),
        { alpha: fit.alpha, ...classExtras(task, protocol, answers, cut) },
      );
    }
  }
}

/** A value in both protocols, penalties tried on validation songs; fits are of that value alone. */
function probeValue({ task, name, metric }: ValueQuestion, fits: RidgeFit[], probing: Probing): void {
  const { features, tables, recipe, collect } = probing;
  const ask = (split: Split) => {
    const question = askValues(tables[split], name);
    const x = takeRows(features[split], features.columns, question.rows);
    return { question, predict: (fit: RidgeFit) => predictRidge(fit, x, question.rows.length) };
  };
  const asked = { validation: ask("validation"), test: ask("test") };
  const chosen = chooseFits(fits, recipe, (fit) => {
    const { question, predict } = asked.validation;
    const once = new Float64Array(question.songCount).fill(1);
    return -valueScores("authors", "rmse", predict(fit), question).resampled(once).rmse;
  });
  for (const protocol of protocols) {
    for (const split of splits) {
      const { question, predict } = asked[split], fit = chosen[protocol];
      collect(
        { task, protocol, split, rows: question.rows.length, songs: question.songCount },
        valueScores(protocol, metric, predict(fit), question),
        { alpha: fit.alpha },
      );
    }
  }
}

/**
 * Probes one layer for all seven tasks in both protocols, with 95% intervals over test songs (study §11).
 *
 * Authors: ridge α = 100 on standardised features, hard decisions, entropy over ln K. Sound: α of
 * `recipe.probing.alphas` chosen for each task on validation songs, scores without thresholds, entropy over
 * ln min(n, K). K is `clusterCount` in both. SC under `sound` has a row `entropyNull`: bars dealt to songs at
 * random, with the central 95% of those deals in place of the interval. MD has `rmseQuarters` beside bin indices.
 *
 * Without a chord in the training bars there are no rows of C. Works for about a second at 2400 bars × 128; other work
 * is let through between tasks.
 *
 * @throws {RangeError} if features and tables disagree, labels are of no class, or a training bar has no notes.
 *
 * @example Features that hold the velocity itself
 * ```ts
 * import { probeLayer } from "@lib/probes.ts";
 * import { recipe } from "@lib/recipe.ts";
 * import { assert } from "@std/assert";
 *
 * const bar = (velocity: number) => ({
 *   chords: ["C:maj"], groove: [0], instruments: [0], tempo: 122,
 *   meanVelocity: velocity, meanDuration: 3, meanDurationQuarters: 0.25,
 * });
 * const velocities = Array.from({ length: 60 }, (_, r) => 40 + r);
 * const table = { labels: velocities.map(bar), songs: Int32Array.from(velocities, (_, r) => r % 6) };
 * const x = Float32Array.from(velocities);
 * const rows = await probeLayer(
 *   { columns: 1, train: x, validation: x, test: x },
 *   { train: table, validation: table, test: table },
 *   recipe("sound", "smoke"),
 *   { model: "planted", seed: 0, layer: 1, pooling: "bar" },
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
): Promise<ProbeRow[]> {
  checkTables(features, tables);
  const { columns, train } = features, table = tables.train, rows = table.labels.length;
  const alphas = [...new Set([authorsAlpha, ...recipe.probing.alphas])];
  const written = collector(meta, recipe);
  const probing: Probing = { features, tables, recipe, collect: written.collect };

  // Two Grams: of the bars with a chord, and of all bars as those and the others together.
  const chords = askClasses(table, "C"), withChord = new Set(chords.rows);
  const others = Int32Array.from([...table.labels.keys()].filter((r) => !withChord.has(r)));
  const chordX = takeRows(train, columns, chords.rows), shift = columnMeans(train, rows, columns);
  const chordSums = gram(chordX, chords.rows.length, columns, shift);
  const sums = addGrams(chordSums, gram(takeRows(train, columns, others), others.length, columns, shift));

  const cross = (x: Float32Array, over: Gram, { answers }: Question<number[]>) => {
    const live = occurring(answers), place = new Map(live.map((id, i) => [id, i]));
    const targets = classTargets(answers.map((set) => set.map((id) => place.get(id)!)), live.length);
    return { live, products: crossProducts(x, over, targets) };
  };
  if (chords.rows.length > 0) {
    const { live, products } = cross(chordX, chordSums, chords);
    probeClasses("C", fitRidge(chordSums, products, alphas), live, probing);
    await breathe();
  }

  const parts = classTasks.filter((task) => task !== "C")
    .map((task) => ({ task, ...cross(train, sums, askClasses(table, task)) }));
  const values = valueQuestions.map(({ name }) => {
    const question = askValues(table, name);
    if (question.rows.length < rows) throw new RangeError(`train: a bar without notes has no ${name}; leave it out.`);
    return crossProducts(train, sums, valueTargets(question.answers));
  });
  const fits = fitRidge(sums, joinCrosses(...parts.map(({ products }) => products), ...values), alphas);
  let first = 0;
  for (const { task, live } of parts) {
    probeClasses(task, fits.map((fit) => takeTargets(fit, first, live.length)), live, probing);
    first += live.length;
    await breathe();
  }
  for (const question of valueQuestions) {
    probeValue(question, fits.map((fit) => takeTargets(fit, first, 1)), probing);
    first++;
  }
  await breathe();

  const k = clusterCount(recipe, rows);
  const { seed, probing: { clusterIterations: iterations } } = recipe;
  const clusters = kMeans(standardise(fits[0], train), rows, columns, k, { seed, iterations });
  await breathe();
  for (const split of splits) {
    const { songs } = tables[split];
    const labels = assign(clusters, standardise(fits[0], features[split]), songs.length);
    written.collectEntropy(split, labels, songs, k);
  }
  return written.rows;
}
