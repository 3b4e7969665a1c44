/**
 * What is compared between engines: training steps of the four models on the same songs, from the same weights, with
 * dropout on. libtensorflow's answers are the golden ones.
 * @module
 */
import { fileURLToPath } from "node:url";
import type { BertConfig } from "@lib/bert/config.ts";
import { type ModelName, modelNames } from "@lib/bert/variants.ts";
import { stream } from "@lib/base/random.ts";
import { readTextIfThere, writeFile } from "@lib/base/files.ts";
import type { Corpus } from "@lib/corpus/store.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import type { Batch } from "@lib/training/batches.ts";

/** A model at a scale's size. */
export type Case = { model: ModelName; scale: "demo" | "small" };

/** Everything that is compared: the four models at two sizes, the smaller one first. */
export const cases: Case[] = (["demo", "small"] as const).flatMap((scale) =>
  modelNames.map((model) => ({ model, scale }))
);

/** Steps of each case. */
export const STEPS = 20;

/** A case's name, such as `BERT-aug small`. */
export const caseName = ({ model, scale }: Case): string => `${model} ${scale}`;

/**
 * What the steps of a case print: loss, MLM loss, NT-Xent, its accuracy, gradient norm, and how many tokens were guessed.
 * `same`: each step from weights of its own; `free`: each from the one before.
 */
export type Answer = Record<"same" | "free", number[][]> & { seconds: number[] };

/** Golden answers; `other` are the free steps' without oneDNN, which adds in another order. */
export type Golden = Record<string, Answer & { other: number[][] }>;

/** The choices of a case: float32, dropout on in every model, one length, 2,048 tokens of first views. */
export const choicesOf = ({ scale }: Case): Recipe =>
  recipe("sound", scale, {
    model: { dropout: 0.1 },
    training: {
      ...{ precision: "float32", islands: false, buckets: [128, 512], batchTokens: 2048, batchRows: 16 },
      ...{ steps: 200, learningRate: 1e-3, warmupSteps: 5, decay: "linear", clipNorm: 1 },
    },
  });

/** Weights of a step: fresh ones by its number, and at odd steps noise on every value, so that none is left at 0 or 1. */
export function weightsOf(fresh: Float32Array, number: number): Float32Array {
  if (number % 2 === 0) return fresh;
  const { uniform } = stream(number, "noise");
  return fresh.map((value) => value + 0.1 * (uniform() - 0.5));
}

/** The first batches of a case that have the shorter of its two lengths, so that one shape is compiled. */
export async function batchesOf(corpus: Corpus, { model, scale }: Case): Promise<Batch[]> {
  const { bucketBatch, bucketPlans } = await import("@lib/training/batches.ts");
  const choices = choicesOf({ model, scale }), plans = bucketPlans(corpus, choices, model), batches: Batch[] = [];
  while (batches.length < STEPS) {
    const plan = plans.next().value;
    if (plan.length === choices.training.buckets[0]) batches.push(bucketBatch(corpus, plan, choices, model));
  }
  return batches;
}

/** A case's steps on the engine of this process; `onStep` is called after each. */
export async function answerOf(
  corpus: Corpus,
  which: Case,
  onStep: (step: number) => void = () => {},
): Promise<Answer> {
  const { tf } = await import("@lib/engine/mod.ts");
  const { bertConfig } = await import("@lib/bert/config.ts"), { createBert } = await import("@lib/bert/parameters.ts");
  const { toTensors } = await import("@lib/training/batches.ts");
  const { adamWScalars, learningRate } = await import("@lib/training/optimizer/adamw.ts");
  const { decayMask, optimizerStep } = await import("@lib/training/training_step.ts");
  const choices = choicesOf(which), { training } = choices, config: BertConfig = bertConfig(choices);
  const step = optimizerStep(which.model, config, choices), mask = decayMask(config);
  const batches = await batchesOf(corpus, which), answer: Answer = { same: [], free: [], seconds: [] };
  const fresh = (number: number, vary: boolean) => {
    const model = createBert(config, number), values = model.weights.dataSync<"float32">().slice();
    model.weights.dispose();
    const weights = tf.tensor1d(vary ? weightsOf(values, number) : values);
    return [weights, tf.zerosLike(weights), tf.zerosLike(weights)] as Parameters<typeof step>[0];
  };
  for (const kind of ["same", "free"] as const) {
    let state = fresh(0, kind === "same");
    for (const [i, batch] of batches.entries()) {
      const begun = performance.now(), scalars = adamWScalars(training, i + 1, learningRate(training, i + 1));
      const stepped = await step(state, [toTensors(batch)], scalars, [[7, i + 1]], mask);
      answer[kind].push([...stepped.numbers, stepped.correct[0].reduce((sum, x, k) => sum + x * batch.weights[k], 0)]);
      answer.seconds.push((performance.now() - begun) / 1000);
      onStep(answer.seconds.length);
      state = stepped.state;
      if (kind === "free" || i === STEPS - 1) continue;
      tf.dispose(state);
      state = fresh(i + 1, true);
    }
    tf.dispose(state);
  }
  mask.dispose();
  return answer;
}

/** The largest relative difference of the numbers at `place` of steps, and the step where it is. */
export function furthest(ours: number[][], theirs: number[][], place: number): { difference: number; step: number } {
  return ours.reduce((most, numbers, i) => {
    const [a, b] = [numbers[place], theirs[i][place]];
    const difference = a === b ? 0 : Math.abs(a - b) / Math.abs(b);
    return difference <= most.difference ? most : { difference, step: i + 1 };
  }, { difference: 0, step: 0 });
}

/** Answers of libtensorflow on the CPU in a process of its own. */
async function answersApart(store: string, env: Record<string, string>): Promise<Record<string, Answer>> {
  const args = ["run", "--quiet", "-A", ...Deno.mainModule.endsWith("bundle.ts") ? runOptions() : []];
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args, fileURLToPath(import.meta.url), store],
    env: { ENGINE: "cpu", TF_CPP_MIN_LOG_LEVEL: "3", ...env },
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  if (!success) throw new Error("The golden losses could not be made.");
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The options by which this process finds its modules: an import map, if the variable IMPORT_MAP names one. */
function runOptions(): string[] {
  const map = Deno.env.get("IMPORT_MAP");
  return map === undefined ? [] : [`--import-map=${map}`];
}

/** The golden losses of a store as JSON, from `file` if they are there; else they are made and kept there. */
export async function goldenOf(store: string, file: string): Promise<string> {
  const there = await readTextIfThere(file);
  if (there !== undefined) return there;
  const golden = await answersApart(store, {}), other = await answersApart(store, { TF_ENABLE_ONEDNN_OPTS: "0" });
  const both = Object.entries(golden).map(([name, answer]) => [name, { ...answer, other: other[name].free }]);
  const text = JSON.stringify(Object.fromEntries(both));
  await writeFile(file, text);
  return text;
}

if (import.meta.main) {
  const { openCorpus } = await import("@lib/corpus/store_reader.ts");
  const corpus = await openCorpus(Deno.args[0]), answers: Record<string, Answer> = {};
  for (const which of cases) answers[caseName(which)] = await answerOf(corpus, which);
  console.log(JSON.stringify(answers));
}
