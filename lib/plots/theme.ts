/**
 * The look that all plots share, as Vega-Lite v5.
 *
 * Series differ by colour (Okabe and Ito's palette, safe for the colour-blind), by shape and by dash; the background is
 * white, so that a plot reads the same on a light and on a dark page; every spec has a description for screen readers.
 * @module
 */

/** A Vega-Lite v5 spec as plain JSON. */
export interface Spec extends Record<string, unknown> {
  /** Vega-Lite's schema; what tells a plot from other values. */
  $schema: string;
  /** What a screen reader says. */
  description: string;
}

/** What every plot takes. */
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
const faint = "#dddddd";
/** Okabe and Ito's colours, darkest enough for white first. */
export const colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5230", "#000000"];
/** A level bar: Vega's own, `stroke`, has no inside to fill. */
const bar = "M-1,-.3H1V.3H-1Z";
const shapes = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", bar];
const dashes = [[1, 0], [7, 2], [3, 2], [9, 2, 2, 2], [1, 2], [12, 3], [5, 1, 1, 1], [2, 4]];

/** The look that all plots share. */
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
  view: { stroke: faint },
};

/** Panels in straight rows and columns, whatever the width of their axes' labels. */
export const apart = { bounds: "flush", spacing: { row: 84, column: 56 } };

/**
 * A facet by `field` whose panels have their titles at one height; {@link panelTitle} draws them. A facet's own titles
 * keep clear of the axis' labels, so that a label at the very top pushes one panel's title above the others'.
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

/** A five-pointed star, which Vega has no name for. */
const star = "M0,-1L.25,-.3L1,-.3L.4,.15L.6,.9L0,.4L-.6,.9L-.4,.15L-1,-.3L-.25,-.3Z";

/** How the baselines look, in turn: dark, so that they stand behind the models' colours. */
const baselineLook = {
  colours: ["#777777", "#222222", "#a08a5a", "#5a7a8a", "#8a5a7a"],
  shapes: ["cross", bar, "triangle-left", "triangle-right", star],
  dashes: [[6, 3], [2, 3], [8, 2, 2, 2], [4, 4], [1, 2]],
};

/** Scales that give each series its colour, shape and dash; baselines are grey and dotted, each in its own way. */
function seriesScales(
  names: string[],
  baselines: ReadonlySet<string>,
): { color: object; shape: object; strokeDash: object } {
  const plain = (name: string) => baselines.has(name);
  const rank = names.map((own, i) => names.slice(0, i).filter((other) => plain(other) === plain(own)).length);
  const range = <T>(of: T[], baseline: T[]) =>
    names.map((name, i) => plain(name) ? baseline[rank[i] % baseline.length] : of[rank[i] % of.length]);
  return {
    color: { domain: names, range: range(colours, baselineLook.colours) },
    shape: { domain: names, range: range(shapes, baselineLook.shapes) },
    strokeDash: { domain: names, range: range(dashes, baselineLook.dashes) },
  };
}

/** Choices of {@link series}. */
interface SeriesOptions {
  /** Title of the legend. */
  title?: string | null;
  /** Names that the legend lists; all by default. */
  shown?: string[];
  /** Names of what the others are compared with. */
  baselines?: ReadonlySet<string>;
}

/** A colour, shape or dash channel of an encoding that tells `names` apart. */
export const series = (
  field: string,
  names: string[],
  channel: "color" | "shape" | "strokeDash",
  { title = null, shown = names, baselines = new Set() }: SeriesOptions = {},
): Record<string, unknown> => ({
  field,
  type: "nominal",
  title,
  scale: seriesScales(names, baselines)[channel],
  legend: { orient: "bottom", columns: 5, values: shown, symbolOpacity: 1, symbolStrokeWidth: 0 },
});
