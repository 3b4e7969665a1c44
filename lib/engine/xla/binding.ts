/**
 * TensorFlow.js' native binding (`tfjs_binding.d.ts`) on XLA: tensors in and out, ops one at a time, each a module of its
 * own, and traces, in which all ops become one module.
 * @module
 */
import { projectRoot } from "../../base/project.ts";
import {
  ARRAYS,
  type Attribute,
  bindingNumbers,
  callText,
  capturedError,
  DType,
  LARGEST_CONSTANT,
  type TensorMetadata,
  toBytes,
  type Values,
} from "../attributes.ts";
import { TensorFlowError } from "../types.ts";
import { client, flags, plugin } from "./client.ts";
import { executablesIn } from "./executables.ts";
import { dtypeOf, elementBytes, type ElementType, elementType } from "./element_types.ts";
import { type Buffer, type Executable, fromBfloat16, PjrtError } from "./pjrt.ts";
import { type ModuleBuilder, moduleBuilder } from "./stablehlo.ts";
import type { Value } from "./writer.ts";

/** A tensor: its values' bytes here, while they are few, and on the devices, once they were needed there. */
type Entry = { shape: readonly number[]; type: ElementType; bytes?: Uint8Array<ArrayBuffer> } & {
  buffer?: Buffer;
  /** On devices other than the first, by their numbers. */
  others?: Map<number, Buffer>;
};

type Trace = { builder: ModuleBuilder; values: Map<number, Value> };

/** Most executables of single ops that are kept in memory. */
const MOST_OPS = 1000;

/** Inputs that must be known when an op is compiled, counted from the front or from behind: shapes, axes, orders. */
const KNOWN: Record<string, readonly number[]> = {
  ...Object.fromEntries(["Sum", "Mean", "Prod", "Max", "Min", "All", "Any", "ArgMax", "ArgMin"].map((op) => [op, [1]])),
  ...Object.fromEntries(["Reshape", "Transpose", "Tile", "BroadcastTo", "ExpandDims", "PadV2"].map((op) => [op, [1]])),
  ...{ Slice: [1, 2], StridedSlice: [1, 2, 3], Fill: [0], Range: [0, 1, 2], Split: [0], SplitV: [1, 2] },
  ...{ ConcatV2: [-1], GatherV2: [2], UnsortedSegmentSum: [2], StatelessRandomUniform: [0], OneHot: [1], Cumsum: [1] },
};

const entries = new Map<number, Entry>();
let lastId = 0, current: Trace | undefined;

const adopt = (entry: Entry): number => {
  entries.set(++lastId, entry);
  return lastId;
};

function entryOf(id: number): Entry {
  const entry = entries.get(id);
  if (entry === undefined) throw new TensorFlowError(`Tensor ${id} does not exist, or was disposed.`);
  return entry;
}

/** A tensor's buffer on the device. */
function bufferOf(id: number): Buffer {
  const entry = entryOf(id);
  return entry.buffer ??= client.put(entry.type, entry.shape, entry.bytes!);
}

/** A tensor's buffer on any device. */
export function bufferOn(id: number, device: number): Buffer {
  if (device === 0) return bufferOf(id);
  const entry = entryOf(id), { shape, type, bytes } = entry, others = entry.others ??= new Map();
  if (!others.has(device)) others.set(device, client.put(type, shape, bytes ?? entry.buffer!.readSync(), device));
  return others.get(device)!;
}

/** Takes over what an execution made, on each of its devices the same. */
export function adoptBuffers(
  [buffer, ...rest]: readonly Buffer[],
  { shape, type }: Pick<Value, "shape" | "type">,
): TensorMetadata {
  const others = new Map(rest.map((each, i) => [i + 1, each]));
  return { id: adopt({ shape, type, buffer, others }), shape: [...shape], dtype: seenAs(type) };
}

