import { assertEquals } from "@std/assert";
import { recipe } from "@lib/recipe/recipe.ts";
import { barChords, labelBar } from "@lib/tokens/labels.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");

Deno.test("groove and instruments are sorted sets, means are over all notes", () => {
  const note = { position: 24, instrument: 128, pitch: 36, velocity: 90, duration: 0 };
  const notes = [note, { ...note, position: 0, instrument: 5, velocity: 30, duration: 11 }, { ...note, duration: 19 }];
  assertEquals(labelBar(notes, [83, 0], 7), {
    chords: [83, 0],
    groove: [0, 24],
    instruments: [5, 128],
    tempoBin: 7,
    meanVelocity: 70,
    meanDuration: 10,
    meanDurationQuarters: (1 / 12 + 1 + 36 / 12) / 3, // bins 0, 11 and 19: 1, 12 and 36 twelfths
  });
  const none = { meanVelocity: null, meanDuration: null, meanDurationQuarters: null };
  assertEquals(labelBar([], [], 0), { chords: [], groove: [], instruments: [], tempoBin: 0, ...none });
});

const bars = [0, 400, 800].map((startTick) => ({ startTick, endTick: startTick + 400 }));
const segments = [
  { startTick: 0, endTick: 300, chord: 1, text: "" },
  { startTick: 300, endTick: 499, chord: 2, text: "" },
  { startTick: 499, endTick: 600, chord: null, text: "" },
  { startTick: 600, endTick: 800, chord: 2, text: "" },
  { startTick: 800, endTick: 1000, chord: 3, text: "" },
  { startTick: 1000, endTick: 1200, chord: 2, text: "" },
];

Deno.test("under sound a bar has the chords that sound in it for a quarter, each once", () => {
  assertEquals(barChords(bars, segments, 100, sound), [[1, 2], [2], [3, 2]]);
  const half = recipe("sound", "demo", { labels: { chordOverlapBeats: 0.5 } });
  assertEquals(barChords(bars.slice(1), [{ startTick: 0, endTick: 449, chord: 5, text: "" }], 100, half)[0], []);
  assertEquals(barChords(bars.slice(1), [{ startTick: 0, endTick: 450, chord: 5, text: "" }], 100, half)[0], [5]);
});

Deno.test("under authors a bar has the chords that start in it, repeats kept", () => {
  assertEquals(barChords(bars, segments, 100, authors), [[1, 2], [2], [3, 2]]);
  const twice = [0, 100, 400].map((startTick) => ({ startTick, endTick: startTick + 100, chord: 4, text: "" }));
  assertEquals(barChords(bars, twice, 100, authors), [[4, 4], [4], []]);
  assertEquals(barChords(bars, twice, 100, sound), [[4], [4], []]);
});
