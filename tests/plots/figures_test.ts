import { assert, assertEquals } from "@std/assert";
import { layerPlot, learningCurves } from "@lib/plots/figures.ts";
import { render } from "@lib/plots/render.ts";
import { colours } from "@lib/plots/theme.ts";
import { assertSnapshot, attribute, marksOf } from "../support/snapshots.ts";

const models = ["BERT", "BERT-aug", "untrained"];
const points = models.flatMap((model, m) =>
  ["chords", "groove"].flatMap((metric) =>
    [1, 2, 3].map((layer) => ({
      ...{ model, metric, layer, value: 0.5 + m / 20 + layer / 30, low: 0.4, high: 0.8 },
      ...(model === "untrained" ? { baseline: true } : {}),
    }))
  )
);

Deno.test("the layer plot's spec is the kept one, in whatever order its points come", () => {
  assertSnapshot("layer-plot", layerPlot(points));
  const ticks = (plot: unknown) =>
    (plot as { spec: { layer: { encoding: { x: { axis: object } } }[] } }).spec.layer[0].encoding.x.axis;
  assertEquals(ticks(layerPlot(points.toReversed())), ticks(layerPlot(points)));
});

Deno.test("the layer plot draws a mark and an interval for each score, models apart by colour and mark", async () => {
  const { svg } = await render(layerPlot(points));
  const marks = marksOf(svg, "symbol");
  assertEquals(marks.length, points.length);
  assertEquals(marksOf(svg, "rule").length, points.length);
  assertEquals(new Set(marks.map((mark) => attribute(mark, "fill"))), new Set([...colours.slice(0, 2), "#777777"]));
  assertEquals(new Set(marks.map((mark) => attribute(mark, "d"))).size, models.length);
  for (const model of models) assert(svg.includes(`>${model}</text>`), model);
  const bare = await render(layerPlot(points.map(({ low: _, high: __, ...point }) => point)));
  assertEquals(marksOf(bare.svg, "rule").length, 0);
});

Deno.test("in the layer plot layers go to the right and scores up", async () => {
  const corners = [[1, 0.2], [1, 0.4], [3, 0.4]].map(([layer, value], i) => ({
    ...{ model: `model ${i}`, metric: "chords", layer, value },
  }));
  const { svg } = await render(layerPlot(corners));
  const [low, high, right] = marksOf(svg, "symbol").map((mark) =>
    attribute(mark, "transform").match(/-?[\d.]+/g)!.map(Number)
  );
  assert(low[0] === high[0] && low[1] > high[1], "a higher score stands higher");
  assert(right[0] > high[0] && right[1] === high[1], "a later layer stands further right");
});

const train = Array.from({ length: 100 }, (_, i) => (
  { step: i + 1, value: 1 / (i + 1), measure: "loss", series: "train" }
));
const validation = [50, 100].map((step) => ({ step, value: 0.1, measure: "loss", series: "validation" }));
const baselines = [{ measure: "loss", value: 0.3, series: "most common" }];

Deno.test("the learning curves' spec is the kept one", () => {
  const few = [...train.slice(0, 2), ...validation];
  assertSnapshot("learning-curves", learningCurves(few, { baselines, order: ["other", "train"], title: "BERT" }));
});

Deno.test("learning curves mark the points of sparse series only, and draw baselines as dotted grey levels", async () => {
  const { svg } = await render(learningCurves([...train, ...validation], { baselines }));
  assertEquals(marksOf(svg, "symbol").length, validation.length);
  const [level, ...others] = marksOf(svg, "rule");
  assertEquals([attribute(level, "stroke"), attribute(level, "stroke-dasharray"), others.length], [
    "#777777",
    "2,3",
    0,
  ]);
  const curves = marksOf(svg, "line").map((line) => [attribute(line, "stroke"), attribute(line, "stroke-dasharray")]);
  assertEquals(curves, [[colours[0], "1,0"], [colours[1], "7,2"]]);
});

Deno.test("a series is sparse up to forty points a panel", () => {
  const marked = (count: number) => {
    const points = ["loss", "accuracy"].flatMap((measure) =>
      Array.from({ length: count }, (_, step) => ({ step, value: step, measure, series: "train" }))
    );
    const { spec } = learningCurves(points) as unknown as {
      spec: { layer: { transform: [{ filter: { oneOf: string[] } }] }[] };
    };
    return spec.layer[1].transform[0].filter.oneOf;
  };
  assertEquals([marked(40), marked(41)], [["train"], []]);
});

Deno.test("a series keeps its colour in plots that leave others out", async () => {
  const { svg } = await render(learningCurves(validation, { order: ["train", "validation"] }));
  assertEquals(marksOf(svg, "line").map((line) => attribute(line, "stroke")), [colours[1]]);
  assert(!svg.includes(">train</text>"));
});

Deno.test("panels' titles stand at one height, whatever the labels of their axes", async () => {
  // A label stands at the very top of an axis up to 0.5; none does up to 0.47.
  const values = { left: 0.5, right: 0.47 };
  const rows = Object.entries(values).flatMap(([name, most]) =>
    [0, 1].map((i) => ({ name, step: i, value: i * most }))
  );
  for (
    const plot of [
      learningCurves(rows.map((row) => ({ ...row, measure: row.name, series: "training" }))),
      layerPlot(rows.map((row) => ({ ...row, metric: row.name, layer: row.step, model: "BERT" }))),
    ]
  ) {
    const { svg } = await render(plot);
    const [left, right] = Object.keys(values).map((name) =>
      svg.match(new RegExp(`translate\\([-\\d.]+,([-\\d.]+)\\)[^>]*>${name}</text>`))![1]
    );
    assertEquals(left, right);
  }
});
