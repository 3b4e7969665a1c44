/**
 * Which element type a training's products have: what the recipe says, or under `auto` the faster one on this machine.
 * @module
 */
import { bertConfig } from "../../bert/config.ts";
import { createBert } from "../../bert/parameters.ts";
import { bfloat16Problem } from "../../engine/library.ts";
import { engineInfo, tf } from "../../engine/mod.ts";
import type { Precision } from "../../engine/ops.ts";
import type { Tensor } from "../../engine/types.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { chosenTokens, rowsOf, toTensors } from "../batches.ts";
import { adamWScalars } from "../optimizer/adamw.ts";
import { decayMask, trainingStep } from "../training_step.ts";

/**
 * What `training.precision` came to, and why, in words. Where both types were measured, `milliseconds` has the median
 * time of a training step of two layers in each.
 */
export type PrecisionChoice = { precision: Precision; reason: string; milliseconds?: Record<Precision, number> };

/** bfloat16 must take at most this share of float32's time: it is less exact, and a smaller gain may be noise. */
const WORTH_IT = 0.95;

/** Products of a measured step, in operations; a step of `small` has fewer, one of `base` is cut to fewer rows. */
const OPERATIONS = 2e10;

/** Each type is measured for so many milliseconds, warm, and at least three times. */
const ENOUGH = 500;

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** A training step of two layers on rows of one length, in one precision; each call is one step, timed. */
function timedStep(recipe: Recipe, precision: Precision) {
  const layers = Math.min(2, recipe.model.layers), { buckets, islands } = recipe.training;
  const own: Recipe = {
    ...recipe,
    model: { ...recipe.model, layers },
    training: { ...recipe.training, precision, islands },
  };
  const config = bertConfig(own), length = buckets[buckets.length >> 1], { hidden, intermediate } = config;
  const most = OPERATIONS / (6 * layers * (4 * hidden * hidden + 2 * hidden * intermediate) * length);
  const rows = Math.max(2, Math.min(rowsOf(length, own.training), Math.floor(most)));
  const grid = chosenTokens(Array.from({ length: rows }, () => ({ positions: [1, 2], labels: [4, 5] })), length, 2);
  const ids = Int32Array.from({ length: rows * length }, (_, i) => 4 + i % (config.vocabularySize - 4));
  const batch = toTensors({ rows, length, ids, lengths: Array(rows).fill(length), ...grid });
  const step = trainingStep("BERT", config, own), { weights } = createBert(config, 0);
  const fixed = [adamWScalars(own.training, 1, 0), tf.tensor1d([0, 0], "int32"), decayMask(config), ...batch];
  let state: Tensor[] = [weights, tf.zerosLike(weights), tf.zerosLike(weights)];
  return {
    async run(): Promise<number> {
      const start = performance.now(), outputs = await step(...state, ...fixed);
      await outputs[3].data();
      tf.dispose([...state, ...outputs.slice(3)]);
      state = outputs.slice(0, 3);
      return performance.now() - start;
    },
    dispose: () => tf.dispose([...state, ...fixed]),
  };
}

/** Milliseconds of a step in each type, measured by turns so that other work on the machine slows both. */
async function measure(recipe: Recipe): Promise<Record<Precision, number> & { ratio: number }> {
  const [exact, short] = [timedStep(recipe, "float32"), timedStep(recipe, "bfloat16")];
  const times: [number[], number[]] = [[], []];
  for (const { run } of [exact, short]) await run(); // traces and compiles
  for (let spent = 0; spent < 2 * ENOUGH || times[0].length < 3;) {
    const [a, b] = [await exact.run(), await short.run()];
    times[0].push(a), times[1].push(b);
    spent += a + b;
  }
  exact.dispose(), short.dispose();
  const ratio = median(times[1].map((time, i) => time / times[0][i]));
  return { float32: median(times[0]), bfloat16: median(times[1]), ratio };
}

/** Why the engine here has float32 alone; undefined if it has bfloat16, too. */
export function float32Alone(): string | undefined {
  const { engine } = engineInfo();
  if (engine === "WebGPU") return "WebGPU has no other";
  return engine === "libtensorflow" && bfloat16Problem() ? "TensorFlow offers no other here" : undefined;
}

/**
 * The element type of a training's products: the recipe's, or under `auto` bfloat16 on a GPU, and on a CPU the one that
 * {@link PrecisionChoice} measured as faster, which takes a second. Encoders and engines without bfloat16 have float32.
 */
export async function choosePrecision(recipe: Recipe): Promise<PrecisionChoice> {
  const { precision } = recipe.training, alone = float32Alone();
  if (precision !== "auto") return { precision, reason: "as the recipe says" };
  const exact = (reason: string): PrecisionChoice => ({ precision: "float32", reason });
  if (recipe.model.encoder !== "bert") return exact("the authors' encoder has no other");
  if (alone) return exact(alone);
  if (engineInfo().device === "GPU") return { precision: "bfloat16", reason: "on a GPU" };
  const { ratio, ...milliseconds } = await measure(recipe), isFaster = ratio <= WORTH_IT;
  const times = (["float32", "bfloat16"] as const).map((type) => `${milliseconds[type].toFixed(0)} ms in ${type}`);
  return {
    precision: isFaster ? "bfloat16" : "float32",
    reason: `${isFaster ? "the faster" : "bfloat16 is no faster"} here: a step of two layers took ${times.join(", ")}`,
    milliseconds,
  };
}
