/**
 * Small piano rolls of bars, as SVG and as pictures that a notebook keeps wherever it is opened.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Corpus } from "../corpus/store.ts";
import type { Note } from "../midi/score.ts";
import { detokenize } from "../tokens/remi.ts";
import { groupOf, type SoundGroup, soundGroups } from "./synth.ts";
import { lanesOf, pitchName } from "../plots/piano_roll.ts";
import { escapeHtml } from "./table.ts";
import { colours, ink } from "../plots/theme.ts";
import { drumName, instrumentNames } from "../tokens/vocabulary.ts";

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

/** A note to draw; a score's notes will do. One with a look has its colour and mark in place of its instrument's. */
export type DrawnNote = Pick<Note, "start" | "end" | "pitch" | "program" | "drum"> & { look?: Look };

/** A colour, a path about the origin, 2 wide, and what it stands for. */
export type Look = { colour: string; mark: string; name: string };

/**
 * How a roll is drawn: ticks of a quarter; its pixels, of the notes alone; large, with rows of drums that have room for
 * names, or not; with the names of drums and octaves beside it or not; and the notes whose pitches and drums it has
 * room for, its own by default.
 */
export type RollOptions = {
  ticksPerQuarter: number;
  width?: number;
  height?: number;
  large?: boolean;
  named?: boolean;
  room?: readonly DrawnNote[];
};

/** Pixels for names beside a roll, and of a drum's row in a large and in a small roll. */
const BESIDE = 84, LARGE_ROW = 11, ROW = 5;

/**
 * A small piano roll of a bar of four quarters as SVG: pitched notes above, a row for each drum below. Notes have the
 * colour of their instrument's group, and its mark where they begin, unless they repeat the note before. Groups that play
 * one pitch at one time share its row.
 */
export function rollSvg(notes: readonly DrawnNote[], options: RollOptions): string {
  const { ticksPerQuarter, width = 192, height = 120, named = false, large = named, room = notes } = options;
  const x = (tick: number) => width * Math.min(1, tick / (4 * ticksPerQuarter)), lane = large ? LARGE_ROW : ROW;
  const nameOf = ({ look, ...note }: DrawnNote) => look?.name ?? groupOf(note);
  const pitched = notes.filter((note) => !note.drum).map((note) => ({ ...note, name: nameOf(note) }));
  const strokes = notes.filter((note) => note.drum), places = lanesOf(pitched);
  const drums = [...new Set(room.filter(({ drum }) => drum).map(({ pitch }) => pitch))].sort((a, b) => b - a);
  const below = drums.length * lane, above = height - below - (below > 0 ? 5 : 0);
  const pitches = room.filter(({ drum }) => !drum).map(({ pitch }) => pitch);
  const low = Math.min(...pitches) - 1, high = Math.max(...pitches) + 1;
  const step = above / Math.max(12, high - low + 1), tall = Math.max(2, Math.min(large ? 8 : 6, step - 0.4));
  const rect = (left: number, top: number, wide: number, tall: number, fill: string, title: string) =>
    `<rect x="${left.toFixed(1)}" y="${top.toFixed(1)}" width="${wide.toFixed(1)}" height="${tall.toFixed(1)}" ` +
    `fill="${fill}"><title>${escapeHtml(title)}</title></rect>`;
  const lookOf = ({ look, ...note }: DrawnNote) => {
    const group = groupOf(note);
    return look ?? { colour: colourOf(group), mark: markOf[group], name: "" };
  };
  const melody = pitched.map((note, i) => {
    const { lane: at, lanes } = places[i], { colour, name } = lookOf(note);
    const top = (high - note.pitch) * step + at * tall / lanes, wide = Math.max(1.2, x(note.end) - x(note.start) - 0.6);
    const title = `${instrumentNames[note.program]} ${pitchName(note.pitch)}${name && `, ${name}`}`;
    return rect(x(note.start), top, wide, tall / lanes, colour, title);
  });
  const repeats = (note: typeof pitched[number]) =>
    pitched.some((other) =>
      other !== note && other.name === note.name && other.pitch === note.pitch && other.start < note.start &&
      note.start - other.end <= ticksPerQuarter / 4
    );
  const markAt = (left: number, middle: number, { mark, colour }: Look) =>
    `<path d="${mark}" transform="translate(${left.toFixed(1)} ${middle.toFixed(1)}) scale(3.2)" fill="${colour}" ` +
    `stroke="#ffffff" stroke-width=".2"/>`;
  const marks = pitched.flatMap((note, i) => {
    if (repeats(note)) return [];
    const { lane: at, lanes } = places[i];
    return markAt(x(note.start) + 3 + 6 * at, (high - note.pitch) * step + (at + 0.5) * tall / lanes, lookOf(note));
  });
  const beats = [1, 2, 3].map((beat) =>
    `<line x1="${beat * width / 4}" x2="${beat * width / 4}" y1="0" y2="${height}" stroke="#dddddd"/>`
  );
  const rowOf = (pitch: number) => height - below + drums.indexOf(pitch) * lane;
  const drumming = strokes.map((note) => {
    const { colour, name } = lookOf(note), title = `${drumName(note.pitch)}${name && `, ${name}`}`;
    const stroke = rect(x(note.start), rowOf(note.pitch), large ? 4 : 2.5, lane - 1, colour, title);
    return note.look ? stroke + markAt(x(note.start) + 2, rowOf(note.pitch) + lane / 2 - 0.5, note.look) : stroke;
  });
  const text = (y: number, text: string) =>
    `<text x="-6" y="${y.toFixed(1)}" text-anchor="end" font-size="9" fill="${ink}">${escapeHtml(text)}</text>`;
  const octaves = Array.from({ length: 11 }, (_, i) => 12 * i).filter((pitch) => pitch >= low && pitch <= high);
  const names = !named ? [] : [
    ...octaves.map((pitch) => text((high - pitch) * step + tall / 2 + 3, pitchName(pitch))),
    ...drums.map((pitch) => text(rowOf(pitch) + 8, drumName(pitch))),
  ];
  const label = `piano roll of ${pitched.length} notes and ${strokes.length} drum strokes`, left = named ? BESIDE : 0;
  const frame = `<rect x="0" y="-2" width="${width}" height="${height + 4}" fill="none" stroke="#dddddd"/>`;
  const [wide, high_] = [width + left + 4, height + 4];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${-2 - left} -2 ${wide} ${high_}" width="${wide}" ` +
    `height="${high_}" role="img" aria-label="${label}" font-family="DejaVu Sans, Verdana, Arial, sans-serif" ` +
    `data-from="${((left + 2) / wide).toFixed(4)}" data-to="${((left + 2 + width) / wide).toFixed(4)}" ` +
    `style="background:#fff">${frame}${beats.join("")}${names.join("")}${melody.join("")}${marks.join("")}` +
    `${drumming.join("")}</svg>`;
}

