import { assert, assertEquals, assertMatch } from "@std/assert";
import { bars, heatMap, histogram } from "@lib/plots/charts.ts";
import { layerPlot, learningCurves } from "@lib/plots/figures.ts";
import { plotHtml } from "@lib/plots/live.ts";
import { render } from "@lib/plots/render.ts";
import { pianoRoll } from "@lib/plots/piano_roll.ts";
import { marksOf } from "../support/snapshots.ts";

const points = ["BERT", "BERT-aug"].flatMap((model, m) =>
  ["Chords ↑\nAUC", "Groove <↑>\nAUC"].flatMap((metric) =>
    [1, 2, 3].map((layer) => ({ model, metric, layer, value: 0.5 + m / 10, low: 0.4, high: 0.8, on: "13 songs" }))
  )
);

const said = (html: string): string[] => [...html.matchAll(/ data-v="([^"]*)"/g)].map(([, says]) => says);

Deno.test("each panel is an SVG of its own below its name, and each score says value, interval and n", async () => {
  const html = await plotHtml(layerPlot(points, { title: "Figure & 2", read: "Read me." }), "f");
  assertEquals([...html.matchAll(/<svg role="img" aria-label="([^"]*)"/g)].map(([, name]) => name), [
    "Chords ↑",
    "Groove &lt;↑&gt;",
  ]);
  assert(html.includes("<b>Figure &amp; 2</b><br>Read me.") && html.includes("<b>Chords ↑</b><br>AUC"));
  assertEquals(said(html).length, points.length);
  assertEquals(said(html)[0], "BERT, layer 1: 0.500 [0.400, 0.800], 13 songs");
});

Deno.test("marks know their series by its number, which the legend's buttons have", async () => {
  const html = await plotHtml(layerPlot(points), "f");
  const buttons = [...html.matchAll(/<button[^>]* data-s="(\d)">.*?<\/svg>([^<]*)<\/button>/g)];
  assertEquals(buttons.map(([, at, name]) => [at, name]), [["0", "BERT"], ["1", "BERT-aug"]]);
  const of = (series: string) =>
    [...html.matchAll(/<(?:path|use|line) data-s="(\d)"(?: data-v="([^"]*)")?/g)].filter(([, at]) => at === series);
  // Three points, three intervals and a line in each of two panels.
  assertEquals(["0", "1"].map((series) => of(series).length), [14, 14]);
  assert(of("1").every(([, , says = ""]) => says === "" || says.startsWith("BERT-aug, ")));
});

Deno.test("a page's colours stand in for the specs' own, and no attribute names a font", async () => {
  const plots = [layerPlot(points), bars([{ label: "songs", value: 59 }]), histogram([1, 2, 9])];
  for (const plot of plots) {
    const html = await plotHtml(plot, "p");
    assert(!/"#(?:0072B2|222222|ffffff|eeeeee)"/.test(html) && !html.includes("font-family"));
    assert(html.includes('fill="currentColor"'));
  }
});

Deno.test("text on coloured cells keeps its colour, and cells say row, column and number", async () => {
  const cells = [0.1, 0.9].map((value, x) => ({ x: x + 1, y: "Chords", value, panel: "BERT" }));
  const html = await plotHtml(heatMap(cells, { x: "layer", domain: [0, 1] }), "h");
  assertMatch(html, /fill="#111111"[^>]*>0\.10</);
  assertMatch(html, /fill="#ffffff"[^>]*>0\.90<|fill="var\(--paper,#fff\)"[^>]*>0\.90</);
  assertEquals(said(html), ["BERT Chords, layer 1: 0.10", "BERT Chords, layer 2: 0.90"]);
});

Deno.test("maps that share their colours have one strip of them, with the numbers at its ends", async () => {
  const cells = ["BERT", "BERT-aug"].flatMap((panel) =>
    [0.1, 0.9].map((value, x) => ({ x: x + 1, y: "Chords", value, panel }))
  );
  const html = await plotHtml(heatMap(cells, { domain: [0, 1] }), "h");
  assertEquals([html.match(/class="panel"/g)?.length, html.match(/class="colours"/g)?.length], [2, 1]);
  assertMatch(html, /class="colours">0\.0 <svg[^]*<\/svg> 1\.0<\/p>/);
  assert(!html.includes("linearGradient")); // that of Vega's own legends
  const [first, last] = [...html.slice(html.indexOf('class="colours"')).matchAll(/fill="rgb\((\d+)/g)]
    .map(([, red]) => Number(red)).filter((_, i, all) => i === 0 || i === all.length - 1);
  assert(first > last, "from light to dark");
});

Deno.test("a histogram's bars say their range and count", async () => {
  const html = await plotHtml(histogram([1, 1, 2, 8], { bins: 10, x: "tokens", y: "bars" }), "h");
  assertEquals(said(html), ["tokens: 1 – 2; bars: 2", "tokens: 2 – 3; bars: 1", "tokens: 7 – 8; bars: 1"]);
});

Deno.test("a slim drawing has all marks of Vega's own, at the same places to a tenth of a pixel", async () => {
  const rows = Array.from({ length: 90 }, (_, i) => ({ step: i, value: i ** 2, measure: "loss", series: "train" }));
  const few = [10, 80].map((step) => ({ step, value: 5, measure: "loss", series: "validation" }));
  const note = (start: number, pitch: number) => ({ start, end: start + 1, pitch, program: 0, drum: false });
  for (const plot of [learningCurves([...rows, ...few]), pianoRoll([note(0, 60), note(1, 64)])]) {
    const html = await plotHtml(plot, "p"), { svg } = await render(plot);
    const kinds = ["symbol", "rect"];
    const drawn = kinds.flatMap((kind) => marksOf(svg, kind)).length;
    assertEquals([...html.matchAll(/<(?:path|use)[^>]* data-s=/g)].length, drawn + marksOf(svg, "line").length);
    assert(!/\.\d\d/.test([...html.matchAll(/ (?:d|transform)="([^"]*)"/g)].map(([, at]) => at).join(" ")));
  }
});

Deno.test("ids are the figure's own, and a form that is drawn often stands once", async () => {
  const marks = Array.from({ length: 30 }, (_, i) => ({ step: i, value: i, measure: "loss", series: "train" }));
  const [one, other] = await Promise.all(["a", "b"].map((id) => plotHtml(learningCurves(marks), id)));
  const ids = (html: string) => [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  assertEquals(new Set([...ids(one), ...ids(other)]).size, ids(one).length + ids(other).length);
  assertEquals([...one.matchAll(/<use href="#([^"]*)"/g)].length, 30);
  assert([...one.matchAll(/<use href="#([^"]*)"/g)].every(([, id]) => ids(one).includes(id)));
});
