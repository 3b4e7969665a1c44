import { assertEquals, assertRejects } from "@std/assert";
import { Broken } from "@lib/corpus/archives/entry.ts";
import { tarEntries } from "@lib/corpus/archives/tar.ts";
import { joinBytes } from "@lib/base/bytes.ts";
import { tarEnd, tarEntry } from "../../support/archives.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Each entry by name, with its text, why it is refused, or where it links to; the tar comes in pieces of `size` bytes. */
async function read(parts: Uint8Array[], size = 700): Promise<[file: string, what: string][]> {
  const whole = joinBytes(parts), found: [string, string][] = [];
  const pieces = async function* () {
    for (let at = 0; at < whole.length; at += size) yield await Promise.resolve(whole.subarray(at, at + size));
  };
  for await (const { file, link, content } of tarEntries(pieces())) {
    const data = link
      ? `${link.hard ? "=" : "->"} ${link.target}`
      : typeof content === "function"
      ? await content()
      : content;
    found.push([
      file,
      typeof data === "string" ? data : "detail" in data ? data.detail : new TextDecoder().decode(data),
    ]);
  }
  return found;
}

/** A pax record with its own length in front. */
function recordOf(key: string, value: string): string {
  const rest = bytes(` ${key}=${value}\n`).length;
  let length = rest + 1;
  while (String(length).length + rest !== length) length++;
  return `${length} ${key}=${value}\n`;
}

Deno.test("every kind of tar gives its files", async () => {
  const long = `${"deep/".repeat(40)}x.mid`, large = new Uint8Array(12);
  large.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3]); // 515 in base 256
  const tar = [
    tarEntry({ name: "./v7.mid", magic: "", type: "\0" }, bytes("v7")),
    tarEntry({ name: "u.mid", prefix: "pre/fix" }, bytes("ustar")),
    tarEntry({ name: "gnu.mid", magic: "ustar  \0", prefix: "no prefix" }, bytes("gnu")),
    tarEntry({ name: "dir/", magic: "", type: "\0" }),
    tarEntry({ name: "posix dir", type: "5", size: 4096 }),
    tarEntry({ name: "./PaxHeaders/x", type: "x" }, bytes(recordOf("path", long) + recordOf("size", "3"))),
    tarEntry({ name: "short.mid", size: 0 }, bytes("pax")),
    tarEntry({ name: "././@LongLink", type: "L" }, bytes(`${long}2\0`)),
    tarEntry({ name: "short.mid" }, bytes("long")),
    tarEntry({ name: "base256.mid", over: { 124: large } }, bytes("b".repeat(515))),
    tarEntry({ name: "contiguous.mid", type: "7" }, bytes("seven")),
    tarEntry({ name: "unknown.mid", type: "Z" }, bytes("as a file")),
    tarEntry({ name: "hard.mid", type: "1", link: "a.mid" }),
    tarEntry({ name: "sized.mid", type: "1", link: "a.mid", size: 700 }),
    tarEntry({ name: "whole.mid", type: "1", link: "a.mid" }, bytes("linkdata")),
    tarEntry({ name: "././@LongLink", type: "K" }, bytes(`${long}\0`)),
    tarEntry({ name: "soft.mid", type: "2", link: "short", size: 9 }),
    tarEntry({ name: "pipe.mid", type: "6" }),
    tarEntry({ name: "t\xe9.mid", over: { 0: [0x74, 0xe9, 0x2e, 0x6d, 0x69, 0x64, 0] } }, bytes("latin")),
    tarEnd,
  ];
  const expected = [
    ["v7.mid", "v7"],
    ["pre/fix/u.mid", "ustar"],
    ["gnu.mid", "gnu"],
    [long, "pax"],
    [`${long}2`, "long"],
    ["base256.mid", "b".repeat(515)],
    ["contiguous.mid", "seven"],
    ["unknown.mid", "as a file"],
    ["hard.mid", "= a.mid"],
    ["sized.mid", "= a.mid"],
    ["whole.mid", "linkdata"],
    ["soft.mid", `-> ${long}`],
    ["pipe.mid", "expected a file, found a device or a pipe"],
    ["té.mid", "latin"],
  ];
  for (const size of [1, 512, 700, 100_000]) assertEquals(await read(tar, size), expected);
});

