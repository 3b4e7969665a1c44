import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { chooseEngine, deviceNotes, engineChoice, type FoundDevices, wantsCuda } from "@lib/engine/choice.ts";
import { EngineError } from "@lib/engine/types.ts";

Deno.test("ENGINE is one of a list, and anything else gets the list", () => {
  assertEquals([undefined, "", "cpu", "libtensorflow"].map(engineChoice), ["auto", "auto", "cpu", "libtensorflow"]);
  const { message } = assertThrows(() => engineChoice("cuda"), EngineError, 'found "cuda"');
  for (const name of ["auto", "xla", "libtensorflow", "cpu", "webgpu"]) assertStringIncludes(message, `\n  ${name}: `);
});

Deno.test("each engine runs where it is asked for; of itself XLA with a GPU's plug-in, WebGPU without a library", () => {
  const chosen = (library: boolean, plugin: boolean) =>
    (["auto", "xla", "libtensorflow", "cpu", "webgpu"] as const).map((choice) => chooseEngine(choice, library, plugin));
  const [own, tensorflow] = [["XLA", "libtensorflow", "libtensorflow", "WebGPU"], ["libtensorflow"]];
  assertEquals(chosen(true, true), ["XLA", ...own]);
  assertEquals(chosen(false, true), ["XLA", ...own]);
  assertEquals(chosen(true, false), [...tensorflow, ...own]);
  assertEquals(chosen(false, false), ["WebGPU", ...own]);
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
  assertStringIncludes(note({ visible: "-1,0" }), "hides it"); // CUDA stops at the first that is wrong
});

Deno.test("the build with CUDA is for Linux on x86-64 with a driver that runs CUDA 12, unless ENGINE needs none", () => {
  const wants = (changes: Partial<Parameters<typeof wantsCuda>[0]>) =>
    wantsCuda({ os: "linux", arch: "x86_64", driver: "570.86.15", choice: "auto", ...changes });
  assertEquals(
    [wants({}), wants({ driver: "unknown" }), wants({ driver: "525.60.13" })],
    Array(3).fill({ cuda: true }),
  );
  assertEquals(wants({ driver: undefined }), { cuda: false });
  assertStringIncludes(wants({ driver: "524.9" }).why!, "driver is 524.9, CUDA 12 needs 525");
  assertStringIncludes(wants({ arch: "aarch64" }).why!, "no build with CUDA for linux aarch64");
  assertStringIncludes(wants({ os: "darwin" }).why!, "no build with CUDA for darwin x86_64");
  for (const choice of ["cpu", "webgpu"] as const) {
    assertEquals(wants({ choice }), { cuda: false, why: `ENGINE=${choice} needs no CUDA` });
  }
  assertEquals(wants({ choice: "libtensorflow" }), { cuda: true });
});
