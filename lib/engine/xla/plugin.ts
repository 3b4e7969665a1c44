/**
 * Finds PJRT's plug-in, with what it needs to start: options, XLA's flags, and NVIDIA's libraries.
 * @module
 */
import { dirname } from "node:path";
import { exists } from "../../base/files.ts";
import { projectRoot } from "../../base/project.ts";
import { EngineError } from "../types.ts";
import type { PjrtOption, XlaFlag } from "./pjrt.ts";

/** Where `task setup` puts plug-ins. */
const pluginFolder: string = `${projectRoot}/.venv/xla`;

/** The plug-ins that `task setup` knows, the best first: their folder, and their library in it. */
const installed = {
  cuda13: "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
  cuda12: "jax_plugins/xla_cuda12/xla_cuda_plugin.so",
  cpu: "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
} as const;

/** A name of a plug-in's folder below {@link pluginFolder}. */
export type PluginName = keyof typeof installed;

/** The library of a plug-in that `task setup` fetched, there or not. */
export const pluginPath = (name: PluginName, folder: string = pluginFolder): string =>
  `${folder}/${name}/${installed[name]}`;

/**
 * A plug-in and how to start it: `platform` says what its file name says, `options` go to its client, `flags` to each
 * compilation, and `libraries` are loaded before it.
 */
export type Plugin = {
  path: string;
  platform: "cuda" | "cpu" | "other";
  options: Record<string, PjrtOption>;
  flags: Record<string, XlaFlag>;
  libraries: string[];
};

/** NVIDIA's libraries in the order in which JAX opens them (`jax_plugins/xla_cuda13/__init__.py`). */
const NVIDIA = [
  "cudart",
  "nvrtc",
  "cublas",
  "cublasLt",
  "nccl",
  "cupti",
  "cusparse",
  "cusolver",
  "cufft",
  "nvshmem_host",
];

const files = (folder: string): string[] =>
  exists(folder) && Deno.statSync(folder).isDirectory ? [...Deno.readDirSync(folder)].map(({ name }) => name) : [];

/** NVIDIA's libraries of Python's wheels, below `nvidia/`; CUDA 13's are in one folder, CUDA 12's in one for each wheel. */
function nvidiaLibraries(nvidia: string, thirteen: boolean): string[] {
  const folders = files(nvidia).filter((name) => thirteen || name !== "cu13").map((name) => `${nvidia}/${name}/lib`);
  const all = folders.flatMap((folder) => files(folder).map((name) => `${folder}/${name}`));
  return [...NVIDIA, "cudnn"].flatMap((name) =>
    all.filter((path) => new RegExp(`/lib${name}\\.so\\.\\d+$`).test(path))
  );
}

/** How to start the plug-in at a path; its files' names say what it is for. */
export function describePlugin(path: string): Plugin {
  const cuda = /cuda(\d*)/.exec(path.split("/").slice(-2).join("/"));
  if (!cuda) {
    const cpu = /cpu/i.test(path.split("/").at(-1)!);
    const options: Plugin["options"] = cpu ? { cpu_device_count: 1 } : {};
    return { path, platform: cpu ? "cpu" : "other", options, flags: {}, libraries: [] };
  }
  const nvidia = `${dirname(path)}/../../nvidia`, thirteen = cuda[1] !== "12";
  const data = [`${nvidia}/cu13`, `${nvidia}/cuda_nvcc`][thirteen ? 0 : 1];
  return {
    path,
    platform: "cuda",
    // takes memory as it is needed, not three quarters of all at once
    options: { preallocate: false },
    flags: {
      xla_gpu_exclude_nondeterministic_ops: true,
      ...exists(data) ? { xla_gpu_cuda_data_dir: data } : {},
    },
    libraries: nvidiaLibraries(nvidia, thirteen),
  };
}

/**
 * The plug-in that `PJRT_PLUGIN` names, or the best that `task setup` fetched; those for CUDA where there is a `driver`.
 * Undefined without one.
 *
 * @throws {EngineError} if `PJRT_PLUGIN` names no file
 */
export function findPlugin(
  driver: boolean,
  { given = Deno.env.get("PJRT_PLUGIN"), folder = pluginFolder }: { given?: string; folder?: string } = {},
): Plugin | undefined {
  if (given !== undefined && given !== "") {
    if (exists(given) && Deno.statSync(given).isFile) return describePlugin(Deno.realPathSync(given));
    throw new EngineError(
      `PJRT_PLUGIN: expected the path of a plug-in's library, such as ${installed.cuda13} below Python's ` +
        `site-packages, found no file ${given}.`,
    );
  }
  const names = (Object.keys(installed) as PluginName[]).filter((name) => driver || !name.startsWith("cuda"));
  const found = names.map((name) => pluginPath(name, folder)).find(exists);
  return found === undefined ? undefined : describePlugin(found);
}
