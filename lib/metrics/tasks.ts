/**
 * Bars' labels as classes and values to probe for (STUDY §5, §11.7).
 * @module
 */
import { chordNames } from "../tokens/chords.ts";
import type { BarLabels } from "../tokens/labels.ts";
import { indexSongs } from "./class_scores.ts";
import { positionsPerBar, tempoBins } from "../tokens/vocabulary.ts";

/** The seven tasks: chords, groove pattern, instruments, tempo, mean velocity, mean duration, song clustering. */
export type Task = "C" | "GP" | "I" | "T" | "MV" | "MD" | "SC";

/** The tasks in the paper's order. */
export const tasks: readonly Task[] = ["C", "GP", "I", "T", "MV", "MD", "SC"];

/** One row for each bar. */
export interface BarTable {
  /** What is true of each bar. */
  labels: BarLabels[];
  /** Song of each bar, any number that tells songs apart. */
  songs: Int32Array;
}

/** Tasks whose answer is a set of classes. */
export type ClassTask = Extract<Task, "C" | "GP" | "I" | "T">;

/** Those tasks, in the paper's order. */
export const classTasks = ["C", "GP", "I", "T"] as const satisfies readonly ClassTask[];

/** A number asked of each bar. */
export interface ValueQuestion {
  /** The paper's task it belongs to. */
  task: Extract<Task, "MV" | "MD">;
  /** Field of the labels. */
  name: "meanVelocity" | "meanDuration" | "meanDurationQuarters";
  /** What its root mean square error is called. */
  metric: "rmse" | "rmseQuarters";
}

/** The numbers asked: velocity (MIDI units), duration (bin index, as the authors; §13.15), duration (quarters). */
export const valueQuestions: readonly ValueQuestion[] = [
  { task: "MV", name: "meanVelocity", metric: "rmse" },
  { task: "MD", name: "meanDuration", metric: "rmse" },
  { task: "MD", name: "meanDurationQuarters", metric: "rmseQuarters" },
];

/** How many classes a task has: chords root·7 + quality, positions, instruments with drums, tempo bins. */
export const classCounts: Record<ClassTask, number> = {
  C: chordNames.length,
  GP: positionsPerBar,
  I: 129,
  T: tempoBins.length,
};

/** Classes of a bar, each once. */
export function barClasses(labels: BarLabels, task: ClassTask): number[] {
  if (task === "C") return [...new Set(labels.chords)];
  if (task === "GP") return [...new Set(labels.groove)];
  if (task === "I") return [...new Set(labels.instruments)];
  return [labels.tempoBin];
}

/** What is asked of some rows of a table. */
export interface Question<Answer> {
  /** Rows of the table that the task has an answer for. */
  rows: Int32Array;
  /** The answer of each such row. */
  answers: Answer[];
  /** Song of each such row, 0…songCount − 1. */
  songs: Int32Array;
  /** Songs. */
  songCount: number;
}

function ask<Answer>(table: BarTable, answer: (labels: BarLabels) => Answer | null): Question<Answer> {
  const all = table.labels.map(answer);
  const rows = Int32Array.from([...all.keys()].filter((r) => all[r] !== null));
  return {
    rows,
    answers: Array.from(rows, (r) => all[r] as Answer),
    ...indexSongs(Array.from(rows, (r) => table.songs[r])),
  };
}

/** The sets of classes of a table's bars; for chords, of the bars that have one (STUDY §5.7). */
export function askClasses(table: BarTable, task: ClassTask): Question<number[]> {
  return ask(table, (labels) => {
    const classes = barClasses(labels, task);
    return task === "C" && classes.length === 0 ? null : classes;
  });
}

/** A value of a table's bars; bars without notes have none. */
export function askValues(table: BarTable, name: ValueQuestion["name"]): Question<number> {
  return ask(table, (labels) => labels[name]);
}

/** Classes that occur in answers, ascending. */
export function occurring(answers: number[][]): number[] {
  return [...new Set(answers.flat())].sort((a, b) => a - b);
}
