import { assert, assertEquals } from "@std/assert";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { clusterSongs, numberHashes, overlap } from "@lib/corpus/duplicates.ts";
import { readScore } from "@lib/midi/read.ts";
import { writeScore } from "@lib/midi/write.ts";
import { hashNotes, hashTokens } from "@lib/corpus/tokenize.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { splits } from "@lib/corpus/split.ts";

const sound = recipe("sound", "demo");

/** Random songs of few kinds of bars, some of them altered copies of others. */
function planted(songs: number) {
  const random = stream(0, "planted"), bars: number[][] = [];
  for (let song = 0; song < songs; song++) {
    const copied = song > 0 && random.uniform() < 0.4 ? bars[random.integer(song)] : [];
    const fresh = Array.from({ length: 1 + random.integer(8) }, () => random.integer(4 * songs));
    bars.push([...copied.filter(() => random.uniform() < 0.7), ...fresh]);
  }
  const first = new Int32Array(songs + 1);
  bars.forEach((song, i) => first[i + 1] = first[i] + song.length);
  return { bars, table: { first, content: Int32Array.from(bars.flat()), count: 4 * songs } };
}

Deno.test("clusters are those of comparing every pair of songs", () => {
  const { bars, table } = planted(90);
  for (const shared of [0.2, 0.5, 0.8, 1]) {
    const sets = bars.map((song) => new Set(song)), expected = Int32Array.from(sets.keys());
    for (let changed = true; changed;) {
      changed = false;
      for (let a = 0; a < sets.length; a++) {
        for (let b = 0; b < a; b++) {
          const common = sets[a].intersection(sets[b]).size;
          if (common < shared * Math.min(sets[a].size, sets[b].size) || common === 0) continue;
          const least = Math.min(expected[a], expected[b]);
          if (expected[a] !== least || expected[b] !== least) changed = true;
          expected[a] = expected[b] = least;
        }
      }
    }
    assertEquals(clusterSongs(table, shared, 100), expected);
  }
});

Deno.test("equal hashes get equal numbers, by first occurrence", () => {
  const hashes = Float64Array.of(2 ** 53 - 1, 5, 5 + 2 ** 40, 5, 0, 2 ** 53 - 1, 0);
  assertEquals(numberHashes(hashes), { content: Int32Array.of(0, 1, 2, 1, 3, 0, 3), count: 4 });
  assertEquals(numberHashes(new Float64Array()), { content: new Int32Array(), count: 0 });
});

Deno.test("the leak is that of looking every bar up", () => {
  const { bars, table } = planted(60), random = stream(1, "split");
  const split = bars.map(() => splits[random.integer(3)]);
  const of = (name: "train" | "test") => bars.filter((_, i) => split[i] === name).flat();
  const [train, test] = [of("train"), of("test")];
  assertEquals(overlap(table, split), {
    trainBars: train.length,
    testBars: test.length,
    testInTrain: test.filter((bar) => train.includes(bar)).length,
    trainInTest: train.filter((bar) => test.includes(bar)).length,
  });
});

Deno.test("a store drops copies, splits louder versions with their song, and tells what a split by file would leak", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/midi`);
    const names = [
      "d_e1m1",
      "d_e1m2",
      "d_e1m4",
      "d_e1m6",
      "d_inter",
      "d_tense",
      "d_e2m1",
      "d_e2m2",
      "d_e2m3",
      "d_e3m1",
    ];
    const louder = (bytes: Uint8Array) => {
      const score = readScore(bytes, sound);
      for (const note of score.notes) note.velocity = Math.min(127, note.velocity + 20);
      return writeScore(score);
    };
    for (const name of names) {
      const bytes = await Deno.readFile(`data/freedoom/${name}.mid`);
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
    assertEquals(summary.clusters.largest, 2);
    assertEquals(summary.leak.notes.split.testInTrain, 0);
    assert(summary.leak.notes.byFile.testInTrain > 100 && summary.leak.tokens.byFile.testInTrain > 50);

    const keeping = { ...sound, duplicates: { ...sound.duplicates, exact: "keep" as const, near: "ignore" as const } };
    const all = await buildCorpus(`${folder}/midi`, `${folder}/store`, keeping, { replace: true });
    assertEquals(all.songs, summary.songs + copies.length);
    assertEquals(all.clusters, { clusters: 0, songs: 0, largest: 0 });
    assertEquals(all.rejected.duplicate, undefined);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

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
