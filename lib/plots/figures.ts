/**
 * The study's own figures, as Vega-Lite v5 specs: scores by layer and learning curves.
 * @module
 */
import { apart, panelled, panelTitle, type PlotOptions, series, type Spec, spec, unique } from "./theme.ts";

/** A model's score at a layer in a metric. */
export interface LayerPoint {
  /** Name of the model; a line each. */
  model: string;
  /** 0 is the embedding, 1 the first layer. */
  layer: number;
  /** Name of the metric; a panel each. */
  metric: string;
  /** The score. */
  value: number;
  /** Lower end of its interval. */
  low?: number;
  /** Upper end of its interval. */
  high?: number;
  /** Whether the model is a baseline, drawn grey and broken. */
  baseline?: boolean;
}

/** Panels one below the other from which each keeps its own y scale and x labels. */
const independent = { resolve: { scale: { y: "independent" }, axis: { x: "independent" } } };

/**
 * Figure 2: a panel for each metric, the layers on x, a line for each model, intervals as upright rules.
 *
 * @example
 * ```ts
 * import { render } from "@lib/plots/render.ts";
 * import { layerPlot } from "@lib/plots/figures.ts";
 * import { assert } from "@std/assert";
 *
 * const points = [0, 1, 2].map((layer) => ({ model: "BERT", layer, metric: "chords", value: 0.5 + layer / 10 }));
 * const { svg } = await render(layerPlot(points));
 * assert(svg.startsWith("<svg"));
 * ```
 */
export function layerPlot(points: readonly LayerPoint[], options: PlotOptions & { columns?: number } = {}): Spec {
  const { title, x = "layer", y = null, width = 190, height = 150, columns = 4 } = options;
  const models = unique(points.map(({ model }) => model));
  const metrics = unique(points.map(({ metric }) => metric));
  const layers = unique(points.map(({ layer }) => layer)).sort((a, b) => a - b);
  const intervals = points.some(({ low, high }) => low !== undefined && high !== undefined);
  const look = { baselines: unique(points.filter(({ baseline }) => baseline).map(({ model }) => model)) };
  const score = { type: "quantitative", title: y, scale: { zero: false, nice: true }, axis: { tickCount: 5 } };
  const encoding = {
    x: {
      field: "layer",
      type: "quantitative",
      title: x,
      scale: { nice: false },
      axis: { values: layers, format: "d" },
    },
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
  const layer = [...(intervals ? [rules] : []), lines, marks, panelTitle("metric", width)];
  return spec(`${metrics.join(", ")} by layer ${layers[0]} to ${layers.at(-1)} for ${models.join(", ")}`, title, {
    data: { values: points },
    ...panelled("metric", metrics),
    columns,
    ...apart,
    spec: { width, height, layer },
    ...independent,
  });
}

/** A measurement during training. */
export interface CurvePoint {
  /** Optimizer step. */
  step: number;
  /** The measurement. */
  value: number;
  /** What was measured, such as `loss`; a panel each. */
  measure: string;
  /** What it was measured on, such as `train`; a line each. */
  series: string;
}

/** Options of {@link learningCurves}. */
export interface CurveOptions extends PlotOptions {
  /** Baselines without steps, drawn as dotted grey level lines. */
  baselines?: readonly Omit<CurvePoint, "step">[];
  /** All series in order of their colours, so that plots of some of them agree; else the order of first mention. */
  order?: readonly string[];
}

/** Series with at most this many points in a panel have their points marked. */
const SPARSE = 40;

/** Loss, accuracy or any other measure over the steps of training: a panel for each measure, a line for each series. */
export function learningCurves(points: readonly CurvePoint[], options: CurveOptions = {}): Spec {
  const { title, x = "step", y = null, width = 320, height = 200, baselines = [], order = [] } = options;
  const drawn = unique([...points, ...baselines].map(({ series }) => series));
  const names = unique([...order, ...drawn]);
  const measures = unique(points.map(({ measure }) => measure));
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
  const layer = [lines, marks, ...(baselines.length > 0 ? [levels] : []), panelTitle("measure", width)];
  return spec(`${measures.join(", ")} over ${x} for ${names.join(", ")}`, title, {
    data: { values: [...points, ...baselines] },
    ...panelled("measure", measures),
    columns: 3,
    ...apart,
    spec: { width, height, layer },
    ...independent,
  });
}
