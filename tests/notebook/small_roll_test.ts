import { assert, assertEquals } from "@std/assert";
import { lookLegend, rollLegend, rollSvg, smallRoll, svgImage } from "@lib/notebook/small_roll.ts";
import { handCorpus, handNote } from "../support/hand_corpus.ts";
import { Resvg } from "@resvg/resvg-js";
import { assertText, attribute } from "../support/snapshots.ts";

const rollOf = (...notes: ReturnType<typeof handNote>[]) =>
  smallRoll(handCorpus([{ file: "a", split: "train", kept: [{ notes }] }]), 0);
/** The notes of a roll: title, colour and edges in pixels. */
const notesOf = (svg: string) =>
  [...svg.matchAll(/(<rect [^>]*>)<title>([^<]*)</g)].map(([, tag, title]) => {
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(attribute(tag, name)));
    return { title, fill: attribute(tag, "fill"), left: x, right: x + width, top: y, bottom: y + height };
  });
/** The drawing in an image. */
const drawingOf = (image: string) =>
  new TextDecoder().decode(Uint8Array.from(atob(image.match(/base64,([^"]*)"/)![1]), (c) => c.charCodeAt(0)));
const marksOf = (svg: string) => [...svg.matchAll(/<path d="([^"]+)"/g)].map(([, path]) => path);

Deno.test("in a small roll time goes right over 168 pixels, pitch up, and drums stand below, the lowest at the bottom", () => {
  const drum = (position: number, pitch: number) => handNote(pitch, { position, instrument: 128 });
  const svg = rollOf(handNote(60), handNote(67, { position: 24 }), drum(12, 36), drum(12, 42));
  const [low, high, kick, hat] = notesOf(svg);
  assertEquals([low, high, kick, hat].map(({ left }) => left), [0, 84, 42, 42]);
  assertEquals(low.right - low.left, 41.4); // a quarter of 42 pixels, with a gap to the next
  assert(high.bottom < low.top && low.bottom < hat.top && hat.bottom < kick.top && kick.bottom <= 110);
  assertEquals([low.title, kick.title], ["Acoustic Grand Piano C4", "Bass Drum 1"]);
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
  const piano = of("Acoustic Grand Piano C4");
  const [doubled, alone] = ["C4", "C3"].map((pitch) => of(`Electric Bass (finger) ${pitch}`));
  assert(piano.bottom <= doubled.top + 0.11 || doubled.bottom <= piano.top + 0.11, svg); // tenths of pixels
  assert(piano.fill !== doubled.fill && doubled.fill === alone.fill);
  assertEquals([marksOf(svg).length, new Set(marksOf(svg)).size], [3, 2]);
  for (const mark of marksOf(svg)) assert(drawingOf(rollLegend()).includes(mark), mark);
});

Deno.test("a note that repeats the one before it has no mark of its own", () => {
  const at = (position: number, pitch = 60) => handNote(pitch, { position });
  assertEquals(marksOf(rollOf(at(0), at(12), at(24, 62))).length, 2);
  assertEquals(marksOf(rollOf(at(0), at(15))).length, 1); // a sixteenth later
  assertEquals(marksOf(rollOf(at(0), at(16))).length, 2);
});

Deno.test("the legend has every group once, on white", () => {
  const legend = drawingOf(rollLegend());
  for (const group of ["keys", "guitar", "bass", "strings", "winds", "synth", "other", "drums"]) {
    assertEquals(legend.split(`>${group}<`).length, 2, group);
  }
  assertEquals(new Set(marksOf(legend)).size, 8);
  assert(legend.includes("background:#fff") && new Resvg(legend).render().width > 400); // resvg refuses broken XML
});

Deno.test("names stand beside a roll where asked: drums of its rows, octaves at their pitch", () => {
  const note = (pitch: number, drum = false) => ({ start: 0, end: 12, pitch, program: 0, drum });
  const named = rollSvg([note(60), note(72), note(36, true), note(42, true)], { ticksPerQuarter: 12, named: true });
  const texts = [...named.matchAll(/<text x="-6" y="([\d.]+)"[^>]*>([^<]*)</g)].map(([, y, text]) => ({
    y: Number(y),
    text,
  }));
  assertEquals(texts.map(({ text }) => text), ["C4", "C5", "Closed Hi-Hat", "Bass Drum 1"]);
  const [low, high, hat, kick] = texts.map(({ y }) => y);
  assert(high < low && low < hat && hat < kick);
  const at = notesOf(named).find(({ title }) => title.endsWith("C4"))!;
  assert(at.top < low && low < at.bottom + 6, "the name stands at its note");
});

Deno.test("rolls with the same room have the same rows, and a look stands in place of the instrument's", () => {
  const note = (pitch: number) => ({ start: 0, end: 12, pitch, program: 0, drum: false });
  const room = [note(40), note(80)], look = { colour: "#123456", mark: "M0 0H1V1Z", name: "wrong" };
  const place = (svg: string) => notesOf(svg).find(({ title }) => title.includes("C4"))!;
  const [alone, all] = [[{ ...note(60), look }], [...room, note(60)]].map((notes) =>
    place(rollSvg(notes, { ticksPerQuarter: 12, room }))
  );
  assertEquals([alone.top, alone.bottom], [all.top, all.bottom]);
  assertEquals([alone.fill, alone.title], ["#123456", "Acoustic Grand Piano C4, wrong"]);
  assertEquals(marksOf(drawingOf(lookLegend([look]))), ["M0 0H1V1Z"]);
});

Deno.test("an image holds its drawing, with its label and width", () => {
  const svg = rollOf(handNote(60)), image = svgImage(svg);
  assertEquals(drawingOf(image), svg);
  assert(image.includes('alt="piano roll of 1 notes and 0 drum strokes"') && image.includes('width="172"'));
});

Deno.test("a roll of drums alone, or without notes, can be drawn", () => {
  assertEquals(notesOf(rollOf(handNote(36, { instrument: 128 }))).length, 1);
  assert(rollOf().endsWith("</svg>"));
});
