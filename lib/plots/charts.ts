/**
 * Plain charts, as Vega-Lite v5 specs: heat maps, histograms, bars.
 * @module
 */
import {
  cellInk,
  chosen,
  colours,
  fading,
  ink,
  numberText,
  panels,
  type PlotOptions,
  saying,
  series,
  type Spec,
  spec,
  unique,
} from "./theme.ts";

/**
 * A cell of a heat map: its column and row, its number, what stands behind the number, such as a star, and its map where
 * there are several.
 */
export type HeatCell = { x: string | number; y: string | number; value: number; mark?: string; panel?: string };

/**
 * A matrix as coloured cells with their numbers; columns and rows stand in the order of their first mention. Cells with
 * panels make a map for each, side by side, with the same colours.
 *
 * @param options `numbers` is false where there are too many cells to read them; `domain` has the ends of the colour
 * scale, by default the least and the largest value; `columns` of panels; `apart`: each map has rows and columns of its own
 */
export function heatMap(
  cells: readonly HeatCell[],
  options: PlotOptions & { decimals?: number; numbers?: boolean; domain?: [number, number]; columns?: number } & {
    apart?: boolean;
  } = {},
): Spec {
  const xs = unique(cells.map(({ x }) => x)), ys = unique(cells.map(({ y }) => y));
  const maps = unique(cells.flatMap(({ panel }) => panel ?? [])), narrow = maps.length > 0 && xs.length > 8;
  const { x = null, y = null, width = (narrow ? 33 : 46) * xs.length, height = 30 * ys.length } = options;
  const { decimals = 2, numbers = true, domain, columns = narrow ? 2 : 3, apart = false } = options;
  const values = cells.map(({ value }) => value);
  const range = [Math.min(...values), Math.max(...values)], [low, high] = domain ?? range;
  const turn = low + 0.62 * (high - low); // above it, white is easier to read on the blue than ink
  // A letter of the labels is about 7 px wide.
  const slanted = xs.length > 12 || Math.max(...xs.map((name) => 7 * String(name).length)) > width / xs.length;
  const longest = (names: readonly (string | number)[]) => Math.max(...names.map((name) => 6.2 * String(name).length));
  const format = (value: number) => numberText(value, decimals);
  const scale = { scheme: "blues", zero: false, ...(domain ? { domain, clamp: true } : { domain: range }) };
  const encoding = {
    x: { field: "x", type: "ordinal", title: x, sort: xs, axis: { labelAngle: slanted ? -60 : 0, grid: false } },
    y: { field: "y", type: "ordinal", title: y, sort: ys, axis: { grid: false, labelLimit: 260 } },
  };
  const rect = {
    mark: { type: "rect", ...(numbers ? { stroke: "#ffffff" } : {}) },
    encoding: { color: { field: "value", type: "quantitative", title: null, scale }, ...saying },
  };
  const text = {
    mark: { type: "text", fontSize: narrow ? 9.5 : 11 },
    encoding: {
      text: { field: "text" },
      color: { condition: { test: `datum.value > ${turn}`, value: "#ffffff" }, value: cellInk },
    },
  };
  const rows = cells.map((cell) => {
    const text = `${format(cell.value)}${cell.mark ?? ""}`, name = `${cell.panel ?? ""} ${cell.y}`.trim();
    return { ...cell, text, says: `${name}, ${x ? `${x} ` : ""}${cell.x}: ${text}` };
  });
  const own = { x: "independent", y: "independent" };
  const layer = numbers ? [rect, text] : [rect];
  return spec(
    `${maps.length > 0 ? `${maps.join(", ")}: ` : ""}${ys.length} × ${xs.length} cells from ` +
      range.map(format).join(" to "),
    options,
    maps.length === 0 ? { data: { values: rows }, width, height, encoding, layer } : panels("panel", maps, {
      ...{ values: rows, columns, width, height },
      more: { column: Math.max(0, longest(ys) - 36), row: slanted ? Math.max(0, 0.87 * longest(xs) - 40) : 0 },
      resolve: { axis: own, ...(apart ? { scale: own } : {}) },
      layer: layer.map((one) => ({ ...one, encoding: { ...encoding, ...one.encoding } })),
    }),
  );
}

