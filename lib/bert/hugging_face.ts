/**
 * How Hugging Face describes a BERT: its `config.json`, and the names of its tensors through the library's ages.
 * @module
 */
import type { BertConfig } from "./config.ts";
import { createBert, type Parameter, parametersOf } from "./parameters.ts";
import { UserError } from "../base/user_error.ts";
import type { NamedArray } from "../matrix/safetensors.ts";
import { pad } from "../tokens/vocabulary.ts";

/** Why a checkpoint was refused: the file, what was expected, what was found. */
export class CheckpointError extends UserError {}

/** The config of the authors' encoder, which no library but this one opens. */
const authorsConfig = ({ encoder: _, ...config }: BertConfig): Record<string, unknown> => ({
  model_type: "authors-bert",
  ...config,
});

/** Hugging Face's config of stock BERT. */
function bertForMaskedLm(config: BertConfig): Record<string, unknown> {
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

/** The text of a model's `config.json`. */
export const configText = (config: BertConfig): string =>
  JSON.stringify(config.encoder === "authors" ? authorsConfig(config) : bertForMaskedLm(config), null, 2) + "\n";

/**
 * A model's config from the text of its `config.json`.
 *
 * @param path for errors
 * @throws {CheckpointError} if it is no JSON, lacks a number or is of a BERT that computes otherwise
 */
export function readConfig(path: string, text: string): BertConfig {
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
  expect("tie_word_embeddings", true);
  expect("is_decoder", false);
  expect("add_cross_attention", false);
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

/** Tensors of other heads and old buffers, which neither the encoder nor the MLM head computes with. */
const UNUSED = /^(bert\.)?(pooler\.dense\.|embeddings\.(position_ids|token_type_ids)$)|^cls\.seq_relationship\./;

/** The MLM head; a `BertModel` has none. */
const HEAD = /^cls\./;

const WORDS = "bert.embeddings.word_embeddings.weight", DECODER = "cls.predictions.decoder";

/** Today's name of a tensor: old LayerNorms' `gamma` and `beta`, and a `BertModel`'s names without `bert.`. */
function modernName(name: string, bare: boolean): string {
  const renamed = name.replace(/LayerNorm\.gamma$/, "LayerNorm.weight").replace(/LayerNorm\.beta$/, "LayerNorm.bias");
  return bare && /^(embeddings|encoder)\./.test(renamed) ? `bert.${renamed}` : renamed;
}

const sameArray = (a: NamedArray, b: NamedArray): boolean =>
  a.data.length === b.data.length && a.data.every((value, i) => value === b.data[i]);

/** At most eight of many problems, and how many more there are. */
const listed = (problems: string[]): string =>
  problems.slice(0, 8).join("; ") + (problems.length > 8 ? `; and ${problems.length - 8} more` : "");

/** Takes the decoder's tied copies out of `held`: they must equal what they are tied to, or stand for it. */
function untie(held: Map<string, NamedArray>): string[] {
  const problems: string[] = [], bias = held.get(`${DECODER}.bias`);
  const words = held.get(WORDS), decoder = held.get(`${DECODER}.weight`);
  if (decoder && words && !sameArray(decoder, words)) {
    problems.push(`${DECODER}.weight differs from ${WORDS}, so the decoder is not tied`);
  }
  const own = held.get("cls.predictions.bias");
  if (bias && !own) held.set("cls.predictions.bias", bias);
  if (bias && own && !sameArray(bias, own)) problems.push(`${DECODER}.bias differs from cls.predictions.bias`);
  held.delete(`${DECODER}.weight`);
  held.delete(`${DECODER}.bias`);
  return problems;
}

const headOf = (parameters: readonly Parameter[]) => parameters.filter(({ name }) => HEAD.test(name));

/**
 * Tensors of a file as the flat vector of a model's parameters.
 *
 * Accepted beside `BertForMaskedLM`'s own names: those of a `BertModel` (no `bert.`, no MLM head), of old files
 * (`gamma` and `beta`), poolers and next-sentence heads (left out), and the decoder's tied copies.
 *
 * @param path for errors
 * @returns the weights, and whether there was an MLM head; without one its weights are fresh, of seed 0
 * @throws {CheckpointError} listing what is missing, not expected, mis-shaped or no float
 */
export function flatten(
  path: string,
  config: BertConfig,
  tensors: Map<string, NamedArray>,
): { weights: Float32Array; hasHead: boolean } {
  const parameters = parametersOf(config), last = parameters.at(-1)!;
  const bare = config.encoder === "bert" && !tensors.keys().some((name) => name.startsWith("bert."));
  const used = [...tensors].filter(([name]) => config.encoder === "authors" || !UNUSED.test(name));
  const held = new Map(
    used.map(([name, array]) => [config.encoder === "bert" ? modernName(name, bare) : name, array]),
  );
  const problems = untie(held);
  const head = headOf(parameters), hasHead = head.length === 0 || head.some(({ name }) => held.has(name));
  const weights = new Float32Array(last.offset + last.size);
  if (!hasHead) {
    const fresh = createBert(config, 0).weights, values = fresh.dataSync<"float32">();
    for (const { offset, size } of head) weights.set(values.subarray(offset, offset + size), offset);
    fresh.dispose();
  }
  for (const { name, shape, offset } of parameters) {
    const array = held.get(name);
    held.delete(name);
    if (!array) {
      if (hasHead || !HEAD.test(name)) problems.push(`expected ${name} of shape [${shape}], found none`);
    } else if (array.shape.join() !== shape.join()) {
      problems.push(`expected ${name} of shape [${shape}], found [${array.shape}]`);
    } else if (!(array.data instanceof Float32Array)) problems.push(`expected ${name} in float32, float16 or bfloat16`);
    else weights.set(array.data, offset);
  }
  for (const name of held.keys()) problems.push(`found ${name}, which this encoder does not have`);
  if (problems.length > 0) throw new CheckpointError(`${path} does not fit its config.json: ${listed(problems)}.`);
  return { weights, hasHead };
}
