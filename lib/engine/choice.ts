/**
 * Decides which engine runs on which device. Pure: library.ts finds out what the machine has.
 * @module
 */
import { EngineError } from "./error.ts";

/** Values of the environment variable `ENGINE`, and their meaning. */
const engineChoices = {
  "auto": "libtensorflow, on a GPU if CUDA finds one; WebGPU where TensorFlow has no library for the system",
  "libtensorflow": "libtensorflow, on a GPU if CUDA finds one",
  "cpu": "libtensorflow on the CPU, even if there is a GPU",
  "webgpu": "TensorFlow.js' WebGPU back end, on a GPU of any maker",
} as const;

/** A value of `ENGINE`. */
export type EngineChoice = keyof typeof engineChoices;

/**
 * The value of `ENGINE`; `auto` if it is not set.
 *
 * @throws {EngineError} with the list of values, if it is none of them
 *
 * @example
 * ```ts
 * import { engineChoice } from "@lib/engine/choice.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(engineChoice(undefined), "auto");
 * assertEquals(engineChoice("webgpu"), "webgpu");
 * ```
 */
export function engineChoice(text: string | undefined): EngineChoice {
  if (text === undefined || text === "") return "auto";
  if (Object.hasOwn(engineChoices, text)) return text as EngineChoice;
  const list = Object.entries(engineChoices).map(([name, meaning]) => `\n  ${name}: ${meaning}`).join("");
  throw new EngineError(`ENGINE: expected one of these, found ${JSON.stringify(text)}.${list}`);
}

/**
 * The engine of a choice. Where a library exists but is not installed, this does not fall back to a slower engine: loading
 * it fails with advice how to get it.
 *
 * @param library whether there is a libtensorflow for this system at all
 */
export function chooseEngine(choice: EngineChoice, library: boolean): "libtensorflow" | "WebGPU" {
  return choice === "webgpu" || (choice === "auto" && !library) ? "WebGPU" : "libtensorflow";
}

/** The machine's GPUs and what TensorFlow can do with them. */
export interface FoundDevices {
  /** The value of `ENGINE`. */
  choice: EngineChoice;
  /** TensorFlow's names of the GPUs it can use. */
  gpus: readonly string[];
  /** Version of NVIDIA's driver, or `unknown`; undefined if there is no driver. */
  driver: string | undefined;
  /** Whether this libtensorflow was built with CUDA. */
  cuda: boolean;
  /** CUDA's libraries that TensorFlow needs and cannot open. */
  missing: readonly string[];
  /** The environment variable `CUDA_VISIBLE_DEVICES`. */
  visible: string | undefined;
}

/** Sentences about the device that a reader would not expect: GPUs left idle, and what to do about it. */
export function deviceNotes({ choice, gpus, driver, cuda, missing, visible }: FoundDevices): string[] {
  if (gpus.length > 1) {
    return [
      `${gpus.length} GPUs are visible, one is used: ${gpus[0]}. CUDA_VISIBLE_DEVICES chooses another ` +
      "(CUDA_VISIBLE_DEVICES=1 the second).",
    ];
  }
  if (gpus.length === 1 || driver === undefined) return [];
  const idle = `NVIDIA's driver${driver === "unknown" ? "" : ` ${driver}`} is here, but no GPU is used: `;
  if (choice === "cpu") return [`${idle}ENGINE=cpu says so.`];
  if (visible !== undefined && /^(-1.*|\s*)$/.test(visible)) {
    return [`${idle}CUDA_VISIBLE_DEVICES=${JSON.stringify(visible)} hides it.`];
  }
  if (!cuda) {
    return [
      `${idle}this libtensorflow was built without CUDA. Run \`deno task setup\`, which takes the build with CUDA ` +
      "where it finds a driver that serves; ENGINE=webgpu uses the GPU without CUDA.",
    ];
  }
  if (missing.length > 0) {
    return [
      `${idle}CUDA's libraries ${missing.join(", ")} cannot be opened. Run \`deno task setup\`, which lays them ` +
      "beside libtensorflow, or install CUDA 12 and cuDNN 9.",
    ];
  }
  return [
    `${idle}TensorFlow finds none that it can use. \`nvidia-smi\` shows whether the driver sees one; ` +
    "TF_CPP_MIN_LOG_LEVEL=0 makes TensorFlow say why it does not use it.",
  ];
}

/** The oldest major version of NVIDIA's driver that runs CUDA 12 (NVIDIA's table of CUDA and driver versions). */
const OLDEST_DRIVER = 525;

/**
 * Whether to fetch the build with CUDA (three gigabytes with NVIDIA's libraries), and if not, why.
 *
 * @param driver as in {@link FoundDevices}
 */
export function wantsCuda(
  { os, arch, driver, choice }: { os: string; arch: string; driver: string | undefined; choice: EngineChoice },
): { cuda: boolean; why?: string } {
  if (driver === undefined) return { cuda: false };
  if (os !== "linux" || arch !== "x86_64") {
    return { cuda: false, why: `TensorFlow has no build with CUDA for ${os} ${arch}; ENGINE=webgpu may use the GPU` };
  }
  if (choice === "cpu" || choice === "webgpu") return { cuda: false, why: `ENGINE=${choice} needs no CUDA` };
  if (parseInt(driver) < OLDEST_DRIVER) {
    return {
      cuda: false,
      why: `NVIDIA's driver is ${driver}, CUDA 12 needs ${OLDEST_DRIVER} or newer; update it and run setup again`,
    };
  }
  return { cuda: true };
}
