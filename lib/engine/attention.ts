/**
 * Scaled dot-product attention of all heads, for all queries or for some, and its dropout masks.
 *
 * Attention maps are the largest tensors of a step at narrow widths, so that each pass over them counts. The caller
 * scales the queries, masks go into the product that makes the scores, and the gradient's sums over a map's rows are
 * taken from the mix (Σ map·dMap = Σ mix·dMix; Dao et al. 2022). Maps have the products' element type.
 * @module
 */
import { fused, onLibraryCpu, rawOp, rawOps, tf } from "./mod.ts";
import {
  batchMatMul,
  int,
  ints,
  lower,
  mul,
  type Precision,
  raise,
  reduce,
  reshape,
  sub,
  transpose,
  withGradient,
} from "./ops.ts";
import { sharedBlocks } from "./replicas.ts";
import type { Tensor } from "./types.ts";

/** A mask that zeroes a share `rate` of the entries and scales the rest by 1/(1−rate), as the seed's two int32 say. */
export function dropoutMask(shape: number[], rate: number, seed: Tensor): Tensor {
  return tf.tidy(() => {
    const blocks = sharedBlocks(),
      types = { dtype: "float32", T: "int32", Tseed: "int32", ...(blocks > 0 ? { blocks } : {}) };
    const uniform = rawOp("StatelessRandomUniform", types, [ints(shape), seed]);
    const kept = rawOp("Cast", { SrcT: "bool", DstT: "float32", Truncate: false }, [
      rawOp("GreaterEqual", { T: "float32" }, [uniform, tf.scalar(rate)]),
    ]);
    return mul(kept, tf.scalar(1 / (1 - rate)));
  });
}

/**
 * Which keys of its row a query sees: `query` is rows × queries × n, `key` rows × keys × n. Their product is added to
 * the scores: 0 for a key that is seen, very negative for one that is not.
 */
export type Marks = Record<"query" | "key", Tensor>;

/**
 * Rows of a batch that attend alike: each has `queries` tokens that ask and `keys` that answer, its own. Where nothing
 * but pads at the rows' ends is hidden, `pads` has their very negative numbers (rows × keys, float32); `dropout` is
 * rows × heads × queries × keys from {@link dropoutMask}.
 */
export type AttentionRows =
  & Record<"rows" | "queries" | "keys", number>
  & { marks: Marks; pads?: Tensor; dropout?: Tensor };

/** Each head takes an equal share of the width; `type` is the element type of products and maps, by default float32. */
type Heads = { heads: number; type?: Precision };

/** Tensors one behind the other along an axis. */
const join = (parts: Tensor[], axis: number, type: Precision): Tensor =>
  parts.length === 1 ? parts[0] : rawOp("ConcatV2", { N: parts.length, T: type, Tidx: "int32" }, [...parts, int(axis)]);

/** The inverse of {@link join} along the first axis. */
const splitRows = (x: Tensor, sizes: number[], type: Precision): Tensor[] =>
  sizes.length === 1
    ? [x]
    : rawOps("SplitV", { num_split: sizes.length, T: type, Tlen: "int32" }, [x, ints(sizes), int(0)], sizes.length);

/**
 * Marks as {@link attention} takes them, for each head, in its element type: rows × heads × tokens × n. They are made
 * once for all layers.
 */
export function spreadMarks({ query, key }: Marks, { heads, type = "float32" }: Heads): Marks {
  const spread = (marks: Tensor) => {
    const [rows, tokens, n] = marks.shape as [number, number, number];
    return join(Array<Tensor>(heads).fill(reshape(lower(marks, type), [rows, 1, tokens, n], type)), 1, type);
  };
  return { query: spread(query), key: spread(key) };
}

/** N × parts·width, parts side by side → for each part rows × heads × tokens × size. */
function splitHeads(x: Tensor, parts: number, rows: number, heads: number, type: Precision): Tensor[] {
  const size = x.shape[1]! / parts / heads;
  if (parts * heads === 1) return [reshape(x, [rows, 1, -1, size], type)]; // in this order already
  const apart = transpose(reshape(x, [rows, -1, parts, heads, size], type), [2, 0, 3, 1, 4], type);
  return parts === 1
    ? [reshape(apart, apart.shape.slice(1), type)]
    : rawOps("Unpack", { num: parts, T: type, axis: 0 }, [apart], parts);
}

/** The inverse of {@link splitHeads}. */
function joinHeads(parts: Tensor[], type: Precision): Tensor {
  const [rows, heads, tokens, size] = parts[0].shape as number[], count = parts.length;
  if (count * heads === 1) return reshape(parts[0], [rows * tokens, size], type);
  const all = count === 1
    ? transpose(parts[0], [0, 2, 1, 3], type)
    : transpose(rawOp("Pack", { N: count, T: type, axis: 0 }, parts), [1, 3, 0, 2, 4], type);
  return reshape(all, [rows * tokens, count * heads * size], type);
}

