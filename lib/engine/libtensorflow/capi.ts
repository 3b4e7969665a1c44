/**
 * TensorFlow's C functions with their types, and conversions of text and status.
 * @module
 */
import { TensorFlowError } from "../types.ts";
import { findLibrary, pinLibrary, quietly } from "../library.ts";

/** An opaque pointer into TensorFlow. */
export type Pointer = Deno.PointerValue;

/** TF_Output by value: an operation and the index of its output, 16 bytes. */
const OUTPUT = { struct: ["pointer", "i32"] } as const;

const P = "pointer", B = "buffer", V = "void";

/** The functions taken from the library: their arguments and results. */
const symbols = {
  TF_Version: { parameters: [], result: P },
  TF_NewStatus: { parameters: [], result: P },
  TF_DeleteStatus: { parameters: [P], result: V },
  TF_GetCode: { parameters: [P], result: "i32" },
  TF_Message: { parameters: [P], result: P },
  TF_AllocateTensor: { parameters: ["i32", B, "i32", "usize"], result: P },
  TF_TensorData: { parameters: [P], result: P },
  TF_TensorByteSize: { parameters: [P], result: "usize" },
  TF_DeleteTensor: { parameters: [P], result: V },
  TFE_NewContextOptions: { parameters: [], result: P },
  TFE_ContextOptionsSetConfig: { parameters: [P, B, "usize", P], result: V },
  TFE_DeleteContextOptions: { parameters: [P], result: V },
  TFE_NewContext: { parameters: [P, P], result: P },
  TFE_ContextListDevices: { parameters: [P, P], result: P },
  TF_DeviceListCount: { parameters: [P], result: "i32" },
  TF_DeviceListName: { parameters: [P, "i32", P], result: P },
  TF_DeleteDeviceList: { parameters: [P], result: V },
  TFE_NewTensorHandle: { parameters: [P, P], result: P },
  TFE_TensorHandleResolve: { parameters: [P, P], result: P },
  TFE_DeleteTensorHandle: { parameters: [P], result: V },
  TFE_TensorHandleDataType: { parameters: [P], result: "i32" },
  TFE_TensorHandleNumDims: { parameters: [P, P], result: "i32" },
  TFE_TensorHandleDim: { parameters: [P, "i32", P], result: "i64" },
  TFE_NewOp: { parameters: [P, B, P], result: P },
  TFE_DeleteOp: { parameters: [P], result: V },
  TFE_OpAddInput: { parameters: [P, P, P], result: V },
  TFE_OpSetAttrType: { parameters: [P, B, "i32"], result: V },
  TFE_OpSetAttrInt: { parameters: [P, B, "i64"], result: V },
  TFE_OpSetAttrIntList: { parameters: [P, B, B, "i32"], result: V },
  TFE_OpSetAttrFloat: { parameters: [P, B, "f32"], result: V },
  TFE_OpSetAttrBool: { parameters: [P, B, "u8"], result: V },
  TFE_OpSetAttrString: { parameters: [P, B, B, "usize"], result: V },
  TFE_OpSetAttrShape: { parameters: [P, B, B, "i32", P], result: V },
  TFE_Execute: { parameters: [P, B, B, P], result: V },
  /** The same function on another thread, while the event loop goes on. */
  TFE_ExecuteAsync: { name: "TFE_Execute", parameters: [P, B, B, P], result: V, nonblocking: true },
  /** Starts the server by which workers reach each other, on another thread. */
  TFE_EnableCollectiveOps: { parameters: [P, B, "usize", P], result: V, nonblocking: true },
  /** Asks another worker's server for an answer within so many milliseconds, on another thread. */
  TFE_CollectiveOpsCheckPeerHealth: { parameters: [P, B, "i64", P], result: V, nonblocking: true },
  TFE_AbortCollectiveOps: { parameters: [P, P], result: V },
  TF_SetStatus: { parameters: [P, "i32", B], result: V },
  TFE_ContextAddFunction: { parameters: [P, P, P], result: V },
  TF_NewGraph: { parameters: [], result: P },
  TF_DeleteGraph: { parameters: [P], result: V },
  TF_NewOperation: { parameters: [P, B, B], result: P },
  TF_AddInput: { parameters: [P, OUTPUT], result: V },
  TF_AddInputList: { parameters: [P, B, "i32"], result: V },
  TF_FinishOperation: { parameters: [P, P], result: P },
  TF_SetAttrType: { parameters: [P, B, "i32"], result: V },
  TF_SetAttrInt: { parameters: [P, B, "i64"], result: V },
  TF_SetAttrIntList: { parameters: [P, B, B, "i32"], result: V },
  TF_SetAttrFloat: { parameters: [P, B, "f32"], result: V },
  TF_SetAttrBool: { parameters: [P, B, "u8"], result: V },
  TF_SetAttrString: { parameters: [P, B, B, "usize"], result: V },
  TF_SetAttrShape: { parameters: [P, B, B, "i32"], result: V },
  TF_SetAttrTensor: { parameters: [P, B, P, P], result: V },
  TF_GraphToFunction: { parameters: [P, B, "u8", "i32", P, "i32", B, "i32", B, P, P, P, P], result: P },
  TF_DeleteFunction: { parameters: [P], result: V },
  TF_GraphCopyFunction: { parameters: [P, P, P, P], result: V },
  TF_GraphSetTensorShape: { parameters: [P, OUTPUT, B, "i32", P], result: V },
  TF_GraphGetTensorNumDims: { parameters: [P, OUTPUT, P], result: "i32" },
  TF_GraphGetTensorShape: { parameters: [P, OUTPUT, B, "i32", P], result: V },
  TF_OperationOutputType: { parameters: [OUTPUT], result: "i32" },
} as const;

/**
 * Settings that TensorFlow reads while it loads; the environment overrides them. By default oneDNN is on only for
 * AVX-512, but on AVX2 its batched products are three to four times as fast as Eigen's, too.
 */
const SETTINGS = { TF_CPP_MIN_LOG_LEVEL: "2", TF_ENABLE_ONEDNN_OPTS: "1" };

function load() {
  const { cc, framework } = findLibrary(), wordy = Deno.env.get("TF_CPP_MIN_LOG_LEVEL") === "0"; // children inherit ours
  for (const [name, value] of Object.entries(SETTINGS)) if (!Deno.env.has(name)) Deno.env.set(name, value);
  const open = () => {
    pinLibrary(framework);
    pinLibrary(cc);
    return Deno.dlopen(cc, symbols).symbols;
  };
  return wordy ? open() : quietly(open);
}

/** libtensorflow's functions. Importing this module loads the library. */
export const C: Deno.DynamicLibrary<typeof symbols>["symbols"] = load();

const encoder = new TextEncoder();
const cStrings = new Map<string, Uint8Array<ArrayBuffer>>();

/** `text` as a zero-terminated C string; cached, since it serves for the names of ops and attributes. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (!cStrings.has(text)) cStrings.set(text, encoder.encode(`${text}\0`));
  return cStrings.get(text)!;
}

/** `text` as bytes without a terminating zero. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

/** The text of a C string; empty for a null pointer. */
export const readString = (pointer: Pointer): string =>
  pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);

/** The status of all synchronous calls of this thread. */
export const status: Pointer = C.TF_NewStatus();

/** Throws a TensorFlowError if a status reports an error; `context` says what was attempted. */
export function check(context: () => string, which: Pointer = status): void {
  if (C.TF_GetCode(which) === 0) return;
  const message = readString(C.TF_Message(which)).split("\n")[0];
  throw new TensorFlowError(`${context()}: ${message}`);
}
