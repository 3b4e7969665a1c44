import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { encode } from "@lib/bert/bert.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { guessEdited } from "@lib/probing/use/edited_guesses.ts";
import { type Subspace, without } from "@lib/probing/use/nullspace.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { evaluateMasked } from "@lib/training/masked_evaluation.ts";
import { handCorpus, handNote } from "../../support/hand_corpus.ts";

const corpus = handCorpus(
  (["train", "validation", "test"] as const).map((split, song) => ({
    ...{ file: `${split}.mid`, split },
    kept: Array.from({ length: 5 }, (_, i) => ({
      notes: Array.from({ length: 3 + i }, (_, n) => handNote(50 + 3 * n + song, { position: 4 * n, velocity: 66 })),
    })),
  })),
);
const bars = Array.from({ length: corpus.bars }, (_, bar) => bar);

for (const preset of ["sound", "authors"] as const) {
  Deno.test(`guesses without removals are those of the evaluation, and removals change them: ${preset}`, async () => {
    const choices = recipe(preset, "smoke", { probing: { removedFrom: "bar" } }),
      { config, weights } = createBert(bertConfig(choices), 2),
      { hidden } = config;
    const model = { config, weights: weights.mul(4) }; // fresh weights are so small that tokens hardly see each other
    weights.dispose();
    const before = tensorCount(), half = hidden / 2, basis = new Float64Array(half * hidden);
    for (let d = 0; d < half; d++) basis[d * hidden + d] = 1;
    const subspace: Subspace = { rank: half, columns: hidden, basis, mean: new Float64Array(hidden) };
    const nothing = { ...subspace, rank: 0, basis: new Float64Array(0) };
    const removals = [undefined, { layer: 1, subspace: nothing }, { layer: 1, subspace }];
    const [plain, same, less] = await guessEdited(model, corpus, bars, choices, removals);
    assertEquals(tensorCount().tensors, before.tensors);
    assertEquals(same, plain);
    assert(less.some(({ loss }, i) => Math.abs(loss - plain[i].loss) > 1e-4));
    assertEquals(less.map(({ bar, kind }) => [bar, kind]), plain.map(({ bar, kind }) => [bar, kind]));
    const { loss, accuracy } = await evaluateMasked(model, corpus, bars, choices);
    const mean = plain.reduce((sum, guess) => sum + guess.loss / plain.length, 0);
    assertLess(Math.abs(mean - loss), 1e-4); // float32 sums in another order
    assertLess(Math.abs(plain.filter(({ right }) => right).length / plain.length - accuracy), 1e-9);
    const all = { ...choices, probing: { ...choices.probing, removedFrom: "all" as const } };
    const [every] = await guessEdited(model, corpus, bars, all, [{ layer: 1, subspace }]);
    const change = (guesses: typeof plain) =>
      guesses.reduce((sum, { loss }, i) => sum + Math.abs(loss - plain[i].loss), 0);
    assertGreater(change(every), change(less)); // of every token, not of the Bar token alone
    for (const [i, { kind, value }] of less.entries()) { // a mean over the kind's numbers
      const most = { Tempo: 210, Velocity: 127, Duration: 57 }[kind as string];
      assertEquals(value === null, most === undefined);
      assert(value === null || (value > 0 && value < most!), `${i}: ${kind} ${value}`);
    }
    const move = Float64Array.from({ length: hidden }, (_, c) => c % 3 - 1), stay = new Float64Array(hidden);
    const moves = [{ layer: 1, move: stay }, { layer: 1, move }];
    const [still, moved] = await guessEdited(model, corpus, bars, choices, moves);
    assertEquals(still, plain);
    assertGreater(change(moved), 1e-3);
    const wrong = () => guessEdited(model, corpus, bars, choices, [{ layer: model.config.layers, subspace }]);
    await assertRejects(wrong, RangeError, "expected a layer 1 …");
    model.weights.dispose();
  });
}

Deno.test("the removed part is replaced by its mean", async () => {
  const choices = recipe("sound", "smoke"), model = createBert(bertConfig(choices), 2), { hidden } = model.config;
  const tokens = corpus.tokens(3), [, states] = await encode(model, Int32Array.from(tokens), [tokens.length]);
  const mean = Float64Array.from({ length: hidden }, (_, c) => c / 10), basis = new Float64Array(hidden);
  basis[2] = 1;
  const x = without({ rank: 1, columns: hidden, basis, mean }, states.slice(0, hidden));
  assertEquals(
    [...x].map((value, c) => c === 2 ? Math.abs(value - 0.2) < 1e-6 : value === states[c]),
    Array(hidden).fill(true),
  );
  model.weights.dispose();
});
