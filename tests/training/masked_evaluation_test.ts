import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import {
  barsToEvaluate,
  evaluateMasked,
  guessMasked,
  guessMostCommon,
  type MlmAccuracy,
} from "@lib/training/masked_evaluation.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { kinds, vocabulary } from "@lib/tokens/vocabulary.ts";
import { plantedBar, plantedCorpus } from "../support/planted_corpus.ts";
import { choices, smallCorpus } from "../support/small_run.ts";

const corpus = await smallCorpus();
const bars = Array.from(corpus.barsOf("validation")).slice(0, 20);
const total = ({ songs }: MlmAccuracy) => songs.reduce((sum, { count }) => sum + count, 0);

Deno.test("the guess without a model is each kind's most common training token", () => {
  const bars = Array.from(corpus.barsOf("validation")).slice(0, 40);
  const score = guessMostCommon(corpus, bars, choices);
  const count = (split: "train" | "validation", id: number) =>
    corpus.barsOf(split).reduce((n, bar) => n + corpus.tokens(bar).filter((held) => held === id).length, 0);
  const ids = Array.from({ length: kinds.Instrument.count }, (_, i) => kinds.Instrument.first + i);
  const common = ids.reduce((a, b) => count("train", b) > count("train", a) ? b : a);
  const instruments = bars.flatMap((bar) => Array.from(corpus.tokens(bar))).filter((id) => ids.includes(id));
  const share = instruments.filter((id) => id === common).length / instruments.length;
  const guessed = score.kinds.find(({ kind }) => kind === "Instrument")!;
  assertLess(Math.abs(guessed.accuracy - share), 5 * Math.sqrt(0.25 / guessed.count));
});

Deno.test("counts of planted bars: by kind of token and by song, right and wrong", () => {
  const pitches = [59, 60, 60, 60, 60, 60, 61, 62, 62, 62]; // mostly 60
  const planted = plantedCorpus(
    ["train", plantedBar(pitches)],
    ["validation", plantedBar([60, 60, 60, 60])],
    ["validation", plantedBar([61, 61, 61, 61])],
  );
  const all = recipe("sound", "smoke", { masking: { rate: 1 } });
  const score = guessMostCommon(planted, [1, 2], all),
    kind = (name: string) => score.kinds.find((k) => k.kind === name);
  // of the 24 tokens of a bar, Bar and <eob> are never masked
  assertEquals(score.songs.map(({ song, count }) => [song, count]), [[1, 22], [2, 22]]);
  assertEquals([kind("Pitch"), kind("Velocity")], [
    { kind: "Pitch", count: 8, accuracy: 0.5 },
    { kind: "Velocity", count: 8, accuracy: 1 },
  ]);
  assertEquals(score.songs[0].correct - score.songs[1].correct, 4); // the pitches
  assert(Number.isNaN(score.loss));
});

Deno.test("an accuracy counts the guesses of bars, by kind and by song", async () => {
  const model = createBert(bertConfig(choices), 3), before = tensorCount().tensors;
  const score = await evaluateMasked(model, corpus, bars, choices);
  const guessed = await guessMasked(model, corpus, bars, choices);
  assertEquals(tensorCount().tensors, before);
  assertEquals(guessed.map(({ bar }) => bar), bars);
  const all = guessed.flatMap(({ bar, positions, labels, guesses }) =>
    positions.map((position, i) => ({ bar, token: corpus.tokens(bar)[position], label: labels[i], guess: guesses[i] }))
  );
  assert(all.every(({ token, label }) => token === label));
  const right = (list: typeof all) => list.filter(({ label, guess }) => label === guess).length;
  assertAlmostEquals(score.accuracy, right(all) / all.length, 1e-12);
  for (const { kind, count, accuracy } of score.kinds) {
    const own = all.filter(({ label }) => vocabulary.kind(label) === kind);
    assertEquals([count, accuracy], [own.length, right(own) / own.length]);
  }
  for (const { song, count, correct } of score.songs) {
    const own = all.filter(({ bar }) => corpus.song(bar) === song);
    assertEquals([count, correct], [own.length, right(own)]);
  }
  assertLess(Math.abs(score.loss - Math.log(560)), 0.3); // an untrained model guesses all 560 alike
  model.weights.dispose();
});

Deno.test("the loss is the mean over all masked tokens, however they are batched", async () => {
  const model = createBert(bertConfig(choices), 3), [one, other] = [bars.slice(0, 3), bars.slice(3)];
  const score = (bars: number[], visit?: number, recipe = choices) =>
    evaluateMasked(model, corpus, bars, recipe, visit);
  const [a, b, both] = [await score(one), await score(other), await score(bars)];
  assertAlmostEquals(both.loss, (a.loss * total(a) + b.loss * total(b)) / (total(a) + total(b)), 1e-5);
  assertEquals(await score(bars, 1), await score(bars, 2)); // masks are fixed
  const redrawn = { ...choices, masking: { ...choices.masking, validation: "redrawn" as const } };
  assert((await score(bars, 1, redrawn)).loss !== (await score(bars, 2, redrawn)).loss);
  model.weights.dispose();
});

Deno.test("a validation takes at most the recipe's number of bars of its split, the same at each call", () => {
  const few = recipe("sound", "smoke", { training: { validationBars: 7 } });
  const drawn = barsToEvaluate(corpus, "train", few), all = new Set(corpus.barsOf("train"));
  assertEquals([drawn.length, new Set(drawn).size, drawn.every((bar) => all.has(bar))], [7, 7, true]);
  assertEquals(barsToEvaluate(corpus, "train", few), drawn);
  const many = recipe("sound", "smoke", { training: { validationBars: 100_000 } });
  assertEquals(barsToEvaluate(corpus, "validation", many).sort((a, b) => a - b), [...corpus.barsOf("validation")]);
});
