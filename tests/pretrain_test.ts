import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { CheckpointError, loadCheckpoint } from "@lib/checkpoint.ts";
import { buildCorpus, type Corpus, openCorpus } from "@lib/corpus.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { contrastPlans, evaluateContrast, evaluateMasked, guessMostCommon } from "@lib/evaluation.ts";
import { learningRate } from "@lib/optimizer.ts";
import { pretrain, type StepLog, trainingLog } from "@lib/pretrain.ts";
import { type Recipe, recipe } from "@lib/recipe.ts";
import { kinds } from "@lib/vocabulary.ts";

const choices = recipe("sound", "smoke", { split: { train: 0.5, validation: 0.3 } });

const corpus: Corpus = await (async () => {
  const source = await Deno.makeTempDir(), dir = await Deno.makeTempDir();
  for (const name of ["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd", "d_e1m1"]) {
    await Deno.copyFile(new URL(`../data/freedoom/${name}.mid`, import.meta.url), `${source}/${name}.mid`);
  }
  await buildCorpus(source, dir, choices);
  const opened = await openCorpus(dir);
  await Deno.remove(source, { recursive: true });
  await Deno.remove(dir, { recursive: true });
  return opened;
})();

async function collect(
  dir: string,
  { model = "BERT", recipe = choices, stopAfter = Infinity }: {
    model?: "BERT" | "BERT-aug" | "BERT-neighbor" | "BERT-dropout";
    recipe?: Recipe;
    stopAfter?: number;
  } = {},
): Promise<StepLog[]> {
  const logs: StepLog[] = [], controller = new AbortController();
  for await (const log of pretrain({ corpus, recipe, model, dir, signal: controller.signal })) {
    logs.push(log);
    if (logs.length === stopAfter) controller.abort();
  }
  return logs;
}

const withFolder = async (test: (dir: string) => Promise<void>) => {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
};
const numbers = (logs: StepLog[]) => logs.map(({ loss, accuracy, validation }) => [loss, accuracy, validation?.loss]);

for (const model of ["BERT", "BERT-aug", "BERT-neighbor", "BERT-dropout"] as const) {
  Deno.test(`${model} stopped anywhere goes on to the same losses and weights, to the bit`, () =>
    withFolder(async (dir) => {
      const whole = await collect(`${dir}/whole`, { model });
      assertEquals(whole.length, choices.training.steps);
      const first = await collect(`${dir}/parts`, { model, stopAfter: 2 });
      const second = await collect(`${dir}/parts`, { model, stopAfter: 2 });
      const third = await collect(`${dir}/parts`, { model });
      assertEquals(numbers([...first, ...second, ...third]), numbers(whole));
      assertEquals(numbers(await trainingLog(`${dir}/parts`)), numbers(whole));
      assertEquals(
        await Deno.readFile(`${dir}/parts/model.safetensors`),
        await Deno.readFile(`${dir}/whole/model.safetensors`),
      );
    }));
}

Deno.test("training on few bars learns them, and leaves no tensor behind", () =>
  withFolder(async (dir) => {
    const learn = recipe("sound", "smoke", {
      split: { train: 0.5, validation: 0.3 },
      training: { steps: 60, learningRate: 5e-3, warmupSteps: 5, validateEvery: 60 },
    });
    const before = tensorCount();
    const logs = await collect(dir, { recipe: learn });
    assertEquals(tensorCount(), before);
    const mean = (part: StepLog[]) => part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
    assertLess(Math.abs(logs[0].loss - Math.log(560)), 0.3); // an untrained model guesses all 560 alike
    assertLess(mean(logs.slice(-10)), 4.6);
  }));

Deno.test("a folder with another run is refused, and what differs is named", () =>
  withFolder(async (dir) => {
    await collect(dir, { stopAfter: 1 });
    const other = recipe("sound", "smoke", { split: { train: 0.5, validation: 0.3 }, masking: { rate: 0.2 } });
    const error = await assertRejects(() => collect(dir, { recipe: other }), CheckpointError);
    assert(error.message.includes("recipe.masking.rate (0.15, now 0.2)"), error.message);
    assertEquals((await collect(dir)).length, choices.training.steps - 1); // and nothing was lost
  }));

