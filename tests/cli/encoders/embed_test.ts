import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { bertConfig } from "@lib/bert/config.ts";
import { encode } from "@lib/bert/bert.ts";
import { createBert } from "@lib/bert/parameters.ts";
import { saveCheckpoint } from "@lib/bert/checkpoint.ts";
import { embedLayers } from "@lib/probing/embed.ts";
import { projectRoot } from "@lib/base/project.ts";
import { UserError } from "@lib/base/user_error.ts";
import { UsageError } from "@lib/cli/arguments.ts";
import { embedCommand, embedOptions } from "@lib/cli/encoders/embed.ts";
import { probeCommand, probeOptions } from "@lib/cli/encoders/probe.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { readRows } from "@lib/matrix/rows.ts";
import { parquetReadObjects } from "hyparquet";
import { zstdDecompressSync } from "node:zlib";
import { encoderSongs } from "../../support/encoder_songs.ts";
import { largestDifference, readNpy } from "../../support/npy.ts";

const { dir, study, corpus, bars, truthOf, common, leave } = await encoderSongs();

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

Deno.test("wrong options list the right ones, and what cannot be embedded is told before any song is read", async () => {
  const refused = (options: typeof embedOptions | typeof probeOptions, args: string, message: string) =>
    assertThrows(() => options(args.split(" "), dir), UsageError, message);
  refused(embedOptions, "--nonsense", "--layer L");
  refused(embedOptions, "--encoder e --data d --out x.npy", "--layer: expected a value L, found none");
  refused(embedOptions, "--encoder e --data d --out x.txt --layer 1", "expected a file x.npy or x.parquet, found ");
  refused(probeOptions, "--encoder e --data d", "--out: expected a value FOLDER");
  refused(probeOptions, "--out x --data d", "expected --encoder DIR or --embeddings FILE, found neither");
  refused(probeOptions, "--out x --pooling max", "--pooling: expected one of bar, notes, eob, found max");
  refused(probeOptions, "--out x --encoder e --data d --labels-are class", "expected --labels as well");
  const fails = async (line: string, message: RegExp, command = embedCommand) => {
    const error = await assertRejects(() => command(line.split(" "), dir), UserError);
    assert(message.test(error.message), error.message);
  };
  const to = "--scale smoke --data missing --encoder"; // the songs are not there: nobody looks for them
  await fails(`${to} nowhere --layer 1 --out z.npy`, /nowhere.config\.json: expected a checkpoint's file, found none/);
  await fails(
    `${to} encoder --layer 3 --out z.npy`,
    /--layer: expected 0 \(embeddings\) … 2, the depth of .*, found 3/,
  );
  await fails(`${to} encoder --layer 1 --out a.npy/z.npy`, /a\.npy: expected a folder to write to, found a file/);
  await fails(`${to} encoder --layer 1 --out /proc/none/z.npy`, /\/proc\/none/);
  await Deno.mkdir(`${dir}/folder.npy`);
  await fails(`${to} encoder --layer 1 --out folder.npy`, /folder\.npy: expected a file to write, found a folder/);
  await Deno.writeTextFile(`${dir}/mine.csv`, "song,bar,label\n");
  await fails(`${to} encoder --layer 1 --out mine.npy`, /mine\.csv: expected no such file, or that of an earlier run/);
  assertEquals(await Deno.readTextFile(`${dir}/mine.csv`), "song,bar,label\n");
  await fails(`${to} encoder --out a.npy`, /a\.npy: expected a folder to write to, found a file/, probeCommand);
  await fails(
    `${to} encoder --out new --labels none.csv`,
    /none\.csv: expected a CSV file of labels, found none/,
    probeCommand,
  );
  await fails(`${to} encoder --out new --labels a.npy`, /a\.npy: .* found a NumPy array/, probeCommand);
  await fails(
    `${to} encoder --out new --labels a.csv`,
    /a\.csv, line 1: expected the columns song, bar and/,
    probeCommand,
  );
  await fails(
    `${to} encoder --out found --labels found/own.csv`,
    /expected labels that the results do not/,
    probeCommand,
  );
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
