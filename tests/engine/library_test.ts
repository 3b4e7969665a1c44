import { assert, assertEquals, assertThrows } from "@std/assert";
import { EngineError } from "@lib/engine/types.ts";
import { bfloat16Problem, findLibrary, nvidiaDriver } from "@lib/engine/library.ts";
import { withFolder } from "../support/folder.ts";
import { withEnvironment } from "../support/environment.ts";
import { inProcess } from "../support/process.ts";

const linux = { ignore: Deno.build.os !== "linux" };

Deno.test("a missing library is named with what to do", () => {
  withEnvironment({ LIBTENSORFLOW_DIR: "/nowhere" }, () => {
    const { message } = assertThrows(() => findLibrary(), EngineError, "/nowhere/libtensorflow_framework");
    for (const advice of ["deno task setup", "LIBTENSORFLOW_DIR", "ENGINE=webgpu"]) assert(message.includes(advice));
  });
});

Deno.test("both libraries must be files of the folder named", linux, () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/libtensorflow_framework.so.2`, "");
    withEnvironment(
      { LIBTENSORFLOW_DIR: dir },
      () => assertThrows(() => findLibrary(), EngineError, `${dir}/libtensorflow_cc`),
    );
    await Deno.writeTextFile(`${dir}/libtensorflow_cc.so.2`, "");
    withEnvironment({ LIBTENSORFLOW_DIR: dir }, () =>
      assertEquals(findLibrary(), {
        cc: `${dir}/libtensorflow_cc.so.2`,
        framework: `${dir}/libtensorflow_framework.so.2`,
      }));
  }));

Deno.test("a process that used the engine ends with 0, and nothing but its own lines is printed", async () => {
  const code =
    `import { tf } from "@lib/engine/mod.ts"; console.log(tf.ones([3]).sum().dataSync()[0]); console.error("own");`;
  const { code: status, out, err } = await inProcess(code);
  assertEquals([out, err, status], ["3", "own\n", 0]);
});

Deno.test("what is loaded quietly gives its value or its error, and standard error is back after it", async () => {
  const code = `import { quietly } from "@lib/engine/library.ts";
    console.log(quietly(() => { console.error("unseen"); return 7; }));
    try { quietly(() => { throw new Error("why"); }); } catch (error) { console.error(error.message); }`;
  const { out, err } = await inProcess(code);
  assertEquals([out, err], ["7", "why\n"]);
});

Deno.test({
  name: "NVIDIA's driver is found with its version, or without saying it",
  ignore: Deno.build.os !== "linux",
  fn() {
    const folder = Deno.makeTempDirSync();
    assertEquals(nvidiaDriver(folder), undefined);
    Deno.mkdirSync(`${folder}/usr/lib/wsl/lib`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/usr/lib/wsl/lib/libcuda.so.1`, "");
    assertEquals(nvidiaDriver(folder), "unknown");
    Deno.mkdirSync(`${folder}/proc/driver/nvidia`, { recursive: true });
    const says = (text: string) => {
      Deno.writeTextFileSync(`${folder}/proc/driver/nvidia/version`, text);
      return nvidiaDriver(folder);
    };
    assertEquals(
      says("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version: 12"),
      "535.104.05",
    );
    assertEquals(
      says("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (dvs-builder@U16)\n"),
      "570.86.15",
    );
    Deno.removeSync(folder, { recursive: true });
  },
});

Deno.test("bfloat16 is refused where TensorFlow would abort the process: oneDNN held below AVX-512", () => {
  const problem = (env: Record<string, string>) => bfloat16Problem((name) => env[name]);
  for (const level of ["SSE41", "AVX", "AVX2", "avx2_vnni"]) {
    assert(problem({ ONEDNN_MAX_CPU_ISA: level })?.includes(level));
  }
  const fine: Record<string, string>[] = [{}, { ONEDNN_MAX_CPU_ISA: "AVX512_CORE" }, {
    ONEDNN_MAX_CPU_ISA: "AVX2",
    TF_ENABLE_ONEDNN_OPTS: "0",
  }];
  assertEquals(fine.map(problem), [undefined, undefined, undefined]);
});

Deno.test("a product in bfloat16 is refused by what to set, and not by an abort", async () => {
  const code = `import { tf } from "@lib/engine/mod.ts"; import { product } from "@lib/engine/ops.ts";
    try { product(tf.ones([8, 8]), tf.ones([8, 8]), "bfloat16"); } catch (error) { console.log(error.name, error.message); }`;
  const { code: status, out } = await inProcess(code, { ONEDNN_MAX_CPU_ISA: "AVX2", TF_ENABLE_ONEDNN_OPTS: "1" });
  assertEquals([status, out.split(":")[0]], [0, "EngineError ONEDNN_MAX_CPU_ISA=AVX2"]);
});
