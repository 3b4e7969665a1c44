/**
 * How Hugging Face stores a BERT: its `config.json`, and the names of its tensors in all their variants.
 * @module
 */
import type { BertConfig } from "./config.ts";
import { createBert, type Parameter, parameterCount, parametersOf } from "./parameters.ts";
import { UserError } from "../base/user_error.ts";
import type { NamedArray } from "../matrix/safetensors.ts";
import { pad } from "../tokens/vocabulary.ts";

/** Why a checkpoint was refused: the file, what was expected, what was found. */
export class CheckpointError extends UserError {}

/** Hugging Face's config of stock BERT. */
const bertForMaskedLm = (config: BertConfig): Record<string, unknown> => ({
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
});

/** The text of a model's `config.json`; only this library opens that of the authors' encoder. */
export function configText(config: BertConfig): string {
  const { encoder, ...sizes } = config;
  const stored = encoder === "authors" ? { model_type: "authors-bert", ...sizes } : bertForMaskedLm(config);
  return JSON.stringify(stored, null, 2) + "\n";
}

/** Fields by which a config could ask for another computation than ours, with the values that do not. */
const computed: Record<string, unknown[]> = {
  model_type: ["bert"],
  hidden_act: ["gelu", "gelu_python"],
  position_embedding_type: ["absolute"],
  is_decoder: [false],
  add_cross_attention: [false],
};

type Allowed = [isFine: (value: number) => boolean, what: string];
const wholeTo = (most: number): Allowed => [
  (n) => Number.isInteger(n) && n > 0 && n <= most,
  `a whole number from 1 to ${most}`,
];
const size = wholeTo(2 ** 24), positive: Allowed = [(n) => n > 0 && n < Infinity, "a number above 0"];

/** A config's numbers: our name, Hugging Face's and its value where the field is missing, and what is allowed. */
const numbers: [ours: keyof BertConfig, theirs: string, missing: number, ...Allowed][] = [
  ["layers", "num_hidden_layers", 12, ...wholeTo(1000)],
  ["hidden", "hidden_size", 768, ...size],
  ["heads", "num_attention_heads", 12, ...size],
  ["intermediate", "intermediate_size", 3072, ...size],
  ["maxPositions", "max_position_embeddings", 512, ...size],
  ["layerNormEps", "layer_norm_eps", 1e-12, ...positive],
  ["initStd", "initializer_range", 0.02, ...positive],
  ["dropout", "hidden_dropout_prob", 0.1, (n) => n >= 0 && n < 1, "a number from 0 to 1"],
  ["vocabularySize", "vocab_size", 30_522, ...size],
];

/**
 * A model's config from the text of its `config.json` at `path`; a missing field has the value of Hugging Face's
 * `BertConfig`.
 *
 * @throws {CheckpointError} if it is not JSON, a size is not possible, or the BERT computes otherwise
 */
export function readConfig(path: string, text: string): BertConfig {
  const wrong = (expected: string, found: unknown) => {
    const shown = typeof found === "string" ? found : JSON.stringify(found);
    return new CheckpointError(`${path}: expected ${expected}, found ${shown}.`);
  };
  let stored: Record<string, unknown>;
  try {
    stored = JSON.parse(text);
  } catch (error) {
    throw wrong("JSON", `something else (${(error as Error).message})`);
  }
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) throw wrong("an object", stored);
  const { model_type, ...fields } = stored, isAuthors = model_type === "authors-bert";
  for (const [key, ours] of isAuthors ? [] : Object.entries(computed)) {
    if (!ours.includes(stored[key] ?? ours[0])) throw wrong(`${key} ${ours.join(" or ")}`, stored[key]);
  }
  const read = Object.fromEntries(numbers.map(([ours, theirs, missing, isFine, what]) => {
    const key = isAuthors ? ours : theirs, value = stored[key] ?? (isAuthors ? undefined : missing);
    if (typeof value === "number" && isFine(value)) return [ours, value];
    throw wrong(`${what} for ${key}`, value ?? "none");
  }));
  const config = isAuthors
    ? { encoder: "authors", ...fields }
    : { encoder: "bert", init: "bert", positions: "random", ...read };
  const { heads, hidden } = config as unknown as BertConfig;
  if (hidden % heads === 0) return config as unknown as BertConfig;
  const [headsKey, hiddenKey] = isAuthors ? ["heads", "hidden"] : ["num_attention_heads", "hidden_size"];
  throw wrong(`${headsKey} that divides ${hiddenKey} (${hidden})`, heads);
}

/** Buffers and copies, which hold no weights of their own. */
const BUFFERS = /(^|\.)embeddings\.(position_ids|token_type_ids)$/;

const WORDS = "bert.embeddings.word_embeddings.weight", TYPES = "bert.embeddings.token_type_embeddings.weight";
const AUTHORS_WORDS = "embedding.token_embed.weight";
const BIAS = "cls.predictions.bias", DECODER = "cls.predictions.decoder";

const isHead = ({ name }: Parameter): boolean => /^(cls\.predictions|linear_head)\./.test(name);

/** At most eight of many lines, and how many more there are. */
const listed = (lines: readonly string[]): string =>
  lines.slice(0, 8).join("; ") + (lines.length > 8 ? `; and ${lines.length - 8} more` : "");

