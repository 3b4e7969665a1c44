import { assert, assertEquals } from "@std/assert";
import { forestPlot, type ForestRow } from "@lib/plots/forest.ts";
import { render } from "@lib/plots/render.ts";
import { assertSnapshot, attribute, marksOf } from "../support/snapshots.ts";

const mark = (series: string, value: number, main = false) => ({
  ...{ series, value, low: value - 1, high: value + 1, main, says: `${series} ${value}` },
});
const rows: ForestRow[] = [
  { name: "A is best", marks: [mark("sound", 2), mark("sound", 1, true)], columns: { sound: "?", paper: "✓" } },
  { name: "B is worst", marks: [mark("sound", -9, true), mark("authors", NaN, true)], columns: { sound: "✗" } },
];
const placeOf = (tag: string) => attribute(tag, "transform").match(/-?[\d.]+/g)!.map(Number);

Deno.test("the forest plot's spec is the kept one", () =>
  assertSnapshot("forest", forestPlot(rows, { title: "Claims" })));

Deno.test("a forest draws each difference that is known, and the main ones' intervals", async () => {
  const { svg } = await render(forestPlot(rows));
  const marks = marksOf(svg, "symbol").map(placeOf), [zero, ...intervals] = marksOf(svg, "rule");
  assertEquals([marks.length, intervals.length], [3, 2]);
  const [small, main, far] = marks, [middle] = placeOf(zero);
  assert(small[0] > main[0] && main[0] > middle && far[0] < middle, "as claimed is right of zero");
  assertEquals([main[1] - small[1], far[1] > main[1]], [0, true]); // a row's marks stand on one line, rows go down
  const edge = main[0] - 6 * (small[0] - main[0]);
  assert(Math.abs(far[0] - edge) < 0.1, "what lies beyond five half-widths stands at the edge");
});

Deno.test("a forest's verdicts stand in their columns at the height of their rows", async () => {
  const { svg } = await render(forestPlot(rows));
  const texts = marksOf(svg, "text").map(placeOf);
  const shown = [...svg.matchAll(/<text([^>]*)>([^<]*)<\/text>/g)].filter(([, , text]) => "?✓✗".includes(text) && text);
  assertEquals(shown.map(([, , text]) => text), ["?", "✗", "✓"]);
  const [open, wrong, right] = shown.map(([, tag]) => placeOf(` ${tag}`));
  assertEquals([open[0], open[1]], [wrong[0], right[1]]);
  assert(wrong[1] > open[1] && right[0] > open[0] && texts.length > 3);
});
