import { assert, assertEquals, assertRejects } from "@std/assert";
import { buildCorpus, buildShard, mergeCorpora } from "@lib/corpus/build.ts";
import { CorpusError, verifyCorpus } from "@lib/corpus/store.ts";
import { hashNotes, hashTokens, tokenizeChunk } from "@lib/corpus/tokenize.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { freedoom, manySongs, unpack } from "../support/corpora.ts";
import { withFolder } from "../support/folder.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");

Deno.test("the hash of a bar's notes is that of their positions and pitches", () => {
  // Bar, Position 0, Tempo, then Position 2, Piano, Pitch 60, Velocity, Duration; Position 2, Drum, Drum 36, …; <eob>
  const tokens = Uint16Array.of(4, 422, 20, 424, 37, 226, 540, 475, 424, 165, 330, 540, 471, 2);
  assertEquals(hashNotes(tokens), hashTokens([424, 226, 424, 330]));
  const played = tokens.with(2, 30).with(4, 40).with(6, 541).with(12, 480); // faster, by another, louder, longer
  assertEquals(hashNotes(played), hashNotes(tokens));
  for (const [at, id] of [[3, 425], [5, 227], [8, 425], [10, 331]]) {
    assert(hashNotes(tokens.with(at, id)) !== hashNotes(tokens), `token ${at}`);
  }
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

Deno.test("a part that was damaged is removed and named, and building again mends it", async () => {
  await withFolder(async (folder) => {
    const source = await unpack(folder, await manySongs()), parts = [1, 2].map((i) => `${folder}/part${i}`);
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
