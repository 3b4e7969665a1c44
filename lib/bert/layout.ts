/**
 * How the tokens of a batch lie in rows: blocks of rows of one length, one bar a row or several.
 * @module
 */
import { type AttentionRows, type Marks, spreadMarks } from "../engine/attention.ts";
import { rawOp, tf } from "../engine/mod.ts";
import { gatherRows, ints, type Precision } from "../engine/ops.ts";
import type { Tensor } from "../engine/types.ts";
import { type Cut, joinedCuts, times } from "../engine/workers.ts";
import type { dropoutMasks } from "./dropout.ts";

/**
 * Rows of one length: `marks` say which tokens see each other, and `pads` (rows × length) that only pads at the rows'
 * ends are hidden; `asked`, for some rows after others r × K, int32, are the flat positions in the batch whose last
 * states are wanted.
 */
export type Block = Record<"rows" | "length", number> & { marks: Marks; pads?: Tensor; asked: Tensor[] };

/**
 * All blocks of a batch that several workers share, with the cut of this worker's rows; it lacks the blocks that it has
 * no row of. `asked` has the cut of the rows, and how many of each are asked for.
 */
type Shares = { rows: Cut; length: number; asked: { rows: Cut; count: number }[] }[];

/**
 * A batch: N `ids` (int32), and N `places` in their bars, left out where each row is one bar; rows block after block;
 * and `shares` where they are a worker's part of a batch.
 */
export type Layout = { ids: Tensor; places?: Tensor; blocks: Block[]; shares?: Shares };

/** The cuts of all tokens of a worker's part of a batch, and of all that is asked for; none without workers. */
export function tokenCuts(shares: Shares | undefined): { tokens?: Cut; asked?: Cut } {
  if (!shares) return {};
  return {
    tokens: joinedCuts(shares.map(({ rows, length }) => times(rows, length))),
    asked: joinedCuts(shares.flatMap(({ asked }) => asked.map(({ rows, count }) => times(rows, count)))),
  };
}

/** One block of rows of one bar each. @param bias batch × 1 × 1 × length: 0 at tokens, very negative at pads */
export function plainLayout(ids: Tensor, bias: Tensor, asked: Tensor[] = []): Layout {
  const [rows, length] = ids.shape as [number, number];
  const ones = rawOp("Fill", { T: "float32", index_type: "int32" }, [ints([rows, length, 1]), tf.scalar(1)]); // no constant
  const marks = { query: ones, key: bias.reshape([rows, length, 1]) };
  const block = { rows, length, marks, pads: bias.reshape([rows, length]), asked };
  return { ids: ids.reshape([rows * length]), blocks: [block] };
}

/** The states of what is asked for, in order: rows of N × width; gradients add up by row. */
export function askedStates(x: Tensor, blocks: readonly Block[]): Tensor {
  if (blocks.length === 1 && blocks[0].asked.length === 1) {
    const [{ rows, asked: [positions] }] = blocks;
    return gatherRows(x, positions.flatten(), rows);
  }
  let from = 0;
  const parts = blocks.flatMap(({ length, asked }) =>
    asked.map((positions) => {
      const [rows] = positions.shape, own = x.slice([from, 0], [rows * length, x.shape[1]!]);
      const inOwn = positions.flatten().sub(tf.scalar(from, "int32"));
      from += rows * length;
      return gatherRows(own, inOwn, rows);
    })
  );
  return tf.concat(parts);
}

/** Who attends to whom in all layers but the last, and in the last one, where only what is asked for attends. */
export function attentionRows(
  blocks: readonly Block[],
  heads: number,
  type: Precision | undefined,
  { inside, mask, skip }: Pick<ReturnType<typeof dropoutMasks>, "inside" | "mask" | "skip">,
  shares?: Shares,
): { whole(): AttentionRows[]; asked(): AttentionRows[] } {
  const drop = (rows: Omit<AttentionRows, "dropout">[], cuts?: Cut[]): AttentionRows[] => {
    if (!inside) return rows;
    const left = [...rows], all: (Cut | undefined)[] = cuts ?? rows.map(() => undefined);
    return all.flatMap((cut) => {
      if (cut?.ranges.length === 0) return skip() ?? []; // other workers' alone
      const own = left.shift()!;
      return { ...own, dropout: mask([own.rows, heads, own.queries, own.keys], cut) };
    });
  };
  const whole = blocks.map(({ rows, length, marks, pads }) => {
    return { rows, queries: length, keys: length, marks: spreadMarks(marks, { heads, type }), pads };
  });
  let from = 0; // the block's first token
  const asked = blocks.flatMap(({ rows, length, marks, asked }) => {
    const n = marks.query.shape[2]!, begin = from;
    let row = 0;
    from += rows * length;
    return asked.map((positions) => {
      const [count, queries] = positions.shape as [number, number];
      const inBlock = begin === 0 ? positions : positions.sub(tf.scalar(begin, "int32"));
      const query = gatherRows(marks.query.reshape([rows * length, n]), inBlock.flatten()).reshape([count, queries, n]);
      const key = count === rows ? marks.key : marks.key.slice([row, 0, 0], [count, length, n]);
      row += count;
      return { rows: count, queries, keys: length, marks: spreadMarks({ query, key }, { heads, type }) };
    });
  });
  return {
    whole: () => drop(whole, shares?.map(({ rows }) => rows)),
    asked: () => drop(asked, shares?.flatMap(({ asked }) => asked.map(({ rows }) => rows))),
  };
}
