/**
 * Traces a pure function once, on symbols, into a TensorFlow function that runs as a single op. Meanwhile the binding
 * adds graph nodes instead of computing; TensorFlow infers shapes and types, so TensorFlow.js' gradients need no
 * change.
 * @module
 */
import {
  type Attribute,
  callText,
  capturedError,
  DType,
  LARGEST_CONSTANT,
  type TensorMetadata,
} from "../attributes.ts";
import { TensorFlowError } from "../types.ts";
import { setAttributes } from "./attributes.ts";
import * as eager from "./binding.ts";
import { C, check, cString, type Pointer, status } from "./capi.ts";

type Typed = Omit<TensorMetadata, "id">;

/** An output of a graph node; `narrow` is what it is a wider copy of. */
type Output = Typed & { operation: Pointer; index: number; narrow?: Output };

/** What is traced, run once: from the inputs' symbols to the outputs' ids. */
type Build = (symbols: TensorMetadata[]) => number[];

type Traced = (inputs: readonly number[]) => Promise<TensorMetadata[]>;

type Graph = {
  graph: Pointer;
  outputs: Map<number, Output>;
  nodes: number;
  /** Least elements of the largest input of an island that XLA compiles; the ops of others are plain nodes. */
  leastIsland: number;
  /** Names of the islands' functions that the graph has a copy of. */
  copied: Set<string>;
  /** What nodes compute → their outputs: a second node of the same would compute the same. */
  made: Map<string, Output[]>;
};

/** Ops whose last argument is a list, which is empty here. */
const EMPTY_LAST = new Set(["CollectiveReduceV2"]);

/** Ops whose first argument is a list. The graph API needs to know; the eager API sees it by itself. */
const LIST_FIRST = new Set(["ConcatV2", "Pack", "AddN"]);

let current: Graph | undefined;
/** The trace around the island that is being built. */
let outer: Graph | undefined;
let functions = 0;

/** Outputs as an array of TF_Output. */
function outputArray(outputs: readonly Pick<Output, "operation" | "index">[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16 * outputs.length), view = new DataView(bytes.buffer);
  outputs.forEach(({ operation, index }, i) => {
    view.setBigUint64(16 * i, Deno.UnsafePointer.value(operation), true);
    view.setInt32(16 * i + 8, index, true);
  });
  return bytes;
}

/** Names an output inside its graph. */
const nameOf = ({ operation, index }: Output): string => `${Deno.UnsafePointer.value(operation)}:${index}`;

const dims = (shape: readonly number[]): BigInt64Array<ArrayBuffer> => BigInt64Array.from(shape, BigInt);

/** Begins a node; {@link finish} ends it. */
const begin = (graph: Graph, op: string, label = op): Pointer =>
  C.TF_NewOperation(graph.graph, cString(op), cString(`${label}_${graph.nodes}`));

function finish(graph: Graph, description: Pointer, op: string, shapes: readonly (readonly number[])[]): Pointer {
  const operation = C.TF_FinishOperation(description, status);
  check(() => callText(op, shapes));
  graph.nodes++;
  return operation;
}

/** A node's output, with the shape and type that TensorFlow inferred. */
function infer({ graph }: Graph, operation: Pointer, index: number, op: string): Output {
  const output = outputArray([{ operation, index }]);
  const rank = C.TF_GraphGetTensorNumDims(graph, output, status), sizes = new BigInt64Array(Math.max(0, rank));
  if (rank > 0) C.TF_GraphGetTensorShape(graph, output, sizes, rank, status);
  check(() => `${op}: shape inference failed`);
  const shape = Array.from(sizes, Number);
  if (rank < 0 || shape.some((size) => size < 0)) {
    throw new TensorFlowError(`${op}: output ${index} has no static shape; a trace needs one.`);
  }
  return { operation, index, shape, dtype: C.TF_OperationOutputType(output) };
}

/** Gives an output an id. TensorFlow.js lacks bfloat16 and sees float32; raw ops name the true type as an attribute. */
function symbolOf(graph: Graph, output: Output): TensorMetadata {
  const id = eager.newId(), { shape, dtype } = output;
  graph.outputs.set(id, output);
  return { id, shape, dtype: dtype === DType.bfloat16 ? DType.float32 : dtype };
}

