/**
 * Bars' labels as classes and values to probe for (STUDY §5, §11.7).
 * @module
 */
import { chordNames } from "../tokens/chords.ts";
import type { BarLabels } from "../tokens/labels.ts";
import { positionsPerBar, tempoBins } from "../tokens/vocabulary.ts";
import { indexSongs } from "./class_scores.ts";

/** The seven tasks: chords, groove pattern, instruments, tempo, mean velocity, mean duration, song clustering. */
export type Task = "C" | "GP" | "I" | "T" | "MV" | "MD" | "SC";

/** The tasks in the paper's order. */
export const tasks: readonly Task[] = ["C", "GP", "I", "T", "MV", "MD", "SC"];

/** Labels of bars and the song of each, any number that tells songs apart. */
export type BarTable = { labels: BarLabels[]; songs: Int32Array };

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

function answersOf<Answer>(table: BarTable, answer: (labels: BarLabels) => Answer | null): Answers<Answer> {
  const all = table.labels.map(answer);
  const rows = Int32Array.from([...all.keys()].filter((r) => all[r] !== null));
  return {
    rows,
    answers: Array.from(rows, (r) => all[r] as Answer),
    ...indexSongs(Array.from(rows, (r) => table.songs[r])),
  };
}

/** The classes of a bar, each once; null for chords of a bar without one (STUDY §5.7). */
export function classesOf({ chords, groove, instruments, tempoBin }: BarLabels, task: ClassTask): number[] | null {
  if (task === "T") return [tempoBin];
  const classes = [...new Set({ C: chords, GP: groove, I: instruments }[task])];
  return task === "C" && classes.length === 0 ? null : classes;
}

/** A value of a bar; null if it has no notes. */
export const valueOf = (labels: BarLabels, name: ValueQuestion["name"]): number | null =>
  name === "tempo" ? tempoBins[labels.tempoBin] : labels[name];

/** The classes of a table's bars, each once; for chords, of the bars that have one (STUDY §5.7). */
export const askClasses = (table: BarTable, task: ClassTask): Answers<number[]> =>
  answersOf(table, (labels) => classesOf(labels, task));

/** A value of a table's bars; bars without notes have none. */
export const askValues = (table: BarTable, name: ValueQuestion["name"]): Answers<number> =>
  answersOf(table, (labels) => valueOf(labels, name));

/** How many bars of a table have each class, by class ascending, and how many have an answer; none of them is kept. */
export function countClasses(
  { labels }: BarTable,
  task: ClassTask,
): { live: number[]; counts: number[]; bars: number } {
  const found = new Map<number, number>();
  let bars = 0;
  for (const bar of labels) {
    const classes = classesOf(bar, task);
    if (classes === null) continue;
    bars++;
    for (const id of classes) found.set(id, 1 + (found.get(id) ?? 0));
  }
  const live = [...found.keys()].sort((a, b) => a - b);
  return { live, counts: live.map((id) => found.get(id)!), bars };
}

/** The rows of a table that have a chord, ascending. */
export const rowsWithChord = ({ labels }: BarTable): Int32Array =>
  Int32Array.from(labels.keys()).filter((row) => labels[row].chords.length > 0);

/** Classes that occur in answers, ascending. */
export function occurring(answers: number[][]): number[] {
  return [...new Set(answers.flat())].sort((a, b) => a - b);
}
