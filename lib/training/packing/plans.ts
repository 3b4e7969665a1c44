/**
 * Bars of unlike lengths in rows together (Krell et al. 2021, arXiv 2107.02027): every batch of a training has the same
 * shape, so that its step is traced and compiled once.
 * @module
 */
import { shuffle, stream } from "../../base/random.ts";
import { UserError } from "../../base/user_error.ts";
import { type ModelName, variants } from "../../bert/variants.ts";
import type { Corpus } from "../../corpus/store.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { roundHalfEven } from "../../tokens/beats.ts";
import { neighborOf } from "../views.ts";

/** Rows of one length with at most so many bars (`slots`) and chosen tokens each. */
export type RowShape = Record<"rows" | "length" | "slots" | "chosen", number>;

/** The shape of all batches of a training: its rows by ascending length, and the most bars of a batch. */
export type PackShape = { blocks: RowShape[]; most: number };

/** Where a bar lies: the block, the row in it, the bar's number in the row, its first column, its first chosen token. */
export type Place = Record<"block" | "row" | "slot" | "column" | "chosen", number>;

/**
 * A packed batch: its bars, each with the epoch that it comes from, BERT-neighbor's partner (else the bar itself), and
 * the places of its first and second view. `epoch` is the least of them, `length` the longest row's.
 */
export type PackedPlan = { length: number; epoch: number; bars: number[]; partners: number[]; shape: PackShape } & {
  epochs: number[];
  places: { first: Place; second: Place }[];
};

/** Bars of a row: more would cost each query and key a number a bar, and few rows have room for them. */
const MOST_SLOTS = 8;

/** Batches whose bars wait for a place at a time: the more, the fuller the rows. */
const WAITING = 4;

/** Bars by which the numbers of rows are chosen. */
const SAMPLED = 4096;

/** Tokens of a bar that are chosen to be guessed, at most. */
const chosenOf = (length: number, { masking }: Recipe): number => roundHalfEven(masking.rate * length);

/** The rows of a length: their bars have at least 32 tokens, or there are fewer. */
const rowShape = (length: number, rows: number, recipe: Recipe): RowShape => (
  { rows, length, slots: Math.max(1, Math.min(MOST_SLOTS, length >> 5)), chosen: chosenOf(length, recipe) }
);

/** Rows that are being filled. */
function openRows(shapes: readonly RowShape[], recipe: Recipe) {
  const rows = shapes.flatMap((shape, block) =>
    Array.from({ length: shape.rows }, (_, row) => ({ shape, block, row, slot: 0, column: 0, chosen: 0 }))
  );
  return {
    rows,
    /** The row that a bar of so many tokens fills best; undefined if none has room. */
    find(length: number) {
      const wanted = chosenOf(length, recipe);
      let best: typeof rows[number] | undefined, least = Infinity;
      for (const row of rows) {
        const left = row.shape.length - row.column - length;
        if (left < 0 || left >= least || row.slot >= row.shape.slots) continue;
        if (row.chosen + wanted > row.shape.chosen) continue;
        best = row, least = left;
      }
      return best;
    },
    /** Lays a bar into a row. */
    lay(row: typeof rows[number], length: number): Place {
      const { block, row: number, slot, column, chosen } = row;
      row.slot++, row.column += length, row.chosen += chosenOf(length, recipe);
      return { block, row: number, slot, column, chosen };
    },
  };
}

const tokensOf = (rows: readonly number[], lengths: readonly number[]): number =>
  rows.reduce((sum, count, i) => sum + count * lengths[i], 0);

/**
 * How many rows of each length a batch has, in proportion to `counts`, with at most so many tokens. Rows of a length and
 * above are rounded up together, so that no long bars are left over in the long run; short ones fit into long rows.
 */
function rowCounts(counts: readonly number[], lengths: readonly number[], tokens: number): number[] {
  for (let share = tokens / tokensOf(counts, lengths);; share *= 0.99) {
    let wanted = 0, given = 0;
    const rows = counts.toReversed().map((count) => {
      wanted += count * share;
      const own = Math.max(0, Math.ceil(wanted - 1e-9) - given);
      given += own;
      return own;
    }).reverse();
    rows[rows.length - 1] = Math.max(1, rows.at(-1)!);
    if (tokensOf(rows, lengths) <= tokens || share < 1e-9) return rows;
  }
}

