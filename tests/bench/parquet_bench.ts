/**
 * Writes a store as Parquet and has pyarrow and Hugging Face `datasets` read it: same types, tokens and splits?
 *
 * `deno run -A tests/bench/parquet_bench.ts [STORE]`; PYTHON is that of an environment with pyarrow (and datasets),
 * that in .venv-bench by default. Without a store it takes the embedded songs.
 * @module
 */
import { createHash } from "node:crypto";
import { buildCorpus } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import type { Split } from "@lib/corpus/split.ts";
import { exportParquet } from "@lib/corpus/parquet.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { projectRoot } from "@lib/base/project.ts";
import { peerPython } from "./peers.ts";

const folder = await Deno.makeTempDir();
try {
  const store = Deno.args[0] ?? `${folder}/store`, path = `${folder}/bars.parquet`;
  if (!Deno.args[0]) await buildCorpus(`${projectRoot}/data/freedoom`, store, recipe("sound", "demo"));
  const corpus = await openCorpus(store), start = performance.now();
  await exportParquet(corpus, path);
  const seconds = (performance.now() - start) / 1000, { size } = await Deno.stat(path);
  const python = await peerPython("parquet");
  const args = [`${projectRoot}/tests/bench/peers/parquet_peer.py`, path];
  const { stdout, success } = await new Deno.Command(python, { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`${python}: expected it to read the file, found that it failed.`);
  const seen = JSON.parse(new TextDecoder().decode(stdout));
  const tokens = createHash("sha256"), lengths = createHash("sha256");
  for (let bar = 0; bar < corpus.bars; bar++) {
    const ids = corpus.tokens(bar);
    tokens.update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
    lengths.update(new Uint8Array(Uint16Array.of(ids.length).buffer));
  }
  const uint16 = /^list<element: uint16( not null)?>$/.test(seen.types.tokens);
  const found = { uint16, rows: seen.rows, tokens: seen.tokens, lengths: seen.lengths };
  const expected = { uint16: true, rows: corpus.bars, tokens: tokens.digest("hex"), lengths: lengths.digest("hex") };
  const splits = Object.entries(seen.splits as Record<Split, number>)
    .every(([split, bars]) => corpus.barsOf(split as Split).length === bars);
  console.log(seen);
  console.log(`${corpus.bars} bars in ${seconds.toFixed(1)} s, ${(size / 1e6).toFixed(1)} MB`);
  const same = splits && JSON.stringify(found) === JSON.stringify(expected);
  console.log(same ? "pyarrow reads what the store holds" : { expected, found, splits });
  corpus.close();
  if (!same) Deno.exitCode = 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}
