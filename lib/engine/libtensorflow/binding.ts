/**
 * TensorFlow.js' native binding (`tfjs_binding.d.ts`) on libtensorflow's C API by Deno's FFI: eager ops, tensors in and
 * out. The package's own add-on cannot be installed everywhere and brings a TensorFlow of 2022.
 * @module
 */
import {
  ARRAYS,
  type Attribute,
  bindingNumbers,
  callText,
  type TensorMetadata,
  toBytes,
  type Values,
} from "../attributes.ts";
import { TensorFlowError } from "../types.ts";
import { setAttributes } from "./attributes.ts";
import { C, check, cString, type Pointer, readString, status, utf8 } from "./capi.ts";

/**
 * A ConfigProto that allows at most `count` devices of a type, as protobuf: field 1 is the map `device_count`, whose
 * entries have the type as field 1 and the number as field 2.
 */
export const deviceCount = (type: string, count: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([0x0a, type.length + 4, 0x0a, type.length, ...utf8(type), 0x10, count]);

/** The eager context; GPUs are XLA's, also where the library was built with CUDA. */
export const context: Pointer = (() => {
  const options = C.TFE_NewContextOptions(), config = deviceCount("GPU", 0);
  C.TFE_ContextOptionsSetConfig(options, config, BigInt(config.length), status);
  check(() => "TensorFlow's configuration was refused");
  const created = C.TFE_NewContext(options, status);
  check(() => "TensorFlow could not start");
  C.TFE_DeleteContextOptions(options);
  return created;
})();

/** TensorFlow's devices, such as `/job:localhost/replica:0/task:0/device:CPU:0`. */
export function listDevices(): string[] {
  const list = C.TFE_ContextListDevices(context, status);
  check(() => "Listing TensorFlow's devices failed");
  const count = C.TF_DeviceListCount(list);
  const devices = Array.from({ length: count }, (_, i) => readString(C.TF_DeviceListName(list, i, status)));
  C.TF_DeleteDeviceList(list);
  return devices;
}

/** Handles of live tensors by their ids. */
const handles = new Map<number, Pointer>();
let lastId = 0;

/** A new id, for a tensor or a symbol of a trace. */
export const newId = (): number => ++lastId;

/** Shape and element type of a handle. */
export function describe(handle: Pointer): Omit<TensorMetadata, "id"> {
  const rank = C.TFE_TensorHandleNumDims(handle, status);
  const shape = Array.from({ length: rank }, (_, i) => Number(C.TFE_TensorHandleDim(handle, i, status)));
  check(() => "Reading a tensor's shape failed");
  return { shape, dtype: C.TFE_TensorHandleDataType(handle) };
}

function adopt(handle: Pointer): TensorMetadata {
  const id = newId();
  handles.set(id, handle);
  return { id, ...describe(handle) };
}

/** The handle behind an id. */
export function handleOf(id: number): Pointer {
  const handle = handles.get(id);
  if (handle === undefined) throw new TensorFlowError(`Tensor ${id} does not exist, or was disposed.`);
  return handle;
}

/** A TF_Tensor's memory, not copied. */
export function memoryOf(tensor: Pointer): ArrayBuffer {
  const size = Number(C.TF_TensorByteSize(tensor));
  return size === 0 ? new ArrayBuffer(0) : Deno.UnsafePointerView.getArrayBuffer(C.TF_TensorData(tensor)!, size);
}

const contextOf = (name: string, inputs: readonly number[]) => () =>
  callText(name, inputs.map((id) => handles.has(id) ? describe(handleOf(id)).shape : []));

/** An op with its inputs and attributes, ready to execute; the caller deletes it. */
function prepare(name: string, attributes: readonly Attribute[], inputs: readonly number[]): Pointer {
  const op = C.TFE_NewOp(context, cString(name), status);
  check(contextOf(name, inputs));
  try {
    for (const id of inputs) C.TFE_OpAddInput(op, handleOf(id), status);
    setAttributes(name, op, attributes, true);
    check(contextOf(name, inputs));
  } catch (error) {
    C.TFE_DeleteOp(op);
    throw error;
  }
  return op;
}

const takeOutputs = (pointers: BigUint64Array, count: number): TensorMetadata[] =>
  Array.from(pointers.subarray(0, count), (pointer) => adopt(Deno.UnsafePointer.create(pointer)));

/** Executes an op on this thread. */
export function executeEagerly(
  name: string,
  attributes: readonly Attribute[],
  inputs: readonly number[],
  outputs: number,
): TensorMetadata[] {
  const op = prepare(name, attributes, inputs);
  const pointers = new BigUint64Array(Math.max(1, outputs)), count = Int32Array.of(outputs);
  C.TFE_Execute(op, pointers, count, status);
  C.TFE_DeleteOp(op);
  check(contextOf(name, inputs));
  return takeOutputs(pointers, count[0]);
}

/** Executes a function on another thread, while the event loop goes on. The inputs must stay alive until it is done. */
export async function executeFunction(
  name: string,
  inputs: readonly number[],
  outputs: number,
): Promise<TensorMetadata[]> {
  const op = prepare(name, [], inputs), own = C.TF_NewStatus();
  try {
    const pointers = new BigUint64Array(Math.max(1, outputs)), count = Int32Array.of(outputs);
    await C.TFE_ExecuteAsync(op, pointers, count, own);
    check(contextOf(name, inputs), own);
    return takeOutputs(pointers, count[0]);
  } finally {
    C.TFE_DeleteOp(op);
    C.TF_DeleteStatus(own);
  }
}

/** TensorFlow's version, such as `2.21.0`. */
export const version: string = readString(C.TF_Version());

/** The object that the kernels call; trace.ts replaces its `executeOp` and `tensorDataSync`. */
export const binding = {
  ...bindingNumbers,
  TF_Version: version,
  isUsingGpuDevice: (): boolean => false,
  getNumOfTensors: (): number => handles.size,
  getNumOfSavedModels: (): number => 0,
  createTensor(shape: number[], dtype: number, values: ArrayLike<number>): number {
    const bytes = toBytes(values, dtype), dims = BigInt64Array.from(shape, BigInt);
    const tensor = C.TF_AllocateTensor(dtype, dims, shape.length, BigInt(bytes.byteLength));
    if (tensor === null) throw new TensorFlowError(`No memory for a tensor of shape [${shape}].`);
    new Uint8Array(memoryOf(tensor)).set(bytes);
    const handle = C.TFE_NewTensorHandle(tensor, status);
    C.TF_DeleteTensor(tensor);
    check(() => `Creating a tensor of shape [${shape}]`);
    return adopt(handle).id;
  },
  deleteTensor(id: number): void {
    const handle = handles.get(id);
    if (handle === undefined) return;
    C.TFE_DeleteTensorHandle(handle);
    handles.delete(id);
  },
  tensorDataSync(id: number): Values {
    const handle = handleOf(id), tensor = C.TFE_TensorHandleResolve(handle, status);
    check(() => `Reading tensor ${id}`);
    const bytes = memoryOf(tensor).slice(0);
    C.TF_DeleteTensor(tensor);
    return new (ARRAYS.get(C.TFE_TensorHandleDataType(handle)) ?? Uint8Array)(bytes);
  },
  executeOp: executeEagerly,
};
