import { assertEquals } from "@std/assert";
import {
  clusterRows,
  labelCounts,
  leakRows,
  presetDifferences,
  rejectRows,
  songRows,
  splitRows,
} from "@lib/notebook/corpus_tables.ts";
import { handCorpus, handNote, type HandSong } from "../support/hand_corpus.ts";

const notes = (count: number) => Array.from({ length: count }, (_, i) => handNote(60 + i));
const songs: HandSong[] = [
  {
    file: "b.mid",
    split: "train",
    allBars: 5,
    kept: [{ instruments: [0, 33] }, { instruments: [33, 128], notes: notes(3) }],
  },
  { file: "c.mid", split: "test", kept: [{ tempoBin: 3, chords: [0, 7], notes: notes(2) }] },
  { file: "a.mid", split: "train", cluster: 0, kept: [{ tempoBin: 3, chords: [7] }] },
];

Deno.test("splits are counted in songs, bars and tokens", () => {
  // A bar of n notes has 4 + 5n tokens: 9 and 19, 14, and 9.
  assertEquals(splitRows(handCorpus(songs)), [
    { split: "train", songs: 2, bars: 3, tokens: 37, tokensPerBar: 37 / 3 },
    { split: "validation", songs: 0, bars: 0, tokens: 0, tokensPerBar: 0 },
    { split: "test", songs: 1, bars: 1, tokens: 14, tokensPerBar: 14 },
  ]);
});

Deno.test("songs stand by file, with all and kept bars and the instruments of the kept ones", () => {
  assertEquals(songRows(handCorpus(songs)), [
    { file: "a.mid", split: "train", bars: 1, kept: 1, instruments: 1 },
    { file: "b.mid", split: "train", bars: 5, kept: 2, instruments: 3 },
    { file: "c.mid", split: "test", bars: 1, kept: 1, instruments: 1 },
  ]);
});

Deno.test("rejected files stand by reason, with an example of that reason", () => {
  const rejected = [
    { file: "x.mid", reason: "duplicate", detail: "of y.mid" },
    { file: "z.mid", reason: "no-kept-bars", detail: "3 bars" },
  ] as const;
  const corpus = handCorpus([], {
    summary: { rejected: { "no-kept-bars": 4, duplicate: 1 } },
    rejected: [...rejected],
  });
  assertEquals(rejectRows(corpus), [
    { reason: "no-kept-bars", files: 4, such_as: "z.mid: 3 bars" },
    { reason: "duplicate", files: 1, such_as: "x.mid: of y.mid" },
  ]);
});

Deno.test("clusters of more than one song stand largest first", () => {
  const song = (file: string, cluster: number): HandSong => ({ file, split: "train", cluster, kept: [{}, {}] });
  const corpus = handCorpus([song("a", 0), song("b", 1), song("c", 0), song("d", 1), song("e", 1), song("f", 5)]);
  assertEquals(clusterRows(corpus), [
    { songs: 3, bars: 6, split: "train", files: "b, d, e" },
    { songs: 2, bars: 4, split: "train", files: "a, c" },
  ]);
});

Deno.test("leaks are counted under both meanings of the same bar and both splits", () => {
  const overlap = (testBars: number, testInTrain: number) => ({
    trainBars: 99,
    testBars,
    testInTrain,
    trainInTest: 98,
  });
  const leak = {
    tokens: { split: overlap(10, 1), byFile: overlap(20, 4) },
    notes: { split: overlap(10, 5), byFile: overlap(0, 0) },
  };
  assertEquals(leakRows(handCorpus([], { summary: { leak } })).map((row) => Object.values(row)), [
    ["same tokens", "of this corpus", 10, 1, 0.1],
    ["same tokens", "by file alone", 20, 4, 0.2],
    ["same positions and pitches", "of this corpus", 10, 5, 0.5],
    ["same positions and pitches", "by file alone", 0, 0, 0],
  ]);
});

Deno.test("two presets are compared bar by bar, by file and index, label by label", () => {
  const a = handCorpus([
    { file: "one", split: "train", kept: [{ index: 0 }, { index: 2, chords: [1, 2] }, { index: 3, meanDuration: 7 }] },
    { file: "two", split: "train", kept: [{}] },
  ], { summary: { tokens: 100 } });
  const b = handCorpus([
    { file: "three", split: "train", kept: [{}] },
    { file: "one", split: "test", kept: [{ index: 2, chords: [2, 1] }, { index: 3, tempoBin: 4, notes: notes(2) }] },
  ], { preset: "authors", summary: { tokens: 80 } });
  const { counts, same } = presetDifferences(a, b);
  assertEquals(counts, [
    { what: "songs", sound: 2, authors: 2, both: 1 },
    { what: "bars", sound: 4, authors: 3, both: 2 },
    { what: "tokens", sound: 100, authors: 80, both: null },
  ]);
  assertEquals(Object.fromEntries(same.map(({ what, bars, share }) => [what, [bars, share]])), {
    ...{ tokens: [1, 0.5], chords: [1, 0.5], groove: [2, 1], instruments: [2, 1], tempo: [1, 0.5] },
    ...{ "mean velocity": [2, 1], "mean duration, bins": [1, 0.5], "mean duration, quarters": [2, 1] },
  });
  assertEquals(presetDifferences(a, handCorpus([])).same, []);
});

Deno.test("labels are counted once a bar, most common first", () => {
  const corpus = handCorpus(songs);
  assertEquals(labelCounts(corpus, "instruments").map(({ label, value }) => `${label} ${value}`), [
    ...["Acoustic Grand Piano 3", "Electric Bass (finger) 2", "Drum 1"],
  ]);
  assertEquals(labelCounts(corpus, "chords"), [{ label: "C#:maj", value: 2 }, { label: "C:maj", value: 1 }]);
  assertEquals(labelCounts(corpus, "tempo"), [{ label: "122 bpm", value: 2 }, { label: "47 bpm", value: 2 }]);
});
