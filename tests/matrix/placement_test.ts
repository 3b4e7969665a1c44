import { assertEquals } from "@std/assert";
import { placedOnEngine } from "@lib/matrix/placement.ts";

Deno.test("large work goes to libtensorflow by itself, to WebGPU never; a wish is obeyed", () => {
  const before = Deno.env.get("ENGINE");
  const placed = (engine: string) => {
    Deno.env.set("ENGINE", engine);
    return [placedOnEngine(4.9e8, "auto"), placedOnEngine(5e8, "auto")];
  };
  try {
    assertEquals([placed("libtensorflow"), placed("webgpu")], [[false, true], [false, false]]);
    assertEquals([placedOnEngine(1, "engine"), placedOnEngine(1e12, "plain")], [true, false]);
  } finally {
    if (before === undefined) Deno.env.delete("ENGINE");
    else Deno.env.set("ENGINE", before);
  }
});
