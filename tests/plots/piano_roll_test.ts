import { assert, assertEquals, assertGreater } from "@std/assert";
import { lanesOf, pianoRoll } from "@lib/plots/piano_roll.ts";
import { drumName } from "@lib/tokens/vocabulary.ts";
import { render } from "@lib/plots/render.ts";
import { assertSnapshot, attribute, marksOf } from "../support/snapshots.ts";

const note = (start: number, end: number, pitch: number, program: number) => (
  { start, end, pitch, program, drum: false }
);
const drum = { start: 0, end: 6, pitch: 36, program: 0, drum: true };

/** A drawn rectangle in pixels. */
function box(tag: string) {
  const numbers = [...attribute(tag, "d").matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)];
  const xs = numbers.map(([, x]) => Number(x)), ys = numbers.map(([, , y]) => Number(y));
  return {
    fill: attribute(tag, "fill"),
    ...{ left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) },
  };
}

Deno.test("the piano roll's spec is the kept one", () => {
  const options = { ticksPerQuarter: 12, title: "A bar" };
  assertSnapshot(
    "piano-roll",
    pianoRoll([note(0, 24, 60, 1), note(12, 36, 60, 48), drum, { ...drum, start: 12, pitch: 42 }], options),
  );
});

Deno.test("a piano roll draws every note once, drums apart, with the instruments' names", async () => {
  const notes = Array.from(
    { length: 12 },
    (_, i) => ({ ...note(i * 10, i * 10 + 8, 50 + i, i % 2 * 33), drum: i >= 8 }),
  );
  const { svg } = await render(pianoRoll(notes, { ticksPerQuarter: 24 }));
  assertEquals(marksOf(svg, "rect").length, 12);
  assert(svg.includes(">Acoustic Grand Piano</text>") && svg.includes(">Electric Bass (finger)</text>"));
  assert(svg.includes(">C3</text>") && svg.includes(">F♯3</text>")); // MIDI 48 and 54
  assert(svg.includes(">Acoustic Grand Piano</text>"));
  const drums = Array.from({ length: 4 }, (_, i) => drumName(58 + i));
  assertEquals(drums, ["Vibraslap", "Ride Cymbal 2", "Hi Bongo", "Low Bongo"]);
  for (const name of drums) assert(svg.includes(`>${name}</text>`), name);
});

Deno.test("instruments that play one pitch at one time stand one above the other, each with its mark", async () => {
  // At 60 a piano, a bass that begins with it and strings that begin within; at 64 the piano alone, twice.
  const notes = [
    ...[note(0, 24, 60, 0), note(0, 24, 60, 33), note(12, 36, 60, 48)],
    ...[note(0, 12, 64, 0), note(24, 36, 64, 0)],
  ];
  const { svg } = await render(pianoRoll(notes, { ticksPerQuarter: 12 }));
  const bars = marksOf(svg, "rect").map(box);
  assertEquals(bars.length, notes.length);
  bars.forEach((a, i) =>
    bars.slice(0, i).forEach((b) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      assert(across < 2 || down < 2, `one of ${JSON.stringify([a, b])} hides the other`); // corners are rounded
    })
  );
  const height = (fill: string) => bars.filter((bar) => bar.fill === fill).map((bar) => bar.bottom - bar.top);
  const [shared, alone] = height("#0072B2"); // the piano's
  assertGreater(alone, 2 * shared);
  assertGreater(bars[0].top, bars[3].top); // 64 stands above 60
  const shapes = marksOf(svg, "symbol").map((mark) => attribute(mark, "d"));
  assertEquals([shapes.length, new Set(shapes).size], [notes.length, 3]);
});

Deno.test("lanes are shared only by notes that sound together, and one name keeps its lane", () => {
  const note = (name: string, start: number, end: number, pitch = 60) => ({ name, start, end, pitch });
  const notes = [note("b", 0, 10), note("a", 5, 15), note("b", 12, 20), note("a", 20, 30), note("a", 0, 10, 61)];
  const [low, high, alone] = [{ lane: 1, lanes: 2 }, { lane: 0, lanes: 2 }, { lane: 0, lanes: 1 }];
  assertEquals(lanesOf(notes), [low, high, low, alone, alone]);
  assertEquals(lanesOf(notes.toReversed()), [low, high, low, alone, alone].toReversed());
  assertEquals(lanesOf([]), []);
});

Deno.test("a roll is about 320 pixels high, with rows of 6 to 14 pixels and a row for each drum", () => {
  const heights = (...notes: Parameters<typeof pianoRoll>[0]) =>
    (pianoRoll(notes) as unknown as { vconcat: { height: number }[] }).vconcat.map(({ height }) => height);
  // The rows are those of the notes' pitches and two more above and below.
  assertEquals(heights(note(0, 1, 60, 0)), [4 * 14]);
  assertEquals(heights(note(0, 1, 40, 0), note(0, 1, 68, 0)), [320]);
  assertEquals(heights(note(0, 1, 20, 0), note(0, 1, 110, 0)), [94 * 6]);
  assertEquals(heights(drum, { ...drum, pitch: 38 }, { ...drum, pitch: 42 }, drum), [45]);
});

Deno.test("a piano roll of drums alone, or of no note, can be drawn", async () => {
  assertEquals(marksOf((await render(pianoRoll([drum]))).svg, "rect").length, 1);
  assert((await render(pianoRoll([]))).svg.startsWith("<svg"));
});
