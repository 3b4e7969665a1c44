import { assertEquals } from "@std/assert";
import { placedOnEngine } from "@lib/matrix/placement.ts";
import { withEnvironment } from "../support/environment.ts";

Deno.test("large work goes to libtensorflow by itself, very large work to XLA, none to WebGPU; a wish is obeyed", () => {
  const placed = (ENGINE: string) =>
    withEnvironment({ ENGINE }, () => [4.9e8, 5e8, 1e11].map((work) => placedOnEngine(work, "auto")));
  assertEquals(placed("libtensorflow"), [false, true, true]);
  assertEquals(placed("xla"), [false, false, true]);
  assertEquals(placed("webgpu"), [false, false, false]);
  withEnvironment({ ENGINE: "webgpu" }, () => {
    assertEquals([placedOnEngine(1, "engine"), placedOnEngine(1e12, "plain")], [true, false]);
  });
});
