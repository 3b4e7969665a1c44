import { assertEquals, assertLess } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import {
  areasOnce,
  classParts,
  classRows,
  heldPredictions,
  largestClass,
  resampledAreas,
} from "@lib/metrics/class_parts.ts";
import { argMax } from "@lib/metrics/class_scores.ts";
import { songWeights, weightings } from "@lib/metrics/intervals.ts";
import { scorer } from "@lib/metrics/task_scores.ts";
import { aucByClass, aucOnce, rankByClass } from "@lib/metrics/ranking.ts";

const random = stream(5, "class parts"), rows = 60;
const sets = Array.from({ length: rows }, () => [...new Set([2, 3, 5, 8, 9].filter(() => random.uniform() < 0.4))]);
const songs = Int32Array.from({ length: rows }, (_, r) => 40 + r % 7), live = [1, 2, 3, 8];
const values = Float64Array.from({ length: live.length * rows }, () => Math.round(8 * random.uniform()) / 4 - 1);
const of = classRows((r) => sets[r], songs, live), predicted = heldPredictions(values, rows);

/** The table of all classes at once. */
const whole = (() => {
  const ids = [1, 2, 3, 5, 8, 9], labels = new Uint8Array(ids.length * rows);
  const decisions = new Float64Array(ids.length * rows).fill(-1);
  ids.forEach((id, k) => {
    sets.forEach((set, r) => labels[k * rows + r] = set.includes(id) ? 1 : 0);
    const at = live.indexOf(id);
    if (at >= 0) decisions.set(values.subarray(at * rows, (at + 1) * rows), k * rows);
  });
  return { ids, decisions, table: { classes: 6, rows, labels, songs: songs.map((song) => song - 40), songCount: 7 } };
})();

Deno.test("classes come some at a time, each with its labels and decisions; those not seen in training have −1", async () => {
  assertEquals([of.ids, of.songCount, [...of.songs]], [whole.ids, 7, [...whole.table.songs]]);
  for (
    const [most, sizes] of [[Infinity, [6]], [4 * rows, [4, 2]], [2 * rows + 1, [2, 2, 2]], [1, [
      1,
      1,
      1,
      1,
      1,
      1,
    ]]] as const
  ) {
    const asked: number[] = [],
      parts = await Array.fromAsync(
        classParts(of, (first, count) => (asked.push(count), predicted(first, count)), most),
      );
    assertEquals(parts.map(({ table }) => table.classes), [...sizes]);
    assertEquals(parts.flatMap(({ decisions }) => [...decisions]), [...whole.decisions]);
    assertEquals(parts.flatMap(({ table }) => [...table.labels]), [...whole.table.labels]);
    assertEquals(asked.reduce((sum, count) => sum + count, 0), live.length);
  }
});

Deno.test("areas and largest decisions by parts are those of the whole table to the bit", async () => {
  assertEquals([...await largestClass(of, predicted)], [...argMax(whole.decisions, 6)]);
  assertEquals([...await areasOnce(of, predicted)], [...aucOnce(whole.decisions, whole.table)]);
  const resampling = { songs: 7, resamplings: 20, seed: 3 }, count = weightings(resampling);
  const area = aucByClass(rankByClass(whole.decisions, whole.table), whole.table);
  const want = Array.from(songWeights(resampling), (weights) => [...area(weights)]);
  for (const most of [Infinity, 2 * rows]) {
    const areas = new Float64Array(6 * count);
    for await (const part of classParts(of, predicted, most)) resampledAreas(areas, part, resampling);
    assertEquals([...areas], want.flat());
  }
});

Deno.test("of many bars only some classes are asked for at a time, under both protocols and to choose by", async () => {
  const bars = 100_000, classes = 84, asked: number[] = [];
  const table = {
    labels: Array.from({ length: bars }, (_, r) => ({
      ...{ chords: [], groove: [], instruments: [r % classes], tempoBin: r % 32 },
      ...{ meanVelocity: 1, meanDuration: 1, meanDurationQuarters: 1 },
    })),
    songs: Int32Array.from({ length: bars }, (_, r) => r % 10),
  };
  for (const task of ["I", "T"] as const) {
    const score = scorer(table, { task }, Array.from({ length: task === "I" ? classes : 32 }, (_, k) => k), 0);
    const ask = (_: number, count: number) => (asked.push(count), new Float64Array(count * bars));
    await score.choice(ask);
    await score.authors(ask);
    await score.sound(ask, { resamplings: 0, seed: 0 });
  }
  assertLess(Math.max(...asked) * bars * 8, 17 * 2 ** 20); // bytes
});
