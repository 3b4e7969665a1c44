import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { SetupError } from "@lib/base/python.ts";
import { jupyterPackages, needsLibrary, pluginPlan, pluginWheels, wheelFor } from "@lib/cli/wheels.ts";

Deno.test("each platform has its wheel; a platform without one gets the list of those that have", () => {
  assertEquals(wheelFor("linux", "aarch64").platform, "manylinux_2_27_aarch64");
  assertEquals(wheelFor("darwin", "aarch64").platform, "macosx_12_0_arm64");
  const error = assertThrows(() => wheelFor("windows", "x86_64"), SetupError, "windows x86_64");
  assertStringIncludes(error.message, "WSL2");
});

Deno.test("a machine's plug-ins are its GPU's, by its driver, and the CPU's where XLA is asked for", () => {
  const plan = (found: Partial<Parameters<typeof pluginPlan>[0]>) => {
    const machine = { os: "linux", arch: "x86_64", driver: undefined, choice: "auto", asked: false } as const;
    const { names, why } = pluginPlan({ ...machine, ...found });
    return [names.join(), why !== undefined];
  };
  assertEquals(plan({}), ["", false]);
  assertEquals(plan({ asked: true }), ["cpu", false]);
  assertEquals(plan({ choice: "xla" }), ["cpu", false]);
  assertEquals(plan({ driver: "580.159.04" }), ["cuda13", false]);
  assertEquals(plan({ driver: "unknown" }), ["cuda13", false]);
  assertEquals(plan({ driver: "579.9", asked: true }), ["cuda12,cpu", false]);
  assertEquals(plan({ driver: "525.60.13" }), ["cuda12", false]);
  assertEquals(plan({ driver: "470.256.02" }), ["", true]);
  for (const choice of ["cpu", "libtensorflow", "webgpu"] as const) {
    assertEquals(plan({ driver: "580.159.04", choice }), ["", false]);
  }
  const elsewhere = { os: "darwin", arch: "aarch64" };
  assertEquals(plan({ ...elsewhere }), ["", false]);
  assertEquals(plan({ os: "linux", arch: "aarch64", driver: "580.159.04" }), ["", true]);
  const error = assertThrows(() => plan({ ...elsewhere, asked: true }), SetupError, "darwin aarch64");
  assertStringIncludes(error.message, "PJRT_PLUGIN");
});

Deno.test("every native package is pinned by version and hash, and each plug-in is of one CUDA", () => {
  for (const [name, wheels] of Object.entries(pluginWheels)) {
    for (const { requirement, sha256, bytes } of wheels) {
      assert(/^[\w-]+==[\d.]+$/.test(requirement), requirement);
      assert(/^[0-9a-f]{64}$/.test(sha256) && bytes > 0, requirement);
      if (name !== "cuda12") assert(!requirement.includes("cu12") && !requirement.includes("cuda12"), requirement);
      if (name === "cuda12") assert(requirement.includes("cuda12") || requirement.includes("-cu12=="), requirement);
    }
    assertEquals(new Set(wheels.map(({ sha256 }) => sha256)).size, wheels.length);
  }
  for (const requirement of jupyterPackages) assert(/^\w+==[\d.]+$/.test(requirement), requirement);
});

Deno.test("libtensorflow is needed unless the engine is another by name", () => {
  const choices = ["auto", "cpu", "libtensorflow", "xla", "webgpu"] as const;
  assertEquals(choices.map(needsLibrary), [true, true, true, false, false]);
});
