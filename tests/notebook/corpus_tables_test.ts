import { assertEquals } from "@std/assert";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { clusterRows, differenceRows, leakRows } from "@lib/notebook/corpus_tables.ts";
import { recipe } from "@lib/recipe/recipe.ts";

Deno.test("copies, the leak and what two presets make of the same songs are told in rows", async () => {
  const folder = await Deno.makeTempDir(), sound = recipe("sound", "demo");
  try {
    await Deno.mkdir(`${folder}/midi`);
    const names = ["d_e1m1", "d_inter", "d_tense", "d_dead", "d_evil"];
    for (const name of names) await Deno.copyFile(`data/freedoom/${name}.mid`, `${folder}/midi/${name}.mid`);
    await Deno.copyFile("data/freedoom/d_e1m1.mid", `${folder}/midi/again.mid`);
    const open = async (choices: typeof sound) => {
      await buildCorpus(`${folder}/midi`, `${folder}/store`, choices, { replace: true });
      return await openCorpus(`${folder}/store`);
    };
    const one = await open(sound), { rejected } = one;
    assertEquals(rejected.filter(({ reason }) => reason === "duplicate").map(({ file }) => file), ["d_e1m1.mid"]);
    assertEquals(clusterRows(one), []);
    const rows = leakRows(one);
    assertEquals(rows.map(({ bars, split }) => `${bars}, ${split}`), [
      "same tokens, of this corpus",
      "same tokens, by file alone",
      "same positions and pitches, of this corpus",
      "same positions and pitches, by file alone",
    ]);
    assertEquals(rows[0].testBars, one.barsOf("test").length);

    const copies = await open({ ...sound, duplicates: { ...sound.duplicates, exact: "keep" } });
    const [cluster, ...others] = clusterRows(copies);
    assertEquals([cluster.songs, cluster.files, others.length], [2, "again.mid, d_e1m1.mid", 0]);

    const same = differenceRows(one, one);
    assertEquals(same.counts.map(({ both }) => both), [one.songs.length, one.bars, null]);
    assertEquals(new Set(same.same.map(({ share }) => share)), new Set([1]));
    const other = await open(recipe("authors", "demo")), { counts, same: shares } = differenceRows(one, other);
    assertEquals(counts[1].sound, one.bars);
    assertEquals(counts[1].authors, other.bars);
    assertEquals(shares.every(({ share }) => share >= 0 && share <= 1), true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
