/**
 * The study's own plots, as Vega-Lite v5 specs: scores by layer, learning curves, piano rolls.
 * @module
 */
import { apart, ink, panelled, panelTitle, type PlotOptions, series, type Spec, spec, unique } from "./theme.ts";

/** A layer's score of a model in a metric. */
export interface LayerRow {
  /** Name of the model. */
  model: string;
  /** Whether it is something to compare models with. */
  baseline?: boolean;
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
}

/** Choices of {@link layerPlot}. */
export interface LayerPlotOptions extends PlotOptions {
  /** Panels side by side. */
  columns?: number;
  /** Other people's numbers, drawn as thin level lines in the model's colour. */
  reference?: { model: string; metric: string; value: number }[];
}

/**
 * Figure 2: the layers on x, a panel for each metric, a line for each model.
 *
 * @example
 * ```ts
 * import { render } from "@lib/plots/render.ts";
 * import { layerPlot } from "@lib/plots/figures.ts";
 * import { assert } from "@std/assert";
 *
 * const rows = [0, 1, 2].map((layer) => ({ model: "BERT", layer, metric: "chords", value: 0.5 + layer / 10 }));
 * const { svg } = await render(layerPlot(rows));
 * assert(svg.startsWith("<svg"));
 * ```
 */
export function layerPlot(rows: LayerRow[], options: LayerPlotOptions = {}): Spec {
  const { title, x = "layer", y = null, width = 190, height = 150, columns = 4, reference = [] } = options;
  const models = unique(rows.map((row) => row.model));
  const baselines = new Set(rows.filter((row) => row.baseline).map((row) => row.model));
  const metrics = unique(rows.map((row) => row.metric));
  const layers = unique(rows.map((row) => row.layer)).sort((a, b) => a - b);
  const intervals = rows.some((row) => row.low !== undefined && row.high !== undefined);
  const scale = { zero: false, nice: true };
  const yAxis = { field: "value", type: "quantitative", title: y, scale, axis: { tickCount: 5 } };
  const encoding = {
    x: {
      field: "layer",
      type: "quantitative",
      title: x,
      scale: { nice: false },
      axis: { values: layers, format: "d" },
    },
    y: yAxis,
    color: series("model", models, "color", { baselines }),
  };
  const line = {
    mark: { type: "line", strokeWidth: 2 },
    encoding: { ...encoding, strokeDash: series("model", models, "strokeDash", { baselines }) },
  };
  const points = {
    mark: { type: "point", filled: true, size: 55, opacity: 1 },
    encoding: { ...encoding, shape: series("model", models, "shape", { baselines }) },
  };
  const bars = {
    mark: { type: "rule", strokeWidth: 1, opacity: 0.45 },
    encoding: { ...encoding, y: { ...yAxis, field: "low" }, y2: { field: "high" } },
  };
  const level = {
    transform: [{ filter: "datum.reference" }],
    mark: { type: "rule", strokeWidth: 1.5, strokeDash: [1, 3] },
    encoding: { y: yAxis, color: encoding.color },
  };
  const measured = [{ filter: "!datum.reference" }];
  const data = [...rows, ...reference.map((row) => ({ ...row, reference: true }))];
  const layer = [...(intervals ? [bars] : []), line, points].map((mark) => ({ transform: measured, ...mark }));
  return spec(
    `${metrics.join(", ")} by layer ${layers[0]} to ${layers.at(-1)} for ${models.join(", ")}`,
    title,
    {
      data: { values: data },
      ...panelled("metric", metrics),
      columns,
      ...apart,
      spec: { width, height, layer: [...layer, ...(reference.length > 0 ? [level] : []), panelTitle("metric", width)] },
      resolve: { scale: { y: "independent" }, axis: { x: "independent" } },
    },
  );
}

/** A measurement during training. */
export interface CurveRow {
  /** Optimizer step. */
  step: number;
  /** The measurement. */
  value: number;
  /** What was measured, such as `loss`; a panel each. */
  measure: string;
  /** Whose it is, such as `train`; a line each. */
  series: string;
}

/** Choices of {@link learningCurves}. */
export interface CurveOptions extends PlotOptions {
  /** Level lines to compare with. */
  baselines?: { measure: string; value: number; series: string }[];
  /** The series in order of their colours, those of other plots included; the order of first mention if left out. */
  order?: string[];
}

