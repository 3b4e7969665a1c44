/**
 * The study's own figures, as Vega-Lite v5 specs: scores by layer and learning curves.
 * @module
 */
import {
  chosen,
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
 * A model's score at a layer, 0 being the embedding output, in a metric, with the ends of its interval and what it was
 * measured on. A model is a line, grey and broken if it is a baseline; without a layer it is a level line with its name on
 * it. A metric is a panel; what stands behind its line's end is the panel's subtitle. Points of the paper are hollow; those
 * of one of a model's seeds are a thin line beside that of their mean. Intervals are drawn `within` what the score can be.
 */
export type LayerPoint = Record<"model" | "metric", string> & {
  layer: number | null;
  value: number;
  low?: number;
  high?: number;
  on?: string;
  baseline?: boolean;
  paper?: boolean;
  seed?: number;
  within?: [number | null, number | null];
};

/** Thin lines of single seeds, behind those of their means; none where no point is of one seed. */
function seedLines(points: readonly { seed?: number }[], encoding: Record<string, unknown>): object[] {
  if (points.every(({ seed }) => seed === undefined)) return [];
  return [{
    transform: [{ filter: "isValid(datum.seed)" }],
    mark: { type: "line", strokeWidth: 0.8 },
    encoding: { ...encoding, opacity: fading(0.45), detail: { field: "seed", type: "nominal" } },
  }];
}

/** Each panel has its own y scale and x labels. */
const resolve = { scale: { y: "independent" }, axis: { x: "independent" } };

/** How far beyond the models' scores a level may lie, in their range, before it is named at the panel's edge instead. */
const NEAR = 0.6;

/** Decimals of a score: so that errors of ten velocity steps and areas of 0.9 show as much as is measured. */
const scoreText = (value: number): string => numberText(value, Math.abs(value) >= 10 ? 1 : 3);

/** `BERT, layer 2: 0.640 [0.592, 0.673], 733 bars of 13 songs`. */
function saysOf({ model, layer, value, low, high, on, paper }: LayerPoint, place: string = `layer ${layer}`): string {
  const interval = low === undefined || high === undefined ? "" : ` [${scoreText(low)}, ${scoreText(high)}]`;
  const where = layer === null ? "" : `, ${place}`;
  return `${model}${paper ? " in the paper" : ""}${where}: ${scoreText(value)}${interval}${on ? `, ${on}` : ""}`;
}

/** The ends of a point's interval as they are drawn: no further than a score can lie. */
function drawnEnds({ low, high }: Pick<LayerPoint, "low" | "high">, within: LayerPoint["within"]): object {
  if (low === undefined || high === undefined || !within) return {};
  return { low: Math.max(low, within[0] ?? -Infinity), high: Math.min(high, within[1] ?? Infinity) };
}

/** The level lines of each panel: those near the models' scores, and those that are named at an edge. */
function levelRows(points: readonly LayerPoint[], levels: readonly LayerPoint[]): object[] {
  return [...Map.groupBy(levels, ({ metric }) => metric)].flatMap(([metric, own]) => {
    const values = points.filter((point) => point.metric === metric)
      .flatMap(({ value, low = value, high = value }) => [value, low, high]);
    const low = Math.min(...values), high = Math.max(...values), room = NEAR * (high - low);
    const isFar = ({ value }: LayerPoint) => value < low - room ? "below" : value > high + room ? "above" : undefined;
    const near = own.filter((point) => !isFar(point)).sort((a, b) => a.value - b.value);
    const lines = near.map((point, i) => {
      const { value, model: name } = point;
      return { metric, value, name, place: ["right", "left"][i % 2], says: saysOf(point) }; // neighbors at different ends
    });
    const edges = [["above", "↑"], ["below", "↓"]].flatMap(([place, arrow]) => {
      const beside = place === "above" && near.length > 0 && near.length % 2 === 0; // the name nearest there is left
      const far = own.filter((point) => isFar(point) === place);
      const names = far.map(({ model, value }) => `${model} ${scoreText(value)} ${arrow}`);
      return far.length === 0 ? [] : [{
        metric,
        name: names.join("\n"),
        place: beside ? `${place} right` : place,
        says: far.map((point) => saysOf(point)).join("; "),
      }];
    });
    return [...lines, ...edges];
  });
}

/**
 * Figure 2: a panel for each metric, the layers on x, a line for each model, intervals as upright rules beside each other.
 *
 * @param options `columns` of panels; `depth` of the paper's model, whose layers stand at the same share of our depth
 */
export function layerPlot(
  points: readonly LayerPoint[],
  options: PlotOptions & { columns?: number; depth?: number } = {},
): Spec {
  const { x = "layer", y = null, width = 190, height = 150, columns = 4, depth: paperDepth = 12 } = options;
  const own = points.filter(({ layer, paper, seed }) => layer !== null && !paper && seed === undefined);
  const seeds = points.filter(({ seed }) => seed !== undefined);
  const levels = points.filter(({ layer }) => layer === null), papers = points.filter(({ paper }) => paper);
  const models = unique([...own, ...papers].map(({ model }) => model)), metrics = unique(points.map((p) => p.metric));
  const layers = unique((own.length > 0 ? own : papers).map(({ layer }) => layer!)).sort((a, b) => a - b);
  const depth = layers.at(-1) ?? 1, first = layers[0] ?? 0, intervals = own.some(({ low }) => low !== undefined);
  const look = { baselines: unique(own.filter(({ baseline }) => baseline).map(({ model }) => model)) };
  const step = Math.min(0.1, 0.6 / models.length), beside = intervals ? step : 0; // intervals do not hide each other
  const shift = (model: string) => beside * (models.indexOf(model) - (models.length - 1) / 2);
  const rows = own.map(({ within, ...point }) => ({
    ...point,
    ...drawnEnds(point, within),
    at: point.layer! + shift(point.model),
    says: saysOf(point),
  }));
  const paperRows = papers.map((point) => ({
    ...point,
    at: own.length > 0 ? point.layer! / paperDepth * depth : point.layer!,
    says: saysOf(point, `layer ${point.layer} of ${paperDepth}`),
  }));
  const seedRows = seeds.map((point) => ({ ...point, at: point.layer! + shift(point.model) }));
  const values = [
    ...rows.map((row) => ({ ...row, kind: "own" })),
    ...seedRows.map((row) => ({ ...row, kind: "seed" })),
    ...paperRows.map((row) => ({ ...row, kind: "paper" })),
    ...levelRows([...own, ...papers], levels).map((row) => ({ ...row, kind: "level" })),
  ];
  const only = (kind: string, place = "") => ({
    transform: [{ filter: `datum.kind == '${kind}'${place && ` && ${place}`}` }],
  });
  const score = { type: "quantitative", title: y, scale: { zero: false, nice: true }, axis: { tickCount: 5 } };
  const domain = [Math.min(first, ...paperRows.map(({ at }) => at)) - 0.3, depth + 0.3];
  const across = { field: "at", type: "quantitative", title: x, scale: { nice: false, domain } };
  const encoding = {
    x: { ...across, axis: { values: layers, format: "d", grid: false } },
    y: { field: "value", ...score },
    color: series("model", models, "color", look),
    opacity: fading(),
  };
  const rules = {
    ...only("own"),
    mark: { type: "rule", strokeWidth: 1 },
    encoding: { ...encoding, opacity: fading(0.45), y: { field: "low", ...score }, y2: { field: "high" } },
  };
  const lines = {
    ...only("own"),
    mark: { type: "line", strokeWidth: 2 },
    encoding: { ...encoding, strokeDash: series("model", models, "strokeDash", look) },
  };
  const marks = {
    ...only("own"),
    params: chosen("model"),
    mark: { type: "point", filled: true, size: 55 },
    encoding: { ...encoding, shape: series("model", models, "shape", look), ...saying },
  };
  const hollow = {
    ...only("paper"),
    mark: { type: "point", filled: false, size: 60, strokeWidth: 1.6 },
    encoding: { ...encoding, shape: series("model", models, "shape", look), ...saying },
  };
  const level = {
    ...only("level", "isValid(datum.value)"),
    mark: { type: "rule", color: "#777777", strokeWidth: 1.2, strokeDash: [2, 3] },
    encoding: { y: encoding.y, ...saying },
  };
  const named = (place: string, mark: object, at: object) =>
    [{ stroke: "#ffffff", strokeWidth: 3 }, { color: ink }].map((look) => ({ // on paper's colour, as lines run below it
      ...only("level", `datum.place == '${place}'`),
      mark: { type: "text", fontSize: 10, ...mark, ...look },
      encoding: { text: { field: "name" }, ...at },
    }));
  const atLevel = { y: encoding.y };
  const names = [
    ...named("right", { align: "right", baseline: "bottom", dy: -2 }, { ...atLevel, x: { value: width - 3 } }),
    ...named("left", { align: "left", baseline: "bottom", dy: -2 }, { ...atLevel, x: { value: 3 } }),
    ...named("above", { align: "left", baseline: "top", lineBreak: "\n" }, { x: { value: 3 }, y: { value: 3 } }),
    ...named("above right", { align: "right", baseline: "top", lineBreak: "\n" }, {
      x: { value: width - 3 },
      y: { value: 3 },
    }),
    ...named("below", { align: "left", baseline: "bottom", lineBreak: "\n" }, {
      x: { value: 3 },
      y: { value: height - 14 },
    }),
  ];
  const layer = [
    ...seedLines(seeds, encoding),
    ...(intervals ? [rules] : []),
    ...(levels.length > 0 ? [level] : []),
    ...(own.length > 0 ? [lines] : []),
    ...(levels.length > 0 ? names : []),
    ...(own.length > 0 ? [marks] : []),
    ...(papers.length > 0 ? [own.length > 0 ? hollow : { ...hollow, params: chosen("model") }] : []),
  ];
  return spec(
    `${metrics.map((name) => name.split("\n")[0]).join(", ")} by layer ${first} to ${depth} for ${models.join(", ")}`,
    options,
    panels("metric", metrics, { values, columns, width, height, layer, resolve }),
  );
}

/**
 * A measurement at a step of training: what was measured (`loss`), a panel each, and on what (`train`), a line each. The
 * points of one of a series' seeds are a thin line beside that of their mean.
 */
export type CurvePoint = { step: number; value: number; measure: string; series: string; seed?: number };

/** Series with at most this many points in a panel have their points marked. */
const SPARSE = 40;

/** Of longer series so many points are drawn, and so many of them say their value. */
const DRAWN = 300, SAID = 50;

/** The points of a series, at most `most` of them, spread evenly, with the last. */
const thinned = <T>(points: readonly T[], most: number): T[] => {
  const every = Math.ceil(points.length / most);
  return points.filter((_, i) => i % every === 0 || i === points.length - 1);
};

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
  const { x = "step", y = null, width = 255, height = 180, baselines = [], order = [] } = options;
  const drawn = unique([...points, ...baselines].map(({ series }) => series));
  const names = unique([...order, ...drawn]), measures = unique(points.map(({ measure }) => measure));
  const lineOf = ({ series, measure, seed }: CurvePoint) => JSON.stringify([series, measure, seed]);
  const rows = [...Map.groupBy(points, lineOf).values()].flatMap(
    (own) => {
      const kept = thinned(own, DRAWN), sparse = own.length <= SPARSE, said = sparse ? kept : thinned(kept, SAID);
      const says = ({ series, step, value }: CurvePoint) =>
        `${series}, ${x} ${Number(step.toFixed(2)).toLocaleString("en-US")}: ${numberText(value)}`;
      return kept.map((point) => ({
        ...point,
        ...(said.includes(point) && point.seed === undefined
          ? { says: says(point), mark: sparse ? "seen" : "unseen" }
          : {}),
      }));
    },
  );
  const levelRows = baselines.map((level) => ({ ...level, says: `${level.series}: ${numberText(level.value)}` }));
  const look = { shown: drawn, baselines: unique(baselines.map(({ series }) => series)) };
  const encoding = {
    x: { field: "step", type: "quantitative", title: x, scale: { nice: false }, axis: { tickCount: 5 } },
    y: { field: "value", type: "quantitative", title: y, scale: { zero: false }, axis: { tickCount: 6 } },
    color: series("series", names, "color", look),
    opacity: fading(),
  };
  const ofSeeds = points.some(({ seed }) => seed !== undefined);
  const lines = {
    transform: [{ filter: ofSeeds ? "isValid(datum.step) && !isValid(datum.seed)" : "isValid(datum.step)" }],
    params: chosen("series"),
    mark: { type: "line", strokeWidth: 2 },
    encoding: { ...encoding, strokeDash: series("series", names, "strokeDash", look) },
  };
  const marks = {
    transform: [{ filter: "datum.mark == 'seen'" }],
    mark: { type: "point", filled: true, size: 45 },
    encoding: { ...encoding, shape: series("series", names, "shape", look), ...saying },
  };
  const places = { // of dense series: nothing to see, but a value under the pointer
    transform: [{ filter: "datum.mark == 'unseen'" }],
    mark: { type: "point", filled: true, size: 80 },
    encoding: { ...encoding, opacity: { value: 0 }, shape: series("series", names, "shape", look), ...saying },
  };
  const levels = {
    transform: [{ filter: "!isValid(datum.step)" }],
    mark: { type: "rule", strokeWidth: 1.5, strokeDash: [2, 3] },
    encoding: { y: encoding.y, color: encoding.color, opacity: fading(), ...saying },
  };
  const dense = rows.some((row) => row.mark === "unseen");
  const layer = [
    ...seedLines(points, encoding),
    lines,
    marks,
    ...(dense ? [places] : []),
    ...(baselines.length > 0 ? [levels] : []),
  ];
  return spec(
    `${measures.join(", ")} over ${x} for ${names.join(", ")}`,
    options,
    panels("measure", measures, { values: [...rows, ...levelRows], columns: 3, width, height, layer, resolve }),
  );
}
