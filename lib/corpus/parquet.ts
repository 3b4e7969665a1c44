/**
 * A store as a Parquet file, for pyarrow, Hugging Face `datasets`, DuckDB and the like.
 *
 * `hyparquet-writer` writes it, a group of rows at a time, with zstd of `node:zlib`; pyarrow reads it back.
 * @module
 */
import { constants, zstdCompressSync } from "node:zlib";
import type { SchemaElement } from "hyparquet";
import { replaceFile } from "../base/files.ts";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { chordNames } from "../tokens/chords.ts";
import { tempoBins } from "../tokens/vocabulary.ts";
import type { Corpus } from "./store.ts";

/** A column: its nodes from the root down, and each bar's value in it; undefined where an optional one has none. */
export type Column = { name: string; schema: SchemaElement[]; of(bar: number): unknown };

const REQUIRED = { repetition_type: "REQUIRED" } as const;
// The converted type alone: hyparquet-writer 0.17 writes a logical INTEGER's bit width as i32, and pyarrow refuses it.
const unsigned = (bits: 8 | 16 | 32) => ({ type: "INT32", ...REQUIRED, converted_type: `UINT_${bits}` } as const);
const text = { type: "BYTE_ARRAY", ...REQUIRED, converted_type: "UTF8" } as const;

type Leaf = Omit<SchemaElement, "name">;
const one = (name: string, leaf: Leaf, of: Column["of"]): Column => ({ name, schema: [{ name, ...leaf }], of });
const many = (name: string, leaf: Leaf, of: Column["of"]): Column => ({
  name,
  schema: [
    { name, ...REQUIRED, converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", ...leaf },
  ],
  of,
});

/** Columns of a store; labels as in `BarLabels`, chords by name and the tempo in bpm. */
function columnsOf(corpus: Corpus): Column[] {
  const song = (bar: number) => corpus.songs[corpus.song(bar)];
  const mean = (name: string, key: "meanVelocity" | "meanDuration" | "meanDurationQuarters") =>
    one(name, { type: "DOUBLE", repetition_type: "OPTIONAL" }, (bar) => corpus.labels(bar)[key] ?? undefined);
  return [
    one("song", text, (bar) => song(bar).file),
    one("split", text, (bar) => song(bar).split),
    one("cluster", unsigned(32), (bar) => song(bar).cluster),
    one("bar", unsigned(32), (bar) => corpus.barIndex(bar)),
    many("tokens", unsigned(16), (bar) => Array.from(corpus.tokens(bar))),
    many("chords", text, (bar) => corpus.labels(bar).chords.map((chord) => chordNames[chord])),
    many("groove", unsigned(8), (bar) => corpus.labels(bar).groove),
    many("instruments", unsigned(8), (bar) => corpus.labels(bar).instruments),
    one("tempo", unsigned(16), (bar) => tempoBins[corpus.labels(bar).tempoBin]),
    mean("mean_velocity", "meanVelocity"),
    mean("mean_duration", "meanDuration"),
    mean("mean_duration_quarters", "meanDurationQuarters"),
  ];
}

/** A column of numbers of one length, such as embeddings. */
export const vectors = (name: string, of: (bar: number) => Float32Array): Column =>
  many(name, { type: "FLOAT", ...REQUIRED }, (bar) => Array.from(of(bar)));

/** A column of lists of whole numbers from 0. */
export const wholeLists = (name: string, bits: 8 | 16, of: (bar: number) => number[]): Column =>
  many(name, unsigned(bits), of);

/** A column of text. */
export const texts = (name: string, of: (bar: number) => string): Column => one(name, text, of);

const ROWS = 10_000; // in memory at a time

/**
 * Writes a store as one Parquet file: a row a bar, with song, split, cluster of near-duplicates, index in the song,
 * tokens (`list<uint16>`), labels and `more` columns; of all bars or of `bars`. The recipe and `metadata` are in the
 * key-value metadata. The file is
 * whole or absent, and memory stays bounded.
 */
export async function exportParquet(
  corpus: Corpus,
  path: string,
  { bars, signal, onProgress, more = [], metadata = {} }: {
    bars?: ArrayLike<number>;
    signal?: AbortSignal;
    onProgress?: (done: number, total: number) => void;
    more?: Column[];
    metadata?: Record<string, string>;
  } = {},
): Promise<void> {
  const columns = [...columnsOf(corpus), ...more];
  const named = Object.entries({ recipe: JSON.stringify(corpus.recipe), ...metadata });
  await replaceFile(path, async (temporary) => {
    const writer = new ParquetWriter({
      writer: fileWriter(temporary),
      schema: [{ name: "root", num_children: columns.length }, ...columns.flatMap(({ schema }) => schema)],
      codec: "ZSTD",
      compressors: { ZSTD: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 6 } }) },
      kvMetadata: named.map(([key, value]) => ({ key, value })),
    });
    const total = bars?.length ?? corpus.bars;
    for (let from = 0; from < total; from += ROWS) {
      signal?.throwIfAborted();
      const rows = Math.min(ROWS, total - from);
      const columnData = columns.map(({ name, of }) => ({
        name,
        data: Array.from({ length: rows }, (_, i) => of(bars?.[from + i] ?? from + i)),
      }));
      await writer.write({ columnData, rowGroupSize: ROWS });
      onProgress?.(from + rows, total);
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets the notebook's kernel answer
    }
    await writer.finish();
  });
}
