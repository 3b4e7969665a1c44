import { assertEquals } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { clusterSongs, numberHashes, overlap } from "@lib/corpus/duplicates.ts";
import { splits } from "@lib/corpus/split.ts";

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
