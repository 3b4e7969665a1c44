/**
 * TensorFlow's ops in StableHLO, by their names. Inputs, attributes and results are those of TensorFlow's op definitions
 * (https://www.tensorflow.org/api_docs/python/tf/raw_ops); where an op has no single operation, a comment says by which it
 * is made. Shapes, axes and orders must be constants.
 * @module
 */
import { TensorFlowError } from "../types.ts";
import { elementType } from "./element_types.ts";
import { philoxUniform } from "./philox.ts";
import {
  axisOf,
  broadcastShape,
  type Comparison,
  isFloat,
  type Reducer,
  sizeOf,
  tensorType,
  typeOf,
  type Value,
  type Writer,
} from "./writer.ts";

/** The value of an op's attribute; undefined if it is not given. */
export type Attributes = (name: string) => unknown;

type Op = (h: Writer, inputs: Value[], attribute: Attributes) => Value | Value[];

const unary = (name: string): Op => (h, [x]) => h.unary(name, x);
const binary = (name: string): Op => (h, [a, b]) => h.binary(name, a, b);
const compare = (how: Comparison): Op => (h, [a, b]) => h.compare(how, a, b);
const filled = (value: number): Op => (h, [x]) => h.splat(value, x.shape, x.type);

/** The axes of a reduction, from its second input. */
const axesOf = (h: Writer, x: Value, axes: Value) => h.ints(axes).map((axis) => axisOf(axis, x.shape.length));

/** `value` of a reduction, with the reduced axes in place as length 1 if the call keeps them. */
const kept = (h: Writer, x: Value, value: Value, axes: number[], attribute: Attributes) =>
  attribute("keep_dims") === true ? h.reshape(value, x.shape.map((n, i) => axes.includes(i) ? 1 : n)) : value;

const reduction = (by: Reducer, first: number): Op => (h, [x, list], attribute) => {
  const axes = axesOf(h, x, list);
  return kept(h, x, h.reduce(by, x, axes, first), axes, attribute);
};

/** A reduction along the last axis, and its result repeated along it. */
function along(h: Writer, by: Reducer, x: Value, first: number): [Value, (like: Value) => Value] {
  const value = h.reduce(by, x, [x.shape.length - 1], first);
  return [value, (like) => h.broadcastInDim(value, like.shape, value.shape.map((_, i) => i))];
}

/** exp(x − the row's largest) and their sum: no row overflows. */
function exponentials(h: Writer, x: Value) {
  const [, largest] = along(h, "maximum", x, -Infinity), shifted = h.binary("subtract", x, largest(x));
  const exps = h.unary("exponential", shifted), [sum, sums] = along(h, "add", exps, 0);
  return { shifted, exps, sum, shares: () => h.binary("divide", exps, sums(x)) };
}

/** The first place of the largest or smallest: the least place of those where it stands. */
const argument = (by: "maximum" | "minimum"): Op => (h, [x, list], attribute) => {
  const axis = axisOf(h.ints(list)[0], x.shape.length), most = by === "maximum" ? -Infinity : Infinity;
  const best = h.reduce(by, x, [axis], most), type = elementType(attribute("output_type") as number);
  const others = best.shape.map((_, i) => i < axis ? i : i + 1);
  const there = h.compare("EQ", x, h.broadcastInDim(best, x.shape, others));
  const places = h.select(there, h.iota(x.shape, axis, type), h.splat(x.shape[axis] - 1, [], type));
  return h.reduce("minimum", places, [axis], Infinity);
};

/** A product of matrices: axes before the last two are a stack's, and broadcast. */
function product(h: Writer, a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  const [rank, other] = [a.shape.length, b.shape.length];
  if (rank < 2 || other < 2) throw new TensorFlowError("expected matrices");
  if (a.shape.at(transposeA ? -2 : -1) !== b.shape.at(transposeB ? -1 : -2)) {
    throw new TensorFlowError(
      `the sizes to sum over are ${a.shape.at(transposeA ? -2 : -1)} and ${b.shape.at(transposeB ? -1 : -2)}`,
    );
  }
  if (rank === 2 && other === 2 && a.shape[0] === 1 && !transposeA && !transposeB && h.number(a) === 1) {
    return h.reshape(h.reduce("add", b, [0], 0), [1, b.shape[1]]); // a row of ones: sums of columns
  }
  const stack = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), n = stack.length;
  const [left, right] = [a, b].map((x) => h.broadcast(x, [...stack, ...x.shape.slice(-2)]));
  return h.dot(left, right, [transposeA ? n : n + 1, transposeB ? n + 1 : n], n);
}

