import { assertEquals } from "@std/assert";
import { clock } from "@lib/base/clock.ts";

Deno.test("seconds read as minutes and hours, rounded once", () => {
  const cases: Record<string, number> = {
    ...{ "0:00": 0, "0:07": 7, "0:59": 59.4, "1:00": 59.6, "12:30": 750, "59:59": 3599.4, "1:00:00": 3599.5 },
    ...{ "2:03:00": 7380, "10:01:01": 36_061 },
  };
  for (const [text, seconds] of Object.entries(cases)) assertEquals(clock(seconds), text);
  assertEquals([-3, NaN, Infinity].map(clock), ["0:00", "–", "–"]);
});
