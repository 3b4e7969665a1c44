/**
 * Decides which engine runs on which device. Pure: library.ts finds out what the machine has.
 * @module
 */
import { EngineError, type EngineName } from "./types.ts";

/** Values of the environment variable `ENGINE`, and their meaning. */
const engineChoices = {
  "auto":
    "XLA where there is an NVIDIA driver and its plug-in is set up; else libtensorflow; WebGPU where TensorFlow " +
    "has no library for the system",
  "xla": "XLA by a plug-in (PJRT): NVIDIA's GPUs, or what PJRT_PLUGIN names; on a CPU slower than libtensorflow",
  "libtensorflow": "libtensorflow on the CPU",
  "cpu": "libtensorflow on the CPU, too",
  "webgpu": "TensorFlow.js' WebGPU back end, on a GPU of any maker",
} as const;

/** A value of `ENGINE`. */
export type EngineChoice = keyof typeof engineChoices;

/** The value of `ENGINE`, `auto` if it is not set; an EngineError with the list of values if it is none of them. */
export function engineChoice(text: string | undefined): EngineChoice {
  if (text === undefined || text === "") return "auto";
  if (Object.hasOwn(engineChoices, text)) return text as EngineChoice;
  const list = Object.entries(engineChoices).map(([name, meaning]) => `\n  ${name}: ${meaning}`).join("");
  throw new EngineError(`ENGINE: expected one of these, found ${JSON.stringify(text)}.${list}`);
}

/**
 * The engine of a choice, given whether there is a libtensorflow for this system at all, and a plug-in of XLA for its
 * GPU. One that is not installed does not make it fall back to a slower engine: loading fails with advice how to get it.
 */
export function chooseEngine(choice: EngineChoice, library: boolean, plugin: boolean): EngineName {
  if (choice === "xla" || (choice === "auto" && plugin)) return "XLA";
  return choice === "webgpu" || (choice === "auto" && !library) ? "WebGPU" : "libtensorflow";
}

/** An address's host, without the brackets of IPv6, and port. */
export function hostAndPort(address: string): { hostname: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { hostname: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(address.slice(colon + 1)) };
}

/** Which of the workers that train one model a process is, from 0, and the addresses (`host:port`) of all, in order. */
export type WorkerPlace = { worker: number; hosts: readonly string[] };

/**
 * The place by `WORKER_HOSTS` (addresses with commas) and `WORKER`; undefined where the first is not set, or names one.
 *
 * @throws {EngineError} naming the variable, if an address has no port or stands twice, or there is no such worker
 */
export function workerPlace(hostList: string | undefined, worker: string | undefined): WorkerPlace | undefined {
  if (!hostList) return undefined;
  const hosts = hostList.split(","), number = Number(worker || NaN);
  const wrong = hosts.find((host, i) =>
    !/^(\[[\da-f:]+\]|[\w.-]+):[1-9]\d{0,4}$/i.test(host) || hosts.indexOf(host) < i
  );
  if (wrong !== undefined) {
    throw new EngineError(
      `Workers' addresses: expected host:port,host:port,…, each once, found ${JSON.stringify(wrong)} in ${hostList}.`,
    );
  }
  if (!Number.isInteger(number) || number < 0 || number >= hosts.length) {
    throw new EngineError(`The worker: expected its number, 0 to ${hosts.length - 1}, found ${worker || "none"}.`);
  }
  return hosts.length === 1 ? undefined : { worker: number, hosts };
}

/**
 * A machine whose CPU computes: `ENGINE`, the version of NVIDIA's driver (`unknown` if it does not say, undefined if
 * there is none), and whether XLA has a plug-in for it.
 */
type IdleMachine = { choice: EngineChoice; driver: string | undefined; plugin: boolean };

/** Why libtensorflow leaves a GPU idle though there is a driver, and what to do about it; nothing without one. */
export function idleNotes({ choice, driver, plugin }: IdleMachine): string[] {
  if (driver === undefined) return [];
  const version = driver === "unknown" ? "" : ` ${driver}`;
  const why = () => {
    if (choice !== "auto") return `ENGINE=${choice} says so.`;
    return plugin
      ? "XLA's plug-in does not start. `nvidia-smi` shows whether the driver sees one, CUDA_VISIBLE_DEVICES hides some."
      : "XLA has no plug-in here. `deno task setup` fetches it where the driver serves; PJRT_PLUGIN takes another.";
  };
  return [`NVIDIA's driver${version} is here, but no GPU is used: ${why()}`];
}
