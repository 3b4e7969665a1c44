/**
 * Maps of bars: their embeddings in the plane of their first two principal components, coloured by a label.
 * @module
 */
import { chordQualities } from "../tokens/chords.ts";
import type { BarLabels } from "../tokens/labels.ts";
import { chosen, fading, panels, type PlotOptions, saying, series, type Spec, spec, unique } from "./theme.ts";
import { drums, instrumentNames, tempoBins } from "../tokens/vocabulary.ts";

/** Labels that a map can be coloured by. */
export const mapLabels = ["song", "tempo", "drums", "instruments", "chord", "velocity", "duration"] as const;

/** A label that a map can be coloured by. */
export type MapLabel = typeof mapLabels[number];

/** A bar's value of a label in words; numbers as ranges such as `90–110 bpm`. */
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
    drums: () => instruments.includes(drums) ? "with drums" : "without drums",
    instruments: () => instrumentNames[instruments[0]] ?? "none",
    chord: () => chordQualities[chords[0] % chordQualities.length] ?? "none",
    velocity: () => range(meanVelocity, [60, 80, 100], ""),
    duration: () => range(meanDurationQuarters, [0.25, 0.5, 1], " quarters"),
  };
  return texts[by]();
}

/**
 * A bar on a map: its first two principal components in a model, a panel each, its label, a colour and a mark each, and
 * its name, if it says one under the pointer.
 */
type MapPoint = { model: string; x: number; y: number; label: string; name?: string };

/** Labels with a look of their own; if there are more, the least common ones share one. */
const LOOKS = 8;

/** Maps side by side, a panel for each model. Of more than eight labels the seven most common ones have their own look. */
export function barMap(points: readonly MapPoint[], options: PlotOptions = {}): Spec {
  const { width = 330, height = 260, x = "first component", y = "second component" } = options;
  const byLabel = [...Map.groupBy(points, ({ label }) => label)].sort((a, b) => b[1].length - a[1].length);
  const common = byLabel.map(([label]) => label), others = common.length > LOOKS ? "the others" : undefined;
  const own = others ? common.slice(0, LOOKS - 1) : common;
  const start = (range: string) => range.startsWith("below") ? -1 : Number.parseFloat(range);
  const names = own.every((label) => !Number.isNaN(start(label))) ? own.sort((a, b) => start(a) - start(b)) : own;
  if (others) names.push(others);
  const models = unique(points.map(({ model }) => model));
  const axis = { tickCount: 5, labels: false, ticks: false };
  const component = (field: string, title: string) => (
    { field, type: "quantitative", title, scale: { zero: false }, axis }
  );
  const marks = {
    params: chosen("label"),
    mark: { type: "point", filled: true, size: 34 },
    encoding: {
      opacity: fading(0.7),
      ...saying,
      x: component("x", x),
      y: component("y", y),
      color: series("label", names, "color"),
      shape: series("label", names, "shape"),
    },
  };
  const values = points.map(({ name, ...point }) => ({
    ...point,
    label: names.includes(point.label) ? point.label : others,
    says: `${point.label}${name ? `, ${name}` : ""}`,
  }));
  const free = { x: "independent", y: "independent" }, resolve = { scale: free, axis: free };
  return spec(
    `${points.length / models.length} bars of ${models.join(", ")} as points, by ${names.join(", ")}`,
    options,
    panels("model", models, { values, columns: 2, width, height, layer: [marks], resolve }),
  );
}