/** TensorFlow.js lacks bfloat16 and sees float32; raw ops name the true type as an attribute. */
const seenAs = (type: ElementType): number => type === "bf16" ? DType.float32 : dtypeOf(type);

function fromBytes({ buffer }: Uint8Array<ArrayBuffer>, type: ElementType): Values {
  if (type === "bf16") return fromBfloat16(new Uint16Array(buffer));
  return new (ARRAYS.get(dtypeOf(type)) ?? Uint8Array)(buffer);
}

/** What `work` returns; an error of the plug-in becomes one that says what was computed. */
function naming<T>(context: () => string, work: () => T): T {
  const named = (error: unknown): never => {
    if (!(error instanceof PjrtError)) throw error;
    throw new TensorFlowError(`${context()}: ${error.message.split("\n").slice(0, 3).join(" ")}`, { cause: error });
  };
  try {
    const made = work();
    return made instanceof Promise ? made.catch(named) as T : made;
  } catch (error) {
    return named(error);
  }
}

const reading = (id: number) => () => `Reading tensor ${id} of shape [${entries.get(id)?.shape}]`;

function checkRead(id: number): Entry {
  if (current?.values.has(id)) {
    throw new TensorFlowError("A value was read inside a traced function; only its outputs have values.");
  }
  return entryOf(id);
}

/** A tensor's values, once the device has them, while the event loop goes on. */
export async function readLater(id: number): Promise<Values> {
  const { type, bytes, buffer } = checkRead(id);
  return fromBytes(bytes?.slice() ?? await naming(reading(id), () => buffer!.read()), type);
}

/** Executables on disk; `XLA_CACHE` names another folder, or none if it is empty. */
export const executables: ReturnType<typeof executablesIn> = executablesIn(
  Deno.env.get("XLA_CACHE") === "" ? undefined : Deno.env.get("XLA_CACHE") ?? `${projectRoot}/.venv/xla/executables`,
  client,
  `${Deno.statSync(plugin.path).size} ${Deno.env.get("XLA_FLAGS") ?? ""}`, // the plug-in reads that variable, too
);

type Op = { executable: Executable; outputs: Value[] };

/** Executables of single ops by op, attributes, and inputs; the last used one is the last. */
const ops = new Map<string, Op>();

const isKnown = (op: string, at: number, count: number): boolean =>
  Object.hasOwn(KNOWN, op) && KNOWN[op].some((place) => at === (place < 0 ? count + place : place));

/** Executes an op by itself, on this thread. */
export function executeEagerly(
  op: string,
  attributes: readonly Attribute[],
  ids: readonly number[],
  count: number,
): TensorMetadata[] {
  const inputs = ids.map(entryOf), context = () => callText(op, inputs.map(({ shape }) => shape));
  const known = inputs.map((entry, i) => isKnown(op, i, ids.length) ? entry.bytes ?? entry.buffer!.readSync() : null);
  const key = JSON.stringify([
    ...[op, attributes.map(({ name, value }) => [name, value]), count],
    ...inputs.map(({ shape, type }, i) => [shape, type, known[i] && known[i].join()]),
  ]);
  let made = ops.get(key);
  if (made) ops.delete(key);
  else {
    const builder = moduleBuilder(op);
    const values = inputs.map(({ shape, type }, i) =>
      known[i] ? builder.constant(known[i], shape, type) : builder.input(shape, type)
    );
    const outputs = builder.op(op, attributes, values, count), module = builder.text(outputs);
    made = { executable: naming(context, () => executables.getSync(module, { flags })), outputs };
    if (ops.size >= MOST_OPS) forget(ops.keys().next().value!);
  }
  ops.set(key, made);
  const buffers = ids.filter((_, i) => known[i] === null).map(bufferOf), { executable, outputs } = made;
  return naming(context, () => executable.runSync(buffers)).map((buffer, i) => adoptBuffers([buffer], outputs[i]));
}

function forget(key: string): void {
  ops.get(key)!.executable.free();
  ops.delete(key);
}