Deno.test("a damaged checkpoint is refused by name", () =>
  withFolder(async (dir) => {
    await collect(dir);
    const path = `${dir}/model.safetensors`, bytes = await Deno.readFile(path);
    bytes[bytes.length - 5] ^= 1;
    await Deno.writeFile(path, bytes);
    await assertRejects(() => loadCheckpoint(dir), CheckpointError, "model.safetensors is damaged");
    await Deno.writeFile(path, bytes.subarray(0, 100));
    await assertRejects(() => loadCheckpoint(dir), CheckpointError, path);
    await Deno.remove(path);
    await assertRejects(() => loadCheckpoint(dir), CheckpointError, path);
  }));

Deno.test("BERT-dropout's views are the same in evaluation mode, and differ with dropout on", () =>
  withFolder(async (dir) => {
    await collect(dir, { model: "BERT-dropout" });
    const model = await loadCheckpoint(dir);
    const still = await evaluateContrast(model, "BERT-dropout", corpus, "train", choices);
    const dropping = await evaluateContrast(model, "BERT-dropout", corpus, "train", choices, { dropout: true });
    assertEquals(still.accuracy, 1);
    assertLess(dropping.accuracy, 1); // after six steps all bars are much alike, and the dropped views are told apart no more
    assert(dropping.loss !== still.loss);
    assertLess(Math.abs(still.chance - 1 / (2 * still.rows - 1)), 1e-12);
    model.weights.dispose();
  }));

Deno.test("validation batches of NT-Xent hold one bar of a song at most", () => {
  for (const plan of contrastPlans(corpus, "train", choices, 2)) {
    assertEquals(new Set(plan.map((bar) => corpus.song(bar))).size, 2);
  }
});

Deno.test("the guess without a model is each kind's most common training token", () => {
  const bars = Array.from(corpus.barsOf("validation")).slice(0, 40);
  const score = guessMostCommon(corpus, bars, choices);
  const count = (split: "train" | "validation", id: number) =>
    corpus.barsOf(split).reduce((n, bar) => n + corpus.tokens(bar).filter((held) => held === id).length, 0);
  const ids = Array.from({ length: kinds.Instrument.count }, (_, i) => kinds.Instrument.first + i);
  const common = ids.reduce((a, b) => count("train", b) > count("train", a) ? b : a);
  const instruments = bars.flatMap((bar) => Array.from(corpus.tokens(bar))).filter((id) => ids.includes(id));
  const share = instruments.filter((id) => id === common).length / instruments.length;
  const guessed = score.byKind.get("Instrument")!;
  assertLess(Math.abs(guessed.correct / guessed.count - share), 5 * Math.sqrt(0.25 / guessed.count));
  assertEquals([...score.byKind.values()].reduce((sum, { count }) => sum + count, 0), score.count);
});

Deno.test("evaluation with fixed masks gives the same numbers again", () =>
  withFolder(async (dir) => {
    await collect(dir);
    const model = await loadCheckpoint(dir), bars = Array.from(corpus.barsOf("validation")).slice(0, 10);
    const [a, b] = [
      await evaluateMasked(model, corpus, bars, choices),
      await evaluateMasked(model, corpus, bars, choices),
    ];
    assertEquals(a, b);
    model.weights.dispose();
  }));

Deno.test("the learning rate warms up, peaks and decays as the recipe says", () => {
  const { training } = recipe("sound", "demo", {
    training: { steps: 100, warmupSteps: 10, learningRate: 1, decay: "linear" },
  });
  assertEquals([1, 5, 10].map((step) => learningRate(training, step)), [0.1, 0.5, 1]);
  assertLess(learningRate(training, 100), 0.02);
  assertEquals(learningRate({ ...training, decay: "inverse-sqrt" }, 40), 0.5);
  assertEquals(learningRate({ ...training, decay: "none" }, 90), 1);
});
