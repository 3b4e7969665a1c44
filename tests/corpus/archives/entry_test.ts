import { assertEquals } from "@std/assert";
import { isSong, nameText, plainName, tooLarge, unsafe } from "@lib/corpus/archives/entry.ts";

Deno.test("names are plain paths, and only those that lead out of the archive are unsafe", () => {
  const names = { ".//c.mid": "c.mid", "./a/./b//c.mid": "a/b/c.mid", "/root.mid": "/root.mid", "a/": "a", "./": "" };
  for (const [name, plain] of Object.entries(names)) assertEquals(plainName(name), plain);
  const safe = ["E: minor.mid", "C\\D.mid", "..dots..mid", "a/..b/c.mid", "-rf.mid", "%2e%2e/x.mid", "E:.mid"];
  for (const name of safe) assertEquals(unsafe(name), undefined, name);
  const bad = ["/a.mid", "\\a.mid", "../a.mid", "a/../../b.mid", "a\\..\\b.mid", "C:\\a.mid", "c:/a.mid", "a\0.mid"];
  for (const name of bad) assertEquals(unsafe(name)?.reason, "unsafe-path", name);
});

Deno.test("songs are told by their names' ends, and larger ones than 16 MiB are refused", () => {
  assertEquals(["a.mid", "b.MIDI", "c.kar", "d.Rmi"].filter(isSong).length, 4);
  assertEquals(["mid", "a.mid.txt", "a.midx", "a.mi"].filter(isSong), []);
  assertEquals(tooLarge(16_777_216), undefined);
  assertEquals(tooLarge(16_777_217)?.reason, "too-large");
});

Deno.test("a name is UTF-8 if its bytes are, a mark at its head included, and else another code", () => {
  const other = (byte: number) => `<${byte}>`;
  assertEquals(nameText(new TextEncoder().encode("\ufeffÄ🎹"), other), "\ufeffÄ🎹");
  assertEquals(nameText(Uint8Array.of(0x61, 0xe9), other), "<97><233>");
});
