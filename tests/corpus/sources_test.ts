import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { projectRoot } from "@lib/base/project.ts";
import { isArchive, openSource } from "@lib/corpus/sources.ts";
import { CorpusError } from "@lib/corpus/store.ts";
import { joinBytes } from "@lib/base/bytes.ts";
import { type Entries, tarEnd, tarEntry, tarGz, zip } from "../support/archives.ts";
import { withFolder } from "../support/folder.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What a source gives: its files by name, with their text or why they are refused. */
async function read(path: string, options = {}): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { file, path: place, bytes, refused } of (await openSource(path, options)).files()) {
    assert(!(file in found), `${file} twice`);
    found[file] = refused ? refused.reason : new TextDecoder().decode(bytes ?? await Deno.readFile(place!));
  }
  return found;
}

Deno.test("a folder, a zip and a tar of the same files give the same songs, links and odd names included", async () => {
  await withFolder(async (folder) => {
    const at = `${folder}/tree`;
    await Deno.mkdir(`${at}/.38 Special/deep`, { recursive: true });
    const songs = { "E: minor.mid": "1", "C\\D.mid": "2", "é.MID": "3", ".38 Special/deep/x.kar": "4", "..x.rmi": "5" };
    for (const [name, text] of Object.entries(songs)) await Deno.writeTextFile(`${at}/${name}`, text);
    await Deno.writeTextFile(`${at}/read.me`, "no song");
    await Deno.link(`${at}/é.MID`, `${at}/hard.mid`);
    await Deno.symlink("../é.MID", `${at}/.38 Special/soft.mid`);
    await Deno.symlink("nothing.mid", `${at}/dangling.mid`);
    await Deno.symlink(".38 Special", `${at}/folder`);
    for (
      const [type, args] of [["tar", ["-cf", "a.tar"]], ["gz", ["-czf", "a.tar.gz"]], ["v7", [
        "--format=v7",
        "-cf",
        "v7.tar",
      ]]]
    ) {
      const { success } = await new Deno.Command("tar", { args: [...args, "-C", at, "."], cwd: folder }).output();
      assert(success, type as string);
    }
    const plain: [string, Uint8Array][] = [...Object.entries(songs), ["hard.mid", "3"], ["read.me", "no song"]].map(
      ([name, text]) => [`.//${name}`, bytes(text)],
    );
    const links: [string, { link: string }][] = [
      [".38 Special/soft.mid", { link: "../é.MID" }],
      ["dangling.mid", { link: "nothing.mid" }],
      ["folder", { link: ".38 Special" }],
    ];
    await Deno.writeFile(`${folder}/a.zip`, zip([...plain, ...links]));
    const refused = { ".38 Special/soft.mid": "link", "dangling.mid": "link", folder: "link" };
    const expected = { ...songs, "hard.mid": "3", ...refused };
    for (const name of ["tree", "a.tar", "a.tar.gz", "v7.tar", "a.zip"]) {
      assertEquals(await read(`${folder}/${name}`), expected, name);
    }
    const followed = { ...expected, ".38 Special/soft.mid": "3" };
    for (const name of ["a.tar", "a.tar.gz", "v7.tar", "a.zip"]) {
      assertEquals(await read(`${folder}/${name}`, { followLinks: true }), followed, name);
    }
    const { folder: _, ...rest } = followed;
    const below = { "folder/deep/x.kar": "4", "folder/soft.mid": "3" };
    assertEquals(await read(at, { followLinks: true }), { ...rest, ...below });
  });
});

Deno.test("links in an archive that lead out of it, in a circle or to a large file are lines, even if followed", async () => {
  await withFolder(async (folder) => {
    const tar = [
      tarEntry({ name: "a.mid", type: "2", link: "/etc/passwd" }),
      tarEntry({ name: "b.mid", type: "2", link: "../b.mid" }),
      tarEntry({ name: "c.mid", type: "2", link: "d.mid" }),
      tarEntry({ name: "d.mid", type: "2", link: "c.mid" }),
      tarEntry({ name: "e.mid", type: "1", link: "big.bin" }),
      tarEntry({ name: "f.mid", type: "2", link: "g.mid" }),
      tarEntry({ name: "g.mid", type: "1", link: "blobs/0a1b" }),
      tarEntry({ name: "big.bin", size: 17 * 2 ** 20 }),
      new Uint8Array(17 * 2 ** 20),
      tarEntry({ name: "blobs/0a1b" }, bytes("song")),
      tarEnd,
    ];
    await Deno.writeFile(`${folder}/a.tar`, joinBytes(tar));
    const lines = { "a.mid": "link", "b.mid": "link", "c.mid": "link", "d.mid": "link", "e.mid": "too-large" };
    const found = await read(`${folder}/a.tar`, { followLinks: true });
    assertEquals(found["e.mid"], "too-large");
    assertEquals(found, { ...lines, "f.mid": "song", "g.mid": "song" });
  });
});

