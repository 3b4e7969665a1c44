import { assert, assertGreater, assertLess } from "@std/assert";
import { recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { probingBytes, tokenizingBytes, trainingBytes } from "@lib/study/jobs/resources.ts";

const GiB = 2 ** 30;

Deno.test("peaks that were measured on libtensorflow's CPU are below what is reckoned, by less than half", () => {
  const before = { optimizer: "adamw", batchTokens: 5376, batchRows: 64 } as const; // what small was
  const small = (model: RecipeChanges["model"], batchTokens: number) =>
    recipe("sound", "small", { model, training: { batchTokens } });
  const measured = [
    [recipe("sound", "smoke"), "BERT-aug", 606],
    [recipe("sound", "demo"), "BERT", 742],
    [recipe("sound", "demo"), "BERT-aug", 831],
    [recipe("sound", "small", { model: { heads: 2 }, training: before }), "BERT-aug", 1936],
    [recipe("sound", "small"), "BERT", 1959, 2],
    [recipe("sound", "small"), "BERT-aug", 2261, 2],
    [small({}, 2880), "BERT", 1593],
    [small({}, 2880), "BERT-aug", 1766],
    [small({ hidden: 256, layers: 6, heads: 4, intermediate: 1024 }, 2048), "BERT", 1218],
    [small({ hidden: 768, layers: 12, heads: 12, intermediate: 3072 }, 1536), "BERT", 6069],
  ] as const;
  for (const [choices, model, mebibytes, branches = 1] of measured) {
    const ratio = trainingBytes(choices, model, 1, branches) / (mebibytes * 2 ** 20);
    assert(ratio > 1 && ratio < 1.5, `${choices.scale} ${choices.model.hidden} ${model}: ${ratio}`);
  }
  const shared = recipe("sound", "small", { model: { heads: 2 }, training: before });
  const together = trainingBytes(shared, "BERT-aug", 2) / (1465 * 2 ** 20);
  assert(together > 1 && together < 1.5, `each of two workers: ${together}`);
});

Deno.test("a shard's measured peaks are below what is reckoned, by less than half", () => {
  for (const [workers, mebibytes] of [[1, 285], [4, 490]]) {
    const ratio = tokenizingBytes(workers) / (mebibytes * 2 ** 20);
    assert(ratio > 1 && ratio < 1.5, `${workers} workers: ${ratio}`);
  }
});

Deno.test("a probing's memory grows with its bars up to what the recipe allows, and with its workers", () => {
  const choices = recipe("sound", "small"), of = (bars: number, workers = 1) => probingBytes(choices, bars, workers);
  assertGreater(of(50_000), of(10_000));
  const layer = 4 * choices.model.hidden;
  // Beyond the memory allowed, embeddings are in files; a worker holds three copies of a layer.
  assert(Math.abs(of(2e6) - of(1e6) - 3 * 1e6 * layer) < 1);
  assertGreater(of(10_000, 4), of(10_000, 1) + 3 * 100 * 2 ** 20);
  assertLess(of(0), GiB * 2);
});
