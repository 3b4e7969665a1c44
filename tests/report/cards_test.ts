import { assert, assertMatch } from "@std/assert";
import { dataCard, modelCard } from "@lib/report/cards.ts";
import type { Evaluation } from "@lib/training/evaluation.ts";
import { choices, smallCorpus } from "../support/small_run.ts";

const stamp = { preset: "sound", scale: "smoke", seed: "0", songs: "data/freedoom", commit: "abc" };

Deno.test("cards tell what the models and the store are, with the recipe's and the store's own numbers", async () => {
  const corpus = await smallCorpus(), score = { loss: 3.25, accuracy: 0.4375, kinds: [], songs: [] };
  const contrast = { accuracy: 0.8125 } as NonNullable<Evaluation["contrast"]>["validation"];
  const evaluations: Evaluation[] = [
    { model: "BERT", mlm: { train: score, validation: score }, contrast: null, seconds: 1 },
    {
      model: "BERT-aug",
      mlm: { train: score, validation: score },
      contrast: { train: contrast, validation: contrast, otherOrder: contrast, dropping: null },
      seconds: 1,
    },
  ];
  const card = modelCard(choices, evaluations, stamp);
  const { layers, hidden } = choices.model;
  for (const part of [`${layers} layers of width ${hidden}`, "3.250", "0.438", "0.813", "training.steps", "abc"]) {
    assert(card.includes(part), part);
  }
  // Embeddings of 560 ids, 512 positions and 2 types, two layers of 8,544, their norm, and the head, at width 32.
  assert(card.replace(/\s+/g, " ").includes("heads, 0.05 million parameters"));
  assert(card.startsWith("---\nlibrary_name: transformers\n"));
  const twice = modelCard(choices, [...evaluations, { ...evaluations[1], seed: choices.seed + 1 }], stamp);
  assert(twice.includes(`BERT-aug, seed ${choices.seed + 1}`) && !card.includes(", seed"));
  const data = dataCard(choices, corpus, stamp);
  for (const part of [corpus.checksum, `${corpus.songs.length} songs`, `the ${corpus.bars} bars`, "tokens.minNotes"]) {
    assert(data.replace(/\s+/g, " ").includes(part), part);
  }
  for (const split of ["train", "validation", "test"] as const) {
    assertMatch(data, new RegExp(`\\| ${split} +\\|.* ${corpus.barsOf(split).length} `));
  }
});
