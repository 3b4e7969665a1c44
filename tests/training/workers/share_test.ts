import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { type Batch, trainingBatch, trainingPlans } from "@lib/training/batches.ts";
import type { PackedBatch } from "@lib/training/packing/batch.ts";
import { bucketShare, division, ownBatch, packedShare } from "@lib/training/workers/share.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { smallCorpus } from "../../support/small_run.ts";

const short = { split: { train: 0.5, validation: 0.3 }, tokens: { maxTokens: 64 } };
const inBuckets = recipe("sound", "smoke", { ...short, training: { batchTokens: 448, buckets: [64] } });
const inRows = recipe("sound", "smoke", {
  ...short,
  training: { batchTokens: 512, buckets: [64], packing: "rows", rowLengths: [64, 128] },
});
const corpus = await smallCorpus(undefined, inBuckets);

/** The parts that each of some workers has of a training's first batch, and the batch. */
function parts(choices: typeof inBuckets, all: number) {
  const plan = trainingPlans(corpus, choices, "BERT-aug").next().value;
  const whole = trainingBatch(corpus, plan, choices, "BERT-aug");
  const divisions = Array.from({ length: all }, (_, own) => division(corpus, choices, true, { own, all })!);
  return { whole, own: divisions.map((division) => division.own(whole)) };
}

const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
const sorted = (rows: number[][]) => rows.map((row) => row.join()).sort();

/** Rows of tokens with the chosen tokens' places and labels in them. */
function chosenRows({ ids, rows, length, positions, labels, weights }: Batch): number[][] {
  const most = positions.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    const own = [...ids.subarray(row * length, (row + 1) * length)];
    for (let i = row * most; i < (row + 1) * most; i++) {
      own.push(positions[i] - row * length, labels[i], Math.sign(weights[i]));
    }
    return own;
  });
}

Deno.test("the workers' parts of a batch are all its rows, each once, with its chosen tokens and its second view", () => {
  for (const all of [2, 3, 7]) {
    const { whole, own } = parts(inBuckets, all) as { whole: Batch; own: Batch[] };
    assertEquals(whole.rows, 7);
    assertEquals(own.flatMap(chosenRows), chosenRows(whole));
    const seconds = ({ ids, rows, length }: Batch) => [...ids.subarray(rows * length)];
    assertEquals(own.flatMap(seconds), seconds(whole));
    assertEquals(own.flatMap(({ lengths, rows }) => lengths.slice(0, rows)), whole.lengths.slice(0, 7));
    assertEquals(own.flatMap(({ lengths, rows }) => lengths.slice(rows)), whole.lengths.slice(7));
    assertAlmostEquals(sum(own.map(({ weights }) => sum(weights))), 1, 1e-6); // parts of the sum
  }
});

/** Of each chosen token of a packed batch: the id that stands there, its place in its bar, its label, and whether it counts. */
function chosenTokens({ ids, places, labels, weights, blocks, pairs }: PackedBatch): number[][] {
  let label = 0;
  return blocks.flatMap(({ asked: [{ rows, count, positions }], width }) => {
    const chosen = count - (pairs ? width : 0);
    return Array.from({ length: rows * chosen }, (_, i) => {
      const at = positions[Math.floor(i / chosen) * count + i % chosen], own = label++;
      return [ids[at], places[at], labels[own], Math.sign(weights[own])];
    });
  });
}

/** The ids of each row of a packed batch with the marks of its tokens. */
const packedRows = ({ ids, blocks }: PackedBatch): number[][] => {
  let from = 0;
  return blocks.flatMap(({ rows, length, width, query, key }) =>
    Array.from({ length: rows }, (_, row) => {
      const marks = [query, key].flatMap((x) => [...x.subarray(row * length * width, (row + 1) * length * width)]);
      from += length;
      return [...ids.subarray(from - length, from), ...marks];
    })
  );
};

Deno.test("the workers' parts of a packed batch are all its rows, each once, also where one has none of a length", () => {
  let lacking = 0;
  for (const all of [2, 3, 4]) {
    const { whole, own } = parts(inRows, all) as { whole: PackedBatch; own: PackedBatch[] };
    assertEquals(sorted(own.flatMap(packedRows)), sorted(packedRows(whole)));
    assertEquals(sorted(own.flatMap(chosenTokens)), sorted(chosenTokens(whole)));
    assert(sum(whole.weights) > 10);
    assertAlmostEquals(sum(own.map(({ weights }) => sum(weights))), 1, 1e-6);
    for (const { pairs, blocks } of own) {
      assertEquals(pairs, whole.pairs); // they number the slots of all rows
      if (blocks.length < whole.blocks.length) lacking++;
    }
    const tokens = own.map(({ ids }) => ids.length);
    assert(Math.max(...tokens) - Math.min(...tokens) <= 2 * 128, `${tokens}`); // no more than a row of both views
  }
  assert(lacking > 0, "some worker has no row of a length");
});

Deno.test("a batch of fewer rows than workers is refused, with what to do", () => {
  assertThrows(
    () => bucketShare({ rows: 3, length: 64, most: 10, views: 1 }, { own: 0, all: 4 }),
    UserError,
    "4 workers: expected as many rows in a batch at least, found 3 of 64 tokens",
  );
  const shape = { blocks: [{ rows: 2, length: 512, slots: 8, chosen: 77 }], most: 16 };
  assertThrows(() => packedShare(shape, 2, { own: 1, all: 3 }), UserError, "training.batchTokens");
  assertEquals(division(corpus, inRows, false, { own: 0, all: 1 }), undefined);
});

Deno.test("what is asked for is counted over all workers' rows, in both views", () => {
  const share = bucketShare({ rows: 5, length: 64, most: 10, views: 2 }, { own: 1, all: 2 });
  const both = { whole: 10, ranges: [[3, 5], [8, 10]] };
  assertEquals(
    share,
    {
      blocks: [{ rows: both, length: 64, asked: [{ rows: both, count: 11 }] }],
      pairs: { whole: 5, ranges: [[3, 5]] },
    } as never,
  );
  const { whole } = parts(inBuckets, 2) as { whole: Batch };
  assertEquals(ownBatch(whole, bucketShare({ rows: 7, length: 64, most: 10, views: 2 }, { own: 1, all: 2 })).rows, 3);
});