const flagged = (transposeA: string, transposeB: string): Op => (h, [a, b], attribute) =>
  product(h, a, b, attribute(transposeA) === true, attribute(transposeB) === true);

/** A reshape's shape, with −1 for what is left. */
function completed(shape: number[], size: number): number[] {
  const left = size / shape.filter((n) => n !== -1).reduce((a, b) => a * b, 1);
  if (!Number.isInteger(left)) throw new TensorFlowError(`expected ${size} elements, found the shape [${shape}]`);
  return shape.map((n) => n === -1 ? left : n);
}

/** x cut along an axis. */
function cut(h: Writer, x: Value, sizes: number[], axis: number): Value[] {
  let from = 0;
  return sizes.map((size) => {
    const begin = x.shape.map((_, i) => i === axis ? from : 0);
    from += size;
    return h.slice(x, begin, x.shape.toSpliced(axis, 1, size));
  });
}

/** Where a table's rows are at least this many, sums by segment scatter; a product with ones and zeros is quicker below. */
const SCATTERED = 2048;

/** Sums of the rows that share a number (−1 and numbers past the end belong to none). */
function segmentSum(h: Writer, data: Value, ids: Value, segments: number): Value {
  const rows = sizeOf(ids.shape), row = data.shape.slice(ids.shape.length), width = sizeOf(row);
  const x = h.reshape(data, [rows, width]), flat = h.reshape(ids, [rows]), shape = [segments, ...row];
  if (segments < SCATTERED && isFloat(x.type)) {
    const column = h.broadcastInDim(flat, [rows, segments], [0]);
    const isIt = h.compare("EQ", column, h.iota([rows, segments], 1, ids.type));
    return h.reshape(h.dot(h.convert(isIt, x.type), x, [0, 0]), shape);
  }
  const zeros = h.splat(0, [segments, width], x.type), one = `tensor<${x.type}>`;
  const [table, updates] = [`tensor<${segments}x${width}x${x.type}>`, `tensor<${rows}x${width}x${x.type}>`];
  const sums = h.emit(
    `"stablehlo.scatter"(${zeros.name}, ${h.reshape(flat, [rows, 1]).name}, ${x.name}) ` +
      "<{indices_are_sorted = false, unique_indices = false, scatter_dimension_numbers = #stablehlo.scatter<" +
      "update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> " +
      `({ ^bb0(%a: ${one}, %b: ${one}):\n%sum = stablehlo.add %a, %b : ${one}\nstablehlo.return %sum : ${one}\n}) : ` +
      `(${table}, tensor<${rows}x1x${ids.type}>, ${updates}) -> ${table}`,
    [segments, width],
    x.type,
  );
  return h.reshape(sums, shape);
}

/** Slices of a table along an axis by their numbers. */
function gather(h: Writer, x: Value, indices: Value, axis: number): Value {
  const flat = h.reshape(indices, [sizeOf(indices.shape), 1]), count = flat.shape[0], rank = x.shape.length;
  const shape = x.shape.toSpliced(axis, 1, count), window = x.shape.toSpliced(axis, 1, 1);
  const offsets = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
  const types = `(tensor<${[...x.shape, x.type].join("x")}>, tensor<${count}x1x${indices.type}>) -> tensor<${
    [...shape, x.type].join("x")
  }>`;
  const found = h.emit(
    `"stablehlo.gather"(${x.name}, ${flat.name}) <{dimension_numbers = #stablehlo.gather<offset_dims = [${offsets}], ` +
      `collapsed_slice_dims = [${axis}], start_index_map = [${axis}], index_vector_dim = 1>, ` +
      `slice_sizes = array<i64: ${window}>, indices_are_sorted = false}> : ${types}`,
    shape,
    x.type,
  );
  return h.reshape(found, x.shape.toSpliced(axis, 1, ...indices.shape));
}

