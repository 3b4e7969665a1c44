import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  bucketBatch,
  bucketOf,
  bucketPlans,
  chosenTokens,
  evaluationBatch,
  evaluationPlans,
  padRows,
  rowsOf,
  toTensors,
} from "@lib/training/batches.ts";
import { tf } from "@lib/engine/mod.ts";
import { UserError } from "@lib/base/user_error.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { mask } from "@lib/tokens/vocabulary.ts";
import { plantedBar, plantedCorpus } from "../support/planted_corpus.ts";
import { smallCorpus } from "../support/small_run.ts";

const choices = recipe("sound", "smoke");
const corpus = await smallCorpus();
const bars = Array.from({ length: corpus.bars }, (_, bar) => bar);

Deno.test("a bar goes into the smallest bucket with room for it; a batch has as many rows as its tokens allow", () => {
  assertEquals([1, 64, 65, 128, 129, 300].map((length) => bucketOf(length, [64, 128, 256])), [
    64,
    64,
    128,
    128,
    256,
    256,
  ]);
  const training = { ...choices.training, batchRows: 24, batchTokens: 1024 };
  assertEquals([16, 64, 100, 256, 600].map((length) => rowsOf(length, training)), [24, 16, 10, 4, 2]);
});

Deno.test("rows are padded on the right, and chosen tokens stand in a grid filled with each row's first token", () => {
  assertEquals(Array.from(padRows([Uint16Array.of(4, 9), Uint16Array.of(4, 8, 7)], 4)), [4, 9, 0, 0, 4, 8, 7, 0]);
  const rows = [{ positions: [1, 3], labels: [50, 51] }, { positions: [], labels: [] }, {
    positions: [2],
    labels: [52],
  }];
  const { positions, labels, weights } = chosenTokens(rows, 10, 2);
  assertEquals(Array.from(positions), [1, 3, 10, 10, 22, 20]);
  assertEquals(Array.from(labels), [50, 51, 0, 0, 52, 0]);
  assertEquals(Array.from(weights), [1, 1, 0, 0, 1, 0]);
});

Deno.test("an epoch visits every training bar at most once, in full batches of one bucket", () => {
  const seen = new Map<number, number>(), train = new Set(corpus.barsOf("train"));
  for (const plan of bucketPlans(corpus, choices, "BERT")) {
    if (plan.epoch > 0) break;
    assertEquals(plan.bars.length, rowsOf(plan.length, choices.training));
    for (const bar of plan.bars) {
      assert(train.has(bar));
      assert(corpus.tokens(bar).length <= plan.length);
      seen.set(bar, (seen.get(bar) ?? 0) + 1);
    }
  }
  assert([...seen.values()].every((times) => times === 1));
  const waiting = choices.training.buckets.length * rowsOf(256, choices.training);
  assert(seen.size > train.size - waiting, `${seen.size} of ${train.size} bars were visited`);
});

Deno.test("evaluation visits every bar exactly once", () => {
  const visited = evaluationPlans(corpus, bars, choices).flatMap((plan) => plan.bars);
  assertEquals(visited.toSorted((a, b) => a - b), bars);
});

Deno.test("a variant's second views follow the first: the neighbor unmasked, dropout's the same", () => {
  for (const model of ["BERT-neighbor", "BERT-dropout"] as const) {
    const plan = bucketPlans(corpus, choices, model).next().value;
    const { ids, length, lengths } = bucketBatch(corpus, plan, choices, model), rows = plan.bars.length;
    assertEquals(lengths.length, 2 * rows);
    plan.partners.forEach((partner, row) => {
      const second = ids.slice((rows + row) * length, (rows + row) * length + lengths[rows + row]);
      const first = ids.slice(row * length, row * length + lengths[row]);
      if (model === "BERT-neighbor") assertEquals(Array.from(second), Array.from(corpus.tokens(partner)));
      else assertEquals(second, first);
      assert(first.includes(mask));
    });
  }
});

