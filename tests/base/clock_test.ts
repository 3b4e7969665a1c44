import { assertEquals } from "@std/assert";
import { clock } from "@lib/base/clock.ts";

Deno.test("time reads as a clock", () => {
  assertEquals([0, 7.4, 59.6, 750, 7380, Infinity].map(clock), ["0:00", "0:07", "1:00", "12:30", "2:03:00", "–"]);
});
