import { assert, assertEquals, assertLess } from "@std/assert";
import { neededFor, neededRows } from "@lib/findings/words/needed.ts";
import type { ClaimResult, Evidence } from "@lib/findings/verdicts.ts";
import { recipe } from "@lib/recipe/recipe.ts";

const { probing } = recipe("sound", "small");

/** A comparison with the variances of its mean that seeds and songs have. */
const evidence = (
  difference: number,
  ofSeeds: number | null,
  ofSongs: number,
  { seeds = 3, songs = 100 } = {},
): Evidence => ({
  ...{ what: `${difference}`, difference, low: -1, high: 1, p: 0.5, adjusted: 1, verdict: "undecided", paper: true },
  training: ofSeeds !== null,
  parts: {
    ...(ofSeeds === null ? {} : { seeds: { variance: ofSeeds, freedom: 3 * (seeds - 1), count: seeds } }),
    songs: { variance: ofSongs, freedom: songs - 1, count: songs },
  },
});
const claim = (...all: Evidence[]): ClaimResult => (
  { claim: "one", verdict: "undecided", evidence: all, weakest: all[0] }
);
const decided: ClaimResult = { ...claim(evidence(1, 0, 1)), claim: "other", verdict: "held" };

Deno.test("songs that are needed follow from the normal law where they alone vary", () => {
  // Two claims at 0.05: a two-sided p of 0.025 is 2.2414 deviations; 1 of difference against √(100 / songs).
  const [one] = neededFor([claim(evidence(1, null, 1)), decided], { ...probing, level: 0.05 });
  assertEquals([one.claim, one.seeds], ["one", null]);
  assert(500 < one.songs! && one.songs! <= 515, `${one.songs}`); // 502, and a little more as t has 200 degrees at most
  const [three] = neededFor(
    [claim(evidence(1, null, 1), evidence(-1, null, 1), evidence(2, null, 1)), decided],
    probing,
  );
  // One of three is the other way round: its p counts three times, 2.638 deviations.
  assert(690 < three.songs! && three.songs! <= 715, `${three.songs}`);
  assertEquals(three.comparison, "-1");
});

Deno.test("more seeds do not help where songs vary too much, nor more songs where seeds do", () => {
  const [songs, seeds, both] = neededFor(
    [claim(evidence(1, 1e-6, 1)), claim(evidence(1, 1, 1e-6)), claim(evidence(1, 0.2, 0.01))],
    probing,
  );
  assertEquals([songs.seeds, seeds.songs], [null, null]);
  assert(songs.songs! > 100 && seeds.seeds! > 3);
  assertLess(both.seeds!, 30);
  // A comparison that is sure already needs no more than there are.
  const [sure] = neededFor([claim(evidence(50, 1e-6, 1e-6), evidence(1, 1, 1e-6))], probing);
  assert(sure.seeds! > 3 && sure.comparison === "1");
});

Deno.test("what is decided, or has no resamplings, needs nothing that can be told", () => {
  assertEquals(neededFor([decided], probing), []);
  const none = { ...evidence(NaN, 1, 1), parts: undefined };
  const [found] = neededFor([claim(none)], probing);
  assertEquals([found.seeds, found.songs], [null, null]);
  assertEquals(neededRows([found]), [{
    claim: "one",
    comparison: "NaN",
    "seeds needed": "–",
    "or songs needed": "–",
  }]);
});