/** A map with its dropout, if it has one. */
const dropped = (map: Tensor, dropout: Tensor | undefined, type: Precision): Tensor =>
  dropout ? fused("drop", (map, mask) => [lower(mul(raise(map, type), mask), type)], map, dropout)[0] : map;

/** The attention map softmax(q·kᵀ) of the keys that are seen, and its product with v. */
function attend([q, k, v]: Tensor[], { marks, dropout }: AttentionRows, type: Precision): [map: Tensor, mix: Tensor] {
  const scores = batchMatMul(join([q, marks.query], 3, type), join([k, marks.key], 3, type), false, true, type);
  const map = rawOp("Softmax", { T: type }, [scores]);
  return [map, batchMatMul(dropped(map, dropout, type), v, false, false, type)];
}

/** The gradients of {@link attend} by q, k and v. */
function attendGradient(d: Tensor, [q, k, v, map, mix, dropout]: Tensor[], type: Precision): Tensor[] {
  const dUsed = batchMatMul(d, v, false, true, type);
  const size = mix.shape.at(-1)!, flat = (x: Tensor) => reshape(x, [-1, size], type); // one shape for many lengths
  const [sums] = fused(
    "attention_sums",
    (d, mix) => [reduce("Sum", mul(raise(d, type), raise(mix, type)), [-1], true)],
    ...[flat(d), flat(mix)],
  );
  const along = reshape(sums, [...mix.shape.slice(0, -1), 1]);
  const gradient = (map: Tensor, dUsed: Tensor, along: Tensor, dropout?: Tensor) => {
    const dMap = dropout ? mul(raise(dUsed, type), dropout) : raise(dUsed, type);
    return [lower(mul(raise(map, type), sub(dMap, along)), type)];
  };
  const [dScores] = fused("softmax_gradient", gradient, map, dUsed, along, ...(dropout ? [dropout] : []));
  return [
    batchMatMul(dScores, k, false, false, type),
    batchMatMul(dScores, q, true, false, type),
    batchMatMul(dropped(map, dropout, type), d, true, false, type),
  ];
}

/**
 * Whether each head's queries, keys and values are best computed as products of their own: their rows are then in order,
 * and nothing is transposed. Of libtensorflow's steps on two cores (AVX-512) that saved 3% at width 64 with one head and
 * 4% at 128 with two in float32, where bfloat16 lost 3%; three heads gained nothing. Heads that share a dropout mask stay
 * together.
 */
export const headsApart = ({ heads, type = "float32" }: Heads, drops: boolean): boolean =>
  onLibraryCpu && (heads === 1 || heads === 2 && type === "float32" && !drops);

/**
 * Dot-product attention of all heads: softmax(q·kᵀ)·v over the keys that a query sees.
 *
 * @param inputs queries, divided by √size, of all `rows` one after another, and their keys and values: N × 3·width side
 * by side where each row's queries and keys are as many, or queries (Σ rows·queries) × width with keys and values side by
 * side (Σ rows·keys) × 2·width, or each on its own
 * @param rows those of equal lengths together, with marks from {@link spreadMarks}
 * @returns (Σ rows·queries) × width, heads side by side
 */
export function attention(inputs: Tensor[], rows: AttentionRows[], { heads, type = "float32" }: Heads): Tensor {
  const parts = [[3], [1, 2], [1, 1, 1]][inputs.length - 1];
  const queries = rows.map((own) => own.rows * own.queries), keys = rows.map((own) => own.rows * own.keys);
  return withGradient(inputs, (...inputs) => {
    const cut = inputs.map((x, i) => splitRows(lower(x, type), i === 0 ? queries : keys, type));
    const saved: Tensor[][] = [],
      mixed = rows.map((own, at) => {
        const qkv = parts.flatMap((count, i) => splitHeads(cut[i][at], count, own.rows, heads, type));
        const [map, mix] = attend(qkv, own, type);
        saved.push([...qkv, map, mix, ...(own.dropout ? [own.dropout] : [])]);
        return joinHeads([mix], type);
      });
    return {
      value: raise(join(mixed, 0, type), type),
      saved: saved.flat(),
      gradient: (dy, ...tensors) => {
        const by: Tensor[][] = inputs.map(() => []);
        splitRows(lower(dy, type), queries, type).forEach((d, at) => {
          const own = tensors.splice(0, saved[at].length);
          const gradients = attendGradient(splitHeads(d, 1, rows[at].rows, heads, type)[0], own, type);
          parts.forEach((count, i) => by[i].push(joinHeads(gradients.splice(0, count), type)));
        });
        return by.map((all) => raise(join(all, 0, type), type));
      },
    };
  });
}
