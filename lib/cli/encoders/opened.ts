/**
 * What the commands on any encoder open: the recipe, the songs as a store, and the encoder.
 * @module
 */
import { loadCheckpoint } from "../../bert/checkpoint.ts";
import type { Model } from "../../bert/parameters.ts";
import { exists, temporaryFolder } from "../../base/files.ts";
import { UserError } from "../../base/user_error.ts";
import { buildCorpus } from "../../corpus/build.ts";
import type { Corpus } from "../../corpus/store.ts";
import { openCorpus } from "../../corpus/store_reader.ts";
import { tf } from "../../engine/mod.ts";
import type { Preset, Recipe, Scale } from "../../recipe/recipe.ts";
import { loadRecipe } from "../../study/study.ts";
import { vocabulary } from "../../tokens/vocabulary.ts";
import { usageError } from "../arguments.ts";
import { meter } from "../meter.ts";
import { stoppable } from "../stop.ts";

/** The recipe of the options' preset and scale, changed by the variable RECIPE; a store brings its own choices. */
export const recipeOf = ({ preset, scale, data }: { preset?: Preset; scale: Scale; data?: string }): Recipe =>
  loadRecipe({}, { ...preset && { preset }, scale }, data);

/** The songs that a command is called with, undefined for concepts; a {@link UsageError} unless it is one of them. */
export function songsOrConcepts(
  name: "bars" | "probe",
  { data, concepts }: { data?: string; concepts: boolean },
): string | undefined {
  if ((data === undefined) === concepts) return data;
  throw usageError(name, `expected --data DATA or --concepts, found ${concepts ? "both" : "neither"}.`);
}

/** Opens an encoder over this vocabulary; tensors of the file that it does not have are listed. */
async function openEncoder(dir: string, layer: number): Promise<Model> {
  const { leftOut, ...model } = await loadCheckpoint(dir), { vocabularySize, layers } = model.config;
  if (leftOut.length > 0) {
    const more = leftOut.length > 8 ? ` and ${leftOut.length - 8} more` : "";
    console.log(`${dir}: the encoder is read; left out: ${leftOut.slice(0, 8).join(", ")}${more}`);
  }
  const wrong = vocabularySize !== vocabulary.size
    ? `${dir}: expected an encoder with a vocabulary of ${vocabulary.size} ids, found ${vocabularySize}.`
    : layer > layers
    ? `--layer: expected 0 (embeddings) … ${layers}, the depth of ${dir}, found ${layer}.`
    : undefined;
  if (wrong === undefined) return model;
  model.weights.dispose();
  throw new UserError(wrong);
}

/** Refuses songs whose bars could have more tokens than an encoder has positions. */
function checkPositions(dir: string, { config: { maxPositions } }: Model, { tokens }: Recipe): void {
  if (maxPositions >= tokens.maxTokens) return;
  throw new UserError(
    `${dir}: expected an encoder with at least ${tokens.maxTokens} positions, found ${maxPositions}. ` +
      `Cut longer bars: set RECIPE='{"tokens":{"maxTokens":${maxPositions}}}'.`,
  );
}

/** Where the songs are, how they are read, and the encoder, if there is one, with the layer that it has to have. */
export type Inputs = { encoder?: string; data: string; recipe: Recipe; layer?: number; "follow-links": boolean };

/** The encoder, a folder for temporary files, and what stops the work. */
export type OpenedEncoder = { model?: Model; folder: string; signal: AbortSignal };

/** Songs as a store beside them. */
export type Opened = OpenedEncoder & { corpus: Corpus };

/** Whether songs are a store already. */
export const isStore = (data: string): boolean => exists(`${data}/manifest.json`);

/** Opens an encoder, if one is named, and a temporary folder, which is removed in the end; then calls `work`. */
export function withEncoder(
  { encoder, layer = 0 }: Pick<Inputs, "encoder" | "layer">,
  work: (opened: OpenedEncoder) => Promise<void>,
): Promise<number> {
  return stoppable(async (signal) => {
    const folder = await temporaryFolder();
    let model: Model | undefined;
    try {
      if (encoder !== undefined) model = await openEncoder(encoder, layer);
      await work({ model, folder, signal });
      return 0;
    } finally {
      if (model) tf.dispose(model.weights);
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/**
 * Opens a store, or makes one of songs in a temporary folder, which is removed in the end; then calls `work` and returns
 * the process's exit code. The encoder is opened first, so that a wrong one is told before any song is read.
 */
export const withSongs = (inputs: Inputs, work: (opened: Opened) => Promise<void>): Promise<number> =>
  withEncoder(inputs, async ({ model, folder, signal }) => {
    const { encoder, data, recipe, "follow-links": followLinks } = inputs;
    const stored = isStore(data); // whose bars are checked before they are embedded
    if (!stored && model) checkPositions(encoder!, model, recipe);
    const options = { followLinks, signal, onProgress: meter("songs") };
    if (!stored) await buildCorpus(data, `${folder}/store`, recipe, options);
    const corpus = await openCorpus(stored ? data : `${folder}/store`);
    try {
      await work({ model, corpus, folder, signal });
    } finally {
      corpus.close();
    }
  });
