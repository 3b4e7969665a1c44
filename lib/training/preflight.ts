/**
 * What is checked before a training begins, which may take hours: its bars, and room on the disk.
 * @module
 */
import { statfs } from "node:fs/promises";
import type { BertConfig } from "../bert/config.ts";
import { parameterCount } from "../bert/parameters.ts";
import type { Corpus } from "../corpus/store.ts";
import { UserError } from "../base/user_error.ts";
import { barsToEvaluate } from "./masked_evaluation.ts";
import type { Recipe } from "../recipe/recipe.ts";

/**
 * The validation bars of a training.
 *
 * @throws {UserError} if the corpus lacks bars of a split that the recipe needs, or has one that is longer than its
 * batches or the encoder's positions
 */
export function checkBars(corpus: Corpus, { model, training, ...recipe }: Recipe): number[] {
  const validation = barsToEvaluate(corpus, "validation", { ...recipe, model, training });
  const lacking = (split: string, why: string) =>
    new UserError(
      `Expected bars of ${split} songs${why}, found none among ${corpus.songs.length} songs: ` +
        `take more songs, or raise split.${split === "training" ? "train" : split}.`,
    );
  const bars = corpus.barsOf("train"), { keep, patience, buckets } = training;
  if (bars.length === 0) throw lacking("training", "");
  if (validation.length === 0 && (keep === "best" || patience > 0)) {
    throw lacking("validation", `, as the recipe ${keep === "best" ? "keeps the best weights" : "stops early"}`);
  }
  const most = Math.min(buckets.at(-1)!, model.maxPositions);
  const long = [...bars, ...corpus.barsOf("validation")].find((bar) => corpus.tokens(bar).length > most);
  if (long === undefined) return validation;
  throw new UserError(
    `${corpus.songs[corpus.song(long)].file}, bar ${corpus.barIndex(long)}: expected at most ${most} tokens, by ` +
      `training.buckets and model.maxPositions, found ${
        corpus.tokens(long).length
      }. Raise both, or make the store anew ` +
      `with tokens.maxTokens ${most}.`,
  );
}

/** Bytes of the files below a folder; 0 where there is none. */
async function sizeOf(folder: string): Promise<number> {
  const sizes = await Array.fromAsync(
    Deno.readDir(folder),
    ({ name, isDirectory }) =>
      isDirectory ? sizeOf(`${folder}/${name}`) : Deno.stat(`${folder}/${name}`).then(({ size }) => size),
  );
  return sizes.reduce((a, b) => a + b, 0);
}

/**
 * Checks that a training's files fit on the disk: three states of weights and moments (two saved, one being written),
 * three best weights, and the final ones; less what is there already.
 *
 * @throws {UserError} if they do not fit
 */
export async function checkRoom(dir: string, config: BertConfig): Promise<void> {
  const weights = 4 * parameterCount(config), needed = (3 * 3 + 3 + 1) * weights - await sizeOf(dir);
  const { bavail, bsize } = await statfs(dir), free = bavail * bsize;
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  if (free >= needed) return;
  throw new UserError(
    `${dir}: expected ${mib(needed)} free for the states of a training, found ${mib(free)}. Make room.`,
  );
}
