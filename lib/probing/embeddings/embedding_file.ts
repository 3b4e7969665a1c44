/**
 * Files of embeddings that other programs wrote: the vector of a bar at a layer, with the bar's song and index.
 *
 * - `x.parquet`: columns `song`, `bar`, `vector` (a list of floats; `embedding` is read too) and, of several layers,
 *   `layer`; a row a bar and layer, in any order.
 * - `x.npy` with `x.csv` beside it: rows × width, the CSV having `song`, `bar` and perhaps `layer` of each row; or
 *   bars × layers × width, the CSV having a row a bar.
 * - `x.safetensors` with `x.csv`: an array a layer, bars × width, whose name ends in the layer's number.
 *
 * All are read a piece at a time.
 * @module
 */
import { basename } from "node:path";
import { type CsvRow, csvTextOf, eachCsvRow } from "../../base/csv.ts";
import { UserError } from "../../base/user_error.ts";
import { openNpy } from "../../matrix/npy.ts";
import { arrayPieces, type StoredArray } from "../../matrix/rows.ts";
import { openSafetensors } from "../../matrix/safetensors.ts";
import type { EmbeddingFile, EmbeddingRows } from "./align.ts";
import { openParquet } from "./embedding_parquet.ts";

/** The song (a place in `names`), bar and layer of each row of the table beside an array. */
type Keys = { names: string[]; songs: Int32Array; bars: Float64Array; layers?: Float64Array };

/** A whole number from 0; pandas writes 3.0 where a column has gaps. */
const wholeNumber = (text: string | undefined): number | undefined => {
  const digits = /^(\d+)(\.0*)?$/.exec(text ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** Reads the table beside an array of so many rows; a {@link UserError} where it does not fit. */
async function readKeys(array: string, rows: number): Promise<Keys> {
  const path = array.replace(/\.\w+$/, ".csv");
  const bytes = await Deno.readFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError(`${path}: expected the song and bar of each row of ${basename(array)} there, found no file.`);
  });
  const text = csvTextOf(bytes, path), known = new Map<string, number>(), wrong: (string | undefined)[] = [];
  const songs = new Int32Array(rows), numbers = [1, 2].map(() => new Float64Array(rows)); // none is kept as text
  const what = ["a bar's index", "a layer's number"];
  let found = 0;
  const take = ({ line, values: [name = "", ...others] }: CsvRow) => {
    if (!known.has(name)) known.set(name, known.size);
    songs[found] = known.get(name)!;
    others.forEach((text, i) => {
      const value = wholeNumber(text);
      if (value !== undefined) numbers[i][found] = value;
      else wrong[i] ??= `${path}, line ${line}: expected ${what[i]} from 0, found ${text || "nothing"}.`;
    });
    found++;
  };
  const withLayer = eachCsvRow(text, ["song", "bar", "layer"], take);
  if (!withLayer && !eachCsvRow(text, ["song", "bar"], take)) {
    const found = text.split(/\r?\n/, 1)[0].slice(0, 200) || "nothing";
    throw new UserError(`${path}, line 1: expected the columns song and bar, found ${found}.`);
  }
  if (found !== rows) {
    throw new UserError(`${path}: expected ${rows} rows, as ${basename(array)} has, found ${found}.`);
  }
  const first = wrong.find((message) => message !== undefined);
  if (first !== undefined) throw new UserError(first);
  const [bars, layers] = numbers;
  const names: string[] = JSON.parse(JSON.stringify([...known.keys()])); // parts of the text would keep all of it
  return { names, songs, bars, ...(withLayer ? { layers } : {}) };
}

/** An array of a file with the layer that its rows are of, or the function that gives a row's bar and layer. */
type Layered = { array: StoredArray; at: (row: number) => { bar: number; layer: number | null } };

/** Rows of arrays whose first axis is that of `keys`. */
async function* arrayRows(arrays: readonly Layered[], keys: Keys, vectors: boolean): AsyncGenerator<EmbeddingRows> {
  for (const { array, at } of arrays) {
    const columns = array.shape.at(-1)!, total = array.shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const part = (first: number, rows: number, x?: Float32Array): EmbeddingRows => {
      const places = Array.from({ length: rows }, (_, i) => at(first + i));
      return {
        songs: places.map(({ bar }) => keys.names[keys.songs[bar]]),
        bars: places.map(({ bar }) => keys.bars[bar]),
        layers: places.map(({ layer }) => layer),
        vectors: x ? places.map((_, i) => x.subarray(i * columns, (i + 1) * columns)) : [],
      };
    };
    if (vectors) { for (const { first, rows, x } of arrayPieces(array)) yield part(first, rows, x); }
    else for (let first = 0; first < total; first += 10_000) yield part(first, Math.min(10_000, total - first));
  }
}

async function openArrays(path: string): Promise<EmbeddingFile["rows"]> {
  if (path.endsWith(".npy")) {
    const array = openNpy(path), { shape: [rows, layers], shape } = array;
    if (shape.length < 2 || shape.length > 3 || shape.includes(0)) {
      throw new UserError(`${path}: expected rows × width or bars × layers × width, found [${shape}].`);
    }
    const keys = await readKeys(path, rows);
    if (shape.length === 3 && keys.layers) {
      throw new UserError(`${path}: expected no column layer in its table, as it has an axis of layers, found one.`);
    }
    const at = shape.length === 3
      ? (row: number) => ({ bar: Math.floor(row / layers), layer: row % layers })
      : (row: number) => ({ bar: row, layer: keys.layers?.[row] ?? null });
    return ({ vectors }) => arrayRows([{ array, at }], keys, vectors);
  }
  const arrays = [...openSafetensors(path)];
  const layerOf = (name: string) => arrays.length === 1 ? null : wholeNumber(/\d+$/.exec(name)?.[0]);
  for (const [name, { shape }] of arrays) {
    if (shape.length !== 2 || shape.includes(0) || layerOf(name) === undefined) {
      const found = `${name} of shape [${shape}]`;
      throw new UserError(`${path}: expected arrays of bars × width, named by layer as layer.3, found ${found}.`);
    }
  }
  const rows = arrays[0]?.[1].shape[0] ?? 0, other = arrays.find(([, { shape }]) => shape[0] !== rows);
  if (arrays.length === 0) throw new UserError(`${path}: expected an array of floats for each layer, found none.`);
  if (other) {
    throw new UserError(`${path}: expected ${rows} bars in each layer, found ${other[1].shape[0]} in ${other[0]}.`);
  }
  const keys = await readKeys(path, rows);
  const all = arrays.map(([name, array]) => ({ array, at: (row: number) => ({ bar: row, layer: layerOf(name)! }) }));
  return ({ vectors }) => arrayRows(all, keys, vectors);
}

/**
 * Opens a file of embeddings.
 *
 * @throws {UserError} naming the file and what was expected of it; rows are checked as they are read
 */
export async function openEmbeddings(path: string): Promise<EmbeddingFile> {
  const [, model, ending] = /^(.*)\.(parquet|npy|safetensors)$/.exec(basename(path)) ?? [];
  if (!model) throw new UserError(`${path}: expected a file x.parquet, x.npy or x.safetensors of embeddings.`);
  if (!(await Deno.stat(path).catch(() => undefined))?.isFile) {
    throw new UserError(`${path}: expected a file of embeddings, found none.`);
  }
  return { path, model, rows: ending === "parquet" ? await openParquet(path) : await openArrays(path) };
}