Deno.test("paths that climb out of an archive and files that are too large are lines, and the rest is read", async () => {
  await withFolder(async (folder) => {
    const song = bytes("song"), zeros = new Uint8Array(17 * 2 ** 20);
    const files: Entries = [["../a.mid", song], ["/b.mid", song], ["a/../../c.mid", song], ["bomb.mid", zeros], [
      "./d.mid",
      song,
    ]];
    const refused = {
      "../a.mid": "unsafe-path",
      "/b.mid": "unsafe-path",
      "a/../../c.mid": "unsafe-path",
      "bomb.mid": "too-large",
    };
    await Deno.writeFile(`${folder}/a.tgz`, await tarGz(files));
    assertEquals(await read(`${folder}/a.tgz`), { ...refused, "d.mid": "song" });
    await Deno.writeFile(`${folder}/a.zip`, zip([...files, ["grows.mid", zeros.subarray(2 ** 23)]]));
    assertEquals(await read(`${folder}/a.zip`), { ...refused, "d.mid": "song", "grows.mid": "too-large" });
    await Deno.writeFile(`${folder}/large.mid`, zeros);
    assertEquals((await read(folder))["large.mid"], "too-large");
  });
});

Deno.test("links below a folder are followed on request, but not in a circle", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/cache/blobs`, { recursive: true });
    await Deno.mkdir(`${folder}/cache/snapshots/1/songs`, { recursive: true });
    await Deno.writeTextFile(`${folder}/cache/blobs/0a1b`, "song");
    await Deno.symlink("../../../blobs/0a1b", `${folder}/cache/snapshots/1/songs/a.mid`);
    await Deno.symlink("..", `${folder}/cache/snapshots/1/songs/up`);
    await Deno.symlink("cache/snapshots", `${folder}/named`);
    assertEquals(await read(`${folder}/cache`), { "snapshots/1/songs/a.mid": "link", "snapshots/1/songs/up": "link" });
    const [line] = await Array.fromAsync((await openSource(`${folder}/named/1`)).files());
    assertEquals(line.refused?.detail, "expected a file, found a link; --follow-links follows it");
    const files = await read(`${folder}/named`, { followLinks: true });
    assertEquals(files, { "1/songs/a.mid": "song", "1/songs/up": "link" });
  });
});

Deno.test("a bad entry of a folder is a line, and the rest is read", async () => {
  await withFolder(async (folder) => {
    const make = `touch good.mid; touch "$(printf 'bad\\351.mid')"; mkdir "$(printf 'sub\\351')"; mkfifo pipe.mid`;
    await new Deno.Command("sh", { args: ["-c", make], cwd: folder }).output();
    assertEquals(await read(folder), {
      "bad\uFFFD.mid": "unreadable",
      "good.mid": "",
      "pipe.mid": "unreadable",
      "sub\uFFFD/": "unreadable",
    });
    const lines = await Array.fromAsync((await openSource(folder)).files());
    assertEquals(lines[0].refused?.detail, "expected a name in UTF-8, found other bytes; rename it");
  });
});

Deno.test("the bytes decide what an archive is, whatever its name says", async () => {
  await withFolder(async (folder) => {
    const tar = joinBytes([tarEntry({ name: "a.mid" }, bytes("song")), tarEnd]), packed = new Uint8Array(gzipSync(tar));
    const zipped = zip([["a.mid", bytes("song")]]), names = ["a.zip", "a.tar", "a.tar.gz", "a.TGZ"];
    for (const name of names) {
      for (const archive of [tar, packed, zipped, joinBytes([packed, bytes("junk".repeat(99))])]) {
        await Deno.writeFile(`${folder}/${name}`, archive);
        assertEquals(await read(`${folder}/${name}`), { "a.mid": "song" });
      }
      assertEquals(isArchive(name), true);
    }
    await Deno.writeFile(`${folder}/a.tar`, bytes("BZh91AY"));
    await assertRejects(
      () => read(`${folder}/a.tar`),
      CorpusError,
      "a.tar: expected a .zip, .tar or .tar.gz, found a bzip2",
    );
  });
});

Deno.test("a cut archive, another kind of file and nothing at all are refused by name", async () => {
  await withFolder(async (folder) => {
    const song: [string, Uint8Array] = ["a.mid", bytes("a song ".repeat(99))];
    for (const [name, archive] of [["cut.zip", zip([song])], ["cut.tar.gz", await tarGz([song])]] as const) {
      await Deno.writeFile(`${folder}/${name}`, archive.subarray(0, archive.length >> 1));
      const error = await assertRejects(
        () => read(`${folder}/${name}`),
        CorpusError,
        `${name}: expected a whole archive`,
      );
      assert(error.message.endsWith("Fetch it again."), error.message);
    }
    await Deno.writeFile(`${folder}/song.rar`, new Uint8Array(3));
    await assertRejects(() => openSource(`${folder}/song.rar`), CorpusError, "found the file");
    await assertRejects(() => openSource(`${folder}/none`), CorpusError, "Expected a folder");
  });
});

Deno.test("archives are streamed: songs come before the end is read, with an estimate of their number", async () => {
  await withFolder(async (folder) => {
    const noise = crypto.getRandomValues(new Uint8Array(2 ** 16)); // which gzip cannot shrink
    const many = Array.from(
      { length: 64 },
      (_, i): [string, Uint8Array] => [`${i}.mid`, noise.map((byte) => byte ^ i)],
    );
    const whole = await tarGz(many);
    await Deno.writeFile(`${folder}/cut.tar.gz`, whole.subarray(0, whole.length - 1000));
    const source = await openSource(`${folder}/cut.tar.gz`);
    let seen = 0;
    const reading = async () => {
      for await (const { bytes } of source.files()) {
        assertEquals(bytes, many[seen++][1]);
        if (seen === 32) assert(source.total(seen) > 50 && source.total(seen) < 70, `${source.total(seen)}`);
      }
    };
    await assertRejects(reading, CorpusError, "cut.tar.gz: expected a whole archive");
    assert(seen >= 40, `${seen} songs before the fault at the end`);
    await Deno.writeFile(`${folder}/a.zip`, zip(many));
    const wanted = await Array.fromAsync((await openSource(`${folder}/a.zip`)).files((i) => i % 20 === 3));
    assertEquals(wanted.flatMap(({ file, bytes }) => bytes ? file : []), ["3.mid", "23.mid", "43.mid", "63.mid"]);
  });
});

Deno.test("the identity changes with names, sizes and bytes, and what was written with the time", async () => {
  await withFolder(async (folder) => {
    const of = async (path: string) => {
      const { identity, written } = await openSource(path);
      return [identity, written];
    };
    const song = `${folder}/a.mid`, archive = `${folder}/../${folder.split("/").at(-1)}.zip`;
    await Deno.writeTextFile(song, "song");
    const [identity, written] = await of(folder);
    await Deno.utime(song, new Date(2000), new Date(2000));
    const [same, later] = await of(folder);
    assertEquals([same === identity, later === written], [true, false]);
    await Deno.writeTextFile(song, "songs");
    assert((await of(folder))[0] !== identity);
    await Deno.rename(song, `${folder}/b.mid`);
    assert((await of(folder))[0] !== identity);
    try {
      await Deno.writeFile(archive, zip([["a.mid", bytes("1")]]));
      const [zipped] = await of(archive);
      await Deno.writeFile(archive, zip([["a.mid", bytes("2")]]));
      assert((await of(archive))[0] !== zipped);
    } finally {
      await Deno.remove(archive);
    }
  });
});

Deno.test("the identity of a folder is that of earlier versions", async () => {
  const { identity } = JSON.parse(await Deno.readTextFile(`${projectRoot}/tests/golden/store/source.json`));
  await withFolder(async (folder) => {
    for (const [name, size] of Object.entries({ "text.mid": 8, "d_introa.mid": 545, "scale.mid": 1241 })) {
      await Deno.writeFile(`${folder}/${name}`, new Uint8Array(size));
    }
    assertEquals((await openSource(folder)).identity, identity);
  });
});

const cases = `${projectRoot}/../shared/cases`;
const there = await Deno.stat(cases).then(() => true, () => false);

Deno.test({
  name: "archives that people reported give their songs, or a line for the odd one",
  ignore: !there,
  async fn() {
    const counts = { "v7.tar": [3, 0], "stored-bad.zip": [2, 1], "sparse-gnu.tar": [1, 1], "sparse-many.tar": [1, 1] };
    const more = {
      "names.zip": [18, 0],
      "junk.tar.gz": [5, 0],
      "gzipped.tar": [5, 0],
      "noflag.zip": [2, 0],
      "extra-bad.zip": [3, 0],
    };
    for (const [name, expected] of Object.entries({ ...counts, ...more })) {
      const files = await Array.fromAsync((await openSource(`${cases}/${name}`)).files());
      const read = files.filter(({ bytes }) => bytes && new TextDecoder().decode(bytes.subarray(0, 4)) === "MThd");
      assertEquals([read.length, files.length - read.length], expected, name);
      if (name === "noflag.zip") assertEquals(files.map(({ file }) => file).sort(), ["Chœur é.mid", "Ж/песня.mid"]);
    }
  },
});
