/**
 * The results table on disk: one number a row, as JSON lines, CSV and Parquet, and the resamplings behind intervals.
 * @module
 */
import { type BasicType, parquetWriteBuffer } from "hyparquet-writer";
import { csvText } from "../base/csv.ts";
import { writeFile } from "../base/files.ts";
import { UserError } from "../base/user_error.ts";
import { majorityLine, type ProbeRow, tokenCountLine, untrainedLine } from "./rows.ts";
import { readSafetensors, writeSafetensors } from "../matrix/safetensors.ts";

/** Columns of the results table in order, with their types in Parquet; `n` are the bars that were scored. */
const columnTypes = {
  ...{ model: "STRING", input: "STRING", seed: "INT32", layers: "STRING", layer: "INT32", pooling: "STRING" },
  ...{ labels: "STRING", task: "STRING", metric: "STRING", protocol: "STRING", split: "STRING", draw: "INT32" },
  ...{ value: "DOUBLE", low: "DOUBLE", high: "DOUBLE", std: "DOUBLE", n: "INT32", songs: "INT32" },
  ...{ alpha: "DOUBLE", threshold: "DOUBLE", skippedClasses: "INT32", k: "INT32" },
} satisfies Record<string, BasicType>;

/** A line of the results table. */
export type Result = Record<keyof typeof columnTypes, string | number | null>;

/** Columns of the results table, in order. */
const resultColumns = Object.keys(columnTypes) as (keyof Result)[];

/** Rows as the table has them; a score that is not defined is null. */
export function toResults(rows: readonly ProbeRow<string>[]): Result[] {
  return rows.map((row) => {
    const all: Record<string, unknown> = { ...row, n: row.rows };
    return Object.fromEntries(resultColumns.map((name) => {
      const value = all[name] as string | number | null;
      return [name, typeof value === "number" && !Number.isFinite(value) ? null : value];
    })) as Result;
  });
}

/** Values as CSV (RFC 4180, lines end in CRLF); null is empty. */
export function toCsv(rows: readonly object[], columns: readonly string[]): string {
  const lines = rows.map((row) => columns.map((name) => String((row as Record<string, unknown>)[name] ?? "")));
  return [[...columns], ...lines].map((fields) => csvText([fields]).replace(/\n$/, "\r\n")).join("");
}

/** Writes the results table to `${path}.jsonl`, `.csv` and `.parquet`; a {@link UserError} if a file cannot be. */
export async function writeResults(path: string, rows: readonly ProbeRow<string>[]): Promise<void> {
  const results = toResults(rows);
  const columnOf = (name: keyof Result) => ({ name, type: columnTypes[name], data: results.map((row) => row[name]) });
  const columnData = resultColumns.map((name) => ({ ...columnOf(name), nullable: true }));
  await writeFile(`${path}.jsonl`, results.map((result) => JSON.stringify(result) + "\n").join(""));
  await writeFile(`${path}.csv`, toCsv(results, resultColumns));
  await writeFile(`${path}.parquet`, new Uint8Array(parquetWriteBuffer({ columnData, codec: "UNCOMPRESSED" })));
}

/** What the models of older tables, which lack the column `input`, read; those not named here were trained. */
const olderInputs = new Map([untrainedLine, tokenCountLine, majorityLine].map(({ model, input }) => [model, input]));

/** A row as JSON kept it: scores that are not defined are NaN again, and what older tables lack is filled in. */
const revived = (row: ProbeRow): ProbeRow => ({
  ...row,
  input: row.input ?? olderInputs.get(row.model) ?? "trained",
  value: row.value ?? NaN,
});

/** The rows of a results table (`results.jsonl`). */
export function parseResults(text: string): ProbeRow[] {
  const rows = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return rows.map(({ n, ...row }) => revived({ ...row, rows: n }));
}

/** Steps on either side of a row's score that its resamplings are rounded to. */
const STEPS = 127;

/**
 * A row's resamplings in whole steps from its score, −127 to 127; NaN is −128. The step, a power of two, is the least that
 * reaches the farthest resampling: about a thirtieth of the score's standard error.
 */
export type Steps = { step: number; counts: Int8Array };

/** Resamplings in steps from a score; undefined if the score is not defined. */
export function toSteps(value: number, replicates: ArrayLike<number>): Steps | undefined {
  if (!Number.isFinite(value)) return undefined;
  let far = 0;
  for (let b = 0; b < replicates.length; b++) far = Math.max(far, Math.abs(replicates[b] - value) || 0);
  const step = far === 0 ? 1 : 2 ** Math.ceil(Math.log2(far / (STEPS + 0.5)));
  const count = (replicate: number) => Number.isNaN(replicate) ? -STEPS - 1 : Math.round((replicate - value) / step);
  return { step, counts: Int8Array.from(replicates, count) };
}

/** The resamplings that {@link toSteps} rounded. */
export const fromSteps = (value: number, { step, counts }: Steps): Float64Array =>
  Float64Array.from(counts, (count) => count < -STEPS ? NaN : value + step * count);

/** The name of a row's resamplings. */
const replicateName = ({ model, seed, layer, layers, pooling, labels, task, protocol, metric }: ProbeRow): string =>
  [model, seed, layers, layer ?? "", pooling, labels, task, protocol, metric].join("/");

/** Writes the resamplings of rows that have any. */
export async function storeReplicates(path: string, rows: readonly ProbeRow[]): Promise<void> {
  const tensors = rows.flatMap((row): [string, { shape: number[]; data: Float32Array }][] =>
    row.replicates
      ? [[replicateName(row), { shape: [row.replicates.length], data: Float32Array.from(row.replicates) }]]
      : []
  );
  await writeFile(path, writeSafetensors(new Map(tensors), { what: "scores of each resampling of the test songs" }));
}

/**
 * Rows as JSON kept them, with their resamplings again, rounded by {@link toSteps} so that a table is the same wherever
 * they were kept; a {@link UserError} if their file is not there.
 */
export async function loadReplicates(path: string, rows: readonly ProbeRow[]): Promise<ProbeRow[]> {
  const tensors = readSafetensors(
    await Deno.readFile(path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new UserError(
        `${path}: expected the probes' resamplings, found no such file. Copy it from where the run came from, or name ` +
          "another run (STUDY=name).",
      );
    }),
  );
  return rows.map((row) => {
    const stored = row.split === "test" && row.draw === null ? tensors.get(replicateName(row)) : undefined;
    const whole = revived(row), steps = stored && toSteps(whole.value, stored.data as Float32Array);
    return steps ? { ...whole, replicates: fromSteps(whole.value, steps) } : whole;
  });
}
