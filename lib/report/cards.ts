/**
 * A run's model card and data card: what the models and the store of bars are, for whoever is handed them.
 * @module
 */
import { bertConfig } from "../bert/config.ts";
import { parameterCount } from "../bert/parameters.ts";
import { writeFile } from "../base/files.ts";
import { modelNames } from "../bert/variants.ts";
import { splitRows } from "../notebook/corpus_tables.ts";
import type { Corpus } from "../corpus/store.ts";
import { openCorpus } from "../corpus/store_reader.ts";
import { describeRecipe, type Recipe } from "../recipe/recipe.ts";
import type { RunStamp } from "./stamp.ts";
import type { Evaluation } from "../training/evaluation.ts";
import type { Study } from "../study/study.ts";
import { evaluationsOf } from "../study/training_steps.ts";
import { tableText } from "../notebook/table.ts";

const recipeTable = (recipe: Recipe, fields: RegExp): string => {
  const rows = describeRecipe(recipe).filter(({ field }) => fields.test(field));
  return tableText(rows.map(({ field, value }) => ({ field, value }))).markdown;
};

const stampTable = (stamp: RunStamp): string =>
  tableText(Object.entries(stamp).map(([what, value]) => ({ what, value }))).markdown;

/** The card of a run's models, in Markdown with the front matter that model hubs read. */
export function modelCard(recipe: Recipe, evaluations: readonly Evaluation[], stamp: RunStamp): string {
  const config = bertConfig(recipe), millions = (parameterCount(config) / 1e6).toFixed(2);
  const rows = evaluations.map(({ model, seed = recipe.seed, mlm, contrast }) => ({
    model: seed === recipe.seed ? model : `${model}, seed ${seed}`,
    "MLM loss": mlm.validation.loss,
    "MLM accuracy": mlm.validation.accuracy,
    "NT-Xent accuracy": contrast?.validation.accuracy ?? null,
  }));
  const inPart = recipe.model.encoder === "bert" ? "" : " only in part, since the authors' encoder is not stock BERT";
  const small = `Scale \`${recipe.scale}\` is smaller than the paper's in model and training: ` +
    "take the numbers as a check of the procedure.\n";
  return `---
library_name: transformers
pipeline_tag: fill-mask
tags: [music, midi, remi, bert]
---

# BERT and contrastive variants on single bars of music

${rows.map(({ model }) => model).join(", ")}: encoders of ${config.layers} layers of width ${config.hidden} with
${config.heads} heads, ${millions} million parameters, that read one bar of music as REMI+ tokens (560 ids). They follow
the paper "Systematic Analysis of Music Representations from BERT" (Han, Ihm, Lim; arXiv 2306.04628), preset
\`${recipe.preset}\` at scale \`${recipe.scale}\`.

Each folder of \`models/\` holds \`model.safetensors\` and \`config.json\`, which \`BertForMaskedLM\` of Hugging Face's
transformers opens${inPart}.

## What they are for

Studying what the layers of such encoders know of chords, groove, instruments, tempo, dynamics and songs. They are not
made to generate music, and were not tried on other tasks. A bar is 4/4 and has at most ${recipe.tokens.maxTokens} tokens;
anything longer was cut.

## What they were trained on

The songs in \`DATA_CARD.md\`, ${recipe.training.steps} steps of at most ${recipe.training.batchTokens} tokens each.
${recipe.scale === "base" ? "" : small}
## How well they do

Masked tokens of validation songs, and the share of second views found among a batch:

${tableText(rows, { decimals: 3 }).markdown}
## The recipe

${recipeTable(recipe, /^(seed|model|masking|views|contrast|training)/)}
## How they came about

${stampTable(stamp)}`;
}

/** The card of a run's store of bars, in Markdown. */
export function dataCard(recipe: Recipe, corpus: Corpus, stamp: RunStamp): string {
  const { summary, checksum } = corpus, { files, songs, bars, kept, notKept, rejected, leak } = summary;
  const source = stamp.songs.replace(/ \(.*/, "");
  const reasons = Object.entries(rejected).map(([reason, count]) => ({ reason, files: count }));
  const share = (100 * leak.tokens.split.testInTrain / Math.max(1, leak.tokens.split.testBars)).toFixed(1);
  const drawn = recipe.duplicates.near === "cluster" ? "drawn together" : "drawn as if they were strangers";
  return `# Bars of ${songs} songs

${files} MIDI files of ${source} gave ${songs} songs with ${bars} bars in 4/4; the ${kept} bars
of at least ${recipe.tokens.minNotes} notes are kept, ${notKept} are not. Each bar is a sequence of REMI+ tokens with its
labels: chords (by an adapted Viterbi algorithm, not by ear), groove, instruments, tempo, mean velocity, mean duration.
The store's checksum is \`${checksum}\`.

The licence of the songs is that of where they come from; the store holds their notes.

## Splits

Songs, not bars, are drawn for each split; songs that share ${100 * recipe.duplicates.shared}% of their bars are
${drawn}. ${share}% of the test bars
also stand, token by token, in a training song.

${tableText(splitRows(corpus), { decimals: { tokensPerBar: 1 } }).markdown}
## Files left out

${reasons.length === 0 ? "None.\n" : tableText(reasons).markdown}
## The recipe

${recipeTable(recipe, /^(preset|seed|midi|tokens|labels|duplicates|split)/)}
## How it came about

${stampTable(stamp)}`;
}

/** Writes `MODEL_CARD.md` and `DATA_CARD.md` into the run's folder, from what its steps recorded. */
export async function writeCards(study: Study, stamp: RunStamp): Promise<void> {
  const { recipe, folder } = study, corpus = await openCorpus(`${folder}/corpus`);
  try {
    await writeFile(`${folder}/MODEL_CARD.md`, modelCard(recipe, evaluationsOf(study, modelNames), stamp));
    await writeFile(`${folder}/DATA_CARD.md`, dataCard(recipe, corpus, stamp));
  } finally {
    corpus.close();
  }
}
