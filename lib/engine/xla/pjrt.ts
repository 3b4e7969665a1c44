/**
 * XLA through the C API of its plug-ins (PJRT) by Deno's FFI: StableHLO text in, arrays out, on any device that has a
 * plug-in.
 *
 * Each function of the API takes one struct and returns an error or null. Every field used here stands in a slot of
 * eight bytes (little-endian; a C int or bool is a slot's low part), so that a struct is a BigUint64Array: its size, the
 * start of its extensions, then its fields from slot 2 on, in the order of `pjrt_c_api.h`. Functions keep their place in
 * the API's table; new ones come behind.
 * @module
 */
import { elementBytes, type ElementType, ofPjrt, pjrtNumber } from "./element_types.ts";
import { pinLibrary } from "../library.ts";

/** An error of the plug-in: which function failed, absl's status code (3 invalid argument, 8 out of memory), and why. */
export class PjrtError extends Error {
  /** Its class. */
  override name = "PjrtError";
  /** An error of the function `call`. */
  constructor(readonly call: string, readonly code: number, message: string) {
    super(`${call}: ${message}`);
  }
}

/** Functions used here, by their place in PJRT_Api. */
const functions = {
  PJRT_Error_Destroy: 0,
  PJRT_Error_Message: 1,
  PJRT_Error_GetCode: 2,
  PJRT_Plugin_Initialize: 3,
  PJRT_Event_Destroy: 5,
  PJRT_Event_Await: 8,
  PJRT_Client_Create: 10,
  PJRT_Client_Destroy: 11,
  PJRT_Client_PlatformName: 12,
  PJRT_Client_PlatformVersion: 14,
  PJRT_Client_AddressableDevices: 16,
  PJRT_Client_Compile: 20,
  PJRT_Client_BufferFromHostBuffer: 22,
  PJRT_DeviceDescription_Kind: 26,
  PJRT_Device_GetDescription: 29,
  PJRT_Device_MemoryStats: 34,
  PJRT_Executable_Destroy: 40,
  PJRT_Executable_NumOutputs: 44,
  PJRT_Executable_Serialize: 49,
  PJRT_LoadedExecutable_Destroy: 50,
  PJRT_LoadedExecutable_GetExecutable: 51,
  PJRT_LoadedExecutable_AddressableDevices: 52,
  PJRT_LoadedExecutable_Execute: 55,
  PJRT_Executable_DeserializeAndLoad: 56,
  PJRT_Buffer_Destroy: 58,
  PJRT_Buffer_ElementType: 59,
  PJRT_Buffer_Dimensions: 60,
  PJRT_Buffer_IsDeleted: 68,
  PJRT_Buffer_ToHostBuffer: 70,
} as const;
type Name = keyof typeof functions;

/** PJRT_Api begins with its size, extensions, and a version of 24 bytes; then the functions. */
const FIRST_FUNCTION = 40;

/** The oldest version of the API (0.N) that this module was run with. */
const OLDEST_API = 81;

/**
 * Slots of every argument struct. A plug-in refuses a struct smaller than the one it knows and takes a larger one, whose
 * zeros are defaults: one size serves old and new plug-ins.
 */
const STRUCT_SLOTS = 32;

type Field = bigint | number | ArrayBufferView<ArrayBuffer>;
/** Words that hold addresses, and what these point to, which must live as long. */
type Struct = BigUint64Array<ArrayBuffer> & { held?: unknown };

const encoder = new TextEncoder(), decoder = new TextDecoder();
const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

function word(field: Field): bigint {
  if (typeof field !== "object") return BigInt.asUintN(64, BigInt(field));
  return field.byteLength === 0 ? 0n : Deno.UnsafePointer.value(Deno.UnsafePointer.of(field));
}

const words = (held: readonly Field[]): Struct => Object.assign(BigUint64Array.from(held, word), { held });

function struct(fields: readonly Field[], slots = STRUCT_SLOTS): Struct {
  const made: Struct = new BigUint64Array(slots);
  made[0] = BigInt(8 * slots);
  made.set(words(fields), 2);
  return Object.assign(made, { held: fields });
}

