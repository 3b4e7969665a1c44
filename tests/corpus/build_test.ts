import { assert, assertEquals, assertRejects } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { buildCorpus, buildShard, mergeCorpora } from "@lib/corpus/build.ts";
import { CorpusError, verifyCorpus } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { tarGz, zip } from "../support/archives.ts";
import { manySongs, storeBytes, unpack, withSongs } from "../support/corpora.ts";
import { withFolder } from "../support/folder.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");

Deno.test("folder, zip and tar.gz give the same store to the byte, with any number of workers", async () => {
  await withFolder(async (folder) => {
    const files = await manySongs(36);
    await unpack(folder, files);
    await Deno.writeFile(`${folder}/midi.zip`, await zip(files));
    await Deno.writeFile(`${folder}/midi.tar.gz`, await tarGz(files));
    const stores: Record<string, Uint8Array>[] = [];
    const ways = [["midi", 0], ["midi", 2], ["midi.zip", 1], ["midi.zip", 3], ["midi.tar.gz", 0], ["midi.tar.gz", 2]];
    for (const [i, [name, workers]] of (ways as [string, number][]).entries()) {
      const counts: [number, number][] = [];
      const onProgress = (done: number, total: number) => void counts.push([done, total]);
      await buildCorpus(`${folder}/${name}`, `${folder}/store${i}`, sound, { workers, onProgress });
      assertEquals(counts.at(-1), [36, 36]);
      stores.push(await storeBytes(`${folder}/store${i}`));
    }
    for (const { "source.json": _, ...store } of stores) { // which says whence
      assertEquals({ ...store, "source.json": stores[0]["source.json"] }, stores[0]);
    }
    await verifyCorpus(`${folder}/store0`);
  });
});

Deno.test("building again gives the same bytes, also over an older store", async () => {
  await withSongs(async (source, dir) => {
    const seen: string[] = [];
    await buildCorpus(source, dir, authors);
    const onProgress = (done: number, total: number, file: string) => void seen.push(`${done}/${total} ${file}`);
    await buildCorpus(source, dir, sound, { replace: true, onProgress });
    const first = await storeBytes(dir);
    await buildCorpus(source, `${dir}2`, sound);
    assertEquals(await storeBytes(`${dir}2`), first);
    assertEquals(
      Object.keys(first).sort().join(" "), // no temporary file is left
      "labels-00000.bin manifest.json offsets-00000.bin rejected.jsonl songs.jsonl source.json tokens-00000.bin",
    );
    assertEquals(seen, ["0/4 ", "4/4 deep/er/d_inter.mid"]);
  });
});

Deno.test("an aborted build leaves no manifest, and goes on when it is started again", async () => {
  await withSongs(async (source, dir) => {
    await buildCorpus(source, `${dir}2`, sound);
    const whole = await storeBytes(`${dir}2`);
    const stop = new AbortController();
    const onProgress = (done: number) => done > 0 && stop.abort();
    await assertRejects(() => buildCorpus(source, dir, sound, { signal: stop.signal, onProgress }), DOMException);
    assertEquals((await Array.fromAsync(Deno.readDir(`${dir}/parts`), ({ name }) => name)).join(), "000000.part");
    await assertRejects(() => openCorpus(dir), CorpusError, "go on building");
    await buildCorpus(source, dir, sound);
    assertEquals(await storeBytes(dir), whole);
  });
});

Deno.test("killed at any moment and started again, a build ends in the bytes of an undisturbed one", async () => {
  await withFolder(async (folder) => {
    const source = await unpack(folder, await manySongs()), args = [source, "--scale", "demo", "--workers", "2"];
    const tokenize = (out: string) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-check", "-A", "lib/cli/main.ts", "tokenize", ...args, "--out", out],
        cwd: projectRoot,
        stdout: "null",
        stderr: "null",
      }).spawn();
    assert((await tokenize(`${folder}/whole`).status).success);
    const whole = await storeBytes(`${folder}/whole`);
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
    assertEquals(await storeBytes(`${folder}/store`), whole);
  });
});

Deno.test("shards merge to the store of a whole build, and only whole sets of finished shards of one source", async () => {
  await withFolder(async (folder) => {
    const source = await unpack(folder, await manySongs()), parts = [1, 2, 3].map((i) => `${folder}/part${i}`);
    await buildCorpus(source, `${folder}/whole`, sound);
    for (const [i, part] of parts.entries()) await buildShard(source, part, sound, { index: i + 1, of: 3 });
    await mergeCorpora(parts.toReversed(), `${folder}/store`);
    assertEquals(await storeBytes(`${folder}/store`), await storeBytes(`${folder}/whole`));
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
    await buildShard(source, parts[1], sound, { index: 2, of: 3 }, { replace: true });
    await Deno.remove(`${source}/d_e1m1.mid`, { recursive: true }).catch(() =>
      Deno.remove(`${source}/other/d_e1m1.mid`)
    );
    await buildShard(source, parts[2], sound, { index: 3, of: 3 }, { replace: true }); // of one song less
    await assertRejects(merge(parts), CorpusError, "part3: expected the source and recipe of");
    await assertRejects(() => buildShard(source, parts[0], sound, { index: 4, of: 3 }), RangeError, "found 4/3");
  });
});

Deno.test("of two builds of one store at once, one builds and the other waits for it", async () => {
  await withSongs(async (source, dir) => {
    const done: number[] = [0, 0], lines: string[] = [];
    const builds = done.map((_, i) =>
      buildCorpus(source, dir, sound, { onProgress: (songs) => done[i] = songs, say: (line) => lines.push(line) })
    );
    const [first, second] = await Promise.all(builds);
    assertEquals(first, second);
    assertEquals(done.toSorted(), [0, 4]);
    assertEquals(lines, [`${dir}/build.lock: another process works here; waiting until it is done.`]);
    const whole = await storeBytes(dir);
    await buildCorpus(source, `${dir}2`, sound);
    assertEquals(await storeBytes(`${dir}2`), whole);
  });
});

Deno.test("links are followed on request, and a store of them is none of the others", async () => {
  await withSongs(async (source, dir) => {
    await Deno.mkdir(`${dir}2`);
    await Deno.symlink(`${source}/d_e1m1.mid`, `${dir}2/link.mid`);
    assertEquals((await buildCorpus(`${dir}2`, dir, sound)).rejected, { link: 1 });
    const follow = (replace: boolean) => buildCorpus(`${dir}2`, dir, sound, { followLinks: true, replace });
    await assertRejects(() => follow(false), CorpusError, "songs: others there");
    assertEquals((await follow(true)).songs, 1);
  });
});

Deno.test("a folder without MIDI files is refused", async () => {
  await assertRejects(() => buildCorpus("tests/golden/songs", "unused", sound), CorpusError, "found none");
  const store = `${projectRoot}/tests/golden/store`;
  await assertRejects(() => buildCorpus(store, "unused", sound), CorpusError, "found a store of bars");
  await assertRejects(() => Deno.stat("unused"), Deno.errors.NotFound);
});
