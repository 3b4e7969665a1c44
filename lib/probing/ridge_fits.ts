/**
 * Ridge fits of a layer's tasks: one pass over the training rows sums what every target and label set needs.
 * @module
 */
import { fitSums, type LayerTargets, sumLayer } from "../matrix/layer_ridge.ts";
import { type RidgeFit, type Scale, standardisation, takeTargets } from "../matrix/ridge.ts";
import type { RowSource } from "../matrix/rows.ts";
import { classTargets, joinTargets, type Targets, valueTargets } from "../matrix/targets.ts";
import {
  askClasses,
  askValues,
  type BarTable,
  type ClassTask,
  classTasks,
  occurring,
  type Question,
  type Task,
  type ValueQuestion,
  valueQuestions,
} from "../metrics/tasks.ts";

/** The fits of some tasks, one for each penalty. */
export interface FittedTasks {
  /** Fits of the classes in `live`, which occur in training. */
  classes: { task: ClassTask; fits: RidgeFit[]; live: number[] }[];
  /** Fits of the numbers asked. */
  values: { question: ValueQuestion; fits: RidgeFit[] }[];
}

/** The fits of a layer. */
export interface LayerFits {
  /** Mean and population deviation of all bars' features. */
  scale: Scale;
  /** The fits of each table of labels, in order. */
  fitted: FittedTasks[];
}

/** A task's targets, and the classes they are of. */
interface ClassPart {
  task: ClassTask;
  live: number[];
  targets: Targets;
}

/** What a table of labels asks a ridge for. */
interface Parts {
  chords: ClassPart | null;
  classes: ClassPart[];
  values: { question: ValueQuestion; targets: Targets }[];
}

function classPart(task: ClassTask, { answers }: Question<number[]>): ClassPart {
  const live = occurring(answers), place = new Map(live.map((id, i) => [id, i]));
  return { task, live, targets: classTargets(answers.map((set) => set.map((id) => place.get(id)!)), live.length) };
}

function partsOf(table: BarTable, tasks: readonly Task[], withChord: Int32Array): Parts {
  const chords = askClasses(table, "C");
  const askChords = tasks.includes("C") && withChord.length > 0;
  if (askChords && (chords.rows.length !== withChord.length || chords.rows.some((row, i) => row !== withChord[i]))) {
    throw new RangeError("train: expected labels that leave chords to the same bars, found others.");
  }
  return {
    chords: askChords ? classPart("C", chords) : null,
    classes: classTasks.filter((task) => task !== "C" && tasks.includes(task))
      .map((task) => classPart(task, askClasses(table, task))),
    values: valueQuestions.filter(({ task }) => tasks.includes(task)).map((question) => {
      const { rows, answers } = askValues(table, question.name);
      if (rows.length < table.labels.length) {
        throw new RangeError(`train: a bar without notes has no ${question.name}; leave it out.`);
      }
      return { question, targets: valueTargets(answers) };
    }),
  };
}

/**
 * Fits tasks on the labels of each table, all of the same rows; chords on the bars that have one, if any do. One float64
 * Gram of the bars with a chord and one of all bars serve every target of every table.
 *
 * @throws {RangeError} if a training bar has no notes, or tables give chords to different bars.
 */
export async function fitLayer(
  source: RowSource,
  columns: number,
  tables: readonly BarTable[],
  tasks: readonly Task[],
  alphas: readonly number[],
): Promise<LayerFits> {
  const rows = tables[0].labels.length, withChord = askClasses(tables[0], "C").rows;
  const parts = tables.map((table) => partsOf(table, tasks, withChord));
  const chordTargets = parts.flatMap(({ chords }) => chords ? [chords.targets] : []);
  const wanted: LayerTargets = {
    all: joinTargets(parts.flatMap((part) => [...part.classes, ...part.values].map(({ targets }) => targets)), rows),
    some: chordTargets.length > 0 ? withChord : new Int32Array(0),
    ofSome: joinTargets(chordTargets, chordTargets.length > 0 ? withChord.length : 0),
  };
  const sums = await sumLayer(source, columns, wanted);
  const fits = wanted.all.count > 0 ? await fitSums(sums.all, alphas) : [];
  const chordFits = chordTargets.length > 0 ? await fitSums(sums.ofSome, alphas) : [];
  let first = 0, firstChord = 0;
  const take = (from: readonly RidgeFit[], at: number, count: number) => from.map((fit) => takeTargets(fit, at, count));
  const fitted = parts.map(({ chords, classes, values }): FittedTasks => {
    const found: FittedTasks = { classes: [], values: [] };
    if (chords) {
      const { task, live } = chords;
      found.classes.push({ task, live, fits: take(chordFits, firstChord, live.length) });
      firstChord += live.length;
    }
    for (const { task, live } of classes) {
      found.classes.push({ task, live, fits: take(fits, first, live.length) });
      first += live.length;
    }
    for (const { question } of values) found.values.push({ question, fits: take(fits, first++, 1) });
    return found;
  });
  return { scale: standardisation(sums.all.gram), fitted };
}
