/**
 * The table of the paper's claims, and what to say where nothing can be decided.
 * @module
 */
import { type ForestRow, signs } from "../plots/forest.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { ClaimResult, Evidence } from "./verdicts.ts";

const signed = (x: number): string => `${x < 0 ? "−" : "+"}${Math.abs(x).toPrecision(2)}`;

const evidenceText = ({ what, difference, low, high, adjusted }: Evidence): string =>
  low === null || high === null
    ? `${what}: no interval`
    : `${what}: ${signed(difference)} [${signed(low)},\u00a0${signed(high)}], p ${adjusted.toPrecision(2)}`;

/**
 * `undecided, 2 of 3 held`: a claim's verdict, and those of its comparisons that are decided, where they do not say the
 * same.
 */
function verdictText({ verdict, evidence }: ClaimResult): string {
  const counts = (["held", "not"] as const).flatMap((one) => {
    const count = evidence.filter(({ verdict }) => verdict === one).length;
    return count === 0 || count === evidence.length ? [] : [`${count} of ${evidence.length} ${one}`];
  });
  return [verdict, ...counts].join(", ");
}

/**
 * The claims under both protocols: the verdict, the comparison that speaks most against the claim, whether the verdicts
 * count the luck of training, and (`paper`) with how many of the comparisons the paper's own numbers agree.
 * Both lists have the same claims in the same order.
 */
export function claimTable(sound: readonly ClaimResult[], authors: readonly ClaimResult[]): Record<string, string>[] {
  return sound.map((result, i) => ({
    claim: result.claim,
    sound: verdictText(result),
    weakest: evidenceText(result.weakest),
    authors: verdictText(authors[i]),
    weakestAuthors: evidenceText(authors[i].weakest),
    training: [...result.evidence, ...authors[i].evidence].every(({ training }) => training) ? "counted" : "left out",
    paper: `${result.evidence.filter(({ paper }) => paper).length} of ${result.evidence.length}`,
  }));
}

/** What a picture of the claims shows, for its caption. */
export const forestNote: string =
  "A mark is a comparison of a claim, its difference divided by half the width of its own 95% " +
  "interval: beyond ±1 that interval leaves out zero. The large marks, with their intervals, are the comparisons that " +
  `speak most against a claim. ${signs.held} held, ${signs.not} the other way round, ${signs.undecided} undecided; ` +
  "for the paper, in how many of the comparisons its own tables agree.";

/** The claims as rows of a forest plot: the comparisons of both protocols, with the verdicts and the paper beside them. */
export function claimForest(sound: readonly ClaimResult[], authors: readonly ClaimResult[]): ForestRow[] {
  const marksOf = ({ evidence, weakest }: ClaimResult, series: string) =>
    evidence.map((one) => {
      const { difference, low, high } = one, half = low === null || high === null ? NaN : (high - low) / 2;
      const value = half > 0 ? difference / half : difference === 0 ? 0 : NaN;
      const ends = half > 0 ? { low: low! / half, high: high! / half } : { low: null, high: null };
      return { series, value, ...ends, main: one === weakest, says: `${series}, ${evidenceText(one)}` };
    });
  return sound.map((result, i) => {
    const agree = result.evidence.filter(({ paper }) => paper).length, all = result.evidence.length;
    return {
      name: result.claim,
      marks: [...marksOf(result, "sound"), ...marksOf(authors[i], "authors")],
      columns: {
        sound: signs[result.verdict],
        authors: signs[authors[i].verdict],
        paper: agree === all ? signs.held : `${agree}/${all}`,
      },
    };
  });
}

/**
 * A warning for the reader if the resamplings are too few for any claim to hold: if the least p they can give,
 * 2/(resamplings + 1), times the number of claims or comparisons that Holm's correction runs over is not below the level.
 * Empty if they are enough, and where models were trained with several seeds, whose p has no such limit.
 */
export function resolutionNote(
  results: readonly ClaimResult[],
  { bootstraps, level, holmOver }: Recipe["probing"],
): string {
  const evidence = results.flatMap(({ evidence }) => evidence);
  const tests = holmOver === "claims" ? results.length : evidence.length, needed = Math.ceil(2 * tests / level);
  if (bootstraps >= needed || evidence.some(({ training }) => training)) return "";
  return `With ${bootstraps} resamplings the least p is ${(2 / (bootstraps + 1)).toPrecision(2)}, and ` +
    `${tests} ${holmOver} at ${level} need ${needed}: nothing can be decided (recipe: \`probing.bootstraps\`).`;
}

/** What Holm's correction of the verdicts runs over, such as `the 14 claims`, for captions. */
export function familyText(results: readonly ClaimResult[], { holmOver }: Recipe["probing"]): string {
  const comparisons = results.reduce((sum, { evidence }) => sum + evidence.length, 0);
  return holmOver === "claims" ? `the ${results.length} claims` : `the ${comparisons} comparisons of a protocol`;
}
