import { assert, assertEquals, assertLess } from "@std/assert";
import { loadCheckpoint } from "@lib/bert/checkpoint.ts";
import { encodePooled } from "@lib/bert/pooling.ts";
import { modelNames } from "@lib/bert/variants.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { verifyCorpus } from "@lib/corpus/store.ts";
import { validateRecipe } from "@lib/recipe/recipe.ts";
import { openPack } from "@lib/study/pack.ts";
import { probe } from "@lib/study/probing_steps.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { corpusOf, train } from "@lib/study/training_steps.ts";
import { pretrain } from "@lib/training/pretrain.ts";
import { trainingLog } from "@lib/training/step_log.ts";
import { goldenPath, largestDifference } from "../support/golden.ts";

/** What the code at f137c84 said of its own store and of one bar's embedding by BERT-aug, layer by layer. */
const expected: { songs: number; bars: number; bar: number; tokens: number[]; embedding: number[] } = JSON.parse(
  Deno.readTextFileSync(goldenPath("f137c84/expected.json")),
);

/** A run packed at f137c84, unpacked for one test and opened by its own recipe. */
async function withOldRun(test: (study: Study) => Promise<void>): Promise<void> {
  const runs = await Deno.makeTempDir();
  try {
    const { path } = await openPack(goldenPath("f137c84/f137c84.tar.gz"), runs);
    const recipe = validateRecipe(JSON.parse(await Deno.readTextFile(`${path}/recipe.json`)));
    await test(openStudy({ recipe, name: "f137c84", runs }));
  } finally {
    await Deno.remove(runs, { recursive: true });
  }
}

Deno.test("a store made at f137c84 opens, whole and with the same tokens", () =>
  withOldRun(async (study) => {
    const dir = study.path("corpus");
    await verifyCorpus(dir);
    const corpus = await openCorpus(dir);
    assertEquals([corpus.songs.length, corpus.bars], [expected.songs, expected.bars]);
    assertEquals([...corpus.tokens(expected.bar)], expected.tokens);
  }));

Deno.test("a checkpoint made at f137c84 gives the embedding that it gave then", () =>
  withOldRun(async (study) => {
    const model = await loadCheckpoint(study.path("models", "BERT-aug"));
    const { tokens, embedding } = expected;
    try {
      const [states] = await encodePooled(model, Int32Array.from(tokens), [tokens.length], ["bar"]);
      assertLess(largestDifference(states, embedding), 1e-5); // LayerNorm's outputs, of order 1, in float32
    } finally {
      model.weights.dispose();
    }
  }));

Deno.test("a training of f137c84 goes on from its saved state to the losses of its log", () =>
  withOldRun(async (study) => {
    const dir = study.path("models", "BERT"), before = await trainingLog(dir);
    for (const name of ["model.safetensors", "config.json", "checksum.json", "training/step-0000004"]) {
      await Deno.remove(`${dir}/${name}`, { recursive: true });
    }
    const corpus = await openCorpus(study.path("corpus"));
    const after = await Array.fromAsync(pretrain({ corpus, recipe: study.recipe, model: "BERT", dir }));
    assertEquals(after.map(({ step }) => step), [3, 4]);
    after.forEach(({ loss }, i) => assertLess(Math.abs(loss - before[i + 2].loss), 1e-4));
  }));

Deno.test("a run of f137c84 has its steps done: nothing is trained or probed again", () =>
  withOldRun(async (study) => {
    const corpus = await corpusOf(study);
    const lines = (await Deno.readTextFile(study.path("results.jsonl"))).trim().split("\n");
    const results = lines.map((line) => JSON.parse(line) as { model: string; labels: string; value: number | null });
    const weights = study.path("models", "BERT", "model.safetensors"), before = (await Deno.stat(weights)).mtime;
    for (const model of modelNames) {
      const { info } = JSON.parse(await Deno.readTextFile(study.path("steps", `evaluate-${model}.json`)));
      assertEquals((await train(study, corpus, model)).mlm.validation.loss, info.mlm.validation.loss);
    }
    assertEquals((await Deno.stat(weights)).mtime, before);
    const probed = await probe(study, corpus, "BERT");
    const stored = results.filter(({ model }) => model === "BERT" || model.startsWith("BERT, "));
    assert(stored.length > 0);
    assertEquals(probed.map(({ value }) => Number.isFinite(value) ? value : null), stored.map(({ value }) => value));
  }));
