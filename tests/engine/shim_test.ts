import { assertEquals } from "@std/assert";
import util from "node:util";
import "@lib/engine/shim.ts";

Deno.test("TensorFlow.js' kernels find the functions of util that Deno has dropped", () => {
  const { isNullOrUndefined, isArray } = util as unknown as Record<string, (value: unknown) => boolean>;
  assertEquals([null, undefined, 0, "", []].map(isNullOrUndefined), [true, true, false, false, false]);
  assertEquals([[], {}, "a"].map(isArray), [true, false, false]);
});
