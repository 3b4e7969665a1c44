/**
 * Times the sum of a step's gradients over workers on this machine, beside the step that it is a part of:
 * `deno run -A tests/bench/bench_workers.ts [SCALES [WORKERS [TURNS]]]` (demo,small of 1,2,4 workers, 20 turns). All
 * workers share this machine's cores, so that it says what communication costs, not how much faster many machines are.
 * @module
 */
import { bertConfig } from "@lib/bert/config.ts";
import { createBert, parameterCount } from "@lib/bert/parameters.ts";
import { compares } from "@lib/bert/variants.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { tf } from "@lib/engine/mod.ts";
import { sumNumbers, waitForWorkers, worker, workers } from "@lib/engine/workers.ts";
import { type Recipe, recipe, validateRecipe } from "@lib/recipe/recipe.ts";
import { toTensors, trainingBatch, trainingPlans } from "@lib/training/batches.ts";
import { adamWScalars, learningRate } from "@lib/training/optimizer/adamw.ts";
import { decayMask, queuedStep, type StepState } from "@lib/training/training_step.ts";
import { division } from "@lib/training/workers/share.ts";
import { withFolder } from "../support/folder.ts";
import { buildSmall } from "../support/small_store.ts";
import { freeAddresses, startWorkers } from "../support/workers.ts";

/** Milliseconds of steps and of sums of as many numbers, in turns, after two that warm up. */
type Times = Record<"step" | "sum", number[]> & Record<"parameters" | "rows", number>;

const MODEL = "BERT-aug";

/** Steps and sums in turns, as one of the workers. */
async function measure(store: string, turns: number): Promise<Times> {
  const choices = validateRecipe(JSON.parse(await Deno.readTextFile(`${store}.json`))),
    corpus = await openCorpus(store);
  const config = bertConfig(choices), { training } = choices, shared = division(corpus, choices, compares(MODEL));
  const step = queuedStep(MODEL, config, choices, { division: shared }),
    { weights } = createBert(config, 1),
    mask = decayMask(config);
  let state: StepState = [weights, tf.zerosLike(weights), tf.zerosLike(weights)];
  const plan = trainingPlans(corpus, choices, MODEL).next().value, batch = trainingBatch(corpus, plan, choices, MODEL);
  const times: Times = { step: [], sum: [], parameters: parameterCount(config), rows: plan.bars.length };
  const gradient = new Float32Array(times.parameters);
  await waitForWorkers(120);
  for (let turn = -2; turn < turns; turn++) {
    const inputs = toTensors(shared?.own(batch) ?? batch), start = performance.now();
    const scalars = adamWScalars(training, turn + 3, learningRate(training, turn + 3), ...(shared ? [0] : []));
    const { state: stepped, read } = await step(state, [inputs], scalars, [[0, turn + 3]], mask);
    state = stepped;
    await read();
    const between = performance.now();
    await sumNumbers(gradient);
    if (turn >= 0) times.step.push(between - start), times.sum.push(performance.now() - between);
  }
  return times;
}

/** A scale's choices with batches of one shape: packed, or of bars of at most 224 tokens. */
const oneShape = (scale: "demo" | "small"): Recipe =>
  recipe("sound", scale, {
    tokens: { maxTokens: 224 },
    training: { precision: "float32", buckets: [224], ...(scale === "demo" && { rowLengths: [256] }) },
  });

const middle = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function main([scales = "demo,small", counts = "1,2,4", turns = "20"]: string[]): Promise<void> {
  console.log("scale  workers  bars  step ms  sum ms  share  MB sent by each worker a step");
  for (const scale of scales.split(",") as ("demo" | "small")[]) {
    await withFolder(async (dir) => {
      const store = `${dir}/store`, choices = oneShape(scale);
      await buildSmall(store, ["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd", "d_e1m1"], choices);
      await Deno.writeTextFile(`${store}.json`, JSON.stringify(choices));
      for (const count of counts.split(",").map(Number)) {
        const hosts = count === 1 ? ["127.0.0.1:1"] : freeAddresses(count);
        const all = startWorkers("tests/bench/bench_workers.ts", ["--child", store, turns], hosts);
        const told = await Promise.all(all.map(({ next }) => next<Times>()));
        for (const { process, error } of all) {
          await process.stdin.close().catch(() => {}); // it has ended
          if (!(await process.status).success) throw new Error(await error);
        }
        const { step, sum, parameters, rows } = told[0]!, [a, b] = [middle(step), middle(sum)];
        const megabytes = 2 * (count - 1) / count * 4 * parameters / 1e6; // a ring's
        const numbers = [a.toFixed(0), b.toFixed(1), `${(100 * b / a).toFixed(1)}%`, megabytes.toFixed(2)];
        console.log([scale.padEnd(5), count, rows, ...numbers].join("  "));
      }
    });
  }
}

if (import.meta.main) {
  const [first, ...rest] = Deno.args;
  if (first === "--child") {
    console.log(JSON.stringify(await measure(rest[0], Number(rest[1]))));
    Deno.exit(worker < workers ? 0 : 1);
  }
  await main(Deno.args);
}
