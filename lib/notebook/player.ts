/**
 * Players of notes; the sound is in the page itself, so that they work offline.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Corpus } from "../corpus/store.ts";
import type { Score } from "../midi/score.ts";
import { html, type Shown } from "./notebook.ts";
import { tempoBinOf } from "../tokens/bar_format.ts";
import { detokenize } from "../tokens/remi.ts";
import { type SoundNote, synthesize, wavBytes } from "./synth.ts";
import { escapeHtml } from "./table.ts";
import { tempoBins } from "../tokens/vocabulary.ts";

/** What a player plays, also for screen readers; samples a second; bits a sample (8 take half the page); seconds to play. */
type PlayerOptions = { label?: string; rate?: number; bits?: 8 | 16; seconds?: number };

/** A score's notes in seconds, by its tempi. */
export function soundNotes({ notes, tempi, ticksPerQuarter }: Score): SoundNote[] {
  const changes = [{ tick: 0, seconds: 0, scale: 0.5 / ticksPerQuarter }];
  const at = (tick: number) => {
    const change = changes.findLast((change) => change.tick <= tick)!;
    return change.seconds + (tick - change.tick) * change.scale;
  };
  for (const { tick, microseconds } of tempi) {
    changes.push({ tick, seconds: at(tick), scale: microseconds / 1e6 / ticksPerQuarter });
  }
  return notes.map(({ start, end, pitch, velocity, program, drum }) => (
    { start: at(start), seconds: at(end) - at(start), pitch, velocity, program, drum }
  ));
}

/** Seconds that bars of four quarters last, by their tempo tokens. */
export const barSeconds = (bars: readonly { tokens: Uint16Array }[]): number =>
  bars.reduce((sum, { tokens }) => sum + 240 / tempoBins[tempoBinOf(tokens)], 0);

/** An HTML player of notes, with the sound in it as WAV. */
export function playerHtml(notes: readonly SoundNote[], options: PlayerOptions = {}): string {
  const { label = "music", rate = 11_025, bits = 8, seconds } = options;
  const wav = wavBytes(synthesize(notes, { rate, seconds }), rate, bits);
  return `<audio controls preload="metadata" aria-label="${escapeHtml(`player: ${label}`)}" ` +
    `src="data:audio/wav;base64,${Buffer.from(wav).toString("base64")}"></audio>`;
}

/** A player of a corpus' bars, one after another, with 0.3 s more in which the last notes ring on. */
export function barPlayer(corpus: Corpus, bars: readonly number[], options: PlayerOptions & { label: string }): Shown {
  const played = bars.map((bar) => ({ tokens: corpus.tokens(bar) })), notes = soundNotes(detokenize(played));
  const audio = playerHtml(notes, { seconds: barSeconds(played) + 0.3, ...options });
  return html(`<p>${escapeHtml(options.label)}<br>${audio}</p>`, `${options.label}: ${notes.length} notes to hear`);
}
