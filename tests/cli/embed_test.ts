import { assert, assertEquals, assertGreater, assertLess, assertRejects, assertThrows } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { encode } from "@lib/bert/bert.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { saveCheckpoint } from "@lib/bert/checkpoint.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { embedLayers } from "@lib/probing/embed.ts";
import { projectRoot } from "@lib/base/project.ts";
import { UserError } from "@lib/base/user_error.ts";
import { UsageError } from "@lib/cli/arguments.ts";
import { embedCommand, embedOptions, probeCommand, probeOptions } from "@lib/cli/embed.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { LabelsError, parseLabels, probeOwn } from "@lib/probing/own_labels.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { readRows } from "@lib/matrix/rows.ts";
import { parquetReadObjects } from "hyparquet";
import { zstdDecompressSync } from "node:zlib";
import { compose } from "../support/composer.ts";
import { largestDifference, readNpy } from "../support/npy.ts";

const study = recipe("sound", "smoke"),
  dir = await Deno.makeTempDir(),
  songs = `${dir}/songs`,
  encoder = `${dir}/encoder`;
await Deno.mkdir(songs);
const composed = Array.from({ length: 16 }, (_, song) => compose(9, song, 8));
await Promise.all(composed.map(({ bytes }, song) => Deno.writeFile(`${songs}/${song}.mid`, bytes)));
await buildCorpus(songs, `${dir}/store`, study);
const corpus = await openCorpus(`${dir}/store`);
{
  const model = createBert(bertConfig(study), 3);
  await saveCheckpoint(encoder, model.config, model.weights.dataSync<"float32">());
  model.weights.dispose();
}
/** What a bar was made of. */
const truthOf = (bar: number) =>
  composed[Number(corpus.songs[corpus.song(bar)].file.split(".")[0])].bars[corpus.barIndex(bar)];
const bars = Array.from({ length: corpus.bars }, (_, bar) => bar);
const common = ["--encoder", "encoder", "--scale", "smoke"];
const leave = async () => {
  corpus.close();
  await Deno.remove(dir, { recursive: true });
};

Deno.test("embed writes each bar's state at a layer, alike as .npy and as .parquet, from songs as from a store", async () => {
  const before = tensorCount();
  for (const [data, out] of [["store", "a.npy"], ["songs", "b.npy"], ["store", "c/d.parquet"]]) {
    assertEquals(await embedCommand([...common, "--layer", "1", "--data", data, "--out", out], dir), 0);
  }
  assertEquals(tensorCount(), before);
  const [a, b] = await Promise.all(["a", "b"].map((name) => readNpy(new URL(`file://${dir}/${name}.npy`))));
  assertEquals(a.shape, [corpus.bars, study.model.hidden]);
  assertEquals(a, b);
  const model = createBert(bertConfig(study), 3);
  for (const bar of [0, 17, corpus.bars - 1]) {
    const tokens = corpus.tokens(bar), states = await encode(model, Int32Array.from(tokens), [tokens.length]);
    const expected = states[1].subarray(0, study.model.hidden), from = bar * study.model.hidden;
    assertLess(largestDifference(a.data.subarray(from, from + expected.length), expected), 1e-5);
  }
  model.weights.dispose();
  const lines = (await Deno.readTextFile(`${dir}/a.csv`)).trim().split("\r\n");
  assertEquals(lines.length, corpus.bars + 1);
  assertEquals(
    lines[0],
    "row,song,split,bar,chords,groove,instruments,tempo,meanVelocity,meanDuration,meanDurationQuarters",
  );
  const { file, split } = corpus.songs[corpus.song(17)], { tempo, groove } = truthOf(17);
  const fields = lines[18].split(",");
  assertEquals(fields.slice(0, 4), ["17", file, split, String(corpus.barIndex(17))]);
  assertEquals([fields[5], fields[7]], [groove.join(" "), String(tempo)]);
  const bytes = await Deno.readFile(`${dir}/c/d.parquet`);
  const rows = await parquetReadObjects({
    file: bytes.buffer,
    compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
  });
  assertEquals(rows.map(({ song }) => song), bars.map((bar) => corpus.songs[corpus.song(bar)].file));
  assertEquals(Float64Array.from(rows.flatMap(({ embedding }) => embedding as number[])), a.data);
});

