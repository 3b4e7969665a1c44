import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { buildCorpus, buildShard, mergeCorpora } from "@lib/corpus/build.ts";
import { CorpusError, verifyCorpus } from "@lib/corpus/store.ts";
import { openCorpus, openCorpus as openStore } from "@lib/corpus/store_reader.ts";
import { openStudy } from "@lib/study/study.ts";
import { projectRoot } from "@lib/base/project.ts";
import { tokenizeChunk } from "@lib/corpus/tokenize.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { openSource } from "@lib/corpus/sources.ts";
import { type Entries, tarGz, zip } from "../support/archives.ts";
import { file, meter } from "../support/smf.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");
const freedoom = `${projectRoot}/data/freedoom`;

async function withFolder(fn: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The files of a store with the SHA-256 of each. */
async function digests(dir: string): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  for await (const { name } of Deno.readDir(dir)) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(`${dir}/${name}`)));
    found.push([name, digest.toHex()]);
  }
  return Object.fromEntries(found.sort());
}

/** The embedded songs, some of them in other folders, in an order that is not that of their names. */
async function entries(): Promise<Entries> {
  const names = (await Array.fromAsync(Deno.readDir(freedoom), ({ name }) => name)).filter((n) => n.endsWith(".mid"));
  const songs = names.sort().reverse().map((name, i): Entries[number] => [
    `${i % 3 ? "" : "other/"}${name}`,
    Deno.readFileSync(`${freedoom}/${name}`),
  ]);
  return [["read.me", new Uint8Array(9)], ...songs];
}

async function unpack(folder: string, files: Entries): Promise<string> {
  await Deno.mkdir(`${folder}/midi/other`, { recursive: true });
  for (const [name, bytes] of files) await Deno.writeFile(`${folder}/midi/${name}`, bytes as Uint8Array);
  return `${folder}/midi`;
}

Deno.test("folder, zip and tar.gz give the same store to the byte, with any number of workers", async () => {
  await withFolder(async (folder) => {
    const files = await entries();
    await unpack(folder, files);
    await Deno.writeFile(`${folder}/midi.zip`, await zip(files));
    await Deno.writeFile(`${folder}/midi.tar.gz`, await tarGz(files));
    const stores: Record<string, string>[] = [];
    const ways = [["midi", 0], ["midi", 2], ["midi.zip", 1], ["midi.zip", 3], ["midi.tar.gz", 0], ["midi.tar.gz", 2]];
    for (const [name, workers] of ways as [string, number][]) {
      const counts: [number, number][] = [];
      const onProgress = (done: number, total: number) => void counts.push([done, total]);
      await Deno.remove(`${folder}/store`, { recursive: true }).catch(() => {}); // the first time there is none
      await buildCorpus(`${folder}/${name}`, `${folder}/store`, sound, { workers, onProgress });
      assertEquals(counts.at(-1), [66, 66]);
      stores.push(await digests(`${folder}/store`));
    }
    for (const { "source.json": _, ...store } of stores) { // which says whence
      assertEquals({ ...store, "source.json": stores[0]["source.json"] }, stores[0]);
    }
    await verifyCorpus(`${folder}/store`);
  });
});

