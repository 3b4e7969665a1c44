/**
 * What can be said of a bar without looking at it.
 * @module
 */
import { askClasses, askValues, classTasks, occurring, valueQuestions } from "./probe_labels.ts";
import { clusterCount, collector, type ProbeRow, type ProbeTables, protocols, splits } from "./probe_rows.ts";
import { classAnswers, classExtras, classScores, spreadDecisions, threshold, valueScores } from "./probe_scores.ts";
import { stream } from "./random.ts";
import type { Recipe } from "./recipe.ts";

/**
 * The guesses that need no features, scored as the probes are: model `majority`, layer null.
 *
 * C, GP, I: each class by its share of the training bars, alike for every bar; T: the most common bin; MV, MD: the
 * training mean; SC: every bar in a cluster drawn at random out of K, which is what clusters that know nothing of
 * songs give (one cluster for all bars would score 0).
 *
 * @throws {RangeError} if labels are of no class or there are no training bars.
 */
export function baselineRows(tables: ProbeTables, recipe: Recipe): ProbeRow[] {
  const meta = { model: "majority", seed: recipe.seed, layer: null, pooling: recipe.probing.pooling };
  const { rows, collect, collectEntropy } = collector(meta, recipe);
  const { train } = tables;
  if (train.labels.length === 0) throw new RangeError("train: expected at least one bar to fit on, found none.");
  for (const task of classTasks) {
    const { answers } = askClasses(train, task), live = occurring(answers);
    const share = live.map((id) => answers.filter((set) => set.includes(id)).length / answers.length);
    const guess = task === "T"
      ? share.map((_, i) => i === share.indexOf(Math.max(...share)) ? 1 : -1)
      : share.map((p) => 2 * p - 1);
    const cut = threshold(task, recipe.probing.chordThreshold);
    for (const protocol of protocols) {
      for (const split of splits) {
        const asked = classAnswers(task, askClasses(tables[split], task), live);
        const same = new Float64Array(live.length * asked.rows);
        guess.forEach((value, i) => same.fill(value, i * asked.rows, (i + 1) * asked.rows));
        collect(
          { task, protocol, split, rows: asked.rows, songs: asked.songCount },
          classScores(task, protocol, spreadDecisions(same, live, asked), asked, cut),
          classExtras(task, protocol, asked, cut),
        );
      }
    }
  }
  for (const { task, name, metric } of valueQuestions) {
    const { answers } = askValues(train, name);
    const mean = answers.reduce((sum, value) => sum + value / answers.length, 0);
    for (const protocol of protocols) {
      for (const split of splits) {
        const question = askValues(tables[split], name);
        const place = { task, protocol, split, rows: question.rows.length, songs: question.songCount };
        const guess = new Float64Array(question.rows.length).fill(mean);
        collect(place, valueScores(protocol, metric, guess, question));
      }
    }
  }
  const k = clusterCount(recipe, train.labels.length), random = stream(recipe.seed, "random-clusters");
  for (const split of splits) {
    const { songs } = tables[split];
    collectEntropy(split, Int32Array.from(songs, () => random.integer(k)), songs, k);
  }
  return rows;
}