function placeholder(graph: Graph, { shape, dtype }: Typed): Output {
  const description = begin(graph, "Placeholder", "input");
  C.TF_SetAttrType(description, cString("dtype"), dtype);
  C.TF_SetAttrShape(description, cString("shape"), dims(shape), shape.length);
  return { operation: finish(graph, description, "Placeholder", [shape]), index: 0, shape, dtype };
}

/** Most bytes of a constant that is looked for among those that a graph has. */
const LARGEST_KEY = 64;

/** A constant with the value of an eager tensor that the traced function captured; each value has one node. */
function constant(graph: Graph, id: number): Output {
  const { shape, dtype } = eager.describe(eager.handleOf(id));
  const tensor = C.TFE_TensorHandleResolve(eager.handleOf(id), status);
  check(() => `Reading tensor ${id}`);
  const size = Number(C.TF_TensorByteSize(tensor));
  if (size > LARGEST_CONSTANT) {
    C.TF_DeleteTensor(tensor);
    throw capturedError(shape, size);
  }
  const key = size <= LARGEST_KEY ? `${dtype}[${shape}] ${new Uint8Array(eager.memoryOf(tensor))}` : undefined;
  const known = key && graph.made.get(key);
  if (known) {
    C.TF_DeleteTensor(tensor);
    return known[0];
  }
  const description = begin(graph, "Const", "constant");
  C.TF_SetAttrType(description, cString("dtype"), dtype);
  C.TF_SetAttrTensor(description, cString("value"), tensor, status);
  C.TF_DeleteTensor(tensor);
  check(() => "A constant could not be made");
  const output = infer(graph, finish(graph, description, "Const", [shape]), 0, "Const");
  if (key) graph.made.set(key, [output]);
  return output;
}

function outputOf(graph: Graph, id: number): Output {
  let output = graph.outputs.get(id);
  if (!output && outer?.outputs.has(id)) {
    throw new TensorFlowError("An island used a symbol of its trace that is not among its inputs.");
  }
  if (!output) graph.outputs.set(id, output = constant(graph, id));
  return output;
}

/** A cast's element types. Casting bfloat16 to float32 and back gives the same values, so that a trace leaves out both. */
function castOf(attributes: readonly Attribute[]): Record<"from" | "to", number> {
  const type = (name: string) => attributes.find((attribute) => attribute.name === name)!.value as number;
  return { from: type("SrcT"), to: type("DstT") };
}

eager.binding.executeOp = (op, attributes, ids, count) => {
  if (!current) return eager.executeEagerly(op, attributes, ids, count);
  const graph = current, inputs = ids.map((id) => outputOf(graph, id)), shapes = inputs.map(({ shape }) => shape);
  const cast = op === "Cast" ? castOf(attributes) : undefined, { narrow } = inputs[0] ?? {};
  if (cast && narrow?.dtype === cast.to) return [symbolOf(graph, narrow)];
  const key = `${op} ${JSON.stringify(attributes)} ${inputs.map(nameOf).join()}`, known = graph.made.get(key);
  if (known && !EMPTY_LAST.has(op)) return known.map((output) => symbolOf(graph, output));
  const description = begin(graph, op);
  const listed = !LIST_FIRST.has(op) ? 0 : op === "ConcatV2" ? inputs.length - 1 : inputs.length;
  if (listed > 0) C.TF_AddInputList(description, outputArray(inputs.slice(0, listed)), listed);
  for (const input of inputs.slice(listed)) C.TF_AddInput(description, outputArray([input]));
  if (EMPTY_LAST.has(op)) C.TF_AddInputList(description, outputArray([]), 0);
  setAttributes(op, description, attributes.filter(({ name }) => listed === 0 || name !== "N"), false);
  const operation = finish(graph, description, op, shapes);
  const wider = cast?.from === DType.bfloat16 && cast.to === DType.float32;
  const outputs = Array.from({ length: count }, (_, index): Output => {
    const output = infer(graph, operation, index, callText(op, shapes));
    return wider ? { ...output, narrow: inputs[0] } : output;
  });
  graph.made.set(key, outputs);
  return outputs.map((output) => symbolOf(graph, output));
};