Deno.test("paths that climb out, links and bombs are refused with a line, and the rest is read", async () => {
  await withFolder(async (folder) => {
    const song = await Deno.readFile(`${freedoom}/d_inter.mid`), zeros = new Uint8Array(17 * 2 ** 20);
    const files: Entries = [
      ["../climbs.mid", song],
      ["/root.mid", song],
      ["a/../../b.mid", song],
      ["link.mid", { link: "/etc/passwd" }],
      ["bomb.mid", zeros],
      ["./good.mid", song],
    ];
    const expected = [
      ["../climbs.mid", "unsafe-path"],
      ["/root.mid", "unsafe-path"],
      ["a/../../b.mid", "unsafe-path"],
      ["bomb.mid", "too-large"],
      ["link.mid", "link"],
    ];
    await Deno.writeFile(`${folder}/a.zip`, await zip([...files, ["grows.mid", zeros.subarray(2 ** 23)]]));
    await Deno.writeFile(`${folder}/a.tgz`, await tarGz(files));
    for (const name of ["a.tgz", "a.zip"]) {
      await buildCorpus(`${folder}/${name}`, `${folder}/store`, sound, { workers: 0, replace: true });
      const { songs, rejected } = await openCorpus(`${folder}/store`);
      assertEquals(songs.map((one) => one.file), ["good.mid"]);
      const found = rejected.map((line) => [line.file, line.reason]);
      assertEquals(found, name === "a.zip" ? expected.toSpliced(4, 0, ["grows.mid", "too-large"]) : expected);
    }
    await Deno.mkdir(`${folder}/tree`);
    await Deno.writeFile(`${folder}/tree/good.mid`, song);
    await Deno.symlink(`${folder}/tree/good.mid`, `${folder}/tree/link.mid`);
    await Deno.symlink(freedoom, `${folder}/tree/songs`);
    await buildCorpus(`${folder}/tree`, `${folder}/store`, sound, { replace: true });
    const { rejected } = await openCorpus(`${folder}/store`);
    assertEquals(rejected.map((line) => [line.file, line.reason]), [["link.mid", "link"], ["songs", "link"]]);
  });
});

Deno.test("a study takes its songs from an archive too, and no other file", async () => {
  await withFolder(async (folder) => {
    const songs: Entries = ["d_inter", "d_e1m1"].map((
      name,
    ) => [`${name}.mid`, Deno.readFileSync(`${freedoom}/${name}.mid`)]);
    const ways = [["songs.zip", await zip(songs)], ["songs.tar.gz", await tarGz(songs)]] as const;
    const choices = recipe("sound", "smoke");
    for (const [name, bytes] of ways) {
      await Deno.writeFile(`${folder}/${name}`, bytes);
      const study = openStudy({ recipe: choices, name, data: `${folder}/${name}`, runs: `${folder}/runs` });
      await buildCorpus(study.data, study.path("corpus"), study.recipe, { workers: 0 });
      const corpus = await openCorpus(study.path("corpus"));
      assertEquals(corpus.songs.map(({ file }) => file), ["d_e1m1.mid", "d_inter.mid"]);
    }
    await Deno.writeFile(`${folder}/songs.rar`, new Uint8Array(9));
    const other = () =>
      openStudy({ recipe: choices, name: "other", data: `${folder}/songs.rar`, runs: `${folder}/runs` });
    assertThrows(other, Error, ".zip, .tar or .tar.gz of them, at");
  });
});

Deno.test("an archive that is cut or none, and a source that is not there, are refused with their names", async () => {
  await withFolder(async (folder) => {
    const files = await entries();
    for (const [name, bytes] of [["cut.zip", await zip(files)], ["cut.tar.gz", await tarGz(files)]] as const) {
      await Deno.writeFile(`${folder}/${name}`, bytes.subarray(0, bytes.length >> 1));
      const build = () => buildCorpus(`${folder}/${name}`, `${folder}/${name}.store`, sound, { workers: 0 });
      await assertRejects(build, CorpusError, `${name}: expected a whole archive`);
    }
    await Deno.writeFile(`${folder}/song.rar`, new Uint8Array(3));
    await assertRejects(
      () => buildCorpus(`${folder}/song.rar`, `${folder}/store`, sound),
      CorpusError,
      "found the file",
    );
    await assertRejects(
      () => buildCorpus(`${folder}/none`, `${folder}/store`, sound),
      CorpusError,
      "Expected a folder",
    );
    await Deno.writeFile(`${folder}/empty.zip`, await zip([["read.me", new Uint8Array(9)]]));
    const empty = () => buildCorpus(`${folder}/empty.zip`, `${folder}/empty`, sound, { workers: 0 });
    await assertRejects(empty, CorpusError, "empty.zip, found none");
  });
});

