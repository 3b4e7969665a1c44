/**
 * Songs, a store of them and an encoder with fresh weights in a temporary folder, for the commands on any encoder.
 * @module
 */
import { bertConfig } from "@lib/bert/config.ts";
import { saveCheckpoint } from "@lib/bert/checkpoint.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import type { Corpus } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { compose, type Composed } from "./composer.ts";

/**
 * The folder with `songs`, `store` and `encoder` below it; the smoke recipe, the open store and its bars; what a bar was
 * made of; arguments that the commands have in common; and what closes and removes it all.
 */
export interface EncoderSongs {
  dir: string;
  study: Recipe;
  corpus: Corpus;
  bars: number[];
  truthOf(bar: number): Composed;
  common: string[];
  leave(): Promise<void>;
}

/** Makes sixteen songs of eight bars, their store and an encoder. */
export async function encoderSongs(): Promise<EncoderSongs> {
  const study = recipe("sound", "smoke"), dir = await Deno.makeTempDir(), songs = `${dir}/songs`;
  await Deno.mkdir(songs);
  const composed = Array.from({ length: 16 }, (_, song) => compose(9, song, 8));
  await Promise.all(composed.map(({ bytes }, song) => Deno.writeFile(`${songs}/${song}.mid`, bytes)));
  await buildCorpus(songs, `${dir}/store`, study);
  const corpus = await openCorpus(`${dir}/store`), model = createBert(bertConfig(study), 3);
  await saveCheckpoint(`${dir}/encoder`, model.config, model.weights.dataSync<"float32">());
  model.weights.dispose();
  return {
    ...{ dir, study, corpus },
    bars: Array.from({ length: corpus.bars }, (_, bar) => bar),
    truthOf: (bar) => composed[Number(corpus.songs[corpus.song(bar)].file.split(".")[0])].bars[corpus.barIndex(bar)],
    common: ["--encoder", "encoder", "--scale", "smoke"],
    async leave() {
      corpus.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}