function bytesAt(address: bigint, size: bigint): ArrayBuffer {
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null || size === 0n) return new ArrayBuffer(0);
  return Deno.UnsafePointerView.getArrayBuffer(pointer, Number(size)).slice(0);
}
const textAt = (address: bigint, size: bigint): string => decoder.decode(bytesAt(address, size));
const wordsAt = (address: bigint, count: bigint): BigUint64Array => new BigUint64Array(bytesAt(address, 8n * count));
const int = (slot: bigint): number => Number(BigInt.asIntN(32, slot));
const bool = (slot: bigint): boolean => (slot & 0xffn) !== 0n;

const HERE = { parameters: ["buffer"], result: "pointer" } as const;
const ELSEWHERE = { parameters: ["buffer"], result: "pointer", nonblocking: true } as const;

/** A loaded plug-in: `call` runs a function with its struct, whose out fields are then set; `later` on another thread. */
type Library = {
  version: string;
  live: number;
  call(name: Name, args: Struct): Struct;
  later(name: Name, args: Struct): Promise<Struct>;
};

const libraries = new Map<string, Library>();

function openLibrary(path: string): Library {
  if (!Deno.env.has("TF_CPP_MIN_LOG_LEVEL")) Deno.env.set("TF_CPP_MIN_LOG_LEVEL", "3"); // errors are thrown
  pinLibrary(path);
  const { symbols } = Deno.dlopen(path, { GetPjrtApi: { parameters: [], result: "pointer" } });
  const api = new Deno.UnsafePointerView(symbols.GetPjrtApi()!), size = api.getBigUint64(0);
  const [major, minor] = [api.getInt32(32), api.getInt32(36)];
  if (major !== 0 || minor < OLDEST_API) {
    throw new PjrtError("GetPjrtApi", 9, `expected API 0.${OLDEST_API} or newer, found ${major}.${minor}`);
  }
  const pointer = <T>(name: Name): Deno.PointerObject<T> => {
    const offset = FIRST_FUNCTION + 8 * functions[name], found = offset < size ? api.getPointer<T>(offset) : null;
    if (found === null) throw new PjrtError(name, 12, "the plug-in has no such function");
    return found;
  };
  const here = new Map<Name, Deno.UnsafeFnPointer<typeof HERE>>();
  const elsewhere = new Map<Name, Deno.UnsafeFnPointer<typeof ELSEWHERE>>();
  const hereOf = (name: Name) => {
    if (!here.has(name)) here.set(name, new Deno.UnsafeFnPointer(pointer(name), HERE));
    return here.get(name)!;
  };
  const elsewhereOf = (name: Name) => {
    if (!elsewhere.has(name)) elsewhere.set(name, new Deno.UnsafeFnPointer(pointer(name), ELSEWHERE));
    return elsewhere.get(name)!;
  };
  /** Throws what a function returned, if it is an error. */
  const check = (name: Name, error: Deno.PointerValue): void => {
    if (error === null) return;
    const args = struct([Deno.UnsafePointer.value(error)]); // these three return nothing, or no error of their own
    hereOf("PJRT_Error_Message").call(args);
    const message = textAt(args[3], args[4]);
    hereOf("PJRT_Error_GetCode").call(args);
    const code = int(args[3]);
    hereOf("PJRT_Error_Destroy").call(args);
    throw new PjrtError(name, code, message);
  };
  const library: Library = {
    version: `${major}.${minor}`,
    live: 0,
    call(name, args) {
      check(name, hereOf(name).call(args));
      return args;
    },
    async later(name, args) {
      check(name, await elsewhereOf(name).call(args));
      return args;
    },
  };
  library.call("PJRT_Plugin_Initialize", struct([]));
  return library;
}

/** Waits for an event on another thread, and frees it. */
async function settle({ call, later }: Library, event: bigint): Promise<void> {
  try {
    await later("PJRT_Event_Await", struct([event]));
  } finally {
    call("PJRT_Event_Destroy", struct([event]));
  }
}

/** A value of a client's options; numbers are whole, or `{ float }`. */
export type PjrtOption = string | number | boolean | { float: number } | number[];

const NAMED_VALUE_SLOTS = 7;

/** PJRT_NamedValue: name, its size, kind (0 text, 1 int64, 2 int64 list, 3 float, 4 bool), value, its size. */
function namedValue([name, value]: [string, PjrtOption]): Struct {
  const kind = (): Field[] => {
    if (typeof value === "string") return [0, utf8(value), utf8(value).length];
    if (typeof value === "boolean") return [4, Number(value), 1];
    if (typeof value === "number") return [1, value, 1];
    if (Array.isArray(value)) return [2, BigInt64Array.from(value, BigInt), value.length];
    return [3, new Uint32Array(Float32Array.of(value.float).buffer)[0], 1];
  };
  return struct([utf8(name), utf8(name).length, ...kind()], NAMED_VALUE_SLOTS);
}

