/**
 * The study's own figures, as Vega-Lite v5 specs: scores by layer and learning curves.
 * @module
 */
import { panels, type PlotOptions, series, type Spec, spec, unique } from "./theme.ts";

/**
 * A model's score at a layer, 0 being the embedding output, in a metric, with the ends of its interval. A model is a line,
 * grey and broken if it is a baseline; a metric is a panel.
 */
export type LayerPoint = Record<"model" | "metric", string> & Record<"layer" | "value", number> & {
  low?: number;
  high?: number;
  baseline?: boolean;
};

/** Each panel has its own y scale and x labels. */
const resolve = { scale: { y: "independent" }, axis: { x: "independent" } };

/** Figure 2: a panel for each metric, the layers on x, a line for each model, intervals as upright rules. */
export function layerPlot(points: readonly LayerPoint[], options: PlotOptions & { columns?: number } = {}): Spec {
  const { title, x = "layer", y = null, width = 190, height = 150, columns = 4 } = options;
  const models = unique(points.map(({ model }) => model)), metrics = unique(points.map(({ metric }) => metric));
  const layers = unique(points.map(({ layer }) => layer)).sort((a, b) => a - b);
  const intervals = points.some(({ low, high }) => low !== undefined && high !== undefined);
  const look = { baselines: unique(points.filter(({ baseline }) => baseline).map(({ model }) => model)) };
  const score = { type: "quantitative", title: y, scale: { zero: false, nice: true }, axis: { tickCount: 5 } };
  const axis = { values: layers, format: "d" };
  const encoding = {
    x: { field: "layer", type: "quantitative", title: x, scale: { nice: false }, axis },
    y: { field: "value", ...score },
    color: series("model", models, "color", look),
  };
  const rules = {
    mark: { type: "rule", strokeWidth: 1, opacity: 0.45 },
    encoding: { ...encoding, y: { field: "low", ...score }, y2: { field: "high" } },
  };
  const lines = {
    mark: { type: "line", strokeWidth: 2 },
    encoding: { ...encoding, strokeDash: series("model", models, "strokeDash", look) },
  };
  const marks = {
    mark: { type: "point", filled: true, size: 55, opacity: 1 },
    encoding: { ...encoding, shape: series("model", models, "shape", look) },
  };
  const layer = [...(intervals ? [rules] : []), lines, marks];
  return spec(
    `${metrics.join(", ")} by layer ${layers[0]} to ${layers.at(-1)} for ${models.join(", ")}`,
    title,
    panels("metric", metrics, { values: points, columns, width, height, layer, resolve }),
  );
}

/** A measurement at a step of training: what was measured (`loss`), a panel each, and on what (`train`), a line each. */
export type CurvePoint = { step: number; value: number; measure: string; series: string };

/** Series with at most this many points in a panel have their points marked. */
const SPARSE = 40;

/**
 * Loss, accuracy or any other measure over the steps of training: a panel for each measure, a line for each series.
 *
 * @param options `baselines` have no steps and are dotted grey level lines; `order` has all series in the order of their
 * colours, so that plots of some of them agree, and else is that of first mention
 */
export function learningCurves(
  points: readonly CurvePoint[],
  options: PlotOptions & { baselines?: readonly Omit<CurvePoint, "step">[]; order?: readonly string[] } = {},
): Spec {
  const { title, x = "step", y = null, width = 320, height = 200, baselines = [], order = [] } = options;
  const drawn = unique([...points, ...baselines].map(({ series }) => series));
  const names = unique([...order, ...drawn]), measures = unique(points.map(({ measure }) => measure));
  const sparse = names.filter((name) =>
    points.filter(({ series }) => series === name).length <= SPARSE * measures.length
  );
  const look = { shown: drawn, baselines: unique(baselines.map(({ series }) => series)) };
  const encoding = {
    x: { field: "step", type: "quantitative", title: x, scale: { nice: false }, axis: { tickCount: 6 } },
    y: { field: "value", type: "quantitative", title: y, scale: { zero: false }, axis: { tickCount: 6 } },
    color: series("series", names, "color", look),
  };
  const lines = {
    transform: [{ filter: "isValid(datum.step)" }],
    mark: { type: "line", strokeWidth: 2 },
    encoding: { ...encoding, strokeDash: series("series", names, "strokeDash", look) },
  };
  const marks = {
    transform: [{ filter: { field: "series", oneOf: sparse } }, { filter: "isValid(datum.step)" }],
    mark: { type: "point", filled: true, size: 45, opacity: 1 },
    encoding: { ...encoding, shape: series("series", names, "shape", look) },
  };
  const levels = {
    transform: [{ filter: "!isValid(datum.step)" }],
    mark: { type: "rule", strokeWidth: 1.5, strokeDash: [2, 3] },
    encoding: { y: encoding.y, color: encoding.color },
  };
  const layer = [lines, marks, ...(baselines.length > 0 ? [levels] : [])], values = [...points, ...baselines];
  return spec(
    `${measures.join(", ")} over ${x} for ${names.join(", ")}`,
    title,
    panels("measure", measures, { values, columns: 3, width, height, layer, resolve }),
  );
}
