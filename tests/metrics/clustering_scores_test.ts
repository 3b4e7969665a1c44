import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  normalisedInformation,
  sameSongRetrieval,
  shuffledEntropy,
  songEntropy,
} from "@lib/metrics/clustering_scores.ts";
import { expected, fixture } from "../support/probe_fixtures.ts";

Deno.test("song entropy is the authors' to 1e-9, also for songs of unequal length", async () => {
  const songs = (await fixture("song_test")).data;
  for (const { K, given, entropy, keptRows, entropyKeptRows } of expected.songClustering) {
    const options = { clusters: K, protocol: "authors" } as const;
    assertAlmostEquals(songEntropy(given, songs, options).mean, entropy, 1e-9);
    const kept = songEntropy(keptRows.map((r) => given[r]), keptRows.map((r) => songs[r]), options);
    assertAlmostEquals(kept.mean, entropyKeptRows, 1e-9);
  }
});

Deno.test("the sound entropy is over ln min(n, K), and leaves out songs of one bar", () => {
  const of = (labels: number[], songs: number[], clusters: number) =>
    songEntropy(labels, songs, { clusters, protocol: "sound" });
  assertEquals(of([3, 3, 3], [0, 0, 0], 8).mean, 0);
  assertAlmostEquals(of([0, 1, 2, 3], [0, 0, 0, 0], 8).mean, 1, 1e-12); // four bars, four clusters
  assertAlmostEquals(of([0, 0, 1, 1], [0, 0, 0, 0], 8).mean, 0.5, 1e-12); // ln 2 over ln 4
  assertAlmostEquals(of([0, 0, 1, 1], [0, 0, 0, 0], 2).mean, 1, 1e-12);
  const { perSong, mean } = of([1, 2, 3, 4, 4], [5, 6, 6, 2, 2], 8);
  assertEquals([...perSong].map((entropy) => Math.round(1e9 * entropy) / 1e9), [NaN, 1, 0]);
  assertAlmostEquals(mean, 0.5, 1e-12);
  assertThrows(() => of([1], [1, 2], 8), RangeError, "1 labels");
});

Deno.test("the null of song entropy deals the same clusters to the same songs at random", () => {
  // Two songs of two bars, two clusters of two: of the three ways to pair the bars, one gives 0, two give 1.
  const labels = Int32Array.of(0, 0, 1, 1), songs = [0, 0, 1, 1], options = { clusters: 2, protocol: "sound" } as const;
  const { value, low, high } = shuffledEntropy(labels, songs, options, { seed: 1, shuffles: 3000 });
  assertAlmostEquals(value, 2 / 3, 0.04);
  assertEquals([low, high], [0, 1]);
  assert(shuffledEntropy(labels, songs, options, { seed: 2, shuffles: 3000 }).value !== value);
  assertEquals(shuffledEntropy(labels, songs, options, { seed: 1, shuffles: 3000 }).value, value);
});

Deno.test("bars that look for their song, and clusters beside songs, score as scikit-learn's", () => {
  const x = Float64Array.of(1, 0.2, 0.9, 0.4, 0.1, 1, 0.5, 0.6, 1, -0.3, 0.3, 0.9), songs = [0, 0, 1, 1, 0, 2];
  const { precision, first } = sameSongRetrieval(x, songs);
  [1, 5 / 6, 1 / 2, 1 / 3, 1, NaN].forEach((score, r) => assertAlmostEquals(precision[r], score, 1e-12));
  assertEquals([...first], [1, 1, 0, 0, 1, NaN]);
  assertThrows(() => sameSongRetrieval(x, [0, 0, 1, 1, 0]), RangeError, "12 numbers do not make 5 rows");
  assertAlmostEquals(
    normalisedInformation([5, 5, 5, 3, 3, 2, 2, 2], [0, 0, 1, 1, 2, 2, 2, 0]),
    0.398747820241147,
    1e-12,
  );
  assertEquals(normalisedInformation([1, 1], [4, 4]), 1);
});

Deno.test("companions count in the order of their nearness, not of their rows", () => {
  // Row 0 finds row 2 first, then a stranger, then row 1.
  const x = Float32Array.of(1, 0, 0, 1, 1, 0.1, 1, 0.5), { precision, first } = sameSongRetrieval(x, [0, 0, 0, 9]);
  assertAlmostEquals(precision[0], (1 / 1 + 2 / 3) / 2, 1e-12);
  assertEquals(first[0], 1);
});

Deno.test("of equal neighbours the earlier row comes first", () => {
  // All rows are the same: row 0 finds rows 1 and 3 of its song at ranks 1 and 3; row 2 is alone.
  const { precision, first } = sameSongRetrieval(new Float64Array(8).fill(1), [0, 0, 1, 0]);
  assertAlmostEquals(precision[0], (1 / 1 + 2 / 3) / 2, 1e-12);
  assertAlmostEquals(precision[3], (1 / 1 + 2 / 2) / 2, 1e-12);
  assertEquals([...first], [1, 1, NaN, 1]);
});