const varint = (value: number): number[] => value < 128 ? [value] : [value & 127 | 128, ...varint(value >>> 7)];
const lengthened = (field: number, bytes: ArrayLike<number>): number[] => [
  ...varint(field << 3 | 2),
  ...varint(bytes.length),
  ...Array.from(bytes),
];

/** A flag of XLA for one module: text, bool or whole number. */
export type XlaFlag = string | boolean | number;

/**
 * XLA's CompileOptionsProto. Field 3 has the build options (4: replicas, 5: partitions); field 7 is a map of XLA's flags
 * by name, whose value is a text (1), a bool (2) or an integer (3).
 */
export function compileOptions(replicas: number, flags: Readonly<Record<string, XlaFlag>>): Uint8Array<ArrayBuffer> {
  const encoded = (value: XlaFlag): number[] => {
    if (typeof value === "string") return lengthened(1, utf8(value));
    return typeof value === "boolean" ? [2 << 3, Number(value)] : [3 << 3, ...varint(value)];
  };
  const entry = ([name, value]: [string, XlaFlag]) =>
    lengthened(7, [...lengthened(1, utf8(name)), ...lengthened(2, encoded(value))]);
  return Uint8Array.from([
    ...lengthened(3, [4 << 3, ...varint(replicas), 5 << 3, 1]),
    ...Object.entries(flags).flatMap(entry),
  ]);
}

/** An array on a device. Its maker frees it, also when an execution took its memory (`donated`). */
export type Buffer = {
  /** PJRT_Buffer. */
  readonly address: bigint;
  shape(): number[];
  type(): ElementType;
  /** Whether an execution has taken its memory. */
  donated(): boolean;
  /** Its values' bytes, row by row; waits for the executions that it depends on, and throws what they failed with. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /** As `read`, and blocks this thread. */
  readSync(): Uint8Array<ArrayBuffer>;
  free(): void;
};

/** A compiled module on its devices. */
export type Executable = {
  readonly outputs: number;
  readonly replicas: number;
  /**
   * Queues an execution on all of its devices. The promise is kept once it is queued: the outputs may go into the next
   * execution at once, and reading them waits.
   *
   * @param inputs each replica's, on its device
   * @param keep numbers of inputs that are not donated this time, whatever the module says
   * @returns each replica's outputs, which the caller frees
   */
  run(inputs: readonly (readonly Buffer[])[], keep?: readonly number[]): Promise<Buffer[][]>;
  /** As `run` on one device, from this thread. */
  runSync(inputs: readonly Buffer[]): Buffer[];
  /** Bytes that {@link Client.load} takes, on the same plug-in and device. */
  serialize(): Uint8Array<ArrayBuffer>;
  free(): void;
};

/** How to compile: on how many devices it runs at once, and XLA's flags for this module alone. */
export type CompileSettings = { replicas?: number; flags?: Readonly<Record<string, XlaFlag>> };

/** What a plug-in computes with: devices, their memory and the compiler. */
export type Client = {
  /** Its name and version. */
  readonly platform: string;
  /** The plug-in's version of the API, such as `0.115`. */
  readonly api: string;
  /** Each device's kind, such as `cpu` or a GPU's model. */
  readonly devices: readonly string[];
  /** Values on a device, row by row; copied before the call returns. */
  put(type: ElementType, shape: readonly number[], bytes: Uint8Array<ArrayBuffer>, device?: number): Buffer;
  /** Compiles MLIR's text, on another thread. Its inputs' attributes say which are donated. */
  compile(module: string, settings?: CompileSettings): Promise<Executable>;
  /** As `compile`, and blocks this thread. */
  compileSync(module: string, settings?: CompileSettings): Executable;
  /** An executable out of the bytes of {@link Executable.serialize}. */
  load(bytes: Uint8Array<ArrayBuffer>): Executable;
  /** Bytes in use on a device, at most, and there; undefined where the plug-in does not count. */
  memory(device?: number): { used: number; peak?: number; limit?: number } | undefined;
  /** Executables and buffers, of all clients of the plug-in, that have not been freed. */
  live(): number;
  /** Ends the client; its executables and buffers must have been freed. */
  free(): void;
};

