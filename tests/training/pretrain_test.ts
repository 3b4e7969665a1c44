import { assert, assertEquals, assertLess, assertNotEquals, assertRejects } from "@std/assert";
import { loadCheckpoint } from "@lib/bert/checkpoint.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { barsToEvaluate, evaluateMasked } from "@lib/training/masked_evaluation.ts";
import { DivergedError } from "@lib/training/pretrain.ts";
import { type StepLog, trainingLog } from "@lib/training/step_log.ts";
import { UserError } from "@lib/base/user_error.ts";
import { recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { roundingBound } from "../support/rounding.ts";
import { choices, type Collect, collect, numbers, smallCorpus, withFolder } from "../support/small_run.ts";

const corpus = await smallCorpus();
const train = (dir: string, options: Collect = {}) => collect(corpus, dir, options);

const smoke = (training: RecipeChanges["training"], seed = 0) =>
  recipe("sound", "smoke", { seed, split: { train: 0.5, validation: 0.3 }, training });

for (const model of ["BERT", "BERT-aug", "BERT-neighbor", "BERT-dropout"] as const) {
  Deno.test(`${model} stopped anywhere goes on to the same losses and weights, to the bit`, () =>
    withFolder(async (dir) => {
      const whole = await train(`${dir}/whole`, { model });
      assertEquals(whole.length, choices.training.steps);
      const first = await train(`${dir}/parts`, { model, stopAfter: 2 });
      const second = await train(`${dir}/parts`, { model, stopAfter: 2 });
      const third = await train(`${dir}/parts`, { model });
      assertEquals(numbers([...first, ...second, ...third]), numbers(whole));
      assertEquals(numbers(await trainingLog(`${dir}/parts`)), numbers(whole));
      assertEquals(
        await Deno.readFile(`${dir}/parts/model.safetensors`),
        await Deno.readFile(`${dir}/whole/model.safetensors`),
      );
    }));
}

Deno.test("a packed training stopped anywhere goes on to the same losses and weights, to the bit", () =>
  withFolder(async (dir) => {
    const packed = smoke({ packing: "rows", rowLengths: [128, 512], accumulate: 2 }), model = "BERT-neighbor";
    const whole = await train(`${dir}/whole`, { model, recipe: packed });
    const first = await train(`${dir}/parts`, { model, recipe: packed, stopAfter: 2 });
    const rest = await train(`${dir}/parts`, { model, recipe: packed });
    assertEquals(numbers([...first, ...rest]), numbers(whole));
    assertEquals(
      await Deno.readFile(`${dir}/parts/model.safetensors`),
      await Deno.readFile(`${dir}/whole/model.safetensors`),
    );
  }));

Deno.test("every second step is one of masked tokens alone, and NT-Xent weighs twice as much in the others", () =>
  withFolder(async (dir) => {
    const of = (every: number, weight: number) =>
      recipe("sound", "smoke", { split: { train: 0.5, validation: 0.3 }, contrast: { every, weight } });
    const model = "BERT-dropout", lazy = await train(`${dir}/lazy`, { model, recipe: of(2, 0.1) });
    assertEquals(lazy.map(({ contrast }) => contrast === null), lazy.map(({ step }) => step % 2 === 0));
    assertEquals(lazy.map(({ contrastAccuracy }) => contrastAccuracy === null), lazy.map(({ step }) => step % 2 === 0));
    const [each] = await train(`${dir}/each`, { model, recipe: of(1, 0.1), stopAfter: 1 }), [first, second] = lazy;
    assertEquals([first.masked, first.contrast], [each.masked, each.contrast]); // the same weights, batch and dropout
    const bound = roundingBound([3], 8);
    assertLess(Math.abs(each.loss - each.masked - 0.1 * each.contrast!), bound);
    assertLess(Math.abs(first.loss - first.masked - 0.2 * first.contrast!), bound);
    assertEquals(second.loss, second.masked);
    // Where NT-Xent weighs nothing, second views change nothing; Adam's first steps make roundings of it large.
    const without = await train(`${dir}/without`, { model: "BERT-neighbor", recipe: of(2, 0) });
    const alone = await train(`${dir}/alone`, { model: "BERT-neighbor", recipe: of(1, 0) });
    without.forEach(({ tokens, masked }, i) => {
      assertEquals(tokens, alone[i].tokens); // the same bars
      assertLess(Math.abs(masked - alone[i].masked), 1e-3);
    });
    const part = await train(`${dir}/parts`, { model, recipe: of(2, 0.1), stopAfter: 3 });
    const rest = await train(`${dir}/parts`, { model, recipe: of(2, 0.1) });
    assertEquals(numbers([...part, ...rest]), numbers(lazy));
  }));

Deno.test("training on few bars learns them, and leaves no tensor behind", () =>
  withFolder(async (dir) => {
    const learn = recipe("sound", "smoke", {
      split: { train: 0.5, validation: 0.3 },
      training: { steps: 60, learningRate: 5e-3, warmupSteps: 5, validateEvery: 60 },
    });
    const before = tensorCount();
    const logs = await train(dir, { recipe: learn });
    assertEquals(tensorCount(), before);
    const mean = (part: StepLog[]) => part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
    assertLess(Math.abs(logs[0].loss - Math.log(560)), 0.3); // an untrained model guesses all 560 alike
    assertLess(mean(logs.slice(-10)), 4.6);
  }));

Deno.test("the same recipe gives the same weights to the bit, and another seed gives others", () =>
  withFolder(async (dir) => {
    const weights = async (name: string, seed: number) => {
      await train(`${dir}/${name}`, { recipe: smoke({}, seed), model: "BERT-dropout" });
      return await Deno.readFile(`${dir}/${name}/model.safetensors`);
    };
    const first = await weights("first", 3);
    assertEquals(await weights("second", 3), first);
    assertNotEquals(await weights("other", 4), first);
  }));

Deno.test("a training's own seed decides all of its draws, and its validation stays the recipe's", () =>
  withFolder(async (dir) => {
    const choices = { keep: "last" as const }, model = "BERT-dropout";
    const own = await train(`${dir}/own`, { recipe: smoke(choices, 3), model, seed: 4 });
    const other = await train(`${dir}/other`, { recipe: smoke(choices, 4), model });
    assertEquals(own.map(({ loss }) => loss), other.map(({ loss }) => loss));
    assertEquals(
      await Deno.readFile(`${dir}/own/model.safetensors`),
      await Deno.readFile(`${dir}/other/model.safetensors`),
    );
    const trained = await loadCheckpoint(`${dir}/own`), measured = smoke({}, 3);
    const bars = barsToEvaluate(corpus, "validation", measured);
    const { loss } = await evaluateMasked(trained, corpus, bars, measured, own.length);
    trained.weights.dispose();
    assertEquals(own.at(-1)!.validation!.loss, loss);
    assertNotEquals(other.at(-1)!.validation!.loss, loss);
  }));

Deno.test("a loss that explodes stops the run with step, bars and the last good state, which stays whole", () =>
  withFolder(async (dir) => {
    const wild = smoke({ learningRate: 30, warmupSteps: 1, validateEvery: 1 });
    const logs: StepLog[] = [];
    const run = async () => {
      for (const log of await train(dir, { recipe: wild })) logs.push(log);
    };
    const error = await assertRejects(run, DivergedError);
    const { step } = (await trainingLog(dir)).at(-1)!, folder = `${dir}/training/step-${String(step).padStart(7, "0")}`;
    assert(error.message.includes(`step ${step + 1}: loss is`), error.message);
    assert(/above 3 times the first step's 6\.\d\d/.test(error.message), error.message);
    assert(error.message.includes(folder), error.message);
    const named = [...error.message.matchAll(/(d_\w+\.mid) ([\d, ]+\d)/g)];
    const batch = named.flatMap(([, file, bars]) => bars.split(", ").map((bar) => [file, Number(bar)]));
    const bars = Array.from(
      corpus.barsOf("train"),
      (bar) => [corpus.songs[corpus.song(bar)].file, corpus.barIndex(bar)],
    );
    assert(batch.length >= 2 && batch.every(([file, bar]) => bars.some(([f, b]) => f === file && b === bar)));
    const model = await loadCheckpoint(folder);
    assert(model.weights.dataSync<"float32">().every(Number.isFinite));
    model.weights.dispose();
    assertEquals((await assertRejects(run, DivergedError)).message, error.message); // it went on from that state
    await train(`${dir}/stopped`, { recipe: wild, stopAfter: step });
    const bytes = (path: string) => Deno.readFile(`${path}/model.safetensors`);
    assertEquals(await bytes(folder), await bytes(`${dir}/stopped/training/step-${String(step).padStart(7, "0")}`));
  }));

Deno.test("a number that is none stops the run before it is kept", () =>
  withFolder(async (dir) => {
    const steep = { warmupSteps: 1, validateEvery: 1, explosion: 0 };
    const training = () => train(`${dir}/a`, { recipe: smoke({ ...steep, validateEvery: 6, learningRate: 1e30 }) });
    await assertRejects(training, DivergedError, "step 2: loss is NaN; no state was saved before");
    const validation = () => train(`${dir}/b`, { recipe: smoke({ ...steep, learningRate: 1e30 }) });
    const error = await assertRejects(validation, DivergedError, "step 1: the validation loss after it is NaN");
    assert(error.message.includes("no state was saved before"), error.message);
  }));

Deno.test("a training ends when validation gains no more, wherever it was stopped before", () =>
  withFolder(async (dir) => {
    const rough = { steps: 24, learningRate: 0.1, warmupSteps: 1, validateEvery: 1, explosion: 0 };
    const whole = await train(`${dir}/whole`, { recipe: smoke(rough) });
    const losses = whole.map(({ validation }) => validation!.loss);
    /** After how many validations it ends. */
    const endOf = (leastGain: number) => {
      for (let end = 0, reference = Infinity, waited = 0;; end++) {
        if (waited === 3 || end === losses.length) return end;
        waited = losses[end] < reference - leastGain ? 0 : waited + 1;
        if (waited === 0) reference = losses[end];
      }
    };
    // a gain that decides: with more of it the run ends earlier, and a loss that rises by as much is none
    const leastGain = [0.01, 0.02, 0.05, 0.1, 0.2].find((gain) =>
      endOf(gain) > 4 && endOf(gain) < endOf(0) && endOf(-gain) !== endOf(gain)
    );
    assert(leastGain !== undefined, `${losses}`);
    const end = endOf(leastGain), rule = { patience: 3, leastGain };
    const early = { recipe: smoke({ ...rough, ...rule }) };
    const parts = [await train(`${dir}/early`, { ...early, stopAfter: end - 2 }), await train(`${dir}/early`, early)];
    assertEquals(numbers(parts.flat()), numbers(whole.slice(0, end)));
    assertEquals(parts.flat().map(({ final }) => final), whole.slice(0, end).map((_, i) => i === end - 1));
    assertEquals(await train(`${dir}/early`, early), []);
    const model = await loadCheckpoint(`${dir}/early`);
    const bars = barsToEvaluate(corpus, "validation", choices);
    const { loss } = await evaluateMasked(model, corpus, bars, choices);
    assertEquals(loss, Math.min(...losses.slice(0, end)));
    model.weights.dispose();
  }));

Deno.test("a corpus without validation bars is refused where they are needed, and trains on where they are not", () =>
  withFolder(async (dir) => {
    const split = { train: 0.5, validation: 0 };
    const best = recipe("sound", "smoke", { split }),
      last = recipe("sound", "smoke", { split, training: { keep: "last" } });
    const none = await smallCorpus(["d_adrian", "d_betwee", "d_bunny"], best);
    const run = () => collect(none, `${dir}/best`, { recipe: best });
    await assertRejects(run, UserError, "Expected bars of validation songs, as the recipe keeps the best weights");
    const logs = await collect(none, `${dir}/last`, { recipe: last });
    assert(logs.length === last.training.steps && logs.every(({ validation }) => validation === undefined));
    (await loadCheckpoint(`${dir}/last`)).weights.dispose();
  }));

Deno.test("a folder that cannot be made is named before the first step", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/file`, "");
    const error = await assertRejects(() => train(`${dir}/file/model`), UserError, "The training could not be saved: ");
    const parts = [`${dir}/file/model/training could not be written`, "No state was saved yet", "the folder writable"];
    for (const part of parts) assert(error.message.includes(part), error.message);
  }));

Deno.test("a thousand steps need no more memory, tensors or handles than the first", () =>
  withFolder(async (dir) => {
    const tiny = recipe("sound", "smoke", {
      split: { train: 0.5, validation: 0.3 },
      tokens: { maxTokens: 64 },
      model: { layers: 1, hidden: 8, heads: 1, intermediate: 8, maxPositions: 64 },
      training: { steps: 1000, batchTokens: 128, buckets: [64], validateEvery: 200, validationBars: 4 },
    });
    const short = await smallCorpus(undefined, tiny);
    const logs = await collect(short, dir, { recipe: tiny });
    assertEquals(logs.length, 1000);
    const counts = (field: "tensors" | "handles") => [...new Set(logs.map(({ memory }) => memory[field]))];
    assertEquals([counts("tensors").length, counts("handles").length], [1, 1]);
    const resident = (from: number) => {
      const part = logs.slice(from, from + 100).map(({ memory }) => memory.resident).sort((a, b) => a - b);
      return part[50];
    };
    assertLess(resident(900) - resident(100), 48);
    assert(logs.every(({ tokensPerSecond }) => tokensPerSecond > 0));
  }));

Deno.test("a run that accumulates batches goes on to the same losses and weights, to the bit", () =>
  withFolder(async (dir) => {
    const training = { ...choices.training, accumulate: 3 }, several = { ...choices, training };
    const whole = await train(`${dir}/whole`, { recipe: several });
    const first = await train(`${dir}/parts`, { recipe: several, stopAfter: 2 });
    const second = await train(`${dir}/parts`, { recipe: several });
    assertEquals(numbers([...first, ...second]), numbers(whole));
    assert(whole[0].tokens > 2 * (await train(`${dir}/plain`))[0].tokens);
  }));
