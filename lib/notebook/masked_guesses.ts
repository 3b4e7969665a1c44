/**
 * A model's guesses of masked tokens, to be looked at: beside what stood there, and as notes for a piano roll.
 * @module
 */
import type { Corpus } from "../corpus/store.ts";
import type { GuessedBar } from "../training/evaluation.ts";
import type { RollNote } from "../plots/figures.ts";
import { colours } from "../plots/theme.ts";
import { noteStarts, noteTokens } from "../tokens/bar_format.ts";
import { durationBins, kinds, type TokenKind, vocabulary } from "../tokens/vocabulary.ts";

/** What a note of {@link guessNotes} is. */
export const guessStates = ["as given", "guessed right", "what it was", "what was guessed"] as const;

/** Their colours: what was given stands back. */
const legend: Record<typeof guessStates[number], string> = {
  "as given": "#bbbbbb",
  "guessed right": colours[0],
  "what it was": colours[2],
  "what was guessed": colours[1],
};

/** What `pianoRoll` draws of a guessed bar: its notes, and the options that go with them. */
export interface GuessRoll {
  /** Notes as given, guessed and missed. */
  notes: RollNote[];
  /** 12: a tick is a position. */
  ticksPerQuarter: number;
  /** The name of a note's state. */
  instrument: (state: number) => string;
  /** The states' colours by name. */
  legend: Record<string, string>;
}

const valueOf = (id: number, ...allowed: TokenKind[]): number | undefined => {
  const kind = vocabulary.kind(id);
  return allowed.includes(kind) ? id - kinds[kind].first : undefined;
};

/** The note of five tokens in positions of a twelfth of a quarter; undefined where a token is of a kind that makes none. */
function noteOf(tokens: ArrayLike<number>, at: number, state: number): RollNote | undefined {
  const start = valueOf(tokens[at], "Position"), pitch = valueOf(tokens[at + 2], "Pitch", "Pitch_Drum");
  const duration = valueOf(tokens[at + 4], "Duration");
  if (start === undefined || pitch === undefined || duration === undefined) return;
  return { start, end: start + durationBins[duration], pitch, program: state, drum: false, thin: state === 3 };
}

/**
 * A guessed bar's notes for `pianoRoll`: `program` is the index of a note's {@link guessStates}, ticks are twelfths of a
 * quarter. A note whose tokens were all guessed right stands once, others as they were and as they were guessed; drum
 * strokes are notes like all others, at their drum's number. Wrong guesses are thin, so that both can be seen.
 */
export function guessNotes(
  corpus: Corpus,
  { bar, positions, guesses }: GuessedBar,
): GuessRoll {
  const tokens = corpus.tokens(bar), guessed = Uint16Array.from(tokens);
  positions.forEach((position, i) => guessed[position] = guesses[i]);
  const chosen = new Set(positions), notes: RollNote[] = [];
  const push = (note: RollNote | undefined) => note && notes.push(note);
  for (const at of noteStarts(tokens.length)) {
    const places = Array.from({ length: noteTokens }, (_, i) => at + i);
    if (!places.some((place) => chosen.has(place))) push(noteOf(tokens, at, 0));
    else if (places.every((place) => guessed[place] === tokens[place])) push(noteOf(tokens, at, 1));
    else push(noteOf(tokens, at, 2)), push(noteOf(guessed, at, 3));
  }
  return { notes, ticksPerQuarter: 12, instrument: (state: number) => guessStates[state], legend };
}

/** The chosen tokens of a guessed bar as rows of a table; `place` counts the bar's tokens from 0. */
export function guessRows(
  { positions, labels, guesses }: GuessedBar,
): { place: number; was: string; guessed: string; right: "yes" | "no" }[] {
  return positions.map((position, i) => ({
    place: position,
    was: vocabulary.name(labels[i]),
    guessed: vocabulary.name(guesses[i]),
    right: labels[i] === guesses[i] ? "yes" : "no",
  }));
}