Deno.test("archives are streamed: songs come before the end is read, and a zip that lies about a size is not believed", async () => {
  await withFolder(async (folder) => {
    const noise = crypto.getRandomValues(new Uint8Array(2 ** 16)); // which gzip cannot shrink
    const many: Entries = Array.from({ length: 64 }, (_, i) => [`${i}.mid`, noise.map((byte) => byte ^ i)]);
    const whole = await tarGz(many);
    await Deno.writeFile(`${folder}/cut.tar.gz`, whole.subarray(0, whole.length - 1000));
    const seen: string[] = [];
    await assertRejects(
      async () => {
        for await (const { file, bytes } of (await openSource(`${folder}/cut.tar.gz`)).files()) {
          assertEquals(bytes, many[seen.length][1]);
          seen.push(file);
        }
      },
      CorpusError,
      "cut.tar.gz: expected a whole archive",
    );
    assert(seen.length >= 40, `${seen.length} songs before the fault at the end`);

    const song = Deno.readFileSync(`${freedoom}/d_inter.mid`), bytes = await zip([["a.mid", song], ["b.mid", song]]);
    const directory = new DataView(bytes.buffer).getUint32(bytes.length - 6, true); // its first entry's size: 100
    new DataView(bytes.buffer).setUint32(directory + 24, 100, true);
    await Deno.writeFile(`${folder}/lies.zip`, bytes);
    const files = await Array.fromAsync((await openSource(`${folder}/lies.zip`)).files());
    assertEquals(files.map(({ file, refused }) => [file, refused?.reason]), [["a.mid", "unreadable"], [
      "b.mid",
      undefined,
    ]]);
    assertEquals(files[1].bytes, song);
  });
});

Deno.test("the command says what it made, that it was done before, and which file was changed", async () => {
  await withFolder(async (folder) => {
    await unpack(folder, (await entries()).slice(0, 6));
    const tokenize = async (...args: string[]) => {
      const options = {
        cwd: projectRoot,
        env: { NO_COLOR: "1" },
        args: ["run", "--quiet", "--no-check", "-A", "lib/cli/main.ts"],
      };
      options.args.push("tokenize", ...args, "--out", `${folder}/store`);
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
      const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      return { code, out, err };
    };
    const first = await tokenize(`${folder}/midi`, "--scale", "demo");
    assertEquals(first.code, 0, first.err);
    assert(/songs of 5 files: .*\n.*store: \d+ bars a second/s.test(first.out), first.out);
    const again = await tokenize(`${folder}/midi`, "--scale", "demo", "--verify");
    assert(/done before, of the same songs and recipe\n.*every byte is as/s.test(again.out), again.out);
    const other = await tokenize(`${folder}/midi`, "--scale", "base");
    assert(other.code !== 0 && /split\.train: .* there, .* asked for/.test(other.err), other.err);
    const path = `${folder}/store/labels-00000.bin`, bytes = await Deno.readFile(path);
    bytes[7] ^= 1;
    await Deno.writeFile(path, bytes);
    const changed = await tokenize("--verify");
    assert(changed.code !== 0 && changed.err.includes("labels-00000.bin: its checksum differs"), changed.err);
  });
});

Deno.test("killed at any moment and started again, a build ends in the bytes of an undisturbed one", async () => {
  await withFolder(async (folder) => {
    const source = await unpack(folder, await entries()), args = [source, "--scale", "demo", "--workers", "2"];
    const tokenize = (out: string) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-check", "-A", "lib/cli/main.ts", "tokenize", ...args, "--out", out],
        cwd: projectRoot,
        stdout: "null",
        stderr: "null",
      }).spawn();
    assert((await tokenize(`${folder}/whole`).status).success);
    const whole = await digests(`${folder}/whole`);
    const left = (name: string) => {
      try {
        return [...Deno.readDirSync(`${folder}/store/${name}`)].map((entry) => entry.name);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    };
    const moments: (() => boolean)[] = [
      () => left("").includes("build.json"),
      () => left("parts").some((name) => name.endsWith(".tmp")),
      () => left("parts").length >= 3,
      () => left("parts").length >= 5,
      () => left("").some((name) => name.startsWith("tokens")),
      () => left("").includes("manifest.json"),
    ];
    for (const come of moments) {
      const child = tokenize(`${folder}/store`), ended = child.status.then(() => true);
      const pause = () => new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 2));
      while (!come() && !await Promise.race([ended, pause()]));
      try {
        child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it ended before
      }
      await ended;
    }
    for (const name of ["songs.jsonl.0a1b2c3d.tmp", "tokens-00007.bin.part"]) {
      await Deno.writeFile(`${folder}/store/${name}`, new Uint8Array(3)); // as a kill while writing leaves them
    }
    assert((await tokenize(`${folder}/store`).status).success);
    assertEquals(await digests(`${folder}/store`), whole);
  });
});

