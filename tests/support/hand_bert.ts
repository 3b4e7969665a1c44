/**
 * A BERT of two layers whose weights are written by hand: it uses one thing that can be read from it, and ignores another.
 *
 * In layer 1 the `Bar` token takes the mean velocity and the mean length of the bar's notes into two of its dimensions; all
 * other tokens look at the `Bar` token and find nothing. In layer 2 every token takes the velocity from the `Bar` token, and
 * the head guesses loud or soft velocities by it. The length stays where it is, and nobody looks at it.
 * @module
 */
import type { BertConfig } from "@lib/bert/config.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { type Model, parameterCount, parametersOf } from "@lib/bert/parameters.ts";
import { tf } from "@lib/engine/mod.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { kinds } from "@lib/tokens/vocabulary.ts";

/** Dimensions of the hand-made states. */
const [isBar, isOther, loud, long, meanLoud, meanLong, told, still] = [0, 1, 2, 3, 4, 5, 6, 7];
const hidden = 32, big = 10;

/** The bins from which velocities are loud, and durations long. */
export const loudFrom = 16, longFrom = 8;

/** The encoder; its weights belong to the caller. */
export function handBert(): Model {
  const config: BertConfig = {
    ...bertConfig(recipe("sound", "smoke")),
    ...{ encoder: "bert", layers: 2, hidden, heads: 1, intermediate: 2, maxPositions: 512, layerNormEps: 1e-12 },
  };
  const weights = new Float32Array(parameterCount(config)),
    places = new Map(parametersOf(config).map((p) => [p.name, p]));
  const set = (name: string, row: number, column: number, value: number) => {
    const { offset, shape } = places.get(name)!;
    weights[offset + row * (shape[1] ?? 1) + column] = value;
  };
  for (const { name, offset, size } of places.values()) {
    if (name.endsWith("LayerNorm.weight")) weights.fill(1, offset, offset + size);
  }
  const words = "bert.embeddings.word_embeddings.weight";
  for (let id = 0; id < config.vocabularySize; id++) set(words, id, id === kinds.Bar.first ? isBar : isOther, big);
  const within = ({ first, count }: { first: number; count: number }, dimension: number, from: number) => {
    for (let i = 0; i < count; i++) set(words, first + i, dimension, i >= from ? 1 : -1);
  };
  within(kinds.Velocity, loud, loudFrom);
  within(kinds.Duration, long, longFrom);
  const self = (layer: number, part: string) => `bert.encoder.layer.${layer}.attention.self.${part}`;
  const output = (layer: number) => `bert.encoder.layer.${layer}.attention.output.dense.weight`;
  set(`${self(0, "query")}.weight`, 0, isOther, 4); // tokens other than Bar look for it; Bar looks at all alike
  set(`${self(1, "query")}.bias`, 0, 0, 20); // all look for Bar
  for (const layer of [0, 1]) {
    set(`${self(layer, "key")}.weight`, 0, isBar, 1);
    for (let i = 0; i < hidden; i++) set(output(layer), i, i, 1);
  }
  set(`${self(0, "value")}.weight`, meanLoud, loud, 5);
  set(`${self(0, "value")}.weight`, meanLong, long, 5);
  set(`${self(1, "value")}.weight`, told, meanLoud, 12);
  const head = "cls.predictions.transform.dense";
  set(`${head}.weight`, loud, told, 1);
  for (const dimension of [loud, still]) set(`${head}.bias`, dimension, 0, 6); // where GELU is a line
  // The head's normalised state where nothing was told; loud and soft are equally likely there.
  const state = Float64Array.from({ length: hidden }, (_, i) => i === loud || i === still ? 6 : 0);
  const mean = state.reduce((sum, value) => sum + value / hidden, 0);
  const deviation = Math.sqrt(state.reduce((sum, value) => sum + (value - mean) ** 2 / hidden, 0));
  const { first, count } = kinds.Velocity;
  for (let i = 0; i < count; i++) {
    set("cls.predictions.bias", first + i, 0, (i >= loudFrom ? -1 : 1) * (state[loud] - mean) / deviation);
  }
  return { config, weights: tf.tensor1d(weights) };
}
