/**
 * The tensors of a packed batch, made from its plan, and read again in a trace.
 * @module
 */
import { stream } from "../../base/random.ts";
import { compares, type ModelName } from "../../bert/variants.ts";
import type { Block, Layout } from "../../bert/layout.ts";
import type { Corpus } from "../../corpus/store.ts";
import { tf } from "../../engine/mod.ts";
import { gatherRows } from "../../engine/ops.ts";
import { type Cut, gatherRowsOfWorkers, joinedCuts } from "../../engine/workers.ts";
import type { Tensor } from "../../engine/types.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { pad } from "../../tokens/vocabulary.ts";
import { viewsOf } from "../views.ts";
import type { PackedPlan, Place } from "./plans.ts";

/** Added to the scores of a token of another bar: below any score, exact in bfloat16, and finite. */
const HIDDEN = -(2 ** 30);

/**
 * The block's rows, first views before second ones: `query` and `key` are their marks (rows × length × `width`), `asked`
 * the flat positions of chosen tokens and bars' first tokens of the first views (rows × chosen, or with bars), and of
 * bars' first tokens of the second views (rows × slots).
 */
type PackedBlock = Record<"rows" | "length" | "width", number> & Record<"query" | "key", Float32Array> & {
  asked: { rows: number; count: number; positions: Int32Array }[];
};

/**
 * A packed batch as plain arrays: `ids` and `places` (positions in bars) of all tokens; `labels` and `weights` of the
 * chosen tokens, 0 where a row has fewer. Of two views, `firsts` and `seconds` are the bars' numbers among all slots of
 * all rows, and `present` is 1 for each bar, 0 where there are fewer.
 */
export type PackedBatch = Record<"ids" | "places" | "labels", Int32Array> & { weights: Float32Array } & {
  blocks: PackedBlock[];
  pairs?: Record<"firsts" | "seconds", Int32Array> & { present: Float32Array };
};

/** The batch of a plan, with the masks and views of its bars' epochs. */
export function packedBatch(corpus: Corpus, plan: PackedPlan, recipe: Recipe, model: ModelName): PackedBatch {
  const paired = compares(model), views = paired ? 2 : 1, { blocks: shapes, most } = plan.shape;
  const sum = (of: (shape: typeof shapes[number]) => number) => shapes.reduce((total, shape) => total + of(shape), 0);
  const tokens = views * sum(({ rows, length }) => rows * length), labels = sum(({ rows, chosen }) => rows * chosen);
  const batch = {
    ids: new Int32Array(tokens).fill(pad),
    places: new Int32Array(tokens),
    labels: new Int32Array(labels),
    weights: new Float32Array(labels),
    blocks: [] as PackedBlock[],
  };
  const pairs = { firsts: new Int32Array(most), seconds: new Int32Array(most), present: new Float32Array(most) };
  const starts: Record<"token" | "label" | "slot", number>[] = []; // of each block
  let token = 0, label = 0, slot = 0;
  for (const { rows, length, slots, chosen } of shapes) {
    const all = views * rows, count = chosen + (paired ? slots : 0);
    const query = new Float32Array(all * length * slots).fill(slots === 1 ? 1 : 0);
    const key = new Float32Array(all * length * slots).fill(slots === 1 ? HIDDEN : 1); // pads, which nothing sees
    const grid = (first: number, count: number) => {
      const positions = new Int32Array(rows * count);
      for (let row = 0; row < rows; row++) {
        positions.fill(token + (first + row) * length, row * count, (row + 1) * count);
      }
      return { rows, count, positions };
    };
    const asked = [grid(0, count), ...(paired ? [grid(rows, slots)] : [])];
    starts.push({ token, label, slot });
    batch.blocks.push({ rows: all, length, width: slots, query, key, asked });
    token += all * length, label += rows * chosen, slot += rows * slots;
  }
  /** Writes a view; returns the position of its first token. */
  const write = ({ block, row: inHalf, slot, column }: Place, ids: Uint16Array, half: number): number => {
    const { rows, length, slots } = shapes[block], row = half * rows + inHalf, { query, key } = batch.blocks[block];
    const from = starts[block].token + row * length + column;
    batch.ids.set(ids, from);
    for (let i = 0; i < ids.length; i++) {
      const mark = (row * length + column + i) * slots;
      batch.places[from + i] = i;
      if (slots === 1) key[mark] = 0;
      else {
        query.fill(HIDDEN, mark, mark + slots), key.fill(0, mark, mark + slots);
        query[mark + slot] = 0, key[mark + slot] = 1;
      }
    }
    return from;
  };
  plan.places.forEach(({ first, second }, i) => {
    const draw = (purpose: string) => stream(recipe.seed, purpose, plan.epochs[i], plan.bars[i]);
    const own = viewsOf(corpus, plan.bars[i], plan.partners[i], recipe, model, draw);
    const { asked } = batch.blocks[first.block], { chosen } = shapes[first.block], start = starts[first.block];
    const from = write(first, own.masked.ids, 0);
    own.masked.positions.forEach((position, k) => {
      const at = start.label + first.row * chosen + first.chosen + k;
      asked[0].positions[first.row * asked[0].count + first.chosen + k] = from + position;
      batch.labels[at] = own.masked.labels[k], batch.weights[at] = 1;
    });
    if (!paired) return;
    const theirs = batch.blocks[second.block].asked[1];
    asked[0].positions[first.row * asked[0].count + chosen + first.slot] = from;
    theirs.positions[second.row * theirs.count + second.slot] = write(second, own.second, 1);
    const slotOf = ({ block, row, slot }: Place) => starts[block].slot + row * shapes[block].slots + slot;
    pairs.firsts[i] = slotOf(first), pairs.seconds[i] = slotOf(second);
    pairs.present[i] = 1;
  });
  return paired ? { ...batch, pairs } : batch;
}

