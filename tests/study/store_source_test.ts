import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { buildCorpus, buildShard, mergeCorpora } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { verifyCorpus } from "@lib/corpus/store.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { openStudy, storeRecipe } from "@lib/study/study.ts";
import { corpusOf, otherCorpusOf, takeStore, train } from "@lib/study/training_steps.ts";
import { compose } from "../support/composer.ts";

const choices = recipe("authors", "base", {
  seed: 3,
  tokens: { minNotes: 5 },
  duplicates: { exact: "drop" },
  split: { train: 0.5, validation: 0.3 },
});

/** Runs a test in a folder with composed songs in `songs`. */
async function withSongs(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/songs`);
  for (let song = 0; song < 6; song++) await Deno.writeFile(`${folder}/songs/${song}.mid`, compose(4, song, 6).bytes);
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a new run on a store has the store's bars and choices, and stays whole without the store", () =>
  withSongs(async (folder) => {
    const store = `${folder}/store`, runs = `${folder}/runs`;
    await buildCorpus(`${folder}/songs`, store, choices, { workers: 0 });
    const scale = { SCALE: "smoke", RECIPE: '{"training":{"steps":2,"validateEvery":2}}' };
    const study = openStudy({ name: "mine", data: store, runs, parameters: scale });
    const { preset, seed, tokens, split, masking, training } = study.recipe;
    // Split and preset are the store's, not the scale's; masks follow the preset; the rest is as asked.
    assertEquals([preset, seed, tokens.minNotes, split.train], ["authors", 3, 5, 0.5]);
    assertEquals([masking, training.steps, study.recipe.scale], [choices.masking, 2, "smoke"]);
    const corpus = await corpusOf(study), there = await openCorpus(store);
    assertEquals([corpus.checksum, corpus.bars, corpus.songs], [there.checksum, there.bars, there.songs]);
    there.close();
    assertEquals(await otherCorpusOf(study), undefined);
    await Deno.remove(store, { recursive: true });
    await verifyCorpus(study.path("corpus"));
    const again = openStudy({ name: "mine", runs });
    const evaluation = await train(again, await corpusOf(again), "BERT");
    assert(Number.isFinite(evaluation.mlm.validation.loss));
    corpus.close();
  }));

Deno.test("what is asked for and differs from the store is named by field", () =>
  withSongs(async (folder) => {
    const store = `${folder}/store`, runs = `${folder}/runs`;
    await buildCorpus(`${folder}/songs`, store, choices, { workers: 0 });
    const { message } = assertThrows(
      () => openStudy({ name: "a", data: store, runs, recipe: recipe("authors", "smoke", { seed: 3 }) }),
      UserError,
      `the store at ${store}`,
    );
    const fields = message.split("\n").slice(1, -1).map((line) => line.trim().split(":")[0]);
    assertEquals(fields, ["tokens.minNotes", "duplicates.exact", "split.train", "split.validation"]);
    const asked = { PRESET: "sound", RECIPE: '{"tokens":{"minNotes":6}}' };
    const other = assertThrows(() => openStudy({ name: "a", data: store, runs, parameters: asked }), UserError);
    for (const line of ["preset: authors there, sound asked for", "tokens.minNotes: 5 there, 6 asked for"]) {
      assert(other.message.includes(line), other.message);
    }
    assertThrows(() => Deno.statSync(`${runs}/a`), Deno.errors.NotFound); // nothing was made
  }));

Deno.test("parts of a store are refused with what to do; merged, they are a source", () =>
  withSongs(async (folder) => {
    const parts = [1, 2].map((index) => `${folder}/part${index}`), store = `${folder}/merged`;
    for (const [i, part] of parts.entries()) {
      await buildShard(`${folder}/songs`, part, choices, { index: i + 1, of: 2 }, { workers: 0 });
    }
    assertThrows(() => openStudy({ name: "a", data: parts[0], runs: `${folder}/runs` }), UserError, "--merge");
    await mergeCorpora(parts, store);
    const study = openStudy({ name: "a", data: store, runs: `${folder}/runs` }), corpus = await corpusOf(study);
    assertEquals(corpus.summary.files, 6);
    corpus.close();
    assertEquals(storeRecipe(`${folder}/songs`), undefined);
    await Deno.writeTextFile(`${store}/manifest.json`, "{}");
    await assertRejects(() => takeStore(store, `${folder}/taken`), UserError, "manifest.json");
  }));