Deno.test("embeddings beyond the memory allowed are written to files as they are made, and are the same", async () => {
  const model = createBert(bertConfig(study), 3), small = recipe("sound", "smoke", { probing: { memory: 0.01 } });
  const reversed = bars.toReversed();
  const inMemory = await embedLayers(model, corpus, reversed, study, { folder: dir });
  const inFiles = await embedLayers(model, corpus, reversed, small, { folder: dir });
  assert(inMemory.layers.every((layer) => layer instanceof Float32Array));
  assert(inFiles.layers.every((layer) => !(layer instanceof Float32Array)));
  for (const [l, layer] of inFiles.layers.entries()) {
    assertEquals(readRows(layer, inFiles.columns), inMemory.layers[l] as Float32Array);
  }
  await assertRejects(
    () => embedLayers(model, corpus, bars, study, { folder: dir, layers: [3] }),
    UserError,
    "expected 0 (embeddings) … 2, found 3",
  );
  model.weights.dispose();
});

Deno.test("the advice for an encoder of few positions works, and a store of shorter bars needs none", async () => {
  const short = `${dir}/short`, model = createBert({ ...bertConfig(study), maxPositions: 500 }, 3);
  await saveCheckpoint(short, model.config, model.weights.dataSync<"float32">());
  model.weights.dispose();
  const args = ["--encoder", "short", "--scale", "smoke", "--layer", "1", "--data"];
  const refused = await assertRejects(() => embedCommand([...args, "songs", "--out", "s.npy"], dir), UserError);
  const advice = /RECIPE='(.*)'/.exec(refused.message)![1];
  Deno.env.set("RECIPE", advice);
  try {
    assertEquals(await embedCommand([...args, "songs", "--out", "s.npy"], dir), 0);
  } finally {
    Deno.env.delete("RECIPE");
  }
  assertEquals(await embedCommand([...args, "store", "--out", "t.npy"], dir), 0);
  const [a, b] = await Promise.all(["s", "t"].map((name) => readNpy(new URL(`file://${dir}/${name}.npy`))));
  assertEquals(a, b);
});

Deno.test("probe asks every layer of an encoder, and the user's own labels", async () => {
  const lines = bars.map((bar) =>
    `"${corpus.songs[corpus.song(bar)].file}",${corpus.barIndex(bar)},${truthOf(bar).chord}`
  );
  await Deno.writeTextFile(`${dir}/own.csv`, ["song,bar,label", ...lines].join("\n"));
  const args = [...common, "--data", "store", "--out", "found", "--labels", "own.csv", "--workers", "0"];
  assertEquals(await probeCommand(args, dir), 0);
  const read = async (name: string) =>
    (await Deno.readTextFile(`${dir}/found/${name}.jsonl`)).trim().split("\n").map((line) => JSON.parse(line));
  const rows = await read("results"), own = await read("own");
  assertEquals([...new Set(rows.map(({ layer }) => layer))], [0, 1, 2, null]);
  assertEquals([...new Set(rows.map(({ task }) => task))].sort(), ["C", "GP", "I", "MD", "MV", "SC", "T"]);
  assertEquals([...new Set(own.map(({ layer, task }) => `${task} ${layer}`))], ["own.csv 0", "own.csv 1", "own.csv 2"]);
  const test = own.filter(({ split, metric }) => split === "test" && metric === "accuracy");
  assertEquals(test.map(({ n }) => n), new Array(3).fill(corpus.barsOf("test").length));
  assertEquals((await Deno.readTextFile(`${dir}/found/own.csv`)).trim().split("\r\n").length, own.length + 1);
});

