import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { encode } from "@lib/bert/bert.ts";
import { createBert, parametersOf } from "@lib/bert/parameters.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { embeddingPlans, embedLayers } from "@lib/probing/embed.ts";
import { readRows, type RowSource } from "@lib/matrix/rows.ts";
import { CheckpointError } from "@lib/bert/hugging_face.ts";
import { UserError } from "@lib/base/user_error.ts";
import { tensorCount, tf } from "@lib/engine/mod.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { readNpy } from "../support/npy.ts";
import { largestDifference } from "../support/golden.ts";
import { plantedBar, plantedCorpus } from "../support/planted_corpus.ts";

const choices = recipe("sound", "smoke");

Deno.test("each bar's embeddings are those states of the bar encoded alone, repeated bars included", async () => {
  const source = await Deno.makeTempDir(), dir = await Deno.makeTempDir();
  await Deno.copyFile(new URL("../../data/freedoom/d_e1m1.mid", import.meta.url), `${source}/a.mid`);
  await buildCorpus(source, dir, choices);
  const corpus = await openCorpus(dir);
  const texts = Array.from({ length: corpus.bars }, (_, bar) => corpus.tokens(bar).join());
  assert(new Set(texts).size < corpus.bars, "the song repeats no bar");
  const before = tensorCount(), model = createBert(bertConfig(choices), 3);
  const bars = Array.from({ length: corpus.bars }, (_, i) => corpus.bars - 1 - i); // any order will do
  const { layers, columns } = await embedLayers(model, corpus, bars, choices);
  const { pooled } = await embedLayers(model, corpus, bars, choices, { poolings: ["notes", "bar", "eob"] });
  assertEquals([columns, layers.length], [choices.model.hidden, choices.model.layers + 1]);
  const rowOf = (source: RowSource, row: number) => readRows(source, columns, Int32Array.of(row));
  for (const [row, bar] of bars.entries()) {
    const tokens = corpus.tokens(bar);
    const states = await encode(model, Int32Array.from(tokens), [tokens.length]);
    states.forEach((state, layer) => {
      assertLess(largestDifference(rowOf(layers[layer], row), state.subarray(0, columns)), 1e-5);
      const own = (pooling: "bar" | "notes" | "eob") => rowOf(pooled.get(pooling)![layer], row);
      const last = tokens.length - 1, notes = new Float64Array(columns);
      for (let i = 3; i < last; i++) {
        for (let c = 0; c < columns; c++) notes[c] += state[i * columns + c] / (last - 3);
      }
      assertLess(largestDifference(own("bar"), state.subarray(0, columns)), 1e-5);
      assertLess(largestDifference(own("eob"), state.subarray(last * columns)), 1e-5);
      assertLess(largestDifference(own("notes"), Float32Array.from(notes)), 1e-5);
    });
  }
  const signal = AbortSignal.abort();
  await assertRejects(() => embedLayers(model, corpus, bars, choices, { signal }), DOMException);
  model.weights.dispose();
  assertEquals(tensorCount(), before);
  await Deno.remove(source, { recursive: true });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("padding ends at the encoder's positions, and a bar that is longer is refused by name before any is embedded", async () => {
  const pitches = (notes: number) => Array.from({ length: notes }, (_, i) => 30 + i);
  const planted = plantedCorpus(["test", plantedBar(pitches(9)), plantedBar(pitches(5)), plantedBar(pitches(8))]);
  assertEquals(embeddingPlans(planted, [0, 1, 2], choices, 50).map(({ length }) => length), [50]); // 49 tokens
  assertEquals(embeddingPlans(planted, [1], choices, 512)[0].length % choices.probing.padTo, 0);
  const short = bertConfig({ ...choices, model: { ...choices.model, maxPositions: 50 } }), model = createBert(short, 3);
  const { layers } = await embedLayers(model, planted, [0, 1, 2], choices);
  for (const bar of [0, 1, 2]) {
    const tokens = planted.tokens(bar), states = await encode(model, Int32Array.from(tokens), [tokens.length]);
    const own = readRows(layers.at(-1)!, short.hidden, Int32Array.of(bar));
    assertLess(largestDifference(own, states.at(-1)!.subarray(0, short.hidden)), 1e-5);
  }
  assertThrows(
    () => embeddingPlans(planted, [1, 2, 0], choices, 48),
    UserError,
    `0.mid, bar 0: expected at most 48 tokens, the encoder's positions, found 49. Make the store anew with RECIPE='{"tokens":{"maxTokens":48}}'`,
  );
  model.weights.dispose();
});

Deno.test("states that are not finite are refused by song and bar, and no file is left", async () => {
  const planted = plantedCorpus(["train", plantedBar([60])], ["test", plantedBar([60]), plantedBar([60, 62])]);
  const fresh = createBert(bertConfig(choices), 3), weights = fresh.weights.dataSync<"float32">().slice();
  const [words] = parametersOf(fresh.config).filter(({ name }) => name.includes("word_embeddings"));
  const [own] = planted.tokens(2).filter((token) => !planted.tokens(0).includes(token)); // bar 2 alone has it
  weights[words.offset + own * fresh.config.hidden] = NaN;
  const model = { ...fresh, weights: tf.tensor1d(weights) }, folder = await Deno.makeTempDir();
  const files = recipe("sound", "smoke", { probing: { memory: 1e-4 } });
  const refused = () => embedLayers(model, planted, [0, 1, 2], files, { folder });
  await assertRejects(refused, CheckpointError, "1.mid, bar 1: The encoder's states: expected finite numbers");
  assertEquals([...Deno.readDirSync(folder)], []);
  await embedLayers(model, planted, [0, 1], files, { folder });
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["bar-0.npy", "bar-1.npy", "bar-2.npy"]);
  const { layers } = await embedLayers(model, planted, [0, 1], files); // without a folder, in memory
  assert(layers.every((layer) => layer instanceof Float32Array));
  for (const [l, layer] of layers.entries()) {
    const stored = await readNpy(new URL(`bar-${l}.npy`, `file://${folder}/`));
    assertEquals(Float32Array.from(stored.data), layer as Float32Array);
  }
  // Files that are kept stand in for the encoder, if all are there for these bars; the second would give other numbers.
  const other = createBert(fresh.config, 4), kept = `${folder}/kept`;
  const embed = (by: typeof other, bars: number[], of = choices) =>
    embedLayers(by, planted, bars, of, { folder: kept, keep: true });
  const first = await embed(fresh, [0, 1]),
    again = await embed(other, [0, 1]),
    stored = await embed(other, [0, 1], files);
  assertEquals(again, first);
  assertEquals(stored.layers.map((layer) => readRows(layer, stored.columns)), first.layers);
  assert(stored.layers.every((layer) => !(layer instanceof Float32Array)));
  assert((await embed(other, [1])).layers[1].toString() !== readRows(first.layers[1], 32, Int32Array.of(1)).toString());
  await Deno.remove(`${kept}/bar-1.npy`);
  await embed(fresh, [1]);
  assertEquals((await embed(other, [1])).layers[2], readRows(first.layers[2], 32, Int32Array.of(1)));
  other.weights.dispose();
  await assertRejects(
    () => embedLayers(model, planted, [0], choices, { layers: [3] }),
    UserError,
    "0 (embeddings) … 2",
  );
  for (const { weights } of [model, fresh]) weights.dispose();
  await Deno.remove(folder, { recursive: true });
});
