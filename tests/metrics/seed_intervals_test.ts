import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { pooledSpread, seedDifference, seedInterval, type SeedScore } from "@lib/metrics/seed_intervals.ts";
import { stream } from "@lib/base/random.ts";

/** Student's t beyond which 5% lie on both sides, by degrees of freedom (any table). */
const student: Record<number, number> = { 1: 12.7062, 2: 4.30265, 3: 3.18245, 4: 2.77645, 10: 2.22814, 19: 2.09302 };

/** Scores that every resampling of the songs gives alike, so that seeds alone differ. */
const seedsAlone = (...values: number[]): SeedScore[] => values.map((value) => ({ value, replicates: [value, value] }));

Deno.test("where seeds alone differ, the interval is Student's over the seeds' scores", () => {
  for (const [scores, sd] of [[[1, 3], Math.SQRT2], [[1, 2, 3], 1], [[0, 2, 4, 6, 8], Math.sqrt(10)]] as const) {
    const { value, low, high, training, parts } = seedInterval([seedsAlone(...scores)], 20), n = scores.length;
    assertAlmostEquals(high! - value, student[n - 1] * sd / Math.sqrt(n), 1e-3);
    assertAlmostEquals(value - low!, high! - value, 1e-12);
    assertEquals([training, parts!.songs.variance], [true, 0]);
    assertEquals([parts!.seeds!.count, parts!.seeds!.freedom, parts!.songs.count], [n, n - 1, 20]);
    assertAlmostEquals(parts!.seeds!.variance, sd ** 2 / n, 1e-12);
  }
  // A mean of t standard errors has the p that a table gives for t.
  const p = (...scores: number[]) => seedInterval([seedsAlone(...scores)], 20).p;
  assertAlmostEquals(p(12.7062 - 1, 12.7062 + 1), 0.05, 1e-6);
  assertAlmostEquals(p(-63.657 - 1, -63.657 + 1), 0.01, 1e-6);
  const error = Math.sqrt(1 / 3);
  assertAlmostEquals(p(9.92484 * error - 1, 9.92484 * error, 9.92484 * error + 1), 0.01, 1e-6);
});

Deno.test("where seeds do not differ, the interval is Student's over the songs", () => {
  // The resampled scores' variance, 8/7 about their mean, is one of means over songs: 11/10 of it is the true one's.
  const error = Math.sqrt(8 / 7 * 11 / 10), at = 1.81246 * error; // 10% of t with 10 degrees of freedom are beyond 1.81246
  const score = { value: at, replicates: [1, -1, 1, -1, 1, -1, 1, -1].map((side) => at + side) };
  const { value, low, high, p } = seedInterval([[score, score]], 11);
  assertAlmostEquals(high! - value, student[10] * error, 1e-3);
  assertAlmostEquals(low!, at - student[10] * error, 1e-3);
  assertAlmostEquals(p, 0.1, 1e-5);
});

Deno.test("what seeds disagree about on resampled songs counts once, with the seeds", () => {
  // The mean's variance over resamplings, 1/4, is all from one seed's ±1 at a time: nothing is left for the songs.
  const often = (pattern: number[]) => Array.from({ length: 4000 }, (_, b) => pattern[b % 4]);
  const seeds = [{ value: 0, replicates: often([1, -1, 0, 0]) }, { value: 2, replicates: often([2, 2, 3, 1]) }];
  const { value, high } = seedInterval([seeds], 1000);
  assertEquals(value, 1);
  assertAlmostEquals(high! - 1, student[1] * Math.SQRT2 / Math.sqrt(2), 0.01);
});

Deno.test("with one seed the interval is over songs alone, and says so", () => {
  const replicates = Float64Array.from({ length: 101 }, (_, i) => i - 10), one = { value: 40, replicates };
  const found = seedInterval([[one]], 9);
  const { parts, ...interval } = found;
  assertEquals(interval, { value: 40, low: -7.5, high: 87.5, p: 2 * 12 / 102, training: false });
  assertEquals(parts, { songs: { variance: 101 * 102 / 12 * 9 / 8, freedom: 8, count: 9 } });
  const other = seedInterval([[one], [-1, -3].map((value) => ({ value, replicates: replicates.map(() => value) }))], 9);
  assertEquals([other.value, other.training], [38, false]);
  // Seeds add 1 to the songs' variance, that of 0…100; t with 8 degrees of freedom is beyond 2.306 in 5%.
  assertAlmostEquals(other.value - other.low!, 2.306 * Math.sqrt(101 * 102 / 12 * 9 / 8 + 1), 0.3);
});

Deno.test("models with the same seeds are compared within each, others by their means", () => {
  const byFirst = (...scores: number[]) => new Map(seedsAlone(...scores).map((score, seed) => [seed, score]));
  const a = byFirst(10, 20, 31), b = byFirst(9, 19, 28), paired = seedDifference(a, b, 20);
  // Differences 1, 1 and 3.
  assertAlmostEquals(paired.value, 5 / 3, 1e-12);
  assertAlmostEquals(paired.high! - paired.value, student[2] * Math.sqrt(4 / 3 / 3), 1e-3);
  const moved = new Map([...b].map(([seed, score]) => [seed + 1, score]));
  const apart = seedDifference(a, moved, 20);
  assertAlmostEquals(apart.value, 5 / 3, 1e-12);
  assertLess(20, apart.high! - apart.value); // the seeds differ by 10 and do not pair
  assertAlmostEquals(seedDifference(b, a, 20).low!, -paired.high!, 1e-9);
  assertEquals(seedDifference(a, new Map([[0, b.get(0)!]]), 20).training, false);
});

