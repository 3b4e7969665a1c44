/**
 * The forward pass of stock BERT (Devlin et al. 2019) with Hugging Face's arithmetic, or of authors_bert.ts.
 * @module
 */
import { authorsLogits, authorsStates } from "./authors_bert.ts";
import { branchesOf, joined } from "./branches.ts";
import type { BertConfig } from "./config.ts";
import { type Dropout, dropoutMasks } from "./dropout.ts";
import { CheckpointError } from "./hugging_face.ts";
import { askedStates, attentionRows, type Layout, plainLayout, tokenCuts } from "./layout.ts";
import { type Model, norm, type Parameters, unflatten, weightAndBias } from "./parameters.ts";
import { compile, engineBranches, tf } from "../engine/mod.ts";
import type { Compiled, Tensor } from "../engine/types.ts";
import { attention, headsApart } from "../engine/attention.ts";
import { addBias, addNorm, denseGelu, gatherRows, layerNorm, linear, type Precision, product } from "../engine/ops.ts";

/** The sum of a token's, its position's and its type's embedding, normalised: layer 0, N × hidden. */
function embeddings(p: Parameters, config: BertConfig, { ids, places, blocks: [{ rows, length }] }: Layout): Tensor {
  const { hidden } = config, table = (name: string) => p.get(`bert.embeddings.${name}_embeddings.weight`)!;
  const words = gatherRows(table("word"), ids), type = table("token_type").slice([0, 0], [1, hidden]);
  const sum = places
    ? words.add(gatherRows(table("position"), places)).add(type)
    : words.reshape([rows, length, hidden]).add(table("position").slice([0, 0], [length, hidden]).add(type));
  return norm(p, "bert.embeddings.LayerNorm", sum.reshape([ids.size, hidden]), config);
}

/**
 * Dropout in training; `only`, batch × K, int32: flat positions (row · length + column) whose last states are wanted, K
 * of each row in its own line (the last layer computes no others); the element type of products, by default float32; and
 * what each layer's states become, the embeddings' (0) too, before the next one reads them.
 */
type Pass = {
  dropout?: Dropout;
  only?: Tensor;
  precision?: Precision;
  edit?: (states: Tensor, layer: number) => Tensor;
};

/**
 * All hidden states of a batch; pure, for use inside a trace.
 *
 * @param ids batch × length, int32
 * @param bias batch × 1 × 1 × length: 0 at tokens, very negative at pads ({@link padBias})
 * @returns layers 0…L, each (batch·length) × hidden; the last one (batch·K) × hidden under `only`
 */
export function hiddenStates(p: Parameters, config: BertConfig, ids: Tensor, bias: Tensor, pass: Pass = {}): Tensor[] {
  const { only, ...rest } = pass;
  return layoutStates(p, config, plainLayout(ids, bias, only ? [only] : []), rest);
}

/** {@link hiddenStates} of a batch in blocks; under `asked` the last states are those of its positions, in order. */
export function layoutStates(
  p: Parameters,
  config: BertConfig,
  layout: Layout,
  pass: Omit<Pass, "only"> = {},
): Tensor[] {
  if (engineBranches === 1 || pass.edit) return branchStates(p, config, layout, pass);
  const { layouts, join } = branchesOf(layout, engineBranches), drawn = new Map<number, Tensor>();
  const own = { ...pass, ...(pass.dropout && { dropout: { ...pass.dropout, drawn } }) };
  const parts = layouts.map((layout) => branchStates(p, config, layout, own)), last = parts[0].length - 1;
  const chosen = layout.blocks.some(({ asked }) => asked.length > 0);
  return parts[0].map((_, layer) => join(parts.map((states) => states[layer]), chosen && layer === last));
}

/** {@link layoutStates} of a branch. */
function branchStates(
  p: Parameters,
  config: BertConfig,
  layout: Layout,
  { dropout, precision: type, edit = (states) => states }: Omit<Pass, "only">,
): Tensor[] {
  const { blocks } = layout,
    chosen = blocks.some(({ asked }) => asked.length > 0),
    { heads, layers, layerNormEps } = config;
  const scale = Math.sqrt(heads / config.hidden); // queries are divided by √size
  if (config.encoder === "authors") {
    const [{ rows, length, marks }] = blocks, ids = layout.ids.reshape([rows, length]);
    const cut = layout.shares?.[0].rows;
    const states = authorsStates(p, config, ids, marks.key.reshape([rows, 1, 1, length]), dropout, edit, cut);
    return chosen ? [...states.slice(0, -1), askedStates(states.at(-1)!, blocks)] : states;
  }
  const masks = dropoutMasks(dropout), { inside, outside, mask } = masks, cuts = tokenCuts(layout.shares);
  const apart = headsApart({ heads, type }, inside), groups = apart ? heads : 1, size = config.hidden / groups;
  const rows = attentionRows(blocks, heads / groups, type, masks, layout.shares);
  let x = edit(embeddings(p, config, layout), 0);
  const states = [x];
  for (let layer = 0; layer < layers; layer++) {
    const name = `bert.encoder.layer.${layer}`;
    const project = (x: Tensor, group: number, ...parts: string[]) => { // a group's parts beside each other
      const own = parts.map((part) => {
        const both = weightAndBias(p, `${name}.attention.self.${part}`)
          .map((values) => groups === 1 ? values : values.slice([group * size], [size]));
        return part === "query" ? both.map((values) => values.mul(scale)) : both;
      });
      return linear(x, joined(own.map(([weight]) => weight)), joined(own.map(([, bias]) => bias)), type);
    };
    const last = chosen && layer === layers - 1, cut = last ? cuts.asked : cuts.tokens;
    /** Dense, dropout, residual and LayerNorm of a block. */
    const end = (inner: Tensor, x: Tensor, block: string, drops: boolean) => {
      const [weight, bias] = weightAndBias(p, `${block}.dense`), normal = weightAndBias(p, `${block}.LayerNorm`);
      const y = product(inner, weight, type);
      if (!drops) return addNorm(y, bias, x, ...normal, layerNormEps);
      return layerNorm(addBias(y, bias).mul(mask(y.shape, cut)).add(x), ...normal, layerNormEps);
    };
    const all = x, asking = last ? askedStates(x, blocks) : x; // the last layer computes only what is asked for
    const projected = (group: number) => {
      if (last) return [project(asking, group, "query"), project(all, group, "key", "value")];
      if (apart) return ["query", "key", "value"].map((part) => project(all, group, part));
      return [project(all, group, "query", "key", "value")];
    };
    const who = last ? rows.asked() : rows.whole();
    const mixed = Array.from(
      { length: groups },
      (_, group) => attention(projected(group), who, { heads: heads / groups, type }),
    );
    x = end(joined(mixed, 1), asking, `${name}.attention.output`, outside);
    const inner = denseGelu(x, ...weightAndBias(p, `${name}.intermediate.dense`), type); // tokens × intermediate
    x = edit(end(inner, x, `${name}.output`, inside || outside), layer + 1);
    states.push(x);
  }
  return states;
}

