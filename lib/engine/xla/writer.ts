/**
 * Writes operations of StableHLO as text, each with the shape and type of its result. Names, attributes and meanings
 * are those of the StableHLO specification (https://openxla.org/stablehlo/spec).
 * @module
 */
import { TensorFlowError } from "../types.ts";
import { elementBytes, type ElementType } from "./element_types.ts";

/** A tensor of a module: `%name`, its shape, and its element type. */
export type Value = { name: string; shape: number[]; type: ElementType };

/** Lengths of axes. */
export type Shape = readonly number[];

/** The binary operations that a reduction may apply. */
export type Reducer = "add" | "multiply" | "maximum" | "minimum" | "and" | "or";

/** How two values are compared. */
export type Comparison = "EQ" | "NE" | "LT" | "LE" | "GT" | "GE";

/** Bits of −∞ and +∞; MLIR has no words for them. */
const INFINITIES: Partial<Record<ElementType, [string, string]>> = {
  f32: ["0xFF800000", "0x7F800000"],
  f64: ["0xFFF0000000000000", "0x7FF0000000000000"],
  bf16: ["0xFF80", "0x7F80"],
};

/** Whether numbers of a type have a fraction. */
export const isFloat = (type: ElementType): boolean => type in INFINITIES;

/** Smallest and largest number of the types without infinities. */
const RANGES: Partial<Record<ElementType, [bigint, bigint]>> = {
  i32: [-(2n ** 31n), 2n ** 31n - 1n],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  ui8: [0n, 255n],
};

/** How elements of types whose constants may be read are read. */
const READERS: Partial<Record<ElementType, (view: DataView, at: number) => number>> = {
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true),
  i32: (view, at) => view.getInt32(at, true),
  i64: (view, at) => Number(view.getBigInt64(at, true)),
};

/** `tensor<2x3xf32>` */
export const tensorType = (shape: Shape, type: string): string => `tensor<${[...shape, type].join("x")}>`;

/** The type of a value. */
export const typeOf = ({ shape, type }: Value): string => tensorType(shape, type);

/** Elements of a shape. */
export const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

/** Whether two shapes or lists are equal. */
export const same = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);

/** An axis counted from the front; −1 is the last. */
export function axisOf(axis: number, rank: number): number {
  if (axis < -rank || axis >= rank) throw new TensorFlowError(`expected an axis of ${rank}, found ${axis}`);
  return axis < 0 ? axis + rank : axis;
}

/** The shape that shapes broadcast to, from their last axes on. */
export function broadcastShape(...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((shape) => shape[i - rank + shape.length] ?? 1), [size = 1] = sizes.filter((n) => n !== 1);
    if (sizes.some((n) => n !== 1 && n !== size)) {
      throw new TensorFlowError(`shapes ${shapes.map((shape) => `[${shape}]`).join(" and ")} do not broadcast`);
    }
    return size;
  });
}

/** A number as MLIR writes it. */
function literal(value: number, type: ElementType): string {
  if (type === "i1") return String(value !== 0);
  if (!isFloat(type)) {
    return value === -Infinity || value === Infinity
      ? String(RANGES[type]![value > 0 ? 1 : 0])
      : String(Math.trunc(value));
  }
  if (value === -Infinity || value === Infinity) return INFINITIES[type]![value > 0 ? 1 : 0];
  return Object.is(value, -0) ? "-0.0" : value.toExponential().replace(/^(-?\d)e/, "$1.0e");
}

/** Bytes of a constant as MLIR writes them: in hexadecimal digits, little-endian; truths as words. */
function literals(bytes: Uint8Array, type: ElementType): string {
  if (bytes.length === 0) return "";
  if (type === "i1") return bytes.length === 1 ? String(bytes[0] !== 0) : `[${Array.from(bytes, (b) => b !== 0)}]`;
  return `"0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase()}"`;
}

