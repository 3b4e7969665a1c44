/**
 * Claims as a forest plot, as a Vega-Lite v5 spec: differences about zero, with verdicts beside them.
 * @module
 */
import { chosen, fading, ink, inLines, type PlotOptions, saying, series, type Spec, spec, unique } from "./theme.ts";

/** A difference in half-widths of its interval, with the interval's ends in the same unit; the `main` one has it drawn. */
export type ForestMark = {
  series: string;
  value: number;
  low: number | null;
  high: number | null;
  main: boolean;
  says: string;
};

/** A line of the plot: its name, its differences, and a word or sign under each heading of the columns at its right. */
export type ForestRow = { name: string; marks: ForestMark[]; columns: Record<string, string> };

/** The verdicts' signs, with their colours. */
export const signs = { held: "✓", not: "✗", undecided: "?" } as const;
const signColours: Record<string, string> = { [signs.held]: "#009E73", [signs.not]: "#D55E00" };

/** Differences beyond so many half-widths stand at the edge. */
const EDGE = 5;

/** Pixels of a line, and of a column of signs. */
const LINE = 34, COLUMN = 52;

/**
 * Rows with their differences about zero: right of it is as claimed. Small marks are all comparisons of a row, large ones
 * with an interval the `main` one of each series.
 */
export function forestPlot(rows: readonly ForestRow[], options: PlotOptions = {}): Spec {
  const { x = "← the other way round · as claimed →", width = 360, height = LINE * rows.length } = options;
  const label = (name: string) => inLines(name, 50).join("\n");
  const names = rows.map(({ name }) => label(name)),
    sources = unique(rows.flatMap((row) => row.marks.map((m) => m.series)));
  const within = (value: number) => Math.max(-EDGE, Math.min(EDGE, value));
  const marks = rows.flatMap(({ name, marks }) =>
    marks.filter(({ value }) => Number.isFinite(value)).map(({ low, high, ...mark }) => ({
      ...mark,
      name: label(name),
      at: within(mark.value),
      ...(mark.main && low !== null && high !== null ? { low: within(low), high: within(high) } : {}),
    }))
  );
  const headings = unique(rows.flatMap(({ columns }) => Object.keys(columns)));
  const y = {
    field: "name",
    type: "nominal",
    sort: names,
    title: null,
    scale: { domain: names },
    axis: { labelExpr: "split(datum.label, '\\n')", labelLimit: 0, grid: true, ticks: false, domain: false },
  };
  const across = {
    field: "at",
    type: "quantitative",
    title: x,
    scale: { domain: [-EDGE - 0.3, EDGE + 0.3], nice: false },
    axis: { values: [-4, -2, 0, 2, 4], grid: false },
  };
  const beside = { yOffset: { field: "series", sort: sources, scale: { domain: sources, paddingOuter: 1.2 } } };
  const color = series("series", sources, "color"), shape = series("series", sources, "shape");
  const zero = {
    data: { values: [{ at: 0 }] },
    mark: { type: "rule", color: "#888888" },
    encoding: { x: { field: "at", type: "quantitative", axis: across.axis, scale: across.scale, title: x } },
  };
  const intervals = {
    transform: [{ filter: "isValid(datum.low)" }],
    mark: { type: "rule", strokeWidth: 1.6 },
    encoding: { x: { ...across, field: "low" }, x2: { field: "high" }, y, ...beside, color, opacity: fading() },
  };
  const points = (main: boolean) => ({
    transform: [{ filter: main ? "datum.main" : "!datum.main" }],
    ...(main ? { params: chosen("series") } : {}),
    mark: { type: "point", filled: true, size: main ? 70 : 22 },
    encoding: { x: across, y, ...beside, color, shape, opacity: fading(main ? 1 : 0.55), ...saying },
  });
  const columns = headings.flatMap((heading, i) => {
    const at = { value: width + COLUMN * (i + 0.7) };
    const cells = rows.map(({ name, columns }) => {
      const sign = columns[heading] ?? "";
      return { name: label(name), sign, says: `${heading}: ${name}: ${sign}`, colour: signColours[sign] ?? ink };
    });
    return [{
      data: { values: cells },
      mark: { type: "text", fontSize: 14, fontWeight: "bold" },
      encoding: { x: at, y, text: { field: "sign" }, color: { field: "colour", type: "nominal", scale: null } },
    }, {
      data: { values: [{ heading }] },
      mark: { type: "text", fontSize: 11, baseline: "bottom", color: ink },
      encoding: { x: at, y: { value: -6 }, text: { field: "heading" } },
    }];
  });
  return spec(
    rows.map(({ name, columns }) => `${name}: ${headings.map((head) => `${head} ${columns[head] ?? ""}`).join(", ")}`)
      .join("; "),
    options,
    { data: { values: marks }, width, height, layer: [zero, intervals, points(false), points(true), ...columns] },
    width + 400,
  );
}