/** The MLM head: dense, GELU, LayerNorm, and the word embeddings as decoder; rows × hidden → rows × vocabulary. */
export function mlmLogits(p: Parameters, config: BertConfig, states: Tensor, precision?: Precision): Tensor {
  if (config.encoder === "authors") return authorsLogits(p, config, states);
  const transform = "cls.predictions.transform";
  const hidden = denseGelu(states, ...weightAndBias(p, `${transform}.dense`), precision);
  const words = p.get("bert.embeddings.word_embeddings.weight")!;
  return linear(norm(p, `${transform}.LayerNorm`, hidden, config), words, p.get("cls.predictions.bias")!, precision);
}

/** What is added to the logits of pads: far below any score, and finite so that a row of pads stays a number. */
const PAD_LOGIT = -1e9;

/** The attention bias of rows by their lengths: batch × 1 × 1 × length. */
export function padBias(lengths: readonly number[], length: number): Tensor {
  const bias = new Float32Array(lengths.length * length);
  lengths.forEach((own, row) => bias.fill(PAD_LOGIT, row * length + own, (row + 1) * length));
  return tf.tensor4d(bias, [lengths.length, 1, 1, length]);
}

const compiled = new Map<string, Compiled>();

/** The compiled function of a key, made at its first call; it is traced once for each shape of its inputs. */
export function compiledOnce(key: unknown[], make: () => Compiled): Compiled {
  const name = JSON.stringify(key), known = compiled.get(name) ?? make();
  compiled.set(name, known);
  return known;
}

function checkBatch(config: BertConfig, ids: Int32Array, lengths: readonly number[]): number {
  const length = ids.length / lengths.length;
  if (lengths.length === 0 || !Number.isInteger(length) || length < 1 || length > config.maxPositions) {
    const found = `${ids.length} ids for ${lengths.length} lengths`;
    throw new RangeError(`encode: expected ids of rows × length with length ≤ ${config.maxPositions}, found ${found}.`);
  }
  const wrong = lengths.findIndex((n) => !Number.isInteger(n) || n < 1 || n > length);
  if (wrong >= 0) throw new RangeError(`encode: lengths[${wrong}] is ${lengths[wrong]}, expected 1…${length}.`);
  const bad = ids.findIndex((id) => id < 0 || id >= config.vocabularySize);
  if (bad >= 0) throw new RangeError(`encode: ids[${bad}] is ${ids[bad]}, expected 0…${config.vocabularySize - 1}.`);
  return length;
}

/**
 * What a compiled pass of (weights, ids, bias, …`more`) computes for rows of tokens; a `RangeError` if they do not fit,
 * a `CheckpointError` if a state is not finite.
 */
export async function runPass(
  { config, weights }: Model,
  pass: Compiled,
  ids: Int32Array,
  lengths: readonly number[],
  more: (length: number) => Tensor[] = () => [],
): Promise<Float32Array[]> {
  const length = checkBatch(config, ids, lengths);
  const inputs = [tf.tensor2d(ids, [lengths.length, length], "int32"), padBias(lengths, length), ...more(length)];
  try {
    const outputs = await pass(weights, ...inputs);
    const values = await Promise.all(outputs.map((output) => output.data<"float32">()));
    tf.dispose(outputs);
    if (values.every((states) => states.every(Number.isFinite))) return values;
    const found = "expected finite numbers, found some that are not. Its weights are too large.";
    throw new CheckpointError(`The encoder's states: ${found}`);
  } finally {
    tf.dispose(inputs);
  }
}

/**
 * All hidden states of rows of tokens, in evaluation mode.
 *
 * @param ids rows × length, each row padded on the right with any ids after its `lengths`
 * @returns layers 0 (embeddings) … L, each rows × length × hidden; states at pads mean nothing
 * @throws {RangeError} if ids and lengths do not fit each other or the model
 */
export function encode(model: Model, ids: Int32Array, lengths: number[]): Promise<Float32Array[]> {
  const { config } = model;
  const make = () =>
    compile("encode", (weights, ids, bias) => hiddenStates(unflatten(config, weights), config, ids, bias));
  return runPass(model, compiledOnce(["encode", config], make), ids, lengths);
}
