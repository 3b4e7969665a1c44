/**
 * A model's guesses of masked tokens: beside the true tokens in a table, and the bar as it was, as given, as completed.
 * @module
 */
import type { Corpus } from "../corpus/store.ts";
import type { GuessedBar } from "../training/masked_evaluation.ts";
import { html, type Shown } from "./notebook.ts";
import { barSeconds, playerHtml, rollFigure } from "./player.ts";
import { type DrawnNote, type Look, lookLegend, rollSvg } from "./small_roll.ts";
import { colours } from "../plots/theme.ts";
import { type BarNote, encodeBar, noteStarts, noteTokens, tempoBinOf } from "../tokens/bar_format.ts";
import { detokenize } from "../tokens/remi.ts";
import {
  drums,
  durationBins,
  kinds,
  positionsPerQuarter,
  type TokenKind,
  velocityBins,
  vocabulary,
} from "../tokens/vocabulary.ts";
import { escapeHtml } from "./table.ts";

/** What became of a note: none of its tokens was masked, all that were are right, or some are wrong. */
type Fate = "given" | "right" | "wrong";

const looks: Record<Fate, Look> = {
  given: { colour: "#999999", mark: "M-.7-.7H.7V.7H-.7Z", name: "given" },
  right: { colour: colours[0], mark: "M-1,0A1,1 0 1 1 1,0A1,1 0 1 1 -1,0Z", name: "masked, completed right" },
  wrong: { colour: colours[1], mark: "M0-1.4L1.2 0 0 1.4-1.2 0Z", name: "masked, completed otherwise" },
};

/** The note of the five tokens at `at`; undefined if one of them is of a wrong kind. */
function noteAt(tokens: ArrayLike<number>, at: number): BarNote | undefined {
  const valueOf = (id: number, kind: TokenKind) => vocabulary.kind(id) === kind ? id - kinds[kind].first : undefined;
  const position = valueOf(tokens[at], "Position"), instrument = valueOf(tokens[at + 1], "Instrument");
  const pitch = valueOf(tokens[at + 2], instrument === drums ? "Pitch_Drum" : "Pitch");
  const velocity = valueOf(tokens[at + 3], "Velocity"), duration = valueOf(tokens[at + 4], "Duration");
  if (position === undefined || instrument === undefined || pitch === undefined) return undefined;
  if (velocity === undefined || duration === undefined) return undefined;
  return { position, instrument, pitch, velocity: velocityBins[velocity], duration };
}

/**
 * A guessed bar's notes in three versions, each with its fate: as the bar was; as it was given, without the notes that have
 * a masked token; and as the model completes it. Guesses of a wrong kind make no note.
 */
export function maskedVersions(
  corpus: Corpus,
  { bar, positions, guesses }: GuessedBar,
): Record<"was" | "given" | "completed", { note: BarNote; fate: Fate }[]> {
  const tokens = corpus.tokens(bar), guessed = Uint16Array.from(tokens), chosen = new Set(positions);
  positions.forEach((position, i) => guessed[position] = guesses[i]);
  const fates = noteStarts(tokens.length).map((at): { at: number; fate: Fate } => {
    const places = Array.from({ length: noteTokens }, (_, i) => at + i);
    const given = !places.some((place) => chosen.has(place));
    return {
      at,
      fate: given ? "given" : places.every((place) => guessed[place] === tokens[place]) ? "right" : "wrong",
    };
  });
  const read = (from: ArrayLike<number>) =>
    fates.flatMap(({ at, fate }) => {
      const note = noteAt(from, at);
      return note ? [{ note, fate }] : [];
    });
  const was = read(tokens);
  return { was, given: was.filter(({ fate }) => fate === "given"), completed: read(guessed) };
}

/** A note to draw, in positions of a twelfth of a quarter. */
const drawn = ({ note, fate }: { note: BarNote; fate: Fate }): DrawnNote => {
  const { position, instrument, pitch, duration } = note, drum = instrument === drums;
  const look = looks[fate], end = position + durationBins[duration];
  return { start: position, end, pitch, program: drum ? 0 : instrument, drum, look };
};

const titles = { was: "as it was", given: "as given", completed: "as completed" };

/** A guessed bar as three piano rolls side by side, on the same pitches and drums, each to hear and to save. */
export function maskedRolls(corpus: Corpus, guessed: GuessedBar): Shown {
  const versions = maskedVersions(corpus, guessed), tempo = tempoBinOf(corpus.tokens(guessed.bar));
  const room = [...versions.was, ...versions.completed].map(drawn),
    rows = new Set(room.filter((n) => n.drum).map((n) => n.pitch));
  const size = { ticksPerQuarter: positionsPerQuarter, width: 232, height: 150 + 11 * rows.size, large: true, room };
  const figures = (["was", "given", "completed"] as const).map((version, i) => {
    const notes = versions[version], title = titles[version];
    const bars = [{ tokens: encodeBar(notes.map(({ note }) => note), tempo, Infinity) }];
    const roll = rollSvg(notes.map(drawn), { ...size, named: i === 0 });
    const player = playerHtml(detokenize(bars), { label: `the bar ${title}`, seconds: barSeconds(bars) });
    return { title, notes: notes.length, html: rollFigure(roll, `${notes.length} notes`, player) };
  });
  const heads = figures.map(({ title }) => `<th scope="col" style="text-align:left">${escapeHtml(title)}</th>`);
  const cells = figures.map(({ html }) => `<td style="vertical-align:top;text-align:left">${html}</td>`);
  return html(
    `<p>${lookLegend(Object.values(looks))}</p><table class="bars"><tr>${heads.join("")}</tr><tr>${
      cells.join("")
    }</tr></table>`,
    figures.map(({ title, notes }) => `${title}: ${notes} notes to hear`).join("; "),
  );
}

/** The masked tokens of a bar as rows of a table; `place` counts the bar's tokens from 0. */
export function guessRows(
  { positions, labels, guesses }: GuessedBar,
): { place: number; was: string; guessed: string; right: "yes" | "no" }[] {
  return positions.map((place, i) => ({
    place,
    was: vocabulary.name(labels[i]),
    guessed: vocabulary.name(guesses[i]),
    right: labels[i] === guesses[i] ? "yes" : "no",
  }));
}
