/**
 * A model on disk: `model.safetensors` and `config.json` as Hugging Face's BertForMaskedLM writes and opens them.
 * @module
 */
import type { BertConfig } from "./config.ts";
import { type Model, namedParameters } from "./parameters.ts";
import { tf } from "../engine/mod.ts";
import { readTextIfThere, sha256, writeFile } from "../base/files.ts";
import { CheckpointError, configText, flatten, readConfig } from "./hugging_face.ts";
import { type NamedArray, readSafetensors, writeSafetensors } from "../matrix/safetensors.ts";

/** Files by name, with the SHA-256 of their bytes. */
export type Checksums = Record<string, string>;

/** The files of a checkpoint as {@link saveCheckpoint} writes it, the checksums last. */
export const checkpointFiles = ["model.safetensors", "config.json", "checksum.json"] as const;

/** Writes a model into a folder: weights, config, and the checksums of both; errors as {@link writeFile}'s. */
export async function saveCheckpoint(dir: string, config: BertConfig, weights: Float32Array): Promise<void> {
  const bytes = writeSafetensors(namedParameters(config, weights)), text = new TextEncoder().encode(configText(config));
  await writeFile(`${dir}/model.safetensors`, bytes);
  await writeFile(`${dir}/config.json`, text);
  const sums: Checksums = { "model.safetensors": await sha256(bytes), "config.json": await sha256(text) };
  await writeFile(`${dir}/checksum.json`, JSON.stringify(sums) + "\n");
}

/**
 * The bytes of a checkpoint's file, whose SHA-256 must be `expected`, where it is known.
 *
 * @throws {CheckpointError} naming the file that is missing or damaged
 */
export async function readChecked(path: string, expected?: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new CheckpointError(`${path}: expected a checkpoint's file, found none (${(error as Error).message}).`);
  }
  const found = expected === undefined ? expected : await sha256(bytes);
  if (found === expected) return bytes;
  throw new CheckpointError(
    `${path} is damaged: expected SHA-256 ${expected}, found ${found}. ` +
      "Take it from a copy, or train the model again under another run name.",
  );
}

/** The checksums of a folder; a checkpoint that Hugging Face wrote has none. */
async function readChecksums(dir: string): Promise<Checksums> {
  const path = `${dir}/checksum.json`, text = await readTextIfThere(path);
  if (text === undefined) return {};
  try {
    const sums: Checksums = JSON.parse(text), values = Object.values(sums);
    if (values.length > 0 && values.every((sum) => /^[0-9a-f]{64}$/.test(sum))) return sums;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw new CheckpointError(`${path} is damaged: expected SHA-256 by file name, found ${text.slice(0, 80).trim()}.`);
}

/** Other forms of a model, which are not read. */
const others = ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack", "model.onnx"];

/** The files with the tensors: one, or the shards that an index names. */
async function tensorFiles(dir: string): Promise<string[]> {
  const there = async (name: string) => (await Deno.stat(`${dir}/${name}`).catch(() => undefined)) !== undefined;
  if (await there("model.safetensors")) return ["model.safetensors"];
  const path = `${dir}/model.safetensors.index.json`, text = await readTextIfThere(path);
  if (text === undefined) {
    const pickled = (await Promise.all(others.map(async (name) => await there(name) ? name : ""))).find(Boolean);
    const more = pickled ? ` but ${pickled}, which can run code; save the model as safetensors first.` : ".";
    throw new CheckpointError(`${dir}/model.safetensors: expected a checkpoint's file, found none${more}`);
  }
  let names: unknown[];
  try {
    names = Object.values(JSON.parse(text).weight_map);
  } catch (error) {
    throw new CheckpointError(`${path}: expected JSON with a weight_map, found none (${(error as Error).message}).`);
  }
  const odd = names.find((name) => typeof name !== "string" || !/^[\w.-]+\.safetensors$/.test(name));
  if (odd !== undefined) throw new CheckpointError(`${path}: expected names of shards beside it, found ${odd}.`);
  return [...new Set(names as string[])];
}

async function readTensors(dir: string, sums: Checksums): Promise<[from: string, Map<string, NamedArray>]> {
  const files = await tensorFiles(dir), tensors = new Map<string, NamedArray>();
  for (const name of files) {
    const bytes = await readChecked(`${dir}/${name}`, sums[name]);
    try {
      for (const [key, array] of readSafetensors(bytes)) {
        if (tensors.has(key)) throw new CheckpointError(`expected ${key} in one shard, found it in another as well.`);
        tensors.set(key, array);
      }
    } catch (error) {
      throw new CheckpointError(`${dir}/${name}: ${(error as Error).message}`, { cause: error });
    }
  }
  return [files.length === 1 ? `${dir}/${files[0]}` : `${dir}/model.safetensors.index.json`, tensors];
}

/** Checks a checkpoint that this project wrote; throws a `CheckpointError` naming a file that is missing or damaged. */
export async function verifyCheckpoint(dir: string): Promise<void> {
  await readChecked(`${dir}/checksum.json`);
  for (const [name, sum] of Object.entries(await readChecksums(dir))) await readChecked(`${dir}/${name}`, sum);
}

/**
 * A model from disk; without an MLM head in the file (a `BertModel`) the head is fresh and its guesses mean nothing.
 * `leftOut` are the file's tensors that a model does not have, by name.
 */
export type Checkpoint = Model & { hasHead: boolean; leftOut: string[] };

/**
 * Opens a checkpoint folder: this project's, or any Hugging Face BERT, in one file or shards ({@link flatten}).
 *
 * @throws {CheckpointError} naming the file, if one is missing or damaged or the tensors do not fit the config
 */
export async function loadCheckpoint(dir: string): Promise<Checkpoint> {
  const path = `${dir}/config.json`, sums = await readChecksums(dir);
  const config = readConfig(path, new TextDecoder().decode(await readChecked(path, sums["config.json"])));
  const [from, tensors] = await readTensors(dir, sums);
  const { weights, ...rest } = flatten(from, config, tensors);
  return { config, weights: tf.tensor1d(weights), ...rest };
}
