/**
 * Ridge fits of a layer's tasks: two Grams, of the bars with a chord and of all bars, serve every target and label set.
 * @module
 */
import type { Task } from "./paper.ts";
import {
  askClasses,
  askValues,
  type BarTable,
  type ClassTask,
  classTasks,
  occurring,
  type Question,
  takeRows,
  type ValueQuestion,
  valueQuestions,
} from "./probe_labels.ts";
import {
  addGrams,
  classTargets,
  columnMeans,
  crossProducts,
  fitRidge,
  type Gram,
  gram,
  joinCrosses,
  type RidgeFit,
  takeTargets,
  valueTargets,
} from "./ridge.ts";

/** What fits of the same rows share, whatever their labels. */
export interface FitSums {
  columns: number;
  /** Features of all bars, rows × columns. */
  x: Float32Array;
  all: Gram;
  /** Of the bars with a chord. */
  chords: { rows: Int32Array; x: Float32Array; sums: Gram };
  /** Mean and population deviation of all bars' features, as a fit without targets. */
  standardisation: RidgeFit;
}

/** The fits of some tasks, one for each penalty. */
export interface FittedTasks {
  /** Fits of the classes in `live`, which occur in training. */
  classes: { task: ClassTask; fits: RidgeFit[]; live: number[] }[];
  values: { question: ValueQuestion; fits: RidgeFit[] }[];
}

/** Sums over the training features (rows × columns) of a table. */
export function fitSums(x: Float32Array, columns: number, table: BarTable): FitSums {
  const rows = table.labels.length, chords = askClasses(table, "C").rows, withChord = new Set(chords);
  const others = Int32Array.from([...table.labels.keys()].filter((r) => !withChord.has(r)));
  const chordX = takeRows(x, columns, chords), shift = columnMeans(x, rows, columns);
  const sums = gram(chordX, chords.length, columns, shift);
  const all = addGrams(sums, gram(takeRows(x, columns, others), others.length, columns, shift));
  const [standardisation] = fitRidge(all, crossProducts(x, all, valueTargets(new Float64Array(rows))), [1]);
  return { columns, x, all, chords: { rows: chords, x: chordX, sums }, standardisation };
}

/**
 * Fits tasks on the labels of a table with the sums of its rows; chords on the bars that have one, if any do. The table
 * may hold other labels than the sums were made with, as long as the same bars have a chord.
 *
 * @throws {RangeError} if a training bar has no notes, or other bars have a chord than in the sums.
 */
export function fitTask(
  { x, all, chords }: FitSums,
  table: BarTable,
  tasks: readonly Task[],
  alphas: readonly number[],
): FittedTasks {
  const cross = (rows: Float32Array, over: Gram, { answers }: Question<number[]>) => {
    const live = occurring(answers), place = new Map(live.map((id, i) => [id, i]));
    const targets = classTargets(answers.map((set) => set.map((id) => place.get(id)!)), live.length);
    return { live, products: crossProducts(rows, over, targets) };
  };
  const found: FittedTasks = { classes: [], values: [] };
  if (tasks.includes("C") && chords.rows.length > 0) {
    const question = askClasses(table, "C");
    if (question.rows.length !== chords.rows.length || question.rows.some((row, i) => row !== chords.rows[i])) {
      throw new RangeError("train: expected labels that leave chords to the same bars, found others.");
    }
    const { live, products } = cross(chords.x, chords.sums, question);
    found.classes.push({ task: "C", fits: fitRidge(chords.sums, products, alphas), live });
  }
  const parts = classTasks.filter((task) => task !== "C" && tasks.includes(task))
    .map((task) => ({ task, ...cross(x, all, askClasses(table, task)) }));
  const values = valueQuestions.filter(({ task }) => tasks.includes(task)).map((question) => {
    const { rows, answers } = askValues(table, question.name);
    if (rows.length < table.labels.length) {
      throw new RangeError(`train: a bar without notes has no ${question.name}; leave it out.`);
    }
    return { question, products: crossProducts(x, all, valueTargets(answers)) };
  });
  if (parts.length + values.length === 0) return found;
  const fits = fitRidge(all, joinCrosses(...[...parts, ...values].map(({ products }) => products)), alphas);
  let first = 0;
  for (const { task, live } of parts) {
    const from = first;
    found.classes.push({ task, fits: fits.map((fit) => takeTargets(fit, from, live.length)), live });
    first += live.length;
  }
  for (const { question } of values) {
    const from = first++;
    found.values.push({ question, fits: fits.map((fit) => takeTargets(fit, from, 1)) });
  }
  return found;
}
