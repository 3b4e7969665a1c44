import { assertEquals } from "@std/assert";
import { bisect } from "@lib/base/bisect.ts";

Deno.test("the first place that is reached is the one that a search from the left finds, in few looks", () => {
  for (let length = 0; length <= 9; length++) {
    for (let first = 0; first <= length; first++) {
      for (let from = 0; from <= length; from++) {
        let looks = 0;
        const found = bisect(from, length, (place) => (looks++, place >= first));
        let expected = from;
        while (expected < length && expected < first) expected++;
        assertEquals(found, expected, `${first} of ${from}…${length}`);
        assertEquals(looks <= Math.ceil(Math.log2(length - from + 1)), true, `${looks} looks`);
      }
    }
  }
  assertEquals(bisect(5, 3, () => true), 5);
});
