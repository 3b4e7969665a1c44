import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { Broken } from "@lib/corpus/archives/entry.ts";
import { gunzip } from "@lib/corpus/archives/gzip.ts";
import { joinBytes } from "@lib/base/bytes.ts";

const text = "some text that is packed ".repeat(9000), bytes = new TextEncoder().encode(text);
const packed = new Uint8Array(gzipSync(bytes));

/** A member with an extra field, a name, a comment and a checksum of the header. */
const named = joinBytes([
  Uint8Array.of(0x1f, 0x8b, 8, 4 + 8 + 16 + 2, 0, 0, 0, 0, 0, 3, 2, 0, 9, 9, 0x61, 0, 0x62, 0x63, 0, 7, 7),
  packed.subarray(10),
]);

async function unpack(file: Uint8Array): Promise<string> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, file);
    const parts: Uint8Array[] = [], read: number[] = [];
    for await (const part of gunzip(path, (count) => read.push(count))) parts.push(part);
    assertEquals(read, read.toSorted((a, b) => a - b));
    return new TextDecoder().decode(joinBytes(parts));
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("all members are read, whatever their headers say, and what stands behind them is not", async () => {
  assertEquals(await unpack(packed), text);
  assertEquals(await unpack(named), text);
  assertEquals(await unpack(packed.with(3, 1)), text); // said to be a text
  assertEquals(await unpack(joinBytes([packed, named, packed])), text.repeat(3));
  for (const junk of [new Uint8Array(700), bytes.subarray(0, 5), Uint8Array.of(0x1f, 0x8b, 1), new Uint8Array(0)]) {
    assertEquals(await unpack(joinBytes([packed, junk])), text);
  }
});

Deno.test("a cut member, another checksum, another length and other bytes are refused", async () => {
  await assertRejects(() => unpack(packed.subarray(0, packed.length - 20)), Error, "unexpected end of file");
  await assertRejects(() => unpack(packed.subarray(0, packed.length - 3)), Broken, "end within a gzip member");
  for (const place of [8, 4, 1]) {
    const flipped = packed.with(packed.length - place, packed[packed.length - place] ^ 1);
    await assertRejects(() => unpack(flipped), Broken, "other bytes than its checksum is of");
  }
  await assertRejects(() => unpack(joinBytes([packed, packed.subarray(0, 50)])), Error, "unexpected end of file");
  await assertRejects(() => unpack(bytes), Broken, "found no gzip file");
});
