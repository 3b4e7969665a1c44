import { assertEquals, assertNotEquals } from "@std/assert";
import { recipe } from "@lib/recipe/recipe.ts";
import { openStudy } from "@lib/study/study.ts";
import { doneStep, endsOf, once, otherStoreStep, resultsStep, similarStep } from "@lib/study/jobs/steps.ts";
import { shardSteps, storeOfShard, storeStep } from "@lib/study/jobs/steps.ts";
import { trainingOf, trainingSeeds } from "@lib/study/jobs/steps.ts";
import { fingerprint } from "@lib/study/step_records.ts";
import { projectRoot } from "@lib/base/project.ts";
import { withFolder } from "../../support/folder.ts";

const open = (runs: string) => {
  const choices = recipe("sound", "smoke", { seed: 5, training: { seeds: 2 } });
  return openStudy({ recipe: choices, name: "a", data: `${projectRoot}/data/freedoom`, runs });
};

Deno.test("the first seed's training has the model's name, as runs of one seed had it; others have their seed's", () =>
  withFolder((runs) => {
    const study = open(runs);
    assertEquals(trainingSeeds(study.recipe), [5, 6]);
    const [first, second] = [5, 6].map((seed) => trainingOf(study, "BERT-aug", seed));
    assertEquals([first.name, first.dir], ["BERT-aug", `${study.folder}/models/BERT-aug`]);
    assertEquals(second.dir, `${study.folder}/models/BERT-aug-seed-6`);
    assertEquals(second.train.step, "train BERT-aug seed 6");
    assertNotEquals(fingerprint(first.train.inputs), fingerprint(second.train.inputs));
  }));

Deno.test("the other store is of the other preset, with the study's seed", () =>
  withFolder((runs) => {
    const { step, choices } = otherStoreStep(open(runs));
    assertEquals([step, choices.preset, choices.seed], ["corpus-authors", "authors", 5]);
  }));

Deno.test("a store's shards are steps of its inputs, named by their place; a store of one has none", () =>
  withFolder((runs) => {
    const study = open(runs), store = storeStep(study), shards = shardSteps({ shards: 3 }, store);
    assertEquals(shards.map(({ step }) => step), ["corpus-1-of-3", "corpus-2-of-3", "corpus-3-of-3"]);
    assertEquals(shards.map(({ shard }) => shard), [1, 2, 3].map((index) => ({ index, of: 3 })));
    assertEquals(new Set(shards.map(({ inputs }) => fingerprint(inputs))), new Set([fingerprint(store.inputs)]));
    assertEquals(shardSteps(study, store), []);
    const others = shardSteps({ shards: 12 }, otherStoreStep(study)).map(({ step }) => step);
    assertEquals(new Set(others.map(storeOfShard)), new Set(["corpus-authors"]));
    const none = ["corpus", "corpus-authors", "train-BERT-seed-1"].map(storeOfShard);
    assertEquals([...others.map(storeOfShard), ...none].findLastIndex((store) => store !== undefined), 11);
  }));

Deno.test("choices of the search for similar bars that are left out are the same as those that are spelled out", () =>
  withFolder((runs) => {
    const study = open(runs), spelled = similarStep(study, { queries: 2, count: 2, among: "other songs" });
    assertEquals(similarStep(study), spelled);
    assertNotEquals(fingerprint(similarStep(study, { count: 3 }).inputs), fingerprint(spelled.inputs));
  }));

Deno.test("a step that collects others is stale when one of them was done anew", () =>
  withFolder(async (runs) => {
    const study = open(runs), { train } = trainingOf(study, "BERT");
    assertEquals(endsOf(study, [train]), { "train BERT": null });
    await once(study, train, () => ({ seconds: 3 }));
    const ended = doneStep<{ seconds: number }>(study, train)!;
    assertEquals([ended.info.seconds, endsOf(study, [train])], [3, { "train BERT": ended.finished }]);
    const before = resultsStep(study);
    await once(study, before, () => 1);
    assertEquals(doneStep(study, resultsStep(study))?.info, 1);
    await once(
      study,
      { step: "probe guesses", inputs: { ...study.recipe, data: study.data, name: "guesses" } },
      () => 2,
    );
    assertEquals(doneStep(study, resultsStep(study)), undefined);
  }));
