/**
 * Ridge fits of a layer: one pass over the training rows sums what every question and label set needs.
 * @module
 */
import { fitSums, type LayerTargets, sumLayer } from "../matrix/layer_ridge.ts";
import { type RidgeFit, type Scale, standardisation, takeTargets } from "../matrix/ridge.ts";
import type { RowSource } from "../matrix/rows.ts";
import { classTargets, joinRowTargets, type RowTargets, valueTargets } from "../matrix/targets.ts";
import {
  type BarTable,
  classesOf,
  countClasses,
  type Question,
  questions,
  rowsWithChord,
  type Task,
  valueOf,
} from "../metrics/tasks.ts";

/** The fits of one question, one for each penalty; `live` are the classes that occur in training, none for values. */
export type FittedQuestion = { question: Question; live: number[]; fits: RidgeFit[] };

/** A question with its targets, of bars with a chord or of all. */
type Part = Omit<FittedQuestion, "fits"> & { targets: RowTargets };

/** Targets of a question are made of the labels row by row, since those of a million bars would take gigabytes. */
function partOf(table: BarTable, question: Question, withChord: Int32Array): Part {
  const { name } = question, { labels } = table;
  if (name === undefined) {
    const { task } = question, { live } = countClasses(table, task), isC = task === "C";
    const place = new Map(live.map((id, i) => [id, i]));
    const classesAt = (row: number) => classesOf(labels, isC ? withChord[row] : row, task).map((id) => place.get(id)!);
    const take: RowTargets["take"] = (rows) => classTargets(Array.from(rows, classesAt), live.length);
    const { count, base } = take([]), rows = isC ? withChord.length : labels.length;
    return { question, live, targets: { rows, count, base, take } };
  }
  for (let row = 0; row < labels.length; row++) {
    if (valueOf(labels, row, name) !== null) continue;
    throw new RangeError(`train: a bar without notes has no ${name}; leave it out.`);
  }
  const take: RowTargets["take"] = (rows) =>
    valueTargets(Float64Array.from(rows, (row) => valueOf(labels, row, name)!));
  const { count, base } = take([]);
  return { question, live: [], targets: { rows: labels.length, count, base, take } };
}

/**
 * Fits tasks on the labels of each table, all of the same rows; chords on the bars that have one, if any do. One float64
 * Gram of the bars with a chord and one of all bars serve every target of every table.
 *
 * @returns mean and population deviation of all bars' features, and the fits of each table in order
 * @throws {RangeError} if a training bar has no notes, or tables give chords to different bars.
 */
export async function fitLayer(
  source: RowSource,
  columns: number,
  tables: readonly BarTable[],
  tasks: readonly Task[],
  alphas: readonly number[],
): Promise<{ scale: Scale; fitted: FittedQuestion[][] }> {
  const [withChord, ...others] = tables.map(rowsWithChord);
  const differs = (rows: Int32Array) => rows.length !== withChord.length || rows.some((row, i) => row !== withChord[i]);
  if (tasks.includes("C") && others.some(differs)) {
    throw new RangeError("train: expected labels that leave chords to the same bars, found others.");
  }
  const asked = questions.filter(({ task }) => tasks.includes(task) && (task !== "C" || withChord.length > 0));
  const parts = tables.map((table) => asked.map((question) => partOf(table, question, withChord)));
  const targetsOf = (chords: boolean) =>
    parts.flat().filter(({ question }) => (question.task === "C") === chords).map(({ targets }) => targets);
  const ofChords = targetsOf(true), some = ofChords.length > 0 ? withChord : new Int32Array(0);
  const wanted: LayerTargets = {
    all: joinRowTargets(targetsOf(false), tables[0].labels.length),
    some,
    ofSome: joinRowTargets(ofChords, some.length),
  };
  const sums = await sumLayer(source, columns, wanted);
  const fits = {
    all: wanted.all.count > 0 ? await fitSums(sums.all, alphas) : [],
    ofSome: ofChords.length > 0 ? await fitSums(sums.ofSome, alphas) : [],
  };
  const taken = { all: 0, ofSome: 0 };
  const fitted = parts.map((ofTable) =>
    ofTable.map(({ question, live, targets: { count } }): FittedQuestion => {
      const of = question.task === "C" ? "ofSome" : "all", first = taken[of];
      taken[of] += count;
      return { question, live, fits: fits[of].map((fit) => takeTargets(fit, first, count)) };
    })
  );
  return { scale: standardisation(sums.all.gram), fitted };
}
