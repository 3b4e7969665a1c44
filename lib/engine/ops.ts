/**
 * The encoder's operations as blocks of raw ops with gradients of their own.
 *
 * Each could be written with TensorFlow.js' public functions; these use fewer and cheaper ops, read no value (so
 * they can be traced), and keep for the backward pass only what it needs. Rows are tokens: N = batch × length.
 * @module
 */
import { rawOp, rawOps, type Tensor, tf } from "./mod.ts";

type Save = (tensors: Tensor[]) => void;
type CustomGradient = (...args: never[]) => { value: Tensor; gradFunc: (dy: Tensor, saved: Tensor[]) => Tensor[] };

/** `tf.customGrad` without its typing's limits: `forward` gets the inputs and `save`. */
const withGradient = (forward: CustomGradient, ...inputs: Tensor[]): Tensor =>
  (tf.customGrad(forward as never) as (...xs: Tensor[]) => Tensor)(...inputs);

const unary = (name: string, x: Tensor) => rawOp(name, { T: "float32" }, [x]);
const binary = (name: string, a: Tensor, b: Tensor) => rawOp(name, { T: "float32" }, [a, b]);
const mul = (a: Tensor, b: Tensor) => binary("Mul", a, b);
const add = (a: Tensor, b: Tensor) => binary("AddV2", a, b);
const sub = (a: Tensor, b: Tensor) => binary("Sub", a, b);
const ints = (values: number[]) => tf.tensor1d(values, "int32");
const reduce = (name: "Sum" | "Mean", x: Tensor, axes: number[], keep: boolean) =>
  rawOp(name, { T: "float32", Tidx: "int32", keep_dims: keep }, [x, ints(axes)]);
const matMul = (a: Tensor, b: Tensor, transposeA = false, transposeB = false) =>
  rawOp("MatMul", { T: "float32", transpose_a: transposeA, transpose_b: transposeB }, [a, b]);
const batchMatMul = (a: Tensor, b: Tensor, transposeA = false, transposeB = false) =>
  rawOp("BatchMatMulV2", { T: "float32", adj_x: transposeA, adj_y: transposeB }, [a, b]);
const columnSum = (x: Tensor) => rawOp("BiasAddGrad", { T: "float32" }, [x]);
const transpose = (x: Tensor, order: number[]) =>
  rawOp("Transpose", { T: "float32", Tperm: "int32" }, [x, ints(order)]);
const reshape = (x: Tensor, shape: number[]) => rawOp("Reshape", { T: "float32", Tshape: "int32" }, [x, ints(shape)]);

/**
 * Rows of a table by index, without reading the indices.
 *
 * @param table rows × width
 * @param indices N, int32, each in 0…rows−1
 * @returns N × width
 */
export function gatherRows(table: Tensor, indices: Tensor): Tensor {
  return withGradient(
    (x: Tensor, i: Tensor, save: Save) => {
      save([i]);
      const value = rawOp(
        "GatherV2",
        { batch_dims: 0, Tparams: "float32", Tindices: "int32", Taxis: "int32" },
        [x, i, tf.scalar(0, "int32")],
      );
      const gradFunc = (dy: Tensor, [i]: Tensor[]) => [
        rawOp(
          "UnsortedSegmentSum",
          { T: "float32", Tindices: "int32", Tnumsegments: "int32" },
          [dy, i, tf.scalar(table.shape[0], "int32")],
        ),
        tf.zerosLike(i),
      ];
      return { value, gradFunc };
    },
    table,
    indices,
  );
}