/** A packed batch on the device; {@link readPacked} takes it apart again. */
export function packedTensors({ ids, places, labels, weights, pairs, blocks }: PackedBatch): Tensor[] {
  const int = (values: Int32Array) => tf.tensor1d(values, "int32");
  return [
    ...[int(ids), int(places), int(labels), tf.tensor1d(weights)],
    ...(pairs ? [int(pairs.firsts), int(pairs.seconds), tf.tensor1d(pairs.present)] : []),
    ...blocks.flatMap(({ rows, length, width, query, key, asked }) => [
      tf.tensor3d(query, [rows, length, width]),
      tf.tensor3d(key, [rows, length, width]),
      ...asked.map(({ rows, count, positions }) => tf.tensor2d(positions, [rows, count], "int32")),
    ]),
  ];
}

/** Rows whose last states are asked for, and how many of each: the cut of the rows. */
type AskedShare = { rows: Cut; count: number };

/**
 * A worker's part of a batch. `blocks` are all blocks of the whole batch, also those that it has no row of: the cut of
 * their rows, first views before second ones, and of what is asked for. `pairs` is the cut of what both views' states
 * are gathered from: rows of the first views, or their slots.
 */
export type BatchShare = { blocks: { rows: Cut; length: number; asked: AskedShare[] }[]; pairs: Cut };

/**
 * What a batch of one or two views holds, on the device. `take` cuts the last states that its layout asks for: those of
 * the chosen tokens, and of the bars' first tokens in both views, N × width each; `present` is 0 where there is no bar.
 */
export type BatchParts = { layout: Layout; labels: Tensor; weights: Tensor } & {
  take(last: Tensor): { chosen: Tensor; pair?: Record<"first" | "second", Tensor> & { present?: Tensor } };
};

/** The states of both views of all workers' rows, from this worker's; themselves without workers. */
export function pairOfWorkers(first: Tensor, second: Tensor, share?: BatchShare): [first: Tensor, second: Tensor] {
  if (!share) return [first, second];
  const { pairs } = share, all = gatherRowsOfWorkers(tf.concat([first, second]), joinedCuts([pairs, pairs]));
  const half = (from: number) => all.slice([from, 0], [pairs.whole, all.shape[1]!]);
  return [half(0), half(pairs.whole)];
}

/**
 * The parts of {@link packedTensors}; `paired` if there are second views. Of a worker's `share` the pair's states are of
 * all workers' rows.
 */
export function readPacked(tensors: readonly Tensor[], paired: boolean, share?: BatchShare): BatchParts {
  const [ids, places, labels, weights, ...rest] = tensors, blocks: Block[] = [];
  const [firsts, seconds, present] = paired ? rest.splice(0, 3) : [];
  while (rest.length > 0) {
    const [query, key, ...asked] = rest.splice(0, paired ? 4 : 3), [rows, length] = query.shape as [number, number];
    blocks.push({ rows, length, marks: { query, key }, asked });
  }
  const take = (last: Tensor) => {
    if (!paired) return { chosen: last };
    const width = last.shape[1]!,
      parts: Record<"chosen" | "first" | "second", Tensor[]> = {
        ...{ chosen: [], first: [], second: [] },
      };
    let from = 0;
    for (const { asked: [first, second] } of blocks) {
      const [rows, count] = first.shape as [number, number], slots = second.shape[1]!, chosen = count - slots;
      const apart = last.slice([from, 0], [rows * count, width]).reshape([rows, count, width]);
      parts.chosen.push(apart.slice([0, 0, 0], [rows, chosen, width]).reshape([rows * chosen, width]));
      parts.first.push(apart.slice([0, chosen, 0], [rows, slots, width]).reshape([rows * slots, width]));
      parts.second.push(last.slice([from + rows * count, 0], [rows * slots, width]));
      from += rows * (count + slots);
    }
    const [one, other] = pairOfWorkers(tf.concat(parts.first), tf.concat(parts.second), share);
    const [first, second] = [gatherRows(one, firsts), gatherRows(other, seconds)];
    return { chosen: tf.concat(parts.chosen), pair: { first, second, present } };
  };
  return { layout: { ids, places, blocks, shares: share?.blocks }, labels, weights, take };
}
