/**
 * Bars' labels as classes and values to probe for (STUDY §5, §11.7).
 * @module
 */
import { chordNames } from "../tokens/chords.ts";
import { positionsPerBar, tempoBins } from "../tokens/vocabulary.ts";
import { indexSongs } from "./class_scores.ts";
import { type LabelTable, listAt, meanAt, tempoAt } from "./label_columns.ts";

/** The seven tasks: chords, groove pattern, instruments, tempo, mean velocity, mean duration, song clustering. */
export type Task = "C" | "GP" | "I" | "T" | "MV" | "MD" | "SC";

/** The tasks in the paper's order. */
export const tasks: readonly Task[] = ["C", "GP", "I", "T", "MV", "MD", "SC"];

/** Labels of bars and the song of each, any number that tells songs apart. */
export type BarTable<L extends LabelTable = LabelTable> = { labels: L; songs: Int32Array };

/** Tasks whose answer is a set of classes. */
export type ClassTask = Extract<Task, "C" | "GP" | "I" | "T">;

/** A question for a bar's classes. */
type ClassQuestion = { task: ClassTask; name?: undefined };

/**
 * A question for a number of a bar: the paper's task, the labels' field or the tempo of its bin in quarters a minute, and
 * what its root mean square error is called. Those whose error is not `rmse` are asked under the sound protocol alone.
 */
export type ValueQuestion = {
  task: Extract<Task, "T" | "MV" | "MD">;
  name: "tempo" | "meanVelocity" | "meanDuration" | "meanDurationQuarters";
  metric: "rmse" | "rmseQuarters" | "rmseTempo";
};

/** What a ridge regression is fitted for. */
export type Question = ClassQuestion | ValueQuestion;

/**
 * The numbers: tempo (quarters a minute), velocity (MIDI units), duration (bin index, as the authors; STUDY §13.15),
 * duration (quarters).
 */
export const valueQuestions: readonly ValueQuestion[] = [
  { task: "T", name: "tempo", metric: "rmseTempo" },
  { task: "MV", name: "meanVelocity", metric: "rmse" },
  { task: "MD", name: "meanDuration", metric: "rmse" },
  { task: "MD", name: "meanDurationQuarters", metric: "rmseQuarters" },
];

/** All questions, in the paper's order of tasks. */
export const questions: readonly Question[] = [
  ...(["C", "GP", "I", "T"] as const).map((task): ClassQuestion => ({ task })),
  ...valueQuestions,
];

/** Whether the authors' protocol has no such question. */
export const isSoundAlone = (question: Question): boolean => question.name !== undefined && question.metric !== "rmse";

/** How many classes a task has: chords root·7 + quality, positions, instruments with drums, tempo bins. */
export const classCounts: Record<ClassTask, number> = {
  C: chordNames.length,
  GP: positionsPerBar,
  I: 129,
  T: tempoBins.length,
};

/** The rows of a table that have an answer, the answer of each, and its song, 0…songCount − 1. */
export type Answers<Answer> = { rows: Int32Array; answers: Answer[]; songs: Int32Array; songCount: number };

/** The classes of a bar, each once; none for chords of a bar without one, which is not asked for them (STUDY §5.7). */
export function classesOf(labels: LabelTable, row: number, task: ClassTask): number[] {
  if (task === "T") return [tempoAt(labels, row)];
  const found: number[] = [];
  for (const id of listAt(labels, row, ({ C: "chords", GP: "groove", I: "instruments" } as const)[task])) {
    if (!found.includes(id)) found.push(id);
  }
  return found;
}

/** A value of a bar; null if it has no notes. */
export const valueOf = (labels: LabelTable, row: number, name: ValueQuestion["name"]): number | null =>
  name === "tempo" ? tempoBins[tempoAt(labels, row)] : meanAt(labels, row, name);

const allRows = ({ labels }: BarTable): Int32Array => Int32Array.from({ length: labels.length }, (_, row) => row);

/** The rows of a table that have a chord, ascending. */
export const rowsWithChord = (table: BarTable): Int32Array =>
  allRows(table).filter((row) => listAt(table.labels, row, "chords").length > 0);

/** The rows of a table that are asked for classes: for chords those that have one (STUDY §5.7), else all. */
export const rowsAsked = (table: BarTable, task: ClassTask): Int32Array =>
  task === "C" ? rowsWithChord(table) : allRows(table);

/** A value of a table's bars; bars without notes have none. */
export function askValues(table: BarTable, name: ValueQuestion["name"]): Answers<number> {
  const { labels, songs } = table, rows = allRows(table).filter((row) => valueOf(labels, row, name) !== null);
  return {
    rows,
    answers: Array.from(rows, (row) => valueOf(labels, row, name)!),
    ...indexSongs(rows.map((row) => songs[row])),
  };
}

/** How many bars of a table have each class, by class ascending, and how many are asked; none of them is kept. */
export function countClasses(table: BarTable, task: ClassTask): { live: number[]; counts: number[]; bars: number } {
  const found = new Map<number, number>(), rows = rowsAsked(table, task);
  for (const row of rows) {
    for (const id of classesOf(table.labels, row, task)) found.set(id, 1 + (found.get(id) ?? 0));
  }
  const live = [...found.keys()].sort((a, b) => a - b);
  return { live, counts: live.map((id) => found.get(id)!), bars: rows.length };
}
