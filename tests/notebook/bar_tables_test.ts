import { assertEquals } from "@std/assert";
import {
  barNotes,
  following,
  frameText,
  labelRow,
  noteRows,
  typicalBar,
  vocabularyRows,
} from "@lib/notebook/bar_tables.ts";
import { handCorpus, handNote } from "../support/hand_corpus.ts";

const notes = (count: number) => Array.from({ length: count }, (_, i) => handNote(60 + i));
const rich = { chords: [0], instruments: [0, 1, 2, 128] };

Deno.test("the vocabulary's kinds stand with their ids and names", () => {
  const rows = vocabularyRows();
  assertEquals(rows.reduce((sum, { tokens }) => sum + tokens, 0), 560);
  assertEquals(rows.slice(0, 3), [
    { kind: "special", ids: "0–3", tokens: 4, first: "<pad>", last: "<mask>" },
    { kind: "Bar", ids: "4", tokens: 1, first: "Bar_0", last: "Bar_0" },
    { kind: "Tempo", ids: "5–36", tokens: 32, first: "Tempo_0", last: "Tempo_31" },
  ]);
  assertEquals(rows.at(-1), { kind: "Velocity", ids: "528–559", tokens: 32, first: "Velocity_0", last: "Velocity_31" });
});

Deno.test("the bar to show is rich and of about the median length, of the split that is named", () => {
  const corpus = handCorpus([
    {
      file: "a",
      split: "train",
      kept: [{ notes: notes(4) }, { ...rich, notes: notes(9) }, { ...rich, notes: notes(5) }],
    },
    { file: "b", split: "test", kept: [{ notes: notes(1) }, { notes: notes(3) }] },
  ]);
  // Notes: 4, 9, 5, 1, 3; their median is 4.
  assertEquals([typicalBar(corpus), typicalBar(corpus, "train"), typicalBar(corpus, "test")], [2, 2, 4]);
  const bare = [3, 7, 1].map((count) => ({ notes: notes(count) }));
  assertEquals(typicalBar(handCorpus([{ file: "a", split: "train", kept: bare }])), 0);
  for (const poor of [{ chords: [] }, { instruments: [0, 1, 128] }, { instruments: [0, 1, 2, 3] }]) {
    const kept = [{ ...rich, ...poor, notes: notes(3) }, { ...rich, notes: notes(8) }, { notes: notes(3) }];
    assertEquals(typicalBar(handCorpus([{ file: "a", split: "train", kept }])), 1);
  }
});

Deno.test("the bars after a bar end with its song", () => {
  const song = (file: string, bars: number) => ({ file, split: "train" as const, kept: Array(bars).fill({}) });
  const corpus = handCorpus([song("a", 3), song("b", 4)]);
  assertEquals([following(corpus, 1, 4), following(corpus, 3, 2), following(corpus, 6, 4)], [[1, 2], [3, 4], [6]]);
});

const corpus = handCorpus([{ file: "other.mid", split: "train", kept: [{}] }, {
  ...{ file: "song.mid", split: "train" },
  kept: [{
    ...{ index: 7, chords: [0, 13], groove: [0, 24], instruments: [0, 128], tempoBin: 5 },
    notes: [handNote(60), handNote(36, { position: 24, instrument: 128, velocity: 127, duration: 0 })],
  }],
}]);

Deno.test("a bar's notes stand as the names of their five tokens, between its frame", () => {
  assertEquals(noteRows(corpus, 1).map((row) => Object.values(row)), [
    ["Position_0", "Instrument_Acoustic Grand Piano", "Pitch_60", "Velocity_16", "Duration_11"],
    ["Position_24", "Instrument_Drum", "Pitch_Drum_36", "Velocity_31", "Duration_0"],
  ]);
  assertEquals(frameText(corpus, 1), "Bar_0 Position_0 Tempo_5 … <eob>");
});

Deno.test("a bar's notes are read back in quarters from its beginning", () => {
  const { notes, ticksPerQuarter } = barNotes(corpus, 1);
  const quarters = notes.map(({ start, end, pitch, program, drum }) => ({
    ...{ start: start / ticksPerQuarter, end: end / ticksPerQuarter, pitch, program: drum ? "drums" : program },
  }));
  assertEquals(quarters, [
    { start: 0, end: 1, pitch: 60, program: 0 },
    { start: 2, end: 2 + 1 / 12, pitch: 36, program: "drums" },
  ]);
});

Deno.test("a bar's labels stand in words", () => {
  assertEquals(labelRow(corpus, 1), {
    ...{ song: "song.mid", bar: 7, chords: "C:maj C#:min7", groove: "0 24", instruments: "Acoustic Grand Piano, Drum" },
    ...{ tempo: 59, meanVelocity: 64, meanDuration: 5 },
  });
});
