import { assertEquals } from "@std/assert";
import { modelNames, variants } from "@lib/bert/variants.ts";

Deno.test("the models stand in the paper's order, and only BERT-dropout drops activations", () => {
  assertEquals(modelNames, ["BERT", "BERT-aug", "BERT-neighbor", "BERT-dropout"]);
  assertEquals(modelNames.filter((name) => variants[name].dropout), ["BERT-dropout"]);
});

Deno.test("a bar is compared with its augmentation, with a neighbor, with itself, or with nothing", () => {
  assertEquals(modelNames.map((name) => variants[name].view), ["none", "augmented", "neighbor", "same"]);
});