/** The roll of a corpus' bar. */
export function smallRoll(corpus: Corpus, bar: number): string {
  const { notes, ticksPerQuarter } = detokenize([{ tokens: corpus.tokens(bar) }]);
  return rollSvg(notes, { ticksPerQuarter, width: 168, height: 110 });
}

/**
 * An SVG as an image with the drawing in it: notebooks that were opened elsewhere, untrusted, show images, and no SVG that
 * stands in the text. A page puts the drawing in its place.
 */
export function svgImage(svg: string): string {
  const [, label = ""] = / aria-label="([^"]*)"/.exec(svg) ?? [], [, width = ""] = / width="([\d.]+)"/.exec(svg) ?? [];
  return `<img src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}" alt="${label}" width="${width}">`;
}

/** A legend of colours and marks as an image, on white as the rolls are. */
export function lookLegend(looks: readonly Look[]): string {
  let at = 8;
  const entries = looks.map(({ colour, mark, name }) => {
    const left = at;
    at += 30 + 7.2 * name.length; // a letter is about 7 px wide
    return `<path d="${mark}" transform="translate(${left + 6} 11) scale(5)" fill="${colour}"/>` +
      `<text x="${left + 16}" y="15" font-size="12" fill="${ink}">${escapeHtml(name)}</text>`;
  });
  return svgImage(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${at.toFixed(0)} 22" width="${at.toFixed(0)}" height="22" ` +
      `role="img" aria-label="legend: ${escapeHtml(looks.map(({ name }) => name).join(", "))}" ` +
      `font-family="DejaVu Sans, Verdana, Arial, sans-serif" style="background:#fff">${entries.join("")}</svg>`,
  );
}

/** The legend of instruments' groups. */
export const rollLegend = (): string =>
  lookLegend(soundGroups.map((name) => ({ colour: colourOf(name), mark: markOf[name], name })));
