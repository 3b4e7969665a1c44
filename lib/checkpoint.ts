/**
 * A model on disk: `model.safetensors` and `config.json` as Hugging Face's BertForMaskedLM writes and opens them.
 * @module
 */
import { type BertConfig, type Model, parametersOf } from "./bert.ts";
import { tf } from "./engine/mod.ts";
import { sha256, writeFile } from "./files.ts";
import { type NamedArray, readSafetensors, writeSafetensors } from "./safetensors.ts";
import { pad } from "./vocabulary.ts";

/** Why a checkpoint was refused: the file, what was expected, what was found. */
export class CheckpointError extends Error {
  override name = "CheckpointError";
}

/** The config of the authors' encoder, which no library but this one opens. */
const authorsConfig = ({ encoder: _, ...config }: BertConfig): Record<string, unknown> => ({
  model_type: "authors-bert",
  ...config,
});

/** Hugging Face's config of stock BERT. */
function huggingFaceConfig(config: BertConfig): Record<string, unknown> {
  return {
    architectures: ["BertForMaskedLM"],
    model_type: "bert",
    vocab_size: config.vocabularySize,
    hidden_size: config.hidden,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.intermediate,
    max_position_embeddings: config.maxPositions,
    type_vocab_size: 2,
    hidden_act: "gelu",
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.dropout,
    initializer_range: config.initStd,
    layer_norm_eps: config.layerNormEps,
    pad_token_id: pad,
    position_embedding_type: "absolute",
    tie_word_embeddings: true,
    torch_dtype: "float32",
  };
}

function readConfig(path: string, text: string): BertConfig {
  let held: Record<string, unknown>;
  try {
    held = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(`${path}: expected JSON, found something else (${(error as Error).message}).`);
  }
  const expect = (key: string, value: unknown) => {
    if (held[key] !== undefined && held[key] !== value) {
      throw new CheckpointError(`${path}: expected ${key} ${value}, found ${held[key]}.`);
    }
  };
  const number = (key: string): number => {
    if (typeof held[key] !== "number") throw new CheckpointError(`${path}: expected a number for ${key}, found none.`);
    return held[key];
  };
  if (held.model_type === "authors-bert") {
    const sizes = ["layers", "hidden", "heads", "intermediate", "maxPositions", "layerNormEps", "initStd", "dropout"];
    for (const key of [...sizes, "vocabularySize"]) number(key);
    const { model_type: _, ...config } = held;
    return { encoder: "authors", ...config } as unknown as BertConfig;
  }
  expect("model_type", "bert");
  expect("hidden_act", "gelu");
  expect("type_vocab_size", 2);
  expect("position_embedding_type", "absolute");
  return {
    encoder: "bert",
    init: "bert",
    layers: number("num_hidden_layers"),
    hidden: number("hidden_size"),
    heads: number("num_attention_heads"),
    intermediate: number("intermediate_size"),
    maxPositions: number("max_position_embeddings"),
    layerNormEps: number("layer_norm_eps"),
    initStd: number("initializer_range"),
    dropout: number("hidden_dropout_prob"),
    vocabularySize: number("vocab_size"),
  };
}

/** A model's parameters by Hugging Face's names. */
export function namedParameters(config: BertConfig, weights: Float32Array) {
  return new Map(
    parametersOf(config).map(({ name, shape, offset, size }) => [
      name,
      { shape, data: weights.subarray(offset, offset + size) },
    ]),
  );
}

/**
 * Writes a model into a folder: weights, config, and a checksum of the weights.
 *
 * @throws {Error} naming the file that could not be written; what was there before stays whole
 */
export async function saveCheckpoint(dir: string, config: BertConfig, weights: Float32Array): Promise<void> {
  const bytes = writeSafetensors(namedParameters(config, weights));
  const toJson = config.encoder === "authors" ? authorsConfig : huggingFaceConfig;
  await writeFile(`${dir}/model.safetensors`, bytes);
  await writeFile(`${dir}/config.json`, JSON.stringify(toJson(config), null, 2) + "\n");
  await writeFile(`${dir}/checksum.json`, JSON.stringify({ "model.safetensors": await sha256(bytes) }) + "\n");
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new CheckpointError(`${path}: expected a checkpoint's file, found none (${(error as Error).message}).`);
  }
}

async function checkSum(dir: string, bytes: Uint8Array): Promise<void> {
  let text: string;
  try {
    text = await Deno.readTextFile(`${dir}/checksum.json`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return; // a checkpoint that Hugging Face wrote has none
    throw error;
  }
  const expected = JSON.parse(text)["model.safetensors"];
  const found = await sha256(bytes);
  if (found !== expected) {
    throw new CheckpointError(
      `${dir}/model.safetensors is damaged: expected SHA-256 ${expected}, found ${found}. ` +
        "Delete the folder and train again, or take it from a copy.",
    );
  }
}

function flatten(path: string, config: BertConfig, tensors: Map<string, NamedArray>): Float32Array {
  const parameters = parametersOf(config);
  const last = parameters.at(-1)!;
  const weights = new Float32Array(last.offset + last.size);
  for (const { name, shape, offset, size } of parameters) {
    const held = tensors.get(name);
    if (!held || held.data.length !== size || held.shape.join() !== shape.join()) {
      throw new CheckpointError(
        `${path}: expected ${name} of shape [${shape}], found ${held ? `[${held.shape}]` : "none"}.`,
      );
    }
    if (!(held.data instanceof Float32Array)) throw new CheckpointError(`${path}: expected ${name} in float32.`);
    weights.set(held.data, offset);
  }
  return weights;
}

/**
 * Opens a checkpoint folder, this project's or any Hugging Face BERT of that shape over the same vocabulary.
 *
 * @throws {CheckpointError} naming the file, if one is missing or damaged or a parameter does not fit
 */
export async function loadCheckpoint(dir: string): Promise<Model> {
  const path = `${dir}/config.json`;
  const config = readConfig(path, new TextDecoder().decode(await read(path)));
  const bytes = await read(`${dir}/model.safetensors`);
  await checkSum(dir, bytes);
  let tensors: Map<string, NamedArray>;
  try {
    tensors = readSafetensors(bytes);
  } catch (error) {
    throw new CheckpointError(`${dir}/model.safetensors: ${(error as Error).message}`, { cause: error });
  }
  return { config, weights: tf.tensor1d(flatten(`${dir}/model.safetensors`, config, tensors)) };
}
