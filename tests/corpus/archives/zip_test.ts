import { assertEquals, assertRejects } from "@std/assert";
import { crc32 } from "node:zlib";
import { Broken } from "@lib/corpus/archives/entry.ts";
import { zipEntries } from "@lib/corpus/archives/zip.ts";
import { joinBytes } from "@lib/base/bytes.ts";
import { zip } from "../../support/archives.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const view = (of: Uint8Array) => new DataView(of.buffer, of.byteOffset, of.length);

/** Each entry's name with its text, or why it is refused, or where it links to. */
async function read(archive: Uint8Array, wanted = true): Promise<[file: string, what: string][]> {
  const path = await Deno.makeTempFile({ suffix: ".zip" }), found: [string, string][] = [];
  try {
    await Deno.writeFile(path, archive);
    let share = 0;
    for await (const { file, link, content } of zipEntries(path, (now) => share = now)) {
      const data = link ? `-> ${link.target}` : typeof content !== "function" ? content : wanted ? await content() : "";
      const text = typeof data === "string" ? data : "detail" in data ? data.detail : new TextDecoder().decode(data);
      found.push([file, text]);
    }
    assertEquals(share, found.length && 1);
    return found;
  } finally {
    await Deno.remove(path);
  }
}

/** Places of the local headers and of the directory's entries. */
function places(archive: Uint8Array): { local: number[]; central: number[]; end: number } {
  const of = (signature: number[]) =>
    Array.from(archive.keys()).filter((at) => signature.every((byte, i) => archive[at + i] === byte));
  return { local: of([80, 75, 3, 4]), central: of([80, 75, 1, 2]), end: of([80, 75, 5, 6])[0] };
}

const two = () => zip([["a.mid", bytes("a song")], ["b.mid", bytes("another song")]]);
const songs: [string, string][] = [["a.mid", "a song"], ["b.mid", "another song"]];

Deno.test("bytes before a zip, behind it, and a comment that looks like an end do no harm", async () => {
  const plain = await two();
  assertEquals(await read(plain), songs);
  assertEquals(await read(joinBytes([bytes("#!/bin/sh\n".repeat(50)), plain])), songs);
  assertEquals(await read(joinBytes([plain, bytes("junk".repeat(40))])), songs);
  const comment = joinBytes([bytes("PK\x05\x06"), new Uint8Array(40)]), whole = joinBytes([plain, comment]);
  view(whole).setUint16(plain.length - 2, comment.length, true);
  assertEquals(await read(whole), songs);
});

Deno.test("all of 65,542 entries are read without Zip64, where the count says 6", async () => {
  const one = zip([["00000.mid", bytes("song")]]), { central: [from], end } = places(one);
  const name = (i: number) => `${String(i).padStart(5, "0")}.mid`,
    many = Array.from({ length: 65_542 }, (_, i) => name(i));
  const directory = joinBytes(many.map((name) => joinBytes([one.subarray(from, from + 46), bytes(name)])));
  const last = one.slice(end), numbers = view(last);
  [8, 10].forEach((field) => numbers.setUint16(field, 65_542 % 65_536, true));
  numbers.setUint32(12, directory.length, true);
  const found = await read(joinBytes([one.subarray(0, from), directory, last]), false);
  assertEquals(found.map(([file]) => file), many);
});

Deno.test("an empty zip has no entries", async () => {
  assertEquals(await read(zip([])), []);
});

Deno.test("Zip64's record and sizes are read", async () => {
  const plain = await two(), { central: [first, second], end } = places(plain);
  // the first entry's sizes and place stand in its extra field, the directory's in the Zip64 record
  const extra = new DataView(new ArrayBuffer(28));
  extra.setUint16(0, 1, true);
  extra.setUint16(2, 24, true);
  [24, 20].forEach((field, i) => extra.setUint32(4 + 8 * i, view(plain).getUint32(first + field, true), true));
  const entry = plain.slice(first, second), rest = plain.slice(second, end);
  for (const field of [20, 24, 42]) view(entry).setUint32(field, 0xffffffff, true);
  view(entry).setUint16(30, 28, true);
  const directory = joinBytes([entry, new Uint8Array(extra.buffer), rest]);
  const record = new DataView(new ArrayBuffer(56)),
    locator = new DataView(new ArrayBuffer(20)),
    last = plain.slice(end);
  record.setUint32(0, 0x06064b50, true);
  record.setUint32(4, 44, true);
  [2, 2, directory.length, first].forEach((value, i) => record.setUint32(24 + 8 * i, value, true));
  locator.setUint32(0, 0x07064b50, true);
  locator.setUint32(8, first + directory.length, true);
  last.fill(0xff, 8, 20);
  const whole = [plain.slice(0, first), directory, new Uint8Array(record.buffer), new Uint8Array(locator.buffer), last];
  assertEquals(await read(joinBytes(whole)), songs);
  assertEquals(await read(joinBytes([bytes("before"), ...whole])), songs);
});