Deno.test("a sparse file is a line, in each of its formats, and what follows is read", async () => {
  const refused = "expected a file without holes, found a sparse one; unpack the archive and name the folder";
  const pax = (record: [string, string]) => tarEntry({ name: "pax", type: "x" }, bytes(recordOf(...record)));
  const more = new Uint8Array(512).fill(0x30), last = more.with(504, 0);
  const tar = [
    tarEntry({ name: "old.mid", type: "S", magic: "ustar  \0", size: 600, over: { 482: [1] } }), // its map in two more blocks
    ...[more, last, bytes("d".repeat(600)), new Uint8Array(424)],
    pax(["GNU.sparse.size", "6500"]),
    tarEntry({ name: "new.mid" }, bytes("data")),
    pax(["GNU.sparse.name", "named.mid"]),
    tarEntry({ name: "GNUSparseFile.1/named.mid" }, bytes("data")),
    tarEntry({ name: "a.mid" }, bytes("a")),
    tarEnd,
  ];
  assertEquals(await read(tar), [["old.mid", refused], ["new.mid", refused], ["named.mid", refused], ["a.mid", "a"]]);
});

Deno.test("a damaged header is a line, and the entries behind it are read", async () => {
  const [a, b, c] = ["a", "b", "c"].map((name) =>
    tarEntry({ name: `${name}.mid` }, bytes(name.toUpperCase().repeat(600)))
  );
  const damaged = b.with(130, 0x37);
  const text = (name: string): [string, string] => [`${name}.mid`, name.toUpperCase().repeat(600)];
  assertEquals(await read([a, damaged, c, tarEnd]), [
    text("a"),
    [
      "b.mid",
      "expected a header at byte 1536 of the tar, found other bytes; all up to the next whole header is left out",
    ],
    text("c"),
  ]);
  const first =
    "expected a header at byte 0 of the tar, found other bytes; all up to the next whole header is left out";
  assertEquals(await read([damaged, c, tarEnd]), [["b.mid", first], text("c")]);
  const files = await read([damaged, damaged, a, damaged, damaged, c, tarEnd]);
  assertEquals(files.map(([file]) => file), ["b.mid", "b.mid", "a.mid", "b.mid", "b.mid", "c.mid"]);
  for (const hole of [1, 77, 300]) { // blocks behind it no longer begin where they should
    const files = await read([a, b.subarray(0, 700), b.subarray(700 + hole), c, a, tarEnd]);
    assertEquals([files[0], files[1][0], files.slice(3)], [text("a"), "b.mid", [text("a")]]);
  }
  const huge = tarEntry({ name: "b.mid", over: { 124: bytes("none") } }, bytes("b"));
  assertEquals(await read([huge, c, tarEnd]), [["b.mid", "expected a size, found no number"], text("c")]);
});

Deno.test("what follows the end is no entry, but another tar gets a line; a missing end gets one too", async () => {
  const a = tarEntry({ name: "a.mid" }, bytes("a")), found: [string, string] = ["a.mid", "a"];
  assertEquals(await read([a, tarEnd, bytes("junk".repeat(999))]), [found]);
  assertEquals(await read([a, new Uint8Array(512), a, new Uint8Array(512)]), [found, found]); // a lone block of zeros
  assertEquals(await read([a, tarEnd, a, tarEnd]), [
    found,
    ["(another tar)", "expected nothing behind the tar's end, found more at byte 2048"],
  ]);
  assertEquals(await read([a]), [
    found,
    [
      "(end of the archive)",
      "expected two blocks of zeros at the end, found none: the last songs may be missing",
    ],
  ]);
});

Deno.test("a tar that ends within an entry, or is none, is refused", async () => {
  const a = tarEntry({ name: "a.mid" }, bytes("a".repeat(600)));
  for (const cut of [300, 700, 1500]) await assertRejects(() => read([a.subarray(0, cut)]), Broken, "Fetch it again");
  await assertRejects(() => read([bytes("no tar ".repeat(512))]), Broken, "found other bytes");
});
