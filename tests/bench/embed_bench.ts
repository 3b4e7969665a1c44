/**
 * Embedding bars at every layer beside Hugging Face's BertModel in PyTorch: the same weights, bars and precision.
 *
 * `deno run -A tests/bench/embed_bench.ts [--scale demo|small|base] [--bars N] [--repeats N]`; fresh weights, bars of the
 * embedded songs, each different bar once on both sides. PyTorch pads to the longest bar of a batch (sdpa, inference
 * mode, as many threads as there are cores), once with bars as they come and once sorted by length. PYTHON is that of an
 * environment with torch and transformers, that in .venv-bench by default, made if it is missing. At base's size 96 bars
 * (four batches) are some 20 thousand tokens of 170 million multiply-adds' work each, minutes on two cores.
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { rowsOf } from "@lib/training/batches.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { saveCheckpoint } from "@lib/bert/checkpoint.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { embeddingPlans, embedLayers } from "@lib/probing/embed.ts";
import { sample, stream } from "@lib/base/random.ts";
import { recipe, type Scale } from "@lib/recipe/recipe.ts";
import { projectRoot } from "@lib/base/project.ts";
import { tableText } from "@lib/notebook/table.ts";
import { peerPython } from "./peers.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  options: { scale: text, bars: text, repeats: text },
});
const scale = (values.scale ?? "base") as Scale, study = recipe("sound", scale), repeats = Number(values.repeats ?? 1);
const folder = await Deno.makeTempDir();

async function peer(options: unknown): Promise<Record<string, { seconds: number; cpu: number; tokens: number }>> {
  const python = await peerPython("torch");
  const args = [`${projectRoot}/tests/bench/peers/embed_peer.py`, folder, JSON.stringify(options)];
  const { stdout, success } = await new Deno.Command(python, { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`${python}: expected BertModel to run, found that it failed.`);
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

try {
  await buildCorpus(`${projectRoot}/data/freedoom`, `${folder}/store`, study);
  const corpus = await openCorpus(`${folder}/store`);
  const distinct = new Map(Array.from({ length: corpus.bars }, (_, bar) => [corpus.tokens(bar).join(), bar]));
  const bars = sample(
    [...distinct.values()].sort((a, b) => a - b),
    Number(values.bars ?? 96),
    stream(0, "embed-bench"),
  );
  const model = createBert(bertConfig(study), 0);
  await saveCheckpoint(`${folder}/encoder`, model.config, model.weights.dataSync<"float32">());
  await Deno.writeTextFile(`${folder}/bars.json`, JSON.stringify(bars.map((bar) => [...corpus.tokens(bar)])));
  let seconds = Infinity, cpu = 0, last = new Float32Array(0);
  for (let i = 0; i <= repeats; i++) { // the first one traces
    const start = performance.now(), used = process.cpuUsage();
    last = (await embedLayers(model, corpus, bars, study)).layers.at(-1)! as Float32Array<ArrayBuffer>;
    const wall = (performance.now() - start) / 1000, { user, system } = process.cpuUsage(used);
    if (i > 0 && wall < seconds) [seconds, cpu] = [wall, (user + system) / 1e6];
  }
  const theirs = await peer({ rows: study.training.batchRows, threads: navigator.hardwareConcurrency, repeats });
  const states = new Float32Array((await Deno.readFile(`${folder}/states.bin`)).buffer);
  const apart = states.reduce((most, value, i) => Math.max(most, Math.abs(value - last[i])), 0);
  const held = bars.reduce((sum, bar) => sum + corpus.tokens(bar).length, 0);
  const padded = embeddingPlans(corpus, bars, study, study.model.maxPositions).reduce(
    (sum, { length }) => sum + length * rowsOf(length, study.training),
    0,
  );
  const share = (tokens: number) => `${(100 * (tokens / held - 1)).toFixed(0)}%`;
  console.log(`${scale}: ${bars.length} bars, ${held} tokens; last layers apart by at most ${apart.toExponential(1)}`);
  const line = (side: string, taken: { seconds: number; cpu: number; tokens: number }) => ({
    side,
    seconds: taken.seconds.toFixed(2),
    processor: taken.cpu.toFixed(2),
    pads: share(taken.tokens),
    "ratio (goal 1)": (seconds / taken.seconds).toFixed(3),
    "of processor": (cpu / taken.cpu).toFixed(3),
  });
  const peers = Object.entries(theirs).map(([order, found]) => line(`PyTorch, bars ${order}`, found));
  console.log(tableText([line("here", { seconds, cpu, tokens: padded }), ...peers]).plain);
  model.weights.dispose();
  corpus.close();
} finally {
  await Deno.remove(folder, { recursive: true });
}
