import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { chosenEngine, loadChosen } from "@lib/engine/loading.ts";
import { EngineError } from "@lib/engine/types.ts";
import { withEnvironment } from "../support/environment.ts";
import { inProcess } from "../support/process.ts";

Deno.test("a process's engine is what ENGINE says; PJRT_PLUGIN makes it XLA's, but for other words", () => {
  const engine = (ENGINE: string | undefined, PJRT_PLUGIN?: string) => {
    let found = "";
    withEnvironment({ ENGINE, PJRT_PLUGIN }, () => found = chosenEngine());
    return found;
  };
  assertEquals(["cpu", "libtensorflow", "xla", "webgpu"].map((word) => engine(word)), [
    ...["libtensorflow", "libtensorflow", "XLA", "WebGPU"],
  ]);
  assertEquals([undefined, "auto", "xla", "cpu", "webgpu"].map((word) => engine(word, "/some/plugin.so")), [
    ...["XLA", "XLA", "XLA", "libtensorflow", "WebGPU"],
  ]);
});

const modules = (xla: () => Promise<string>) => ({ XLA: xla, libtensorflow: () => Promise.resolve("the library") });
const broken = (error: Error) => modules(() => Promise.reject(error));

Deno.test("the chosen engine's module is loaded, and none that has no such module", async () => {
  const all = modules(() => Promise.resolve("xla"));
  assertEquals(await loadChosen(all, { chosen: "XLA" }), "xla");
  assertEquals(await loadChosen(all, { chosen: "libtensorflow" }), "the library");
  await assertRejects(() => loadChosen(all, { chosen: "WebGPU" }), EngineError, "one of XLA, libtensorflow");
});

Deno.test("an engine that the machine chose and that does not start gives way to the CPU, with one message", async () => {
  const said: string[] = [], say = (line: string) => void said.push(line);
  const all = broken(new EngineError("No GPU today."));
  for (let i = 0; i < 2; i++) {
    assertEquals(await loadChosen(all, { chosen: "XLA", auto: true, say }), "the library");
  }
  assertEquals(said, ["No GPU today. libtensorflow computes instead."]);
});

Deno.test("an engine that the user chose does not give way, nor is a fault of the program passed over", async () => {
  const refused = new EngineError("No plug-in."), fault = new TypeError("undefined is not a function");
  await assertRejects(() => loadChosen(broken(refused), { chosen: "XLA", auto: false }), EngineError, "No plug-in.");
  await assertRejects(() => loadChosen(broken(fault), { chosen: "XLA", auto: true }), TypeError);
});

Deno.test("a process whose plug-in cannot be opened computes on the CPU, unless ENGINE=xla asks for it", async () => {
  const folder = await Deno.makeTempDir(), plugin = `${folder}/pjrt_plugin.so`;
  await Deno.writeTextFile(plugin, "no library");
  const code = `import { engineInfo, tf } from "@lib/engine/mod.ts";
    console.log(engineInfo().engine, tf.ones([3]).sum().dataSync()[0]);`;
  const auto = await inProcess(code, { ENGINE: "auto", PJRT_PLUGIN: plugin });
  assertEquals([auto.code, auto.out], [0, "libtensorflow 3"]);
  assertEquals(auto.err.trim().split("\n").length, 1, auto.err);
  assertStringIncludes(auto.err, `XLA's plug-in ${await Deno.realPath(plugin)} does not start`);
  const asked = await inProcess(code, { ENGINE: "xla", PJRT_PLUGIN: plugin });
  assertEquals(asked.code, 1);
  assertStringIncludes(asked.err, "does not start");
  await Deno.remove(folder, { recursive: true });
});
