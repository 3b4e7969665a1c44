import { assertEquals } from "@std/assert";
import { claims } from "@lib/findings/claims.ts";
import { judgeClaims } from "@lib/findings/verdicts.ts";
import { factsOf } from "@lib/study/results/facts.ts";
import { plantedResults } from "../../support/planted_results.ts";

Deno.test("facts are the verdicts of both protocols, the songs of each split, the longest training and the guess", () => {
  const results = plantedResults(), { recipe, rows, evaluations } = results;
  const { sound, authors, songs, tokens, guess } = factsOf(results);
  assertEquals(sound, judgeClaims(claims, rows, evaluations, "sound", recipe));
  assertEquals(authors, judgeClaims(claims, rows, evaluations, "authors", recipe));
  assertEquals([songs, tokens, guess], [{ train: 30, validation: 11, test: 9 }, 300, 0.25]);
  assertEquals(factsOf({ ...results, curves: [] }).tokens, 0);
});
