/**
 * Finds libtensorflow, or says exactly how to get it.
 * @module
 */

/** Where the two shared libraries of TensorFlow are. */
export interface LibraryPaths {
  /** The C API with all kernels. */
  cc: string;
  /** What the first one is linked against; loaded before it. */
  framework: string;
}

const NAMES: Partial<Record<typeof Deno.build.os, LibraryPaths>> = {
  linux: { cc: "libtensorflow_cc.so.2", framework: "libtensorflow_framework.so.2" },
  darwin: { cc: "libtensorflow_cc.2.dylib", framework: "libtensorflow_framework.2.dylib" },
};

const exists = (path: string): boolean => {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
};

/**
 * The libraries' paths: in the folder that `LIBTENSORFLOW_DIR` names, or where `deno task setup` puts them.
 *
 * @throws {Error} on a platform without them, or where they are missing, with what to do.
 */
export function findLibrary(): LibraryPaths {
  const names = NAMES[Deno.build.os];
  if (!names) {
    throw new Error(
      `libtensorflow: there is none for ${Deno.build.os} (${Deno.build.arch}). Use Linux, macOS, or WSL2 on Windows.`,
    );
  }
  const folder = Deno.env.get("LIBTENSORFLOW_DIR") ??
    new URL("../../.venv/libtensorflow/tensorflow", import.meta.url).pathname;
  const paths = { cc: `${folder}/${names.cc}`, framework: `${folder}/${names.framework}` };
  for (const path of [paths.framework, paths.cc]) {
    if (!exists(path)) {
      throw new Error(
        `libtensorflow: expected ${path}, found no such file. Run \`deno task setup\`, ` +
          "or set LIBTENSORFLOW_DIR to the folder that holds it.",
      );
    }
  }
  return paths;
}

/**
 * Keeps a library in memory until the process ends. TensorFlow's threads outlive Deno's unloading, which
 * otherwise ends the process with a segmentation fault.
 */
export function pinLibrary(path: string): void {
  const RTLD_LAZY = 1;
  const [libc, RTLD_NODELETE] = Deno.build.os === "darwin" ? ["libSystem.dylib", 0x80] : ["libc.so.6", 0x1000];
  const { symbols } = Deno.dlopen(libc, { dlopen: { parameters: ["buffer", "i32"], result: "pointer" } });
  symbols.dlopen(new TextEncoder().encode(`${path}\0`), RTLD_LAZY | RTLD_NODELETE);
}
