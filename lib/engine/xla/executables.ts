/**
 * Compiled modules, kept on disk: a second start compiles nothing.
 * @module
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { exists, removeIfThere, writeFileSync } from "../../base/files.ts";
import { type Client, compileOptions, type CompileSettings, type Executable, PjrtError } from "./pjrt.ts";

/** Most bytes of the folder; those that were not used for longest go first. */
const MOST_BYTES = 4 * 2 ** 30;

/** The processor's kind: an executable for a CPU holds its instructions. */
function processor(): string {
  const about = "/proc/cpuinfo";
  if (!exists(about)) return Deno.build.arch;
  return Deno.readTextFileSync(about).split("\n\n")[0].split("\n").filter((line) => /^(model name|flags)/.test(line))
    .join();
}

/** Waits until no other process makes a file; the turn ends when it is disposed of. Undefined where none can be had. */
async function turnOf(path: string): Promise<Disposable | undefined> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    const file = await Deno.open(`${path}.lock`, { write: true, create: true });
    await file.lock(true);
    return file;
  } catch {
    return undefined; // a folder that cannot be written to, or a file system without locks
  }
}

/** Where executables come from; `compiled` counts those that the folder did not have. */
export type Executables = {
  get(module: string, settings: CompileSettings): Promise<Executable>;
  /** As `get`, and blocks this thread. */
  getSync(module: string, settings: CompileSettings): Executable;
  readonly compiled: number;
};

/** Removes files of a folder, the least recently used first, until it holds at most so many bytes. */
export function prune(folder: string, most: number): void {
  const files = [...Deno.readDirSync(folder)].filter(({ isFile, name }) => isFile && !name.endsWith(".lock")).map(
    ({ name }) => {
      const path = `${folder}/${name}`, { size, mtime } = Deno.statSync(path);
      return { path, size, used: Number(mtime) };
    },
  ).sort((a, b) => b.used - a.used);
  let sum = 0;
  for (const { path, size } of files) if ((sum += size) > most) Deno.removeSync(path);
}

/**
 * Executables by their module, settings, plug-in and device.
 *
 * @param folder undefined keeps none. What cannot be written or read there is compiled
 * @param build tells the plug-in's builds apart, which do not read each other's executables
 */
export function executablesIn(folder: string | undefined, client: Client, build: string = ""): Executables {
  const own = client.platform.startsWith("cpu") ? processor() : "";
  const place = JSON.stringify([build, client.platform, client.api, client.devices, own]);
  let compiled = 0;

  const pathOf = (module: string, { replicas = 1, flags = {} }: CompileSettings): string | undefined => {
    const hash = createHash("sha256").update(place).update(compileOptions(replicas, flags)).update(module);
    return folder === undefined ? undefined : `${folder}/${hash.digest("hex").slice(0, 32)}.xla`;
  };
  const load = (path: string | undefined): Executable | undefined => {
    if (path === undefined || !exists(path)) return undefined;
    try {
      const executable = client.load(Deno.readFileSync(path)), now = new Date();
      Deno.utimeSync(path, now, now);
      return executable;
    } catch (error) {
      if (error instanceof PjrtError || error instanceof Deno.errors.NotFound) return undefined; // compiled anew
      throw error;
    }
  };
  const keep = (path: string | undefined, executable: Executable): Executable => {
    compiled++;
    if (path === undefined || folder === undefined) return executable;
    try {
      Deno.mkdirSync(folder, { recursive: true });
      writeFileSync(path, executable.serialize());
      prune(folder, MOST_BYTES);
    } catch {
      // a full disk, or a plug-in that cannot serialize: the next start compiles again
    }
    return executable;
  };
  return {
    async get(module, settings) {
      const path = pathOf(module, settings), there = load(path);
      if (there || path === undefined) return there ?? keep(path, await client.compile(module, settings));
      using _turn = await turnOf(path); // processes that start together compile a module once
      const made = load(path) ?? keep(path, await client.compile(module, settings));
      await removeIfThere(`${path}.lock`);
      return made;
    },
    getSync(module, settings) {
      const path = pathOf(module, settings);
      return load(path) ?? keep(path, client.compileSync(module, settings));
    },
    get compiled() {
      return compiled;
    },
  };
}
