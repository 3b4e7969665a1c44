import { assertEquals, assertNotEquals } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { evaluateContrast } from "@lib/training/contrast_evaluation.ts";
import { evaluate } from "@lib/training/evaluation.ts";
import { barsToEvaluate, evaluateMasked } from "@lib/training/masked_evaluation.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { plantedBar, plantedCorpus } from "../support/planted_corpus.ts";

const choices = recipe("sound", "smoke", { model: { init: "torch" }, contrast: { validationRows: 3 } });
const song = (first: number) => Array.from({ length: 4 }, (_, i) => plantedBar([first, first + i, first + 2 * i]));
const corpus = plantedCorpus(
  ...[30, 40, 50].map((first): ["train", ...Uint16Array[]] => ["train", ...song(first)]),
  ...[60, 70, 80].map((first): ["validation", ...Uint16Array[]] => ["validation", ...song(first)]),
);

Deno.test("an evaluation has masked tokens of both splits; variants have NT-Xent as well, BERT-dropout also dropping", async () => {
  const model = createBert(bertConfig(choices), 4);
  const plain = await evaluate(model, "BERT", corpus, choices, 60);
  assertEquals([plain.model, plain.seconds, plain.contrast], ["BERT", 60, null]);
  for (const split of ["train", "validation"] as const) {
    assertEquals(
      plain.mlm[split],
      await evaluateMasked(model, corpus, barsToEvaluate(corpus, split, choices), choices),
    );
  }
  assertNotEquals(plain.mlm.train, plain.mlm.validation);
  const aug = (await evaluate(model, "BERT-aug", corpus, choices, 1)).contrast!;
  assertEquals([aug.train.order, aug.validation.order, aug.otherOrder.order], [
    "song-disjoint",
    "song-disjoint",
    "song-order",
  ]);
  assertEquals([aug.train, aug.validation, aug.dropping], [
    await evaluateContrast(model, "BERT-aug", corpus, "train", choices),
    await evaluateContrast(model, "BERT-aug", corpus, "validation", choices),
    null,
  ]);
  const dropout = (await evaluate(model, "BERT-dropout", corpus, choices, 1)).contrast!;
  assertEquals([dropout.validation.accuracy, dropout.dropping!.order], [1, "song-disjoint"]);
  assertNotEquals(dropout.dropping!.loss, dropout.validation.loss);
  model.weights.dispose();
});
