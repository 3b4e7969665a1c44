/**
 * Training steps in a process of their own, on the engine that `ENGINE` names: `corpus folder, cases`, the cases as JSON
 * of [encoder, model], `evaluate` if the trained model is evaluated, too. The recipe beside the corpus folder, under
 * its name and `.json`, says all else. Prints one line of JSON, a {@link StepsReport}.
 * @module
 */
import { padRows, toTensors, trainingBatch, trainingPlans } from "@lib/training/batches.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { encodePooled } from "@lib/bert/pooling.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { engineInfo, tensorCount, tf } from "@lib/engine/mod.ts";
import type { EngineInfo, Tensor } from "@lib/engine/types.ts";
import { evaluateContrast } from "@lib/training/contrast_evaluation.ts";
import { evaluateMasked } from "@lib/training/masked_evaluation.ts";
import { decayMask, trainingStep } from "@lib/training/training_step.ts";
import type { ModelName } from "@lib/bert/variants.ts";
import { adamWScalars, learningRate } from "@lib/training/optimizer/adamw.ts";
import { type Recipe, validateRecipe } from "@lib/recipe/recipe.ts";

/** An encoder and a model. */
export type Case = [Recipe["model"]["encoder"], ModelName];

/** What the child prints. */
export interface StepsReport {
  info: EngineInfo;
  cases: {
    /** Of each step: loss, masked, contrast, contrast accuracy, gradient norm. */
    numbers: number[][];
    /** Bar embeddings before the first step, every layer. */
    bars: number[];
    /** Where it was asked for: the trained model's masked loss and accuracy on validation bars, NT-Xent on training bars. */
    evaluated: number[];
    /** Tensors and buffers left over. */
    left: { tensors: number; handles: number };
    seconds: number;
  }[];
}

type Trained = Pick<StepsReport["cases"][0], "numbers" | "bars" | "evaluated">;

async function train(dir: string, [encoder, model]: Case, evaluate: boolean): Promise<Trained> {
  const corpus = await openCorpus(dir);
  const stored = validateRecipe(JSON.parse(await Deno.readTextFile(`${dir}.json`)));
  const recipe: Recipe = { ...stored, model: { ...stored.model, encoder } };
  const config = bertConfig(recipe), { training } = recipe;
  const { weights } = createBert(config, 1);
  const rows = Array.from(corpus.barsOf("train").slice(0, 3), (bar) => corpus.tokens(bar));
  const lengths = rows.map((tokens) => tokens.length);
  const [bars] = await encodePooled({ config, weights }, padRows(rows, Math.max(...lengths)), lengths, ["bar"]);
  let state: Tensor[] = [weights, tf.zerosLike(weights), tf.zerosLike(weights)];
  const step = trainingStep(model, config, recipe), spared = decayMask(config);
  const plans = trainingPlans(corpus, recipe, model), numbers: number[][] = [];
  for (let number = 1; number <= training.steps; number++) {
    const inputs = toTensors(trainingBatch(corpus, plans.next().value, recipe, model));
    const scalars = adamWScalars(training, number, learningRate(training, number));
    const seed = tf.tensor1d([recipe.seed, number], "int32");
    const outputs = await step(...state, scalars, seed, spared, ...inputs);
    numbers.push(Array.from(outputs[3].dataSync()));
    tf.dispose([...state, scalars, seed, ...inputs, outputs[3], outputs[4]]);
    state = outputs.slice(0, 3);
  }
  const trained = { config, weights: state[0] }, evaluated: number[] = [];
  if (evaluate) {
    const masked = await evaluateMasked(trained, corpus, [...corpus.barsOf("validation")], recipe);
    const contrast = await evaluateContrast(trained, model, corpus, "train", recipe);
    evaluated.push(masked.loss, masked.accuracy, contrast.loss);
  }
  tf.dispose([...state, spared]);
  return { numbers, bars: Array.from(bars), evaluated };
}

if (import.meta.main) {
  const [dir, cases, evaluate] = Deno.args;
  const report: StepsReport = { info: engineInfo(), cases: [] };
  for (const each of JSON.parse(cases) as Case[]) {
    const before = tensorCount(), start = performance.now();
    const trained = await train(dir, each, evaluate === "evaluate"), after = tensorCount();
    const left = { tensors: after.tensors - before.tensors, handles: after.handles - before.handles };
    report.cases.push({ ...trained, left, seconds: (performance.now() - start) / 1000 });
  }
  console.log(JSON.stringify(report));
}
