/**
 * Finds libtensorflow, or says how to get it; and NVIDIA's driver and libraries.
 * @module
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { chooseEngine, engineChoice } from "./choice.ts";
import { EngineError } from "./error.ts";

/** TensorFlow's two libraries: the C API with all kernels, and the framework, which must be loaded before it. */
interface LibraryPaths {
  cc: string;
  framework: string;
}

const NAMES: Partial<Record<typeof Deno.build.os, LibraryPaths>> = {
  linux: { cc: "libtensorflow_cc.so.2", framework: "libtensorflow_framework.so.2" },
  darwin: { cc: "libtensorflow_cc.2.dylib", framework: "libtensorflow_framework.2.dylib" },
};

const stat = (path: string): Deno.FileInfo | undefined => {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
};
const exists = (path: string): boolean => stat(path)?.isFile ?? false;
const isFolder = (path: string): boolean => stat(path)?.isDirectory ?? false;

/** Whether TensorFlow has a library for this system at all. */
export const hasLibrary = (): boolean => NAMES[Deno.build.os] !== undefined;

/** Whether this process computes with libtensorflow, by `ENGINE` and the system. */
export const usesLibrary = (): boolean =>
  chooseEngine(engineChoice(Deno.env.get("ENGINE")), hasLibrary()) === "libtensorflow";

/**
 * The libraries' paths: in the folder that `LIBTENSORFLOW_DIR` names, or where `deno task setup` puts them.
 *
 * @throws {EngineError} on a platform without them, or if they are missing, with what to do
 */
export function findLibrary(): LibraryPaths {
  const names = NAMES[Deno.build.os];
  if (!names) {
    const system = `${Deno.build.os} (${Deno.build.arch})`;
    throw new EngineError(
      `libtensorflow: there is none for ${system}. Use Linux, macOS, or WSL2 on Windows, or ENGINE=webgpu.`,
    );
  }
  const folder = Deno.env.get("LIBTENSORFLOW_DIR") ??
    fileURLToPath(new URL("../../.venv/libtensorflow/tensorflow", import.meta.url));
  const paths = { cc: `${folder}/${names.cc}`, framework: `${folder}/${names.framework}` };
  for (const path of [paths.framework, paths.cc]) {
    if (!exists(path)) {
      throw new EngineError(
        `libtensorflow: expected ${path}, found no such file. Run \`deno task setup\`, ` +
          "or set LIBTENSORFLOW_DIR to its folder, or ENGINE=webgpu to do without.",
      );
    }
  }
  return paths;
}

const cText = (text: string) => new TextEncoder().encode(`${text}\0`);

const libc = () =>
  Deno.dlopen(Deno.build.os === "darwin" ? "libSystem.dylib" : "libc.so.6", {
    dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
    open: { parameters: ["buffer", "i32"], result: "i32" },
    dup: { parameters: ["i32"], result: "i32" },
    dup2: { parameters: ["i32", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  }).symbols;

/**
 * Keeps a library in memory until the process ends. Deno unloads its libraries while TensorFlow's threads still run, which
 * would end the process with a segmentation fault.
 */
export function pinLibrary(path: string): void {
  const RTLD_LAZY = 1, RTLD_NODELETE = Deno.build.os === "darwin" ? 0x80 : 0x1000;
  libc().dlopen(cText(path), RTLD_LAZY | RTLD_NODELETE);
}

/**
 * Runs `load` while standard error goes nowhere. As it loads, TensorFlow prints lines that no setting holds back; what fails
 * is thrown all the same.
 */
export function quietly<T>(load: () => T): T {
  const { open, dup, dup2, close } = libc(), stderr = 2, O_WRONLY = 1;
  const kept = dup(stderr), nowhere = open(cText("/dev/null"), O_WRONLY);
  dup2(nowhere, stderr);
  try {
    return load();
  } finally {
    dup2(kept, stderr);
    close(kept);
    close(nowhere);
  }
}

/**
 * Why products in bfloat16 cannot be computed, if so: at `ONEDNN_MAX_CPU_ISA` below AVX-512 oneDNN has none, but TensorFlow
 * calls it by the processor's abilities, and the process aborts.
 */
export function bfloat16Problem(env: (name: string) => string | undefined = (name) => Deno.env.get(name)) {
  const level = env("ONEDNN_MAX_CPU_ISA") ?? "";
  if (env("TF_ENABLE_ONEDNN_OPTS") === "0" || !/^(SSE41|AVX|AVX2.*)$/i.test(level)) return undefined;
  return `ONEDNN_MAX_CPU_ISA=${level}: expected AVX512_CORE or above, where oneDNN has bfloat16. Unset it, or choose ` +
    "training.precision float32.";
}

/**
 * The version of NVIDIA's driver; `unknown` if it does not say (WSL2), undefined if there is no driver.
 *
 * @param root a folder in place of `/`
 */
export function nvidiaDriver(root = ""): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const path = `${root}/proc/driver/nvidia/version`;
  if (exists(path)) return /Module\s+(?:for \S+\s+)?(\d[\d.]*)/.exec(Deno.readTextFileSync(path))?.[1] ?? "unknown";
  const folders = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib/wsl/lib",
    "/usr/local/nvidia/lib64",
  ];
  return folders.some((folder) => exists(`${root}${folder}/libcuda.so.1`)) ? "unknown" : undefined;
}

/** The libraries that the build with CUDA opens to look for GPUs; if one is missing, it uses no GPU. */
const CUDA_LIBRARIES = [
  "libcudart.so.12",
  "libcublas.so.12",
  "libcublasLt.so.12",
  "libcudnn.so.9",
  "libcufft.so.11",
  "libcusolver.so.11",
  "libcusparse.so.12",
];

const opens = (name: string): boolean => {
  try {
    Deno.dlopen(name, {}).close();
    return true;
  } catch {
    return false; // TensorFlow cannot open it either, whatever the reason
  }
};

/**
 * CUDA's libraries that are neither beside libtensorflow, on its run path (`../nvidia/NAME/lib`), nor on the system's.
 *
 * @param folder the folder of libtensorflow
 */
export function missingCuda(folder: string = dirname(findLibrary().cc), system = opens): string[] {
  const nvidia = `${folder}/../nvidia`;
  const beside = isFolder(nvidia) ? [...Deno.readDirSync(nvidia)].map(({ name }) => `${nvidia}/${name}/lib`) : [];
  return CUDA_LIBRARIES.filter((name) => !beside.some((lib) => exists(`${lib}/${name}`)) && !system(name));
}
