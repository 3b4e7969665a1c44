/**
 * Maps of bars: their embeddings in the plane of the two directions in which they differ most, coloured by a label.
 * @module
 */
import { chordNames } from "../tokens/chords.ts";
import type { BarLabels } from "../tokens/labels.ts";
import { apart, panelled, panelTitle, type PlotOptions, series, type Spec, spec, unique } from "./theme.ts";
import { instrumentNames, tempoBins } from "../tokens/vocabulary.ts";

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
  const { instruments, chords, tempoBin, meanVelocity, meanDurationQuarters } = labels;
  const texts: Record<MapLabel, () => string> = {
    song: () => song,
    tempo: () => range(tempoBins[tempoBin], [90, 110, 130, 150], " bpm"),
    drums: () => instruments.includes(128) ? "with drums" : "without drums",
    instruments: () => instrumentNames[instruments[0]] ?? "none",
    chord: () => chordNames[chords[0]]?.replace(/^[^:]*:/, "") ?? "none",
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
