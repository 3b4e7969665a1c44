/**
 * A model's guesses of masked tokens: beside the true tokens in a table, and as notes for a piano roll.
 * @module
 */
import type { Corpus } from "../corpus/store.ts";
import type { GuessedBar } from "../training/masked_evaluation.ts";
import type { RollNote } from "../plots/piano_roll.ts";
import { colours } from "../plots/theme.ts";
import { noteStarts, noteTokens } from "../tokens/bar_format.ts";
import { durationBins, kinds, positionsPerQuarter, type TokenKind, vocabulary } from "../tokens/vocabulary.ts";

/** The states of a note of {@link guessNotes}, with their colours. */
const legend = {
  "as given": "#bbbbbb",
  "guessed right": colours[0],
  "what it was": colours[2],
  "what was guessed": colours[1],
};

/** The note of the five tokens at `at`, in twelfths of a quarter; none if one of them is of a wrong kind. */
function noteOf(tokens: ArrayLike<number>, at: number, name: keyof typeof legend): RollNote[] {
  const valueOf = (id: number, ...allowed: TokenKind[]) => {
    const kind = vocabulary.kind(id);
    return allowed.includes(kind) ? id - kinds[kind].first : undefined;
  };
  const start = valueOf(tokens[at], "Position"), pitch = valueOf(tokens[at + 2], "Pitch", "Pitch_Drum");
  const duration = valueOf(tokens[at + 4], "Duration");
  if (start === undefined || pitch === undefined || duration === undefined) return [];
  const end = start + durationBins[duration];
  return [{ start, end, pitch, program: 0, drum: false, name, thin: name === "what was guessed" }];
}

/**
 * A guessed bar for `pianoRoll`. A note without masked tokens stands as given. A note whose tokens were all guessed right
 * stands once; any other stands as it was and, thin, as it was guessed. Drum strokes are notes like all others, at their
 * drum's number.
 */
export function guessNotes(
  corpus: Corpus,
  { bar, positions, guesses }: GuessedBar,
): { notes: RollNote[]; ticksPerQuarter: number; legend: Record<string, string> } {
  const tokens = corpus.tokens(bar), guessed = Uint16Array.from(tokens);
  positions.forEach((position, i) => guessed[position] = guesses[i]);
  const chosen = new Set(positions), notes: RollNote[] = [];
  for (const at of noteStarts(tokens.length)) {
    const places = Array.from({ length: noteTokens }, (_, i) => at + i);
    const given = !places.some((place) => chosen.has(place));
    const right = places.every((place) => guessed[place] === tokens[place]);
    if (given || right) notes.push(...noteOf(tokens, at, given ? "as given" : "guessed right"));
    else notes.push(...noteOf(tokens, at, "what it was"), ...noteOf(guessed, at, "what was guessed"));
  }
  return { notes, ticksPerQuarter: positionsPerQuarter, legend };
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
