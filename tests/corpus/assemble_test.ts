import { assert, assertEquals } from "@std/assert";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { readScore } from "@lib/midi/read.ts";
import { writeScore } from "@lib/midi/write.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { zip } from "../support/archives.ts";
import { freedoom, withSongs } from "../support/corpora.ts";
import { withFolder } from "../support/folder.ts";
import { file, meter, note } from "../support/smf.ts";

const sound = recipe("sound", "demo");

Deno.test("a store drops copies, splits louder versions with their song, and tells what a split by file would leak", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/midi`);
    const few = ["d_e1m1", "d_e1m2", "d_e1m4", "d_e1m6", "d_inter", "d_tense"];
    const names = [...few, "d_e2m1", "d_e2m2", "d_e2m3", "d_e3m1"];
    const louder = (bytes: Uint8Array) => {
      const score = readScore(bytes, sound);
      for (const note of score.notes) note.velocity = Math.min(127, note.velocity + 20);
      return writeScore(score);
    };
    for (const name of names) {
      const bytes = await Deno.readFile(`${freedoom}/${name}.mid`);
      await Deno.writeFile(`${folder}/midi/${name}.mid`, bytes);
      await Deno.writeFile(`${folder}/midi/${name} copy.mid`, bytes);
      await Deno.writeFile(`${folder}/midi/${name} louder.mid`, louder(bytes));
    }
    const summary = await buildCorpus(`${folder}/midi`, `${folder}/store`, sound);
    const { songs, rejected } = await openCorpus(`${folder}/store`);
    const copies = rejected.filter(({ reason }) => reason === "duplicate");
    for (const { file, detail } of copies) {
      assertEquals(detail, `same bars as ${file.replace(/( copy)?.mid$/, "")} copy.mid`);
    }
    for (const song of songs.filter(({ file }) => file.includes("louder"))) {
      const partner = songs.find(({ file }) => file === song.file.replace("louder", "copy"))!;
      assertEquals([song.cluster, song.split], [partner.cluster, partner.split]);
    }
    const loud = songs.filter(({ file }) => file.includes("louder")).length; // each beside the song it is made of
    assertEquals(summary.clusters, { clusters: loud, songs: 2 * loud, largest: 2 });
    assertEquals(summary.leak.notes.split.testInTrain, 0);
    assert(summary.leak.notes.byFile.testInTrain > 100 && summary.leak.tokens.byFile.testInTrain > 50);

    const keeping = { ...sound, duplicates: { ...sound.duplicates, exact: "keep" as const, near: "ignore" as const } };
    const all = await buildCorpus(`${folder}/midi`, `${folder}/store`, keeping, { replace: true });
    assertEquals(all.songs, summary.songs + copies.length);
    assertEquals(all.clusters, { clusters: 0, songs: 0, largest: 0 });
    assertEquals(all.rejected.duplicate, undefined);
  });
});

Deno.test("every file that gives no song has a line that says why", async () => {
  const copy = await Deno.readFile(`${freedoom}/d_e1m1.mid`);
  const more = {
    "a copy.MID": copy,
    "short.mid": file([[meter(0), ...note(0, 40, 60)]]),
    "silent.mid": file([[meter(0)]]),
    "text.midi": new TextEncoder().encode("not music"),
    "readme.txt": new TextEncoder().encode("no MIDI file, so not counted"),
  };
  await withSongs(async (source, dir) => {
    const summary = await buildCorpus(source, dir, sound);
    const { rejected, songs } = await openCorpus(dir);
    assertEquals(rejected.map(({ file, reason }) => [file, reason]), [
      ["d_e1m1.mid", "duplicate"],
      ["deep/er/d_e1m8.mid", "not-4/4"],
      ["short.mid", "no-kept-bars"],
      ["silent.mid", "no-notes"],
      ["text.midi", "not-midi"],
    ]);
    assertEquals(rejected[0].detail, "same bars as a copy.MID");
    assertEquals(summary.files, songs.length + rejected.length);
    assertEquals(summary.rejected, { "duplicate": 1, "no-kept-bars": 1, "no-notes": 1, "not-4/4": 1, "not-midi": 1 });
    assertEquals(summary.bars, summary.kept + summary.notKept);
  }, more);
});

Deno.test("of an archive's entries with one name the last counts, as in its unpacked folder", () =>
  withFolder(async (folder) => {
    const song = (name: string) => Deno.readFileSync(`${freedoom}/${name}.mid`);
    const entries: [string, Uint8Array][] = [["a.mid", song("d_inter")], ["b.mid", song("d_tense")]];
    await Deno.writeFile(`${folder}/a.zip`, zip([["b.mid", song("d_e1m1")], ...entries, ["b.mid", song("d_e1m2")]]));
    await Deno.mkdir(`${folder}/unpacked`);
    await Deno.writeFile(`${folder}/unpacked/a.mid`, song("d_inter"));
    await Deno.writeFile(`${folder}/unpacked/b.mid`, song("d_e1m2"));
    const summary = await buildCorpus(`${folder}/a.zip`, `${folder}/zipped`, sound, { workers: 0 });
    await buildCorpus(`${folder}/unpacked`, `${folder}/plain`, sound);
    assertEquals((await openCorpus(`${folder}/zipped`)).songs, (await openCorpus(`${folder}/plain`)).songs);
    assertEquals([summary.files, summary.songs, summary.rejected], [4, 2, { duplicate: 2 }]);
  }));
