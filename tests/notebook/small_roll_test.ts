import { assert, assertEquals } from "@std/assert";
import { rollLegend, smallRoll } from "@lib/notebook/small_roll.ts";
import { handCorpus, handNote } from "../support/hand_corpus.ts";
import { assertText, attribute } from "../support/snapshots.ts";

const rollOf = (...notes: ReturnType<typeof handNote>[]) =>
  smallRoll(handCorpus([{ file: "a", split: "train", kept: [{ notes }] }]), 0);
/** The notes of a roll: title, colour and edges in pixels. */
const notesOf = (svg: string) =>
  [...svg.matchAll(/(<rect [^>]*>)<title>([^<]*)</g)].map(([, tag, title]) => {
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(attribute(tag, name)));
    return { title, fill: attribute(tag, "fill"), left: x, right: x + width, top: y, bottom: y + height };
  });
const marksOf = (svg: string) => [...svg.matchAll(/<path d="([^"]+)"/g)].map(([, path]) => path);

Deno.test("in a small roll time goes right over 192 pixels, pitch up, and drums stand below, the lowest at the bottom", () => {
  const drum = (position: number, pitch: number) => handNote(pitch, { position, instrument: 128 });
  const svg = rollOf(handNote(60), handNote(67, { position: 24 }), drum(12, 36), drum(12, 42));
  const [low, high, kick, hat] = notesOf(svg);
  assertEquals([low, high, kick, hat].map(({ left }) => left), [0, 96, 48, 48]);
  assertEquals(low.right - low.left, 47.4); // a quarter of 48 pixels, with a gap to the next
  assert(high.bottom < low.top && low.bottom < hat.top && hat.bottom < kick.top && kick.bottom <= 120);
  assertEquals([low.title, kick.title], ["Acoustic Grand Piano 60", "drum 36"]);
  assert(svg.includes('aria-label="piano roll of 2 notes and 2 drum strokes"'));
});

Deno.test("a roll of many kinds of note is the kept one", () => {
  const pitched = [0, 25, 33, 40, 56, 80, 113].map((instrument, i) =>
    handNote(40 + 5 * i, { instrument, position: 6 * i, duration: 2 + i })
  );
  const doubled = handNote(40, { instrument: 33, duration: 3 }),
    drums = [35, 38, 42, 38].map((pitch, i) => handNote(pitch, { instrument: 128, position: 12 * i }));
  assertText("small-roll.svg.txt", rollOf(...pitched, doubled, ...drums));
});

Deno.test("a doubled note is seen twice, in two colours and two marks of the legend", () => {
  const bass = { instrument: 33 };
  const svg = rollOf(handNote(60), handNote(60, bass), handNote(48, bass)), notes = notesOf(svg);
  assertEquals(notes.length, 3);
  const of = (title: string) => notes.find((note) => note.title === title)!;
  const piano = of("Acoustic Grand Piano 60");
  const [doubled, alone] = [60, 48].map((pitch) => of(`Electric Bass (finger) ${pitch}`));
  assert(piano.bottom <= doubled.top + 0.11 || doubled.bottom <= piano.top + 0.11, svg); // tenths of pixels
  assert(piano.fill !== doubled.fill && doubled.fill === alone.fill);
  assertEquals([marksOf(svg).length, new Set(marksOf(svg)).size], [3, 2]);
  for (const mark of marksOf(svg)) assert(rollLegend().includes(mark), mark);
});

Deno.test("a note that repeats the one before it has no mark of its own", () => {
  const at = (position: number, pitch = 60) => handNote(pitch, { position });
  assertEquals(marksOf(rollOf(at(0), at(12), at(24, 62))).length, 2);
  assertEquals(marksOf(rollOf(at(0), at(15))).length, 1); // a sixteenth later
  assertEquals(marksOf(rollOf(at(0), at(16))).length, 2);
});

Deno.test("the legend has every group once, on white", () => {
  const legend = rollLegend();
  for (const group of ["keys", "guitar", "bass", "strings", "winds", "synth", "other", "drums"]) {
    assertEquals(legend.split(` ${group}<`).length, 2, group);
  }
  assertEquals(new Set(marksOf(legend)).size, 8);
  assert(legend.includes("background:#fff"));
});

Deno.test("a roll of drums alone, or without notes, can be drawn", () => {
  assertEquals(notesOf(rollOf(handNote(36, { instrument: 128 }))).length, 1);
  assert(rollOf().endsWith("</svg>"));
});