function bufferAt(library: Library, address: bigint): Buffer {
  const { call } = library;
  library.live++;
  const shape = () => {
    const [, , , dims, rank] = call("PJRT_Buffer_Dimensions", struct([address]));
    return Array.from(wordsAt(dims, rank), Number);
  };
  const type = () => {
    const number = int(call("PJRT_Buffer_ElementType", struct([address]))[3]);
    const found = ofPjrt(number);
    if (!found) throw new PjrtError("PJRT_Buffer_ElementType", 12, `the element type ${number} is not known here`);
    return found;
  };
  /** Begins to copy the values; the event says when they are there. */
  const begin = () => {
    const lengths = shape(), size = lengths.reduce((a, b) => a * b, elementBytes(type()));
    const bytes = new Uint8Array(size);
    if (size === 0) return { bytes };
    // Row by row: PJRT_Buffer_MemoryLayout holds its tiled form (slots 2 to 8) and a kind (slot 9; 0 is tiled).
    const order = BigInt64Array.from(lengths, (_, i) => BigInt(lengths.length - 1 - i));
    const layout = struct([56, 0, order, order.length], 10);
    const args = call("PJRT_Buffer_ToHostBuffer", struct([address, layout, bytes, size]));
    return { bytes, event: args[6], held: args };
  };
  return {
    address,
    shape,
    type,
    donated: () => bool(call("PJRT_Buffer_IsDeleted", struct([address]))[3]),
    async read() {
      const { bytes, event } = begin();
      if (event !== undefined) await settle(library, event);
      return bytes;
    },
    readSync() {
      const { bytes, event } = begin();
      if (event === undefined) return bytes;
      try {
        call("PJRT_Event_Await", struct([event]));
      } finally {
        call("PJRT_Event_Destroy", struct([event]));
      }
      return bytes;
    },
    free() {
      call("PJRT_Buffer_Destroy", struct([address]));
      library.live--;
    },
  };
}

function executableAt(library: Library, address: bigint): Executable {
  const { call } = library;
  library.live++;
  const inner = <T>(use: (executable: bigint) => T): T => {
    const executable = call("PJRT_LoadedExecutable_GetExecutable", struct([address]))[3];
    try {
      return use(executable);
    } finally {
      call("PJRT_Executable_Destroy", struct([executable]));
    }
  };
  const outputs = inner((executable) => Number(call("PJRT_Executable_NumOutputs", struct([executable]))[3]));
  const replicas = Number(call("PJRT_LoadedExecutable_AddressableDevices", struct([address]))[4]);
  const prepare = (inputs: readonly (readonly Buffer[])[], keep: readonly number[]) => {
    const count = inputs[0]?.length ?? 0;
    if (inputs.length !== replicas || inputs.some((row) => row.length !== count)) {
      const found = inputs.map((row) => row.length);
      throw new PjrtError("run", 3, `expected ${replicas} rows of as many inputs, found rows of ${found}`);
    }
    const rows = inputs.map((row) => words(row.map(({ address }) => address)));
    const results = inputs.map(() => new BigUint64Array(Math.max(1, outputs)));
    const kept = BigInt64Array.from(keep, BigInt), settings = struct([0, 0, 0, 0, 0, kept, kept.length]);
    // the last slot, which takes an event for each device, stays null: whoever reads an output waits
    const args = struct([address, settings, words(rows), inputs.length, count, words(results)]);
    const take = () => results.map((row) => Array.from(row.subarray(0, outputs), (at) => bufferAt(library, at)));
    return { args, take };
  };
  return {
    outputs,
    replicas,
    async run(inputs, keep = []) {
      const { args, take } = prepare(inputs, keep);
      await library.later("PJRT_LoadedExecutable_Execute", args);
      return take();
    },
    runSync(inputs) {
      const { args, take } = prepare([inputs], []);
      call("PJRT_LoadedExecutable_Execute", args);
      return take()[0];
    },
    serialize() {
      return inner((executable) => {
        const [, , , at, size, owner, deleter] = call("PJRT_Executable_Serialize", struct([executable]));
        const bytes = new Uint8Array(bytesAt(at, size)), free = Deno.UnsafePointer.create(deleter);
        if (free !== null) {
          const signature = { parameters: ["pointer"], result: "void" } as const;
          new Deno.UnsafeFnPointer(free as Deno.PointerObject<typeof signature>, signature)
            .call(Deno.UnsafePointer.create(owner));
        }
        return bytes;
      });
    },
    free() {
      call("PJRT_LoadedExecutable_Destroy", struct([address]));
      library.live--;
    },
  };
}

