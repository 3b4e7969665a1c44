/**
 * What can be said of a bar without looking at it.
 * @module
 */
import { askClasses, askValues, type BarTable, classTasks, occurring, valueQuestions } from "../metrics/tasks.ts";
import {
  clusterCount,
  type Collector,
  collector,
  drawnScores,
  majorityLine,
  type ProbeRow,
  type ProbeTables,
  scoredSplits,
  takeBars,
} from "./rows.ts";
import {
  classAnswers,
  classExtras,
  classScores,
  type Protocol,
  spreadDecisions,
  threshold,
  valueScores,
} from "../metrics/task_scores.ts";
import { addSongRows, drawnEntropy } from "./song_clustering.ts";
import { type Random, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";

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
  const { labels: _, ...line } = majorityLine, meta = { ...line, seed: recipe.seed, layer: null, pooling: "none" };
  const written = collector(meta, recipe, { replicates: true });
  const { train } = tables;
  if (train.labels.length === 0) throw new RangeError("train: expected at least one bar to fit on, found none.");
  const rowsOf = (table: BarTable) => Int32Array.from(table.labels.keys());
  const draws = (tables.draws ?? [{ train: rowsOf(train), test: rowsOf(tables.test) }]).map((draw) => ({
    train: takeBars(train, draw.train),
    test: takeBars(tables.test, draw.test),
  }));
  for (const task of classTasks) {
    const cut = threshold(task, recipe.probing.chordThreshold);
    const guess = (fitOn: BarTable, scoreOn: BarTable, protocol: Protocol) => {
      const { answers } = askClasses(fitOn, task), live = occurring(answers);
      const share = live.map((id) => answers.filter((set) => set.includes(id)).length / answers.length);
      const values = task === "T"
        ? share.map((_, i) => i === share.indexOf(Math.max(...share)) ? 1 : -1)
        : share.map((p) => 2 * p - 1);
      const question = askClasses(scoreOn, task), asked = classAnswers(task, question, live);
      const same = new Float64Array(live.length * asked.rows);
      values.forEach((value, i) => same.fill(value, i * asked.rows, (i + 1) * asked.rows));
      const scores = classScores(task, protocol, spreadDecisions(same, live, asked), asked, cut);
      return { question, scores, extras: classExtras(task, protocol, asked, cut) };
    };
    for (const split of scoredSplits) {
      const { question, scores, extras } = guess(train, tables[split], "sound");
      const place = { task, labels: "true", protocol: "sound", split } as const;
      written.collect({ ...place, rows: question.rows.length, songs: question.songCount }, scores, extras);
    }
    const drawn = draws.map((draw) => ({ of: draw.test, ...guess(draw.train, draw.test, "authors") }));
    const parts = drawn.map(({ of, question, scores }) => drawnScores(question, of, scores));
    written.collectDrawn({ task, labels: "true" }, parts, drawn.at(-1)!.extras);
  }
  for (const { task, name, metric } of valueQuestions) {
    const guess = (fitOn: BarTable, scoreOn: BarTable, protocol: Protocol) => {
      const { answers } = askValues(fitOn, name), question = askValues(scoreOn, name);
      const mean = answers.reduce((sum, value) => sum + value / answers.length, 0);
      return { question, scores: valueScores(protocol, metric, question.answers.map(() => mean), question) };
    };
    for (const split of scoredSplits) {
      const { question, scores } = guess(train, tables[split], "sound");
      const place = { task, labels: "true", protocol: "sound", split } as const;
      written.collect({ ...place, rows: question.rows.length, songs: question.songCount }, scores);
    }
    if (metric !== "rmse") continue; // durations in quarters are not the authors'
    const parts = draws.map((draw) => {
      const { question, scores } = guess(draw.train, draw.test, "authors");
      return drawnScores(question, draw.test, scores);
    });
    written.collectDrawn({ task, labels: "true" }, parts);
  }
  clusterAtRandom(written, tables, draws, recipe);
  return written.rows;
}

function clusterAtRandom(
  written: Collector,
  tables: ProbeTables,
  draws: { train: BarTable; test: BarTable }[],
  recipe: Recipe,
): void {
  const random = stream(recipe.seed, "random-clusters");
  const deal = (rows: number, k: number, { integer }: Random) => Int32Array.from({ length: rows }, () => integer(k));
  const k = clusterCount(recipe, tables.train.labels.length);
  for (const split of scoredSplits) {
    const { songs } = tables[split];
    // Directions drawn at random: a bar's nearest are of any song.
    const rowsOf = (rows: Int32Array) => Float64Array.from({ length: 8 * rows.length }, () => random.uniform() - 0.5);
    addSongRows(written, split, { labels: deal(songs.length, k, random), rowsOf, songs, k }, recipe);
  }
  const drawn = draws.map(({ train, test }) => {
    const k = clusterCount(recipe, train.labels.length);
    return drawnEntropy(deal(test.songs.length, k, random), test.songs, k);
  });
  written.collectDrawn({ task: "SC", labels: "true" }, drawn, {
    k: clusterCount(recipe, draws[0].train.labels.length),
  });
}
