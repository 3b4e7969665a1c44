/**
 * One call from the bytes of a MIDI file to the embeddings of its bars.
 * @module
 */
import { UserError } from "../base/user_error.ts";
import { lengthStep } from "../engine/mod.ts";
import { columnMeans, type FloatMatrix } from "../matrix/rows.ts";
import { readScore } from "../midi/read.ts";
import { type Recipe, recipe } from "../recipe/recipe.ts";
import { type Bar, tokenize } from "../tokens/remi.ts";
import { pad, vocabulary } from "../tokens/vocabulary.ts";
import type { Model } from "./parameters.ts";
import { encodePooled } from "./pooling.ts";

/** The bars of a song that were embedded, and their embeddings at the layers 0 (embeddings) … L: bars × hidden. */
export type EmbeddedSong = { bars: Bar[]; layers: FloatMatrix[] };

/**
 * The embeddings of a song's bars at every layer, unmasked and in evaluation mode. Bars with too few notes for the
 * choices (`tokens.minNotes`) are left out; `Bar.index` says which one a row is of.
 *
 * @param choices how the file is read and a bar's states become one embedding (the first of `probing.poolings`); bars
 * with more tokens than the encoder has positions are cut
 * @returns bars × hidden of each layer; empty if no bar has enough notes
 * @throws {MidiError} if the file is damaged, not in 4/4 or has no notes
 * @throws {UserError} if the encoder is not of this vocabulary
 *
 * @example The mean of a song's bars at the last layer
 * ```ts
 * import { bertConfig } from "@lib/bert/config.ts";
 * import { embedSong, meanOfBars } from "@lib/bert/embed_song.ts";
 * import { createBert } from "@lib/bert/parameters.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const model = createBert(bertConfig(recipe("sound", "smoke")), 0); // or loadCheckpoint(folder)
 * const { layers } = await embedSong(model, await Deno.readFile("data/freedoom/d_e1m1.mid"));
 * assertEquals(meanOfBars(layers.at(-1)!).length, model.config.hidden);
 * model.weights.dispose();
 * ```
 */
export async function embedSong(
  model: Model,
  bytes: Uint8Array,
  choices: Recipe = recipe("sound", "demo"),
): Promise<EmbeddedSong> {
  const { vocabularySize, maxPositions, hidden: columns, layers: depth } = model.config;
  if (vocabularySize !== vocabulary.size) {
    throw new UserError(`Expected an encoder with a vocabulary of ${vocabulary.size} ids, found ${vocabularySize}.`);
  }
  const { tokens, training: { batchRows, batchTokens }, probing: { poolings, padTo } } = choices;
  const own = { ...choices, tokens: { ...tokens, maxTokens: Math.min(tokens.maxTokens, maxPositions) } };
  const bars = tokenize(readScore(bytes, own), own).filter(({ kept }) => kept);
  const layers = Array.from(
    { length: depth + 1 },
    (): FloatMatrix => ({ rows: bars.length, columns, data: new Float32Array(bars.length * columns) }),
  );
  const order = [...bars.keys()].sort((a, b) => bars[b].tokens.length - bars[a].tokens.length);
  for (let first = 0; first < order.length;) {
    const longest = bars[order[first]].tokens.length;
    const step = Math.max(padTo, lengthStep), length = Math.min(maxPositions, step * Math.ceil(longest / step));
    const rows = Math.max(1, Math.min(batchRows, Math.floor(batchTokens / length)));
    const batch = order.slice(first, first + rows), extra = lengthStep > 1 ? rows - batch.length : 0;
    const filled = [...batch, ...Array<number>(extra).fill(batch[0])]; // where each shape is compiled, the last batch is full
    const ids = new Int32Array(filled.length * length).fill(pad);
    filled.forEach((bar, row) => ids.set(bars[bar].tokens, row * length));
    const lengths = filled.map((bar) => bars[bar].tokens.length);
    const [states] = await encodePooled(model, ids, lengths, poolings.slice(0, 1));
    for (const [layer, { data }] of layers.entries()) {
      for (const [row, bar] of batch.entries()) {
        const at = (layer * filled.length + row) * columns;
        data.set(states.subarray(at, at + columns), bar * columns);
      }
    }
    first += batch.length;
  }
  return { bars, layers };
}

/** The mean embedding of a song's bars at a layer of {@link embedSong}; all 0 without bars. */
export const meanOfBars = ({ data, rows, columns }: FloatMatrix): Float64Array => columnMeans(data, rows, columns);