/** Loss, accuracy or any other measure over the steps of training: a panel for each measure, a line for each series. */
export function learningCurves(rows: CurveRow[], options: CurveOptions = {}): Spec {
  const { title, x = "step", y = null, width = 320, height = 200, baselines = [], order = [] } = options;
  const held = unique([...rows, ...baselines].map((row) => row.series));
  const look = { shown: held, baselines: new Set(baselines.map((row) => row.series)) };
  const names = order.length > 0 ? unique([...order, ...held]) : held;
  const measures = unique(rows.map((row) => row.measure));
  const sparse = names.filter((name) => rows.filter((row) => row.series === name).length <= 40 * measures.length);
  const encoding = {
    x: { field: "step", type: "quantitative", title: x, scale: { nice: false }, axis: { tickCount: 6 } },
    y: { field: "value", type: "quantitative", title: y, scale: { zero: false }, axis: { tickCount: 6 } },
    color: series("series", names, "color", look),
  };
  const layer = [
    {
      transform: [{ filter: "isValid(datum.step)" }],
      mark: { type: "line", strokeWidth: 2 },
      encoding: { ...encoding, strokeDash: series("series", names, "strokeDash", look) },
    },
    {
      transform: [{ filter: { field: "series", oneOf: sparse } }, { filter: "isValid(datum.step)" }],
      mark: { type: "point", filled: true, size: 45, opacity: 1 },
      encoding: { ...encoding, shape: series("series", names, "shape", look) },
    },
    {
      transform: [{ filter: "!isValid(datum.step)" }],
      mark: { type: "rule", strokeWidth: 1.5, strokeDash: [2, 3] },
      encoding: { y: encoding.y, color: encoding.color },
    },
  ];
  return spec(`${measures.join(", ")} over ${x} for ${names.join(", ")}`, title, {
    data: { values: [...rows, ...baselines] },
    ...panelled("measure", measures),
    columns: 3,
    ...apart,
    spec: {
      width,
      height,
      layer: [...(baselines.length > 0 ? layer : layer.slice(0, 2)), panelTitle("measure", width)],
    },
    resolve: { scale: { y: "independent" }, axis: { x: "independent" } },
  });
}

/** A note of {@link pianoRoll}; a score's notes will do. */
export interface RollNote {
  /** Onset, ticks. */
  start: number;
  /** Offset, ticks. */
  end: number;
  /** MIDI pitch. */
  pitch: number;
  /** MIDI program, 0 to 127. */
  program: number;
  /** Whether it is a drum. */
  drum: boolean;
  /** Drawn thin, above what may lie below it. */
  thin?: boolean;
}

/** Choices of {@link pianoRoll}. */
export interface RollOptions extends PlotOptions {
  /** Ticks of a quarter note; x counts quarters. */
  ticksPerQuarter?: number;
  /** Tick that x counts from. */
  origin?: number;
  /** A program's name in the legend. */
  instrument?: (program: number) => string;
  /** Names of the legend in order, with their colours; else the instruments in order of appearance. */
  legend?: Record<string, string>;
}

const families = [
  "piano",
  "chromatic percussion",
  "organ",
  "guitar",
  "bass",
  "strings",
  "ensemble",
  "brass",
  "reed",
  "pipe",
  "synth lead",
  "synth pad",
  "synth effects",
  "world",
  "percussive",
  "sound effects",
];

/** General MIDI's family and number of a program, such as `guitar 30`, numbered from 0. */
export const instrumentName = (program: number): string => `${families[program >> 3]} ${program}`;

const pitchNames = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/**
 * Where a note stands in its pitch's row if others of another name sound there at the same time: each name has a lane of
 * its own, so that no note hides another. Notes that are alone have the only lane. In the order of `notes`.
 */
export function lanesOf(
  notes: readonly { start: number; end: number; pitch: number; name: string }[],
): { lane: number; lanes: number }[] {
  const found = notes.map(() => ({ lane: 0, lanes: 1 }));
  for (const row of Map.groupBy(notes.keys(), (i) => notes[i].pitch).values()) {
    row.sort((a, b) => notes[a].start - notes[b].start);
    let together: number[] = [], until = -Infinity;
    const place = () => {
      const names = unique(together.map((i) => notes[i].name)).sort();
      together.forEach((i) => found[i] = { lane: names.indexOf(notes[i].name), lanes: names.length });
    };
    for (const i of row) {
      if (notes[i].start >= until) place(), together = [];
      together.push(i);
      until = Math.max(until, notes[i].end);
    }
    place();
  }
  return found;
}

/** Pixels of the mark at a note's beginning. */
const HEAD = 8;

/** Pixels of a pitch's row: what fits about 320, but neither bars too thin to share nor slabs. */
const rowHeight = (pitches: number): number => Math.min(14, Math.max(6, 320 / pitches));

/**
 * Notes as a piano roll: time in quarters across, pitch up, a colour for each instrument and a mark of its own where a
 * note begins, the drums in a panel below. Instruments that play one pitch at one time share its row, one above the other.
 */
