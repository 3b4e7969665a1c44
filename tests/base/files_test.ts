import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { isTemporary, openSink, readTextIfThere, replaceFile, sha256, writeFile } from "@lib/base/files.ts";
import {
  exists,
  readAt,
  removeIfThere,
  temporaryFolder,
  writableFolder,
  writeFileSync,
  writeFolder,
} from "@lib/base/files.ts";
import { UserError } from "@lib/base/user_error.ts";

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const inFolder = async (work: (folder: string) => Promise<void>) => {
  const folder = await Deno.makeTempDir({ prefix: "Ünï 50%20 #" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
};

Deno.test("a file is written whole, with its folders, over an older one", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a", "b", "text.txt");
    await writeFile(path, "first, and longer");
    writeFileSync(path, "sécond");
    assertEquals(await Deno.readTextFile(path), "sécond");
    await writeFile(path, Uint8Array.of(3, 1, 2));
    assertEquals(await Deno.readFile(path), Uint8Array.of(3, 1, 2));
    assertEquals(names(join(folder, "a", "b")), ["text.txt"]);
  }));

Deno.test("a sink appends, writes in the middle, and has its name only when it is finished", () =>
  inFolder((folder) => {
    const path = join(folder, "grows.bin"), sink = openSink(path);
    sink.write(Uint8Array.of(1, 2, 3, 4));
    sink.writeAt(1, Uint8Array.of(8, 9));
    sink.write(Uint8Array.of(7));
    const [temporary] = names(folder);
    assert(temporary !== "grows.bin" && isTemporary(temporary), temporary);
    sink.finish();
    assertEquals([names(folder), [...Deno.readFileSync(path)]], [["grows.bin"], [1, 8, 9, 7]]);
    sink.abandon();
    assertThrows(() => sink.write(Uint8Array.of(0)), TypeError, "open");
    const other = openSink(path);
    other.write(Uint8Array.of(5));
    other.abandon();
    assertEquals([names(folder), Deno.readFileSync(path).length], [["grows.bin"], 4]);
    return Promise.resolve();
  }));

Deno.test("a file or folder that cannot be made leaves the old one and nothing else", () =>
  inFolder(async (folder) => {
    const path = join(folder, "old.txt"), runs = join(folder, "runs");
    await Deno.writeTextFile(path, "old");
    await Deno.mkdir(runs);
    await Deno.writeTextFile(join(runs, "kept"), "");
    const half = (place: string) =>
      Deno.writeTextFile(place, "half").then(() => Promise.reject(new RangeError("stop")));
    await assertRejects(() => replaceFile(path, half), RangeError, "stop");
    await assertRejects(
      () => writeFolder(runs, (place) => Deno.mkdir(place).then(() => half(join(place, "new")))),
      RangeError,
    );
    assertEquals([names(folder), names(runs), await readTextIfThere(path)], [["old.txt", "runs"], ["kept"], "old"]);
    await writeFolder(runs, (place) => Deno.mkdir(place).then(() => Deno.writeTextFile(join(place, "new"), "")));
    assertEquals(names(runs), ["new"]);
  }));

Deno.test("what the disk refuses is one message that names the file", () =>
  inFolder(async (folder) => {
    const path = join(folder, "plain", "x");
    await Deno.writeTextFile(join(folder, "plain"), "a file, no folder");
    for (
      const write of [
        () => writeFile(path, "x"),
        () => Promise.resolve().then(() => writeFileSync(path, "x")),
        () => writeFolder(path, (place) => Deno.mkdir(place)),
      ]
    ) {
      const error = await assertRejects(write, UserError, `${path} could not be written: `);
      assert(error.cause instanceof Error);
    }
    assertEquals(names(folder), ["plain"]);
  }));

Deno.test("what is absent is undefined or nothing to remove; a folder is not a text", () =>
  inFolder(async (folder) => {
    assertEquals(await readTextIfThere(join(folder, "none")), undefined);
    await assertRejects(() => readTextIfThere(folder));
    await removeIfThere(join(folder, "none"));
    const places = ["", "none", "none/below"].map((name) => exists(join(folder, name)));
    assertEquals(places, [true, false, false]);
    await Deno.mkdir(join(folder, "a", "b"), { recursive: true });
    await removeIfThere(join(folder, "a"));
    assertEquals(names(folder), []);
  }));

Deno.test("a user's files are not taken for temporary ones", () => {
  const user = ["notes.tmp", "songs.zip.partial", "a.0123abc.tmp", "a.0123abcg.tmp", "0123abcd.tmp.txt"];
  assertEquals(user.filter(isTemporary), []);
  assert(isTemporary("manifest.json.0123abcd.tmp"));
});

Deno.test("SHA-256 of FIPS 180-2's example", async () =>
  assertEquals(
    await sha256(new TextEncoder().encode("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  ));

Deno.test("a missing place for temporary files is named, with the variable that sets it", async () => {
  const folder = await temporaryFolder(), before = Deno.env.get("TMPDIR");
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
  Deno.env.set("TMPDIR", join(folder, "gone"));
  try {
    const error = await assertRejects(temporaryFolder, UserError, join(folder, "gone"));
    assert(error.message.includes("TMPDIR"));
  } finally {
    before === undefined ? Deno.env.delete("TMPDIR") : Deno.env.set("TMPDIR", before);
  }
});

Deno.test("a folder to write to is made where it is missing and left empty; a file, or what the disk refuses, is named", () =>
  inFolder(async (dir) => {
    await writableFolder(`${dir}/a/b`);
    assertEquals([...Deno.readDirSync(`${dir}/a/b`)], []);
    await Deno.writeTextFile(`${dir}/a/b/kept`, "");
    await writableFolder(`${dir}/a/b`);
    assertEquals([...Deno.readDirSync(`${dir}/a/b`)].map(({ name }) => name), ["kept"]);
    await assertRejects(
      () => writableFolder(`${dir}/a/b/kept`),
      UserError,
      "kept: expected a folder to write to, found a file",
    );
    await assertRejects(() => writableFolder(`${dir}/a/b/kept/c`), UserError, "kept/c could not be written");
  }));

Deno.test("bytes are read from their place in a file, or its end is named", () =>
  inFolder(async (folder) => {
    const path = join(folder, "bytes");
    await Deno.writeFile(path, Uint8Array.from({ length: 300_000 }, (_, i) => i % 251));
    const fd = openSync(path, "r");
    try {
      assertEquals([...readAt(fd, new Uint8Array(3), 252)], [1, 2, 3]);
      const long = readAt(fd, new Uint8Array(299_000), 1000);
      assertEquals([long[0], long.at(-1)], [1000 % 251, 299_999 % 251]);
      assertThrows(() => readAt(fd, new Uint8Array(4), 299_997), UserError, "Expected 4 bytes at 299997");
    } finally {
      closeSync(fd);
    }
  }));
