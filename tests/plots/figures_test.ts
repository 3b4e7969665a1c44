import { assert, assertEquals, assertGreater } from "@std/assert";
import { bars, heatMap, histogram, scatter } from "@lib/plots/charts.ts";
import { hasFonts, render } from "@lib/plots/render.ts";
import { barMap } from "@lib/plots/bar_map.ts";
import { lanesOf, layerPlot, learningCurves, pianoRoll } from "@lib/plots/figures.ts";
import type { Spec } from "@lib/plots/theme.ts";

/** How many marks of a kind (`symbol`, `rect`, `rule`, `text`) the groups of that role hold. */
function countMarks(svg: string, kind: string): number {
  const groups = svg.matchAll(new RegExp(`<g class="mark-${kind} role-mark[^"]*"[^>]*>(.*?)</g>`, "gs"));
  return [...groups].reduce((sum, [, inside]) => sum + [...inside.matchAll(/<path|<text|<line/g)].length, 0);
}

const models = ["BERT", "BERT-aug", "BERT-neighbor", "BERT-dropout", "untrained"];
const layerRows = models.flatMap((model, m) =>
  ["chords", "groove"].flatMap((metric) =>
    [0, 1, 2, 3].map((layer) => ({
      model,
      baseline: m === 4,
      metric,
      layer,
      value: 0.5 + m / 20 + layer / 30,
      low: 0.4,
      high: 0.8,
    }))
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

/** Rectangles of a piano roll's melody in pixels: fill, left, right, top and bottom. */
function melody(svg: string) {
  const groups = svg.matchAll(/<g class="mark-rect role-mark[^"]*"[^>]*>(.*?)<\/g>/gs);
  return [...groups].flatMap(([, inside]) => [...inside.matchAll(/<path ([^>]*)>/g)]).map(([, tag]) => {
    const numbers = [...tag.match(/ d="([^"]*)"/)![1].matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)];
    const xs = numbers.map(([, x]) => Number(x)), ys = numbers.map(([, , y]) => Number(y));
    const fill = tag.match(/fill="(#\w+)"/)![1];
    return { fill, left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
  });
}

Deno.test("instruments that play one pitch at one time stand one above the other, each with its mark", async () => {
  const note = (start: number, end: number, pitch: number, program: number) => (
    { start, end, pitch, program, drum: false }
  );
  // At 60 a piano, a bass that begins with it and strings that begin within; at 64 the piano alone, twice.
  const notes = [
    note(0, 24, 60, 0),
    note(0, 24, 60, 33),
    note(12, 36, 60, 48),
    note(0, 12, 64, 0),
    note(24, 36, 64, 0),
  ];
  const { svg } = await render(pianoRoll(notes, { ticksPerQuarter: 12 }));
  const bars = melody(svg);
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
  const shapes = [...svg.matchAll(/<g class="mark-symbol role-mark[^"]*"[^>]*>(.*?)<\/g>/gs)].flatMap(([, inside]) =>
    [...inside.matchAll(/ d="([^"]+)"/g)].map(([, path]) => path)
  );
  assertEquals(shapes.length, notes.length);
  assertEquals(new Set(shapes).size, 3);
});

Deno.test("lanes are shared only by notes that sound together, and one name keeps its lane", () => {
  const note = (name: string, start: number, end: number, pitch = 60) => ({ name, start, end, pitch });
  const notes = [note("b", 0, 10), note("a", 5, 15), note("b", 12, 20), note("a", 20, 30), note("a", 0, 10, 61)];
  const [low, high, alone] = [{ lane: 1, lanes: 2 }, { lane: 0, lanes: 2 }, { lane: 0, lanes: 1 }];
  assertEquals(lanesOf(notes), [low, high, low, alone, alone]);
  assertEquals(lanesOf([]), []);
});

Deno.test("panels' titles stand at one height, whatever the labels of their axes", async () => {
  // Up to 0.5, a label stands at the very top of its axis; up to 0.47, none does.
  const values = { left: 0.5, right: 0.47 };
  const rows = Object.entries(values).flatMap(([name, most]) =>
    [0, 1].map((i) => ({ name, step: i, value: i * most }))
  );
  const plots = [
    learningCurves(rows.map((row) => ({ ...row, measure: row.name, series: "training" }))),
    layerPlot(rows.map((row) => ({ ...row, metric: row.name, layer: row.step, model: "BERT" }))),
    barMap(rows.map((row) => ({ model: row.name, x: row.step, y: row.value, label: "any" }))),
  ];
  for (const plot of plots) {
    const { svg } = await render(plot);
    const heights = Object.keys(values).map((name) => {
      const [, y] = svg.match(new RegExp(`translate\\([-\\d.]+,([-\\d.]+)\\)[^>]*>${name}</text>`))!;
      return Number(y);
    });
    assertEquals(heights[0], heights[1]);
  }
});

/** WCAG's contrast of two colours, 1 to 21. */
function contrast(a: number[], b: number[]): number {
  const light = (colour: number[]) => {
    const [r, g, b] = colour.map((byte) => byte / 255).map((c) =>
      c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
  return bright / dark;
}

Deno.test("the numbers of a heat map can be read on their cells", async () => {
  const { svg } = await render(heatMap(Array.from({ length: 21 }, (_, i) => ({ x: i, y: "row", value: i / 20 }))));
  const fills = (kind: string, tag: string) =>
    [...svg.matchAll(new RegExp(`<g class="mark-${kind} role-mark[^"]*"[^>]*>(.*?)</g>`, "gs"))].flatMap(([, inside]) =>
      [...inside.matchAll(new RegExp(`<${tag} [^>]*fill="([^"]+)"`, "g"))].map(([, fill]) =>
        fill.startsWith("#")
          ? [1, 3, 5].map((at) => parseInt(fill.slice(at, at + 2), 16))
          : [...fill.matchAll(/\d+/g)].map(Number)
      )
    );
  const cells = fills("rect", "path"), numbers = fills("text", "text");
  assertEquals([cells.length, numbers.length], [21, 21]);
  // On the grey between, neither white nor ink reaches 4; 3 is what WCAG asks of large text and of graphics.
  cells.forEach((cell, i) => assertGreater(contrast(cell, numbers[i]), 3.3, `${i / 20}: ${cell} ${numbers[i]}`));
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
