import { assertEquals } from "@std/assert";
import { bytesOf, joinBytes } from "@lib/base/bytes.ts";

Deno.test("the bytes of an array are those of its own part of the buffer, and no copy", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6), part = new Uint16Array(bytes.buffer, 2, 1);
  assertEquals([...bytesOf(part)], [3, 4]);
  bytesOf(part)[0] = 9;
  assertEquals(bytes[2], 9);
});

Deno.test("parts are joined in order", () => {
  assertEquals(joinBytes([Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)]), Uint8Array.of(1, 2, 3));
  assertEquals(joinBytes([]), new Uint8Array());
});
