/**
 * Scaled dot-product attention of all heads, for all queries or for some, and its dropout masks.
 * @module
 */
import { cudnnAttention, fused, rawOp, rawOps, tf } from "./mod.ts";
import {
  add,
  batchMatMul,
  ints,
  lower,
  mul,
  type Precision,
  raise,
  reduce,
  reshape,
  sub,
  transpose,
  unary,
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

/** Each head takes an equal share of the width. `type` is the element type of the products; the softmax is float32. */
type AttentionShape = { batch: number; length: number; heads: number; type?: Precision };

/** N × parts·width, parts side by side → for each part batch × heads × tokens × size. */
function splitHeads(x: Tensor, parts: number, { batch, heads, type = "float32" }: AttentionShape): Tensor[] {
  const size = x.shape[1]! / parts / heads;
  const apart = transpose(reshape(lower(x, type), [batch, -1, parts, heads, size], type), [2, 0, 3, 1, 4], type);
  return parts === 1
    ? [reshape(apart, apart.shape.slice(1), type)]
    : rawOps("Unpack", { num: parts, T: type, axis: 0 }, [apart], parts);
}

/** The inverse of {@link splitHeads}, in float32. */
function joinHeads(parts: Tensor[], { batch, heads, type = "float32" }: AttentionShape): Tensor {
  const [, , tokens, size] = parts[0].shape as number[], count = parts.length;
  const all = count === 1
    ? transpose(parts[0], [0, 2, 1, 3], type)
    : transpose(rawOp("Pack", { N: count, T: type, axis: 0 }, parts), [1, 3, 0, 2, 4], type);
  return raise(reshape(all, [batch * tokens, count * heads * size], type), type);
}

/** The attention map softmax(q·kᵀ/√size + bias), and its product with v. */
function attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, dropout: Tensor | undefined, type: Precision) {
  const scale = 1 / Math.sqrt(q.shape[3]!);
  const scores = (z: Tensor, bias: Tensor) => [unary("Softmax", add(mul(raise(z, type), tf.scalar(scale)), bias))];
  const [map] = fused(`softmax ${scale}`, scores, batchMatMul(q, k, false, true, type), bias);
  const used = lower(dropout ? mul(map, dropout) : map, type);
  return { map, mixed: batchMatMul(used, v, false, false, type) };
}

/** The gradients of {@link attend} by q, k and v. */
function attendGradient(type: Precision, d: Tensor, q: Tensor, k: Tensor, v: Tensor, map: Tensor, dropout?: Tensor) {
  const scale = 1 / Math.sqrt(q.shape[3]!), used = lower(dropout ? mul(map, dropout) : map, type);
  const dUsed = batchMatMul(d, v, false, true, type);
  const gradient = (map: Tensor, dUsed: Tensor, dropout?: Tensor) => {
    const dMap = dropout ? mul(raise(dUsed, type), dropout) : raise(dUsed, type), weighted = mul(map, dMap);
    const dScores = sub(weighted, mul(map, reduce("Sum", weighted, [-1], true)));
    return [lower(mul(dScores, tf.scalar(scale)), type)];
  };
  const [dScores] = fused(`softmax_gradient ${scale}`, gradient, map, dUsed, ...(dropout ? [dropout] : []));
  return [
    batchMatMul(dScores, k, false, false, type),
    batchMatMul(dScores, q, true, false, type),
    batchMatMul(used, d, true, false, type),
  ];
}

/** Attention as one block; input i holds `parts[i]` of query, key and value side by side. */
function attentionBlock(inputs: Tensor[], parts: number[], bias: Tensor, shape: AttentionShape, dropout?: Tensor) {
  const { type = "float32" } = shape;
  return withGradient([...inputs, bias], (...all) => {
    const [q, k, v] = parts.flatMap((count, i) => splitHeads(all[i], count, shape));
    const { map, mixed } = attend(q, k, v, all.at(-1)!, dropout, type);
    return {
      value: joinHeads([mixed], shape),
      saved: [q, k, v, map, ...(dropout ? [dropout] : [])],
      gradient: (dy, q, k, v, map, dropout) => {
        const by = attendGradient(type, splitHeads(dy, 1, shape)[0], q, k, v, map, dropout);
        return [...parts.map((count) => joinHeads(by.splice(0, count), shape)), tf.zerosLike(bias)];
      },
    };
  });
}

/** Attention in bfloat16 without dropout by cuDNN, from queries, keys and values side by side. */
function cudnnBlock(qkv: Tensor, bias: Tensor, { batch, heads }: AttentionShape): Tensor {
  const type = "bfloat16", size = qkv.shape[1]! / 3 / heads, scale = { scale: { float: 1 / Math.sqrt(size) } };
  return withGradient([qkv, bias], (x, bias) => {
    const apart = reshape(lower(x, type), [batch, -1, 3, heads, size], type);
    const [q, k, v] = rawOps("Unpack", { num: 3, T: type, axis: 2 }, [apart], 3); // batch × tokens × heads × size
    const [mixed, statistics] = rawOps("CudnnAttention", scale, [q, k, v, bias], 2);
    return {
      value: raise(reshape(mixed, [x.shape[0], heads * size], type), type),
      saved: [q, k, v, bias, mixed, statistics],
      gradient: (dy, ...saved) => {
        const own = reshape(lower(dy, type), saved[0].shape, type);
        const by = rawOps("CudnnAttentionGradient", scale, [...saved, own], 3);
        const joined = rawOp("Pack", { N: 3, T: type, axis: 2 }, by);
        return [raise(reshape(joined, x.shape as number[], type), type), tf.zerosLike(bias)];
      },
    };
  });
}

/**
 * Scaled dot-product attention of all heads: softmax(q·kᵀ/√size + bias)·v.
 *
 * @param qkv N × 3·width: queries, keys and values side by side
 * @param bias batch × 1 × 1 × length, added to the logits (0, or very negative for pads); gets no gradient
 * @param dropout batch × heads × length × length from {@link dropoutMask}, for the attention map
 * @returns N × width, heads side by side
 */
export const attention = (qkv: Tensor, bias: Tensor, shape: AttentionShape, dropout?: Tensor): Tensor =>
  cudnnAttention && shape.type === "bfloat16" && !dropout
    ? cudnnBlock(qkv, bias, shape)
    : attentionBlock([qkv], [3], bias, shape, dropout);

/**
 * {@link attention} for some queries of each row: `query` and the result are (batch·queries) × width, keys and values
 * side by side N × 2·width, the dropout batch × heads × queries × length.
 */
export const attentionTo = (
  query: Tensor,
  keyValue: Tensor,
  bias: Tensor,
  shape: AttentionShape,
  dropout?: Tensor,
): Tensor => attentionBlock([query, keyValue], [1, 2], bias, shape, dropout);