/**
 * x·Wᵀ + b, with the weight as PyTorch keeps it.
 *
 * @param x N × in
 * @param weight out × in
 * @param bias out
 * @returns N × out
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return withGradient(
    (x: Tensor, w: Tensor, b: Tensor, save: Save) => {
      save([x, w]);
      const value = rawOp("BiasAdd", { T: "float32" }, [matMul(x, w, false, true), b]);
      return { value, gradFunc: (dy: Tensor, [x, w]: Tensor[]) => [matMul(dy, w), matMul(dy, x, true), columnSum(dy)] };
    },
    x,
    weight,
    bias,
  );
}

/**
 * LayerNorm over the last axis: (x − mean)/√(var + ε)·γ + β, population variance.
 *
 * @param x N × width
 * @param gamma width
 * @param beta width
 */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  return withGradient(
    (x: Tensor, g: Tensor, b: Tensor, save: Save) => {
      const centred = sub(x, reduce("Mean", x, [-1], true));
      const variance = reduce("Mean", unary("Square", centred), [-1], true);
      const inverse = unary("Rsqrt", add(variance, tf.scalar(epsilon)));
      const normal = mul(centred, inverse);
      save([normal, inverse, g]);
      const gradFunc = (dy: Tensor, [normal, inverse, g]: Tensor[]) => {
        const scaled = mul(dy, g);
        const along = reduce("Mean", mul(scaled, normal), [-1], true);
        const dx = mul(sub(sub(scaled, reduce("Mean", scaled, [-1], true)), mul(normal, along)), inverse);
        return [dx, columnSum(mul(dy, normal)), columnSum(dy)];
      };
      return { value: add(mul(normal, g), b), gradFunc };
    },
    x,
    gamma,
    beta,
  );
}

/** GELU with the error function: x·Φ(x). */
export function gelu(x: Tensor): Tensor {
  return withGradient((x: Tensor, save: Save) => {
    const phi = mul(add(unary("Erf", mul(x, tf.scalar(Math.SQRT1_2))), tf.scalar(1)), tf.scalar(0.5));
    save([x, phi]);
    const gradFunc = (dy: Tensor, [x, phi]: Tensor[]) => {
      const density = mul(
        unary("Exp", mul(unary("Square", x), tf.scalar(-0.5))),
        tf.scalar(1 / Math.sqrt(2 * Math.PI)),
      );
      return [mul(dy, add(phi, mul(x, density)))];
    };
    return { value: mul(x, phi), gradFunc };
  }, x);
}

/**
 * A mask that zeroes a share `rate` of the entries and scales the rest by 1/(1−rate).
 *
 * @param seed two int32 that fix the draw; in a trace they are inputs
 */
export function dropoutMask(shape: number[], rate: number, seed: Tensor): Tensor {
  return tf.tidy(() => {
    const uniform = rawOp("StatelessRandomUniform", { dtype: "float32", T: "int32", Tseed: "int32" }, [
      ints(shape),
      seed,
    ]);
    const kept = rawOp("Cast", { SrcT: "bool", DstT: "float32", Truncate: false }, [
      rawOp("GreaterEqual", { T: "float32" }, [uniform, tf.scalar(rate)]),
    ]);
    return mul(kept, tf.scalar(1 / (1 - rate)));
  });
}

/** Shape of an attention. */
export interface AttentionShape {
  batch: number;
  length: number;
  heads: number;
}

/**
 * Scaled dot-product attention of all heads: softmax(q·kᵀ/√d + bias)·v.
 *
 * @param qkv N × 3·width: queries, keys and values beside each other
 * @param bias batch × 1 × 1 × length, added to the logits (0, or very negative for pads); gets no gradient
 * @param dropout batch × heads × length × length from {@link dropoutMask}, for the attention map
 * @returns N × width, heads beside each other
 */
