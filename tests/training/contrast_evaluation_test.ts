import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { encode } from "@lib/bert/bert.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { padRows } from "@lib/training/batches.ts";
import { contrastPlans, contrastRows, evaluateContrast, identicalShare } from "@lib/training/contrast_evaluation.ts";
import { neighborOf, viewsOf } from "@lib/training/views.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { plantedBar, plantedCorpus } from "../support/planted_corpus.ts";
import { choices, smallCorpus } from "../support/small_run.ts";

const corpus = await smallCorpus();

Deno.test("the share of identical negatives counts pairs of rows with the same tokens", () => {
  const planted = plantedCorpus(["train", plantedBar([60]), plantedBar([61]), plantedBar([60])]);
  assertEquals(identicalShare(planted, [[0, 1]]), 0);
  assertEquals(identicalShare(planted, [[0, 2]]), 1);
  assertAlmostEquals(identicalShare(planted, [[0, 2, 1]]), 2 / 6, 1e-12);
  assertAlmostEquals(identicalShare(planted, [[0, 0, 1], [1, 2, 1]]), 4 / 12, 1e-12);
  assertEquals(identicalShare(planted, []), 0);
});

Deno.test("validation batches of NT-Xent hold one bar of a song at most", () => {
  for (const plan of contrastPlans(corpus, "train", choices, 2)) {
    assertEquals(new Set(plan.map((bar) => corpus.song(bar))).size, 2);
  }
});

Deno.test("in song order, batches are runs of bars, as many as there are whole ones and the recipe asks for", () => {
  const order = (validationBatches: number) =>
    recipe("sound", "smoke", { contrast: { batches: "song-order", validationBatches } });
  const song = (first: number) => Array.from({ length: 5 }, (_, i) => plantedBar([first + i]));
  const planted = plantedCorpus(["train", ...song(40)], ["validation", ...song(50)], ["validation", ...song(60)]);
  assertEquals(contrastPlans(planted, "validation", order(9), 4), [[5, 6, 7, 8], [9, 10, 11, 12]]);
  assertEquals(contrastPlans(planted, "validation", order(1), 4), [[5, 6, 7, 8]]);
  assertEquals(contrastPlans(planted, "validation", order(9), 11), []);
});

Deno.test("N is the recipe's; where a batch has one bar of a song, the songs of the smaller split bound it", () => {
  const rows = (songs: ["train" | "validation", number][], batches: "song-order" | "song-disjoint") => {
    const planted = songs.flatMap(([split, count]) =>
      Array.from({ length: count }, () => [split, plantedBar([60])] as ["train" | "validation", Uint16Array])
    );
    const asked = recipe("sound", "smoke", { contrast: { batches, validationRows: 6 } });
    return contrastRows(plantedCorpus(...planted), asked);
  };
  assertEquals(rows([["train", 9], ["validation", 4]], "song-disjoint"), 4);
  assertEquals(rows([["train", 3], ["validation", 4]], "song-disjoint"), 3);
  assertEquals(rows([["train", 9], ["validation", 8]], "song-disjoint"), 6);
  assertEquals(rows([["train", 9], ["validation", 1]], "song-disjoint"), 2);
  assertEquals(rows([["train", 1], ["validation", 1]], "song-order"), 6);
});

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);

for (const model of ["BERT-aug", "BERT-neighbor"] as const) {
  Deno.test(`${model}'s loss and accuracy are NT-Xent of the bars' views, worked out pair by pair`, async () => {
    const two = recipe("sound", "smoke", {
      split: choices.split,
      model: { init: "torch" }, // fresh states that differ from bar to bar
      contrast: { validationBatches: 2, validationRows: 3, batches: "song-order", temperature: 0.2 },
    });
    const encoder = createBert(bertConfig(two), 2), before = tensorCount().tensors;
    const score = await evaluateContrast(encoder, model, corpus, "validation", two);
    assertEquals(tensorCount().tensors, before);
    const plans = contrastPlans(corpus, "validation", two, 3), losses: number[] = [], hits: number[] = [];
    for (const bars of plans) {
      const both = bars.map((bar) => {
        const draw = (purpose: string) => stream(two.seed, purpose, "validation", bar);
        const partner = model === "BERT-neighbor" ? neighborOf(corpus, bar, two, draw("neighbor")) : bar;
        return viewsOf(corpus, bar, partner, two, model, draw);
      });
      const rows = [...both.map(({ masked }) => masked.ids), ...both.map(({ second }) => second)];
      const length = Math.max(...rows.map((row) => row.length)), { hidden } = encoder.config;
      const states = await encode(encoder, padRows(rows, length), rows.map((row) => row.length));
      const units = rows.map((_, row) => {
        const first = states.at(-1)!.slice(row * length * hidden, (row * length + 1) * hidden);
        return first.map((value) => value / Math.hypot(...first));
      });
      units.forEach((anchor, i) => {
        const positive = (i + 3) % 6, others = units.keys().filter((j) => j !== i).toArray();
        const similar = (j: number) => dot(anchor, units[j]) / 0.2;
        const sum = others.reduce((sum, j) => sum + Math.exp(similar(j)), 0);
        losses.push(Math.log(sum) - similar(positive));
        hits.push(Number(others.every((j) => similar(positive) >= similar(j))));
      });
    }
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    assertLess(Math.abs(score.loss - mean(losses)), 1e-4);
    assertAlmostEquals(score.accuracy, mean(hits), 1e-6);
    assertAlmostEquals(mean(score.perBatch), score.accuracy, 1e-12);
    assertEquals([score.rows, score.batches, score.order, score.chance], [3, 2, "song-order", 0.2]);
    assertEquals(score.songs, new Set(plans.flat().map((bar) => corpus.song(bar))).size);
    assertEquals(score.identical, identicalShare(corpus, plans));
    encoder.weights.dispose();
  });
}

Deno.test("BERT-dropout's views are the same in evaluation mode, and differ with dropout on", async () => {
  const rough = recipe("sound", "smoke", { split: choices.split, model: { init: "torch" } });
  const model = createBert(bertConfig(rough), 4);
  const still = await evaluateContrast(model, "BERT-dropout", corpus, "train", rough);
  const dropping = await evaluateContrast(model, "BERT-dropout", corpus, "train", rough, { dropout: true });
  assertEquals(still.accuracy, 1);
  assert(Math.abs(dropping.loss - still.loss) > 1e-3, `${dropping.loss} against ${still.loss}`);
  const { order } = await evaluateContrast(model, "BERT-dropout", corpus, "train", rough, { order: "song-order" });
  assertEquals([still.order, order], ["song-disjoint", "song-order"]);
  model.weights.dispose();
});