/** The lower triangle of a stack of matrices, zeros above it. */
function lowerTriangle(h: Writer, x: Value): Value {
  const n = x.shape.length, [row, column] = [n - 2, n - 1].map((axis) => h.iota(x.shape, axis, "i32"));
  return h.select(h.compare("GE", row, column), x, h.splat(0, [], x.type));
}

const ops: Record<string, Op> = {
  Abs: unary("abs"),
  Add: binary("add"),
  AddN: (h, inputs) => inputs.reduce((a, b) => h.binary("add", a, b)),
  AddV2: binary("add"),
  /** Not TensorFlow's: all replicas' inputs one after another. */
  AllGather: (h, [x]) => h.allGather(x),
  All: reduction("and", 1),
  Any: reduction("or", 0),
  ArgMax: argument("maximum"),
  ArgMin: argument("minimum"),
  BatchMatMulV2: flagged("adj_x", "adj_y"),
  BiasAdd: binary("add"),
  Cast: (h, [x], attribute) => {
    const type = elementType(attribute("DstT") as number);
    return type === "i1" ? h.compare("NE", x, h.splat(0, [], x.type)) : h.convert(x, type);
  },
  Ceil: unary("ceil"),
  Cholesky: (h, [x]) =>
    lowerTriangle(h, h.emit(`stablehlo.cholesky ${x.name}, lower = true : ${typeOf(x)}`, x.shape, x.type)),
  ConcatV2: (h, inputs) => {
    const values = inputs.slice(0, -1);
    return h.concatenate(values, axisOf(h.ints(inputs.at(-1)!)[0], values[0].shape.length));
  },
  Cos: unary("cosine"),
  /** TensorFlow's for TPUs: the sum over all replicas. */
  CrossReplicaSum: (h, [x]) => h.allSum(x),
  Div: binary("divide"),
  Equal: compare("EQ"),
  Erf: (h, [x]) => h.emit(`chlo.erf ${x.name} : ${typeOf(x)} -> ${typeOf(x)}`, x.shape, x.type),
  Exp: unary("exponential"),
  ExpandDims: (h, [x, axis]) => h.reshape(x, x.shape.toSpliced(axisOf(h.ints(axis)[0], x.shape.length + 1), 0, 1)),
  Expm1: unary("exponential_minus_one"),
  Fill: (h, [shape, value]) => h.broadcast(value, h.ints(shape)),
  Floor: unary("floor"),
  GatherV2: (h, [x, indices, axis], attribute) => {
    if (attribute("batch_dims")) throw new TensorFlowError("batch_dims is 0 here");
    return gather(h, x, indices, axisOf(h.ints(axis)[0], x.shape.length));
  },
  Greater: compare("GT"),
  GreaterEqual: compare("GE"),
  Identity: (_, [x]) => x,
  IsFinite: (h, [x]) =>
    h.emit(`stablehlo.is_finite ${x.name} : (${typeOf(x)}) -> ${tensorType(x.shape, "i1")}`, x.shape, "i1"),
  IsNan: (h, [x]) => h.compare("NE", x, x),
  L2Loss: (h, [x]) =>
    h.withNumber("multiply", h.reduce("add", h.binary("multiply", x, x), x.shape.map((_, i) => i), 0), 0.5),
  Less: compare("LT"),
  LessEqual: compare("LE"),
  Log: unary("log"),
  Log1p: unary("log_plus_one"),
  LogicalAnd: binary("and"),
  LogicalNot: unary("not"),
  LogicalOr: binary("or"),
  MatMul: flagged("transpose_a", "transpose_b"),
  MatrixTriangularSolve: (h, [factor, right], attribute) => {
    const stack = broadcastShape(factor.shape.slice(0, -2), right.shape.slice(0, -2));
    const [a, b] = [factor, right].map((x) => h.broadcast(x, [...stack, ...x.shape.slice(-2)]));
    const which = attribute("adjoint") === true ? "TRANSPOSE" : "NO_TRANSPOSE";
    const how = `left_side = true, lower = ${attribute("lower") !== false}, unit_diagonal = false`;
    const types = `(${typeOf(a)}, ${typeOf(b)}) -> ${typeOf(b)}`;
    const operation =
      `"stablehlo.triangular_solve"(${a.name}, ${b.name}) <{${how}, transpose_a = #stablehlo<transpose ${which}>}>`;
    return h.emit(`${operation} : ${types}`, b.shape, b.type);
  },
  Max: reduction("maximum", -Infinity),
  Maximum: binary("maximum"),
  Mean: (h, [x, list], attribute) => {
    const axes = axesOf(h, x, list), count = sizeOf(axes.map((axis) => x.shape[axis]));
    return kept(h, x, h.withNumber("divide", h.reduce("add", x, axes, 0), count), axes, attribute);
  },
  Min: reduction("minimum", Infinity),
  Minimum: binary("minimum"),
  Mul: binary("multiply"),
  Neg: unary("negate"),
  NotEqual: compare("NE"),
  OneHot: (h, [indices, depth, on, off], attribute) => {
    const [size] = h.ints(depth),
      rank = indices.shape.length,
      axis = axisOf((attribute("axis") as number) ?? -1, rank + 1);
    const shape = indices.shape.toSpliced(axis, 0, size), others = indices.shape.map((_, i) => i < axis ? i : i + 1);
    const isIt = h.compare("EQ", h.broadcastInDim(indices, shape, others), h.iota(shape, axis, indices.type));
    return h.select(isIt, on, off);
  },
  OnesLike: filled(1),
  Pack: (h, inputs, attribute) => {
    const axis = axisOf((attribute("axis") as number) ?? 0, inputs[0].shape.length + 1);
    return h.concatenate(inputs.map((x) => h.reshape(x, x.shape.toSpliced(axis, 0, 1))), axis);
  },
  PadV2: (h, [x, widths, value]) => {
    const all = h.ints(widths);
    return h.pad(x, value, all.filter((_, i) => i % 2 === 0), all.filter((_, i) => i % 2 === 1));
  },
  Pow: binary("power"),
  Prod: reduction("multiply", 1),
  Range: (h, [start, limit, delta]) => {
    const [from, to, by] = [start, limit, delta].map((x) => h.number(x));
    if (from === undefined || to === undefined || by === undefined) throw new TensorFlowError("expected constants");
    const steps = h.iota([Math.max(0, Math.ceil((to - from) / by))], 0, start.type);
    return h.binary("add", h.binary("multiply", steps, delta), start);
  },
  RealDiv: binary("divide"),
  Reciprocal: (h, [x]) => h.binary("divide", h.splat(1, [], x.type), x),
  Relu: (h, [x]) => h.withNumber("maximum", x, 0),
  Reshape: (h, [x, shape]) => h.reshape(x, completed(h.ints(shape), sizeOf(x.shape))),
  ReverseV2: (h, [x, axes]) =>
    h.emit(`stablehlo.reverse ${x.name}, dims = [${axesOf(h, x, axes)}] : ${typeOf(x)}`, x.shape, x.type),
  Round: unary("round_nearest_even"),
  Rsqrt: unary("rsqrt"),
  Select: (h, [condition, a, b]) =>
    h.select(condition.shape.length === 1 ? h.broadcastInDim(condition, a.shape, [0]) : condition, a, b),
  SelectV2: (h, [condition, a, b]) => h.select(condition, a, b),
  Sigmoid: unary("logistic"),
  Sign: unary("sign"),
  Sin: unary("sine"),
  Slice: (h, [x, begin, size]) => {
    const from = h.ints(begin);
    return h.slice(x, from, h.ints(size).map((n, i) => n === -1 ? x.shape[i] - from[i] : n));
  },
  Softmax: (h, [x]) => exponentials(h, x).shares(),
  /** Two outputs: log Σ exp(x) − x[label], and softmax(x) less the label's one-hot row. */
  SparseSoftmaxCrossEntropyWithLogits: (h, [x, labels]) => {
    const { shifted, sum, shares } = exponentials(h, x);
    const isIt = h.compare("EQ", h.iota(x.shape, 1, labels.type), h.broadcastInDim(labels, x.shape, [0]));
    const [own] = along(h, "add", h.select(isIt, shifted, h.splat(0, [], x.type)), 0);
    return [h.binary("subtract", h.unary("log", sum), own), h.binary("subtract", shares(), h.convert(isIt, x.type))];
  },
  SparseMatMul: flagged("transpose_a", "transpose_b"),
  Split: (h, [axis, x], attribute) => {
    const along = axisOf(h.ints(axis)[0], x.shape.length), parts = attribute("num_split") as number;
    return cut(h, x, Array(parts).fill(x.shape[along] / parts), along);
  },
  SplitV: (h, [x, sizes, axis]) => {
    const along = axisOf(h.ints(axis)[0], x.shape.length), given = h.ints(sizes);
    const left = x.shape[along] - given.filter((n) => n !== -1).reduce((a, b) => a + b, 0);
    return cut(h, x, given.map((n) => n === -1 ? left : n), along);
  },
  Sqrt: unary("sqrt"),
  Square: (h, [x]) => h.binary("multiply", x, x),
  SquaredDifference: (h, [a, b]) => {
    const d = h.binary("subtract", a, b);
    return h.binary("multiply", d, d);
  },
  /** With an attribute `blocks`, this replica's part of what one device draws for all; see philox.ts. */
  StatelessRandomUniform: (h, [shape, seed], attribute) => {
    const sizes = h.ints(shape), blocks = attribute("blocks") as number | undefined;
    const shares = blocks === undefined ? { replicas: 1, blocks: 1 } : { replicas: h.replicas, blocks };
    const name = `uniform_${sizes.join("x")}_${blocks ?? "all"}`;
    return h.call(name, [seed], sizes, "f32", () => philoxUniform(name, sizes, shares));
  },
  Sub: binary("subtract"),
  Sum: reduction("add", 0),
  Tanh: unary("tanh"),
  Tile: (h, [x, multiples]) => {
    const times = h.ints(multiples), apart = x.shape.flatMap((n, i) => [times[i], n]);
    const all = h.broadcastInDim(x, apart, x.shape.map((_, i) => 2 * i + 1));
    return h.reshape(all, x.shape.map((n, i) => n * times[i]));
  },
  Transpose: (h, [x, order]) => h.transpose(x, h.ints(order)),
  Unpack: (h, [x], attribute) => {
    const axis = axisOf((attribute("axis") as number) ?? 0, x.shape.length), rest = x.shape.toSpliced(axis, 1);
    return cut(h, x, Array(x.shape[axis]).fill(1), axis).map((part) => h.reshape(part, rest));
  },
  UnsortedSegmentSum: (h, [data, ids, count]) => segmentSum(h, data, ids, h.ints(count)[0]),
  /** Not TensorFlow's: this replica's part of `blocks` blocks one after another along the first axis. */
  ReplicaShare: (h, [x], attribute) => h.shareOf(x, attribute("blocks") as number),
  /** TensorFlow's XLA bridge's: the number of the replica that runs the module. */
  XlaReplicaId: (h) => h.replica(),
  ZerosLike: filled(0),
};

/** Names of the ops that can be written. */
export const opNames: readonly string[] = Object.keys(ops);

/** Writes an op; a TensorFlowError if it or one of its element types is missing, or its inputs do not fit. */
export function writeOp(h: Writer, name: string, attribute: Attributes, inputs: Value[]): Value[] {
  const op = Object.hasOwn(ops, name) ? ops[name] : undefined;
  if (!op) throw new TensorFlowError(`XLA has no such op here. It has ${opNames.join(", ")}.`);
  const made = op(h, inputs, attribute);
  return Array.isArray(made) ? made : [made];
}
