import { assertEquals } from "@std/assert";
import {
  askClasses,
  askValues,
  type BarTable,
  classCounts,
  countClasses,
  occurring,
  questions,
  rowsWithChord,
  valueQuestions,
} from "@lib/metrics/tasks.ts";

const bar = { chords: [3, 3, 10], groove: [0, 8, 0], instruments: [128, 2], tempoBin: 5 };
const values = { meanVelocity: 64, meanDuration: 3.5, meanDurationQuarters: 0.25 };
const table: BarTable = {
  labels: [
    { ...bar, ...values },
    { ...bar, chords: [], tempoBin: 31, meanVelocity: null, meanDuration: null, meanDurationQuarters: null },
    { ...bar, chords: [83], ...values, meanVelocity: 30, meanDuration: 9 },
    { ...bar, chords: [10], ...values },
  ],
  songs: Int32Array.of(7, 7, 2, 7),
};

Deno.test("a bar's classes are those of its labels, each once", () => {
  const classes = (["C", "GP", "I", "T"] as const).map((task) => askClasses(table, task).answers[0]);
  assertEquals(classes, [[3, 10], [0, 8], [128, 2], [5]]);
  // 12 roots × 7 qualities; 48 positions; 128 programs and drums; 32 tempo bins (STUDY §5, §4).
  assertEquals(classCounts, { C: 84, GP: 48, I: 129, T: 32 });
  assertEquals(questions.map(({ task }) => task), ["C", "GP", "I", "T", "T", "MV", "MD", "MD"]);
});

Deno.test("chords are asked of bars that have one, the other classes of all; songs are renumbered", () => {
  assertEquals(askClasses(table, "C"), {
    rows: Int32Array.of(0, 2, 3),
    answers: [[3, 10], [83], [10]],
    songs: Int32Array.of(0, 1, 0),
    songCount: 2,
  });
  assertEquals(askClasses(table, "T").answers, [[5], [31], [5], [5]]);
  assertEquals([...askClasses(table, "GP").rows], [0, 1, 2, 3]);
});

Deno.test("values are asked of bars with notes", () => {
  const { rows, answers } = askValues(table, "meanVelocity");
  assertEquals([[...rows], answers], [[0, 2, 3], [64, 30, 64]]);
  assertEquals(valueQuestions.map(({ task, name }) => [task, ...askValues(table, name).answers]), [
    ["T", 59, 210, 59, 59], // bins 5 and 31 (STUDY §3.5), of every bar
    ["MV", 64, 30, 64],
    ["MD", 3.5, 9, 3.5],
    ["MD", 0.25, 0.25, 0.25],
  ]);
});

Deno.test("occurring classes come once, ascending", () => {
  assertEquals(occurring([[10, 2], [], [2, 9]]), [2, 9, 10]);
});

Deno.test("bars are counted by class, each bar once for a class; chords are of bars that have one", () => {
  assertEquals(countClasses(table, "C"), { live: [3, 10, 83], counts: [1, 2, 1], bars: 3 });
  assertEquals(countClasses(table, "GP"), { live: [0, 8], counts: [4, 4], bars: 4 });
  assertEquals(countClasses(table, "T"), { live: [5, 31], counts: [3, 1], bars: 4 });
  assertEquals(rowsWithChord(table), Int32Array.of(0, 2, 3));
});
