import { assertEquals, assertRejects } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { labelBytes, packLabels } from "@lib/corpus/label_bytes.ts";
import { type Corpus, CorpusError, type Manifest, type Song, verifyCorpus } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { storeWriter } from "@lib/corpus/store_writer.ts";
import { storeBytes } from "../support/corpora.ts";
import { withFolder } from "../support/folder.ts";

const old = `${projectRoot}/tests/golden/store`;

/** A song's bars as the writer takes them, from an open store. */
function packed(corpus: Corpus, { firstBar, bars }: Song) {
  const all = Array.from({ length: bars }, (_, i) => firstBar + i), tokens = all.map((bar) => [...corpus.tokens(bar)]);
  const records = all.map((bar) => {
    const labels = corpus.labels(bar), record = new Uint8Array(labelBytes(labels));
    packLabels(new DataView(record.buffer), 0, corpus.barIndex(bar), labels);
    return [...record];
  });
  return {
    tokens: Uint16Array.from(tokens.flat()),
    labels: Uint8Array.from(records.flat()),
    tokenCounts: Uint16Array.from(tokens, ({ length }) => length),
    labelCounts: Uint32Array.from(records, ({ length }) => length),
  };
}

Deno.test("a store that an earlier version made opens, and written again it has the same bytes", async () => {
  const corpus = await openCorpus(old), expected = await storeBytes(old);
  assertEquals(corpus.songs.map(({ file, bars, split }) => [file, bars, split]), [["d_introa.mid", 3, "train"], [
    "scale.mid",
    6,
    "test",
  ]]);
  assertEquals([corpus.bars, corpus.tokens(3).length, corpus.labels(3).instruments], [9, 124, [0]]);
  assertEquals(corpus.labels(8).meanVelocity, 78); // of 64, 68, … 92
  const manifest = JSON.parse(new TextDecoder().decode(expected["manifest.json"])) as Manifest;
  await withFolder(async (dir) => {
    const writer = storeWriter(dir);
    for (const song of corpus.songs) writer.add(packed(corpus, song));
    await assertRejects(() => openCorpus(dir), CorpusError, "Expected a corpus store");
    writer.finish(manifest.recipe, manifest.summary, corpus.songs, corpus.rejected);
    const { "source.json": _, ...rest } = expected;
    assertEquals(await storeBytes(dir), rest);
  });
});

Deno.test("a store in many segments reads as one, and an abandoned one leaves nothing", async () => {
  const corpus = await openCorpus(old);
  await withFolder(async (dir) => {
    const writer = storeWriter(dir, 400), songs: Song[] = [];
    for (let copy = 0; copy < 3; copy++) {
      for (const song of corpus.songs) {
        writer.add(packed(corpus, song));
        songs.push({ ...song, firstBar: 9 * copy + song.firstBar });
      }
    }
    writer.finish(corpus.recipe, { ...corpus.summary, kept: 27 }, songs, []);
    await verifyCorpus(dir);
    for (const memory of [undefined, 0]) {
      const many = await openCorpus(dir, { memory });
      for (let bar = 0; bar < 27; bar++) {
        assertEquals(many.tokens(bar).slice(), corpus.tokens(bar % 9).slice());
        assertEquals(many.labels(bar), corpus.labels(bar % 9));
      }
      many.close();
    }
    const segments = [...Deno.readDirSync(dir)].filter(({ name }) => name.startsWith("tokens")).length;
    assertEquals(segments, 3); // 327 tokens of one song do not fill one, 744 of the next do
  });
  await withFolder((dir) => {
    const writer = storeWriter(dir);
    writer.add(packed(corpus, corpus.songs[0]));
    writer.abandon();
    assertEquals([...Deno.readDirSync(dir)], []);
  });
});