export function pianoRoll(notes: RollNote[], options: RollOptions = {}): Spec {
  const { title, x = "quarter notes", width = 620, height, ticksPerQuarter = 1, origin = 0 } = options;
  const { instrument = instrumentName, legend } = options;
  const quarter = (tick: number) => (tick - origin) / ticksPerQuarter;
  const named = notes.map((note) => ({ ...note, name: note.drum ? "drums" : instrument(note.program) }));
  const thick = named.filter((note) => !note.thin), thin = named.filter((note) => note.thin);
  const places = new Map([thick, thin].flatMap((of) => lanesOf(of).map((place, i) => [of[i], place])));
  const end = Math.max(1, ...notes.map((note) => quarter(note.end)));
  const rows = named.map((note) => {
    const { lane, lanes } = places.get(note)!, whole = note.thin ? 0.4 : lanes > 1 ? 1 : 0.84;
    const high = note.pitch + whole / 2 - lane * whole / lanes, low = high - whole / lanes;
    const heads = lane + (note.thin ? 1 : 0); // side by side where notes begin together
    return {
      start: quarter(note.start),
      end: quarter(note.end),
      low,
      high,
      head: quarter(note.start) + (heads + 0.5) * HEAD * end / width,
      middle: (low + high) / 2,
      pitch: note.pitch,
      instrument: note.name,
      drum: note.drum,
    };
  });
  const beats = Array.from({ length: Math.floor(end) + 1 }, (_, i) => i);
  const pitched = rows.filter((row) => !row.drum);
  const drums = rows.filter((row) => row.drum);
  const found = unique(pitched.map((row) => row.instrument));
  const names = legend ? Object.keys(legend).filter((name) => found.includes(name)) : found;
  const across = (shown: boolean) => ({
    field: "start",
    type: "quantitative",
    title: shown ? x : null,
    scale: { domain: [0, end], nice: false },
    axis: { values: beats, format: "d", labels: shown, ticks: shown },
  });
  const panel = (values: typeof rows, panelHeight: number, last: boolean, marks: Record<string, unknown>[]) => ({
    data: { values },
    width,
    height: panelHeight,
    encoding: { x: across(last) },
    layer: marks,
  });
  const lowest = Math.min(...pitched.map((row) => row.pitch));
  const highest = Math.max(...pitched.map((row) => row.pitch));
  const octaves = Array.from({ length: 128 }, (_, i) => i).filter((i) => i % (highest - lowest > 30 ? 12 : 6) === 0);
  const label = `datum.value % 12 == 0 ? 'C' + (datum.value / 12 - 1) : '${
    pitchNames[6]
  }' + floor(datum.value / 12 - 1)`;
  const pitchAxis = {
    type: "quantitative",
    title: options.y ?? "pitch",
    scale: { domain: [lowest - 2, highest + 2], nice: false, zero: false },
    axis: { values: octaves, labelExpr: label },
  };
  const channel = (of: "color" | "shape") =>
    series("instrument", legend ? Object.keys(legend) : names, of, { shown: names });
  const own = legend ? { scale: { domain: Object.keys(legend), range: Object.values(legend) } } : {};
  const color = { ...channel("color"), ...own };
  const melody = {
    mark: { type: "rect", stroke: "#ffffff", strokeWidth: 0.7, cornerRadius: 1.5 },
    encoding: { x2: { field: "end" }, y: { field: "low", ...pitchAxis }, y2: { field: "high" }, color },
  };
  const heads = {
    mark: { type: "point", filled: true, size: HEAD ** 2, opacity: 1, stroke: "#ffffff", strokeWidth: 0.7 },
    encoding: {
      x: { ...across(drums.length === 0), field: "head" },
      y: { field: "middle", ...pitchAxis },
      color,
      shape: channel("shape"),
    },
  };
  const strokes = {
    mark: { type: "tick", thickness: 2.5, color: ink },
    encoding: { y: { field: "pitch", type: "ordinal", title: "drum", sort: "descending", axis: { grid: true } } },
  };
  const kinds = unique(drums.map((row) => row.pitch)).length;
  const panels = [
    ...(pitched.length > 0
      ? [
        panel(pitched, height ?? rowHeight(highest - lowest + 4) * (highest - lowest + 4), drums.length === 0, [
          melody,
          heads,
        ]),
      ]
      : []),
    ...(drums.length > 0 ? [panel(drums, Math.max(30, 15 * kinds), true, [strokes])] : []),
  ];
  return spec(`piano roll of ${pitched.length} notes on ${names.join(", ")} and ${drums.length} drum strokes`, title, {
    vconcat: panels,
    bounds: "flush",
    spacing: 14,
  });
}
