import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { tf } from "@lib/engine/mod.ts";
import { agree, numbersOfFirst, tensorsOfFirst, valueOfFirst } from "@lib/training/workers/together.ts";
import type { TrainingCase, WorkerStep } from "../../support/train_workers_child.ts";
import { assertNear, ended, startTraining, withWorkersStore } from "../../support/trained_workers.ts";
import { hasWorkers } from "../../support/workers.ts";

Deno.test("a process alone agrees with itself, and has its own state and numbers", async () => {
  await agree({ any: "thing" });
  assertEquals(await valueOfFirst(() => ({ text: "♪" })), { text: "♪" });
  assertEquals(await numbersOfFirst([1 / 3, NaN]), [1 / 3, NaN]); // not rounded to float32
  const tensors = [tf.scalar(1), tf.scalar(2), tf.scalar(3)] as never;
  assert(await tensorsOfFirst(tensors) === tensors);
  tf.dispose(tensors);
});

/** Both ways of making batches, dropout on, and gradients added up over two batches. */
const cases: TrainingCase[] = [
  { name: "bert", model: "BERT" },
  { name: "aug", model: "BERT-aug" },
  { name: "neighbor", model: "BERT-neighbor", training: { packing: "rows", batchTokens: 512 } },
  { name: "dropout", model: "BERT-dropout", training: { packing: "rows", batchTokens: 512, accumulate: 2 } },
];
const killed: TrainingCase = { name: "killed", model: "BERT-dropout", training: { steps: 40, validateEvery: 4 } };

Deno.test({
  name: "two workers make the steps of one, in all models; one that is killed is named, and three go on from the state",
  ignore: !hasWorkers,
  fn: () =>
    withWorkersStore(async (store, dir) => {
      const [one] = startTraining(store, `${dir}/one`, [...cases, killed], 1);
      const alone = await ended(one), four = alone.steps.filter(({ name }) => name !== killed.name);
      for (const { name } of cases) { // it learns, so that agreement means something
        const own = four.filter((step) => step.name === name);
        assertEquals(own.length, 20);
        assertLess(own[19].loss, own[0].loss - 0.02);
      }

      const pair = startTraining(store, `${dir}/two`, [...cases, killed], 2);
      const strike = ({ name, step }: WorkerStep) => {
        if (name === killed.name && step === 10) pair[1].process.kill("SIGKILL");
      };
      const [first, second] = await Promise.all([ended(pair[0], strike), ended(pair[1])]);
      for (const { steps } of [first, second]) assertNear(steps.slice(0, 80), four, 1e-5);
      assertEquals([first.name, first.code, second.code], ["WorkersGoneError", 1, 137]);
      assertStringIncludes(first.failed!, "Of 2 workers, 1 (127.0.0.1:");
      assertEquals([...Deno.readDirSync(`${dir}/two`)].length, 5); // in one folder: worker 0's

      const last = first.steps.at(-1)!.step, saved = last - last % 4;
      assertLess(last, 40);
      const three = await Promise.all(startTraining(store, `${dir}/two`, [killed], 3).map((worker) => ended(worker)));
      const rest = alone.steps.filter(({ name, step }) => name === killed.name && step > saved);
      for (const { steps, code, left } of three) {
        assertEquals([code, left], [0, { tensors: 0, handles: 0 }]);
        assertNear(steps, rest, 1e-4); // the state is another sum's
      }
      const { run } = JSON.parse(await Deno.readTextFile(`${dir}/two/killed/training/step-0000040/state.json`));
      assertEquals(run.workers, [2, 3]);
    }),
});
