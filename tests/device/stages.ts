/**
 * What runs on the device, one thing a process: `stages.ts smoke | equality CASE | speed SPEC SECONDS |
 * warm STUDY MODEL LENGTH | corpus STUDY | job STUDY NAME | race NAME`.
 *
 * Each measurement is one line of JSON on the standard output as soon as it is taken; device.py collects them.
 * @module
 */
const begun = performance.now();
import { fileURLToPath } from "node:url";
import { productOperations } from "../support/operations.ts";
import { answerOf, type Case, caseName, cases, choicesOf, furthest, type Golden } from "./cases.ts";
import { stream } from "@lib/base/random.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { type ModelName, modelNames } from "@lib/bert/variants.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const seconds = (from: number) => Math.round(performance.now() - from) / 1000;
const say = (measure: object) => console.log(JSON.stringify(measure));

const golden = (): Golden => JSON.parse(Deno.readTextFileSync(`${root}golden.json`));
const songs = () => openCorpus(`${root}data/corpora/freedoom`);

/** The engine of this process, and how long it took to load it. */
async function openEngine() {
  const engine = await import("@lib/engine/mod.ts"),
    { engine: name, version, device, devices, notes } = engine.engineInfo();
  return { ...engine, facts: { engine: name, version, device, devices, notes, loaded: seconds(begun) } };
}

/** The engine starts, an op is right, and a step compiles and gives the golden loss. */
async function smoke(): Promise<void> {
  const { tf, facts } = await openEngine();
  say({ what: "engine", ...facts });
  const start = performance.now(), product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5], [6]]));
  const values = Array.from(await product.data());
  say({ what: "op", seconds: seconds(start), values, right: values.join() === "17,39" });
  const which = cases[0], from = performance.now(), times: number[] = [], theirs = golden()[caseName(which)];
  const answer = await answerOf(await songs(), which, () => times.push(seconds(from)));
  const { difference } = furthest(answer.same.slice(0, 1), theirs.same, 0);
  say({ what: "step", case: caseName(which), first: times[0], all: times.at(-1), loss: answer.same[0][0], difference });
}

/** One case's steps beside the golden ones. */
async function equality(name: string): Promise<void> {
  const which = cases.find((known) => caseName(known) === name) as Case, theirs = golden()[name];
  await openEngine();
  const ours = await answerOf(await songs(), which), [first, ...rest] = ours.seconds;
  const sorted = rest.toSorted((a, b) => a - b), loss = furthest(ours.same, theirs.same, 0);
  const gradient = furthest(ours.same, theirs.same, 4), worst = Math.max(loss.difference, gradient.difference);
  const drift = (other: number[][]) => furthest(other, theirs.free, 0).difference;
  say({
    ...{ what: "equality", case: name, loss, gradient, equal: worst <= 1e-5 },
    guessed: ours.same.filter((numbers, i) => numbers[5] !== theirs.same[i][5]).length,
    ...{ drift: drift(ours.free), allowed: 2 * drift(theirs.other), compile: first, step: sorted[sorted.length >> 1] },
    numbers: ours,
  });
}

/** A speed to measure: `small bfloat16 16384 BERT`: scale, precision, tokens of first views in a batch, model. */
type Spec = { scale: "smoke" | "small" | "base"; precision: "float32" | "bfloat16"; tokens: number; model: ModelName };

function specOf(text: string): Spec {
  const [scale, precision, tokens, model] = text.split(" ");
  return { scale, precision, tokens: Number(tokens), model } as Spec;
}

/** Tokens of a row, all of them real. */
const LENGTH = 256;

/** Tokens of a packed row, and of the longest bar. */
const LONGEST = 512;