const readEagerly = eager.binding.tensorDataSync;
eager.binding.tensorDataSync = (id) => {
  if (current?.outputs.has(id)) {
    throw new TensorFlowError("A value was read inside a traced function; only its outputs have values.");
  }
  return readEagerly(id);
};

/** A function in TensorFlow's context; the caller deletes the TF_Function. */
type Built = { name: string; function: Pointer; outputs: Output[] };

/** Runs `build` on symbols, makes the graph a function, and adds it to the context. */
function buildFunction(name: string, inputs: readonly Typed[], build: Build, leastIsland: number): Built {
  const before = { current, outer }, unique = `${name}_${functions++}`;
  const graph: Graph = {
    graph: C.TF_NewGraph(),
    outputs: new Map(),
    nodes: 0,
    leastIsland,
    copied: new Set(),
    made: new Map(),
  };
  try {
    const placeholders = inputs.map((input) => placeholder(graph, input));
    const symbols = placeholders.map((output) => symbolOf(graph, output));
    outer = current, current = graph;
    const outputs = build(symbols).map((id) => outputOf(graph, id));
    const [ins, outs] = [placeholders, outputs].map(outputArray), rest = [null, null, null, status] as const;
    const [given, taken] = [placeholders.length, outputs.length];
    const made = C.TF_GraphToFunction(graph.graph, cString(unique), 0, -1, null, given, ins, taken, outs, ...rest);
    check(() => `Making the function ${unique} failed`);
    C.TFE_ContextAddFunction(eager.context, made, status);
    check(() => `Adding the function ${unique} failed`);
    return { name: unique, function: made, outputs };
  } finally {
    ({ current, outer } = before);
    C.TF_DeleteGraph(graph.graph);
  }
}

/**
 * Builds a function without computing anything: input ids in, a promise of outputs out, executed on another thread.
 *
 * @param name the function's name in messages and profiles
 * @param leastIsland least elements of the largest input of an {@link island} inside that XLA compiles
 * @throws {TensorFlowError} naming op and shapes, if a node does not fit, or `build` reads a value or captures much
 */
export function trace(name: string, inputs: readonly Typed[], build: Build, leastIsland = Infinity): Traced {
  if (current) throw new TensorFlowError("Traces do not nest.");
  const { name: unique, function: made, outputs } = buildFunction(name, inputs, build, leastIsland);
  C.TF_DeleteFunction(made);
  return (ids) => eager.executeFunction(unique, ids, outputs.length);
}

const compiledIslands = new Map<string, Built>();

/** Whether a part with so many elements in its largest input is an island of the running trace; no island has others. */
export const isIsland = (elements: number): boolean =>
  current !== undefined && outer === undefined && elements >= current.leastIsland;

/**
 * Makes a part of a trace one XLA kernel: elementwise ops and sums take one pass over memory, and oneDNN keeps the
 * products around it. A process compiles each part once for each combination of input shapes.
 *
 * @param name names the part and every constant in it; islands of one name, shapes and types are the same
 * @param ids the part's inputs, symbols of the trace
 */
export function island(name: string, ids: readonly number[], build: Build): TensorMetadata[] {
  const graph = current!, inputs = ids.map((id) => outputOf(graph, id));
  const key = `${name}(${inputs.map(({ shape, dtype }) => `${dtype}[${shape}]`).join()})`;
  let built = compiledIslands.get(key);
  if (!built) compiledIslands.set(key, built = buildFunction(name.replace(/\W/g, "_"), inputs, build, Infinity));
  if (!graph.copied.has(built.name)) {
    C.TF_GraphCopyFunction(graph.graph, built.function, null, status);
    check(() => `Copying the island ${key} failed`);
    graph.copied.add(built.name);
  }
  const description = begin(graph, built.name);
  for (const input of inputs) C.TF_AddInput(description, outputArray([input]));
  C.TF_SetAttrBool(description, cString("_XlaMustCompile"), 1);
  const operation = finish(graph, description, key, inputs.map(({ shape }) => shape));
  return built.outputs.map(({ shape, dtype }, index) => {
    const output = { operation, index, shape, dtype };
    C.TF_GraphSetTensorShape(graph.graph, outputArray([output]), dims(shape), shape.length, status);
    check(() => `The shape of an output of the island ${key} was refused`);
    return symbolOf(graph, output);
  });
}
