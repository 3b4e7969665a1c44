import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { cpSync } from "node:fs";
import { loadCheckpoint } from "@lib/bert/checkpoint.ts";
import { CheckpointError } from "@lib/bert/hugging_face.ts";
import { engineInfo, tensorCount } from "@lib/engine/mod.ts";
import { barsToEvaluate, evaluateMasked } from "@lib/training/masked_evaluation.ts";
import { pretrain } from "@lib/training/pretrain.ts";
import { trainingLog } from "@lib/training/step_log.ts";
import { type Recipe, recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { stateFolder, threadsOf } from "@lib/training/run_state.ts";
import { choices, collect, numbers, smallCorpus, withFolder } from "../support/small_run.ts";

const corpus = await smallCorpus();
const smoke = (changes: RecipeChanges) =>
  recipe("sound", "smoke", { split: { train: 0.5, validation: 0.3 }, ...changes });
const often = smoke({ training: { validateEvery: 1 } });

const names = async (dir: string) => (await Array.fromAsync(Deno.readDir(dir), ({ name }) => name)).sort();
const weightsIn = (dir: string) => Deno.readFile(`${dir}/model.safetensors`);
const folder = (kind: string, step: number) => `${kind}-${String(step).padStart(7, "0")}`;

for (const keep of ["best", "last"] as const) {
  Deno.test(`the best weights and the last are kept, and keep: ${keep} chooses which the model gets`, () =>
    withFolder(async (dir) => {
      const rough: Recipe = smoke({
        training: { steps: 8, validateEvery: 2, learningRate: 0.3, warmupSteps: 8, explosion: 0, keep },
      });
      const logs = await collect(corpus, dir, { recipe: rough });
      const validated = logs.filter(({ validation }) => validation);
      const losses = validated.map(({ validation }) => validation!.loss), lowest = Math.min(...losses);
      const best = validated[losses.indexOf(lowest)].step;
      assertLess(best, 8); // or else this run could not tell best from last
      const kept = (await names(`${dir}/training`)).filter((name) => /^(best|step)-/.test(name));
      assertEquals(kept, [folder("best", best), folder("step", 6), folder("step", 8)]);
      const bars = barsToEvaluate(corpus, "validation", rough);
      for (const [name, loss] of [[folder("best", best), lowest], [folder("step", 8), losses.at(-1)]] as const) {
        const model = await loadCheckpoint(`${dir}/training/${name}`);
        assertEquals((await evaluateMasked(model, corpus, bars, rough)).loss, loss);
        model.weights.dispose();
      }
      const chosen = keep === "best" ? folder("best", best) : folder("step", 8);
      assertEquals(await weightsIn(dir), await weightsIn(`${dir}/training/${chosen}`));
    }));
}

/** What can happen to a file. */
const damages: Record<string, (path: string) => Promise<void>> = {
  "with a flipped bit": async (path) => {
    const bytes = await Deno.readFile(path);
    bytes[bytes.length >> 1] ^= 4;
    await Deno.writeFile(path, bytes);
  },
  "cut short": async (path) => await Deno.truncate(path, (await Deno.stat(path)).size >> 1),
  "missing": (path) => Deno.remove(path),
};
const stateFiles = ["state.json", "optimizer.safetensors", "model.safetensors", "config.json", "checksum.json"];

Deno.test("of a damaged state the file is named, and the run goes on from the one before to the same weights", () =>
  withFolder(async (dir) => {
    await collect(corpus, `${dir}/whole`, { recipe: often });
    await collect(corpus, `${dir}/stopped`, { recipe: often, stopAfter: 5 });
    const expected = await weightsIn(`${dir}/whole`), logged = numbers(await trainingLog(`${dir}/whole`));
    const before = tensorCount();
    for (const name of stateFiles) {
      for (const [what, damage] of Object.entries(damages)) {
        if (name !== "model.safetensors" && what !== "with a flipped bit") continue; // all are read alike
        const copy = `${dir}/${name} ${what}`, path = `${stateFolder(copy, 5)}/${name}`, said: string[] = [];
        cpSync(`${dir}/stopped`, copy, { recursive: true });
        await damage(path);
        const steps = await collect(corpus, copy, { recipe: often, say: (line) => said.push(line) });
        assertEquals(steps.map(({ step }) => step), [5, 6], `${name} ${what}`);
        assertEquals(said.length, 1);
        assert(said[0].includes(path) && said[0].endsWith("Going on from step 4 instead."), said[0]);
        assertEquals(await weightsIn(copy), expected);
        assertEquals(numbers(await trainingLog(copy)), logged);
      }
    }
    assertEquals(tensorCount(), before);
  }));

Deno.test("where no state is whole, or the best weights are damaged, nothing is lost or begun anew", () =>
  withFolder(async (dir) => {
    await collect(corpus, dir, { recipe: often, stopAfter: 5 });
    const training = `${dir}/training`, bests = (await names(training)).filter((name) => name.startsWith("best-"));
    const paths = bests.map((best) => `${training}/${best}/model.safetensors`);
    const refused = async (...paths: string[]) => {
      const there = await names(training);
      const error = await assertRejects(() => collect(corpus, dir, { recipe: often }), CheckpointError);
      for (const path of paths) assert(error.message.includes(path), error.message);
      assertEquals(await names(training), [...new Set([...there, "lock"])].sort());
      assertEquals((await trainingLog(dir)).length, 5);
    };
    const held = await Promise.all(paths.map((path) => Deno.readFile(path)));
    for (const path of paths) await damages["cut short"](path);
    await refused(...paths);
    for (const [i, path] of paths.entries()) await Deno.writeFile(path, held[i]);
    const states = [4, 5].map((step) => `${stateFolder(dir, step)}/state.json`);
    for (const path of states) await damages["with a flipped bit"](path);
    await refused(...states);
    for (const step of [4, 5]) await Deno.remove(stateFolder(dir, step), { recursive: true });
    await refused("its log tells of 5 steps");
  }));

/** Changes what a run says it began with, checksum included. */
async function pretend(
  dir: string,
  step: number,
  change: (began: { [group: string]: Record<string, unknown> }, run: Record<string, unknown>) => void,
) {
  const path = `${stateFolder(dir, step)}/state.json`;
  const { seal: _, ...stored } = JSON.parse(await Deno.readTextFile(path));
  change(stored.run.began, stored.run);
  const seal = createHash("sha256").update(JSON.stringify(stored)).digest("hex");
  await Deno.writeTextFile(path, JSON.stringify({ ...stored, seal }));
}

Deno.test("another recipe, model, corpus or engine is refused, what differs is named, and nothing is lost", () =>
  withFolder(async (dir) => {
    await collect(corpus, dir, { stopAfter: 1 });
    const refused = async (part: string, run: () => Promise<unknown>) => {
      const error = await assertRejects(run, CheckpointError);
      assert(error.message.includes(part), error.message);
    };
    const { songs, bars, checksum } = corpus;
    await refused(
      "recipe.masking.rate (0.15, now 0.2).",
      () => collect(corpus, dir, { recipe: smoke({ masking: { rate: 0.2 } }) }),
    );
    await refused("the model (BERT, now BERT-aug).", () => collect(corpus, dir, { model: "BERT-aug" }));
    const fewer = await smallCorpus(["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd"]);
    assert(fewer.songs.length < songs.length && fewer.bars < bars);
    await refused(
      `the corpus (${songs.length} songs with ${bars} bars, checksum ${checksum.slice(0, 12)}, ` +
        `now ${fewer.songs.length} songs with ${fewer.bars} bars, checksum ${fewer.checksum.slice(0, 12)}).`,
      () => collect(fewer, dir),
    );
    const whole = await smallCorpus(undefined, smoke({ labels: { notes: "whole" } }));
    assertEquals([whole.songs.length, whole.bars], [songs.length, bars]);
    await refused("the corpus (", () => collect(whole, dir)); // as many bars, other labels
    const probing = await smallCorpus(undefined, smoke({ probing: { clusters: 7 } }));
    assertEquals(probing.checksum, checksum); // a recipe that tokenizes the same
    for (
      const [part, field, group, value] of [
        ["the engine (libtensorflow on the TPU in float32, now libtensorflow on the ", "device", "engine", "TPU"],
        ["the engine (webgpu on the ", "engine", "engine", "webgpu"],
      ]
    ) {
      cpSync(dir, `${dir}-${value}`, { recursive: true });
      await pretend(`${dir}-${value}`, 1, (began) => began[group][field] = value);
      await refused(part, () => collect(corpus, `${dir}-${value}`));
      await Deno.remove(`${dir}-${value}`, { recursive: true });
    }
    await pretend(dir, 1, ({ recipe }) => (recipe.training as Recipe["training"]).precision = "bfloat16");
    await refused('recipe.training.precision ("bfloat16", now "float32").', () => collect(corpus, dir));
    await pretend(dir, 1, ({ recipe }) => (recipe.training as Recipe["training"]).precision = "float32");
    assertEquals((await collect(corpus, dir)).length, choices.training.steps - 1);
  }));

Deno.test("two processes do not train in one folder, and the lock goes with its holder", () =>
  withFolder(async (dir) => {
    const first = pretrain({ corpus, recipe: choices, model: "BERT", dir });
    await first.next();
    await assertRejects(() => collect(corpus, dir), CheckpointError, "is being trained by another process");
    await first.return(undefined);
    assertEquals((await collect(corpus, dir)).at(-1)!.final, true);
  }));

Deno.test("what a killed process was writing is removed, and nothing else", () =>
  withFolder(async (dir) => {
    await collect(corpus, dir, { recipe: often, stopAfter: 2 });
    const before = [await names(dir), await names(`${dir}/training`)];
    await Deno.mkdir(`${dir}/training/step-0000001.tmp`);
    for (
      const name of ["model.safetensors.0a1b2c3d.tmp", "training/log.jsonl.0a1b2c3d.tmp", "training/step-0000001.tmp/a"]
    ) {
      await Deno.writeTextFile(`${dir}/${name}`, "half");
    }
    await collect(corpus, dir, { recipe: often, stopAfter: 0 });
    const after = [await names(dir), await names(`${dir}/training`)];
    assert(before[1].length >= 4 && !after.flat().some((name) => name.endsWith(".tmp")), `${after}`);
    assert(
      before[1].filter((name) => !name.startsWith("best") && !name.startsWith("step")).every((name) =>
        after[1].includes(name)
      ),
    );
  }));

Deno.test("a state of an earlier version goes on by what was done then, or the field that differs is named", () =>
  withFolder(async (dir) => {
    // what those versions did: no accumulation, no early stop, explosions let through, no islands, float32
    const then = { explosion: 0, islands: false, leastIsland: 0, precision: "float32" } as const,
      early = smoke({ training: then });
    const whole = await collect(corpus, `${dir}/whole`, { recipe: early });
    await collect(corpus, `${dir}/early`, { recipe: early, stopAfter: 2 });
    await pretend(`${dir}/early`, 2, ({ recipe, engine }, run) => {
      const { training, model } = recipe as unknown as Record<string, Record<string, unknown>>;
      for (const name of ["accumulate", "explosion", "patience", "leastGain", "precision", "islands", "leastIsland"]) {
        delete training[name];
      }
      delete model.encoder, delete model.init, delete engine.precision;
      delete run.firstLoss, delete run.ended;
    });
    await assertRejects(
      () => collect(corpus, `${dir}/early`, { recipe: smoke({ training: { ...then, islands: true } }) }),
      CheckpointError,
      "recipe.training.islands (false, now true). Go on with what it began with",
    );
    const rest = await collect(corpus, `${dir}/early`, { recipe: early });
    assertEquals(numbers(rest), numbers(whole).slice(2));
  }));

Deno.test("a training that goes on with another number of threads says so, and its state has both", () =>
  withFolder(async (dir) => {
    const before = Deno.env.get("TF_NUM_INTRAOP_THREADS"), said: string[] = [];
    const go = async (threads: number, stopAfter: number) => {
      Deno.env.set("TF_NUM_INTRAOP_THREADS", String(threads)); // the engine has begun with its own
      await collect(corpus, dir, { recipe: often, stopAfter, say: (line) => void said.push(line) });
    };
    try {
      await go(1, 2);
      await go(1, 1);
      assertEquals([said, await threadsOf(dir)], [[], [1]]);
      await go(3, 1);
      assertEquals([said.length, await threadsOf(dir)], [engineInfo().device === "CPU" ? 1 : 0, [1, 3]]);
      if (said.length > 0) {
        assert(said[0].includes("with 3 threads after step 3") && said[0].includes("with 1 thread."), said[0]);
      }
      await go(3, Infinity);
      await go(2, Infinity); // nothing is left to do
      assertEquals([said.length <= 1, await threadsOf(dir)], [true, [1, 3]]);
    } finally {
      before === undefined ? Deno.env.delete("TF_NUM_INTRAOP_THREADS") : Deno.env.set("TF_NUM_INTRAOP_THREADS", before);
    }
  }));