/**
 * The shape of a training's batches: rows of the recipe's lengths (`training.rowLengths`) in proportion to those that its
 * bars fill, longest bars first, and with about `training.batchTokens` tokens.
 */
export function packShape(corpus: Corpus, recipe: Recipe): PackShape {
  const { rowLengths, batchTokens } = recipe.training, bars = corpus.barsOf("train");
  const every = Math.ceil(bars.length / SAMPLED);
  const lengths = Array.from(bars.filter((_, i) => i % every === 0), (bar) => corpus.tokens(bar).length);
  const filled = openRows([], recipe), counts = rowLengths.map(() => 0);
  for (const length of lengths.sort((a, b) => b - a)) {
    let row = filled.find(length);
    if (!row) {
      const block = Math.max(0, rowLengths.findIndex((row) => row >= length));
      counts[block]++;
      row = { shape: rowShape(rowLengths[block], 1, recipe), block, row: 0, slot: 0, column: 0, chosen: 0 };
      filled.rows.push(row);
    }
    filled.lay(row, length);
  }
  const rows = rowCounts(counts, rowLengths, batchTokens);
  const blocks = rowLengths.map((length, i) => rowShape(length, rows[i], recipe)).filter(({ rows }) => rows > 0);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  const slots = blocks.reduce((sum, { rows, slots }) => sum + rows * slots, 0);
  return { blocks, most: Math.max(2, Math.min(slots, Math.ceil(1.25 * tokensOf(rows, rowLengths) / mean))) };
}

/** The training bars, shuffled anew in each epoch, without end. */
function* orderedBars(corpus: Corpus, recipe: Recipe, model: ModelName): Generator<Waiting, never> {
  const bars = corpus.barsOf("train"), neighbors = variants[model].view === "neighbor";
  for (let epoch = 0;; epoch++) {
    for (const bar of shuffle(bars, stream(recipe.seed, "order", epoch))) {
      const partner = neighbors ? neighborOf(corpus, bar, recipe, stream(recipe.seed, "neighbor", epoch, bar)) : bar;
      yield { bar, partner, epoch };
    }
  }
}

type Waiting = Record<"bar" | "partner" | "epoch", number>;

/**
 * The packed batches of a training run, in order, without end: each epoch visits every training bar once. Bars wait in
 * order for a place, the longest waiting first; each goes into the row that it fills best, its second view too.
 */
export function* packedPlans(corpus: Corpus, recipe: Recipe, model: ModelName): Generator<PackedPlan, never> {
  const { length: count } = corpus.barsOf("train"), shape = packShape(corpus, recipe);
  if (count < 2) throw new UserError(`Training needs at least 2 bars, found ${count}: add songs.`);
  const bars = orderedBars(corpus, recipe, model), most = Math.min(count, WAITING * shape.most);
  const sizeOf = (bar: number) => corpus.tokens(bar).length, length = shape.blocks.at(-1)!.length;
  let waiting: Waiting[] = [];
  for (;;) {
    while (waiting.length < most) waiting.push(bars.next().value);
    const firsts = openRows(shape.blocks, recipe), seconds = openRows(shape.blocks, recipe), taken = new Set<number>();
    const plan: PackedPlan = { length, epoch: 0, shape, bars: [], partners: [], epochs: [], places: [] };
    waiting = waiting.filter((one) => {
      const { bar, partner, epoch } = one, sizes = [sizeOf(bar), sizeOf(partner)];
      if (taken.size === shape.most || taken.has(bar)) return true;
      const first = firsts.find(sizes[0]), second = first && seconds.find(sizes[1]);
      if (!second) return true;
      plan.bars.push(bar), plan.partners.push(partner), plan.epochs.push(epoch), taken.add(bar);
      plan.places.push({ first: firsts.lay(first, sizes[0]), second: seconds.lay(second, sizes[1]) });
      return false;
    });
    yield { ...plan, epoch: Math.min(...plan.epochs) };
  }
}
