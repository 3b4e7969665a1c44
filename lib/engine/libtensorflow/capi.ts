/**
 * TensorFlow's C functions with their types, and conversions of text and status.
 * @module
 */
import { TensorFlowError } from "../error.ts";
import { findLibrary, pinLibrary } from "../library.ts";

/** An opaque pointer into TensorFlow. */
export type Pointer = Deno.PointerValue;

/** TF_Output by value: an operation and the index of its output, 16 bytes. */
const OUTPUT = { struct: ["pointer", "i32"] } as const;

const symbols = {
  TF_Version: { parameters: [], result: "pointer" },
  /** tensorflow::IsGoogleCudaEnabled(), which has no name in the C API. */
  isBuiltWithCuda: { name: "_ZN10tensorflow19IsGoogleCudaEnabledEv", parameters: [], result: "bool", optional: true },
  TF_NewStatus: { parameters: [], result: "pointer" },
  TF_DeleteStatus: { parameters: ["pointer"], result: "void" },
  TF_GetCode: { parameters: ["pointer"], result: "i32" },
  TF_Message: { parameters: ["pointer"], result: "pointer" },
  TF_AllocateTensor: { parameters: ["i32", "buffer", "i32", "usize"], result: "pointer" },
  TF_TensorData: { parameters: ["pointer"], result: "pointer" },
  TF_TensorByteSize: { parameters: ["pointer"], result: "usize" },
  TF_DeleteTensor: { parameters: ["pointer"], result: "void" },
  TFE_NewContextOptions: { parameters: [], result: "pointer" },
  TFE_ContextOptionsSetConfig: { parameters: ["pointer", "buffer", "usize", "pointer"], result: "void" },
  TFE_DeleteContextOptions: { parameters: ["pointer"], result: "void" },
  TFE_NewContext: { parameters: ["pointer", "pointer"], result: "pointer" },
  TFE_ContextListDevices: { parameters: ["pointer", "pointer"], result: "pointer" },
  TF_DeviceListCount: { parameters: ["pointer"], result: "i32" },
  TF_DeviceListName: { parameters: ["pointer", "i32", "pointer"], result: "pointer" },
  TF_DeviceListType: { parameters: ["pointer", "i32", "pointer"], result: "pointer" },
  TF_DeleteDeviceList: { parameters: ["pointer"], result: "void" },
  TFE_NewTensorHandle: { parameters: ["pointer", "pointer"], result: "pointer" },
  TFE_TensorHandleResolve: { parameters: ["pointer", "pointer"], result: "pointer" },
  TFE_DeleteTensorHandle: { parameters: ["pointer"], result: "void" },
  TFE_TensorHandleDataType: { parameters: ["pointer"], result: "i32" },
  TFE_TensorHandleNumDims: { parameters: ["pointer", "pointer"], result: "i32" },
  TFE_TensorHandleDim: { parameters: ["pointer", "i32", "pointer"], result: "i64" },
  TFE_NewOp: { parameters: ["pointer", "buffer", "pointer"], result: "pointer" },
  TFE_DeleteOp: { parameters: ["pointer"], result: "void" },
  TFE_OpSetDevice: { parameters: ["pointer", "buffer", "pointer"], result: "void" },
  TFE_OpAddInput: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  TFE_OpSetAttrType: { parameters: ["pointer", "buffer", "i32"], result: "void" },
  TFE_OpSetAttrInt: { parameters: ["pointer", "buffer", "i64"], result: "void" },
  TFE_OpSetAttrIntList: { parameters: ["pointer", "buffer", "buffer", "i32"], result: "void" },
  TFE_OpSetAttrFloat: { parameters: ["pointer", "buffer", "f32"], result: "void" },
  TFE_OpSetAttrBool: { parameters: ["pointer", "buffer", "u8"], result: "void" },
  TFE_OpSetAttrString: { parameters: ["pointer", "buffer", "buffer", "usize"], result: "void" },
  TFE_OpSetAttrShape: { parameters: ["pointer", "buffer", "buffer", "i32", "pointer"], result: "void" },
  TFE_Execute: { parameters: ["pointer", "buffer", "buffer", "pointer"], result: "void" },
  /** The same function, called on another thread so that the event loop goes on. */
  TFE_ExecuteAsync: {
    name: "TFE_Execute",
    parameters: ["pointer", "buffer", "buffer", "pointer"],
    result: "void",
    nonblocking: true,
  },
  TFE_ContextAddFunction: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  TF_NewGraph: { parameters: [], result: "pointer" },
  TF_DeleteGraph: { parameters: ["pointer"], result: "void" },
  TF_NewOperation: { parameters: ["pointer", "buffer", "buffer"], result: "pointer" },
  TF_AddInput: { parameters: ["pointer", OUTPUT], result: "void" },
  TF_AddInputList: { parameters: ["pointer", "buffer", "i32"], result: "void" },
  TF_FinishOperation: { parameters: ["pointer", "pointer"], result: "pointer" },
  TF_SetAttrType: { parameters: ["pointer", "buffer", "i32"], result: "void" },
  TF_SetAttrInt: { parameters: ["pointer", "buffer", "i64"], result: "void" },
  TF_SetAttrIntList: { parameters: ["pointer", "buffer", "buffer", "i32"], result: "void" },
  TF_SetAttrFloat: { parameters: ["pointer", "buffer", "f32"], result: "void" },
  TF_SetAttrBool: { parameters: ["pointer", "buffer", "u8"], result: "void" },
  TF_SetAttrString: { parameters: ["pointer", "buffer", "buffer", "usize"], result: "void" },
  TF_SetAttrShape: { parameters: ["pointer", "buffer", "buffer", "i32"], result: "void" },
  TF_SetAttrTensor: { parameters: ["pointer", "buffer", "pointer", "pointer"], result: "void" },
  TF_GraphToFunction: {
    parameters: [
      "pointer",
      "buffer",
      "u8",
      "i32",
      "pointer",
      "i32",
      "buffer",
      "i32",
      "buffer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
    ],
    result: "pointer",
  },
  TF_DeleteFunction: { parameters: ["pointer"], result: "void" },
  TF_GraphCopyFunction: { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "void" },
  TF_GraphSetTensorShape: { parameters: ["pointer", OUTPUT, "buffer", "i32", "pointer"], result: "void" },
  TF_GraphGetTensorNumDims: { parameters: ["pointer", OUTPUT, "pointer"], result: "i32" },
  TF_GraphGetTensorShape: { parameters: ["pointer", OUTPUT, "buffer", "i32", "pointer"], result: "void" },
  TF_OperationOutputType: { parameters: [OUTPUT], result: "i32" },
} as const;

