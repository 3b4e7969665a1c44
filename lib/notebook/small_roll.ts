/**
 * Small piano rolls for tables of bars, as SVG in the page itself.
 * @module
 */
import type { Corpus } from "../corpus/store.ts";
import { detokenize } from "../tokens/remi.ts";
import { groupOf, type SoundGroup, soundGroups } from "./synth.ts";
import { lanesOf } from "../plots/piano_roll.ts";
import { escapeHtml } from "./table.ts";
import { colours, ink } from "../plots/theme.ts";
import { instrumentNames } from "../tokens/vocabulary.ts";

/** The colour of a group of instruments; drums are dark. */
const colourOf = (group: SoundGroup): string => group === "drums" ? ink : colours[soundGroups.indexOf(group)];

/** The mark of each group: a path about the origin, 2 wide; the drums' stands in the legend alone. */
const markOf: Record<SoundGroup, string> = {
  keys: "M-1,0A1,1 0 1 1 1,0A1,1 0 1 1 -1,0Z",
  guitar: "M-.9-.9H.9V.9H-.9Z",
  bass: "M0-1.1L1.1.9H-1.1Z",
  strings: "M0-1.3L1.1 0 0 1.3-1.1 0Z",
  winds: "M0 1.1L1.1-.9H-1.1Z",
  synth: "M-.4-1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2V-.4H-.4Z",
  other: "M1.1 0L-.9 1.1V-1.1Z",
  drums: "M-.5-1.2H.3V1.2H-.5Z",
};

/**
 * A small piano roll of one bar as SVG: pitched notes above, a row for each drum below. Notes have the colour of their
 * instrument's group, and its mark where they begin, unless they repeat the note before. Groups that play one pitch at one
 * time share its row.
 */
export function smallRoll(corpus: Corpus, bar: number): string {
  const { notes, ticksPerQuarter } = detokenize([{ tokens: corpus.tokens(bar) }]);
  const width = 192, height = 120, lane = 5, x = (tick: number) => width * Math.min(1, tick / (4 * ticksPerQuarter));
  const pitched = notes.filter((note) => !note.drum).map((note) => ({ ...note, name: groupOf(note) }));
  const strokes = notes.filter((note) => note.drum), places = lanesOf(pitched);
  const drums = [...new Set(strokes.map((note) => note.pitch))].sort((a, b) => b - a);
  const below = drums.length * lane, above = height - below - (below > 0 ? 5 : 0);
  const pitches = pitched.map((note) => note.pitch), low = Math.min(...pitches) - 1, high = Math.max(...pitches) + 1;
  const step = above / Math.max(12, high - low + 1), tall = Math.max(2, Math.min(6, step - 0.4));
  const rect = (left: number, top: number, wide: number, tall: number, group: SoundGroup, title: string) =>
    `<rect x="${left.toFixed(1)}" y="${top.toFixed(1)}" width="${wide.toFixed(1)}" height="${tall.toFixed(1)}" ` +
    `fill="${colourOf(group)}"><title>${escapeHtml(title)}</title></rect>`;
  const melody = pitched.map((note, i) => {
    const { lane: at, lanes } = places[i];
    const top = (high - note.pitch) * step + at * tall / lanes, wide = Math.max(1.2, x(note.end) - x(note.start) - 0.6);
    return rect(x(note.start), top, wide, tall / lanes, note.name, `${instrumentNames[note.program]} ${note.pitch}`);
  });
  const repeats = (note: typeof pitched[number]) =>
    pitched.some((other) =>
      other !== note && other.name === note.name && other.pitch === note.pitch && other.start < note.start &&
      note.start - other.end <= ticksPerQuarter / 4
    );
  const marks = pitched.flatMap((note, i) => {
    if (repeats(note)) return [];
    const { lane: at, lanes } = places[i], left = x(note.start) + 3 + 6 * at;
    const middle = (high - note.pitch) * step + (at + 0.5) * tall / lanes;
    return `<path d="${markOf[note.name]}" transform="translate(${left.toFixed(1)} ${middle.toFixed(1)}) scale(3.2)" ` +
      `fill="${colourOf(note.name)}" stroke="#fff" stroke-width=".2"/>`;
  });
  const beats = [1, 2, 3].map((beat) =>
    `<line x1="${beat * width / 4}" x2="${beat * width / 4}" y1="0" y2="${height}" stroke="#dddddd"/>`
  );
  const drumming = strokes.map((note) =>
    rect(x(note.start), height - below + drums.indexOf(note.pitch) * lane, 2.5, lane - 1, "drums", `drum ${note.pitch}`)
  );
  const label = `piano roll of ${pitched.length} notes and ${strokes.length} drum strokes`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 ${width + 4} ${height + 4}" ` +
    `width="${width}" role="img" aria-label="${label}" style="background:#fff;border:1px solid #ddd;border-radius:4px">${
      beats.join("")
    }` +
    `${melody.join("")}${marks.join("")}${drumming.join("")}</svg>`;
}

/** The legend of {@link smallRoll}'s colours and marks as a line of HTML, on white as the rolls are. */
export function rollLegend(): string {
  const shown = (group: SoundGroup) =>
    `<span style="white-space:nowrap"><svg xmlns="http://www.w3.org/2000/svg" viewBox="-1.6 -1.6 3.2 3.2" ` +
    `width="13" height="13" aria-hidden="true" style="vertical-align:-2px"><path d="${markOf[group]}" ` +
    `fill="${colourOf(group)}"/></svg> ${group}</span>`;
  return `<span style="display:inline-block;background:#fff;color:${ink};border:1px solid #ddd;border-radius:4px;` +
    `padding:2px 8px">${soundGroups.map(shown).join(" &nbsp; ")}</span>`;
}
