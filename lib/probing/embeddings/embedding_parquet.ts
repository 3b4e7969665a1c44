/**
 * Embeddings in a Parquet file, read by `hyparquet` a group of rows at a time.
 * @module
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { type Compressors, type FileMetaData, parquetMetadataAsync, parquetRead } from "hyparquet";
import { readAt } from "../../base/files.ts";
import { UserError } from "../../base/user_error.ts";
import type { EmbeddingFile } from "./align.ts";

/** Most bytes of a group's vectors: they are in memory at once, as numbers of eight bytes. */
const GROUP_BYTES = 2 ** 29;

const compressors: Compressors = {
  ZSTD: (bytes) => new Uint8Array(zstdDecompressSync(bytes)),
  GZIP: (bytes) => new Uint8Array(gunzipSync(bytes)),
  BROTLI: (bytes) => new Uint8Array(brotliDecompressSync(bytes)),
};

/** A file as hyparquet reads it. */
function openBuffer(
  path: string,
): { byteLength: number; slice(from: number, to?: number): ArrayBuffer; close(): void } {
  const fd = openSync(path, "r"), byteLength = fstatSync(fd).size;
  return {
    byteLength,
    slice: (from, to = byteLength) => {
      const start = from < 0 ? byteLength + from : from;
      return readAt(fd, new Uint8Array(Math.max(0, to - start)), start).buffer;
    },
    close: () => closeSync(fd),
  };
}

/** What the file's columns are called, by what they hold; vectors may be called embeddings, and a layer may lack. */
function columnNames(path: string, { row_groups: groups, schema }: FileMetaData) {
  const names = [
    ...new Set(groups.flatMap(({ columns }) => columns.map(({ meta_data }) => meta_data?.path_in_schema[0]))),
  ];
  const has = (name: string) => names.includes(name) ? name : undefined;
  const song = has("song"), bar = has("bar"), vector = has("vector") ?? has("embedding");
  if (song && bar && vector) return { song, bar, vector, layer: has("layer") };
  const found = names.length > 0 ? names.join(", ") : schema.slice(1).map(({ name }) => name).join(", ") || "none";
  throw new UserError(`${path}: expected the columns song, bar, layer and vector, found ${found}.`);
}

/** Whole numbers from 0 of a column, 64-bit ones too. */
function wholeNumbers(values: readonly unknown[], what: string, path: string, first: number): number[] {
  return values.map((value, i) => {
    const number = typeof value === "bigint" || typeof value === "number" ? Number(value) : NaN;
    if (Number.isSafeInteger(number) && number >= 0) return number;
    const found = value === null || value === undefined ? "none" : `${value} (${typeof value})`;
    throw new UserError(`${path}, row ${first + i}: expected ${what}, a whole number from 0, found ${found}.`);
  });
}

/** How the rows of a Parquet file of embeddings are read; a {@link UserError} if it is none. */
export async function openParquet(path: string): Promise<EmbeddingFile["rows"]> {
  const file = openBuffer(path);
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(file);
  } catch (error) {
    throw new UserError(`${path}: expected a Parquet file, found none that can be read (${(error as Error).message}).`);
  } finally {
    file.close();
  }
  const names = columnNames(path, metadata);
  const bytesOf = (group: FileMetaData["row_groups"][number]) =>
    Number(
      group.columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === names.vector)?.meta_data
        ?.total_uncompressed_size ?? 0,
    );
  const largest = Math.max(0, ...metadata.row_groups.map(bytesOf));
  if (largest > GROUP_BYTES) {
    const found = `a group of ${(largest / 2 ** 20).toFixed(0)} MiB of them`;
    throw new UserError(
      `${path}: expected at most ${
        GROUP_BYTES / 2 ** 20
      } MiB of vectors in a group of rows, since a group is in memory ` +
        `at once, found ${found}. Write it with row_group_size=10000.`,
    );
  }
  return async function* ({ vectors }) {
    const file = openBuffer(path);
    try {
      let first = 0;
      for (const { num_rows } of metadata.row_groups) {
        const rows = Number(num_rows), read: Record<string, unknown[]> = {};
        const columns = [names.song, names.bar, ...names.layer ? [names.layer] : [], ...vectors ? [names.vector] : []];
        await parquetRead({
          ...{ file, metadata, compressors, columns, rowStart: first, rowEnd: first + rows },
          onChunk: ({ columnName, columnData }) => {
            const all = read[columnName] ??= [];
            for (let i = 0; i < columnData.length; i++) all.push(columnData[i]);
          },
        }).catch((error) => {
          throw new UserError(`${path}: its rows from ${first} on cannot be read (${error.message}).`, {
            cause: error,
          });
        });
        const songs = (read[names.song] ?? []).map((song, i) => {
          if (typeof song === "string") return song;
          throw new UserError(`${path}, row ${first + i}: expected a song's name, found ${song ?? "none"}.`);
        });
        const listed = vectors ? read[names.vector] ?? [] : [];
        const bad = listed.findIndex((vector) => !Array.isArray(vector) && !ArrayBuffer.isView(vector));
        if (bad >= 0) {
          throw new UserError(
            `${path}, row ${first + bad}: expected a vector, a list of floats, found ${listed[bad]}.`,
          );
        }
        yield {
          songs,
          bars: wholeNumbers(read[names.bar] ?? [], "a bar's index", path, first),
          layers: names.layer ? wholeNumbers(read[names.layer] ?? [], "a layer", path, first) : songs.map(() => null),
          vectors: listed as ArrayLike<number>[],
        };
        first += rows;
      }
    } finally {
      file.close();
    }
  };
}
