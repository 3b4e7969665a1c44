/**
 * `deno task embed`: the embedding of every bar of any songs at one layer of any BERT over this vocabulary.
 * @module
 */
import { basename, dirname } from "node:path";
import type { Corpus } from "../../corpus/store.ts";
import { embedLayers } from "../../probing/embed.ts";
import { readTextIfThere, writableFolder, writeFile } from "../../base/files.ts";
import { createNpy } from "../../matrix/npy.ts";
import { pieces, type RowSource } from "../../matrix/rows.ts";
import { exportParquet, vectors } from "../../corpus/parquet.ts";
import { UserError } from "../../base/user_error.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { toCsv } from "../../probing/results.ts";
import type { Values } from "../options.ts";
import { readArguments, usageError } from "../arguments.ts";
import { meter } from "../meter.ts";
import { chordNames } from "../../tokens/chords.ts";
import { tempoBins } from "../../tokens/vocabulary.ts";
import { recipeOf, withSongs } from "./opened.ts";

/** The arguments of `deno task embed`, and their recipe; throws a {@link UsageError} where they are wrong. */
export function embedOptions(args: readonly string[], cwd?: string): Values<"embed"> & { recipe: Recipe } {
  const { values } = readArguments("embed", args, cwd);
  if (!/\.(npy|parquet)$/.test(values.out)) {
    throw usageError("embed", `--out: expected a file x.npy or x.parquet, found ${values.out}.`);
  }
  return { ...values, recipe: recipeOf(values) };
}

const labelColumns = [
  ...["row", "song", "split", "bar", "chords", "groove", "instruments", "tempo"],
  ...["meanVelocity", "meanDuration", "meanDurationQuarters"],
] as const;

/** Song, bar and labels of every bar of a store as CSV; sets with spaces between their members. */
function barsAsCsv(corpus: Corpus): string {
  const rows = Array.from({ length: corpus.bars }, (_, bar) => {
    const { file, split } = corpus.songs[corpus.song(bar)];
    const { chords, groove, instruments, tempoBin, ...rest } = corpus.labels(bar);
    const names = chords.map((chord) => chordNames[chord]).join(" "), place = corpus.barIndex(bar);
    const sets = { chords: names, groove: groove.join(" "), instruments: instruments.join(" ") };
    return { row: bar, song: file, split, bar: place, ...sets, tempo: tempoBins[tempoBin], ...rest };
  });
  return toCsv(rows, labelColumns);
}

/** The rows of a source, which are fetched in ascending order; each piece is read once. */
function ascending(source: RowSource, columns: number): (row: number) => Float32Array {
  const all = pieces(source, columns);
  let piece = { first: 0, rows: 0, x: new Float32Array(0) };
  return (row) => {
    while (row >= piece.first + piece.rows) piece = all.next().value!;
    return piece.x.subarray((row - piece.first) * columns, (row - piece.first + 1) * columns);
  };
}

/** Refuses an output that cannot be written, or a table beside it that is somebody's own. */
async function checkEmbeddingFile(out: string): Promise<void> {
  await writableFolder(dirname(out));
  for (const path of [out, ...out.endsWith(".npy") ? [besides(out)] : []]) {
    if ((await Deno.stat(path).catch(() => undefined))?.isDirectory) {
      throw new UserError(`${path}: expected a file to write, found a folder.`);
    }
  }
  const there = out.endsWith(".npy") ? await readTextIfThere(besides(out)) : undefined;
  if (there === undefined || there.startsWith(`${labelColumns.join()}\r\n`)) return;
  throw new UserError(
    `${besides(out)}: expected no such file, or that of an earlier run, as the labels of ${basename(out)} go there; ` +
      "found another one. Choose another --out.",
  );
}

/** The table beside an array of embeddings. */
const besides = (out: string): string => out.replace(/npy$/, "csv");

/** Writes the embeddings of all bars at one layer; returns the process's exit code. */
export async function embedCommand(args: string[], cwd?: string): Promise<number> {
  const asked = embedOptions(args, cwd), { out, pooling, recipe, layer } = asked;
  await checkEmbeddingFile(out);
  return await withSongs(asked, async ({ model, corpus, folder, signal }) => {
    const bars = Array.from({ length: corpus.bars }, (_, bar) => bar), onProgress = meter("bars");
    const wanted = { poolings: [pooling], layers: [layer], folder, signal, onProgress };
    const { columns, layers: [source] } = await embedLayers(model!, corpus, bars, recipe, wanted);
    if (out.endsWith(".npy")) {
      const file = createNpy(out, bars.length, columns);
      try {
        for (const { x } of pieces(source, columns)) file.append(x);
        await writeFile(besides(out), barsAsCsv(corpus));
        file.finish();
      } finally {
        file.abandon();
      }
    } else {
      const metadata = { encoder: basename(asked.encoder), layer: String(layer), pooling };
      await exportParquet(corpus, out, { signal, more: [vectors("embedding", ascending(source, columns))], metadata });
    }
    console.log(`${out}: ${bars.length} bars × ${columns}, layer ${layer}, pooling ${pooling}`);
  });
}