/** A training step on rows of random tokens, every one full. */
async function fullStep({ scale, precision, tokens, model }: Spec) {
  const { tf } = await openEngine(), { createBert, parameterCount } = await import("@lib/bert/parameters.ts");
  const { toTensors } = await import("@lib/training/batches.ts");
  const { adamWScalars } = await import("@lib/training/optimizer/adamw.ts");
  const { decayMask, trainingStep } = await import("@lib/training/training_step.ts");
  const { variants } = await import("@lib/bert/variants.ts");
  const choices: Recipe = recipe("sound", scale, { training: { precision, islands: false } }),
    config = bertConfig(choices);
  const rows = tokens / LENGTH, views = variants[model].view === "none" ? rows : 2 * rows;
  const most = Math.round(0.15 * LENGTH), size = parameterCount(config), step = trainingStep(model, config, choices);
  const draws = stream(1, "speed"), ids = Int32Array.from({ length: views * LENGTH }, () => 4 + draws.integer(556));
  const places = Int32Array.from({ length: rows * most }, (_, i) => {
    return Math.floor(i / most) * LENGTH + Math.floor((i % most) * LENGTH / most);
  });
  const chosen = {
    positions: places,
    labels: places.map((place) => ids[place]),
    weights: new Float32Array(places.length).fill(1),
  };
  const batch = toTensors({ rows, length: LENGTH, ids, lengths: Array(views).fill(LENGTH), ...chosen });
  let state = [createBert(config, 0).weights, tf.zeros([size]), tf.zeros([size])], number = 0;
  const mask = decayMask(config);
  return {
    operations: productOperations(config, rows, LENGTH),
    parameters: size,
    /** Some steps, one after the other; their numbers are read after each, or after the last. */
    async run(count: number, eachRead: boolean): Promise<number[]> {
      let numbers: number[] = [];
      for (let i = 0; i < count; i++) {
        const scalars = adamWScalars(choices.training, ++number, 1e-4), seed = tf.tensor1d([0, number], "int32");
        const outputs = await step(...state, scalars, seed, mask, ...batch);
        if (eachRead || i === count - 1) numbers = Array.from(await outputs[3].data());
        tf.dispose([...state, scalars, seed, ...outputs.slice(3)]);
        state = outputs.slice(0, 3);
      }
      return numbers;
    },
  };
}

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** Tokens a second of a spec; with `compileOnly` its executable is made and kept, for the process that measures. */
async function speed(text: string, limit: number): Promise<void> {
  const spec = specOf(text), step = await fullStep(spec), start = performance.now();
  const first = await step.run(1, true); // the same in every run, but for rounding: loss, and gradient norm
  let loss = first[0];
  const compile = seconds(start);
  if (limit === 0) return say({ what: "compiled", spec: text, compile, first });
  const fourth = await step.run(3, true);
  const timed = async (eachRead: boolean): Promise<number> => {
    const times: number[] = [], until = performance.now() + 500 * limit;
    while (times.length < 3 || (performance.now() < until && times.length < 40)) {
      const from = performance.now();
      [loss] = await step.run(5, eachRead);
      times.push((performance.now() - from) / 5000);
    }
    return median(times);
  };
  const read = await timed(true), queued = await timed(false), tokens = spec.tokens;
  say({
    ...{
      what: "speed",
      spec: text,
      compile,
      first,
      fourth,
      loss,
      parameters: step.parameters,
      operations: step.operations,
    },
    step: read,
    queuedStep: queued,
    tokensPerSecond: Math.round(tokens / read),
    queuedTokensPerSecond: Math.round(tokens / queued),
    operationsPerSecond: step.operations / Math.min(read, queued),
  });
}

/**
 * Compiles what a study's model needs at one length, so that trainings of all seeds find it; and times its step on one
 * batch of songs.
 */
async function warm(name: string, model: ModelName, length: number): Promise<void> {
  const { tf } = await openEngine(), { openStudy } = await import("@lib/study/study.ts");
  const { corpusOf } = await import("@lib/study/training_steps.ts");
  const { bucketOf, toTensors, trainingBatch, trainingPlans } = await import("@lib/training/batches.ts");
  const { evaluateMasked } = await import("@lib/training/masked_evaluation.ts");
  const { createBert } = await import("@lib/bert/parameters.ts"), { variants } = await import("@lib/bert/variants.ts");
  const { evaluateContrast } = await import("@lib/training/contrast_evaluation.ts");
  const { adamWScalars } = await import("@lib/training/optimizer/adamw.ts");
  const { decayMask, optimizerStep } = await import("@lib/training/training_step.ts");
  const study = openStudy({ name }),
    corpus = await corpusOf(study),
    choices = study.recipe,
    config = bertConfig(choices);
  const plans = trainingPlans(corpus, choices, model), step = optimizerStep(model, config, choices);
  let plan = plans.next().value;
  while (plan.length !== length) plan = plans.next().value;
  const batch = trainingBatch(corpus, plan, choices, model), mask = decayMask(config), times: number[] = [];
  const weights = createBert(config, 0).weights;
  let state: Parameters<typeof step>[0] = [weights, tf.zerosLike(weights), tf.zerosLike(weights)];
  for (let i = 1; i <= 12; i++) {
    const from = performance.now(), scalars = adamWScalars(choices.training, i, 1e-4);
    ({ state } = await step(state, [toTensors(batch)], scalars, [[0, i]], mask));
    times.push((performance.now() - from) / 1000);
  }
  const from = performance.now(), { buckets } = choices.training;
  const bars = Array.from(corpus.barsOf("validation")).filter((bar) =>
    bucketOf(corpus.tokens(bar).length, buckets) === length
  );
  await evaluateMasked({ config, weights: state[0] }, corpus, bars.slice(0, 4), choices);
  if (variants[model].view !== "none" && length === buckets.at(-1)) { // batches of validation songs have a long bar
    await evaluateContrast({ config, weights: state[0] }, model, corpus, "validation", choices);
  }
  const tokens = plan.bars.reduce((sum, bar) => sum + corpus.tokens(bar).length, 0), pace = median(times.slice(2));
  say({
    ...{
      what: "warm",
      model,
      length,
      rows: plan.bars.length,
      compile: times[0],
      step: pace,
      evaluation: seconds(from),
    },
    ...{ tokensPerSecond: Math.round(tokens / pace), padded: Math.round(batch.ids.length / pace) },
  });
}