/**
 * Settings that TensorFlow reads while it loads; the environment overrides them. By default oneDNN is on only for
 * AVX-512, but on AVX2 its batched products are three to four times as fast as Eigen's, too. `ALLOW_GROWTH` takes a
 * GPU's memory as needed; TensorFlow would take nearly all of it at once.
 */
const SETTINGS = { TF_CPP_MIN_LOG_LEVEL: "2", TF_ENABLE_ONEDNN_OPTS: "1", TF_FORCE_GPU_ALLOW_GROWTH: "true" };

function load() {
  const { cc, framework } = findLibrary();
  for (const [name, value] of Object.entries(SETTINGS)) if (!Deno.env.has(name)) Deno.env.set(name, value);
  pinLibrary(framework);
  pinLibrary(cc);
  return Deno.dlopen(cc, symbols).symbols;
}

/** libtensorflow's functions. Importing this module loads the library. */
export const C: Deno.DynamicLibrary<typeof symbols>["symbols"] = load();

/** TensorFlow's numbers of element types. */
export const DType = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
} as const;

const encoder = new TextEncoder();
const names = new Map<string, Uint8Array<ArrayBuffer>>();

/** `text` as a zero-terminated C string; cached, since it serves for the names of ops and attributes. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  let bytes = names.get(text);
  if (!bytes) names.set(text, bytes = encoder.encode(`${text}\0`));
  return bytes;
}

/** `text` as bytes without a terminating zero. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

/** The text of a C string; empty for a null pointer. */
export const readString = (pointer: Pointer): string =>
  pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);

/** The status of all synchronous calls of this thread. */
export const status: Pointer = C.TF_NewStatus();

/**
 * Throws if a status reports an error.
 *
 * @param context what was attempted, for the message
 * @throws {TensorFlowError}
 */
export function check(context: () => string, which: Pointer = status): void {
  if (C.TF_GetCode(which) === 0) return;
  const message = readString(C.TF_Message(which)).split("\n")[0];
  throw new TensorFlowError(`${context()}: ${message}`);
}
