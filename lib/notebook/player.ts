/**
 * Players of notes, and the notes as MIDI files to save; both are in the page itself, so that they work offline.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Corpus } from "../corpus/store.ts";
import type { Score } from "../midi/score.ts";
import { writeScore } from "../midi/write.ts";
import { html, type Shown } from "./notebook.ts";
import { smallRoll, svgImage } from "./small_roll.ts";
import { tempoBinOf } from "../tokens/bar_format.ts";
import { detokenize } from "../tokens/remi.ts";
import { type SoundNote, synthesize, wavBytes } from "./synth.ts";
import { escapeHtml } from "./table.ts";
import { tempoBins } from "../tokens/vocabulary.ts";

/** Seconds after a bar's end in which its last notes ring on. */
const REST = 0.25;

/**
 * What a player plays, also for screen readers; how long, in seconds, without the time in which it rings on; samples a
 * second and bits a sample of the sound that a notebook has; `silent` has none, as of whole songs, which only a page
 * plays.
 */
type PlayerOptions = { label?: string; seconds?: number; rate?: number; bits?: 8 | 16; silent?: boolean };

/** A score's notes in seconds, by its tempi. */
export function soundNotes(
  { notes, tempi, ticksPerQuarter }: Pick<Score, "notes" | "tempi" | "ticksPerQuarter">,
): SoundNote[] {
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

/** Notes as text for a page's player: onset and length in milliseconds, pitch, velocity, and program, 128 for drums. */
const notesText = (notes: readonly SoundNote[]): string =>
  notes.map(({ start, seconds, pitch, velocity, program, drum }) =>
    [Math.round(1000 * start), Math.round(1000 * seconds), pitch, velocity, drum ? 128 : program].join()
  ).join(";");

/** A name as a file name without its ending. */
const fileName = (label: string): string => label.toLowerCase().replace(/[^\p{L}\p{N}_]+/gu, "-").replace(/^-|-$/g, "");

/**
 * What stands beside a link that an untrusted notebook does not follow: a style hides it, and such a notebook has neither
 * styles nor links to data.
 */
export const forUntrusted: string =
  '<style>.untrusted{display:none}</style><small class="untrusted"> (trust the notebook to save it)</small>';

/**
 * An HTML player of a score with a link that saves it as a MIDI file. The sound is there as WAV, which a page leaves out:
 * it makes the sound from the notes, which are there too.
 */
export function playerHtml(score: Score, options: PlayerOptions = {}): string {
  const { label = "music", rate = 22_050, bits = 8, seconds, silent = false } = options, notes = soundNotes(score);
  const midi = Buffer.from(writeScore(score)).toString("base64"), name = escapeHtml(label);
  const last = notes.reduce((end, note) => Math.max(end, note.start + note.seconds), 0),
    whole = Math.min(600, (seconds ?? last) + REST);
  const sound = () => Buffer.from(wavBytes(synthesize(notes, { rate, seconds: whole }), rate, bits)).toString("base64");
  return `<audio controls preload="metadata" aria-label="player: ${name}" style="${
    silent ? "display:none" : "max-width:100%;height:32px"
  }" ` +
    `data-notes="${notesText(notes)}" data-seconds="${whole.toFixed(3)}" data-rest="${REST}"` +
    `${silent ? "" : ` src="data:audio/wav;base64,${sound()}"`}></audio> ` +
    `<a download="${escapeHtml(fileName(label))}.mid" href="data:audio/midi;base64,${midi}">.mid</a>${forUntrusted}`;
}

/** A player of a corpus' bars, one after another; `roll` says that the output before it is their roll. */
export function barPlayer(
  corpus: Corpus,
  bars: readonly number[],
  { roll = false, ...options }: PlayerOptions & { label: string; roll?: boolean },
): Shown {
  const played = bars.map((bar) => ({ tokens: corpus.tokens(bar) })), score = detokenize(played), { label } = options;
  const player = playerHtml(score, { seconds: barSeconds(played), ...options });
  return html(
    `<p${roll ? " data-roll" : ""}>${escapeHtml(label)}<br>${player}</p>`,
    `${label}: ${score.notes.length} notes to hear`,
  );
}

/** A roll with what is said below it and its player, as a small figure. */
export const rollFigure = (roll: string, caption: string, player: string): string =>
  `<figure style="margin:0;max-width:100%">${svgImage(roll)}<figcaption style="font-size:.8rem;line-height:1.3">` +
  `${caption}</figcaption>${player}</figure>`;

/** A bar's name: its song and its number in it. */
export const barName = (corpus: Corpus, bar: number): string =>
  `${corpus.songs[corpus.song(bar)].file.replace(/\.midi?$/i, "")}, bar ${corpus.barIndex(bar)}`;

/** A bar as a small figure: piano roll, name, notes in lines below it, player. */
export function barFigure(corpus: Corpus, bar: number, ...notes: string[]): string {
  const bars = [{ tokens: corpus.tokens(bar) }],
    name = barName(corpus, bar),
    said = notes.filter((note) => note !== "");
  const player = playerHtml(detokenize(bars), { label: name, seconds: barSeconds(bars) });
  const caption = [name, ...said].map(escapeHtml).join("<br>");
  return rollFigure(smallRoll(corpus, bar), caption, player.replace("max-width:100%", "width:168px"));
}
