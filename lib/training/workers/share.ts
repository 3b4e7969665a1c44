/**
 * Which rows of a batch each worker has, and its own part of a batch.
 *
 * Every worker makes the whole batch from its plan, which costs little, and computes its rows of it. In both views of a
 * variant it has the same rows.
 * @module
 */
import { UserError } from "../../base/user_error.ts";
import { type Cut, joinedCuts, ownRange, times, worker, workers } from "../../engine/workers.ts";
import { dealRows } from "../../bert/branches.ts";
import type { Corpus } from "../../corpus/store.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { roundHalfEven } from "../../tokens/beats.ts";
import { type Batch, rowsOf } from "../batches.ts";
import type { BatchTensors } from "../objectives.ts";
import type { BatchShare, PackedBatch } from "../packing/batch.ts";
import { type PackShape, packShape } from "../packing/plans.ts";

/** This worker and all. */
type Place = { own: number; all: number };
const here: Place = { own: worker, all: workers };

/** A cut of rows of `views` views one after another. */
const inViews = (rows: Cut, views: number): Cut => joinedCuts(Array<Cut>(views).fill(rows));

function tooFew(rows: number, of: string, all: number): UserError {
  return new UserError(
    `${all} workers: expected as many rows in a batch at least, found ${rows} of ${of} tokens. Take fewer workers, or ` +
      "raise training.batchTokens.",
  );
}

/** The share of a batch of one bar a row: `rows` first views of `length` tokens, `most` chosen tokens of each. */
export function bucketShare(
  { rows, length, most, views }: Record<"rows" | "length" | "most" | "views", number>,
  { own, all }: Place = here,
): BatchShare {
  if (rows < all) throw tooFew(rows, String(length), all);
  const pairs = { whole: rows, ranges: [ownRange(rows, own, all)] }, both = inViews(pairs, views);
  return { blocks: [{ rows: both, length, asked: [{ rows: both, count: views === 1 ? most : most + 1 }] }], pairs };
}

/** The share of a packed batch. */
export function packedShare(shape: PackShape, views: number, { own, all }: Place = here): BatchShare {
  const counts = dealRows(shape.blocks, all);
  const idle = counts[0].some((_, i) => counts.every((rows) => rows[i] === 0));
  if (idle) {
    throw tooFew(
      shape.blocks.reduce((sum, { rows }) => sum + rows, 0),
      shape.blocks.map((b) => b.length).join(", "),
      all,
    );
  }
  const cuts = shape.blocks.map(({ rows }, block): Cut => {
    const from = counts[block].slice(0, own).reduce((sum, count) => sum + count, 0), to = from + counts[block][own];
    return { whole: rows, ranges: from === to ? [] : [[from, to]] };
  });
  return {
    blocks: shape.blocks.map(({ length, slots, chosen }, block) => ({
      rows: inViews(cuts[block], views),
      length,
      asked: views === 1
        ? [{ rows: cuts[block], count: chosen }]
        : [{ rows: cuts[block], count: chosen + slots }, { rows: cuts[block], count: slots }],
    })),
    pairs: joinedCuts(cuts.map((cut, block) => times(cut, shape.blocks[block].slots))),
  };
}

/** The elements of a cut. */
function pick<A extends Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(values: A, { ranges }: Cut): A {
  const own = new (values.constructor as new (size: number) => A)(
    ranges.reduce((sum, [from, to]) => sum + to - from, 0),
  );
  let end = 0;
  for (const [from, to] of ranges) {
    own.set(values.subarray(from, to), end);
    end += to - from;
  }
  return own;
}

/** Weights as parts of their sum over the whole batch, so that what workers add up is its mean. */
const partsOfSum = (weights: Float32Array, all: Float32Array): Float32Array<ArrayBuffer> => {
  const sum = all.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(weights, (weight) => weight / sum);
};

