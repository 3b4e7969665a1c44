import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { splits } from "@lib/corpus/split.ts";
import { readRows } from "@lib/matrix/rows.ts";
import { embedLayers } from "@lib/probing/embed.ts";
import { measureUse, type UseRow } from "@lib/probing/use/use.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { durationBins, positionsPerQuarter, velocityBins } from "@lib/tokens/vocabulary.ts";
import { handBert } from "../../support/hand_bert.ts";
import { handCorpus, handNote } from "../../support/hand_corpus.ts";

const choices = recipe("sound", "smoke", {
  probing: { bootstraps: 200, removedAtOnce: 1, usedControls: 4, removedFrom: "bar" },
});

/** Bars that are loud or soft, long or short, each apart from the other. */
const corpus = handCorpus(
  splits.flatMap((split) =>
    Array.from({ length: 10 }, (_, song) => {
      const random = stream(1, split, song);
      return {
        ...{ file: `${split}-${song}.mid`, split },
        kept: Array.from({ length: 12 }, () => {
          const velocity = velocityBins[random.uniform() < 0.5 ? 6 : 24], duration = random.uniform() < 0.5 ? 2 : 11;
          const count = 4 + random.integer(3);
          return {
            notes: Array.from({ length: count }, (_, n) =>
              handNote(48 + random.integer(24), { position: 6 * n, velocity, duration })),
            ...{ meanVelocity: velocity, meanDuration: duration },
            meanDurationQuarters: durationBins[duration] / positionsPerQuarter,
          };
        }),
      };
    })
  ),
);

Deno.test("of two things that can be read, the one that the encoder uses is told from the one that it ignores", async () => {
  const model = handBert(), bars = splits.map((split) => [...corpus.barsOf(split)]);
  const [train, validation] = await Promise.all(
    bars.slice(0, 2).map(async (own) => {
      const { layers, columns } = await embedLayers(model, corpus, own, choices);
      const table = { labels: own.map(corpus.labels), songs: Int32Array.from(own, corpus.song) };
      return { table, x: (layer: number) => readRows(layers[layer], columns) };
    }),
  );
  const rows = await measureUse(model, { model: "hand", seed: 0 }, corpus, { train, validation }, bars[2], choices);
  const of = (task: string, tokens: UseRow["tokens"]) =>
    rows.find((row) => row.task === task && row.tokens === tokens)!;
  assertEquals(new Set(rows.map(({ layer }) => layer)), new Set([1]));
  for (const task of ["MV", "MD"]) { // both are there, in a few directions, since LayerNorm bends them
    const { before, after, rank } = of(task, "own");
    assert(before > after && rank >= 1 && rank <= 6, `${task}: rank ${rank}, ${before}, ${after}`);
  }
  const used = of("MV", "own"), ignored = of("MD", "own");
  assertGreater(used.low!, 0.1);
  assertGreater(used.removed, 4 * Math.abs(used.control));
  for (const { removed, value } of [ignored, of("MD", "others")]) {
    assertLess(Math.abs(removed), 0.01);
    assertLess(value, 0.005); // no more than random directions, which touch the one that is used
  }
  assertLess(of("MV", "others").value, 0.3 * used.value);
  assertEquals([used.columns, used.songs], [32, 10]);
  const [louder, longer] = [used.moved!, ignored.moved!]; // along the velocity guesses are louder, along the length alike
  assertGreater(louder.low!, 0.5);
  assertGreater(louder.value, 4 * Math.abs(louder.control));
  assertLess(Math.abs(longer.value + longer.control), 0.01, JSON.stringify(longer)); // of itself: random ones touch loudness
  assertEquals([of("MV", "others").moved, of("C", "own")?.moved ?? null], [null, null]);
  const still = { ...choices, probing: { ...choices.probing, movedBy: 0 } };
  const [first] = await measureUse(model, { model: "hand", seed: 0 }, corpus, { train, validation }, bars[2], still);
  assertEquals(first.moved, null);
  model.weights.dispose();
});
