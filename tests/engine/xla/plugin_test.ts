import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describePlugin, findPlugin, pluginPath } from "@lib/engine/xla/plugin.ts";
import { EngineError } from "@lib/engine/types.ts";

/** Runs a test in a folder of empty files. */
async function inFolder(files: string[], test: (folder: string) => void): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  for (const file of files) {
    await Deno.mkdir(`${folder}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder}/${file}`, "");
  }
  test(folder);
  await Deno.remove(folder, { recursive: true });
}

const inside = (path: string) => path.replace(/^\/nowhere\//, "");
const [cuda13, cuda12, cpu] = (["cuda13", "cuda12", "cpu"] as const).map((name) =>
  inside(pluginPath(name, "/nowhere"))
);

Deno.test("a plug-in for CUDA is taken where there is a driver, the newest first; else the CPU's", async () => {
  await inFolder([cuda13, cuda12, cpu], (folder) => {
    const found = (driver: boolean) => findPlugin(driver, { given: "", folder })?.path.slice(folder.length + 1);
    assertEquals([found(true), found(false)], [cuda13, cpu]);
  });
  await inFolder([cuda12], (folder) => {
    assertEquals(findPlugin(true, { given: "", folder })?.platform, "cuda");
    assertEquals(findPlugin(false, { given: "", folder }), undefined);
  });
});

Deno.test("PJRT_PLUGIN names any plug-in, and its error says what a path looks like", async () => {
  await inFolder([cpu, "libtpu.so"], (folder) => {
    const given = `${folder}/libtpu.so`;
    assertEquals(findPlugin(false, { given, folder }), { ...describePlugin(given), platform: "other" });
    assertThrows(() => findPlugin(false, { given: `${folder}/no.so`, folder }), EngineError, "found no file");
    assertThrows(() => findPlugin(false, { given: folder, folder }), EngineError, "PJRT_PLUGIN");
  });
});

Deno.test("NVIDIA's libraries are loaded in JAX's order, from beside the plug-in of their CUDA", async () => {
  const nvidia = "cuda13/nvidia", lib = `${nvidia}/cu13/lib`;
  const libraries = [`${lib}/libcublas.so.13`, `${lib}/libcublasLt.so.13`, `${lib}/libcudart.so.13`];
  const others = [`${nvidia}/cudnn/lib/libcudnn.so.9`, `${nvidia}/nccl/lib/libnccl.so.2`];
  const ignored = [`${lib}/libcublas.so.13.1`, `${lib}/libnvblas.so.13`, `${nvidia}/cudnn/lib/libcudnn_ops.so.9`];
  await inFolder([cuda13, ...libraries, ...others, ...ignored], (folder) => {
    const plugin = findPlugin(true, { given: "", folder })!;
    const names = plugin.libraries.map((path) => path.split("/").at(-1));
    assertEquals(names, ["libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libnccl.so.2", "libcudnn.so.9"]);
    assertStringIncludes(String(plugin.flags.xla_gpu_cuda_data_dir), "nvidia/cu13");
    assertEquals(plugin.options, { preallocate: false });
  });
  const old = ["cuda12/nvidia/cublas/lib/libcublas.so.12", "cuda12/nvidia/cu13/lib/libcublas.so.13"];
  await inFolder([cuda12, ...old, "cuda12/nvidia/cuda_nvcc/bin/ptxas"], (folder) => {
    const { libraries, flags } = findPlugin(true, { given: "", folder })!;
    assertEquals(libraries.map((path) => path.split("/").at(-1)), ["libcublas.so.12"]);
    assertStringIncludes(String(flags.xla_gpu_cuda_data_dir), "nvidia/cuda_nvcc");
  });
});
