import { assertEquals, assertRejects } from "@std/assert";
import { parquetWriteBuffer } from "hyparquet-writer";
import { UserError } from "@lib/base/user_error.ts";
import { openParquet } from "@lib/probing/embeddings/embedding_parquet.ts";
import { withFolder } from "../../support/folder.ts";
import { goldenPath } from "../../support/golden.ts";

type Columns = Parameters<typeof parquetWriteBuffer>[0]["columnData"];

/** Writes a Parquet file of columns and opens it. */
async function written(folder: string, columnData: Columns) {
  await Deno.writeFile(`${folder}/x.parquet`, new Uint8Array(parquetWriteBuffer({ columnData })));
  return await openParquet(`${folder}/x.parquet`);
}

Deno.test("a group of rows comes at a time, without vectors where they are not asked for", async () => {
  const rows = await openParquet(goldenPath("embeddings/shuffled.parquet"));
  for (const vectors of [false, true]) {
    const parts = await Array.fromAsync(rows({ vectors }));
    assertEquals(parts.map(({ songs }) => songs.length), [7, 7, 7, 7, 7, 4]); // 36 bars' and three others'
    assertEquals(parts.map((part) => part.vectors.length), vectors ? [7, 7, 7, 7, 7, 4] : [0, 0, 0, 0, 0, 0]);
    assertEquals(
      parts.every(({ bars, layers }) => [...Array.from(bars), ...Array.from(layers)].every(Number.isInteger)),
      true,
    );
  }
});

Deno.test("columns that lack, and cells of another kind, are told with their row", () =>
  withFolder(async (folder) => {
    const song = { name: "song", data: ["a", "b"] };
    const bar: Columns[number] = { name: "bar", data: [0, 1], type: "INT32" };
    const vector = { name: "vector", data: [[1], [2]] };
    const all = async (columns: Columns) => await Array.fromAsync((await written(folder, columns))({ vectors: true }));
    const [part] = await all([song, bar, { ...vector, name: "embedding" }]);
    assertEquals([part.songs, part.bars, part.layers], [["a", "b"], [0, 1], [null, null]]);
    const refused = (columns: Columns, message: string) => assertRejects(() => all(columns), UserError, message);
    await refused([song, vector], "expected the columns song, bar, layer and vector, found song, vector");
    await refused(
      [song, { name: "bar", data: ["0", "x"] }, vector],
      "row 0: expected a bar's index, a whole number from 0",
    );
    await refused([song, { name: "bar", data: [0, -1], type: "INT32" }, vector], "row 1: expected a bar's index");
    await refused(
      [song, bar, { name: "vector", data: [1.5, 2], type: "DOUBLE" }],
      "row 0: expected a vector, a list of floats",
    );
    await refused(
      [{ name: "song", data: [3, 4], type: "INT32" }, bar, vector],
      "row 0: expected a song's name, found 3",
    );
  }));
