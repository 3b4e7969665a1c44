import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { chooseEngine, deviceNotes, engineChoice, type FoundDevices } from "@lib/engine/choice.ts";
import { missingCuda, nvidiaDriver } from "@lib/engine/library.ts";
import { libraryPlan } from "@lib/cli/wheels.ts";

const root = new URL("../..", import.meta.url);

Deno.test("ENGINE is one of a list, and anything else gets the list", () => {
  assertEquals([undefined, "", "cpu", "libtensorflow"].map(engineChoice), ["auto", "auto", "cpu", "libtensorflow"]);
  const { message } = assertThrows(() => engineChoice("cuda"), RangeError, 'found "cuda"');
  for (const name of ["auto", "libtensorflow", "cpu", "webgpu"]) assertStringIncludes(message, `\n  ${name}: `);
});

Deno.test("WebGPU runs where it is asked for, and of itself only where TensorFlow has no library", () => {
  assertEquals(chooseEngine("webgpu", true), "WebGPU");
  assertEquals(chooseEngine("auto", false), "WebGPU");
  assertEquals(chooseEngine("auto", true), "libtensorflow");
  assertEquals((["libtensorflow", "cpu"] as const).map((choice) => chooseEngine(choice, false)), [
    "libtensorflow",
    "libtensorflow",
  ]);
});

const machine: FoundDevices = {
  choice: "auto",
  gpus: [],
  driver: "570.86.15",
  cuda: true,
  missing: [],
  visible: undefined,
};
const note = (found: Partial<FoundDevices>): string => {
  const notes = deviceNotes({ ...machine, ...found });
  assertEquals(notes.length, 1, notes.join());
  return notes[0];
};

Deno.test("one GPU, or none and no driver, needs no word", () => {
  assertEquals(deviceNotes({ ...machine, gpus: ["GPU:0"] }), []);
  assertEquals(deviceNotes({ ...machine, driver: undefined, cuda: false }), []);
});

Deno.test("of several GPUs it is said which one is used, and how to choose another", () => {
  const text = note({ gpus: ["GPU:0", "GPU:1", "GPU:2"] });
  assertStringIncludes(text, "3 GPUs are visible, one is used: GPU:0");
  assertStringIncludes(text, "CUDA_VISIBLE_DEVICES");
});

Deno.test("a driver without a GPU in use is told with the reason and what to do", () => {
  const missing = note({ missing: ["libcudnn.so.9", "libcublas.so.12"] });
  assertStringIncludes(missing, "driver 570.86.15 is here");
  assertStringIncludes(missing, "libcudnn.so.9, libcublas.so.12 cannot be opened");
  assertStringIncludes(missing, "deno task setup");
  assertStringIncludes(note({ cuda: false, driver: "unknown" }), "NVIDIA's driver is here, but no GPU is used: this");
  assertStringIncludes(note({ cuda: false }), "built without CUDA");
  assertStringIncludes(note({ choice: "cpu" }), "ENGINE=cpu");
  assertStringIncludes(note({ visible: "-1" }), 'CUDA_VISIBLE_DEVICES="-1" hides it');
  assertStringIncludes(note({ visible: "" }), "hides it");
  assertStringIncludes(note({ visible: "0" }), "nvidia-smi");
});

