import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { encode } from "@lib/bert/bert.ts";
import { bertConfig } from "@lib/bert/config.ts";
import { embedSong, meanOfBars } from "@lib/bert/embed_song.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { MidiError } from "@lib/midi/error.ts";
import { readScore } from "@lib/midi/read.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { projectRoot } from "@lib/base/project.ts";
import { largestDifference } from "../support/golden.ts";
import { onPlugin } from "../support/plugin.ts";
import { inProcess } from "../support/process.ts";

const song = Deno.readFileSync(`${projectRoot}/data/freedoom/d_e1m1.mid`);
const choices = recipe("sound", "smoke", { probing: { poolings: ["eob", "bar"] } });

Deno.test("each row is the encoder's state of that bar alone, at every layer, and the mean is that of the rows", async () => {
  const model = createBert(bertConfig(choices), 3), { hidden } = model.config;
  const { bars, layers } = await embedSong(model, song, choices);
  const kept = tokenize(readScore(song, choices), choices).filter(({ kept }) => kept);
  assertEquals(bars, kept);
  assertGreater(new Set(bars.map(({ tokens }) => tokens.length)).size, 5);
  for (const [row, { tokens }] of [...bars.entries()].filter(([row]) => row % 7 === 0)) {
    const states = await encode(model, Int32Array.from(tokens), [tokens.length]);
    assertEquals(layers.length, states.length);
    layers.forEach(({ data, rows, columns }, layer) => {
      assertEquals([rows, columns, data.length], [bars.length, hidden, bars.length * hidden]);
      const own = data.subarray(row * hidden, (row + 1) * hidden);
      // LayerNorm's outputs, of order 1, in float32; pads change the order of sums.
      assertLess(largestDifference(own, states[layer].subarray((tokens.length - 1) * hidden)), 1e-5);
    });
  }
  const [, layer] = layers, mean = meanOfBars(layer);
  const third = Array.from({ length: layer.rows }, (_, row) => layer.data[row * hidden + 3]);
  assertLess(Math.abs(mean[3] - third.reduce((sum, value) => sum + value, 0) / layer.rows), 1e-6);
  model.weights.dispose();
});

onPlugin("on XLA, which compiles each shape, a song's rows are those of libtensorflow", async () => {
  const code = `import { bertConfig } from "@lib/bert/config.ts";
    import { embedSong } from "@lib/bert/embed_song.ts";
    import { createBert } from "@lib/bert/parameters.ts";
    import { recipe } from "@lib/recipe/recipe.ts";
    const choices = recipe("sound", "smoke", { training: { batchRows: 16 } });
    const { layers } = await embedSong(createBert(bertConfig(choices), 3), Deno.readFileSync("${`${projectRoot}/data/freedoom/d_e1m1.mid`}"), choices);
    console.log(JSON.stringify(layers.map(({ data }) => [...data])));`;
  const [expected, found] = await Promise.all(
    ["libtensorflow", "xla"].map(async (ENGINE) => {
      const { out, err } = await inProcess(code, { ENGINE });
      assertEquals(err, "");
      return JSON.parse(out) as number[][];
    }),
  );
  assertEquals(found.length, expected.length);
  expected.forEach((layer, i) => assertLess(largestDifference(found[i], layer), 1e-5));
});

Deno.test("bars are cut to an encoder's positions; another vocabulary, a damaged file and a song of rests are told", async () => {
  const short = { ...bertConfig(choices), maxPositions: 40 }, model = createBert(short, 0);
  const { bars } = await embedSong(model, song, choices);
  assertEquals(Math.max(...bars.map(({ tokens }) => tokens.length)) <= 40, true);
  assertGreater(bars.length, 0);
  await assertRejects(() => embedSong(model, song.slice(0, 100), choices), MidiError);
  const none = await embedSong(model, song, { ...choices, tokens: { ...choices.tokens, minNotes: 1000 } });
  assert(none.bars.length === 0 && meanOfBars(none.layers[0]).every((value) => value === 0));
  const other = { ...model, config: { ...short, vocabularySize: 30_522 } };
  await assertRejects(() => embedSong(other, song, choices), UserError, "a vocabulary of 560 ids, found 30522");
  model.weights.dispose();
});
