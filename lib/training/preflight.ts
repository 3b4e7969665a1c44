/**
 * What is checked of a corpus before a training begins, which may take hours.
 * @module
 */
import type { Corpus } from "../corpus/store.ts";
import { UserError } from "../base/user_error.ts";
import { barsToEvaluate } from "./masked_evaluation.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** The validation bars of a training; a `UserError` if bars that the recipe needs are absent, or one is too long. */
export function checkBars(corpus: Corpus, recipe: Recipe): number[] {
  const validation = barsToEvaluate(corpus, "validation", recipe), { keep, patience, buckets } = recipe.training;
  const lacking = (split: string, why: string) =>
    new UserError(
      `Expected bars of ${split} songs${why}, found none among ${corpus.songs.length} songs: ` +
        `take more songs, or raise split.${split === "training" ? "train" : split}.`,
    );
  const bars = corpus.barsOf("train");
  if (bars.length === 0) throw lacking("training", "");
  if (validation.length === 0 && (keep === "best" || patience > 0)) {
    throw lacking("validation", `, as the recipe ${keep === "best" ? "keeps the best weights" : "stops early"}`);
  }
  const { packing, rowLengths } = recipe.training, rows = packing === "rows" ? rowLengths.at(-1)! : Infinity;
  const most = Math.min(buckets.at(-1)!, rows, recipe.model.maxPositions);
  if (corpus.recipe.tokens.maxTokens <= most) return validation;
  const long = [...bars, ...corpus.barsOf("validation")].find((bar) => corpus.tokens(bar).length > most);
  if (long === undefined) return validation;
  const { file } = corpus.songs[corpus.song(long)], { length } = corpus.tokens(long);
  throw new UserError(
    `${file}, bar ${corpus.barIndex(long)}: expected at most ${most} tokens, by training.buckets, ` +
      `training.rowLengths and model.maxPositions, found ${length}. Raise them, or make the store anew with tokens.maxTokens ${most}.`,
  );
}
