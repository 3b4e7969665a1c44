/**
 * The table of the paper's claims, and what to say where nothing can be decided.
 * @module
 */
import type { Recipe } from "../recipe/recipe.ts";
import type { ClaimResult, Evidence } from "./verdicts.ts";

const signed = (x: number): string => `${x < 0 ? "−" : "+"}${Math.abs(x).toPrecision(2)}`;

const evidenceText = ({ what, difference, low, high, adjusted }: Evidence): string =>
  low === null || high === null
    ? `${what}: no interval`
    : `${what}: ${signed(difference)} [${signed(low)},\u00a0${signed(high)}], p ${adjusted.toPrecision(2)}`;

/** `not (1 held, 1 not, of 3)`: a claim's verdict, and those of its comparisons. */
function verdictText({ verdict, evidence }: ClaimResult): string {
  const count = (verdict: string) => evidence.filter((one) => one.verdict === verdict).length;
  return `${verdict} (${count("held")} held, ${count("not")} not, of ${evidence.length})`;
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

/**
 * A warning for the reader if the resamplings are too few for any verdict: if the least p they can give,
 * 2/(resamplings + 1), times the number of comparisons (Holm) is not below the level. Empty if they are enough, and where
 * models were trained with several seeds, whose p has no such limit.
 */
export function resolutionNote(results: readonly ClaimResult[], { bootstraps, level }: Recipe["probing"]): string {
  const evidence = results.flatMap(({ evidence }) => evidence), needed = Math.ceil(2 * evidence.length / level);
  if (bootstraps >= needed || evidence.some(({ training }) => training)) return "";
  return `With ${bootstraps} resamplings the least p is ${(2 / (bootstraps + 1)).toPrecision(2)}, and ` +
    `${evidence.length} comparisons at ${level} need ${needed}: nothing can be decided (recipe: \`probing.bootstraps\`).`;
}
