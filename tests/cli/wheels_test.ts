import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { SetupError } from "@lib/base/python.ts";
import { cudaWheels, jupyterPackages, libraryPlan, wheelFor } from "@lib/cli/wheels.ts";

Deno.test("each platform has its wheel; a platform without one gets the list of those that have", () => {
  assertEquals(wheelFor("linux", "aarch64").platform, "manylinux_2_27_aarch64");
  assertEquals(wheelFor("darwin", "aarch64").platform, "macosx_12_0_arm64");
  assert(wheelFor("linux", "x86_64", true).cuda);
  const error = assertThrows(() => wheelFor("windows", "x86_64"), SetupError, "windows x86_64");
  assertStringIncludes(error.message, "WSL2");
});

Deno.test("a machine gets the build that it can use, and keeps one that serves", () => {
  const plan = (found: Partial<Parameters<typeof libraryPlan>[0]>) => {
    const { wheel, serves, why } = libraryPlan({
      ...{ os: "linux", arch: "x86_64", choice: "auto" },
      driver: undefined,
      ...found,
    });
    return [wheel?.cuda, serves.map(({ cuda }) => cuda), why !== undefined];
  };
  assertEquals(plan({}), [false, [false], false]);
  assertEquals(plan({ driver: "570.86.15" }), [true, [true], false]);
  assertEquals(plan({ driver: "470.256.02" }), [false, [false], true]); // older than CUDA 12's oldest, 525
  assertEquals(plan({ driver: "570.86.15", choice: "cpu" }), [false, [false, true], true]);
  assertEquals(plan({ choice: "webgpu", os: "windows" }), [undefined, [], false]);
  assertEquals(plan({ driver: "570.86.15", arch: "aarch64" }), [false, [false], true]);
});

Deno.test("every native package is pinned by version and hash", () => {
  for (const { requirement, sha256 } of cudaWheels) {
    assert(/^nvidia-[\w-]+==[\d.]+$/.test(requirement), requirement);
    assert(/^[0-9a-f]{64}$/.test(sha256), requirement);
  }
  for (const requirement of jupyterPackages) assert(/^\w+==[\d.]+$/.test(requirement), requirement);
  assertEquals(new Set(cudaWheels.map(({ sha256 }) => sha256)).size, cudaWheels.length);
});
