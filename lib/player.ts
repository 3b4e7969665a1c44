/**
 * Bars to see and hear: a small piano roll and a player, both in the page itself, so that they work offline.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Corpus } from "./corpus.ts";
import type { Score } from "./midi.ts";
import { html, type Shown } from "./notebook.ts";
import type { Recipe } from "./recipe.ts";
import { detokenize } from "./remi.ts";
import { groupOf, type SoundGroup, soundGroups, type SoundNote, synthesize, wavBytes } from "./synth.ts";
import { escapeHtml } from "./table.ts";
import { colours, ink } from "./theme.ts";
import { instrumentNames, kinds, tempoBins } from "./vocabulary.ts";

/** Choices of {@link player}. */
export interface PlayerOptions {
  /** What it plays, for screen readers too. */
  label?: string;
  /** Samples a second. */
  rate?: number;
  /** Bits a sample; in the page a byte becomes 1.33. */
  bits?: 8 | 16;
  /** Seconds to play; to the end of the last note if left out. */
  seconds?: number;
}

/** A score's notes in seconds, by its tempi. */
export function soundNotes({ notes, tempi, ticksPerQuarter }: Score): SoundNote[] {
  const perTick = (microseconds: number) => microseconds / 1e6 / ticksPerQuarter;
  let tick = 0, seconds = 0, scale = perTick(500_000);
  const spans = [{ tick, seconds, scale }];
  for (const tempo of tempi) {
    seconds += (tempo.tick - tick) * scale;
    [tick, scale] = [tempo.tick, perTick(tempo.microseconds)];
    spans.push({ tick, seconds, scale });
  }
  const at = (tick: number) => {
    const span = spans.findLast((span) => span.tick <= tick)!;
    return span.seconds + (tick - span.tick) * span.scale;
  };
  return notes.map(({ start, end, pitch, velocity, program, drum }) => (
    { start: at(start), seconds: at(end) - at(start), pitch, velocity, program, drum }
  ));
}

/** Seconds that the bars of these tokens last, by their tempo tokens: four quarters each. */
export const barSeconds = (bars: readonly { tokens: Uint16Array }[]): number =>
  bars.reduce((sum, { tokens }) => sum + 240 / tempoBins[tokens[2] - kinds.Tempo.first], 0);

/** An HTML player of notes; the sound is in it, as WAV. */
export function playerHtml(notes: readonly SoundNote[], options: PlayerOptions = {}): string {
  const { label = "music", rate = 11_025, bits = 8, seconds } = options;
  const wav = wavBytes(synthesize(notes, { rate, seconds }), rate, bits);
  return `<audio controls preload="metadata" aria-label="${escapeHtml(`player: ${label}`)}" ` +
    `src="data:audio/wav;base64,${Buffer.from(wav).toString("base64")}"></audio>`;
}

/** A player of notes for a notebook and the report. */
export function player(notes: readonly SoundNote[], options: PlayerOptions = {}): Shown {
  const { label = "music" } = options;
  return html(
    `<p>${escapeHtml(label)}<br>${playerHtml(notes, options)}</p>`,
    `${label}: ${notes.length} notes to hear`,
  );
}

/** Bars of a corpus one after another, to hear; with the length of a beat more for what rings on. */
export function barPlayer(corpus: Corpus, bars: readonly number[], recipe: Recipe, options: PlayerOptions = {}): Shown {
  const held = bars.map((bar) => ({ tokens: corpus.tokens(bar) }));
  return player(soundNotes(detokenize(held, recipe)), { seconds: barSeconds(held) + 0.3, ...options });
}

/** The colour of each group of instruments; drums are dark. */
const colourOf = Object.fromEntries(
  soundGroups.map((group, i) => [group, group === "drums" ? ink : colours[i]]),
) as Record<SoundGroup, string>;

/** A small piano roll of one bar as SVG: pitched notes above, coloured by group, a row for each drum below. */
export function smallRoll(corpus: Corpus, bar: number, recipe: Recipe): string {
  const { notes, ticksPerQuarter } = detokenize([{ tokens: corpus.tokens(bar) }], recipe);
  const width = 192, height = 96, lane = 5, x = (tick: number) => width * Math.min(1, tick / (4 * ticksPerQuarter));
  const pitched = notes.filter((note) => !note.drum), strokes = notes.filter((note) => note.drum);
  const drums = [...new Set(strokes.map((note) => note.pitch))].sort((a, b) => b - a);
  const below = drums.length * lane, above = height - below - (below > 0 ? 3 : 0);
  const pitches = pitched.map((note) => note.pitch);
  const low = Math.min(...pitches) - 1, high = Math.max(...pitches) + 1, step = above / Math.max(12, high - low + 1);
  const rect = (left: number, top: number, wide: number, tall: number, group: SoundGroup, title: string) =>
    `<rect x="${left.toFixed(1)}" y="${top.toFixed(1)}" width="${wide.toFixed(1)}" height="${tall.toFixed(1)}" ` +
    `fill="${colourOf[group]}"><title>${escapeHtml(title)}</title></rect>`;
  const melody = pitched.map((note) =>
    rect(
      x(note.start),
      (high - note.pitch) * step,
      Math.max(1.2, x(note.end) - x(note.start) - 0.6),
      Math.max(1.6, Math.min(5, step - 0.4)),
      groupOf(note),
      `${instrumentNames[note.program]} ${note.pitch}`,
    )
  );
  const beats = [1, 2, 3].map((beat) =>
    `<line x1="${beat * width / 4}" x2="${beat * width / 4}" y1="0" y2="${height}" stroke="#dddddd"/>`
  );
  const drumming = strokes.map((note) =>
    rect(x(note.start), height - below + drums.indexOf(note.pitch) * lane, 2.5, lane - 1, "drums", `drum ${note.pitch}`)
  );
  const label = `piano roll of ${pitched.length} notes and ${strokes.length} drum strokes`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 ${width + 4} ${
    height + 4
  }" width="${width}" role="img" ` +
    `aria-label="${label}" style="background:#fff;border:1px solid #ddd;border-radius:4px">${beats.join("")}` +
    `${melody.join("")}${drumming.join("")}</svg>`;
}

/** What the colours of {@link smallRoll} mean, as a line of HTML. */
export const rollLegend = (): string =>
  soundGroups.map((group) =>
    `<span style="white-space:nowrap"><span aria-hidden="true" style="display:inline-block;width:.8em;height:.8em;` +
    `background:${colourOf[group]};border:1px solid #888"></span> ${group}</span>`
  ).join(" &nbsp; ");
