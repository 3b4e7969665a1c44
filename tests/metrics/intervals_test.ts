import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { songMean } from "@lib/metrics/class_scores.ts";
import { bootstrap, central, intervals, resample, songWeights, twoSided, weightings } from "@lib/metrics/intervals.ts";
import { stream } from "@lib/base/random.ts";

Deno.test("the central 95% lies between order statistics, as numpy's percentiles do", () => {
  const values = Float64Array.from({ length: 101 }, (_, i) => 100 - i);
  assertEquals(central(values), { low: 2.5, high: 97.5 });
  assertEquals(central(Float64Array.of(NaN, 4, NaN, 0)), { low: 0.1, high: 3.9 });
  assertEquals(central(Float64Array.of(NaN)), { low: null, high: null });
});

Deno.test("p is twice the smaller share of resamplings on one side of 0, one more than there are", () => {
  assertEquals(twoSided([-1, 1, 1, 1, 1, 1, 1, 1, 1]), 2 * 2 / 10);
  assertEquals(twoSided([1, -1, -1, -1, -1, -1, -1, -1, -1, NaN]), 2 * 2 / 10);
  assertEquals([twoSided([0, 0, 0]), twoSided([NaN]), twoSided([1, 1, 1])], [1, 1, 2 / 4]); // 0 lies on both sides
});

Deno.test("the interval of a mean over songs is as wide as theory says, and is the same each time", () => {
  const random = stream(7, "intervals"), values = Float64Array.from({ length: 200 }, () => random.uniform());
  const options = { resamplings: 4000, seed: 4, keep: ["mean"] },
    { mean } = bootstrap(songMean("mean", values), 200, options);
  const own = values.reduce((sum, value) => sum + value, 0) / 200;
  assertAlmostEquals(mean.value, own, 1e-12);
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - own) ** 2, 0) / 200);
  assertAlmostEquals((mean.high! - mean.low!) / (2 * 1.96 * sd / Math.sqrt(200)), 1, 0.05);
  assertAlmostEquals((mean.high! + mean.low!) / 2, own, 0.1 * sd / Math.sqrt(200));
  assertEquals(mean.replicates!.length, 4000);
  assertEquals(bootstrap(songMean("mean", values), 200, options).mean, mean);
  assertNotEquals(bootstrap(songMean("mean", values), 200, { ...options, seed: 5 }).mean.low, mean.low);
});

Deno.test("scores are resampled by the same songs whatever they are, and kept where asked", () => {
  const both = bootstrap((weights) => ({ a: weights[0], b: 2 * weights[0], n: weights.reduce((x, y) => x + y) }), 5, {
    resamplings: 50,
    seed: 1,
    keep: ["b", "n"],
  });
  const alone = bootstrap((weights) => ({ a: weights[0] }), 5, { resamplings: 50, seed: 1, keep: ["a"] });
  assertEquals([...alone.a.replicates!].map((a) => 2 * a), [...both.b.replicates!]);
  assertEquals(new Set(both.n.replicates), new Set([5])); // as many songs as there are
  assertEquals(both.a.replicates, undefined);
});

Deno.test("one song, or no resamplings, make no interval", () => {
  const one = songMean("mean", Float64Array.of(0.5));
  assertEquals(bootstrap(one, 1, { resamplings: 9, seed: 1 }).mean, { value: 0.5, low: null, high: null });
  assertEquals(
    bootstrap(songMean("mean", Float64Array.of(1, 2)), 2, { resamplings: 0, seed: 1, keep: ["mean"] }).mean,
    {
      ...{ value: 1.5, low: null, high: null },
    },
  );
});

Deno.test("scores that are resampled first have the same intervals; a score is told which resampling it is", () => {
  const values = Float64Array.of(1, 4, 2, 8), mean = songMean("mean", values), drawn = { resamplings: 30, seed: 2 };
  const resampling = { songs: 4, ...drawn }, places: number[] = [];
  const found = resample((weights, place) => (places.push(place), mean(weights)), resampling);
  assertEquals(places, Array.from({ length: 31 }, (_, place) => place));
  assertEquals([weightings(resampling), weightings({ ...resampling, songs: 1 })], [31, 1]);
  assertEquals([...found.mean], Array.from(songWeights(resampling), (weights) => mean(weights).mean));
  assertEquals(intervals(found, ["mean"]), bootstrap(mean, 4, { ...drawn, keep: ["mean"] }));
  assertEquals(found.mean[0], 15 / 4);
});
