/**
 * What tests/training/workers tests with two workers, with four and for every model and way of making batches; and
 * workers that are stopped, killed or started on other choices. Too long for `deno task test`: a stage of its own.
 * @module
 */
import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { modelNames } from "@lib/bert/variants.ts";
import type { TrainingCase } from "./support/train_workers_child.ts";
import { ended, startTraining, withWorkersStore } from "./support/trained_workers.ts";
import { withRuns } from "./support/study_process.ts";
import { freeAddresses, hasWorkers, startWorkers } from "./support/workers.ts";

const packed = { packing: "rows", batchTokens: 512 } as const, ignore = !hasWorkers;

Deno.test({
  name: "four workers make the steps of one, in all models, in buckets and packed, dropout on",
  ignore,
  fn: () =>
    withWorkersStore(async (store, dir) => {
      const cases: TrainingCase[] = modelNames.flatMap((model) => [
        { name: `${model}-buckets`, model },
        { name: `${model}-packed`, model, training: packed },
      ]);
      const [alone] = await Promise.all(startTraining(store, `${dir}/one`, cases, 1).map((worker) => ended(worker)));
      const four = await Promise.all(startTraining(store, `${dir}/four`, cases, 4).map((worker) => ended(worker)));
      assertEquals(alone.steps.length, 20 * cases.length);
      for (const { steps, code, left } of four) {
        assertEquals([code, left, steps.length], [0, { tensors: 0, handles: 0 }, alone.steps.length]);
        steps.forEach((step, i) => {
          for (const number of ["loss", "gradientNorm"] as const) {
            const right = alone.steps[i][number], place = `${step.name}, step ${step.step}, ${number}`;
            assertLess(Math.abs(step[number] - right), 1e-5 * right, place);
          }
        });
      }
    }),
});

Deno.test({
  name: "a worker that is stopped stops all after the same step, which is saved",
  ignore,
  fn: () =>
    withWorkersStore(async (store, dir) => {
      const long: TrainingCase = { name: "long", model: "BERT", training: { steps: 5000, validateEvery: 1000 } };
      const all = startTraining(store, dir, [long], 3);
      const told = await Promise.all(all.map((worker, i) =>
        ended(worker, ({ step }) => void (i === 2 && step === 5 && worker.process.kill("SIGINT")))
      ));
      const last = told.map(({ steps }) =>
        steps.at(-1)!.step
      );
      assertEquals(told.map(({ code }) => code), [0, 0, 0]);
      assert(last[0] >= 5 && last[0] < 1000 && last.every((step) => step === last[0]), `${last}`);
      const path = `${dir}/long/training/step-${String(last[0]).padStart(7, "0")}/state.json`;
      assertEquals(JSON.parse(await Deno.readTextFile(path)).run.step, last[0]);
    }),
});

Deno.test({
  name: "workers on other choices are named before the first step",
  ignore,
  fn: () =>
    withWorkersStore(async (store, dir) => {
      const hosts = freeAddresses(3), script = "tests/support/train_workers_child.ts";
      const args = (seed: number) => [store, dir, JSON.stringify([{ name: "x", model: "BERT", seed }])];
      const all = [1, 1, 2].map((seed, i) => startWorkers(script, args(seed), hosts, {}, [i])[0]);
      for (const { steps, failed } of await Promise.all(all.map((worker) => ended(worker)))) {
        assertEquals(steps, []);
        assertStringIncludes(failed!, "Workers 2: expected the model, recipe and songs of worker 0, found others");
      }
    }),
});

/** The processes of a command's workers by their numbers. */
function workersBelow(pid: number): Map<number, number> {
  const { stdout } = new Deno.Command("ps", { args: ["-axo", "pid=,ppid=,args="] }).outputSync();
  const lines = new TextDecoder().decode(stdout).split("\n").map((line) => line.trim().split(/ +/));
  const children = lines.filter(([, parent]) => Number(parent) === pid);
  return new Map(children.map(([child, , ...args]) => [Number(args[args.indexOf("--worker") + 1]), Number(child)]));
}

Deno.test({
  name: "`task train --workers 3` tells once which worker was killed, and ends; its parent's death ends all",
  ignore,
  fn: () =>
    withRuns(async (songs, run) => {
      const name = run("killed"), log = `${projectRoot}/data/runs/${name}/models/BERT/training/log.jsonl`;
      const changes = { training: { steps: 5000, validateEvery: 50, precision: "float32", batchTokens: 2048 } };
      const env = { NO_COLOR: "1", ENGINE: "cpu", SCALE: "smoke", DATA: songs, RECIPE: JSON.stringify(changes) };
      const steps = async () => (await Deno.readTextFile(log).catch(() => "")).split("\n").length - 1;
      const start = () =>
        new Deno.Command(Deno.execPath(), {
          args: ["run", "--quiet", "-A", "--no-check", `${projectRoot}/lib/cli/main.ts`, "train", "--model", "bert"]
            .concat(
              ["--run", name, "--workers", "3"],
            ),
          ...{ env, cwd: projectRoot, stdin: "null", stdout: "null", stderr: "piped" },
        }).spawn();
      const until = async (done: () => boolean | Promise<boolean>) => {
        for (let i = 0; !await done(); i++) {
          assert(i < 1200, "it does not come");
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      };
      const killed = start(), text = new Response(killed.stderr).text();
      await until(async () => await steps() >= 5);
      Deno.kill(workersBelow(killed.pid).get(1)!, "SIGKILL");
      assertEquals((await killed.status).code, 1);
      const told = await text;
      assertMatch(told, /^Of 3 workers, 1 \(127\.0\.0\.1:\d+\) is gone/m);
      assertEquals([...told.matchAll(/is gone/g)].length, 1);
      assertStringIncludes(told, "Worker 1 ended by SIGKILL");
      assertEquals(told.match(/Aborting|StartAbort|^ +at /m), null); // a message, not TensorFlow's lines or a stack

      const orphaned = start(), before = await steps();
      void new Response(orphaned.stderr).text();
      await until(async () => await steps() > before + 2);
      const children = [...workersBelow(orphaned.pid).values()];
      assertEquals(children.length, 3);
      orphaned.kill("SIGKILL");
      await orphaned.status;
      const alive = (pid: number) =>
        Deno.readTextFile(`/proc/${pid}/stat`).then((stat) => !/\) Z /.test(stat), () => false);
      await until(async () => !(await Promise.all(children.map(alive))).some((is) => is));
    }),
});
