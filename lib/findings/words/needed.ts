/**
 * How many seeds or songs it would take to decide a claim that is undecided.
 * @module
 */
import { mixtureTails } from "../../metrics/seed_intervals.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import type { ClaimResult, Evidence } from "../verdicts.ts";

/**
 * The least number of seeds that would decide a claim with as many songs as now, and of songs with as many seeds; null where
 * no number up to a thousand seeds or a million songs would, or where the luck of training is not known (seeds).
 */
export type Needed = { claim: string; comparison: string; seeds: number | null; songs: number | null };

const MOST_SEEDS = 1000, MOST_SONGS = 1e6;

/** The p that a difference of this size would have with other numbers of seeds and songs. */
function tailsWith({ difference, parts }: Evidence, seeds: number | undefined, songs: number): number {
  const found = [];
  if (parts?.seeds && seeds !== undefined) {
    const { variance, freedom, count } = parts.seeds;
    found.push({ variance: variance * count / seeds, freedom: Math.round(freedom * (seeds - 1) / (count - 1)) });
  }
  const { variance, count } = parts!.songs;
  found.push({ variance: variance * count / songs, freedom: Math.min(songs - 1, 200) });
  const total = found.reduce((sum, part) => sum + part.variance, 0);
  return total === 0 ? 0 : mixtureTails(found, Math.abs(difference) / Math.sqrt(total));
}

/** The least whole number from `from` to `most` that is enough, where more are always enough, too; null if none is. */
function least(from: number, most: number, isEnough: (count: number) => boolean): number | null {
  if (isEnough(from)) return from;
  let low = from, high = from;
  while (!isEnough(high)) {
    if (high >= most) return null;
    [low, high] = [high, Math.min(most, 2 * high)];
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** What one comparison needs to have a p below a threshold, were its difference what it is. */
function ofComparison(evidence: Evidence, threshold: number): Pick<Needed, "seeds" | "songs"> {
  const { parts, difference } = evidence;
  if (!parts || !Number.isFinite(difference) || difference === 0) return { seeds: null, songs: null };
  const { seeds, songs } = parts;
  return {
    seeds: seeds
      ? least(seeds.count, MOST_SEEDS, (count) => tailsWith(evidence, count, songs.count) < threshold)
      : null,
    songs: least(songs.count, MOST_SONGS, (count) => tailsWith(evidence, seeds?.count, count) < threshold),
  };
}

const largest = (a: number | null, b: number | null): number | null => a === null || b === null ? null : Math.max(a, b);

/**
 * What each undecided claim needs, were all its differences what they are now: to hold, every comparison has to be sure;
 * if some are the other way round, one of these has to be. Its p must be below the level over all claims (Holm's first
 * step), so a claim may need less if others are decided. `comparison` is the one that needs the most seeds, or the
 * least of those the other way round; songs are those of the test (of validation for MLM, batches for NT-Xent).
 */
export function neededFor(results: readonly ClaimResult[], { level }: Recipe["probing"]): Needed[] {
  return results.filter(({ verdict }) => verdict === "undecided").map(({ claim, evidence }): Needed => {
    const against = evidence.filter(({ difference }) => difference < 0), first = level / results.length;
    const threshold = against.length > 0 ? first / evidence.length : first;
    const each = (against.length > 0 ? against : evidence).map((one) => ({
      comparison: one.what,
      ...ofComparison(one, threshold),
    }));
    const size = (count: number | null) => count ?? Infinity;
    const [one, ...rest] = against.length > 0
      ? each.toSorted((a, b) => size(a.seeds) - size(b.seeds) || size(a.songs) - size(b.songs)).slice(0, 1)
      : each.toSorted((a, b) => size(b.seeds) - size(a.seeds) || size(b.songs) - size(a.songs));
    return {
      claim,
      ...one,
      songs: rest.reduce((most, { songs }) => largest(most, songs), one.songs),
    };
  });
}

const count = (value: number | null): string => value === null ? "–" : value.toLocaleString("en-US");

/** Rows of a table of what undecided claims need. */
export const neededRows = (needed: readonly Needed[]): Record<string, string>[] =>
  needed.map(({ claim, comparison, seeds, songs }) => ({
    ...{ claim, comparison },
    ...{ "seeds needed": count(seeds), "or songs needed": count(songs) },
  }));
