/**
 * Baselines that ignore the bar: the most common class, the training mean, clusters at random.
 * @module
 */
import { stream } from "../base/random.ts";
import type { Predicted } from "../metrics/class_parts.ts";
import { scorer } from "../metrics/task_scores.ts";
import { askValues, type BarTable, countClasses, isSoundAlone, type Question, questions } from "../metrics/tasks.ts";
import type { Recipe } from "../recipe/recipe.ts";
import {
  clusterCount,
  collector,
  type Draw,
  drawnScores,
  drawsOf,
  majorityLine,
  type ProbeRow,
  type ProbeTables,
  scoredSplits,
  takeBars,
} from "./rows.ts";
import { addSongRows, drawnEntropy } from "./song_clustering.ts";

/** What a baseline predicts for every bar: one decision value for each class of the training bars, or their mean. */
function constants(question: Question, fitOn: BarTable): { live: number[]; values: number[] } {
  if (question.name !== undefined) {
    const { answers } = askValues(fitOn, question.name);
    return { live: [], values: [answers.reduce((sum, value) => sum + value / answers.length, 0)] };
  }
  const { live, counts, bars } = countClasses(fitOn, question.task), shares = counts.map((count) => count / bars);
  if (question.task !== "T") return { live, values: shares.map((share) => 2 * share - 1) };
  const most = shares.indexOf(Math.max(...shares));
  return { live, values: shares.map((_, i) => i === most ? 1 : -1) };
}

/**
 * The guesses that need no features, scored as the probes are: model `majority`, layer null. C, GP, I: each class by
 * its share of the training bars; T: the most common bin; MV, MD: the training mean; SC: every bar in a cluster drawn
 * at random out of K (one cluster for all bars would score 0).
 *
 * @throws {RangeError} if labels are of no class or there are no training bars.
 */
export async function baselineRows(tables: ProbeTables, recipe: Recipe): Promise<ProbeRow[]> {
  const { labels, ...line } = majorityLine, { train } = tables;
  if (train.labels.length === 0) throw new RangeError("train: expected at least one bar to fit on, found none.");
  const written = collector({ ...line, seed: recipe.seed, layer: null, pooling: "none" }, recipe, { replicates: true });
  const take = (draw: Draw) => ({ train: takeBars(train, draw.train), test: takeBars(tables.test, draw.test) });
  const draws = drawsOf(tables).map(take);
  for (const question of questions) {
    const { task } = question;
    const guess = (fitOn: BarTable, scoreOn: BarTable) => {
      const { live, values } = constants(question, fitOn);
      const score = scorer(scoreOn, question, live, recipe.probing.chordThreshold), { length } = score.rows;
      const predicted: Predicted = (first, count) => {
        const all = new Float64Array(count * length);
        values.slice(first, first + count).forEach((value, k) => all.fill(value, k * length, (k + 1) * length));
        return all;
      };
      return { score, predicted };
    };
    for (const split of scoredSplits) {
      const { score, predicted } = guess(train, tables[split]);
      const place = {
        task,
        labels,
        protocol: "sound",
        split,
        rows: score.rows.length,
        songs: score.songCount,
      } as const;
      const scores = await score.sound(predicted, written.resampling(place));
      written.collectResampled(place, scores, score.extras("sound"));
    }
    if (isSoundAlone(question)) continue;
    const drawn = await Array.fromAsync(draws, async ({ train, test }) => {
      const { score, predicted } = guess(train, test);
      return { scores: await drawnScores(score, test, predicted), extras: score.extras("authors") };
    });
    written.collectDrawn({ task, labels }, drawn.map(({ scores }) => scores), drawn.at(-1)!.extras);
  }
  const random = stream(recipe.seed, "random-clusters");
  const deal = (rows: number, k: number) => Int32Array.from({ length: rows }, () => random.integer(k));
  const k = clusterCount(recipe, train.labels.length);
  for (const split of scoredSplits) {
    const { songs } = tables[split];
    // Directions drawn at random: a bar's nearest are of any song.
    const rowsOf = (rows: Int32Array) => Float64Array.from({ length: 8 * rows.length }, () => random.uniform() - 0.5);
    addSongRows(written, split, { labels: deal(songs.length, k), rowsOf, songs, k }, recipe);
  }
  const drawn = draws.map(({ train, test }) => {
    const k = clusterCount(recipe, train.labels.length);
    return drawnEntropy(deal(test.songs.length, k), test.songs, k);
  });
  written.collectDrawn({ task: "SC", labels }, drawn, { k: clusterCount(recipe, draws[0].train.labels.length) });
  return written.rows;
}