/** How often values fall in each of about `bins` round intervals; `mark` draws a labelled line at a value. */
export function histogram(
  values: readonly number[],
  options: PlotOptions & { bins?: number; mark?: { value: number; label: string } } = {},
): Spec {
  const { x = "value", y = "count", width = 340, height = 200, bins = 40, mark } = options;
  const at = { field: "value", type: "quantitative" };
  const counts = {
    data: { values: values.map((value) => ({ value })) },
    mark: { type: "bar", color: colours[0] },
    encoding: {
      x: { ...at, bin: { maxbins: bins }, title: x },
      y: { aggregate: "count", title: y, axis: { tickCount: 5 } },
      tooltip: [{ ...at, bin: { maxbins: bins }, title: x }, { aggregate: "count", title: y }],
    },
  };
  const data = { values: [mark] };
  const marked = [{
    data,
    mark: { type: "rule", color: colours[1], strokeWidth: 2, strokeDash: [5, 3] },
    encoding: { x: at },
  }, {
    data,
    mark: { type: "text", align: "right", dx: -6, color: ink },
    encoding: { x: at, text: { field: "label" }, y: { value: 8 } },
  }];
  const description = `${values.length} values of ${x}, from ${Math.min(...values)} to ${Math.max(...values)}`;
  return spec(description, options, { width, height, layer: mark ? [counts, ...marked] : [counts] });
}

/** A level bar: what stands beside it, its length, and its group, a colour each, grey if the group is a baseline. */
type Bar = { label: string; value: number; group?: string; baseline?: boolean };

/** Level bars, in the order given, each with its number at its end; those of one label stand side by side. */
export function bars(rows: readonly Bar[], options: PlotOptions & { decimals?: number } = {}): Spec {
  const labels = unique(rows.map(({ label }) => label)), groups = unique(rows.flatMap(({ group }) => group ?? []));
  const many = Math.max(1, groups.length), grouped = groups.length > 0;
  const { x = "value", y = null, width = 340, height = labels.length * (14 * many + 8), decimals = 0 } = options;
  const baselines = unique(rows.flatMap(({ group, baseline }) => baseline && group ? [group] : []));
  const longest = Math.max(...rows.map(({ value }) => value));
  const scale = longest > 0 ? { domainMax: 1.12 * longest, nice: false } : {}; // room for the longest bar's number
  const values = rows.map((row) => {
    const { label, value, group } = row, shown = value.toLocaleString("en-US", { maximumFractionDigits: decimals });
    return { ...row, says: `${group ? `${group}, ` : ""}${label}: ${shown}` };
  });
  return spec(rows.map((row) => `${row.group ?? ""} ${row.label} ${row.value}`.trim()).join(", "), options, {
    data: { values },
    width,
    height,
    encoding: {
      x: { field: "value", type: "quantitative", title: x, scale, axis: { tickCount: 6 } },
      y: { field: "label", type: "nominal", title: y, sort: labels, axis: { labelLimit: 260 } },
      ...(grouped ? { yOffset: { field: "group", sort: groups } } : {}),
    },
    layer: [
      {
        ...(grouped ? { params: chosen("group") } : {}),
        mark: { type: "bar", ...(grouped ? {} : { color: colours[0] }) },
        encoding: {
          ...(grouped ? { color: series("group", groups, "color", { baselines }), opacity: fading() } : {}),
          ...saying,
        },
      },
      {
        mark: { type: "text", align: "left", dx: 4, fontSize: 11, color: ink },
        encoding: {
          text: { field: "value", type: "quantitative", format: `,.${decimals}f` },
          ...(grouped ? { opacity: fading() } : {}),
        },
      },
    ],
  });
}