/** Writes operations in the order in which they are called. Tensors of different shapes broadcast where two meet. */
export type Writer = {
  /** One operation with one result. */
  emit(operation: string, shape: Shape, type: ElementType): Value;
  /** One operation with several results. */
  emitAll(operation: string, results: readonly [Shape, ElementType][]): Value[];
  /** A constant of given bytes; equal ones are one, and those that nothing uses are not written. */
  constant(bytes: Uint8Array, shape: Shape, type: ElementType): Value;
  /** A tensor of one number. */
  splat(value: number, shape: Shape, type: ElementType): Value;
  /** The number that all elements of a value are, if it is a constant of one element or made of one. */
  number(x: Value): number | undefined;
  /** The whole numbers of a constant; a TensorFlowError for what is computed in the module. */
  ints(x: Value): number[];
  /** x repeated to a shape that it broadcasts to, from the last axis on. */
  broadcast(x: Value, shape: Shape): Value;
  /** Axis i of x becomes axis `axes[i]` of the result; x is repeated along the others and where its size is 1. */
  broadcastInDim(x: Value, shape: Shape, axes: Shape): Value;
  /** An operation of one tensor, such as `exponential`. */
  unary(name: string, x: Value): Value;
  /** An operation of two tensors, such as `add`. */
  binary(name: string, a: Value, b: Value): Value;
  /** `binary` with a number. */
  withNumber(name: string, x: Value, number: number): Value;
  compare(how: Comparison, a: Value, b: Value): Value;
  select(condition: Value, a: Value, b: Value): Value;
  /** x in another element type: to integers towards zero, to floats to the nearest. */
  convert(x: Value, type: ElementType): Value;
  reshape(x: Value, shape: Shape): Value;
  /** Axis i of the result is axis `order[i]` of x. */
  transpose(x: Value, order: Shape): Value;
  /** x without some axes, along which a reducer was applied from a first value on. */
  reduce(by: Reducer, x: Value, axes: Shape, first: number): Value;
  /** Products summed over axis `over[0]` of a and `over[1]` of b; the first `batch` axes are common to both. */
  dot(a: Value, b: Value, over: [number, number], batch?: number): Value;
  /** The part from `begin` on, of a size. */
  slice(x: Value, begin: Shape, size: Shape): Value;
  concatenate(values: Value[], axis: number): Value;
  /** x with `low` and `high` elements of a value before and after it, along each axis. */
  pad(x: Value, value: Value, low: Shape, high: Shape): Value;
  /** 0, 1, 2 … along an axis. */
  iota(shape: Shape, axis: number, type: ElementType): Value;
  /** The sum of x over all replicas. */
  allSum(x: Value): Value;
  /** All replicas' x one after another along its first axis. */
  allGather(x: Value): Value;
  /** The number of the replica, from 0 on: i32. */
  replica(): Value;
  /** x's part of this replica, of `blocks` blocks one after another along the first axis. */
  shareOf(x: Value, blocks: number): Value;
  /** How many replicas run the module at once. */
  readonly replicas: number;
  /** Calls a function of the module, whose text is made when its name is new. */
  call(name: string, inputs: Value[], shape: Shape, type: ElementType, make: () => string): Value;
  /** The module, with `main` from inputs (and their attributes) to outputs. */
  text(name: string, inputs: readonly [Value, string][], outputs: readonly Value[]): string;
};

