import { assertEquals } from "@std/assert";
import { meterText } from "@lib/cli/meter.ts";

Deno.test("the time left is that of the rest at the speed so far; what was done before does not count", () => {
  assertEquals(meterText("bars", 0, 25, 100, 10), "25 of 100 bars, 0:10, about 0:30 left");
  assertEquals(meterText("bars", 20, 30, 100, 10), "30 of 100 bars, 0:10, about 1:10 left");
  assertEquals(meterText("songs", 20, 20, 100, 10), "20 of about 100 songs, 0:10");
  assertEquals(meterText("songs", 0, 100, 100, 65), "100 of 100 songs, 1:05");
});
