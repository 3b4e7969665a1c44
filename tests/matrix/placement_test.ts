import { assertEquals } from "@std/assert";
import { placedOnEngine } from "@lib/matrix/placement.ts";

Deno.test("large work goes to libtensorflow by itself, very large work to XLA, none to WebGPU; a wish is obeyed", () => {
  const before = Deno.env.get("ENGINE");
  const placed = (engine: string) => {
    Deno.env.set("ENGINE", engine);
    return [4.9e8, 5e8, 1e11].map((work) => placedOnEngine(work, "auto"));
  };
  try {
    assertEquals(placed("libtensorflow"), [false, true, true]);
    assertEquals(placed("xla"), [false, false, true]);
    assertEquals(placed("webgpu"), [false, false, false]);
    assertEquals([placedOnEngine(1, "engine"), placedOnEngine(1e12, "plain")], [true, false]);
  } finally {
    if (before === undefined) Deno.env.delete("ENGINE");
    else Deno.env.set("ENGINE", before);
  }
});
