import { assert, assertEquals, assertRejects } from "@std/assert";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { zstdDecompressSync } from "node:zlib";
import { chordNames } from "@lib/tokens/chords.ts";
import { tempoBins } from "@lib/tokens/vocabulary.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { exportParquet } from "@lib/corpus/parquet.ts";
import { recipe } from "@lib/recipe/recipe.ts";

const compressors = { ZSTD: (bytes: Uint8Array) => new Uint8Array(zstdDecompressSync(bytes)) };

Deno.test("a Parquet file gives back every bar's tokens, labels, song and split, in zstd", async () => {
  const dir = await Deno.makeTempDir(), choices = recipe("sound", "demo");
  try {
    await buildCorpus("data/freedoom", dir, choices);
    const corpus = await openCorpus(dir), path = `${dir}/bars.parquet`;
    const told: number[] = [];
    await exportParquet(corpus, path, { onProgress: (done) => told.push(done) });
    assertEquals(told.at(-1), corpus.bars);
    const file = await asyncBufferFromFile(path), metadata = await parquetMetadataAsync(file);
    assertEquals(Number(metadata.num_rows), corpus.bars);
    assertEquals(metadata.row_groups[0].columns.map((column) => column.meta_data?.codec), Array(12).fill("ZSTD"));
    const leaves = metadata.schema.filter(({ type }) => type).map(({ type, converted_type: as }) => as ?? type);
    const means = Array(3).fill("DOUBLE"), sets = ["UINT_16", "UTF8", "UINT_8", "UINT_8"];
    assertEquals(leaves, ["UTF8", "UTF8", "UINT_32", "UINT_32", ...sets, "UINT_16", ...means]);
    const lists = metadata.schema.filter(({ converted_type: as }) => as === "LIST").map(({ name }) => name);
    assertEquals(lists, ["tokens", "chords", "groove", "instruments"]);
    assertEquals(JSON.parse(metadata.key_value_metadata![0].value!), corpus.recipe);
    const rows = await parquetReadObjects({ file, compressors });
    for (const [bar, row] of rows.entries()) {
      const song = corpus.songs[corpus.song(bar)], labels = corpus.labels(bar);
      assertEquals(row, {
        song: song.file,
        split: song.split,
        cluster: song.cluster,
        bar: corpus.barIndex(bar),
        tokens: Array.from(corpus.tokens(bar)),
        chords: labels.chords.map((chord) => chordNames[chord]),
        groove: labels.groove,
        instruments: labels.instruments,
        tempo: tempoBins[labels.tempoBin],
        mean_velocity: labels.meanVelocity,
        mean_duration: labels.meanDuration,
        mean_duration_quarters: labels.meanDurationQuarters,
      });
    }
    const before = await Deno.readFile(path), signal = AbortSignal.abort();
    await assertRejects(() => exportParquet(corpus, path, { signal }), DOMException);
    assertEquals(await Deno.readFile(path), before);
    assert(!await Deno.stat(`${path}.partial`).then(() => true, () => false));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
