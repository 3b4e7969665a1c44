/**
 * Training steps beside Hugging Face's BertForMaskedLM in PyTorch: same shapes, threads and precision, turn by turn.
 *
 * `deno task bench-train --help` lists its options. Shapes are width × layers × rows × tokens. PyTorch is installed into .venv-bench/torch. Each
 * round times some steps of each, one after the other, so that a machine whose speed drifts slows both; the ratio is
 * the median of the rounds'.
 * @module
 */
import { fileURLToPath } from "node:url";
import { threads } from "@lib/base/machine.ts";
import { readArguments } from "@lib/cli/arguments.ts";
import { toTensors, trainingPlans } from "@lib/training/batches.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert, parametersOf } from "@lib/bert/parameters.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { compile, engineBranches, engineInfo, tf } from "@lib/engine/mod.ts";
import { matMul } from "@lib/engine/ops.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { decayMask, trainingStep } from "@lib/training/training_step.ts";
import { type ModelName, modelNames, variants } from "@lib/bert/variants.ts";
import { adamWScalars } from "@lib/training/optimizer/adamw.ts";
import { pretrain } from "@lib/training/pretrain.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { productOperations } from "../support/operations.ts";
import { peerPython } from "./peers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const peerThreads = threads();

const { values } = readArguments("bench-train", Deno.args);

