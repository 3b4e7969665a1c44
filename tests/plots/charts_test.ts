import { assert, assertEquals, assertGreater } from "@std/assert";
import { bars, heatMap, histogram } from "@lib/plots/charts.ts";
import { render } from "@lib/plots/render.ts";
import { assertSnapshot, attribute, marksOf } from "../support/snapshots.ts";

const cells = [[1, "C", 0.25, ""], [2, "C", -0.004, "*"], [1, "GP", 1, ""]].map(([x, y, value, mark]) => ({
  ...{ x: x as number, y: y as string, value: value as number, mark: mark as string },
}));
const grouped = [
  { label: "Pitch", value: 0.5, group: "BERT" },
  { label: "Pitch", value: 0.25, group: "most common", baseline: true },
  { label: "Tempo", value: 0.75, group: "BERT" },
];

Deno.test("the charts' specs are the kept ones", () => {
  assertSnapshot("heat-map", heatMap(cells, { title: "BERT", x: "layer", domain: [0, 1] }));
  assertSnapshot("histogram", histogram([1, 1, 2, 8], { bins: 10, mark: { value: 4, label: "longest" } }));
  assertSnapshot("histogram-plain", histogram([3]));
  assertSnapshot("bars", bars(grouped, { x: "accuracy", decimals: 2 }));
  assertSnapshot("bars-plain", bars([{ label: "songs", value: 59 }], { title: "Songs" }));
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

Deno.test("the numbers of a heat map can be read on their cells, and signs are true ones", async () => {
  const { svg } = await render(heatMap(Array.from({ length: 21 }, (_, i) => ({ x: i, y: "row", value: i / 20 }))));
  const fills = (kind: string) =>
    marksOf(svg, kind).map((mark) => attribute(mark, "fill")).map((fill) =>
      fill.startsWith("#")
        ? [1, 3, 5].map((at) => parseInt(fill.slice(at, at + 2), 16))
        : [...fill.matchAll(/\d+/g)].map(Number)
    );
  const rects = fills("rect"), numbers = fills("text");
  assertEquals([rects.length, numbers.length], [21, 21]);
  // On the grey between, neither white nor ink reaches 4; WCAG asks for 3 in large text and graphics.
  rects.forEach((rect, i) => assertGreater(contrast(rect, numbers[i]), 3.3, `${i / 20}: ${rect} ${numbers[i]}`));
  const { data } = heatMap([-0.25, -0.001, 0.5].map((value, x) => ({ x, y: "", value }))) as unknown as {
    data: { values: { text: string }[] };
  };
  assertEquals(data.values.map(({ text }) => text), ["−0.25", "0.00", "0.50"]);
});

Deno.test("a heat map's larger values are darker, its columns go right and its rows down", async () => {
  const { svg } = await render(heatMap(cells, { numbers: false }));
  const rects = marksOf(svg, "rect").map((rect) => ({
    place: attribute(rect, "d").match(/-?[\d.]+/g)!.slice(0, 2).map(Number),
    light: attribute(rect, "fill").match(/\d+/g)!.map(Number).reduce((a, b) => a + b),
  }));
  const [first, right, below] = rects;
  assert(right.place[0] > first.place[0] && right.place[1] === first.place[1]);
  assert(below.place[1] > first.place[1] && below.place[0] === first.place[0]);
  assert(below.light < first.light && first.light < right.light); // 1, 0.25, −0.004
  assertEquals(marksOf(svg, "text").length, 0);
});

Deno.test("a heat map's columns are named slantwise where the names would meet", () => {
  const angle = (names: string[], width?: number) =>
    (heatMap(names.map((x) => ({ x, y: "row", value: 1 })), { width }) as unknown as {
      encoding: { x: { axis: { labelAngle: number } } };
    }).encoding.x.axis.labelAngle;
  // A column is 46 pixels wide, a letter about 7.
  assertEquals([angle(["1", "sixsix"]), angle(["1", "sevenle"]), angle(["1", "sevenle"], 100)], [0, -60, 0]);
  const many = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
  assertEquals([angle(many(12)), angle(many(13))], [0, -60]);
});

Deno.test("bars are as long as their values, and a histogram counts each value once", async () => {
  const { svg } = await render(bars([{ label: "a", value: 1 }, { label: "b", value: 2 }]));
  const lengths = marksOf(svg, "rect").map((rect) => Number(attribute(rect, "d").match(/h(-?[\d.]+)/)![1]));
  assertEquals(Math.round(100 * lengths[1] / lengths[0]), 200);
  const counted = (await render(histogram([1, 1, 2, 8], { bins: 10 }))).svg;
  const heights = marksOf(counted, "rect").map((rect) => Number(attribute(rect, "d").match(/v(-?[\d.]+)/)![1]));
  assertEquals(heights.map((height) => Math.round(height / Math.min(...heights))), [2, 1, 1]);
});
