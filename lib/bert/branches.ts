/**
 * A batch in branches: parts of its rows that are computed side by side, each op of them on one thread.
 *
 * At narrow widths most ops are too small to gain by a second thread, and what XLA compiles runs on one. Two branches keep
 * two cores busy all the time (lib/README.md, Speed).
 * @module
 */
import { tf } from "../engine/mod.ts";
import type { Tensor } from "../engine/types.ts";
import { type Cut, within } from "../engine/workers.ts";
import type { Block, Layout } from "./layout.ts";

/** How many rows of each block each of `all` gets: the longest rows first, each to who has the fewest tokens so far. */
export function dealRows(blocks: readonly { rows: number; length: number }[], all: number): number[][] {
  const tokens = new Array<number>(all).fill(0), rows = blocks.map(() => new Array<number>(all).fill(0));
  const order = blocks.map((_, i) => i).sort((a, b) => blocks[b].length - blocks[a].length);
  for (const block of order) {
    for (let row = 0; row < blocks[block].rows; row++) {
      const least = tokens.indexOf(Math.min(...tokens));
      tokens[least] += blocks[block].length;
      rows[block][least]++;
    }
  }
  return rows;
}

/** Rows of a block that are asked alike: from its row `from`; their first token in the batch; the asked places of each. */
type Unit = Record<"block" | "from" | "rows" | "length" | "token" | "count", number> & { asked?: Tensor };

/** The units of a batch, in order. */
function unitsOf({ blocks }: Layout): Unit[] {
  let token = 0;
  return blocks.flatMap(({ rows, length, asked }, block) => {
    let from = 0;
    const parts: (Tensor | undefined)[] = asked.length > 0 ? asked : [undefined];
    return parts.map((own) => {
      const [count, K] = own ? own.shape as [number, number] : [rows, 0];
      const unit = { block, from, rows: count, length, token, count: K, ...(own && { asked: own }) };
      from += count, token += count * length;
      return unit;
    });
  });
}

/** A branch's rows of a unit, from the unit's row `first`. */
type Piece = { unit: Unit; first: number; rows: number };

const rowsOf = (x: Tensor, from: number, count: number): Tensor =>
  from === 0 && count === x.shape[0] ? x : x.slice([from], [count]);

/** Tensors one behind the other along an axis; a single one as it is. */
export const joined = (parts: Tensor[], axis = 0): Tensor => parts.length === 1 ? parts[0] : tf.concat(parts, axis);

/** The cuts of a branch's rows, and of what is asked for, among those of the batch (or of all workers' batch). */
function sharesOf(layout: Layout, pieces: readonly Piece[]): NonNullable<Layout["shares"]> {
  const whole = (rows: number): Cut => ({ whole: rows, ranges: [[0, rows]] });
  const all = layout.shares ?? layout.blocks.map(({ rows, length, asked }) => ({
    ...{ rows: whole(rows), length },
    asked: asked.map(({ shape }) => ({ rows: whole(shape[0]), count: shape[1]! })),
  }));
  let next = 0;
  return all.map(({ rows, length, asked }) => {
    const block = rows.ranges.length === 0 ? -1 : next++, own = pieces.filter(({ unit }) => unit.block === block);
    return {
      rows: within(rows, own.map(({ unit, first, rows }) => [unit.from + first, unit.from + first + rows])),
      length,
      asked: asked.map(({ rows, count }, part) => {
        const alike = own.filter(({ unit }) => unit.asked === layout.blocks[block].asked[part]);
        return { rows: within(rows, alike.map(({ first, rows }) => [first, first + rows])), count };
      }),
    };
  });
}

/** A branch as a batch of its own. */
function layoutOf(layout: Layout, pieces: readonly Piece[]): Layout {
  const { ids, places, blocks } = layout;
  const tokens = (x: Tensor) =>
    joined(pieces.map(({ unit, first, rows }) => rowsOf(x, unit.token + first * unit.length, rows * unit.length)));
  let token = 0; // of the branch
  const own = blocks.flatMap(({ length, marks, pads }, block): Block[] => {
    const some = pieces.filter(({ unit }) => unit.block === block);
    if (some.length === 0) return [];
    const cut = (x: Tensor) => joined(some.map(({ unit, first, rows }) => rowsOf(x, unit.from + first, rows)));
    const asked = some.flatMap(({ unit, first, rows }) => {
      const moved = unit.token + first * length - token;
      token += rows * length;
      if (!unit.asked) return [];
      const positions = rowsOf(unit.asked, first, rows);
      return [moved === 0 ? positions : positions.sub(tf.scalar(moved, "int32"))];
    });
    return [{
      rows: some.reduce((sum, { rows }) => sum + rows, 0),
      length,
      marks: { query: cut(marks.query), key: cut(marks.key) },
      ...(pads && { pads: cut(pads) }),
      asked,
    }];
  });
  return { ids: tokens(ids), ...(places && { places: tokens(places) }), blocks: own, shares: sharesOf(layout, pieces) };
}

/**
 * A batch's rows dealt to so many branches, at most as many as there are rows.
 *
 * @returns a batch for each branch, and `join`, which puts the branches' rows of tokens, or of what is asked for, into the
 * order that the whole batch has
 */
export function branchesOf(
  layout: Layout,
  count: number,
): { layouts: Layout[]; join(parts: readonly Tensor[], asked: boolean): Tensor } {
  const units = unitsOf(layout), most = Math.min(count, units.reduce((sum, { rows }) => sum + rows, 0));
  const dealt = dealRows(units, most);
  const branches = Array.from({ length: most }, (_, branch) =>
    units.flatMap((unit, i): Piece[] => {
      const first = dealt[i].slice(0, branch).reduce((sum, rows) => sum + rows, 0), rows = dealt[i][branch];
      return rows === 0 ? [] : [{ unit, first, rows }];
    }));
  return {
    layouts: branches.map((pieces) => layoutOf(layout, pieces)),
    join(parts, asked) {
      const taken = new Array<number>(most).fill(0), each = ({ length, count }: Unit) => asked ? count : length;
      return joined(units.flatMap((unit) =>
        branches.flatMap((pieces, branch) => {
          const piece = pieces.find((own) => own.unit === unit), from = taken[branch];
          if (!piece) return [];
          const size = piece.rows * each(unit);
          taken[branch] += size;
          return [rowsOf(parts[branch], from, size)];
        })
      ));
    },
  };
}
