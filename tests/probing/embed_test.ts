import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { encode } from "@lib/bert/bert.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { embedBars } from "@lib/probing/embed.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { largestDifference } from "../support/golden.ts";

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
  const { layers, columns, rows } = await embedBars(model, corpus, bars, choices);
  const { pooled } = await embedBars(model, corpus, bars, choices, { poolings: ["notes", "bar", "eob"] });
  assertEquals([rows, columns, layers.length], [corpus.bars, choices.model.hidden, choices.model.layers + 1]);
  for (const [row, bar] of bars.entries()) {
    const tokens = corpus.tokens(bar);
    const states = await encode(model, Int32Array.from(tokens), [tokens.length]);
    states.forEach((state, layer) => {
      const found = layers[layer].subarray(row * columns, (row + 1) * columns);
      assertLess(largestDifference(found, state.subarray(0, columns)), 1e-5);
      const own = (pooling: "bar" | "notes" | "eob") =>
        pooled.get(pooling)![layer].subarray(row * columns, (row + 1) * columns);
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
  await assertRejects(() => embedBars(model, corpus, bars, choices, { signal }), DOMException);
  model.weights.dispose();
  assertEquals(tensorCount(), before);
  await Deno.remove(source, { recursive: true });
  await Deno.remove(dir, { recursive: true });
});
