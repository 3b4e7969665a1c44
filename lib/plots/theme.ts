/**
 * The look that all plots share, as Vega-Lite v5.
 *
 * Series differ by colour (Okabe and Ito's palette, safe for colour-blind readers), by mark and by dash. The background
 * is white, so that a plot reads the same on a light and on a dark page. Every spec has a description for screen readers.
 * @module
 */

/** A Vega-Lite v5 spec as plain JSON. */
export interface Spec extends Record<string, unknown> {
  /** Vega-Lite's schema, which tells a plot from other values. */
  $schema: string;
  /** What a screen reader says. */
  description: string;
}

/** Options of every plot. */
export interface PlotOptions {
  /** Above the plot; also the start of its description. */
  title?: string;
  /** Below the x axis. */
  x?: string;
  /** Beside the y axis. */
  y?: string;
  /** Pixels of the plot, or of one of its panels. */
  width?: number;
  /** Pixels of the plot, or of one of its panels. */
  height?: number;
}

const font = "DejaVu Sans, Verdana, Arial, sans-serif";
/** The colour of text. */
export const ink = "#222222";
/** Okabe and Ito's colours, those that stand out most on white first. */
export const colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5230", "#000000"];
/** A level bar; Vega's own, `stroke`, has no area to fill. */
const bar = "M-1,-.3H1V.3H-1Z";
/** A five-pointed star, which Vega does not have. */
const star = "M0,-1L.25,-.3L1,-.3L.4,.15L.6,.9L0,.4L-.6,.9L-.4,.15L-1,-.3L-.25,-.3Z";

/** How series look, in turn. */
const seriesLook = {
  color: colours,
  shape: ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", bar],
  strokeDash: [[1, 0], [7, 2], [3, 2], [9, 2, 2, 2], [1, 2], [12, 3], [5, 1, 1, 1], [2, 4]],
};

/** How baselines look, in turn: grey and broken, so that they stand behind the series. */
const baselineLook = {
  color: ["#777777", "#222222", "#a08a5a", "#5a7a8a", "#8a5a7a"],
  shape: ["cross", bar, "triangle-left", "triangle-right", star],
  strokeDash: [[6, 3], [2, 3], [8, 2, 2, 2], [4, 4], [1, 2]],
};

const config = {
  background: "#ffffff",
  padding: 12,
  font,
  title: { color: ink, fontSize: 15, anchor: "start", offset: 12 },
  axis: {
    labelColor: ink,
    titleColor: ink,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: "normal",
    gridColor: "#eeeeee",
    domainColor: "#888888",
    tickColor: "#888888",
    titlePadding: 8,
    labelFlush: false,
  },
  legend: { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12, symbolSize: 90, labelLimit: 420 },
  header: { labelColor: ink, titleColor: ink, labelFontSize: 13, labelFontWeight: "bold", titleFontSize: 12 },
  view: { stroke: "#dddddd" },
};

/** Space between panels that keeps rows and columns straight, whatever the width of the axes' labels. */
export const apart = { bounds: "flush", spacing: { row: 84, column: 56 } };

/**
 * A facet by `field` without titles of its own; {@link panelTitle} draws them, all at one height. Vega-Lite would push a
 * title up where an axis label stands at the very top of its panel.
 */
export const panelled = (field: string, names: readonly string[]): Record<string, unknown> => ({
  facet: {
    field,
    type: "nominal",
    title: null,
    sort: names,
    header: { labelExpr: "''", labelFontSize: 1, labelPadding: 0 },
  },
});

/** The layer that writes a panel's title above it. */
export const panelTitle = (field: string, width: number): Record<string, unknown> => ({
  transform: [{ aggregate: [{ op: "count", as: "rows" }], groupby: [field] }],
  mark: { type: "text", fontSize: 13, fontWeight: "bold", color: ink, baseline: "bottom", align: "center" },
  encoding: { text: { field }, x: { value: width / 2 }, y: { value: -12 } },
});

/** A whole spec: `rest` with the shared look, and `description` for screen readers. */
export function spec(description: string, title: string | undefined, rest: Record<string, unknown>): Spec {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    description: title ? `${title}: ${description}` : description,
    ...(title ? { title } : {}),
    ...rest,
    config,
  };
}

/** Values in order of first mention. */
export const unique = <T>(values: Iterable<T>): T[] => [...new Set(values)];

/**
 * A channel of an encoding that gives each of `names` its own colour, mark or dash.
 *
 * @param baselines those of `names` that look like baselines
 * @param shown those of `names` that the legend lists
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
  return {
    field,
    type: "nominal",
    title: null,
    scale: { domain: names, range },
    legend: { orient: "bottom", columns: 5, values: shown, symbolOpacity: 1, symbolStrokeWidth: 0 },
  };
}
