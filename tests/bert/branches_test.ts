import { assertEquals, assertLess } from "@std/assert";
import { branchesOf, dealRows } from "@lib/bert/branches.ts";
import { layoutStates } from "@lib/bert/bert.ts";
import { bertConfig } from "@lib/bert/config.ts";
import type { Layout } from "@lib/bert/layout.ts";
import { createBert, unflatten } from "@lib/bert/parameters.ts";
import { type ModelName, modelNames } from "@lib/bert/variants.ts";
import { onLibraryCpu, tf } from "@lib/engine/mod.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { toTensors, trainingBatch, trainingPlans } from "@lib/training/batches.ts";
import { readBatch } from "@lib/training/objectives.ts";
import { smallCorpus } from "../support/small_run.ts";
import { trainingVariables } from "@lib/base/machine.ts";
import { assertNear, ended, startTraining, withWorkersStore } from "../support/trained_workers.ts";
import type { TrainingCase } from "../support/train_workers_child.ts";
import { hasWorkers } from "../support/workers.ts";

const short = { split: { train: 0.5, validation: 0.3 }, tokens: { maxTokens: 64 } };
const choices = (training: RecipeChanges["training"]) => recipe("sound", "smoke", { ...short, training });
const ways = {
  buckets: choices({ batchTokens: 448, buckets: [64] }),
  rows: choices({ batchTokens: 512, buckets: [64], packing: "rows", rowLengths: [64, 128] }),
};
const corpus = await smallCorpus(undefined, ways.buckets);

/** All hidden states of a training's first batch, with dropout, computed in so many branches, 0 for plainly. */
function statesOf(choices: typeof ways.buckets, model: ModelName, branches: number): Tensor[] {
  const config = bertConfig(choices), { weights } = createBert(config, 3), p = unflatten(config, weights);
  const plan = trainingPlans(corpus, choices, model).next().value;
  const { layout } = readBatch(toTensors(trainingBatch(corpus, plan, choices, model)), model !== "BERT");
  const dropout = { rate: 0.2, place: choices.views.dropoutPlace, seed: tf.tensor1d([5, 7], "int32") };
  if (branches === 0) return layoutStates(p, config, layout, { dropout });
  const { layouts, join } = branchesOf(layout, branches), drawn = new Map<number, Tensor>();
  const parts = layouts.map((own: Layout) => layoutStates(p, config, own, { dropout: { ...dropout, drawn } }));
  return parts[0].map((_, layer) => join(parts.map((states) => states[layer]), layer === parts[0].length - 1));
}

Deno.test("branches together have the states of the whole batch, in its order, with its dropout", () => {
  for (const [way, choices] of Object.entries(ways)) {
    for (const place of ["attention-and-feed-forward", "block-outputs"] as const) {
      const placed = { ...choices, views: { ...choices.views, dropoutPlace: place } };
      for (const model of ["BERT", "BERT-aug"] as const) {
        tf.tidy(() => {
          const whole = statesOf(placed, model, 0);
          for (const branches of [2, 3, 99]) {
            const joined = statesOf(placed, model, branches);
            assertEquals(joined.map(({ shape }) => shape), whole.map(({ shape }) => shape));
            joined.forEach((states, layer) => {
              const most = states.sub(whole[layer]).abs().max().dataSync()[0];
              assertLess(most, 1e-4, `${way}, ${place}, ${model}, ${branches} branches, layer ${layer}`);
            });
          }
        });
      }
    }
  }
});

Deno.test("rows are dealt so that all have their share of the tokens, and no row is lost", () => {
  assertEquals(dealRows([{ rows: 7, length: 64 }], 2), [[4, 3]]);
  assertEquals(dealRows([{ rows: 2, length: 64 }, { rows: 1, length: 128 }], 2), [[0, 2], [1, 0]]);
});

Deno.test({
  name: "a training in two branches makes the steps of one, in all models, and those of two workers",
  ignore: !onLibraryCpu,
  fn: () =>
    withWorkersStore(async (store, dir) => {
      const cases: TrainingCase[] = modelNames.map((model, i) => ({
        ...{ name: model, model },
        training: i % 2 === 0 ? {} : { packing: "rows", batchTokens: 512 },
      }));
      const told = (name: string, workers: number, threads: number) =>
        Promise.all(
          startTraining(store, `${dir}/${name}`, cases, workers, trainingVariables(threads)).map((one) => ended(one)),
        );
      const [[plain], [branched]] = [await told("plain", 1, 1), await told("branched", 1, 2)];
      assertEquals(plain.steps.length, 20 * cases.length);
      assertNear(branched.steps, plain.steps, 1e-5);
      const { run } = JSON.parse(await Deno.readTextFile(`${dir}/branched/BERT/training/step-0000020/state.json`));
      assertEquals([run.threads, run.branches], [[2], [2]]);
      if (!hasWorkers) return;
      for (const { steps } of await told("together", 2, 2)) assertNear(steps, plain.steps, 1e-5);
    }),
});
