import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { standardise } from "@lib/matrix/ridge.ts";
import { collector, type ProbeRow } from "@lib/probing/rows.ts";
import { addShuffled, addSongRows, clusterBars, clusterLabels, drawnEntropy } from "@lib/probing/song_clustering.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { meta } from "../support/planted_tables.ts";

const study = recipe("sound", "smoke", { probing: { bootstraps: 50, clusters: 4, shuffles: 200, clusterRows: 40 } });
/** Bars of four songs, each song at a corner of a square of its own size and place in the second feature's scale. */
const points = (perSong: number, name: string) => {
  const random = stream(2, name), songs = Int32Array.from({ length: 4 * perSong }, (_, r) => r % 4);
  const x = Float32Array.from([...songs].flatMap((song) => [
    (song & 1) + 0.05 * random.uniform(),
    100 * (song >> 1) + 5 * random.uniform(),
  ]));
  return { songs, x };
};
const scale = { columns: 2, mean: Float64Array.of(0.5, 50), std: Float64Array.of(0.5, 50) };
const train = points(20, "train"), test = points(5, "test");
const value = (rows: ProbeRow[], metric: string, labels = "true") =>
  rows.find((row) => row.metric === metric && row.labels === labels)!;

Deno.test("bars of one corner share a cluster, whatever the features' scales, and songs are found by their bars", async () => {
  const clusters = await clusterBars(scale, train.x, study), labels = await clusterLabels(clusters, scale, test.x);
  assertEquals([clusters.k, new Set(labels).size], [4, 4]);
  labels.forEach((label, row) => assertEquals(label, labels[row % 4]));
  const written = collector(meta, study), { songs } = test;
  const rowsOf = (rows: Int32Array) =>
    standardise(scale, Float32Array.from([...rows].flatMap((row) => [...test.x.subarray(2 * row, 2 * row + 2)])));
  addSongRows(written, "test", { labels, rowsOf, songs, k: 4 }, study);
  for (const [metric, score] of [["entropy", 0], ["nmi", 1], ["retrievalMap", 1], ["retrievalR1", 1]] as const) {
    assertAlmostEquals(value(written.rows, metric).value, score, 1e-12);
    assertEquals([value(written.rows, metric).rows, value(written.rows, metric).songs], [20, 4]);
  }
  const validation = collector(meta, study);
  addSongRows(validation, "validation", { labels, rowsOf, songs, k: 4 }, study);
  assertEquals(validation.rows.map(({ metric, k }) => [metric, k]), [["entropy", 4]]);
});

Deno.test("dealt at random, bars of pure songs have nearly the entropy of a song that mixes all", async () => {
  const labels = await clusterLabels(await clusterBars(scale, train.x, study), scale, test.x);
  // Five of 20 bars, five to a cluster: the mean of their entropy over all ways to draw them.
  const choose = [1, 5, 10, 10, 5, 1], counts = [0, 1, 2, 3, 4, 5];
  const draws = counts.flatMap((a) => counts.flatMap((b) => counts.map((c) => [a, b, c, 5 - a - b - c])))
    .filter(([, , , d]) => d >= 0);
  const expectedEntropy = draws.reduce((sum, of) => {
    const entropy = of.reduce((sum, n) => n > 0 ? sum - n / 5 * Math.log(n / 5) : sum, 0) / Math.log(4);
    return sum + of.reduce((product, n) => product * choose[n], 1) / 15504 * entropy; // 15504 ways to draw 5 of 20
  }, 0);
  const { rows, ...written } = collector(meta, study);
  for (const protocol of ["sound", "authors"] as const) {
    addShuffled({ rows, ...written }, protocol, labels, test.songs, 4, study);
  }
  for (const row of rows) {
    assertEquals([row.labels, row.split, row.rows, row.songs, row.k], ["permuted", "test", 20, 4, 4]);
    assertAlmostEquals(row.value, expectedEntropy, 0.02);
    assertLess(row.low!, row.value);
    assertLess(row.value, row.high!);
  }
});

Deno.test("one-bar songs count for the authors alone", () => {
  const songs = Int32Array.of(0, 0, 0, 1), labels = Int32Array.of(2, 2, 1, 3);
  const drawn = drawnEntropy(labels, [8, 8, 8, 5], 4);
  assertEquals([drawn.rows, drawn.songs], [4, [8, 5]]);
  const once = drawn.scores.resampled(Float64Array.of(1, 1)).entropy;
  const mixed = -(2 / 3 * Math.log(2 / 3) + 1 / 3 * Math.log(1 / 3)) / Math.log(4);
  assertAlmostEquals(once, mixed / 2, 1e-4); // the song of one bar has none
  const written = collector(meta, study), rowsOf = (rows: Int32Array) => new Float64Array(rows.length).fill(1);
  addSongRows(written, "validation", { labels, rowsOf, songs, k: 4 }, study);
  const [row] = written.rows;
  assertEquals([row.rows, row.songs], [3, 1]);
  assertAlmostEquals(row.value, mixed * Math.log(4) / Math.log(3), 1e-12); // over ln of three bars
});

Deno.test("retrieval is the mean over the bars that look, weighted as their songs are", () => {
  // Song 0 has three bars, song 1 two: row 4, of song 1, lies among song 0.
  const angles = [0, 0.1, 0.3, 1.5, 0.21], songs = Int32Array.of(0, 0, 0, 1, 1), written = collector(meta, study);
  const rowsOf = (rows: Int32Array) =>
    Float64Array.from([...rows].flatMap((r) => [Math.cos(angles[r]), Math.sin(angles[r])]));
  addSongRows(written, "test", { labels: Int32Array.of(0, 0, 0, 1, 1), rowsOf, songs, k: 4 }, study);
  // Ranks of the companions: row 0: 1, 3; row 1: 1, 3; row 2: 2, 3; row 3: 2; row 4: 4.
  const found = [(1 + 2 / 3) / 2, (1 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2, 1 / 2, 1 / 4];
  assertAlmostEquals(value(written.rows, "retrievalMap").value, found.reduce((a, b) => a + b) / 5, 1e-12);
  assertAlmostEquals(value(written.rows, "retrievalR1").value, 2 / 5, 1e-12);
});

Deno.test("clusters are fitted on the recipe's share of many bars, and K follows that share", async () => {
  const many = points(100, "many"), few = { ...study, probing: { ...study.probing, clusters: 100, clusterShare: 0.2 } };
  assertEquals((await clusterBars(scale, many.x, few)).k, 8); // a fifth of 40
  assert((await clusterBars(scale, points(5, "five").x, few)).k === 4); // of 20
});