Deno.test("undefined resamplings do not count, and without any there is no interval", () => {
  const score = (replicates: number[]) => [{ value: 1, replicates }, { value: 1, replicates }];
  assertEquals(seedInterval([score([0, NaN, 2])], 9), seedInterval([score([0, 2])], 9));
  assertEquals(seedInterval([score([])], 1), { value: 1, low: null, high: null, p: 1, training: true });
  assertEquals(seedInterval([[{ value: NaN, replicates: [1, 2] }]], 9).low, null);
  assertEquals(seedInterval([seedsAlone(0, 0)], 9), { value: 0, low: 0, high: 0, p: 1, training: true });
});

/** How often the interval covers 0, the true mean of scores with known deviations of seeds, songs and both together. */
function coverage(seeds: number, songs: number, ofSeeds: number, ofSongs: number, ofBoth: number): number {
  const tries = 1200, resamplings = 100, random = stream(3, "coverage", seeds, songs, ofSeeds, ofSongs, ofBoth);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  // Songs are drawn once for all tries: which songs a resampling has does not depend on their scores.
  const draws = Array.from({ length: resamplings }, () => Array.from({ length: songs }, () => random.integer(songs)));
  let covered = 0;
  for (let t = 0; t < tries; t++) {
    const song = Array.from({ length: songs }, () => ofSongs * Math.sqrt(songs) * normal());
    const scores = Array.from({ length: seeds }, (): SeedScore => {
      const luck = ofSeeds * normal();
      const own = song.map((score) => score + luck + (ofBoth === 0 ? 0 : ofBoth * Math.sqrt(songs) * normal()));
      const replicates = draws.map((drawn) => drawn.reduce((sum, at) => sum + own[at], 0) / songs);
      return { value: own.reduce((sum, score) => sum + score, 0) / songs, replicates };
    });
    const { low, high } = seedInterval([scores], songs);
    if (low! <= 0 && 0 <= high!) covered++;
  }
  return covered / tries;
}

for (const seeds of [2, 3, 4, 5]) {
  Deno.test(`intervals of ${seeds} seeds cover the truth 92 to 98 times of 100, whatever varies`, () => {
    // Deviations of the mean that come from the seeds, from the songs, and from what one seed makes of one song.
    for (const [ofSeeds, ofSongs, ofBoth] of [[1, 0, 0], [0, 1, 0], [1, 1, 0], [3, 1, 0], [0.3, 1, 0], [1, 1, 1]]) {
      const found = coverage(seeds, 20, ofSeeds, ofSongs, ofBoth);
      assert(0.92 <= found && found <= 0.98, `seeds ${ofSeeds}, songs ${ofSongs}, both ${ofBoth}: ${found}`);
    }
  });
}

Deno.test("the pooled spread of a difference is the mean variance of the differences of all pairs of models", () => {
  const random = stream(5, "spread");
  for (const [models, seeds] of [[4, 3], [2, 2], [3, 5]]) {
    const scores = Array.from({ length: models }, () => Array.from({ length: seeds }, () => random.uniform()));
    const spread = (values: number[]) => { // by all pairs of values, half the mean square of their differences
      const squares = values.flatMap((a, i) => values.slice(i + 1).map((b) => (a - b) ** 2 / 2));
      return squares.reduce((sum, square) => sum + square / squares.length, 0);
    };
    const pairs = scores.flatMap((a, i) => scores.slice(i + 1).map((b) => spread(a.map((score, s) => score - b[s]))));
    const { difference, alone } = pooledSpread(scores)!;
    assertAlmostEquals(difference.variance, pairs.reduce((sum, one) => sum + one / pairs.length, 0), 1e-12);
    assertAlmostEquals(alone.variance, scores.map(spread).reduce((sum, one) => sum + one / models, 0), 1e-12);
    assertEquals([difference.freedom, alone.freedom], Array(2).fill((models - 1) * (seeds - 1)));
  }
});

Deno.test("one model, one seed, unequal seeds or an undefined score give no pooled spread", () => {
  for (const scores of [[], [[1, 2, 3]], [[1], [2]], [[1, 2], [1, 2, 3]], [[1, NaN], [1, 2]]]) {
    assertEquals(pooledSpread(scores), undefined);
  }
});

Deno.test("intervals of a difference with the pooled spread cover it as often as they say, also far out", () => {
  const models = 4, tries = 4000;
  for (const [seeds, ofBlock] of [[2, 0], [2, 2], [3, 0], [3, 2]]) {
    const random = stream(7, "pooled", seeds, ofBlock);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
    const p = Array.from({ length: tries }, () => {
      const block = Array.from({ length: seeds }, () => ofBlock * normal());
      const scores = Array.from({ length: models }, () => block.map((luck) => luck + normal()));
      const [a, b] = scores.map((own) => new Map(seedsAlone(...own).map((score, seed) => [seed, score])));
      return seedDifference(a, b, 20, { difference: pooledSpread(scores)!.difference }).p;
    });
    for (const level of [0.05, 0.01]) {
      const found = p.filter((one) => one < level).length / tries, error = Math.sqrt(level * (1 - level) / tries);
      assert(Math.abs(found - level) < 4 * error, `${seeds} seeds, block ${ofBlock}: ${found} below ${level}`);
    }
  }
});