export function attention(
  qkv: Tensor,
  bias: Tensor,
  { batch, length, heads }: AttentionShape,
  dropout?: Tensor,
): Tensor {
  const rows = batch * length, width = qkv.shape[1]! / 3, size = width / heads;
  return withGradient(
    (qkv: Tensor, bias: Tensor, save: Save) => {
      const parts = transpose(reshape(qkv, [batch, length, 3, heads, size]), [2, 0, 3, 1, 4]);
      const [query, key, value] = rawOps("Unpack", { num: 3, T: "float32", axis: 0 }, [parts], 3);
      const q = mul(query, tf.scalar(1 / Math.sqrt(size)));
      const map = unary("Softmax", add(batchMatMul(q, key, false, true), bias)); // batch × heads × length × length
      const dropped = dropout ? mul(map, dropout) : map;
      const mixed = batchMatMul(dropped, value); // batch × heads × length × size
      save(dropout ? [q, key, value, map, dropout] : [q, key, value, map]);
      const gradFunc = (dy: Tensor, [q, key, value, map, dropout]: Tensor[]) => {
        const dMixed = transpose(reshape(dy, [batch, length, heads, size]), [0, 2, 1, 3]);
        const dValue = batchMatMul(dropout ? mul(map, dropout) : map, dMixed, true, false);
        const dDropped = batchMatMul(dMixed, value, false, true);
        const dMap = dropout ? mul(dDropped, dropout) : dDropped;
        const weighted = mul(map, dMap);
        const dLogits = sub(weighted, mul(map, reduce("Sum", weighted, [-1], true)));
        const dQuery = mul(batchMatMul(dLogits, key), tf.scalar(1 / Math.sqrt(size)));
        const dKey = batchMatMul(dLogits, q, true, false);
        const all = rawOp("Pack", { N: 3, T: "float32", axis: 0 }, [dQuery, dKey, dValue]);
        return [reshape(transpose(all, [1, 3, 0, 2, 4]), [rows, 3 * width]), tf.zerosLike(bias)];
      };
      return { value: reshape(transpose(mixed, [0, 2, 1, 3]), [rows, width]), gradFunc };
    },
    qkv,
    bias,
  );
}

/**
 * {@link attention} for one query a row: what the first tokens attend to. It has no gradient; for evaluation.
 *
 * @param query batch × width
 * @param keyValue N × 2·width: keys and values beside each other
 * @returns batch × width
 */
export function attentionOfOne(
  query: Tensor,
  keyValue: Tensor,
  bias: Tensor,
  { batch, length, heads }: AttentionShape,
): Tensor {
  const width = query.shape[1]!, size = width / heads;
  const parts = transpose(reshape(keyValue, [batch, length, 2, heads, size]), [2, 0, 3, 1, 4]);
  const [key, value] = rawOps("Unpack", { num: 2, T: "float32", axis: 0 }, [parts], 2);
  const q = mul(reshape(query, [batch, heads, 1, size]), tf.scalar(1 / Math.sqrt(size)));
  const map = unary("Softmax", add(batchMatMul(q, key, false, true), bias)); // batch × heads × 1 × length
  return reshape(batchMatMul(map, value), [batch, width]);
}

/**
 * Cross-entropy of each row's logits with its label.
 *
 * @param logits N × classes
 * @param labels N, int32
 * @returns N, in nats
 */
export function crossEntropy(logits: Tensor, labels: Tensor): Tensor {
  return withGradient(
    (x: Tensor, labels: Tensor, save: Save) => {
      const [value, gradient] = rawOps(
        "SparseSoftmaxCrossEntropyWithLogits",
        { T: "float32", Tlabels: "int32" },
        [x, labels],
        2,
      );
      save([gradient, labels]);
      const gradFunc = (dy: Tensor, [gradient, labels]: Tensor[]) => [
        mul(gradient, reshape(dy, [labels.shape[0], 1])),
        tf.zerosLike(labels),
      ];
      return { value, gradFunc };
    },
    logits,
    labels,
  );
}

/**
 * A flat vector cut into tensors.
 *
 * @param flat all elements
 * @param shapes of the parts, in order; their sizes add up to the vector's
 */
export function splitFlat(flat: Tensor, shapes: number[][]): Tensor[] {
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const parts = rawOps("SplitV", { num_split: sizes.length, T: "float32", Tlen: "int32" }, [
    flat,
    ints(sizes),
    tf.scalar(0, "int32"),
  ], sizes.length);
  return parts.map((part, i) => reshape(part, shapes[i]));
}

/** Tensors one after another as a flat vector. */
export function joinFlat(tensors: Tensor[]): Tensor {
  const flat = tensors.map((tensor) => reshape(tensor, [tensor.size]));
  return rawOp("ConcatV2", { N: flat.length, T: "float32", Tidx: "int32" }, [...flat, tf.scalar(0, "int32")]);
}