/** This worker's part of a batch of one bar a row; its weights are parts of the whole batch's sum. */
export function ownBatch(batch: Batch, { blocks: [{ rows, length }], pairs }: BatchShare): Batch {
  const [[from, to]] = pairs.ranges, most = batch.positions.length / batch.rows, chosen = times(pairs, most);
  return {
    rows: to - from,
    length,
    ids: pick(batch.ids as Int32Array<ArrayBuffer>, times(rows, length)),
    lengths: rows.ranges.flatMap(([from, to]) => batch.lengths.slice(from, to)),
    positions: pick(batch.positions as Int32Array<ArrayBuffer>, chosen).map((position) => position - from * length),
    labels: pick(batch.labels as Int32Array<ArrayBuffer>, chosen),
    weights: partsOfSum(pick(batch.weights as Float32Array<ArrayBuffer>, chosen), batch.weights),
  };
}

/** As {@link ownBatch}, of a packed batch; its pairs stay numbers among the slots of the whole batch. */
export function ownPacked(batch: PackedBatch, share: BatchShare): PackedBatch {
  const tokens = joinedCuts(share.blocks.map(({ rows, length }) => times(rows, length)));
  const views = share.blocks[0].asked.length;
  const places = new Int32Array(tokens.whole).fill(-1); // of the whole batch's tokens in this worker's
  let next = 0;
  for (const [from, to] of tokens.ranges) for (let token = from; token < to; token++) places[token] = next++;
  const chosen = joinedCuts(share.blocks.map(({ rows, asked: [{ rows: firsts }] }, block) => {
    const { count } = batch.blocks[block].asked[0], slots = views === 1 ? 0 : batch.blocks[block].width;
    return times({ whole: rows.whole / views, ranges: firsts.ranges }, count - slots);
  }));
  const blocks = batch.blocks.flatMap((block, i) => {
    const { rows, length, asked } = share.blocks[i], marks = times(rows, length * block.width);
    if (rows.ranges.length === 0) return [];
    return [{
      ...block,
      rows: rows.ranges.reduce((sum, [from, to]) => sum + to - from, 0),
      query: pick(block.query as Float32Array<ArrayBuffer>, marks),
      key: pick(block.key as Float32Array<ArrayBuffer>, marks),
      asked: block.asked.map(({ count, positions }, view) => {
        const cut = asked[view].rows, [[from, to]] = cut.ranges;
        const own = pick(positions as Int32Array<ArrayBuffer>, times(cut, count)).map((position) => places[position]);
        return { rows: to - from, count, positions: own };
      }),
    }];
  });
  return {
    ...batch,
    ids: pick(batch.ids as Int32Array<ArrayBuffer>, tokens),
    places: pick(batch.places as Int32Array<ArrayBuffer>, tokens),
    labels: pick(batch.labels as Int32Array<ArrayBuffer>, chosen),
    weights: partsOfSum(pick(batch.weights as Float32Array<ArrayBuffer>, chosen), batch.weights),
    blocks,
  };
}

/** How the batches of a training are shared out. */
export type Division = {
  /** This worker's part of a batch. */
  own(batch: Batch | PackedBatch): Batch | PackedBatch;
  /** The share that such a part is, by the shapes of its tensors. */
  shareOf(tensors: BatchTensors): BatchShare;
};

/**
 * The division of a training's batches, with second views if they are `paired`, among all workers; undefined where this
 * process trains alone.
 *
 * @throws {UserError} if a batch has fewer rows than there are workers; a bucket's at its first batch
 */
export function division(corpus: Corpus, recipe: Recipe, paired: boolean, place = here): Division | undefined {
  if (place.all === 1) return undefined;
  const { training, masking } = recipe, views = paired ? 2 : 1;
  const packed = training.packing === "rows" ? packedShare(packShape(corpus, recipe), views, place) : undefined;
  const bucket = (length: number) => {
    const rows = rowsOf(length, training), most = roundHalfEven(masking.rate * length);
    return bucketShare({ rows, length, most, views }, place);
  };
  return {
    own: (batch) => "blocks" in batch ? ownPacked(batch, packed!) : ownBatch(batch, bucket(batch.length)),
    shareOf: ([ids]) => ids.shape.length === 1 ? packed! : bucket(ids.shape[1]!),
  };
}
