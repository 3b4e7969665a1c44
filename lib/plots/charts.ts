/**
 * Plain charts, as Vega-Lite v5 specs: heat maps, histograms, bars, scatter plots.
 * @module
 */
import { colours, ink, type PlotOptions, series, type Spec, spec, unique } from "./theme.ts";

/** A cell of {@link heatMap}. */
export interface HeatRow {
  /** Column. */
  x: string | number;
  /** Row. */
  y: string | number;
  /** What the colour and the number in the cell say. */
  value: number;
  /** Stands behind the number, such as a star. */
  mark?: string;
}

/** Choices of {@link heatMap}. */
export interface HeatOptions extends PlotOptions {
  /** Decimals of the numbers. */
  decimals?: number;
  /** Whether cells have their numbers; where there are too many to read, colours must do. */
  numbers?: boolean;
  /** Ends of the colours' scale; the values' own unless told. */
  domain?: [number, number];
}

/** A matrix as coloured cells with their numbers; columns and rows stand in the order of their first mention. */
export function heatMap(rows: HeatRow[], options: HeatOptions = {}): Spec {
  const xs = unique(rows.map((row) => row.x));
  const ys = unique(rows.map((row) => row.y));
  const { title, x = null, y = null, width = 46 * xs.length, height = 30 * ys.length } = options;
  const { decimals = 2, numbers = true, domain } = options;
  const values = rows.map((row) => row.value);
  const [least, most] = domain ?? [Math.min(...values), Math.max(...values)];
  const turn = least + 0.62 * (most - least); // where white on the scheme's blues becomes easier to read than ink
  // A letter of the labels is about 7 px wide.
  const slanted = xs.length > 12 || Math.max(...xs.map((name) => 7 * String(name).length)) > width / xs.length;
  const format = (value: number) => value.toFixed(decimals).replace(/^-(?=.*[1-9])/, "−").replace(/^-/, "");
  const axes = {
    x: { field: "x", type: "ordinal", title: x, sort: xs, axis: { labelAngle: slanted ? -60 : 0, grid: false } },
    y: { field: "y", type: "ordinal", title: y, sort: ys, axis: { grid: false } },
  };
  const dark = { test: `datum.value > ${turn}`, value: "#ffffff" };
  return spec(`${ys.length} × ${xs.length} cells from ${Math.min(...values)} to ${Math.max(...values)}`, title, {
    data: { values: rows.map((row) => ({ ...row, text: `${format(row.value)}${row.mark ?? ""}` })) },
    width,
    height,
    encoding: axes,
    layer: [
      {
        mark: { type: "rect", ...(numbers ? { stroke: "#ffffff" } : {}) },
        encoding: {
          color: {
            field: "value",
            type: "quantitative",
            title: null,
            scale: { scheme: "blues", zero: false, ...(domain ? { domain, clamp: true } : {}) },
          },
        },
      },
      ...(numbers
        ? [{
          mark: { type: "text", fontSize: 11 },
          encoding: { text: { field: "text" }, color: { condition: dark, value: ink } },
        }]
        : []),
    ],
  });
}

/** How often values fall in each of about `bins` round intervals; `mark` draws a labelled line at a value. */
export function histogram(
  values: number[],
  options: PlotOptions & { bins?: number; mark?: { value: number; label: string } } = {},
): Spec {
  const { title, x = "value", y = "count", width = 420, height = 200, bins = 40, mark } = options;
  const line = (encoding: Record<string, unknown>, of: Record<string, unknown>) => ({
    data: { values: [mark] },
    mark: of,
    encoding: { x: { field: "value", type: "quantitative" }, ...encoding },
  });
  return spec(`${values.length} values of ${x}, from ${Math.min(...values)} to ${Math.max(...values)}`, title, {
    width,
    height,
    layer: [
      {
        data: { values: values.map((value) => ({ value })) },
        mark: { type: "bar", color: colours[0] },
        encoding: {
          x: { field: "value", type: "quantitative", bin: { maxbins: bins }, title: x },
          y: { aggregate: "count", title: y, axis: { tickCount: 5 } },
        },
      },
      ...(mark
        ? [
          line({}, { type: "rule", color: colours[1], strokeWidth: 2, strokeDash: [5, 3] }),
          line({ text: { field: "label" }, y: { value: 8 } }, { type: "text", align: "right", dx: -6, color: ink }),
        ]
        : []),
    ],
  });
}

/** A bar of {@link bars}. */
export interface BarRow {
  /** What stands beside the bar. */
  label: string;
  /** Its length. */
  value: number;
  /** Its group: a colour each, side by side. */
  group?: string;
}

/** Level bars, in the order of `rows`, each with its number at its end. */
export function bars(rows: BarRow[], options: PlotOptions & { decimals?: number } = {}): Spec {
  const labels = unique(rows.map((row) => row.label));
  const groups = unique(rows.flatMap((row) => row.group ?? []));
  const many = Math.max(1, groups.length);
  const { title, x = "value", y = null, width = 420, height = labels.length * (14 * many + 8), decimals = 0 } = options;
  const grouped = groups.length > 0;
  const longest = Math.max(...rows.map((row) => row.value));
  const scale = longest > 0 ? { domainMax: 1.12 * longest, nice: false } : {}; // room for the longest bar's number
  const middle = { field: "value", type: "quantitative", title: x, scale };
  return spec(rows.map((row) => `${row.group ?? ""} ${row.label} ${row.value}`.trim()).join(", "), title, {
    data: { values: rows },
    width,
    height,
    encoding: {
      x: { ...middle, axis: { tickCount: 6 } },
      y: { field: "label", type: "nominal", title: y, sort: labels, axis: { labelLimit: 260 } },
      ...(grouped ? { yOffset: { field: "group", sort: groups } } : {}),
    },
    layer: [
      {
        mark: { type: "bar", ...(grouped ? {} : { color: colours[0] }) },
        encoding: grouped ? { color: series("group", groups, "color") } : {},
      },
      {
        mark: { type: "text", align: "left", dx: 4, fontSize: 11, color: ink },
        encoding: { text: { field: "value", type: "quantitative", format: `,.${decimals}f` } },
      },
    ],
  });
}

/** A point of {@link scatter}. */
export interface ScatterRow {
  /** Across. */
  x: number;
  /** Up. */
  y: number;
  /** Its group: a colour and shape each. */
  group?: string;
}

/** Points, by group where they have one. */
export function scatter(rows: ScatterRow[], options: PlotOptions = {}): Spec {
  const { title, x = "x", y = "y", width = 380, height = 320 } = options;
  const groups = unique(rows.flatMap((row) => row.group ?? []));
  const number = { type: "quantitative", scale: { zero: false }, axis: { tickCount: 6 } };
  return spec(`${rows.length} points of ${y} against ${x}${groups.length ? ` in ${groups.join(", ")}` : ""}`, title, {
    data: { values: rows },
    width,
    height,
    mark: { type: "point", filled: true, size: 30, opacity: 0.75, ...(groups.length ? {} : { color: colours[0] }) },
    encoding: {
      x: { field: "x", title: x, ...number },
      y: { field: "y", title: y, ...number },
      ...(groups.length ? { color: series("group", groups, "color"), shape: series("group", groups, "shape") } : {}),
    },
  });
}
