import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { loadCheckpoint } from "@lib/bert/checkpoint.ts";
import { splits } from "@lib/corpus/split.ts";
import { readRows } from "@lib/matrix/rows.ts";
import { embedLayers } from "@lib/probing/embed.ts";
import { alignEmbeddings } from "@lib/probing/embeddings/align.ts";
import { openEmbeddings } from "@lib/probing/embeddings/embedding_file.ts";
import { largestDifference } from "../../support/golden.ts";
import { parquetReadObjects } from "hyparquet";
import { zstdDecompressSync } from "node:zlib";
import { UserError } from "@lib/base/user_error.ts";
import { barsCommand } from "@lib/cli/encoders/bars.ts";
import { readScore } from "@lib/midi/read.ts";
import { barsToProbe } from "@lib/study/probe_bars.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { encoderSongs } from "../../support/encoder_songs.ts";

const { dir, study, corpus, bars, leave } = await encoderSongs();

/** The rows of a written folder. */
const rowsOf = async (out: string): Promise<Record<string, unknown>[]> =>
  await parquetReadObjects({
    file: (await Deno.readFile(`${dir}/${out}/bars.parquet`)).buffer,
    compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
  });

Deno.test("each bar stands as a MIDI file that reads as its tokens, and in the table with its neighbours", async () => {
  assertEquals(await barsCommand(["--data", "songs", "--out", "bars", "--scale", "smoke"], dir), 0);
  const names = [...Deno.readDirSync(`${dir}/bars`)].map(({ name }) => name).sort();
  assertEquals(names, ["bars.parquet", "embed.py", "midi", "store"]);
  const rows = await rowsOf("bars");
  assertEquals(rows.length, corpus.bars);
  for (const [bar, row] of rows.entries()) {
    const { file, split } = corpus.songs[corpus.song(bar)], tokens = [...corpus.tokens(bar)];
    assertEquals([row.song, row.split, row.bar, row.tokens], [file, split, corpus.barIndex(bar), tokens]);
    const [alone] = tokenize(readScore(await Deno.readFile(`${dir}/bars/${row.midi}`), study), study);
    assertEquals([...alone.tokens], tokens);
    const beside = [bar - 1, bar + 1].map((other) =>
      other >= 0 && other < corpus.bars && corpus.song(other) === corpus.song(bar) ? [...corpus.tokens(other)] : []
    );
    assertEquals([row.tokens_before, row.tokens_after], beside);
    assertEquals((row.note_pitch as number[]).length, (tokens.length - 4) / 5);
  }
});

/** A Python with what `embed.py` imports: the one that the variable PYTHON names. */
const python = await (async () => {
  const own = Deno.env.get("PYTHON"), imports = "import torch, transformers, pyarrow";
  if (!own) return undefined;
  const { success } = await new Deno.Command(own, { args: ["-c", imports], stdout: "null", stderr: "null" }).output();
  return success ? own : undefined;
})();

Deno.test({
  name: "the example embeds the bars by Hugging Face's BERT to what the encoder gives here (PYTHON with transformers)",
  ignore: python === undefined,
  async fn() {
    const args = [`${dir}/bars/embed.py`, `${dir}/bars/bars.parquet`, `${dir}/encoder`, `${dir}/vectors.parquet`];
    const { success, stderr } = await new Deno.Command(python!, { args, stdout: "null", stderr: "piped" }).output();
    assert(success, new TextDecoder().decode(stderr));
    const model = await loadCheckpoint(`${dir}/encoder`);
    const { layers, columns } = await embedLayers(model, corpus, bars, study);
    model.weights.dispose();
    const wanted = {
      train: corpus.barsOf("train"),
      validation: corpus.barsOf("validation"),
      test: corpus.barsOf("test"),
    };
    const options = { folder: dir, memory: 100 };
    const aligned = await alignEmbeddings([await openEmbeddings(`${dir}/vectors.parquet`)], corpus, wanted, options);
    const order = splits.flatMap((split) => [...aligned.bars[split]]);
    assertEquals(aligned.models[0].layers.map(({ layer }) => layer), [...layers.keys()]);
    for (const [l, { source }] of aligned.models[0].layers.entries()) {
      const ours = readRows(layers[l], columns), theirs = readRows(source, columns);
      const same = Float32Array.from(order.flatMap((bar) => [...ours.subarray(bar * columns, (bar + 1) * columns)]));
      assertLess(largestDifference(theirs, same), 1e-5); // LayerNorm's outputs, of order 1, in float32
    }
  },
});

Deno.test("of a store the bars to probe alone are written, without MIDI where asked; a folder is replaced, another's is not", async () => {
  const args = ["--data", "store", "--scale", "smoke", "--probed", "--no-midi", "--out"];
  Deno.env.set("RECIPE", '{"probing":{"trainBarsPerSong":2,"testBarsPerSong":3}}');
  try {
    assertEquals(await barsCommand([...args, "bars"], dir), 0);
  } finally {
    Deno.env.delete("RECIPE");
  }
  assertEquals([...Deno.readDirSync(`${dir}/bars`)].map(({ name }) => name).sort(), ["bars.parquet", "embed.py"]);
  const probing = { ...study.probing, trainBarsPerSong: 2, testBarsPerSong: 3 };
  const { train, validation, test } = barsToProbe(corpus, { ...study, probing });
  const wanted = [...train, ...validation, ...test].sort((a, b) => a - b), rows = await rowsOf("bars");
  assert(wanted.length < bars.length);
  assertEquals(
    rows.map(({ song, bar }) => `${song} ${bar}`),
    wanted.map((bar) => `${corpus.songs[corpus.song(bar)].file} ${corpus.barIndex(bar)}`),
  );
  await Deno.mkdir(`${dir}/mine`);
  await Deno.writeTextFile(`${dir}/mine/letter.txt`, "dear");
  await assertRejects(() => barsCommand([...args, "mine"], dir), UserError, "or one of bars, found letter.txt");
  assertEquals(await Deno.readTextFile(`${dir}/mine/letter.txt`), "dear");
  await assertRejects(() => barsCommand(["--data", "missing", "--out", "none"], dir), UserError);
  assertEquals([...Deno.readDirSync(dir)].filter(({ name }) => /none|tmp/.test(name)), []);
  await leave();
});
