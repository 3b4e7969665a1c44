/**
 * Trains a small model in a process of its own, to be killed: `corpus folder, model folder`.
 * @module
 */
import { openCorpus } from "@lib/corpus.ts";
import { pretrain } from "@lib/pretrain.ts";

if (import.meta.main) {
  const [corpusDir, dir] = Deno.args, corpus = await openCorpus(corpusDir);
  for await (const log of pretrain({ corpus, recipe: corpus.recipe, model: "BERT-dropout", dir })) {
    console.log(log.step);
  }
}
