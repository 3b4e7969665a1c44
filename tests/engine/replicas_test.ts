import { assert, assertEquals, assertLess } from "@std/assert";
import { tf } from "@lib/engine/mod.ts";
import { allGather, allSum, inShares, replicas, rowsBefore, sharedBlocks, shareOf } from "@lib/engine/replicas.ts";
import { modelNames } from "@lib/bert/variants.ts";
import type { RecipeChanges } from "@lib/recipe/recipe.ts";
import { largestDifference } from "../support/golden.ts";
import { onPlugin } from "../support/plugin.ts";
import { inProcess } from "../support/process.ts";
import { withStepsStore } from "../support/small_store.ts";
import type { StepsReport } from "../support/steps_child.ts";

Deno.test("one device has all rows, and its sums are all", () => {
  const x = tf.tensor1d([1, 2, 3, 4]);
  inShares(2, () => {
    assertEquals([replicas, sharedBlocks()], [1, 0]);
    assert([shareOf(x, 2), allSum(x), allGather(x)].every((y) => y === x));
    const before = rowsBefore(2);
    assertEquals(before.dataSync()[0], 0);
    before.dispose();
  });
  x.dispose();
});

const changes: RecipeChanges = {
  model: { dropout: 0.1 },
  training: { steps: 20, batchTokens: 512, buckets: [64], precision: "float32" },
};

onPlugin(
  "2 and 4 devices with shares of a batch make the steps of one, in all models, dropout on",
  () =>
    withStepsStore(changes, async (dir) => {
      const all = modelNames.map((model) => ["bert", model]);
      const on = async (devices: number, cases: string[][]): Promise<StepsReport> => {
        const env = {
          ENGINE: "xla",
          PJRT_OPTIONS: JSON.stringify({ cpu_device_count: devices }),
          XLA_DEVICES: `${devices}`,
        };
        const script = "tests/support/steps_child.ts", args = [dir, JSON.stringify(cases)];
        const { code, out, err } = await inProcess({ script, args }, env);
        if (code !== 0) throw new Error(err);
        return JSON.parse(out);
      };
      const one = await on(1, all);
      for (const devices of [2, 4]) {
        const cases = devices === 2 ? all : [["bert", "BERT-dropout"]], several = await on(devices, cases);
        cases.forEach(([, model], i) => {
          const [expected, found] = [one.cases[modelNames.findIndex((name) => name === model)], several.cases[i]];
          const [first, last] = [0, 19].map((step) => expected.numbers[step][0]);
          assertLess(last, first - 0.05); // it learns, so that agreement means something
          found.numbers.forEach((numbers, step) =>
            numbers.forEach((value, j) => {
              const right = expected.numbers[step][j], place = `${model} on ${devices}, step ${step + 1}, number ${j}`;
              if (j === 3) return; // a share of 16 anchors, some with neighbours that are equally near but for rounding
              assertLess(Math.abs(value - right), 1e-5 * Math.abs(right) + 1e-12, place);
            })
          );
          assertLess(largestDifference(found.bars, expected.bars), 1e-5);
          assertEquals(found.left, { tensors: 0, handles: 0 });
        });
      }
    }),
);
