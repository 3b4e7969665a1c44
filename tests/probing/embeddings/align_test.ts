import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { readRows } from "@lib/matrix/rows.ts";
import { alignEmbeddings, type EmbeddingFile } from "@lib/probing/embeddings/align.ts";
import { openEmbeddings } from "@lib/probing/embeddings/embedding_file.ts";
import { foreignCorpus, foreignVector } from "../../support/foreign.ts";
import { goldenPath } from "../../support/golden.ts";

const corpus = foreignCorpus();
const wanted = { train: corpus.barsOf("train"), validation: corpus.barsOf("validation"), test: corpus.barsOf("test") };
const all = [...wanted.train, ...wanted.validation, ...wanted.test];

type Row = [song: string, bar: number, layer: number | null, vector: number[]];

/** A file of rows; `vector` has three numbers unless told otherwise. */
const fileOf = (model: string, rows: Row[]): EmbeddingFile => ({
  path: `${model}.npy`,
  model,
  async *rows({ vectors }) {
    for (let i = 0; i < rows.length; i += 5) {
      const part = rows.slice(i, i + 5);
      yield await Promise.resolve({
        songs: part.map(([song]) => song),
        bars: part.map(([, bar]) => bar),
        layers: part.map(([, , layer]) => layer),
        vectors: vectors ? part.map(([, , , vector]) => vector) : [],
      });
    }
  },
});
const rowsOf = (bars: readonly number[], layer: number | null = null): Row[] =>
  bars.map((bar) => [corpus.songs[corpus.song(bar)].file, corpus.barIndex(bar), layer, [bar, 1, 2]]);
const align = (...files: EmbeddingFile[]) => alignEmbeddings(files, corpus, wanted, { folder: "none", memory: 100 });

Deno.test("bars are those that every file has at each layer, and what lacks or is left out is counted", async () => {
  const golden = await openEmbeddings(goldenPath("embeddings/shuffled.parquet"));
  const other = fileOf("other", [
    ...rowsOf(all.filter((bar) => bar !== 1 && bar !== 9), 0),
    ...rowsOf(all.filter((bar) => bar !== 5), 1),
    ["waltz.mid", 0, 0, [0]],
    ["three.mid", 5, 0, [0]], // a bar that is not kept
    ["three.mid", 6, 0, [0]],
    ["/home/me/songs/two.mid", 2_000, 1, [0]],
  ]);
  const { bars, models, notes } = await align(golden, other);
  assertEquals([...bars.train, ...bars.validation, ...bars.test], all.filter((bar) => ![1, 5, 9].includes(bar)));
  const [[, second], [, one]] = models.map(({ layers }) => layers);
  const order = [...bars.train, ...bars.validation, ...bars.test];
  assertEquals([...readRows(second.source, 6)], order.flatMap((bar) => [...foreignVector(corpus, bar, 1, 6)]));
  assertEquals([...readRows(one.source, 3)], order.flatMap((bar) => [bar, 1, 2]));
  assertEquals(notes.length, 3);
  const of = "3 layers (0 … 2) of width 6; 0 of 12 bars to probe are missing; rows left out: ";
  const [what, left] = notes[0].split(/(?<=left out: )/);
  assert(what.endsWith(of), what);
  const reasons = ["1 of bars beyond their song's end", "2 of songs that the store lacks"]; // by the order of rows
  assertEquals(left.split(", ").sort(), reasons);
  assertEquals(
    notes[1],
    "other.npy: 2 layers (0 … 1) of width 3; 3 of 12 bars to probe are missing; rows left out: 1 of songs that " +
      "tokenizing left out (not-4/4), 1 of bars with too few notes, 2 of bars beyond their song's end",
  );
  assertEquals(notes[2], "9 bars, which all have, are probed.");
});

Deno.test("a number that is not finite, another width and a second vector are refused by song, bar and layer", async () => {
  const with_ = (change: (row: Row) => Row, layer: number | null = 2) =>
    fileOf("bad", rowsOf(all, layer).map((row) => row[0] === "three.mid" && row[1] === 3 ? change(row) : row));
  const refused = (file: EmbeddingFile, message: string) => assertRejects(() => align(file), UserError, message);
  await refused(
    with_(([s, b, l]) => [s, b, l, [1, NaN, 2]]),
    "bad.npy: three.mid, bar 3, layer 2: expected finite numbers, found NaN at place 1 of 3",
  );
  await refused(with_(([s, b, l]) => [s, b, l, [1, 2, 1e300]]), "found 1e+300 at place 2 of 3");
  await refused(
    with_(([s, b, l]) => [s, b, l, [1, 2]], null),
    "three.mid, bar 3: expected 3 numbers, as before, found 2",
  );
  await refused(
    with_(([s, , l, v]) => [s, 2, l, v]),
    "expected one vector a bar and layer, found a second one of three.mid, bar 2, layer 2 (row 10)",
  );
  const nan = fileOf(
    "nan",
    rowsOf(all).map(([s, b, l, v]) => [s, b, l, b === 3 && s === "three.mid" ? [NaN, 0, 0] : v]),
  );
  const without = fileOf("without", rowsOf(all.filter((bar) => bar !== 10)));
  await align(nan, without); // a bar that is not probed may have what it wants
});

Deno.test("files of no use are refused: without the store's bars, without a split's, or of one name", async () => {
  const refused = (files: EmbeddingFile[], message: string) => assertRejects(() => align(...files), UserError, message);
  await refused(
    [fileOf("x", [["other.mid", 0, 0, [1]]])],
    "found 1 rows, none of them (1 of songs that the store lacks). Name songs as the store does, such as a/one.mid.",
  );
  await refused([fileOf("x", [])], "found 0 rows, none of them (empty)");
  await refused(
    [fileOf("x", rowsOf([...wanted.train, ...wanted.test]))],
    "found none for validation; of 12 bars to probe x.npy lacks 3",
  );
  await refused(
    [fileOf("x", rowsOf(all)), fileOf("x", rowsOf(all))],
    "expected files with names of their own, found x twice",
  );
});
