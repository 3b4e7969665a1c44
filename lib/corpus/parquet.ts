/**
 * A store as a Parquet file, for pyarrow, Hugging Face `datasets`, DuckDB and the like.
 *
 * `hyparquet-writer` writes it, a group of rows at a time, with zstd of `node:zlib`: pure JavaScript, released within
 * weeks, read back by pyarrow in the bench environment.
 * @module
 */
import { constants, zstdCompressSync } from "node:zlib";
import type { KeyValue } from "hyparquet";
import { replaceFile } from "../base/files.ts";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { chordNames } from "../tokens/chords.ts";
import { tempoBins } from "../tokens/vocabulary.ts";
import type { Corpus } from "./store.ts";

type Values = ArrayLike<unknown> & Iterable<unknown>;

/** A node of Parquet's schema tree, as far as columns here use it; names are the format's own. */
export interface SchemaElement {
  /** Name of the column, or of a list's inner node. */
  name: string;
  /** Physical type; none for a node that has children. */
  type?: "INT32" | "FLOAT" | "DOUBLE" | "BYTE_ARRAY";
  /** Once, at most once, or any number of times in its parent. */
  repetition_type: "REQUIRED" | "OPTIONAL" | "REPEATED";
  /** How readers shall take the physical type. */
  converted_type?: "UTF8" | "LIST" | "UINT_8" | "UINT_16" | "UINT_32";
  /** Nodes below it, which follow it in the list. */
  num_children?: number;
}

/** A column: its schema, and what a bar holds in it; bars are asked for in order. */
export interface Column {
  /** Its heading in the file. */
  name: string;
  /** Its nodes from the root down: one for plain values, three for a list. */
  schema: SchemaElement[];
  /** The value of a bar, by the bar's index in the corpus; undefined where it has none and the column is optional. */
  of(bar: number): unknown;
}

const REQUIRED = "REQUIRED" as const, OPTIONAL = "OPTIONAL" as const;
// The converted type alone: hyparquet-writer 0.17 writes a logical INTEGER's bit width as i32, and pyarrow refuses it.
const unsigned = (name: string, bits: 8 | 16 | 32): SchemaElement => ({
  name,
  type: "INT32",
  repetition_type: REQUIRED,
  converted_type: `UINT_${bits}`,
});
const text = (name: string): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  repetition_type: REQUIRED,
  converted_type: "UTF8",
});
const list = (name: string, element: SchemaElement): SchemaElement[] => [
  { name, repetition_type: REQUIRED, converted_type: "LIST", num_children: 1 },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { ...element, name: "element" },
];

/** Columns of a store; labels as in `BarLabels`, chords by name and the tempo in bpm. */
function columnsOf(corpus: Corpus): Column[] {
  const song = (bar: number) => corpus.songs[corpus.song(bar)];
  const mean = (name: string, key: "meanVelocity" | "meanDuration" | "meanDurationQuarters"): Column => ({
    name,
    schema: [{ name, type: "DOUBLE", repetition_type: OPTIONAL }],
    of: (bar) => corpus.labels(bar)[key] ?? undefined,
  });
  const plain = (element: SchemaElement, of: Column["of"]): Column => ({ name: element.name, schema: [element], of });
  const many = (element: SchemaElement, of: Column["of"]): Column => ({
    name: element.name,
    schema: list(element.name, element),
    of,
  });
  return [
    plain(text("song"), (bar) => song(bar).file),
    plain(text("split"), (bar) => song(bar).split),
    plain(unsigned("cluster", 32), (bar) => song(bar).cluster),
    plain(unsigned("bar", 32), (bar) => corpus.barIndex(bar)),
    many(unsigned("tokens", 16), (bar) => Array.from(corpus.tokens(bar))),
    many(text("chords"), (bar) => corpus.labels(bar).chords.map((chord) => chordNames[chord])),
    many(unsigned("groove", 8), (bar) => corpus.labels(bar).groove),
    many(unsigned("instruments", 8), (bar) => corpus.labels(bar).instruments),
    plain(unsigned("tempo", 16), (bar) => tempoBins[corpus.labels(bar).tempoBin]),
    mean("mean_velocity", "meanVelocity"),
    mean("mean_duration", "meanDuration"),
    mean("mean_duration_quarters", "meanDurationQuarters"),
  ];
}

/** A column of numbers of one length, such as embeddings. */
export const vectors = (name: string, of: (bar: number) => Float32Array): Column => ({
  name,
  schema: list(name, { name: "element", type: "FLOAT", repetition_type: REQUIRED }),
  of: (bar) => Array.from(of(bar)),
});

/** Rows that are in memory at a time. */
const ROWS = 10_000;

/**
 * Writes a store as one Parquet file: a row a bar, with song, split, cluster of near-duplicates, index in the song,
 * tokens (`list<uint16>`) and labels; the recipe is in the key-value metadata. Whole or absent, memory stays bounded.
 *
 * @example
 * ```ts
 * import { buildCorpus } from "./build.ts";
 * import { openCorpus } from "./store_reader.ts";
 * import { exportParquet } from "@lib/corpus/parquet.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assert } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await buildCorpus("tests/golden/bars", dir, recipe("sound", "demo"));
 * await exportParquet(await openCorpus(dir), `${dir}/bars.parquet`);
 * assert((await Deno.stat(`${dir}/bars.parquet`)).size > 0);
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function exportParquet(
  corpus: Corpus,
  path: string,
  { signal, onProgress, more = [], metadata = {} }: {
    signal?: AbortSignal;
    onProgress?: (done: number, total: number) => void;
    /** Columns beside the store's. */
    more?: Column[];
    /** Names and values beside the recipe. */
    metadata?: Record<string, string>;
  } = {},
): Promise<void> {
  const columns = [...columnsOf(corpus), ...more];
  const kvMetadata: KeyValue[] = [
    { key: "recipe", value: JSON.stringify(corpus.recipe) },
    ...Object.entries(metadata).map(([key, value]) => ({ key, value })),
  ];
  await replaceFile(path, async (temporary) => {
    const writer = new ParquetWriter({
      writer: fileWriter(temporary),
      schema: [{ name: "root", num_children: columns.length }, ...columns.flatMap(({ schema }) => schema)],
      codec: "ZSTD",
      compressors: {
        ZSTD: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 6 } }),
      },
      kvMetadata,
    });
    for (let from = 0; from < corpus.bars; from += ROWS) {
      signal?.throwIfAborted();
      const rows = Math.min(ROWS, corpus.bars - from);
      const columnData = columns.map(({ name, of }) => ({
        name,
        data: Array.from({ length: rows }, (_, i) => of(from + i)) as unknown[] & Values,
      }));
      await writer.write({ columnData, rowGroupSize: ROWS });
      onProgress?.(from + rows, corpus.bars);
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets the notebook's kernel answer
    }
    await writer.finish();
  });
}
