import { assert, assertEquals, assertGreater } from "@std/assert";
import { bars, heatMap, histogram, scatter } from "@lib/charts.ts";
import { hasFonts, render } from "@lib/draw.ts";
import { layerPlot, learningCurves, pianoRoll } from "@lib/plots.ts";
import type { Spec } from "@lib/theme.ts";

/** How many marks of a kind (`symbol`, `rect`, `rule`, `text`) the groups of that role hold. */
function countMarks(svg: string, kind: string): number {
  const groups = svg.matchAll(new RegExp(`<g class="mark-${kind} role-mark[^"]*"[^>]*>(.*?)</g>`, "gs"));
  return [...groups].reduce((sum, [, inside]) => sum + [...inside.matchAll(/<path|<text|<line/g)].length, 0);
}

const models = ["BERT", "BERT-aug", "BERT-neighbor", "BERT-dropout", "untrained"];
const layerRows = models.flatMap((model, m) =>
  ["chords", "groove"].flatMap((metric) =>
    [0, 1, 2, 3].map((layer) => ({ model, metric, layer, value: 0.5 + m / 20 + layer / 30, low: 0.4, high: 0.8 }))
  )
);

Deno.test("the layer plot holds a point and an interval for each row, and every model's name", async () => {
  const { svg, png } = await render(layerPlot(layerRows));
  assertEquals(countMarks(svg, "symbol"), layerRows.length);
  assertEquals(countMarks(svg, "rule"), layerRows.length);
  for (const model of models) assert(svg.includes(`>${model}</text>`), model);
  assertEquals([...png.slice(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
});

Deno.test("models differ by colour and by shape", async () => {
  const { svg } = await render(layerPlot(layerRows.filter((row) => row.metric === "chords")));
  const symbols = [...svg.matchAll(/<g class="mark-symbol role-mark[^"]*"[^>]*>(.*?)<\/g>/gs)].map(([, inside]) =>
    inside
  ).join("");
  const of = (attribute: string, pattern: string) =>
    new Set([...symbols.matchAll(new RegExp(`${attribute}="${pattern}"`, "g"))].map((match) => match[1]));
  assertEquals(of("fill", "(#[0-9a-fA-F]{6})").size, models.length);
  assertEquals(of(" d", '([^"]+)').size, models.length);
});

Deno.test("other people's numbers are level lines at their height", async () => {
  const rows = layerRows.filter((row) => row.metric === "chords").map(({ model, metric, layer, value }) => ({
    model,
    metric,
    layer,
    value,
  }));
  const { svg } = await render(layerPlot(rows, { reference: [{ model: "BERT", metric: "chords", value: 0.7 }] }));
  assertEquals(countMarks(svg, "rule"), 1);
  assertEquals(countMarks(svg, "symbol"), rows.length);
});

Deno.test("learning curves draw points for sparse series only, and baselines as rules", async () => {
  const train = Array.from(
    { length: 100 },
    (_, i) => ({ step: i + 1, value: 1 / (i + 1), measure: "loss", series: "train" }),
  );
  const validation = [50, 100].map((step) => ({ step, value: 0.1, measure: "loss", series: "validation" }));
  const baselines = [{ measure: "loss", value: 0.3, series: "baseline" }];
  const { svg } = await render(learningCurves([...train, ...validation], { baselines }));
  assertEquals(countMarks(svg, "symbol"), 2);
  assertEquals(countMarks(svg, "rule"), 1);
});

Deno.test("a piano roll holds every note, with the drums apart", async () => {
  const notes = Array.from({ length: 12 }, (_, i) => ({
    start: i * 10,
    end: i * 10 + 8,
    pitch: 50 + i,
    program: i % 2 ? 33 : 0,
    drum: i >= 8,
  }));
  const { svg } = await render(pianoRoll(notes, { ticksPerQuarter: 24 }));
  assertEquals(countMarks(svg, "rect"), 12);
  assert(svg.includes("piano 0") && svg.includes("bass 33"));
});

Deno.test("a piano roll of drums alone, or of no note, can be drawn", async () => {
  const drum = { start: 0, end: 6, pitch: 36, program: 0, drum: true };
  assertEquals(countMarks((await render(pianoRoll([drum]))).svg, "rect"), 1);
  assert((await render(pianoRoll([]))).svg.startsWith("<svg"));
});

Deno.test("charts hold as many marks as rows", async () => {
  const heat = Array.from({ length: 6 }, (_, i) => ({ x: i % 3, y: `row ${i % 2}`, value: i }));
  assertEquals(countMarks((await render(heatMap(heat))).svg, "rect"), 6);
  const points = Array.from({ length: 9 }, (_, i) => ({ x: i, y: i * i, group: `g${i % 3}` }));
  assertEquals(countMarks((await render(scatter(points))).svg, "symbol"), 9);
  assertEquals(countMarks((await render(bars([{ label: "a", value: 1 }, { label: "b", value: 2 }]))).svg, "rect"), 2);
  assertEquals(countMarks((await render(histogram([1, 1, 2, 8], { bins: 10 }))).svg, "rect"), 3);
});

Deno.test("every plot describes itself and stands on white", () => {
  const specs: Spec[] = [
    layerPlot(layerRows),
    bars([{ label: "songs", value: 59 }], { title: "Songs" }),
    histogram([1, 2]),
  ];
  for (const spec of specs) {
    assertGreater(spec.description.length, 10);
    assertEquals((spec.config as { background: string }).background, "#ffffff");
  }
  assertEquals(specs[1].description, "Songs: songs 59");
});

Deno.test("a machine without fonts is told apart from one with", () => {
  const folder = Deno.makeTempDirSync();
  assert(!hasFonts([folder, `${folder}/nowhere`]));
  Deno.mkdirSync(`${folder}/truetype`);
  Deno.writeTextFileSync(`${folder}/truetype/Some.ttf`, "");
  assert(hasFonts([folder]));
});
