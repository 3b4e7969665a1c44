/**
 * Opens our checkpoints with Hugging Face transformers, and Hugging Face's here: the same states and logits?
 *
 * `deno run -A tests/bench/hf_interchange.ts`; torch and transformers, 5.9 GB, are installed into .venv-bench/torch where
 * they are not there yet, or PYTHON is that of an environment that has them. Exits with 1 where anything differs.
 * @module
 */
import { bertConfig } from "@lib/bert/config.ts";
import { encode, hiddenStates, mlmLogits, padBias } from "@lib/bert/bert.ts";
import { createBert, type Model, unflatten } from "@lib/bert/parameters.ts";
import { loadCheckpoint, saveCheckpoint } from "@lib/bert/checkpoint.ts";
import { compile, tf } from "@lib/engine/mod.ts";
import type { Compiled } from "@lib/engine/types.ts";
import { execute } from "@lib/base/python.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { readSafetensors } from "@lib/matrix/safetensors.ts";
import { projectRoot } from "@lib/base/project.ts";
import { peerPython } from "./peers.ts";

/** The ways in which hf_peer.py saves the model, and the largest difference that rounding excuses. */
const ways = ["ours", "whole", "shards", "half", "bfloat16", "encoder", "pretraining"];
const most = 1e-4;

/** A model whose every weight differs from its neighbor's, biases and LayerNorms too. */
function scattered(): Model {
  const config = bertConfig(
    recipe("sound", "smoke", { model: { layers: 3, hidden: 48, heads: 4, intermediate: 192 } }),
  );
  const { weights } = createBert(config, 1), values = weights.dataSync<"float32">();
  weights.dispose();
  const random = stream(1, "scatter");
  return { config, weights: tf.tensor1d(values.map((value) => value + 0.1 * (random.uniform() - 0.5))) };
}

const compiled = new Map<string, Compiled>();
/** The logits of all positions of a batch. */
async function logitsOf({ config, weights }: Model, ids: Int32Array, lengths: number[]): Promise<Float32Array> {
  const key = JSON.stringify(config), length = ids.length / lengths.length;
  const step = compiled.get(key) ?? compile("logits", (weights, ids, bias) => {
    const parameters = unflatten(config, weights);
    return [mlmLogits(parameters, config, hiddenStates(parameters, config, ids, bias).at(-1)!)];
  });
  compiled.set(key, step);
  const inputs = [tf.tensor2d(ids, [lengths.length, length], "int32"), padBias(lengths, length)];
  const [logits] = await step(weights, ...inputs);
  const values = logits.dataSync<"float32">();
  tf.dispose([...inputs, logits]);
  return values;
}

/** The largest difference of rows of tokens, pads left out; `layers` stacks of rows × length × width. */
function largest(a: Float32Array, b: Float32Array, layers: number, lengths: number[], length: number): number {
  if (a.length !== b.length) return Infinity;
  const width = a.length / (layers * lengths.length * length);
  let most = 0;
  for (let row = 0; row < layers * lengths.length; row++) {
    const from = row * length * width, to = from + lengths[row % lengths.length] * width;
    for (let i = from; i < to; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  }
  return most;
}

if (import.meta.main) {
  const folder = await Deno.makeTempDir();
  try {
    const model = scattered(), length = 40, lengths = [40, 17, 5], random = stream(2, "tokens");
    const ids = Int32Array.from({ length: lengths.length * length }, () => random.integer(model.config.vocabularySize));
    const rows = lengths.map((_, row) => Array.from(ids.subarray(row * length, (row + 1) * length)));
    await saveCheckpoint(`${folder}/ours`, model.config, model.weights.dataSync<"float32">());
    await Deno.writeTextFile(`${folder}/ids.json`, JSON.stringify({ ids: rows, lengths }));
    const said = JSON.parse(
      await execute(await peerPython("torch"), [`${projectRoot}/tests/bench/peers/hf_peer.py`, folder]),
    );
    console.log(said);
    let failed = ["missing_keys", "unexpected_keys", "mismatched_keys"].some((key) => said[key].length > 0);
    const table: Record<string, unknown> = {};
    for (const way of ways) {
      const answers = readSafetensors(await Deno.readFile(`${folder}/${way}/hidden.safetensors`));
      const opened = await loadCheckpoint(`${folder}/${way}`);
      const states = Float32Array.from((await encode(opened, ids, lengths)).flatMap((layer) => Array.from(layer)));
      const difference = largest(
        states,
        answers.get("states")!.data as Float32Array,
        model.config.layers + 1,
        lengths,
        length,
      );
      const theirs = answers.get("logits")?.data as Float32Array | undefined;
      const logits = theirs && largest(await logitsOf(opened, ids, lengths), theirs, 1, lengths, length);
      const right = difference <= most && (logits ?? 0) <= most && opened.hasHead === (theirs !== undefined);
      table[way] = { states: difference, logits: logits ?? "no head", same: right };
      failed ||= !right;
      opened.weights.dispose();
    }
    console.table(table);
    console.log(failed ? "differs" : `the same, within ${most}`);
    if (failed) Deno.exitCode = 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
