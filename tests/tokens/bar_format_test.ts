import { assertEquals } from "@std/assert";
import {
  barTokens,
  encodeBar,
  headTokens,
  notesOf,
  noteStarts,
  noteTokens,
  tempoBinOf,
  wholeNotes,
} from "@lib/tokens/bar_format.ts";
import { vocabulary } from "@lib/tokens/vocabulary.ts";

const piano = { position: 47, instrument: 0, pitch: 127, velocity: 1, duration: 57 };
const stroke = { position: 6, instrument: 128, pitch: 38, velocity: 127, duration: 0 };
const names = (tokens: Uint16Array) => Array.from(tokens, vocabulary.name);

Deno.test("a bar is written out as Bar, Position, Tempo, five tokens a note, and <eob>", () => {
  assertEquals(names(encodeBar([stroke, piano], 31, 512)), [
    ..."Bar_0 Position_0 Tempo_31 Position_6 Instrument_Drum Pitch_Drum_38 Velocity_31 Duration_0 Position_47".split(
      " ",
    ),
    "Instrument_Acoustic Grand Piano",
    ..."Pitch_127 Velocity_0 Duration_57 <eob>".split(" "),
  ]);
  assertEquals(names(encodeBar([], 0, 512)), ["Bar_0", "Position_0", "Tempo_0", "<eob>"]);
});

Deno.test("notes and tempo come back from tokens, velocities as those of their bins", () => {
  const tokens = encodeBar([stroke, { ...piano, velocity: 64 }], 7, 512);
  assertEquals([notesOf(tokens), tempoBinOf(tokens)], [[stroke, { ...piano, velocity: 66 }], 7]);
});

Deno.test("a bar that is too long is cut where it must be, and only its whole notes are read back", () => {
  const notes = [stroke, piano, stroke, piano], whole = encodeBar(notes, 3, 512);
  assertEquals(whole.length, 3 + 4 * 5 + 1);
  for (let most = 4; most <= 26; most++) {
    const tokens = encodeBar(notes, 3, most), kept = Math.min(most, 24);
    assertEquals([...tokens], [...whole.slice(0, kept - 1), 2], `at most ${most}`);
    assertEquals(notesOf(tokens), notes.slice(0, Math.floor((kept - 4) / 5)), `at most ${most}`);
  }
});

Deno.test("the grammar's numbers: 3 tokens of a head, 5 of a note, 1 of an end", () => {
  assertEquals([headTokens, noteTokens, barTokens(0), barTokens(6), barTokens(101)], [3, 5, 4, 34, 509]);
  assertEquals([4, 8, 9, 13, 14, 508, 509, 512].map(wholeNotes), [0, 0, 1, 1, 2, 100, 101, 101]);
  assertEquals([4, 8, 9, 18, 19].map(noteStarts), [[], [], [3], [3, 8], [3, 8, 13]]);
});
