/**
 * The look that all plots share, as Vega-Lite v5.
 *
 * Series differ by colour (Okabe and Ito's palette, safe for colour-blind readers), by mark and by dash. The background
 * is white, so that a plot reads the same on a light and on a dark page. Every spec has a description for screen readers.
 * @module
 */

/** A Vega-Lite v5 spec as plain JSON; its `$schema` tells it from other values. */
export type Spec = Record<string, unknown> & { $schema: string; description: string };

/**
 * Options of every plot: its title, how it is read (a sentence or two below the title), its axes' names, and the pixels of
 * the plot or of one of its panels.
 */
export type PlotOptions = { title?: string; read?: string; x?: string; y?: string; width?: number; height?: number };

const font = "DejaVu Sans, Verdana, Arial, sans-serif";
/** The colour of text; a page has its own in its place. */
export const ink = "#222222";
/** The colour of text on coloured cells, which a dark page keeps. */
export const cellInk = "#111111";
/** Okabe and Ito's colours, those that stand out most on white first. */
export const colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5230", "#000000"];
/** A level bar; Vega's own, `stroke`, has no area to fill. */
const bar = "M-1,-.3H1V.3H-1Z";
/** A five-pointed star, which Vega does not have. */
const star = "M0,-1L.25,-.3L1,-.3L.4,.15L.6,.9L0,.4L-.6,.9L-.4,.15L-1,-.3L-.25,-.3Z";
/** Two triangles that meet at their tips. */
const hourglass = "M-1,-1H1L-1,1H1Z";

/** How series look, in turn. */
const seriesLook = {
  color: colours,
  shape: ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", bar],
  strokeDash: [[1, 0], [7, 2], [3, 2], [9, 2, 2, 2], [1, 2], [12, 3], [5, 1, 1, 1], [2, 4]],
};

/** How baselines look, in turn: grey and broken, so that they stand behind the series. */
const baselineLook = {
  color: ["#777777", "#222222", "#a08a5a", "#5a7a8a", "#8a5a7a", "#5f8060"],
  shape: ["cross", bar, "triangle-left", "triangle-right", star, hourglass],
  strokeDash: [[6, 3], [2, 3], [8, 2, 2, 2], [4, 4], [1, 2], [10, 4]],
};

const text = { labelColor: ink, titleColor: ink };
const config = {
  background: "#ffffff",
  padding: 12,
  font,
  title: { color: ink, fontSize: 15, anchor: "start", offset: 12, subtitleColor: ink, subtitleFontSize: 11.5 },
  axis: {
    ...text,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: "normal",
    gridColor: "#eeeeee",
    domainColor: "#888888",
    tickColor: "#888888",
    titlePadding: 8,
    labelFlush: false,
  },
  legend: { ...text, labelFontSize: 12, titleFontSize: 12, symbolSize: 90, labelLimit: 420 },
  header: { ...text, labelFontSize: 13, labelFontWeight: "bold", titleFontSize: 12 },
  view: { stroke: "#dddddd" },
};

/** Pixels between rows and columns of {@link panels}. */
const spacing = { row: 84, column: 56 };

/**
 * Panels by `field`, with their titles as layers of their own, all at one height: Vega-Lite would push a title up where
 * an axis label stands at the very top of its panel. What of a name stands behind a line's end is the panel's subtitle.
 *
 * @param options `more`: pixels between rows and columns beyond the usual, for long labels
 */