Deno.test("own labels that features hold are found, those they do not hold are guessed", async () => {
  const split = { train: corpus.barsOf("train"), validation: corpus.barsOf("validation"), test: corpus.barsOf("test") };
  const meta = { model: "planted", input: "trained", seed: 0, layer: 1, layers: "one", pooling: "bar" } as const,
    random = stream(1, "own");
  const csv = (label: (bar: number) => string | number) =>
    [
      "bar,song,comment,label",
      ...bars.map((bar) => `${corpus.barIndex(bar)},${corpus.songs[corpus.song(bar)].file},"a, b",${label(bar)}`),
    ]
      .join("\r\n");
  const features = (value: (bar: number) => number) => {
    const of = (bars: Int32Array) =>
      Float32Array.from(Array.from(bars, (bar) => [value(bar), random.uniform()]).flat());
    return { columns: 2, train: of(split.train), validation: of(split.validation), test: of(split.test) };
  };
  const velocity = (bar: number) => truthOf(bar).velocity,
    drums = (bar: number) => Number(truthOf(bar).instruments.includes(128));
  const numbers = parseLabels(csv((bar) => velocity(bar) / 3), "n.csv", corpus);
  const classes = parseLabels(csv((bar) => drums(bar) ? "drums" : "none"), "c.csv", corpus);
  assertEquals([numbers.kind, classes.kind, classes.classes], ["number", "class", ["drums", "none"]]);
  assertEquals(parseLabels(csv(velocity), "w.csv", corpus).kind, "class"); // five whole numbers
  assertEquals(parseLabels(csv(velocity), "w.csv", corpus, "number").kind, "number");
  const score = async (held: (bar: number) => number, labels: typeof numbers, metric: string) => {
    const rows = await probeOwn(features(held), split, corpus, labels, study, meta);
    return rows.find((row) => row.split === "test" && row.metric === metric)!.value;
  };
  assertGreater(await score(velocity, numbers, "r2"), 0.95);
  assertEquals(await score(drums, classes, "accuracy"), 1);
  assertLess(await score(drums, numbers, "r2"), 0.2);
  assertLess(await score(velocity, classes, "aucMacro"), 0.85);
  assertGreater(await score(drums, numbers, "guessRmse"), await score(velocity, numbers, "rmse"));
});

Deno.test("bad labels are named line by line, and wrong options list the right ones", async () => {
  const { file } = corpus.songs[0], first = corpus.barIndex(0);
  const text = [
    "song,bar,label",
    `${file},${first},x`,
    `nobody.mid,0,x`,
    `${file},x,y`,
    `${file},999,y`,
    `${file},${first},z`,
    `${file},1`,
    "",
  ];
  const error = assertThrows(() => parseLabels(text.join("\n"), "mine.csv", corpus), LabelsError);
  for (
    const [line, what] of [[3, "nobody.mid"], [4, "found x"], [5, "found 999"], [6, "a second one"], [
      7,
      "expected 3 fields, found 2",
    ]]
  ) {
    assert(new RegExp(`line ${line}: .*${what}`).test(error.message), `${line}: ${error.message}`);
  }
  assertEquals(error.message.includes("line 2:"), false);
  assertThrows(
    () => parseLabels("a,b\n", "mine.csv", corpus),
    LabelsError,
    "line 1: expected the columns song, bar and label, found a,b",
  );
  assertThrows(() => parseLabels("song,bar,label\n", "mine.csv", corpus), LabelsError, "found none");
  const words = `song,bar,label\n${file},${first},loud`;
  assertThrows(() => parseLabels(words, "mine.csv", corpus, "number"), LabelsError, "expected a number, found loud");
  const refused = (options: typeof embedOptions | typeof probeOptions, args: string, message: string) =>
    assertThrows(() => options(args.split(" "), dir), UsageError, message);
  refused(embedOptions, "--nonsense", "--layer L");
  refused(embedOptions, "--encoder e --data d --out x.npy", "--layer: expected a value L, found none");
  refused(embedOptions, "--encoder e --data d --out x.txt --layer 1", "expected a file x.npy or x.parquet, found ");
  refused(probeOptions, "--out x", "--encoder: expected a value DIR");
  refused(probeOptions, "--out x --pooling max", "--pooling: expected one of bar, notes, eob, found max");
  refused(probeOptions, "--out x --encoder e --data d --labels-are class", "expected --labels as well");
  const args = [...common.slice(2), "--encoder", "nowhere", "--layer", "1", "--data", "store", "--out", "z.npy"];
  const missing = await assertRejects(() => embedCommand(args, dir), Error);
  assert(/nowhere.config\.json: expected a checkpoint's file, found none/.test(missing.message), missing.message);
  await leave();
});

Deno.test("a store brings its own choices, and what is asked for besides is named", () => {
  const store = `${projectRoot}/tests/golden/store`, args = ["--encoder", "e", "--data", store, "--out", "x"];
  const { preset, split, scale } = probeOptions([...args, "--scale", "base"]).recipe;
  assertEquals([preset, split.train, scale], ["sound", 0.6, "base"]); // base alone has 0.8
  const authors = ["--preset", "authors"], there = "preset: sound there, authors asked for";
  assertThrows(() => probeOptions([...args, ...authors]), UserError, there);
  assertThrows(() => embedOptions([...args.with(-1, "x.npy"), "--layer", "1", ...authors]), UserError, there);
});