/** The peer: one question a line, one answer a line. */
async function startPeer() {
  const child = new Deno.Command(await peerPython("torch"), {
    args: [`${root}tests/bench/peers/bert_step.py`, String(peerThreads)],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter(), lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const ask = async <T>(question: unknown): Promise<T & { error?: string }> => {
    await writer.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    while (!text.includes("\n")) {
      const { value, done } = await lines.read();
      if (done) throw new Error("The peer ended; run it by hand to see why.");
      text += value;
    }
    const [line, ...rest] = text.split("\n");
    text = rest.join("\n");
    return JSON.parse(line);
  };
  return { ask, end: () => writer.close() };
}

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** Our step on rows of random tokens, all of them full, and a variant's second views; `run` trains one step. */
function ours(choices: Recipe, rows: number, length: number, model: ModelName = "BERT") {
  const config = bertConfig(choices), step = trainingStep(model, config, choices), spared = decayMask(config);
  const views = variants[model].view === "none" ? rows : 2 * rows;
  const size = parametersOf(config).reduce((sum, p) => sum + p.size, 0);
  let state: Tensor[] = [createBert(config, 0).weights, tf.zeros([size]), tf.zeros([size])];
  const most = Math.round(0.15 * length);
  const ids = Int32Array.from({ length: views * length }, () => 4 + Math.floor(Math.random() * 556));
  const positions = Int32Array.from(
    { length: rows * most },
    (_, i) => Math.floor(i / most) * length + Math.floor((i % most) * length / most),
  );
  const batch = toTensors({
    rows,
    length,
    ids,
    lengths: Array(views).fill(length),
    positions,
    labels: positions.map((position) => ids[position]),
    weights: new Float32Array(positions.length).fill(1),
  });
  let number = 0;
  return {
    config,
    async run(): Promise<number> {
      const start = performance.now();
      const scalars = adamWScalars(choices.training, ++number, 1e-4), seed = tf.tensor1d([0, number], "int32");
      const outputs = await step(...state, scalars, seed, spared, ...batch);
      outputs[3].dataSync();
      tf.dispose([...state, scalars, seed, ...outputs.slice(3)]);
      state = outputs.slice(0, 3);
      return (performance.now() - start) / 1000;
    },
    dispose: () => tf.dispose([...state, spared, ...batch]),
  };
}

/** Operations a second of n³ products, n = 2048, one in each branch: the better of TensorFlow's and PyTorch's. */
async function matrixRate(precision: Recipe["training"]["precision"], ask: Peer["ask"]): Promise<[number, number]> {
  const n = 2048,
    inputs = Array.from({ length: engineBranches + 1 }, () => tf.randomNormal([n, n])),
    times: number[] = [];
  // The peer's first: until it has loaded PyTorch, it takes a core from ours.
  const theirs = await ask<{ seconds: number[] }>({ product: n, precision, times: 7 });
  const products = compile("products", (b, ...all) => all.map((a) => matMul(a, b, false, false, "float32")));
  for (let i = 0; precision === "float32" && i < 7; i++) {
    const start = performance.now(),
      made = await products(...inputs),
      corners = made.map((y) => y.slice([0, 0], [1, 1]));
    corners.forEach((corner) => corner.dataSync());
    times.push((performance.now() - start) / 1000);
    tf.dispose([...made, ...corners]);
  }
  tf.dispose(inputs);
  const operations = 2 * n ** 3, own = times.length > 0 ? engineBranches * operations / median(times) : 0;
  return [own, operations / median(theirs.seconds)];
}

type Peer = Awaited<ReturnType<typeof startPeer>>;

async function stepBench(peer: Peer, text: string, precision: Recipe["training"]["precision"]): Promise<void> {
  const [hidden, layers, rows, length] = text.split("x").map(Number), heads = hidden / 64;
  const choices = recipe("sound", "base", {
    model: { hidden, layers, heads, intermediate: 4 * hidden },
    training: { precision },
  });
  const own = ours(choices, rows, length), { rounds, steps } = values;
  const first = await own.run(), kinds = values.compile ? [false, true] : [false];
  await own.run();
  const [tensorflow, torch] = await matrixRate(precision, peer.ask);
  for (const compile of kinds) {
    const made = await peer.ask<{ first: number }>({
      model: { ...own.config, rows, length },
      precision,
      compile,
    });
    if (made.error) {
      console.log(`${text} ${precision} ${compile ? "compiled" : "eager"}: ${made.error}`);
      continue;
    }
    await peer.ask({ steps: 1 });
    const mine: number[] = [], theirs: number[] = [], ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const a: number[] = [];
      for (let i = 0; i < steps; i++) a.push(await own.run());
      const b = (await peer.ask<{ seconds: number[] }>({ steps })).seconds;
      mine.push(...a), theirs.push(...b), ratios.push(median(a) / median(b));
    }
    const rate = productOperations(own.config, rows, length) / median(mine);
    console.log(
      `${text} ${precision} beside PyTorch ${compile ? "compiled" : "eager"}: ` +
        `${(1000 * median(mine)).toFixed(0)} / ${(1000 * median(theirs)).toFixed(0)} ms, ` +
        `ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}…${Math.max(...ratios).toFixed(2)}); ` +
        `first step ${first.toFixed(1)} / ${made.first.toFixed(1)} s; ${
          (rate / 1e9).toFixed(0)
        } GFLOP/s in products, ` +
        `${(100 * rate / Math.max(tensorflow, torch)).toFixed(0)}% of the 2048³ rate ` +
        `(TensorFlow ${(tensorflow / 1e9).toFixed(0)}, PyTorch ${(torch / 1e9).toFixed(0)})`,
    );
  }
  own.dispose();
  const peak = /VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
  console.log(`  peak memory of this process so far: ${(Number(peak) / 1024).toFixed(0)} MiB`);
}

/** What a variant's step costs beside plain BERT's on the same bars, turn by turn. */
async function variantBench(text: string): Promise<void> {
  const [hidden, layers, rows, length] = text.split("x").map(Number);
  const model = { hidden, layers, heads: hidden / 64, intermediate: 4 * hidden };
  const runs = modelNames.map((name) => ({ name, own: ours(recipe("sound", "base", { model }), rows, length, name) }));
  for (const { own } of runs) await own.run(), await own.run();
  const times = new Map(runs.map(({ name }) => [name, [] as number[]]));
  for (let i = 0; i < values.rounds * values.steps; i++) {
    for (const { name, own } of runs) times.get(name)!.push(await own.run());
  }
  const plain = times.get("BERT")!;
  for (const [name, seconds] of times) {
    const ratio = median(seconds.map((s, i) => s / plain[i]));
    console.log(`${text} ${name}: ${(1000 * median(seconds)).toFixed(0)} ms a step, ${ratio.toFixed(2)} of BERT's`);
  }
  for (const { own } of runs) own.dispose();
}

/** The same bars once: our loop, and a plain loop of the paper's kind in PyTorch (float32, width 256, 4 layers). */
async function epochBench(peer: Peer, count: number): Promise<void> {
  const dir = Deno.makeTempDirSync();
  try {
    const base = recipe("sound", "demo", { split: { train: 1, validation: 0 } });
    await buildCorpus(`${root}data/freedoom`, `${dir}/corpus`, base);
    const corpus = await openCorpus(`${dir}/corpus`), bars = corpus.barsOf("train").slice(0, count);
    Deno.writeTextFileSync(`${dir}/bars.json`, JSON.stringify(Array.from(bars, (bar) => [...corpus.tokens(bar)])));
    const choices = recipe("sound", "demo", {
      split: { train: 1, validation: 0 },
      model: { hidden: 256, layers: 4, heads: 4, intermediate: 1024 },
      training: { batchTokens: 5376, batchRows: 64 },
    });
    const some = Object.create(corpus, { barsOf: { value: () => bars } }) as typeof corpus;
    const plans = trainingPlans(some, choices, "BERT");
    let steps = 0;
    for (let plan = plans.next().value; plan.epoch === 0; plan = plans.next().value) steps++;
    const run = async (dir: string) => {
      const training = { ...choices.training, steps: steps + 1, validateEvery: steps + 1 },
        own = { ...choices, training };
      const start = performance.now();
      for await (const { step } of pretrain({ corpus: some, recipe: own, model: "BERT", dir })) {
        if (step === steps) break;
      }
      return (performance.now() - start) / 1000;
    };
    const seconds = await run(`${dir}/model`);
    await peer.ask({ model: { ...bertConfig(choices), rows: 24, length: 64 }, precision: "float32", compile: false });
    const theirs = await peer.ask<{ seconds: number[] }>({ epoch: `${dir}/bars.json` });
    console.log(
      `an epoch over ${bars.length} bars, width 256, 4 layers, float32: ${
        seconds.toFixed(1)
      } s (traces in it) beside ` +
        `${theirs.seconds[0].toFixed(1)} s of the plain loop, ratio ${(seconds / theirs.seconds[0]).toFixed(2)}`,
    );
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const { engine, version, device } = engineInfo();
console.log(`${engine} ${version} on the ${device}, ${peerThreads} threads each, ours in ${engineBranches} branches`);
if (values.variants) {
  for (const shape of values.shapes.split(",")) await variantBench(shape);
  Deno.exit(0);
}
const peer = await startPeer();
if (values.epoch) await epochBench(peer, values.epoch);
else {
  for (const precision of values.precision.split(",") as Recipe["training"]["precision"][]) {
    for (const shape of values.shapes.split(",")) await stepBench(peer, shape, precision);
  }
}
await peer.end();
