import { assertEquals } from "@std/assert";
import {
  askValues,
  type BarTable,
  classCounts,
  classesOf,
  countClasses,
  questions,
  rowsAsked,
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
  const classes = (["C", "GP", "I", "T"] as const).map((task) => classesOf(table.labels, 0, task));
  assertEquals(classes, [[3, 10], [0, 8], [128, 2], [5]]);
  // 12 roots × 7 qualities; 48 positions; 128 programs and drums; 32 tempo bins (STUDY §5, §4).
  assertEquals(classCounts, { C: 84, GP: 48, I: 129, T: 32 });
  assertEquals(questions.map(({ task }) => task), ["C", "GP", "I", "T", "T", "MV", "MD", "MD"]);
});

Deno.test("chords are asked of bars that have one, the other classes of all", () => {
  assertEquals([...rowsAsked(table, "C")], [0, 2, 3]);
  assertEquals([...rowsAsked(table, "GP")], [0, 1, 2, 3]);
  assertEquals([0, 1, 2, 3].map((row) => classesOf(table.labels, row, "C")), [[3, 10], [], [83], [10]]);
  assertEquals([0, 1, 2, 3].map((row) => classesOf(table.labels, row, "T")), [[5], [31], [5], [5]]);
});

Deno.test("values are asked of bars with notes; songs are renumbered", () => {
  const { rows, answers, songs, songCount } = askValues(table, "meanVelocity");
  assertEquals([[...rows], answers, [...songs], songCount], [[0, 2, 3], [64, 30, 64], [0, 1, 0], 2]);
  assertEquals(valueQuestions.map(({ task, name }) => [task, ...askValues(table, name).answers]), [
    ["T", 59, 210, 59, 59], // bins 5 and 31 (STUDY §3.5), of every bar
    ["MV", 64, 30, 64],
    ["MD", 3.5, 9, 3.5],
    ["MD", 0.25, 0.25, 0.25],
  ]);
});

Deno.test("bars are counted by class, each bar once for a class; chords are of bars that have one", () => {
  assertEquals(countClasses(table, "C"), { live: [3, 10, 83], counts: [1, 2, 1], bars: 3 });
  assertEquals(countClasses(table, "GP"), { live: [0, 8], counts: [4, 4], bars: 4 });
  assertEquals(countClasses(table, "T"), { live: [5, 31], counts: [3, 1], bars: 4 });
  assertEquals(rowsWithChord(table), Int32Array.of(0, 2, 3));
});