export function panels(
  field: string,
  names: readonly string[],
  { values, columns, width, height, layer, resolve, more = { row: 0, column: 0 } }:
    & Record<"values" | "layer", readonly object[]>
    & { columns: number; width: number; height: number; resolve: object; more?: { row: number; column: number } },
): Record<string, unknown> {
  const header = { labelExpr: "''", labelFontSize: 1, labelPadding: 0 }, below = names.some((name) => /\n/.test(name));
  const title = (part: number, y: number, look: object) => ({
    name: `title_${part}`, // by which a page finds it
    transform: [
      { aggregate: [{ op: "count", as: "rows" }], groupby: [field] },
      { calculate: `split(datum[${JSON.stringify(field)}], '\\n')[${part}] || ''`, as: "title" },
    ],
    mark: { type: "text", color: ink, baseline: "bottom", align: "center", ...look },
    encoding: { text: { field: "title" }, x: { value: width / 2 }, y: { value: y } },
  });
  const titles = [title(0, below ? -26 : -12, { fontSize: 13, fontWeight: "bold" })];
  if (below) titles.push(title(1, -11, { fontSize: 11 }));
  return {
    data: { values },
    facet: { field, type: "nominal", title: null, sort: names, header },
    columns,
    bounds: "flush", // and so much space keep rows and columns straight, however wide the axes' labels are
    spacing: { row: spacing.row + (below ? 14 : 0) + more.row, column: spacing.column + more.column },
    spec: { width, height, layer: [...layer, ...titles] },
    resolve,
  };
}

/** What a mark says under the pointer, in notebooks and on a page: the datum's field `says`. */
export const saying = {
  tooltip: { field: "says", type: "nominal" },
  description: { field: "says", type: "nominal" },
} as const;

/**
 * In notebooks a click on the legend leaves a series alone (with Shift, several): the parameter, which one layer of the
 * plot has, by the legend's field, and the opacity of all marks that follow it.
 */
export const chosen = (field: string): object[] => [
  { name: "chosen", select: { type: "point", fields: [field] }, bind: "legend" },
];

/** The opacity of marks that fade if another series is {@link chosen}. */
export const fading = (opacity = 1): object => ({ condition: { param: "chosen", value: opacity }, value: 0.07 });

/** A number with a true minus sign and so many decimals. */
export const numberText = (value: number, decimals = 3): string =>
  value.toFixed(decimals).replace(/^-(?=.*[1-9])/, "−").replace(/^-/, "");

/** Text in lines of at most so many letters, broken at spaces. */
export const inLines = (text: string, letters: number): string[] =>
  text.split(" ").reduce<string[]>((lines, word) => {
    const longer = `${lines.at(-1) ?? ""} ${word}`.trim();
    return lines.length > 0 && longer.length <= letters ? [...lines.slice(0, -1), longer] : [...lines, word];
  }, []);

/**
 * A whole spec: `rest` with the shared look, and `description` for screen readers.
 *
 * @param titled the title, or the options that have it and how the plot is read
 * @param across pixels of the whole plot, for the lines of its text; by default from its panels
 */
export function spec(
  description: string,
  titled: string | undefined | Pick<PlotOptions, "title" | "read">,
  rest: Record<string, unknown>,
  across?: number,
): Spec {
  const { title, read } = typeof titled === "string" ? { title: titled, read: undefined } : titled ?? {};
  const { columns = 1, width, spec: panel = {} } = rest as { columns?: number; width?: number; spec?: typeof rest };
  const pixels = across ?? width ?? columns * (Number(panel.width ?? 500) + spacing.column),
    letters = Math.max(60, pixels / 6.6);
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    description: title ? `${title}: ${description}` : description,
    ...(read ? { title: { text: title ?? "", subtitle: inLines(read, letters) } } : title ? { title } : {}),
    ...rest,
    config,
  };
}

/** Values in order of first mention. */
export const unique = <T>(values: Iterable<T>): T[] => [...new Set(values)];

/**
 * A channel of an encoding that gives each of `names` its own colour, mark or dash.
 *
 * @param looks those of `names` that look like baselines, and those that the legend lists
 */
export function series(
  field: string,
  names: readonly string[],
  channel: "color" | "shape" | "strokeDash",
  { baselines = [], shown = names }: { baselines?: readonly string[]; shown?: readonly string[] } = {},
): Record<string, unknown> {
  const isBaseline = (name: string) => baselines.includes(name);
  const range = names.map((name, i) => {
    const look: unknown[] = (isBaseline(name) ? baselineLook : seriesLook)[channel];
    const before = names.slice(0, i).filter((other) => isBaseline(other) === isBaseline(name)).length;
    return look[before % look.length];
  });
  const legend = { orient: "bottom", columns: 5, values: shown, symbolOpacity: 1, symbolStrokeWidth: 0 };
  return { field, type: "nominal", title: null, scale: { domain: names, range }, legend };
}
