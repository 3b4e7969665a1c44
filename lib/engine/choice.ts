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
  "libtensorflow": "libtensorflow, on a GPU if CUDA finds one",
  "cpu": "libtensorflow on the CPU, even if there is a GPU",
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

/**
 * The machine's GPUs by TensorFlow's names and what it can do with them: the version of NVIDIA's driver (`unknown` if
 * it does not say, undefined if there is none), whether this libtensorflow was built with `cuda`, CUDA's libraries that
 * it needs and cannot open, and `CUDA_VISIBLE_DEVICES`.
 */
export type FoundDevices = {
  choice: EngineChoice;
  gpus: readonly string[];
  driver: string | undefined;
  cuda: boolean;
  missing: readonly string[];
  visible: string | undefined;
};

/** Why no GPU is used though there is a driver, and what to do about it. */
function idleReason({ choice, cuda, missing, visible }: FoundDevices): string {
  if (choice === "cpu") return "ENGINE=cpu says so.";
  if (visible !== undefined && /^(-1.*|\s*)$/.test(visible)) {
    return `CUDA_VISIBLE_DEVICES=${JSON.stringify(visible)} hides it.`;
  }
  if (!cuda) {
    return "this libtensorflow was built without CUDA. Run `deno task setup`, which takes the build with CUDA " +
      "where it finds a driver that serves; ENGINE=webgpu uses the GPU without CUDA.";
  }
  return missing.length > 0
    ? `CUDA's libraries ${missing.join(", ")} cannot be opened. Run \`deno task setup\`, which lays them ` +
      "beside libtensorflow, or install CUDA 12 and cuDNN 9."
    : "TensorFlow finds none that it can use. `nvidia-smi` shows whether the driver sees one; " +
      "TF_CPP_MIN_LOG_LEVEL=0 makes TensorFlow say why it does not use it.";
}

/** Sentences about the device that a reader would not expect: GPUs left idle, and what to do about it. */
export function deviceNotes(found: FoundDevices): string[] {
  const { gpus, driver } = found;
  if (gpus.length > 1) {
    return [
      `${gpus.length} GPUs are visible, one is used: ${gpus[0]}. CUDA_VISIBLE_DEVICES chooses another ` +
      "(CUDA_VISIBLE_DEVICES=1 the second).",
    ];
  }
  if (gpus.length === 1 || driver === undefined) return [];
  const version = driver === "unknown" ? "" : ` ${driver}`;
  return [`NVIDIA's driver${version} is here, but no GPU is used: ${idleReason(found)}`];
}

/** The oldest major version of NVIDIA's driver that runs CUDA 12 (NVIDIA's table of CUDA and driver versions). */
const OLDEST_DRIVER = 525;

/** Whether to fetch the build with CUDA (three gigabytes with NVIDIA's libraries), and if not, why. */
export function wantsCuda(
  { os, arch, driver, choice }: { os: string; arch: string } & Pick<FoundDevices, "driver" | "choice">,
): { cuda: boolean; why?: string } {
  const no = (why: string) => ({ cuda: false, why });
  if (driver === undefined) return { cuda: false };
  if (os !== "linux" || arch !== "x86_64") {
    return no(`TensorFlow has no build with CUDA for ${os} ${arch}; ENGINE=webgpu may use the GPU`);
  }
  if (choice === "cpu" || choice === "webgpu") return no(`ENGINE=${choice} needs no CUDA`);
  if (parseInt(driver) < OLDEST_DRIVER) {
    return no(`NVIDIA's driver is ${driver}, CUDA 12 needs ${OLDEST_DRIVER} or newer; update it and run setup again`);
  }
  return { cuda: true };
}