Deno.test("the same plan gives the same batch, another epoch other masks", () => {
  const plan = bucketPlans(corpus, choices, "BERT").next().value;
  const batch = bucketBatch(corpus, plan, choices, "BERT");
  assertEquals(bucketBatch(corpus, plan, choices, "BERT"), batch);
  assertNotEquals(bucketBatch(corpus, { ...plan, epoch: 1 }, choices, "BERT").positions, batch.positions);
});

Deno.test("bars that do not fill a batch wait for the next epoch, and fewer than two bars are refused", () => {
  const small = recipe("sound", "smoke", { training: { batchRows: 4 } });
  const song = plantedCorpus(["train", ...[60, 61, 62, 63, 64].map((pitch) => plantedBar([pitch]))]);
  const plans = bucketPlans(song, small, "BERT"), seen = Array.from({ length: 5 }, () => plans.next().value);
  assertEquals(seen.map(({ epoch }) => epoch), [0, 1, 2, 3, 3]); // 5, 10, 15 and 20 bars have come by then
  assertEquals(seen.flatMap((plan) => plan.bars).sort(), [0, 1, 2, 3, 4].flatMap((bar) => [bar, bar, bar, bar]));
  const one = plantedCorpus(["train", plantedBar([60])], ["test", plantedBar([61])]);
  assertThrows(() => bucketPlans(one, small, "BERT").next(), UserError, "at least 2 bars, found 1");
});

Deno.test("a row is as long as the longer of both views", () => {
  const song = plantedCorpus(["train", plantedBar([60]), plantedBar(Array.from({ length: 20 }, (_, i) => 40 + i))]);
  const buckets = choices.training.buckets;
  const of = (model: "BERT" | "BERT-neighbor") => {
    const plans = bucketPlans(song, { ...choices, training: { ...choices.training, batchRows: 2 } }, model);
    return Array.from({ length: 6 }, () => plans.next().value.length);
  };
  assertEquals(new Set(of("BERT")), new Set([bucketOf(9, buckets), bucketOf(104, buckets)]));
  assertEquals(new Set(of("BERT-neighbor")), new Set([bucketOf(104, buckets)]));
});

Deno.test("evaluation masks are fixed or redrawn at each visit, and missing rows choose no token", () => {
  const plan = evaluationPlans(corpus, bars, choices).find((plan) =>
    plan.bars.length < rowsOf(plan.length, choices.training)
  )!;
  const redrawn = recipe("sound", "smoke", { masking: { validation: "redrawn" } });
  const at = (visit: number, choices: typeof redrawn) => evaluationBatch(corpus, plan, choices, visit);
  assertEquals(at(1, choices), at(2, choices));
  assertNotEquals(at(1, redrawn).ids, at(2, redrawn).ids);
  const { rows, ids, weights, lengths } = at(0, choices), K = weights.length / rows, own = plan.bars.length;
  assertEquals([rows, lengths.length, ids.length], [rowsOf(plan.length, choices.training), rows, rows * plan.length]);
  assert(weights.subarray(0, own * K).some((weight) => weight === 1));
  assert(weights.subarray(own * K).every((weight) => weight === 0));
  assertEquals(ids.slice(own * plan.length, (own + 1) * plan.length), ids.slice(0, plan.length));
});

Deno.test("a batch's tensors have its numbers, and the bias hides the pads", () => {
  const batch = { rows: 1, length: 3, ids: Int32Array.of(4, 7, 0, 4, 8, 9), lengths: [2, 3] };
  const grid = chosenTokens([{ positions: [1], labels: [30] }], 3, 2);
  const tensors = toTensors({ ...batch, ...grid });
  assertEquals(tensors.map(({ shape }) => shape), [[2, 3], [2, 1, 1, 3], [1, 2], [2], [2]]);
  assertEquals(Array.from(tensors[1].dataSync()), [0, 0, -1e9, 0, 0, 0]);
  assertEquals(tensors.map((tensor) => tensor.dataSync()[0]), [4, 0, 1, 30, 1]);
  tf.dispose(tensors);
});