/** A writer of an empty module, which all replicas run at once. */
export function writer(replicas = 1): Writer {
  const lines: string[] = [], constants = new Map<string, Value>(), functions = new Map<string, string>();
  const numbers = new Map<string, number[]>();
  let names = 0;

  function emit(operation: string, shape: Shape, type: ElementType): Value {
    const value = { name: `%${names++}`, shape: [...shape], type };
    lines.push(`${value.name} = ${operation}`);
    return value;
  }

  function emitAll(operation: string, results: readonly [Shape, ElementType][]): Value[] {
    const name = `%${names++}`;
    lines.push(`${name}:${results.length} = ${operation}`);
    return results.map(([shape, type], i) => ({ name: `${name}#${i}`, shape: [...shape], type }));
  }

  /** A constant; equal ones are one, and those that nothing uses are not written. */
  function dense(text: string, shape: Shape, type: ElementType): Value {
    const key = `stablehlo.constant dense<${text}> : ${tensorType(shape, type)}`;
    let value = constants.get(key);
    if (!value) constants.set(key, value = { name: `%c${constants.size}`, shape: [...shape], type });
    return { ...value, shape: [...shape] };
  }

  function constant(bytes: Uint8Array, shape: Shape, type: ElementType): Value {
    const value = dense(literals(bytes, type), shape, type), read = READERS[type];
    if (!read) return value;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), size = elementBytes(type);
    numbers.set(value.name, Array.from({ length: bytes.length / size }, (_, i) => read(view, i * size)));
    return value;
  }

  function splat(number: number, shape: Shape, type: ElementType): Value {
    const value = dense(literal(number, type), shape, type);
    numbers.set(value.name, [number]);
    return value;
  }

  function number(x: Value): number | undefined {
    const known = numbers.get(x.name);
    return known?.length === 1 ? known[0] : undefined;
  }

  function ints(x: Value): number[] {
    const known = numbers.get(x.name);
    if (!known) throw new TensorFlowError("shapes, axes and orders must be constants; found one that is computed");
    return known.length === 1 ? Array(sizeOf(x.shape)).fill(known[0]) : known;
  }

  /** `made` is of x's number, if x is of one. */
  function alike(x: Value, made: Value): Value {
    const known = number(x);
    if (known !== undefined) numbers.set(made.name, [known]);
    return made;
  }

  function broadcastInDim(x: Value, shape: Shape, axes: Shape): Value {
    if (same(x.shape, shape)) return x;
    const into = tensorType(shape, x.type);
    const operation = `stablehlo.broadcast_in_dim ${x.name}, dims = [${axes}] : (${typeOf(x)}) -> ${into}`;
    return alike(x, emit(operation, shape, x.type));
  }

  const broadcast = (x: Value, shape: Shape) =>
    broadcastInDim(x, shape, x.shape.map((_, i) => i + shape.length - x.shape.length));

  /** Values of one element type, broadcast to one shape. */
  function together(...values: Value[]): Value[] {
    const shape = broadcastShape(...values.map(({ shape }) => shape)), types = new Set(values.map(({ type }) => type));
    if (types.size > 1) throw new TensorFlowError(`expected one element type, found ${[...types].join(" and ")}`);
    return values.map((value) => broadcast(value, shape));
  }

  const unary = (name: string, x: Value) => emit(`stablehlo.${name} ${x.name} : ${typeOf(x)}`, x.shape, x.type);

  function binary(name: string, a: Value, b: Value): Value {
    const [x, y] = together(a, b);
    return emit(`stablehlo.${name} ${x.name}, ${y.name} : ${typeOf(x)}`, x.shape, x.type);
  }

  const withNumber = (name: string, x: Value, number: number) => binary(name, x, splat(number, [], x.type));

  function compare(how: Comparison, a: Value, b: Value): Value {
    const [x, y] = together(a, b), types = `(${typeOf(x)}, ${typeOf(y)}) -> ${tensorType(x.shape, "i1")}`;
    return emit(`stablehlo.compare ${how}, ${x.name}, ${y.name} : ${types}`, x.shape, "i1");
  }

  function select(condition: Value, a: Value, b: Value): Value {
    const shape = broadcastShape(condition.shape, a.shape, b.shape), [x, y] = together(a, b);
    const [c, t, f] = [condition, x, y].map((value) => broadcast(value, shape));
    return emit(`stablehlo.select ${c.name}, ${t.name}, ${f.name} : ${typeOf(c)}, ${typeOf(t)}`, shape, t.type);
  }

  function convert(x: Value, type: ElementType): Value {
    if (x.type === type) return x;
    return emit(`stablehlo.convert ${x.name} : (${typeOf(x)}) -> ${tensorType(x.shape, type)}`, x.shape, type);
  }

  function reshape(x: Value, shape: Shape): Value {
    if (same(x.shape, shape)) return x;
    if (sizeOf(x.shape) !== sizeOf(shape)) {
      throw new TensorFlowError(`expected ${sizeOf(x.shape)} elements, found the shape [${shape}]`);
    }
    const operation = `stablehlo.reshape ${x.name} : (${typeOf(x)}) -> ${tensorType(shape, x.type)}`;
    return alike(x, emit(operation, shape, x.type));
  }

  function transpose(x: Value, order: Shape): Value {
    if (!same([...order].sort((a, b) => a - b), x.shape.map((_, i) => i))) {
      throw new TensorFlowError(`expected an order of ${x.shape.length} axes, found [${order}]`);
    }
    if (order.every((axis, i) => axis === i)) return x;
    const shape = order.map((axis) => x.shape[axis]), types = `(${typeOf(x)}) -> ${tensorType(shape, x.type)}`;
    return emit(`stablehlo.transpose ${x.name}, dims = [${order}] : ${types}`, shape, x.type);
  }

  function reduce(by: Reducer, x: Value, axes: Shape, first: number): Value {
    if (axes.length === 0) return x;
    const shape = x.shape.filter((_, i) => !axes.includes(i)), init = splat(first, [], x.type);
    const types = `(${typeOf(x)}, ${typeOf(init)}) -> ${tensorType(shape, x.type)}`;
    const how = `applies stablehlo.${by} across dimensions = [${axes}]`;
    return emit(`stablehlo.reduce(${x.name} init: ${init.name}) ${how} : ${types}`, shape, x.type);
  }

  function dot(a: Value, b: Value, over: [number, number], batch = 0): Value {
    const common = Array.from({ length: batch }, (_, i) => i), [l, r] = over;
    if (a.type !== b.type) throw new TensorFlowError(`expected one element type, found ${a.type} and ${b.type}`);
    if (a.shape[l] !== b.shape[r] || common.some((i) => a.shape[i] !== b.shape[i])) {
      throw new TensorFlowError(`sizes differ: ${a.shape[l]} of [${a.shape}] and ${b.shape[r]} of [${b.shape}]`);
    }
    const free = (x: Value, axis: number) => x.shape.filter((_, i) => i >= batch && i !== axis);
    const shape = [...a.shape.slice(0, batch), ...free(a, l), ...free(b, r)];
    const batching = batch > 0 ? `batching_dims = [${common}] x [${common}], ` : "";
    // The default lets a GPU round float32 to TF32's ten bits; bfloat16 is as it is.
    const precision = a.type === "bf16" ? "" : ", precision = [HIGHEST, HIGHEST]";
    const types = `(${typeOf(a)}, ${typeOf(b)}) -> ${tensorType(shape, a.type)}`;
    const how = `${batching}contracting_dims = [${l}] x [${r}]${precision}`;
    return emit(`stablehlo.dot_general ${a.name}, ${b.name}, ${how} : ${types}`, shape, a.type);
  }

  function slice(x: Value, begin: Shape, size: Shape): Value {
    if (begin.length !== x.shape.length || begin.some((b, i) => b < 0 || size[i] < 0 || b + size[i] > x.shape[i])) {
      throw new TensorFlowError(`the part from [${begin}] of size [${size}] is not inside`);
    }
    if (same(size, x.shape)) return x;
    const ranges = begin.map((b, i) => `${b}:${b + size[i]}`).join(", ");
    const types = `(${typeOf(x)}) -> ${tensorType(size, x.type)}`;
    return emit(`stablehlo.slice ${x.name} [${ranges}] : ${types}`, size, x.type);
  }

  function concatenate(values: Value[], axis: number): Value {
    if (values.length === 1) return values[0];
    const shape = [...values[0].shape], rest = (x: Value) => x.shape.toSpliced(axis, 1);
    if (values.some((x) => !same(rest(x), rest(values[0])) || x.type !== values[0].type)) {
      throw new TensorFlowError(`expected shapes that differ along axis ${axis} only`);
    }
    shape[axis] = values.reduce((sum, x) => sum + x.shape[axis], 0);
    const [list, types] = [values.map(({ name }) => name).join(", "), values.map(typeOf).join(", ")];
    const into = tensorType(shape, values[0].type);
    return emit(`stablehlo.concatenate ${list}, dim = ${axis} : (${types}) -> ${into}`, shape, values[0].type);
  }

  function pad(x: Value, value: Value, low: Shape, high: Shape): Value {
    const shape = x.shape.map((n, i) => n + low[i] + high[i]), none = low.map(() => 0);
    const types = `(${typeOf(x)}, ${typeOf(value)}) -> ${tensorType(shape, x.type)}`;
    const how = `low = [${low}], high = [${high}], interior = [${none}]`;
    return emit(`stablehlo.pad ${x.name}, ${value.name}, ${how} : ${types}`, shape, x.type);
  }

  const iota = (shape: Shape, axis: number, type: ElementType) =>
    emit(`stablehlo.iota dim = ${axis} : ${tensorType(shape, type)}`, shape, type);

  const group = `replica_groups = dense<[[${
    Array.from({ length: replicas }, (_, i) => i)
  }]]> : tensor<1x${replicas}xi64>`;

  function allSum(x: Value): Value {
    if (replicas === 1) return x;
    const one = tensorType([], x.type), sum = `%sum = stablehlo.add %a, %b : ${one}\nstablehlo.return %sum : ${one}`;
    const region = `({ ^bb0(%a: ${one}, %b: ${one}):\n${sum}\n})`;
    const operation = `"stablehlo.all_reduce"(${x.name}) <{${group}}> ${region}`;
    return emit(`${operation} : (${typeOf(x)}) -> ${typeOf(x)}`, x.shape, x.type);
  }

  function allGather(x: Value): Value {
    if (replicas === 1) return x;
    const shape = [x.shape[0] * replicas, ...x.shape.slice(1)], into = tensorType(shape, x.type);
    const operation = `"stablehlo.all_gather"(${x.name}) <{all_gather_dim = 0 : i64, ${group}}>`;
    return emit(`${operation} : (${typeOf(x)}) -> ${into}`, shape, x.type);
  }

  function replica(): Value {
    if (replicas === 1) return splat(0, [], "i32");
    const number = `%${names++}`;
    lines.push(`${number} = stablehlo.replica_id : tensor<ui32>`);
    return emit(`stablehlo.convert ${number} : (tensor<ui32>) -> tensor<i32>`, [], "i32");
  }

  function shareOf(x: Value, blocks: number): Value {
    if (replicas === 1) return x;
    const size = x.shape[0] / blocks / replicas,
      rest = x.shape.slice(1),
      [apart, zero] = [
        reshape(x, [blocks, replicas, size, ...rest]),
        splat(0, [], "i32"),
      ];
    const shape = [blocks, 1, size, ...rest], from = [zero, replica(), ...shape.slice(2).map(() => zero)];
    const types = [apart, ...from].map(typeOf).join(", ");
    const operation = `stablehlo.dynamic_slice ${
      [apart, ...from].map(({ name }) => name).join(", ")
    }, sizes = [${shape}]`;
    const own = emit(`${operation} : (${types}) -> ${tensorType(shape, x.type)}`, shape, x.type);
    return reshape(own, [blocks * size, ...rest]);
  }

  function call(name: string, inputs: Value[], shape: Shape, type: ElementType, make: () => string): Value {
    if (!functions.has(name)) functions.set(name, make());
    const [list, types] = [inputs.map((x) => x.name).join(", "), inputs.map(typeOf).join(", ")];
    return emit(`func.call @${name}(${list}) : (${types}) -> ${tensorType(shape, type)}`, shape, type);
  }

  function text(name: string, inputs: readonly [Value, string][], outputs: readonly Value[]): string {
    const [names, types] = [outputs.map((x) => x.name).join(", "), outputs.map(typeOf).join(", ")];
    const body = [...lines, `return ${names} : ${types}`];
    const used = new Set(body.flatMap((line) => line.match(/%c\d+/g) ?? []));
    const first = [...constants].filter(([, x]) => used.has(x.name)).map(([key, x]) => `${x.name} = ${key}`);
    const parameters = inputs.map(([x, attributes]) => `${x.name}: ${typeOf(x)}${attributes}`).join(", ");
    return [
      `module @${name.replace(/\W/g, "_")} attributes {mhlo.num_replicas = ${replicas} : i32} {`,
      `func.func public @main(${parameters}) -> (${types}) {`,
      ...first,
      ...body,
      "}",
      ...functions.values(),
      "}",
      "",
    ].join("\n");
  }

  return {
    emit,
    emitAll,
    constant,
    splat,
    number,
    ints,
    broadcast,
    broadcastInDim,
    unary,
    binary,
    withNumber,
    compare,
    select,
    convert,
    reshape,
    transpose,
    reduce,
    dot,
    slice,
    concatenate,
    pad,
    iota,
    allSum,
    allGather,
    replica,
    shareOf,
    replicas,
    call,
    text,
  };
}
