/**
 * What a study's words are written from: its results with the verdicts on the claims.
 * @module
 */
import { claims } from "../../findings/claims.ts";
import { judgeClaims } from "../../findings/verdicts.ts";
import type { AbstractFacts } from "../../findings/words/abstract.ts";
import { protocols } from "../../probing/rows.ts";
import type { Results } from "./results.ts";

/** What the abstract of results is written from, with the claims under both protocols. */
export function factsOf(results: Results): AbstractFacts {
  const { recipe, rows, evaluations, corpus, curves } = results;
  const [authors, sound] = protocols.map((protocol) => judgeClaims(claims, rows, evaluations, protocol, recipe));
  const songs = (split: string) => corpus.splits.find((one) => one.split === split)?.songs ?? 0;
  return {
    ...{ recipe, rows, evaluations, sound, authors },
    songs: { train: songs("train"), validation: songs("validation"), test: songs("test") },
    tokens: Math.max(0, ...curves.map(({ training }) => training.tokens.at(-1) ?? 0)),
    guess: corpus.guess.accuracy,
  };
}