Deno.test("setup takes the build with CUDA only where a driver can run it", () => {
  const plan = (found: Partial<Parameters<typeof libraryPlan>[0]>) =>
    libraryPlan({ os: "linux", arch: "x86_64", driver: "570.86.15", choice: "auto", ...found });
  assertEquals([plan({}).wheel?.cuda, plan({}).why], [true, undefined]);
  assertEquals(plan({ driver: "unknown" }).wheel?.cuda, true);
  assertEquals([plan({ driver: undefined }).wheel?.cuda, plan({ driver: undefined }).why], [false, undefined]);
  const old = plan({ driver: "470.256.02" });
  assertEquals(old.wheel?.cuda, false);
  assertStringIncludes(old.why!, "470.256.02, CUDA 12 needs 525");
  const cpu = plan({ choice: "cpu" });
  assertEquals(cpu.serves.map(({ cuda }) => cuda), [false, true]); // one with CUDA that is there already does
  assertEquals([cpu.wheel?.cuda, cpu.why], [false, "ENGINE=cpu needs no CUDA"]);
  assertEquals(plan({ choice: "webgpu" }), { serves: [] });
  assertStringIncludes(plan({ arch: "aarch64" }).why!, "no build with CUDA for linux aarch64");
  assertThrows(() => plan({ os: "windows" }), RangeError, "WSL2");
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

Deno.test("CUDA's libraries count where they lie beside libtensorflow or where the system finds them", () => {
  const folder = Deno.makeTempDirSync();
  Deno.mkdirSync(`${folder}/tensorflow`);
  const all = missingCuda(`${folder}/tensorflow`, () => false);
  assertEquals(all.length, 7);
  for (const [name, library] of [["cudnn", "libcudnn.so.9"], ["cublas", "libcublas.so.12"]]) {
    Deno.mkdirSync(`${folder}/nvidia/${name}/lib`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/nvidia/${name}/lib/${library}`, "");
  }
  const left = all.filter((name) => name !== "libcudnn.so.9" && name !== "libcublas.so.12");
  assertEquals(missingCuda(`${folder}/tensorflow`, () => false), left);
  assertEquals(missingCuda(`${folder}/tensorflow`, (name) => name.startsWith("libcu")), []);
  Deno.removeSync(folder, { recursive: true });
});

/** What a process of its own prints, and says on standard error. */
async function evaluate(
  code: string,
  env: Record<string, string>,
): Promise<{ success: boolean; out: string; err: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", code],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const decoder = new TextDecoder();
  return { success, out: decoder.decode(stdout).trim(), err: decoder.decode(stderr) };
}

Deno.test("ENGINE=cpu runs libtensorflow, a wrong ENGINE stops with the list", async () => {
  const code = `import { engineInfo, engineText, tf } from "@lib/engine/mod.ts";
    console.log(JSON.stringify([engineInfo(), engineText(), tf.ones([3]).sum().dataSync()[0]]));`;
  const { out } = await evaluate(code, { ENGINE: "cpu" });
  const [info, text, sum] = JSON.parse(out);
  assertEquals([info.engine, info.device, sum], ["libtensorflow", "CPU", 3]);
  assertStringIncludes(text, `libtensorflow ${info.version} on the CPU.`);
  const wrong = await evaluate(code, { ENGINE: "gpu" });
  assert(!wrong.success);
  assertStringIncludes(wrong.err, 'expected one of these, found "gpu"');
});

Deno.test("the configuration by which ENGINE=cpu leaves GPUs alone is one that TensorFlow obeys", async () => {
  // there may be no GPU here, but the same bytes with another name and number make two devices of one processor
  const code = `import { C, check, readString, status } from "@lib/engine/libtensorflow/capi.ts";
    import { deviceCount } from "@lib/engine/libtensorflow/binding.ts";
    const options = C.TFE_NewContextOptions(), config = deviceCount("CPU", 2);
    C.TFE_ContextOptionsSetConfig(options, config, BigInt(config.length), status);
    check(() => "set");
    const context = C.TFE_NewContext(options, status);
    check(() => "new");
    const list = C.TFE_ContextListDevices(context, status);
    const types = Array.from({ length: C.TF_DeviceListCount(list) }, (_, i) => readString(C.TF_DeviceListType(list, i, status)));
    console.log(types.filter((type) => type === "CPU").length);`;
  assertEquals((await evaluate(code, { ENGINE: "cpu" })).out, "2");
});

Deno.test({
  name: "WebGPU without an adapter says what to install",
  ignore: Deno.build.os === "windows", // the one system where Direct3D might give one
  async fn() {
    const env = { ENGINE: "webgpu", DENO_WEBGPU_BACKEND: "dx12", LIBTENSORFLOW_DIR: "/nowhere" };
    const { success, err } = await evaluate(`await import("@lib/engine/mod.ts");`, env);
    assert(!success);
    assertStringIncludes(err, "mesa-vulkan-drivers");
  },
});