Deno.test("names are read by what their bytes are: UTF-8 without its flag, the old code page, Info-ZIP's field", async () => {
  const archive = zip([["Ж.mid", bytes("1")], ["xx.mid", bytes("2")], ["yy.mid", bytes("3")]]);
  const { local, central } = places(archive);
  for (const at of local) view(archive).setUint16(at + 6, 0, true);
  for (const at of central) view(archive).setUint16(at + 8, 0, true);
  for (const at of [local[1] + 30, central[1] + 46]) archive.set([0x82, 0xe1], at); // é and ß in code page 437
  assertEquals((await read(archive)).map(([file]) => file), ["Ж.mid", "éß.mid", "yy.mid"]);
  const unicode = joinBytes([Uint8Array.of(0x75, 0x70, 5 + 7, 0, 1, 0, 0, 0, 0), bytes("é2.mid")]);
  view(unicode).setUint32(5, crc32(bytes("yy.mid")), true);
  const from = central[2] + 52, end = from;
  const grown = joinBytes([archive.slice(0, from), unicode, archive.slice(end)]);
  view(grown).setUint16(central[2] + 30, unicode.length, true);
  view(grown).setUint32(grown.length - 10, view(archive).getUint32(archive.length - 10, true) + unicode.length, true);
  assertEquals((await read(grown)).map(([file]) => file), ["Ж.mid", "éß.mid", "é2.mid"]);
  grown[from + 5] ^= 1; // the field is of another name
  assertEquals((await read(grown)).map(([file]) => file), ["Ж.mid", "éß.mid", "yy.mid"]);
});

Deno.test("an entry that cannot be read is a line, and the other is read", async () => {
  const change = async (at: "central" | "local", field: number, value: number, expected: string) => {
    const archive = await two();
    view(archive).setUint16(places(archive)[at][0] + field, value, true);
    assertEquals(await read(archive), [["a.mid", expected], songs[1]]);
  };
  await change("central", 8, 1, "expected a file without a password, found an encrypted one");
  await change("central", 8, 0x40, "expected a file without a password, found an encrypted one");
  await change("central", 10, 14, "expected stored or deflated bytes, found method 14");
  await change("central", 10, 0, "expected 6 stored bytes, found 8");
  await change("central", 24, 7, "expected 7 bytes, found 6");
  await change("central", 20, 9000, "expected 9000 bytes, found the directory before their end");
  await change("central", 42, 1, "expected a header before the bytes, found none");
  await change("local", 30, 0x7a7a, "a song"); // its checksum holds, whatever the name there
  const sum = crc32(bytes("a song")), other = (sum & 0xffff0000 | 1) >>> 0;
  await change("central", 16, 1, `expected CRC ${other}, found ${sum}`);
});

Deno.test("a song whose name was damaged in the directory is a line, and what is no song is none", async () => {
  const archive = zip([["a.mid", bytes("1")], ["read.me", bytes("2")], ["b.mid", { link: "../a.mid" }]]);
  archive[places(archive).central[0] + 46 + 4] ^= 1;
  const found = await read(archive);
  assertEquals(found.map(([file]) => file), ["a.mie", "read.me", "b.mid"]);
  assertEquals(found.map(([, what]) => what), [
    "expected the same name before the bytes, found another or none",
    "2",
    "-> ../a.mid",
  ]);
});

Deno.test("a zip that is cut, or whose directory is damaged, is refused", async () => {
  const archive = await two(), { central, end } = places(archive);
  await assertRejects(() => read(archive.subarray(0, end)), Broken, "no end record");
  for (const at of [central[1], central[0] + 28, end + 12, end + 16]) {
    const damaged = archive.slice();
    damaged[at] ^= 4;
    if (at === end + 12 || at === end + 16) assertEquals(await read(damaged), songs); // the other number leads there
    else await assertRejects(() => read(damaged), Broken, "damaged central directory");
  }
});