function kindOf({ call }: Library, device: bigint): string {
  const description = call("PJRT_Device_GetDescription", struct([device]))[3];
  const [, , , kind, size] = call("PJRT_DeviceDescription_Kind", struct([description]));
  return textAt(kind, size);
}

/**
 * Loads a plug-in, once in a process, and makes a client of it. The library stays in memory to the end.
 *
 * @param path of a shared library that has `GetPjrtApi`
 * @param options the plug-in's own, such as `cpu_device_count`
 * @throws {PjrtError} if its API is too old, or it finds no device
 */
export function pjrtClient(path: string, options: Readonly<Record<string, PjrtOption>> = {}): Client {
  if (!libraries.has(path)) libraries.set(path, openLibrary(path));
  const library = libraries.get(path)!, { call } = library;
  const values = Object.entries(options).map(namedValue);
  const array: Struct = new BigUint64Array(NAMED_VALUE_SLOTS * values.length);
  values.forEach((value, i) => array.set(value, NAMED_VALUE_SLOTS * i));
  array.held = values;
  const address = call("PJRT_Client_Create", struct([array, values.length]))[8];
  const [, , , name, nameSize] = call("PJRT_Client_PlatformName", struct([address]));
  const [, , , version, versionSize] = call("PJRT_Client_PlatformVersion", struct([address]));
  const [, , , list, count] = call("PJRT_Client_AddressableDevices", struct([address]));
  const devices = wordsAt(list, count);

  const compilation = (module: string, { replicas = 1, flags = {} }: CompileSettings): Struct => {
    const code = utf8(module), format = utf8("mlir"), given = compileOptions(replicas, flags);
    const program = struct([code, code.length, format, format.length], 6);
    return struct([address, program, given, given.length]);
  };
  return {
    platform: `${textAt(name, nameSize)} (${textAt(version, versionSize)})`,
    api: library.version,
    devices: Array.from(devices, (device) => kindOf(library, device)),
    put(type, shape, bytes, device = 0) {
      const size = shape.reduce((a, b) => a * b, elementBytes(type));
      if (bytes.byteLength !== size) {
        throw new PjrtError("put", 3, `expected ${size} bytes for ${type}[${shape}], found ${bytes.byteLength}`);
      }
      const dims = BigInt64Array.from(shape, BigInt), DURING_CALL = 0;
      const source = [address, bytes, pjrtNumber(type), dims, dims.length, 0, 0, DURING_CALL, devices[device]];
      const args = call("PJRT_Client_BufferFromHostBuffer", struct(source));
      call("PJRT_Event_Destroy", struct([args[13]])); // of the end of reading `bytes`, which are copied by now
      return bufferAt(library, args[14]);
    },
    compile: async (module, settings = {}) =>
      executableAt(library, (await library.later("PJRT_Client_Compile", compilation(module, settings)))[6]),
    compileSync: (module, settings = {}) =>
      executableAt(library, call("PJRT_Client_Compile", compilation(module, settings))[6]),
    load: (bytes) =>
      executableAt(library, call("PJRT_Executable_DeserializeAndLoad", struct([address, bytes, bytes.length]))[5]),
    memory(device = 0) {
      try {
        const stats = call("PJRT_Device_MemoryStats", struct([devices[device]]));
        const known = (slot: number) => bool(stats[slot + 1]) ? Number(stats[slot]) : undefined;
        return { used: Number(stats[3]), peak: known(4), limit: known(10) };
      } catch (error) {
        if (error instanceof PjrtError) return undefined;
        throw error;
      }
    },
    live: () => library.live,
    free: () => void call("PJRT_Client_Destroy", struct([address])),
  };
}

/** float32 as bfloat16's bits, rounded to nearest, ties to even. */
export function toBfloat16(values: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const rounded = (b: number) => (b & 0x7fffffff) > 0x7f800000 ? b >>> 16 | 64 : (b + 0x7fff + (b >>> 16 & 1)) >>> 16;
  return Uint16Array.from(bits, rounded);
}

/** The inverse of {@link toBfloat16}. */
export const fromBfloat16 = (bits: Uint16Array): Float32Array<ArrayBuffer> =>
  new Float32Array(Uint32Array.from(bits, (b) => b << 16).buffer);