Deno.test("shards merge to the store of a whole build, and only whole sets of finished shards of one source", async () => {
  await withFolder(async (folder) => {
    const source = await unpack(folder, await entries()), parts = [1, 2, 3].map((i) => `${folder}/part${i}`);
    await buildCorpus(source, `${folder}/whole`, sound);
    for (const [i, part] of parts.entries()) await buildShard(source, part, sound, { index: i + 1, of: 3 });
    await mergeCorpora(parts.toReversed(), `${folder}/store`);
    assertEquals(await digests(`${folder}/store`), await digests(`${folder}/whole`));
    const merge = (shards: string[]) => () => mergeCorpora(shards, `${folder}/other`);
    await assertRejects(merge(parts.slice(1)), CorpusError, "each of the 3 shards once, found 2/3, 3/3");
    await assertRejects(merge([...parts, parts[0]]), CorpusError, "once");
    await assertRejects(merge([...parts, source]), CorpusError, "midi: expected a shard");
    await mergeCorpora(parts, `${folder}/store`); // done before
    await assertRejects(() => buildCorpus(source, parts[1], sound), CorpusError, "shard: 2/3 there, 1/1 asked for");
    const shard = () => buildShard(source, `${folder}/whole`, sound, { index: 1, of: 3 });
    await assertRejects(shard, CorpusError, "shard: a whole store there, 1/3 asked for");
    await buildShard(source, parts[1], authors, { index: 2, of: 3 }, { replace: true });
    await assertRejects(merge(parts), CorpusError, "part2: expected the source and recipe of");
    await assertRejects(() => buildShard(source, parts[0], sound, { index: 4, of: 3 }), RangeError, "found 4/3");
  });
});

Deno.test("a part that was damaged is removed and named, and building again mends it", async () => {
  await withFolder(async (folder) => {
    const source = await unpack(folder, await entries()), parts = [1, 2].map((i) => `${folder}/part${i}`);
    for (const [i, part] of parts.entries()) await buildShard(source, part, sound, { index: i + 1, of: 2 });
    const path = `${parts[0]}/parts/000002.part`, bytes = await Deno.readFile(path);
    bytes[bytes.length >> 1] ^= 1;
    await Deno.writeFile(path, bytes);
    await assertRejects(() => mergeCorpora(parts, `${folder}/store`), CorpusError, "000002.part: expected a part");
    await buildShard(source, parts[0], sound, { index: 1, of: 2 });
    await mergeCorpora(parts, `${folder}/store`);
    await verifyCorpus(`${folder}/store`);
  });
});

