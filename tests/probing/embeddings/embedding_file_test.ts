import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { readRows } from "@lib/matrix/rows.ts";
import { splits } from "@lib/corpus/split.ts";
import { alignEmbeddings } from "@lib/probing/embeddings/align.ts";
import { openEmbeddings } from "@lib/probing/embeddings/embedding_file.ts";
import { foreignCorpus, foreignVector } from "../../support/foreign.ts";
import { goldenPath } from "../../support/golden.ts";
import { withFolder } from "../../support/folder.ts";

const corpus = foreignCorpus();
const wanted = { train: corpus.barsOf("train"), validation: corpus.barsOf("validation"), test: corpus.barsOf("test") };

/** Layers and widths of each golden file; the only layer of a file has no number but that of its vectors. */
const files: Record<string, [layer: number | null, width: number, of: number][]> = {
  "shuffled.parquet": [[0, 6, 0], [1, 6, 1], [2, 6, 2]],
  "one-layer.parquet": [[null, 3, 1]],
  "axes.npy": [[0, 4, 0], [1, 4, 1], [2, 4, 2]],
  "rows.npy": [[1, 5, 1], [3, 5, 3]],
  "tensors.safetensors": [[1, 2, 1], [10, 4, 10]],
};

for (const [name, layers] of Object.entries(files)) {
  Deno.test(`${name}: what Python wrote stands beside the bars, layer by layer, in memory and in files`, () =>
    withFolder(async (folder) => {
      const file = await openEmbeddings(goldenPath(`embeddings/${name}`));
      for (const memory of [100, 0]) {
        const { bars, models: [model] } = await alignEmbeddings([file], corpus, wanted, { folder, memory });
        assertEquals(model.model, name.replace(/\.\w+$/, ""));
        assertEquals(
          model.layers.map(({ layer, columns }) => [layer, columns]),
          layers.map(([l, width]) => [l, width]),
        );
        const order = splits.flatMap((split) => [...bars[split]]);
        assertEquals(order.length, name === "one-layer.parquet" ? 11 : 12);
        for (const [l, { columns, source }] of model.layers.entries()) {
          assertEquals(source instanceof Float32Array, memory > 0);
          const expected = order.flatMap((bar) => [...foreignVector(corpus, bar, layers[l][2], columns)]);
          assertEquals([...readRows(source, columns)], expected);
        }
      }
    }));
}

Deno.test("each way in which a file cannot be read is told with what was expected", () =>
  withFolder(async (folder) => {
    const write = (name: string, content: string | Uint8Array) =>
      Deno.writeFile(`${folder}/${name}`, typeof content === "string" ? new TextEncoder().encode(content) : content);
    const refused = (name: string, message: string) =>
      assertRejects(() => openEmbeddings(`${folder}/${name}`), UserError, message);
    await refused("x.csv", "expected a file x.parquet, x.npy or x.safetensors");
    await refused("none.npy", "expected a file of embeddings, found none");
    await write("text.parquet", "song,bar,vector");
    await refused("text.parquet", "expected a Parquet file, found none that can be read");
    await write("text.npy", "song,bar,vector");
    await refused("text.npy", "found another file");
    const axes = await Deno.readFile(goldenPath("embeddings/axes.npy"));
    await write("axes.npy", axes);
    await refused("axes.npy", "axes.csv: expected the song and bar of each row of axes.npy there, found no file");
    await write("axes.csv", "song,bar\na/one.mid,0\n");
    await refused("axes.npy", "axes.csv: expected 12 rows, as axes.npy has, found 1");
    const table = await Deno.readTextFile(goldenPath("embeddings/axes.csv"));
    await write("axes.csv", table.replace("bar,song", "number,song"));
    await refused("axes.npy", "expected the columns song and bar, found number,song");
    await write("axes.csv", table.replace("\n2,", "\ntwo,"));
    await refused("axes.npy", "axes.csv, line 4: expected a bar's index from 0, found two");
    await write("axes.csv", table.replaceAll(".mid\n", ".mid,0\n").replace("bar,song", "bar,song,layer"));
    await refused("axes.npy", "as it has an axis of layers, found one");
    await write("cut.npy", axes.slice(0, -8));
    await refused("cut.npy", "bytes for [12,3,4] of <f8");
    const tensors = await Deno.readFile(goldenPath("embeddings/tensors.safetensors"));
    await write("tensors.safetensors", tensors.slice(0, -1));
    await refused("tensors.safetensors", "tensors.safetensors: Not a whole safetensors file");
    const at = String.fromCharCode(...tensors.subarray(0, 300)).indexOf("hidden.10") + 7;
    await write("tensors.safetensors", tensors.map((byte, i) => i === at || i === at + 1 ? 120 : byte)); // hidden.xx
    await refused("tensors.safetensors", "named by layer as layer.3, found hidden.xx of shape [12,4]");
  }));
