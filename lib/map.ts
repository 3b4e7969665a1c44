/**
 * Maps of bars: their embeddings in the plane of the two directions in which they differ most, coloured by a label.
 * @module
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { Embedded } from "./neighbors.ts";
import type { BarLabels } from "./labels.ts";
import { gram } from "./ridge.ts";
import { apart, panelled, panelTitle, type PlotOptions, series, type Spec, spec, unique } from "./theme.ts";
import { instrumentNames } from "./vocabulary.ts";

/** Coordinates of rows along the directions in which they differ most. */
export interface Components {
  /** For each direction, the rows' coordinates about their mean; the largest entry of a direction is positive. */
  coordinates: Float64Array[];
  /** Share of the rows' variance along each direction, falling. */
  shares: number[];
}

/**
 * Principal components by the eigenvectors of the covariance.
 *
 * @throws {RangeError} unless there are two rows at least and as many columns as components.
 *
 * @example
 * ```ts
 * import { principalComponents } from "@lib/map.ts";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const { shares } = principalComponents({ rows: 3, columns: 2, data: Float32Array.of(0, 0, 1, 1, 2, 2) }, 1);
 * assertAlmostEquals(shares[0], 1);
 * ```
 */
export function principalComponents({ rows, columns, data }: Embedded, count: number = 2): Components {
  if (rows < 2 || columns < count) {
    throw new RangeError(`Map: expected two rows and ${count} columns at least, found ${rows} × ${columns}.`);
  }
  const { shift, products } = gram(data, rows, columns);
  const covariance = Matrix.from1DArray(columns, columns, products);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  const whole = realEigenvalues.reduce((sum, value) => sum + Math.max(0, value), 0);
  const coordinates = order.slice(0, count).map((at) => {
    const direction = eigenvectorMatrix.getColumn(at);
    const largest = direction.reduce((a, b) => Math.abs(b) > Math.abs(a) + 1e-12 ? b : a); // else its sign is open
    return Float64Array.from({ length: rows }, (_, row) => {
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += (data[row * columns + c] - shift[c]) * direction[c];
      return largest < 0 ? -sum : sum;
    });
  });
  const shares = order.slice(0, count).map((at) => whole === 0 ? 0 : Math.max(0, realEigenvalues[at]) / whole);
  return { coordinates, shares };
}

/** Labels that a map can be coloured by. */
export const mapLabels = ["song", "tempo", "drums", "instruments", "chord", "velocity", "duration"] as const;

/** A label that a map can be coloured by. */
export type MapLabel = typeof mapLabels[number];

/** A bar's value of a label in words; numbers in ranges that stand in their order. */
export function labelText(by: MapLabel, song: string, labels: BarLabels): string {
  const range = (value: number | null, bounds: number[], unit: string) => {
    if (value === null) return "none";
    const at = bounds.findLastIndex((bound) => value >= bound);
    if (at < 0) return `below ${bounds[0]}${unit}`;
    return at === bounds.length - 1 ? `${bounds[at]}${unit} and more` : `${bounds[at]}–${bounds[at + 1]}${unit}`;
  };
  const { instruments, chords, tempo, meanVelocity, meanDurationQuarters } = labels;
  const texts: Record<MapLabel, () => string> = {
    song: () => song,
    tempo: () => range(tempo, [90, 110, 130, 150], " bpm"),
    drums: () => instruments.includes(128) ? "with drums" : "without drums",
    instruments: () => instrumentNames[instruments[0]] ?? "none",
    chord: () => chords[0]?.replace(/^[^:]*:/, "") ?? "none",
    velocity: () => range(meanVelocity, [60, 80, 100], ""),
    duration: () => range(meanDurationQuarters, [0.25, 0.5, 1], " quarters"),
  };
  return texts[by]();
}

/** A bar on a map. */
export interface MapRow {
  /** Whose map; a panel each. */
  model: string;
  /** Along the first direction. */
  x: number;
  /** Along the second. */
  y: number;
  /** What its colour and mark say. */
  label: string;
}

/** Maps side by side, a panel for each model; the seven most common labels have a colour and mark, the others share one. */
export function barMap(rows: readonly MapRow[], options: PlotOptions = {}): Spec {
  const { title, width = 330, height = 260, x = "first component", y = "second component" } = options;
  const counts = Map.groupBy(rows, ({ label }) => label);
  const common = [...counts].sort((a, b) => b[1].length - a[1].length).map(([label]) => label);
  const others = common.length > 8 ? "the others" : undefined;
  const kept = others ? common.slice(0, 7) : common;
  const ascending = (text: string) => text.startsWith("below") ? -1 : Number.parseFloat(text); // ranges in their order
  const numbered = kept.every((label) => !Number.isNaN(ascending(label)));
  const names = [
    ...(numbered ? kept.toSorted((a, b) => ascending(a) - ascending(b)) : kept),
    ...(others ? [others] : []),
  ];
  const models = unique(rows.map(({ model }) => model));
  const values = rows.map((row) => ({ ...row, label: names.includes(row.label) ? row.label : others }));
  const number = (field: string, of: string) => (
    {
      field,
      type: "quantitative",
      title: of,
      scale: { zero: false },
      axis: { tickCount: 5, labels: false, ticks: false },
    }
  );
  return spec(`${rows.length / models.length} bars of ${models.join(", ")} as points, by ${names.join(", ")}`, title, {
    data: { values },
    ...panelled("model", models),
    columns: 2,
    ...apart,
    spec: {
      width,
      height,
      layer: [{
        mark: { type: "point", filled: true, size: 34, opacity: 0.7 },
        encoding: {
          x: number("x", x),
          y: number("y", y),
          color: series("label", names, "color"),
          shape: series("label", names, "shape"),
        },
      }, panelTitle("model", width)],
    },
    resolve: { scale: { x: "independent", y: "independent" }, axis: { x: "independent", y: "independent" } },
  });
}