Deno.test("a store too large for memory is read from disk, and a flipped byte or cut tail noticed as it is opened", async () => {
  await withFolder(async (folder) => {
    const store = `${folder}/store`;
    await buildCorpus(freedoom, store, sound);
    const held = await openCorpus(store), read = await openStore(store, { memory: 0 });
    for (let bar = 0; bar < held.bars; bar += 7) {
      assertEquals(read.tokens(bar), held.tokens(bar).slice());
      assertEquals(read.labels(bar), held.labels(bar));
      assertEquals([read.song(bar), read.barIndex(bar)], [held.song(bar), held.barIndex(bar)]);
    }
    assertEquals(read.barsOf("test"), held.barsOf("test"));
    read.close();
    for (const name of ["tokens-00000.bin", "labels-00000.bin"]) {
      const bytes = await Deno.readFile(`${store}/${name}`), flipped = bytes.slice();
      flipped[5] ^= 1;
      await Deno.writeFile(`${store}/${name}`, flipped);
      const differs = `${name}: its checksum differs`;
      await assertRejects(() => openStore(store, { memory: 0 }), CorpusError, differs);
      await assertRejects(() => verifyCorpus(store), CorpusError, differs);
      const peeked = await openStore(store, { memory: 0, check: "touch" });
      const touch = () => name.startsWith("tokens") ? peeked.tokens(900) : peeked.labels(900);
      assertThrows(touch, CorpusError, differs); // of a bar that is whole
      peeked.close();
      await Deno.writeFile(`${store}/${name}`, bytes.subarray(0, -1));
      for (const check of ["opening", "touch"] as const) {
        const open = () => openStore(store, { memory: 0, check });
        await assertRejects(open, CorpusError, `${name}: expected ${bytes.length} bytes, found ${bytes.length - 1}`);
      }
      await Deno.writeFile(`${store}/${name}`, bytes);
    }
  });
});

Deno.test("a fault of the program ends in a line of its own, not the build, and the next file is read", () => {
  const files = ["d_inter.mid", "d_e1m1.mid"].map((file) => ({ file, path: `${freedoom}/${file}` }));
  let faults = 1;
  const faulty: Recipe = {
    ...sound,
    get midi() {
      if (faults-- > 0) throw new RangeError("a planted fault");
      return sound.midi;
    },
  };
  const part = tokenizeChunk({ index: 0, files }, faulty), [broken, read] = part.files;
  assertEquals([broken.file, broken.rejected?.reason, broken.song], ["d_inter.mid", "internal-error", undefined]);
  assert(broken.rejected!.detail.includes("RangeError: a planted fault"), broken.rejected!.detail);
  assertEquals([read.file, read.rejected, read.song?.bars], ["d_e1m1.mid", undefined, part.tokenCounts.length]);
  assertEquals(part.files.slice(1), tokenizeChunk({ index: 0, files: files.slice(1) }, sound).files);
});

Deno.test("a rejected file's line tells its name, the reason, the byte, and what was expected and found", async () => {
  await withFolder(async (folder) => {
    const cut = (await Deno.readFile(`${freedoom}/d_inter.mid`)).subarray(0, 200);
    await Deno.mkdir(`${folder}/midi/deep`, { recursive: true });
    await Deno.writeFile(`${folder}/midi/deep/cut.mid`, cut);
    await Deno.writeFile(`${folder}/midi/text.mid`, new TextEncoder().encode("no music"));
    await buildCorpus(`${folder}/midi`, `${folder}/store`, authors);
    const lines = (await Deno.readTextFile(`${folder}/store/rejected.jsonl`)).trim().split("\n");
    const [first, second] = lines.map((line) => JSON.parse(line));
    assertEquals(lines.length, 2);
    for (const line of [first, second]) assertEquals(Object.keys(line), ["file", "reason", "detail"]);
    assertEquals([first.file, first.reason], ["deep/cut.mid", "truncated"]);
    assert(/Expected.+\(byte 200\)$/.test(first.detail), first.detail);
    assertEquals([second.file, second.reason], ["text.mid", "not-midi"]);
    assert(/Expected MThd/.test(second.detail), second.detail);
  });
});

Deno.test("files that hold no music do not end a build", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/midi`);
    await Deno.copyFile(`${freedoom}/d_inter.mid`, `${folder}/midi/good.mid`);
    await Deno.writeFile(`${folder}/midi/empty.mid`, new Uint8Array());
    await Deno.writeFile(`${folder}/midi/silent.mid`, file([[meter(0)]]));
    const { songs, rejected } = await buildCorpus(`${folder}/midi`, `${folder}/store`, sound);
    assertEquals([songs, Object.values(rejected).reduce((sum, count) => sum + count)], [1, 2]);
  });
});