/** The value of a trace behind an id; a tensor from outside becomes a constant. */
function valueOf({ builder, values }: Trace, id: number): Value {
  const known = values.get(id);
  if (known) return known;
  const { shape, type, bytes, buffer } = entryOf(id);
  const size = shape.reduce((a, b) => a * b, elementBytes(type));
  if (size > LARGEST_CONSTANT) throw capturedError(shape, size);
  const value = builder.constant(bytes ?? buffer!.readSync(), shape, type);
  values.set(id, value);
  return value;
}

function symbolOf({ values }: Trace, value: Value): TensorMetadata {
  const id = ++lastId, { shape, type } = value;
  values.set(id, value);
  return { id, shape: [...shape], dtype: seenAs(type) };
}

/** A traced function: its module, and what comes out of it. */
export type Traced = { module: string; outputs: Value[] };

/**
 * Runs a pure function once on symbols, and makes one module of the ops that it calls.
 *
 * @param build from the inputs' symbols to the outputs' ids
 * @param options.donated numbers of inputs whose memory the outputs may take
 * @param options.replicas devices that run the module at once
 * @throws {TensorFlowError} naming op and shapes, if one does not fit, or `build` reads a value or captures much
 */
export function trace(
  name: string,
  inputs: readonly Pick<Entry, "shape" | "type">[],
  build: (symbols: TensorMetadata[]) => number[],
  { donated = [], replicas = 1 }: { donated?: readonly number[]; replicas?: number } = {},
): Traced {
  if (current) throw new TensorFlowError("Traces do not nest.");
  const trace: Trace = { builder: moduleBuilder(name, replicas), values: new Map() };
  current = trace;
  try {
    const symbols = inputs.map(({ shape, type }) => symbolOf(trace, trace.builder.input(shape, type)));
    const outputs = build(symbols).map((id) => valueOf(trace, id));
    return { module: trace.builder.text(outputs, { donated }), outputs };
  } finally {
    current = undefined;
  }
}

/** Shape and element type of a tensor. */
export const describe = (id: number): Pick<Entry, "shape" | "type"> => entryOf(id);

/** Runs what asks the plug-in for something; its errors name the function and its inputs' shapes. */
export const namingCall = <T>(name: string, ids: readonly number[], work: () => T): T =>
  naming(() => callText(name, ids.map((id) => entries.get(id)?.shape ?? [])), work);

/** The object that the kernels call. */
export const binding = {
  ...bindingNumbers,
  TF_Version: client.platform,
  isUsingGpuDevice: (): boolean => false,
  getNumOfTensors: (): number => entries.size,
  getNumOfSavedModels: (): number => 0,
  createTensor(shape: number[], dtype: number, values: ArrayLike<number>): number {
    const type = elementType(dtype), bytes = toBytes(values, dtype).slice();
    const entry: Entry = { shape: [...shape], type, bytes }, id = adopt(entry);
    if (bytes.byteLength > LARGEST_CONSTANT) { // smaller ones are kept here, too: a trace may capture them
      naming(() => `Creating a tensor of shape [${shape}]`, () => bufferOf(id));
      delete entry.bytes;
    }
    return id;
  },
  deleteTensor(id: number): void {
    const { buffer, others } = entries.get(id) ?? {};
    [buffer, ...others?.values() ?? []].forEach((each) => each?.free());
    entries.delete(id);
  },
  tensorDataSync(id: number): Values {
    const { type, bytes, buffer } = checkRead(id);
    return fromBytes(bytes?.slice() ?? naming(reading(id), () => buffer!.readSync()), type);
  },
  executeOp(op: string, attributes: readonly Attribute[], ids: readonly number[], count: number): TensorMetadata[] {
    if (!current) return executeEagerly(op, attributes, ids, count);
    const trace = current, inputs = ids.map((id) => valueOf(trace, id));
    return trace.builder.op(op, attributes, inputs, count).map((value) => symbolOf(trace, value));
  },
};
