import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Corpus } from "@lib/corpus/store.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { evaluateMasked, guessMasked } from "@lib/training/masked_evaluation.ts";
import { guessRows, maskedRolls, maskedVersions } from "@lib/notebook/masked_guesses.ts";
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

Deno.test("a bar as it was has all notes, as given those without a masked token, as completed the model's", () => {
  const guessed = guess([8, id("Position", 12)], [12, id("Duration", 13)], [14, written[14]], [
    15,
    id("Pitch_Drum", 38),
  ]);
  const { was, given, completed } = maskedVersions(held, guessed);
  const brief = (notes: typeof was) =>
    notes.map(({ note: { position, pitch, duration }, fate }) => [position, pitch, duration, fate]);
  assertEquals(brief(was), [[0, 60, 11, "given"], [12, 64, 12, "wrong"], [24, 36, 0, "wrong"]]);
  assertEquals(brief(given), [[0, 60, 11, "given"]]);
  assertEquals(brief(completed), [[0, 60, 11, "given"], [12, 64, 13, "wrong"], [24, 38, 0, "wrong"]]);
  assertEquals(maskedVersions(held, guess([5, written[5]], [6, written[6]])).completed[0].fate, "right");
  const nonsense = maskedVersions(held, guess([5, id("Velocity", 3)])); // a velocity where a pitch stands makes no note
  assertEquals([nonsense.was.length, nonsense.completed.length], [3, 2]);
  const drum = maskedVersions(held, guess([4, id("Instrument", 128)])); // a drum's instrument with a pitch makes none, too
  assertEquals(drum.completed.length, 2);
});

Deno.test("the three versions stand side by side, on the same rows, each with its own notes to hear", () => {
  const { data } = maskedRolls(held, guess([12, id("Duration", 13)], [15, id("Pitch_Drum", 38)]));
  assertEquals(
    data["text/plain"],
    "as it was: 3 notes to hear; as given: 1 notes to hear; as completed: 3 notes to hear",
  );
  const html = String(data["text/html"]);
  const heard = [...html.matchAll(/data-notes="([^"]*)"/g)].map(([, notes]) =>
    notes.split(";").map((n) => Number(n.split(",")[2]))
  );
  assertEquals(heard, [[60, 64, 36], [60], [60, 64, 38]]);
  const [, first, ...others] = [...html.matchAll(/svg\+xml;base64,([^"]*)"/g)].map(([, base64]) => atob(base64));
  assert(first.includes(">Bass Drum 1</text>") && first.includes(">Acoustic Snare</text>"));
  const heights = [first, ...others].map((svg) => svg.match(/ height="(\d+)" role/)![1]);
  assertEquals(heights.length, 3);
  assertEquals(new Set(heights).size, 1);
  const tops = [first, ...others].map((svg) => svg.match(/ y="([\d.]+)"[^>]*><title>Acoustic Grand Piano C4/)![1]);
  assertEquals(new Set(tops).size, 1);
});

Deno.test("masked tokens are listed with their place, true name and guess", () => {
  assertEquals(guessRows(guess([5, id("Pitch", 61)], [8, id("Position", 12)])), [
    { place: 5, was: "Pitch_60", guessed: "Pitch_61", right: "no" },
    { place: 8, was: "Position_12", guessed: "Position_12", right: "yes" },
  ]);
});
