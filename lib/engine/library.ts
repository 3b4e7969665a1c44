/**
 * Finds libtensorflow, or says how to get it; and NVIDIA's driver.
 * @module
 */
import { fileURLToPath } from "node:url";
import { exists } from "../base/files.ts";
import { EngineError } from "./types.ts";

/** TensorFlow's two libraries: the C API with all kernels, and the framework, which must be loaded before it. */
type LibraryPaths = { cc: string; framework: string };

const NAMES: Partial<Record<typeof Deno.build.os, LibraryPaths>> = {
  linux: { cc: "libtensorflow_cc.so.2", framework: "libtensorflow_framework.so.2" },
  darwin: { cc: "libtensorflow_cc.2.dylib", framework: "libtensorflow_framework.2.dylib" },
};

const isFile = (path: string): boolean => exists(path) && Deno.statSync(path).isFile;

/** Whether TensorFlow has a library for this system at all. */
export const hasLibrary = (): boolean => NAMES[Deno.build.os] !== undefined;

/**
 * The libraries' paths: in the folder that `LIBTENSORFLOW_DIR` names, or where `deno task setup` puts them. Throws an
 * EngineError with what to do if there are none.
 */
export function findLibrary(): LibraryPaths {
  const names = NAMES[Deno.build.os];
  if (!names) {
    throw new EngineError(
      `libtensorflow: there is none for ${Deno.build.os} (${Deno.build.arch}). Use Linux, macOS, or WSL2 on Windows, ` +
        "or ENGINE=webgpu.",
    );
  }
  const folder = Deno.env.get("LIBTENSORFLOW_DIR") ??
    fileURLToPath(new URL("../../.venv/libtensorflow/tensorflow", import.meta.url));
  const cc = `${folder}/${names.cc}`, framework = `${folder}/${names.framework}`;
  const missing = [framework, cc].find((path) => !isFile(path));
  if (missing === undefined) return { cc, framework };
  throw new EngineError(
    `libtensorflow: expected ${missing}, found no such file. Run \`deno task setup\`, ` +
      "or set LIBTENSORFLOW_DIR to its folder, or ENGINE=webgpu to do without.",
  );
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
 * Keeps a library in memory until the process ends. Deno unloads its own while TensorFlow's threads still run, which
 * would end the process with a segmentation fault.
 */
export function pinLibrary(path: string): void {
  const RTLD_LAZY = 1, RTLD_NODELETE = Deno.build.os === "darwin" ? 0x80 : 0x1000;
  libc().dlopen(cText(path), RTLD_LAZY | RTLD_NODELETE);
}

/** Runs `load` with standard error silent, since TensorFlow prints lines as it loads that no setting holds back. */
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
 * Why products in bfloat16 cannot be computed, if so: at `ONEDNN_MAX_CPU_ISA` below AVX-512 oneDNN has none, but
 * TensorFlow, which asks the processor, calls it, and the process aborts.
 */
export function bfloat16Problem(env = (name: string): string | undefined => Deno.env.get(name)): string | undefined {
  const level = env("ONEDNN_MAX_CPU_ISA") ?? "";
  if (env("TF_ENABLE_ONEDNN_OPTS") === "0" || !/^(SSE41|AVX|AVX2.*)$/i.test(level)) return undefined;
  return `ONEDNN_MAX_CPU_ISA=${level}: expected AVX512_CORE or above, where oneDNN has bfloat16. Unset it, or choose ` +
    "training.precision float32.";
}

/** NVIDIA's driver below `root`: its version, `unknown` if it does not say (WSL2), undefined if there is none. */
export function nvidiaDriver(root = ""): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const path = `${root}/proc/driver/nvidia/version`;
  if (isFile(path)) return /Module\s+(?:for \S+\s+)?(\d[\d.]*)/.exec(Deno.readTextFileSync(path))?.[1] ?? "unknown";
  const folders = ["lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib64", "lib/wsl/lib", "local/nvidia/lib64"];
  return folders.some((folder) => isFile(`${root}/usr/${folder}/libcuda.so.1`)) ? "unknown" : undefined;
}
