import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { Corpus } from "@lib/corpus/store.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { evaluateMasked, guessMasked } from "@lib/training/masked_evaluation.ts";
import { guessNotes, guessRows } from "@lib/notebook/masked_guesses.ts";
import { kinds, type TokenKind } from "@lib/tokens/vocabulary.ts";
import { choices, smallCorpus } from "../support/small_run.ts";

const corpus = await smallCorpus();
const bars = Array.from(corpus.barsOf("validation")).slice(0, 20);

Deno.test("a bar's guesses are those that the accuracy counts", async () => {
  const config = bertConfig(choices), model = createBert(config, 3);
  const score = await evaluateMasked(model, corpus, bars, choices);
  const guessed = await guessMasked(model, corpus, bars, choices);
  assertEquals(guessed.map(({ bar }) => bar), bars);
  for (const { bar, positions, labels } of guessed) {
    assertEquals(labels, positions.map((position) => corpus.tokens(bar)[position]));
  }
  const right = guessed.flatMap(({ labels, guesses }) => labels.map((label, i) => label === guesses[i]));
  assertEquals(right.length, score.songs.reduce((sum, { count }) => sum + count, 0));
  assertAlmostEquals(right.filter(Boolean).length / right.length, score.accuracy, 1e-12);
  model.weights.dispose();
});

// A hand-written bar: three notes of position, instrument, pitch, velocity and duration, the last one a drum stroke.
const id = (kind: TokenKind, i: number) => kinds[kind].first + i;
const noteTokens = (position: number, pitch: number, duration: number, drum = false) => [
  ...[id("Position", position), id("Instrument", drum ? 128 : 0), id(drum ? "Pitch_Drum" : "Pitch", pitch)],
  ...[id("Velocity", 20), id("Duration", duration)],
];
const written = Uint16Array.from([
  ...[id("Bar", 0), id("Position", 0), id("Tempo", 16)],
  ...[...noteTokens(0, 60, 11), ...noteTokens(12, 64, 12), ...noteTokens(24, 36, 0, true)],
  id("special", 2),
]);
const held = { tokens: () => written } as unknown as Corpus;
const guess = (...guesses: [place: number, id: number][]) => ({
  bar: 0,
  positions: guesses.map(([place]) => place),
  labels: guesses.map(([place]) => written[place]),
  guesses: guesses.map(([, id]) => id),
});

Deno.test("a note stands as given, as guessed right, or as it was and, thin, as it was guessed", () => {
  const { notes, ticksPerQuarter, legend } = guessNotes(
    held,
    guess([8, id("Position", 12)], [12, id("Duration", 13)], [14, written[14]], [15, id("Pitch_Drum", 38)]),
  );
  // Duration bins 0, 11, 12 and 13 are 1, 12, 15 and 17 twelfths of a quarter.
  assertEquals(notes.map(({ start, end, pitch, name, thin }) => [start, end, pitch, name, thin]), [
    [0, 12, 60, "as given", false],
    [12, 27, 64, "what it was", false],
    [12, 29, 64, "what was guessed", true],
    [24, 25, 36, "what it was", false],
    [24, 25, 38, "what was guessed", true],
  ]);
  assertEquals(ticksPerQuarter, 12);
  assertEquals(legend, { // Okabe and Ito's colours
    ...{ "as given": "#bbbbbb", "guessed right": "#0072B2", "what it was": "#009E73", "what was guessed": "#D55E00" },
  });
  const right = guessNotes(held, guess([5, written[5]], [6, written[6]]));
  assertEquals(right.notes.map(({ name }) => name), ["guessed right", "as given", "as given"]);
  const nonsense = guessNotes(held, guess([5, id("Velocity", 3)])); // a velocity where a pitch stands makes no note
  assertEquals(nonsense.notes.map(({ name }) => name), ["what it was", "as given", "as given"]);
});

Deno.test("masked tokens are listed with their place, true name and guess", () => {
  assertEquals(guessRows(guess([5, id("Pitch", 61)], [8, id("Position", 12)])), [
    { place: 5, was: "Pitch_60", guessed: "Pitch_61", right: "no" },
    { place: 8, was: "Position_12", guessed: "Position_12", right: "yes" },
  ]);
});