/**
 * A file's tensors by the names that {@link parametersOf} has: without prefixes (`bert.`, `module.`, `_orig_mod.` …),
 * and with the `gamma` and `beta` of old LayerNorms renamed. What is no part of a model keeps its name.
 */
function standardNames(path: string, config: BertConfig, names: readonly string[]): Map<string, string> {
  const isStock = config.encoder === "bert", words = isStock ? WORDS.slice("bert.".length) : AUTHORS_WORDS;
  const candidates = names.filter((name) => name === words || name.endsWith(`.${words}`));
  if (candidates.length !== 1) {
    const found = candidates.length === 0 ? `only ${listed(names)}` : listed(candidates);
    throw new CheckpointError(`${path}: expected one tensor …${words}, found ${found}.`);
  }
  const prefix = candidates[0].slice(0, -words.length);
  const standard = (name: string): string => {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
    if (!isStock) return rest ?? name;
    const head = /(?:^|\.)(cls\.predictions\..+)$/.exec(name)?.[1];
    const inside = head ?? (rest !== undefined && /^(embeddings|encoder)\./.test(rest) ? `bert.${rest}` : name);
    return inside.replace(/LayerNorm\.gamma$/, "LayerNorm.weight").replace(/LayerNorm\.beta$/, "LayerNorm.bias");
  };
  const named = new Map<string, string>();
  for (const name of names) {
    const twin = named.get(standard(name));
    if (twin !== undefined) throw new CheckpointError(`${path}: expected one of ${twin} and ${name}, found both.`);
    named.set(standard(name), name);
  }
  return named;
}

/** Why a tensor cannot be a parameter, if it cannot. */
function misfit({ name, shape }: Parameter, array?: NamedArray): string | undefined {
  if (!array) return `expected ${name} of shape [${shape}], found none`;
  const [rows] = array.shape; // a BERT may have any number of token types; only the first is used
  const fits = array.shape.join() === shape.join() ||
    name === TYPES && rows > 0 && array.shape.join() === `${rows},${shape[1]}`;
  if (!fits) return `expected ${name} of shape [${shape}], found [${array.shape}]`;
  const { data } = array, isFloat = data instanceof Float32Array || data instanceof Float64Array;
  if (!isFloat) return `expected floats in ${name}, found integers`;
  const odd = data.findIndex((value) => !Number.isFinite(Math.fround(value)));
  return odd < 0 ? undefined : `expected finite numbers in ${name}, found ${data[odd]} at place ${odd}`;
}

type Flattened = { weights: Float32Array; hasHead: boolean; leftOut: string[] };

/**
 * A file's tensors as the flat vector of a model's parameters; `path` is for errors.
 *
 * Whatever a BERT was saved as, its encoder is read. An MLM head is read where it is whole and its decoder is tied to
 * the word embeddings; otherwise its weights are fresh, of seed 0. Everything else is left out, and listed.
 *
 * @throws {CheckpointError} listing what is missing, mis-shaped, no float, or not finite
 */
export function flatten(path: string, config: BertConfig, tensors: ReadonlyMap<string, NamedArray>): Flattened {
  const names = standardNames(path, config, [...tensors.keys()]);
  const arrayOf = (name: string) => tensors.get(names.get(name) ?? "");
  if (!names.has(BIAS) && names.has(`${DECODER}.bias`)) names.set(BIAS, names.get(`${DECODER}.bias`)!);
  const isTied = [[`${DECODER}.weight`, WORDS], [`${DECODER}.bias`, BIAS]].every(([copy, original]) => {
    const [a, b] = [arrayOf(copy), arrayOf(original)];
    return !a || !b || a.data.length === b.data.length && a.data.every((value, i) => value === b.data[i]);
  });
  const parameters = parametersOf(config), head = parameters.filter(isHead);
  const hasHead = isTied && head.every(({ name }) => names.has(name));
  const used = hasHead ? parameters : parameters.filter((parameter) => !isHead(parameter));
  const problems = used.flatMap((parameter) => misfit(parameter, arrayOf(parameter.name)) ?? []);
  const taken = new Set([...used.map(({ name }) => name), ...hasHead ? [`${DECODER}.weight`, `${DECODER}.bias`] : []]);
  const others = Array.from(names).filter(([name, own]) => !taken.has(name) && !BUFFERS.test(own));
  const leftOut = [...new Set(others.map(([, own]) => own))];
  if (problems.length > 0) {
    const more = leftOut.length > 0 ? ` The file also has ${listed(leftOut)}.` : "";
    throw new CheckpointError(`${path} and its config.json do not fit: ${listed(problems)}.${more}`);
  }
  const weights = new Float32Array(parameterCount(config));
  for (const { name, offset, size } of used) {
    weights.set((arrayOf(name)!.data as Float32Array).subarray(0, size), offset);
  }
  if (!hasHead) {
    const fresh = createBert(config, 0).weights, values = fresh.dataSync<"float32">();
    for (const { offset, size } of head) weights.set(values.subarray(offset, offset + size), offset);
    fresh.dispose();
  }
  return { weights, hasHead, leftOut };
}