/** The study's store, once, before its jobs share it. */
async function store(name: string): Promise<void> {
  const { openStudy } = await import("@lib/study/study.ts"),
    { corpusOf } = await import("@lib/study/training_steps.ts");
  const corpus = await corpusOf(openStudy({ name }));
  say({ what: "corpus", songs: corpus.songs.length, bars: corpus.bars, seconds: seconds(begun) });
}

/** A job of a study's graph, such as `train-BERT-aug-seed-1`; the variables of a study say which. */
async function job(name: string, wanted: string): Promise<void> {
  const { facts } = await openEngine(), { openStudy } = await import("@lib/study/study.ts");
  const { studyJobs } = await import("@lib/study/jobs/graph.ts");
  const { trainingLog } = await import("@lib/training/step_log.ts");
  const study = openStudy({ name }), start = performance.now();
  const found = studyJobs(study).find(({ name }) => name === wanted);
  if (!found) throw new Error(`Expected one of ${studyJobs(study).map(({ name }) => name)}, found ${wanted}.`);
  say({ what: "begun", job: wanted, ...facts });
  await found.work();
  const training = /^train-(.*)$/.exec(wanted)?.[1];
  if (training === undefined) return say({ what: "job", job: wanted, seconds: seconds(start) });
  const logs = await trainingLog(`${study.folder}/models/${training}`), last = logs.at(-1)!;
  say({
    ...{ what: "trained", job: wanted, seconds: seconds(start), steps: last.step, tokens: last.tokens },
    ...{ training: last.seconds, resident: last.memory.resident },
    validation: logs.findLast(({ validation }) => validation)?.validation,
    pace: median(logs.map(({ tokensPerSecond }) => tokensPerSecond)),
  });
}

/**
 * Trains BERT by the recipe of `small` on packed rows, changed by the variable RECIPE, and tells its accuracy on the 5,000
 * validation bars of tests/bench/race.ts: which recipes learn more from as many tokens.
 */
async function race(name: string): Promise<void> {
  const { pretrain } = await import("@lib/training/pretrain.ts");
  const { seed, ...given } = JSON.parse(Deno.env.get("RECIPE") || "{}"); // the training's seed; songs keep theirs
  const packed = { packing: "rows", rowLengths: [LONGEST], buckets: [LONGEST], validationBars: 5000 } as const;
  const choices = recipe("sound", "small", { ...given, training: { ...packed, ...given.training } });
  const corpus = await openCorpus(`${root}data/corpora/songs`), dir = `${root}data/runs/races/${name}`;
  const start = performance.now();
  for await (const { step, tokens, validation } of pretrain({ corpus, recipe: choices, model: "BERT", dir, seed })) {
    if (validation) say({ what: "race", step, tokens, seconds: seconds(start), ...validation });
  }
}

const [stage, ...args] = Deno.args;
if (stage === "smoke") await smoke();
else if (stage === "equality") await equality(args[0]);
else if (stage === "speed") await speed(args[0], Number(args[1]));
else if (stage === "corpus") await store(args[0]);
else if (stage === "job") await job(args[0], args[1]);
else if (stage === "warm") await warm(args[0], args[1] as ModelName, Number(args[2]));
else if (stage === "race") await race(args[0]);
else if (stage === "list") {
  say({ cases: cases.map(caseName), models: modelNames, lengths: choicesOf(cases[0]).training.buckets });
} else throw new Error(`Expected smoke, equality, speed, warm, corpus, job, race or list, found ${stage}.`);
Deno.exit(0);
