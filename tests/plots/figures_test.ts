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

Deno.test("an interval is drawn no further than its score can lie, and says its own ends", async () => {
  const point = { model: "BERT", metric: "tempo", value: 0.9, low: -0.9, high: 1.7, layer: 1 };
  const axis = async (within?: [number | null, number | null]) => {
    const { svg } = await render(layerPlot([{ ...point, within }, { ...point, layer: 2, value: 0.5, within }]));
    assert(svg.includes("[−0.900, 1.700]"));
    return [...svg.matchAll(/>([−\d.]+)<\/text>/g)].map(([, text]) => Number(text.replace("−", "-")))
      .filter((number) => !Number.isInteger(number) || number < 1 || number > 2);
  };
  assert((await axis()).some((number) => number < 0));
  const drawn = await axis([0, 1]);
  assert(drawn.length > 1 && drawn.every((number) => number >= 0 && number <= 1), drawn.join());
});

Deno.test("a level line stands with its name, at the panel's edge where it lies far from the models", async () => {
  const level = (model: string, value: number) => ({ model, metric: "chords", layer: null, value });
  const own = points.filter(({ metric }) => metric === "chords"); // from 0.4 to 0.8 with their intervals
  const { svg } = await render(layerPlot([...own, level("counts", 0.5), level("guess", 1.9)]));
  const [rule] = marksOf(svg, "rule").filter((mark) => attribute(mark, "stroke-dasharray") === "2,3");
  assert(rule !== undefined && svg.includes(">counts</text>") && svg.includes(">guess 1.900 ↑</text>"));
  assert(!svg.includes(">1.5</text>"), "the guess does not stretch the scale");
});

Deno.test("the paper's points stand hollow at the same share of the depth, and say their own layer", async () => {
  const paper = [6, 12].map((layer) => ({ model: "BERT", metric: "chords", layer, value: 0.6, paper: true }));
  const plot = layerPlot([...points.filter(({ metric }) => metric === "chords"), ...paper]);
  const hollow = marksOf((await render(plot)).svg, "symbol").filter((mark) =>
    attribute(mark, "fill") !== colours[0] &&
    attribute(mark, "stroke") === colours[0]
  );
  assertEquals(hollow.length, 2);
  const { data: { values } } = plot as unknown as { data: { values: { at: number; says: string; paper?: boolean }[] } };
  assertEquals(values.filter((row) => row.paper).map(({ at, says }) => [at, says]), [
    [1.5, "BERT in the paper, layer 6 of 12: 0.600"],
    [3, "BERT in the paper, layer 12 of 12: 0.600"],
  ]);
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
  const marks = marksOf(svg, "symbol").filter((mark) => attribute(mark, "opacity") !== "0");
  assertEquals(marks.length, validation.length);
  const [level, ...others] = marksOf(svg, "rule");
  assertEquals([attribute(level, "stroke"), attribute(level, "stroke-dasharray"), others.length], [
    "#777777",
    "2,3",
    0,
  ]);
  const curves = marksOf(svg, "line").map((line) => [attribute(line, "stroke"), attribute(line, "stroke-dasharray")]);
  assertEquals(curves, [[colours[0], "1,0"], [colours[1], "7,2"]]);
});

/** The marks of a curve of so many steps: those seen, and those that only say their value. */
function curveMarks(count: number): { seen: number; unseen: number; drawn: number; last: unknown } {
  const points = ["loss", "accuracy"].flatMap((measure) =>
    Array.from({ length: count }, (_, step) => ({ step, value: step, measure, series: "train" }))
  );
  const { data: { values } } = learningCurves(points) as unknown as {
    data: { values: { step: number; measure: string; mark?: string }[] };
  };
  const own = values.filter(({ measure }) => measure === "loss"),
    of = (mark: string) => own.filter((v) => v.mark === mark);
  return { seen: of("seen").length, unseen: of("unseen").length, drawn: own.length, last: own.at(-1)?.step };
}

Deno.test("a series is sparse up to forty points a panel; of longer ones a few say their value", () => {
  assertEquals(curveMarks(40), { seen: 40, unseen: 0, drawn: 40, last: 39 });
  assertEquals(curveMarks(41), { seen: 0, unseen: 41, drawn: 41, last: 40 });
  const { unseen, drawn, last } = curveMarks(9300);
  assert(drawn <= 301 && unseen <= 51 && unseen > 25 && last === 9299, `${unseen} of ${drawn}, to ${last}`);
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

Deno.test("each seed is a thin line of its model's colour beside the thick one of their mean, without marks", async () => {
  const of = (value: number, seed?: number) => [1, 2, 3].map((at) => ({ at, value: value + at / 10, seed }));
  const all = [of(0.5), of(0.4, 0), of(0.6, 1)].flat();
  const layers = all.map(({ at, ...point }) => ({ ...point, layer: at, model: "BERT", metric: "chords" }));
  const steps = all.map(({ at, ...point }) => ({ ...point, step: at, series: "BERT", measure: "loss" }));
  for (const plot of [layerPlot(layers), learningCurves(steps)]) {
    const { svg } = await render(plot);
    const lines = marksOf(svg, "line").map((line) => [attribute(line, "stroke"), attribute(line, "stroke-width")]);
    assertEquals(lines, [[colours[0], "0.8"], [colours[0], "0.8"], [colours[0], "2"]]);
    assertEquals(marksOf(svg, "symbol").length, 3);
  }
});
