import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { evaluateMasked, guessMasked, identicalShare } from "@lib/training/evaluation.ts";
import { guessNotes, guessRows, guessStates } from "@lib/notebook/masked_guesses.ts";
import { kinds, vocabulary } from "@lib/tokens/vocabulary.ts";
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
  assertEquals(right.length, score.count);
  assertAlmostEquals(right.filter(Boolean).length / right.length, score.accuracy, 1e-12);
  model.weights.dispose();
});

Deno.test("a guessed bar's notes are those given, those guessed right, and the wrong ones twice", () => {
  const bar = bars[0], tokens = corpus.tokens(bar), notes = Math.floor((tokens.length - 3) / 5);
  const pitchOf = (note: number) => 3 + 5 * note + 2;
  const wrong = tokens[pitchOf(1)] === kinds.Pitch.first ? kinds.Pitch.first + 1 : kinds.Pitch.first;
  const positions = [pitchOf(0), pitchOf(1), pitchOf(2)], labels = positions.map((at) => tokens[at]);
  const guesses = [labels[0], wrong, kinds.Velocity.first]; // right; another pitch; no pitch at all
  const roll = guessNotes(corpus, { bar, positions, labels, guesses });
  const count = (state: typeof guessStates[number]) =>
    roll.notes.filter(({ program }) => guessStates[program] === state).length;
  assertEquals(guessStates.map(count), [notes - 3, 1, 2, 1]);
  assertEquals(
    roll.notes.find(({ program }) => guessStates[program] === "what was guessed")!.pitch,
    wrong - kinds.Pitch.first,
  );
  assert(roll.notes.every(({ start, end }) => end > start && start >= 0 && start < 48));
  assertEquals(guessRows({ bar, positions, labels, guesses }).map(({ right }) => right), ["yes", "no", "no"]);
  assertEquals(guessRows({ bar, positions, labels, guesses })[1].guessed, vocabulary.name(wrong));
});

Deno.test("the share of identical negatives counts pairs of rows with the same tokens", () => {
  const bar = bars[0], other = bars.find((b) => corpus.tokens(b).join() !== corpus.tokens(bar).join())!;
  assertEquals(identicalShare(corpus, [[bar, other]]), 0);
  assertEquals(identicalShare(corpus, [[bar, bar]]), 1);
  assertAlmostEquals(identicalShare(corpus, [[bar, bar, other]]), 2 / 6, 1e-12);
  assertAlmostEquals(identicalShare(corpus, [[bar, bar, other], [bar, other, other]]), 4 / 12, 1e-12);
});
