/**
 * The results table on disk: one number a row, as JSON lines, CSV and Parquet, and the resamplings behind intervals.
 * @module
 */
import { parquetWriteBuffer } from "hyparquet-writer";
import { writeFile } from "../base/files.ts";
import { majorityLine, type ProbeInput, type ProbeRow, tokenCountLine, untrainedLine } from "./rows.ts";
import { readSafetensors, writeSafetensors } from "../matrix/safetensors.ts";

/** Columns of the results table, in order; `n` are the bars that were scored. */
export const resultColumns = [
  "model",
  "input",
  "seed",
  "layers",
  "layer",
  "pooling",
  "labels",
  "task",
  "metric",
  "protocol",
  "split",
  "draw",
  "value",
  "low",
  "high",
  "std",
  "n",
  "songs",
  "alpha",
  "threshold",
  "skippedClasses",
  "k",
] as const;

/** A line of the results table. */
export type Result = Record<typeof resultColumns[number], string | number | null>;

/** Rows as the table holds them; what is not a number (a score that is not defined) is null. */
export function toResults(rows: readonly ProbeRow[]): Result[] {
  return rows.map((row) => {
    const held: Record<string, unknown> = { ...row, n: row.rows };
    return Object.fromEntries(resultColumns.map((name) => {
      const value = held[name] as string | number | null;
      return [name, typeof value === "number" && !Number.isFinite(value) ? null : value];
    })) as Result;
  });
}

/** Values as CSV (RFC 4180): fields with a comma, a quote or a line break are quoted, null is empty. */
export function toCsv(rows: readonly object[], columns: readonly string[]): string {
  const field = (value: unknown): string => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows.map((row) => columns.map((name) => (row as Record<string, unknown>)[name]))]
    .map((line) => line.map(field).join(",") + "\r\n").join("");
}

const texts = new Set(["model", "input", "layers", "pooling", "labels", "task", "metric", "protocol", "split"]);
const wholes = new Set(["seed", "layer", "draw", "n", "songs", "skippedClasses", "k"]);

/** Results as the bytes of a Parquet file. */
export function toParquet(results: readonly Result[]): Uint8Array {
  const columnData = resultColumns.map((name) => ({
    name,
    data: results.map((result) => result[name]),
    type: texts.has(name) ? "STRING" as const : wholes.has(name) ? "INT32" as const : "DOUBLE" as const,
    nullable: true,
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData, codec: "UNCOMPRESSED" }));
}

/**
 * Writes the results table to `${path}.jsonl`, `.csv` and `.parquet`.
 *
 * @throws {Error} if a file cannot be written.
 */
export async function writeResults(path: string, rows: readonly ProbeRow[]): Promise<void> {
  const results = toResults(rows);
  await writeFile(`${path}.jsonl`, results.map((result) => JSON.stringify(result) + "\n").join(""));
  await writeFile(`${path}.csv`, toCsv(results, resultColumns));
  await writeFile(`${path}.parquet`, toParquet(results));
}

/** What the models of older tables, which lack the column `input`, read; those not named here were trained. */
const olderInputs: Record<string, ProbeInput> = {
  [untrainedLine.model]: untrainedLine.input,
  [tokenCountLine.model]: tokenCountLine.input,
  [majorityLine.model]: majorityLine.input,
};

/** A row as JSON kept it: scores that are not defined are NaN again, and what older tables lack is filled in. */
const revived = (row: ProbeRow): ProbeRow => ({
  ...row,
  input: row.input ?? olderInputs[row.model] ?? "trained",
  value: row.value ?? NaN,
});

/** The rows of a results table (`results.jsonl`). */
export function parseResults(text: string): ProbeRow[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const { n, ...row } = JSON.parse(line);
    return revived({ ...row, rows: n });
  });
}

/** The name of a row's resamplings; the same for all metrics and splits of it, since only one of them has any. */
const replicateName = ({ model, seed, layer, layers, pooling, labels, task, protocol }: ProbeRow): string =>
  [model, seed, layers, layer ?? "", pooling, labels, task, protocol].join("/");

/** Writes the resamplings of rows that have any. */
export async function storeReplicates(path: string, rows: readonly ProbeRow[]): Promise<void> {
  const tensors = rows.flatMap((row): [string, { shape: number[]; data: Float32Array }][] =>
    row.replicates
      ? [[`${replicateName(row)}/${row.metric}`, { shape: [row.replicates.length], data: row.replicates }]]
      : []
  );
  await writeFile(path, writeSafetensors(new Map(tensors), { what: "scores of each resampling of the test songs" }));
}

/**
 * Rows with their resamplings again; a score that JSON could not hold, for not being defined, is NaN again.
 *
 * @throws {Error} saying what to do if the file is not there.
 */
export async function loadReplicates(path: string, rows: readonly ProbeRow[]): Promise<ProbeRow[]> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`The probes' resamplings were expected at ${path} and are not there; probe again (--fresh).`);
  }
  const tensors = readSafetensors(bytes);
  return rows.map((row) => {
    const found = row.split === "test" && row.draw === null
      ? tensors.get(`${replicateName(row)}/${row.metric}`)
      : undefined;
    return found ? { ...revived(row), replicates: found.data as Float32Array } : revived(row);
  });
}
