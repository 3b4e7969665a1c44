/**
 * Piano rolls, as Vega-Lite v5 specs.
 * @module
 */
import { chosen, fading, ink, type PlotOptions, saying, series, type Spec, spec, unique } from "./theme.ts";
import { drumName, instrumentNames } from "../tokens/vocabulary.ts";

/**
 * A note to draw: onset and offset in ticks, MIDI pitch, General MIDI program (0–127), and whether it is a drum stroke; a
 * score's notes will do.
 */
export type RollNote = Record<"start" | "end" | "pitch" | "program", number> & { drum: boolean };

/**
 * The lane of each note in its pitch's row, in the order of `notes`. Notes of different names that sound together at one
 * pitch share its row: each name has its own lane, in alphabetical order, so that no note hides another.
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

/** A pitch's name, such as C4 for 60 and F♯3 for 54. */
export const pitchName = (pitch: number): string =>
  `${["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"][pitch % 12]}${Math.floor(pitch / 12) - 1}`;

/** Pixels of the mark where a note begins. */
const HEAD = 8;

/** A place in quarters, counted from 1 as musicians do. */
const quarter = (place: number): string => String(Number((place + 1).toFixed(2)));

/** Rows of a piano roll's data: where each note's bar and mark lie, x in quarters, y in pitches. */
function placedNotes(notes: readonly RollNote[], ticksPerQuarter: number, width: number) {
  const named = notes.map((note) => ({ ...note, name: note.drum ? "drums" : instrumentNames[note.program] }));
  const lanes = lanesOf(named);
  const end = Math.max(1, ...notes.map((note) => note.end / ticksPerQuarter));
  const rows = named.map((note, i) => {
    const { lane, lanes: count } = lanes[i], whole = count > 1 ? 1 : 0.84;
    const start = note.start / ticksPerQuarter, high = note.pitch + whole / 2 - lane * whole / count;
    return {
      start,
      end: note.end / ticksPerQuarter,
      low: high - whole / count,
      high,
      head: start + (lane + 0.5) * HEAD * end / width, // those of notes that begin together stand side by side
      middle: high - whole / count / 2,
      pitch: note.pitch,
      instrument: note.name,
      drum: note.drum,
      drumName: drumName(note.pitch),
      says: note.drum
        ? `${drumName(note.pitch)}, quarter ${quarter(start)}`
        : `${note.name} ${pitchName(note.pitch)}, quarter ${quarter(start)} to ${quarter(note.end / ticksPerQuarter)}`,
    };
  });
  return { rows, end };
}

/**
 * Notes as a piano roll: time in quarters across, pitch up, the drums by name in a panel below. Each instrument has a
 * colour, and a mark where its notes begin. Instruments that play one pitch at one time share its row, one above the
 * other.
 */
export function pianoRoll(
  notes: readonly RollNote[],
  options: PlotOptions & { ticksPerQuarter?: number } = {},
): Spec {
  const { x = "quarter notes", y = "pitch", width = 620, height, ticksPerQuarter = 1 } = options;
  const { rows, end } = placedNotes(notes, ticksPerQuarter, width);
  const pitched = rows.filter(({ drum }) => !drum), strokes = rows.filter(({ drum }) => drum);
  const names = unique(pitched.map(({ instrument }) => instrument));
  const across = (last: boolean) => ({
    field: "start",
    type: "quantitative",
    title: last ? x : null,
    scale: { domain: [0, end], nice: false },
    axis: { values: Array.from({ length: Math.floor(end) + 1 }, (_, i) => i), format: "d", labels: last, ticks: last },
  });
  const panel = (values: typeof rows, height: number, last: boolean, ...layer: object[]) => (
    { data: { values }, width, height, encoding: { x: across(last) }, layer }
  );
  const pitches = pitched.map(({ pitch }) => pitch), lowest = Math.min(...pitches), highest = Math.max(...pitches);
  const every = highest - lowest > 30 ? 12 : 6, lines = highest - lowest + 4;
  const pitchAxis = {
    type: "quantitative",
    title: y,
    scale: { domain: [lowest - 2, highest + 2], nice: false, zero: false },
    axis: {
      values: Array.from({ length: 128 }, (_, i) => i).filter((i) => i % every === 0),
      labelExpr: "(datum.value % 12 == 0 ? 'C' : 'F♯') + (floor(datum.value / 12) - 1)", // 60 is C4
    },
  };
  const color = series("instrument", names, "color");
  const melody = {
    params: chosen("instrument"),
    mark: { type: "rect", stroke: "#ffffff", strokeWidth: 0.7, cornerRadius: 1.5 },
    encoding: {
      ...{ x2: { field: "end" }, y: { field: "low", ...pitchAxis }, y2: { field: "high" }, color },
      ...{ opacity: fading(), ...saying },
    },
  };
  const marks = {
    mark: { type: "point", filled: true, size: HEAD ** 2, stroke: "#ffffff", strokeWidth: 0.7 },
    encoding: {
      x: { ...across(strokes.length === 0), field: "head" },
      y: { field: "middle", ...pitchAxis },
      color,
      opacity: fading(),
      shape: series("instrument", names, "shape"),
    },
  };
  const drumNames = unique(strokes.toSorted((a, b) => b.pitch - a.pitch).map(({ drumName }) => drumName));
  const drumming = {
    mark: { type: "tick", thickness: 2.5, color: ink },
    encoding: {
      y: { field: "drumName", type: "nominal", title: null, sort: drumNames, axis: { grid: true } },
      ...saying,
    },
  };
  const panels = [];
  if (pitched.length > 0) {
    // About 320 pixels, but the rows are neither hairlines nor slabs.
    const tall = height ?? Math.min(14, Math.max(6, 320 / lines)) * lines;
    panels.push(panel(pitched, tall, strokes.length === 0, melody, marks));
  }
  if (strokes.length > 0) panels.push(panel(strokes, Math.max(30, 15 * drumNames.length), true, drumming));
  const description = `piano roll of ${pitched.length} notes on ${names.join(", ")} and ${strokes.length} drum strokes`;
  return spec(description, options, { vconcat: panels, bounds: "flush", spacing: 14 });
}
